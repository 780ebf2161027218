package plantest

import (
	"context"
	"errors"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// late is a context that is over by a deadline when it is cancelled.
type late struct{ context.Context }

// Err implements context.Context.
func (l late) Err() error {
	if l.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// deadline checks what a planner answers whose deadline comes before it begins, or while a rollout goes on: a plan that is whole, or
// none, and the context's error if it would have gone on. No plan is called feasible whose worst error was not looked for.
func deadline(t *testing.T, p safex.Planner, laws Laws, ask func(*testing.T, *belief, ...float64) safex.Query) {
	b := &belief{sigma: sigma}
	q := ask(t, b, 0.5, 0)
	last, err := p.Plan(context.Background(), q, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	whole(t, last, q)
	for _, last := range []*safex.Plan{nil, last} {
		rolls := b.rolls // of a whole plan
		for n := 0; n < rolls; n += 1 + n/4 {
			ctx, cancel := context.WithCancel(context.Background())
			if n == 0 {
				cancel()
			}
			q := ask(t, &belief{sigma: sigma, before: func(rolls int) {
				if rolls == n {
					cancel()
				}
			}}, 0.5, 0)
			q.Previous = last
			a, err := p.Plan(late{ctx}, q, rng.New(1))
			cancel()
			if a == nil && err == nil || err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("its deadline comes in roll %d of %d: plan %v, error %v", n+1, rolls, a, err)
			}
			if a != nil {
				whole(t, a, q)
				honest(t, a, q, laws)
			}
		}
	}
}

// honest checks that a planner that defends a box calls no plan feasible that an error of the box breaks by more than twice what its
// adversary may miss: one that was ended early misses more.
func honest(t *testing.T, a *safex.Plan, q safex.Query, laws Laws) {
	t.Helper()
	if laws.Wider == nil || !a.Feasible {
		return
	}
	x, most := q.State[0], q.State[0]
	for i, u := range a.Actions {
		x += gainX * u[0]
		most = max(most, x+float64(i+1)*a.Beta*sigma)
	}
	if a.Eta == nil || most > 1+0.5*2*laws.Slack+1e-9 {
		t.Errorf("it calls a plan feasible that goes to %v at worst; attacked: %v", most, a.Eta != nil)
	}
}
