package safex

import (
	"context"
	"testing"
	"time"
)

// A deadline that has passed is over at once and for good, one that has not is open until it is cancelled, and one of a parent that
// is over is over as the parent is.
func TestWithDeadline(t *testing.T) {
	past, stop := WithDeadline(context.Background(), time.Now().Add(-time.Second))
	for range 2 {
		if err := past.Err(); err != context.DeadlineExceeded {
			t.Errorf("after its end it says %v", err)
		}
		stop()
	}
	ctx, cancel := WithDeadline(context.Background(), time.Now().Add(time.Hour))
	if end, ok := ctx.Deadline(); ctx.Err() != nil || !ok || time.Until(end) < 59*time.Minute {
		t.Errorf("an hour before its end it says %v, and ends at %v", ctx.Err(), end)
	}
	child, stop := context.WithCancel(ctx)
	defer stop()
	cancel()
	<-child.Done()
	for _, c := range []context.Context{ctx, child} {
		if c.Err() != context.Canceled {
			t.Errorf("cancelled, it says %v", c.Err())
		}
	}
	late, stop := WithDeadline(ctx, time.Now().Add(-time.Second))
	defer stop()
	if late.Err() != context.Canceled {
		t.Errorf("of a parent that was cancelled before, it says %v", late.Err())
	}
}

// The clock counts, not the timer: Err is over while Done is not, and stays so when what is below it is cancelled.
func TestDeadlineByTheClock(t *testing.T) {
	below, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &clocked{Context: below, end: time.Now()}
	for range 2 {
		if err := c.Err(); err != context.DeadlineExceeded {
			t.Errorf("at its end it says %v", err)
		}
		cancel()
	}
}
