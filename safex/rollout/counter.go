package rollout

import (
	"context"
	"sync/atomic"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Counter counts what a Rollout evaluates: a step of a candidate is one evaluation, and one more if its gradient is asked for. It
// is as safe for concurrent use as the Rollout.
type Counter struct {
	safex.Rollout
	Actions     int          // dimensions
	Evaluations atomic.Int64 // so far
}

// Roll implements safex.Rollout.
func (c *Counter) Roll(ctx context.Context, dst *safex.Rolled, in safex.Candidates, up *safex.Scalarisation) error {
	n := in.Actions.Len() * (len(in.Actions) / c.Actions)
	if up != nil {
		n *= 2
	}
	c.Evaluations.Add(int64(n))
	return c.Rollout.Roll(ctx, dst, in, up)
}
