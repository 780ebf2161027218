package train_test

import (
	"context"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// slow is a Planner that takes a time, whatever it is given, and notes what that is.
type slow struct {
	safex.Planner
	takes time.Duration
	given *[]time.Duration // until the deadline; 0 without one
}

func (p slow) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	left := time.Duration(0)
	if at, ok := ctx.Deadline(); ok {
		left = time.Until(at)
	}
	*p.given = append(*p.given, left)
	time.Sleep(p.takes)
	return p.Planner.Plan(ctx, q, src)
}

// realtime is an agent of the cart in periods of 20 ms, whose plans take a time.
func realtime(t *testing.T, takes time.Duration) (train.Agent, *[]time.Duration) {
	task := cart()
	task.Dt = 0.02
	a, _ := agent(t, task)
	given := &[]time.Duration{}
	a.Planner, a.Realtime = slow{a.Planner, takes, given}, true
	return a, given
}

// In real time no action comes before a period is over, each plan but the first of an episode has until then at most, and nobody misses what is
// ready.
func TestRealtime(t *testing.T) {
	a, given := realtime(t, 0)
	began := time.Now()
	episodes := all(t, a, 2)
	took := time.Since(began)
	if least := time.Duration((9 + 19 + 19) * 20 * float64(time.Millisecond)); took < least {
		t.Errorf("it took %v, want at least %v", took, least)
	}
	for i, left := range *given {
		if first := i%a.System.Steps == 0; first != (left == 0) || left > 20*time.Millisecond {
			t.Errorf("plan %d had %v", i, left)
		}
	}
	for _, e := range episodes[1:] {
		for step, f := range e.Forecasts {
			if f.Jitter < 0 || f.Missed && f.Jitter < 1 {
				t.Errorf("step %d: jitter %v ms, missed %v", step, f.Jitter, f.Missed)
			}
		}
	}
}

// Plans that take longer than a period are late, all but the first of an episode, which sets the clock, and the run goes on.
func TestRealtimeMissed(t *testing.T) {
	a, _ := realtime(t, 30*time.Millisecond)
	for _, e := range all(t, a, 2)[1:] {
		for step, f := range e.Forecasts {
			if f.Missed != (step > 0) || f.Missed && f.Jitter < 9 {
				t.Errorf("step %d: missed %v, jitter %v ms", step, f.Missed, f.Jitter)
			}
		}
	}
}
