package plan_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// farthest is how far a plan for the cart gets from x if each of its steps is off by drift.
func farthest(a *safex.Plan, x, drift float64) float64 {
	most := math.Inf(-1)
	for _, u := range a.Actions {
		x += 0.1*u[0] + drift
		most = max(most, x)
	}
	return most
}

// From 0.95 the cart can be off by 0.15 in a step before no action keeps it below 1. Where the box is wider, the plan keeps the limit under 30 % of
// it or, where that is too wide too, under the mean. It is not feasible, and says what it does under the whole box.
func TestPartOfTheBox(t *testing.T) {
	s := cart(t)
	p := plan.DefaultPessimistic()
	p.Horizon = 10
	beta := p.Beta.At(1)
	for _, c := range []struct {
		drift float64 // of a step, by the whole box
		part  float64 // of the box that a plan can be made for
	}{{0.05, 1}, {0.2, 0.3}, {0.6, 0}, {2, 0}} {
		for seed := range uint64(3) {
			a := answer(t, p, query(s, constantBelief{sigma: c.drift / beta}, 0.95), seed)
			whole := farthest(a, 0.95, c.drift) - 1
			if a.Beta != beta || a.Feasible != (c.part == 1) || math.Abs(a.Bound[0]-whole) > 1e-9 || math.Abs(a.Worst.WorstExcess(1)[0]-whole) > 1e-9 {
				t.Errorf("off by %v: feasible: %v, under β = %v at worst %v and at most %v, want %v", c.drift, a.Feasible, a.Beta, a.Worst.WorstExcess(1), a.Bound, whole)
			}
			if most := farthest(a, 0.95, c.part*c.drift); most > 1 {
				t.Errorf("off by %v: under %v of the box it comes to %v", c.drift, c.part, most)
			}
			if end := a.Expected.States[p.Horizon][0]; c.part == 0.3 && end < 0.15 { // all the way back is -0.05
				t.Errorf("off by %v: it backs up as if for the whole box, to %v", c.drift, end)
			}
		}
	}
	// Where a model asks for many deviations at once, a share is taken of what is left until there is a plan, and the mean once that is no more than a deviation.
	for drift, part := range map[float64]float64{0.8: 0.09, 3: 0.027, 13: 0} {
		const asked = 20
		q := query(s, constantBelief{sigma: drift / asked}, 0.95)
		q.Beta = asked
		a := answer(t, p, q, 1)
		if most := farthest(a, 0.95, part*drift); a.Feasible || a.Beta != asked || most > 1 {
			t.Errorf("off by %v: feasible: %v, and under %v of the box it comes to %v", drift, a.Feasible, part, most)
		}
		if most := farthest(a, 0.95, part/0.3*drift); part > 0 && most <= 1 {
			t.Errorf("off by %v: it backs up as if for %v of the box, to %v", drift, part/0.3, most)
		}
	}
	var searches []asked // who doubts without end does not plan without end: the whole box, eight shares, and the mean
	p.Search = probe{p.Search, &searches}
	q := query(s, constantBelief{sigma: 0.1}, 0.5)
	q.Beta = 1e12
	if a := answer(t, p, q, 1); a.Feasible || len(searches) != 10 {
		t.Errorf("of 1e12 deviations, feasible: %v, after %d searches", a.Feasible, len(searches))
	}
	searches = nil
	for seed := range uint64(3) { // beyond the limit, where even the mean breaks it, it does so as little as it can: the first step is the worst
		a := answer(t, p, query(s, constantBelief{sigma: 0.1}, 1.3), seed)
		if most := farthest(a, 1.3, 0); a.Feasible || most > 1.2+1e-3 || math.Abs(a.Bound[0]-(farthest(a, 1.3, 0.2)-1)) > 1e-9 {
			t.Errorf("from 1.3 it comes to %v, and at worst %v; feasible: %v", most, a.Bound, a.Feasible)
		}
	}
	weighed := p // limits that are weighed against the reward are not what a plan must keep
	weighed.Objective = safex.Objective{Weight: 10}
	for _, pess := range []plan.Pessimistic{p, weighed} {
		lesser := false
		q := query(s, watched{constantBelief{sigma: 0.1}, func(b float64) { lesser = lesser || b > 0 && b < beta }}, 0.95)
		answer(t, pess, q, 1)
		if lesser != pess.Objective.FeasibleFirst {
			t.Errorf("objective %+v: a part of the box was tried: %v", pess.Objective, lesser)
		}
	}
}

// watched tells somebody the β of each rollout before it is made.
type watched struct {
	constantBelief
	told func(beta float64)
}

func (w watched) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	if c.Eta != nil {
		w.told(c.Beta)
	}
	return w.constantBelief.Roll(ctx, dst, c, up)
}

// A plan that is cut short while one for a part of the box is looked for is handed out with the error: it would have been another.
func TestPartOfTheBoxCutShort(t *testing.T) {
	p := plan.DefaultPessimistic()
	p.Horizon = 10
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := query(cart(t), watched{constantBelief{sigma: 0.1}, func(b float64) {
		if b > 0 && b < p.Beta.At(1) {
			cancel()
		}
	}}, 0.95)
	a, err := p.Plan(ctx, q, rng.New(1))
	if !errors.Is(err, context.Canceled) || a == nil || a.Feasible || a.Beta != p.Beta.At(1) {
		t.Errorf("plan %+v, error %v", a, err)
	}
}

// A planner defends what the model asks for, but behind a filter no more than its own.
func TestFilteredBeta(t *testing.T) {
	s := cart(t)
	pessimistic, minmax := plan.DefaultPessimistic(), plan.DefaultMinMax()
	pessimistic.Horizon, pessimistic.Beta = 5, plan.Constant(2)
	minmax.Horizon, minmax.Beta, minmax.Alternations = 5, plan.Constant(2), 2
	for name, p := range map[string]safex.Planner{"pessimistic": pessimistic, "minmax": minmax} {
		for _, c := range []struct {
			asked    float64
			filtered bool
			want     float64
		}{{0, false, 2}, {0, true, 2}, {1, false, 1}, {1, true, 1}, {3, false, 3}, {3, true, 2}} {
			most := 0.0
			q := query(s, watched{constantBelief{sigma: 0.001}, func(b float64) { most = max(most, b) }}, 0.5)
			q.Beta, q.Filtered = c.asked, c.filtered
			if a := answer(t, p, q, 1); a.Beta != c.want || most != c.want {
				t.Errorf("%s, a model that asks for %v, filtered: %v: defends %v, in rollouts of up to %v, want %v", name, c.asked, c.filtered, a.Beta, most, c.want)
			}
		}
	}
}
