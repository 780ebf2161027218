package plan

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// line is the rollout of x' = x + 0.1 u + β σ η, rewarded for x, with x at most 1, that counts its lanes.
type line struct{ lanes *int }

func (l line) Roll(_ context.Context, dst *safex.Rolled, c safex.Candidates, _ *safex.Scalarisation) error {
	n := c.Actions.Len()
	*l.lanes += n
	dst.Resize(len(c.Actions), 1, 1, n)
	for i := range n {
		x := c.State[0]
		for t := range c.Actions {
			x += 0.1 * c.Actions[t][i]
			if c.Eta != nil {
				x += c.Beta * 0.03 * c.Eta[t][i]
			}
			dst.States[t][i], dst.Reward[t][i], dst.Excess[t][i] = x, x, x-1
		}
	}
	return nil
}

// Counterexamples that only the candidates that matter have met leave the best quarter as if all had met them.
func TestMeet(t *testing.T) {
	s, err := safex.Task{
		Name: "line", Dt: 0.1, Steps: 10, Start: safex.StartAt(0),
		State:  []safex.Var{{Name: "x", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Mul(0.1))} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	const horizon, n = 5, 40
	r := rand.New(rand.NewPCG(1, 2))
	for _, start := range []float64{0, 0.6, 1.2} { // nobody, some and all break the limit
		lanes := 0
		q := newQuery(safex.Query{System: s, Rollout: line{&lanes}, State: []float64{start}, Episode: 1}, horizon)
		p := DefaultPessimistic()
		p.Effort = 0
		g := &worstCaseSearch{Pessimistic: p, objective: &objective{query: q}, beta: 2, counterexamples: [][]float64{{1, 1, 1, 1, 1}, {-1, 1, 1, 1, 1}}}
		x := num.NewBatch(horizon, n)
		for _, column := range x {
			for i := range column {
				column[i] = 2*r.Float64() - 1
			}
		}
		values, prices, all := make([]float64, n), make([]float64, n), make([]float64, n)
		if err := g.Rollout.Roll(context.Background(), &g.mean, g.candidates(x, nil, 0), nil); err != nil {
			t.Fatal(err)
		}
		var met productRollout
		if err := g.cross(context.Background(), &met, x, batchOf(g.counterexamples...), g.beta); err != nil {
			t.Fatal(err)
		}
		for i := range values {
			prices[i] = g.price(p.Objective, &g.mean, i)
			worst := max(prices[i], g.price(p.Objective, &met.out, i), g.price(p.Objective, &met.out, n+i))
			g.rewards = append(g.rewards, meanReward(&g.mean, i))
			values[i], all[i] = p.Objective.Cost(meanReward(&g.mean, i), prices[i]), p.Objective.Cost(meanReward(&g.mean, i), worst)
		}
		lanes = 0
		if err := g.meet(context.Background(), values, prices, x); err != nil {
			t.Fatal(err)
		}
		best := func(v []float64) []int {
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int { return compare(v[a], v[b]) })
			return order[:n/4]
		}
		got, want := best(values), best(all)
		if !slices.Equal(got, want) {
			t.Errorf("from %v the best are %v, want %v", start, got, want)
		}
		for _, i := range want {
			if values[i] != all[i] {
				t.Errorf("from %v candidate %d costs %v, want %v", start, i, values[i], all[i])
			}
		}
		if start == 0 && lanes != 2*n/4 {
			t.Errorf("%d of %d candidates met the errors, though the first quarter was settled", lanes/2, n)
		}
	}
}
