package plan

import (
	"context"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// loose is the rollout of x' = x + 0.1 u (1 + β 0.3 η), rewarded for x, with x at most 1: an error hurts a push by 1, and a pull by -1.
type loose struct{}

func (loose) Roll(_ context.Context, dst *safex.Rolled, c safex.Candidates, _ *safex.Scalarisation) error {
	n := c.Actions.Len()
	dst.Resize(len(c.Actions), 1, 1, n)
	for i := range n {
		x := c.State[0]
		for t := range c.Actions {
			gain := 1.0
			if c.Eta != nil {
				gain += c.Beta * 0.3 * c.Eta[t][i]
			}
			x += 0.1 * c.Actions[t][i] * gain
			dst.States[t][i], dst.Reward[t][i], dst.Excess[t][i] = x, x, x-1
		}
	}
	return nil
}

// puller finds another error each time, worse for pulls than those before.
type puller struct{ found *int }

func (puller) Check() error { return nil }

func (p puller) Attack(ctx context.Context, dst *Perturbations, t Target, _ rng.Stream) error {
	a := newAttackState(dst, t)
	a.errors(1)
	for i := range t.Plans.Len() {
		*p.found++
		for _, column := range a.c.Eta {
			column[i] = -0.1 - 0.001*float64(*p.found)
		}
	}
	return a.roll(ctx, nil)
}

// An error that breaks candidates stays the first counterexample, although the adversary attacks only those that it does not break, and finds ever new errors there.
func TestBank(t *testing.T) {
	s, err := safex.Task{
		Name: "loose", Dt: 0.1, Steps: 10, Start: safex.StartAt(0.6),
		State:  []safex.Var{{Name: "x", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Mul(0.1))} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	const horizon, n = 5, 8
	p, found := DefaultPessimistic(), 0
	p.Adversary, p.KeptCounterexamples, p.PopulationCounterexamples, p.AttackedCandidates = puller{&found}, 6, 0, 4
	q := newQuery(safex.Query{System: s, Rollout: loose{}, State: []float64{0.6}, Episode: 1}, horizon)
	killer := []float64{1, 1, 1, 1, 1}
	g := &worstCaseSearch{Pessimistic: p, objective: &objective{query: q}, counted: &counted{}, beta: 2, counterexamples: [][]float64{killer}}
	for round := range 10 {
		x := num.NewBatch(horizon, n)
		for _, column := range x {
			for i := range column { // pushes are better, until they meet the error
				if column[i] = -0.5 - 0.01*float64(i); i%2 == 0 {
					column[i] = 0.7
				}
			}
		}
		values := make([]float64, n)
		lanes, err := g.rank(context.Background(), values, x)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.counterexamples[0]; got[0] != 1 {
			t.Fatalf("round %d: the first counterexample is %v, want that which breaks the pushes", round, got)
		}
		best := 0
		for i, v := range values {
			if compare(v, values[best]) < 0 {
				best = i
			}
		}
		if best != 1 || len(lanes) == 0 {
			t.Errorf("round %d: the best is %d with values %v and lanes %v, want 1, the least pull", round, best, values, lanes)
		}
	}
	if found < 10 {
		t.Errorf("the adversary found %d errors, want at least one in each round", found)
	}
}

var _ Adversary = puller{}
