package plantest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// delay is by how many steps actions take effect late in the law of a delay.
const delay = 2

// delayed checks that a planner which is asked as package train asks it, with actions pending that it cannot change, plans for what follows them: what is executed is what
// was planned, and the wall is kept, though it is too late to brake when it is near.
func delayed(t *testing.T, p safex.Planner, laws Laws) {
	task := carts(t, wall).Task
	task.Expected = []safex.Expectation{{Kind: safex.Delay, Size: delay}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	none := make([]float64, 3)
	x, pending := []float64{0.5, 0}, [][]float64{none, none}
	var previous *safex.Plan
	top, missed := 0.0, 0
	for step := range 10 {
		b := &belief{t: t, sigma: sigma, drawn: laws.Draws}
		b.query.System, b.query.State = s, x
		q := safex.Query{
			System: s, Rollout: b, State: x, Episode: 1, Previous: previous, Pending: pending,
			Members: 2, Member: func(int) (safex.Rollout, error) { return b, nil },
		}
		if previous != nil {
			q.LastAction = previous.Actions[0]
			b.query.LastAction = q.LastAction
		}
		if err := q.Expect(nil); err != nil {
			t.Fatal(err)
		}
		a, err := p.Plan(context.Background(), q, rng.New(uint64(step)))
		if err == nil {
			a, err = q.Hold(a)
		}
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		y, most := x[0], math.Inf(-1)
		for i, u := range a.Actions {
			if i < delay && !slices.Equal(u, pending[i]) {
				t.Fatalf("step %d: action %d of the plan is %v, and %v is pending", step, i, u, pending[i])
			}
			y += gainX * u[0]
			if most = max(most, y+float64(i+1)*a.Beta*sigma); math.Abs(a.Expected.States[i+1][0]-y) > 1e-12 {
				t.Fatalf("step %d: it expects to be at %v after %d steps, and its actions lead to %v", step, a.Expected.States[i+1][0], i+1, y)
			}
		}
		switch {
		case laws.Blind:
		case !a.Feasible && !laws.Draws:
			t.Errorf("step %d is infeasible, though nothing unexpected happened", step)
		case laws.Wider != nil && most > 1+0.5*2*laws.Slack+1e-9:
			t.Errorf("step %d: at worst the plan goes to %v, beyond the wall", step, most)
		case laws.Wider != nil && most > 1+0.5*laws.Slack+1e-9:
			missed++
		}
		x = []float64{x[0] + gainX*pending[0][0], x[1] + gainY*pending[0][1]}
		top = max(top, x[0])
		pending, previous = append(slices.Clone(pending[1:]), q.Command(a)), a
	}
	// An adversary that gives no proof misses more in one plan than in others: asked about ten of them it misses more than about one, with a delay as without.
	if missed > 1 {
		t.Errorf("at worst %d plans of 10 go beyond the wall by more than %v Scales", missed, laws.Slack)
	}
	switch {
	case laws.Blind && top < 1.1:
		t.Errorf("it goes to %v only", top)
	case !laws.Blind && (top > 1+0.5*laws.Slack+1e-9 || top < 0.7):
		t.Errorf("it goes to %v, and the wall is at 1", top)
	}
}
