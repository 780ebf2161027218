package plan_test

import (
	"context"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A search of the problem finds what the planner that believes the mean finds by the same search, from nothing and from the plan before.
func TestProblem(t *testing.T) {
	q, err := learned()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for range 2 {
		p, src := plan.DefaultSafe(), rng.New(3)
		want, err := p.Plan(ctx, q, src)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Search.Minimize(ctx, plan.Problem(ctx, q, p.Horizon, p.Objective), src.Child("actions"))
		if err != nil {
			t.Fatal(err)
		}
		for step, u := range want.Actions {
			if got.X[step] != u[0] {
				t.Fatalf("action %d is %v, that of the planner %v", step, got.X[step], u[0])
			}
		}
		if least := -want.Expected.Return() / float64(p.Horizon); !want.Feasible || got.F-least > 1e-12 || least-got.F > 1e-12 {
			t.Errorf("it costs %v, want %v", got.F, least)
		}
		q.Previous = want
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := opt.DefaultICEM().Minimize(ctx, plan.Problem(cancelled, q, 5, safex.Objective{}), rng.New(1)); err == nil {
		t.Error("a cancelled problem is searched")
	}
}
