package safex

import (
	"context"
	"sync/atomic"
	"time"
)

// WithDeadline is context.WithDeadline with an Err that looks at the clock: it tells that d has passed as soon as it has. A timer alone
// tells it when a core has time for that, and a plan that keeps all cores busy leaves none for up to 20 ms. Done is as late as the timer.
func WithDeadline(parent context.Context, d time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(parent, d)
	return &clocked{Context: ctx, end: d}, cancel
}

// clocked is a context that is over at end.
type clocked struct {
	context.Context
	end  time.Time
	over atomic.Bool // Err has said that end has passed, and stays with it
}

// Err implements context.Context.
func (c *clocked) Err() error {
	if !c.over.Load() {
		if err := c.Context.Err(); err != nil || time.Now().Before(c.end) {
			return err
		}
		c.over.Store(true)
	}
	return context.DeadlineExceeded
}
