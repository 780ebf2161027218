package plan_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plan"
)

// The penalty integrates violating steps beyond those that are allowed, and is never negative.
func TestPenalty(t *testing.T) {
	p := plan.Penalty{Start: 1, Gain: 0.5, Allowed: 2}
	for _, c := range []struct {
		violations []int
		want       float64
	}{{nil, 1}, {[]int{2}, 1}, {[]int{5}, 2.5}, {[]int{0}, 0}, {[]int{0, 0, 4}, 1}, {[]int{4, 0}, 1}} {
		if got := p.After(c.violations); got != c.want {
			t.Errorf("after %v violating steps κ is %v, want %v", c.violations, got, c.want)
		}
	}
}

// After violations cap keeps further from the wall, by what its penalty of doubt grew; where nothing is doubted it plans as cce does.
func TestCAPKeepsAway(t *testing.T) {
	const sigma = 0.02
	cce, penalized := plan.DefaultCCE(), plan.DefaultCAP()
	cce.Horizon, penalized.Horizon = 10, 10
	ask := func(p safex.Planner, sigma float64, violations ...int) *safex.Plan {
		q := query(cart(t), constantBelief{sigma: sigma}, 0.2)
		q.Violations = violations
		return answer(t, p, q, 1)
	}
	top := func(p *safex.Plan) (most float64) {
		for _, x := range p.Expected.States {
			most = max(most, x[0])
		}
		return most
	}
	if first, later := top(ask(penalized, sigma)), top(ask(penalized, sigma, 0, 30)); !(later < first-2*sigma) { // κ is 1, and 4
		t.Errorf("cap goes to %v, and to %v after 30 violating steps", first, later)
	}
	if !reflect.DeepEqual(ask(penalized, 0, 7), ask(cce, 0)) {
		t.Error("cap pays for doubt where there is none")
	}
}

// Settings that are out of range are refused by their names.
func TestPETSCheck(t *testing.T) {
	for _, price := range []float64{-1, math.NaN(), math.Inf(1)} {
		if err := (safex.Objective{LogBarrier: price}).Check(); err == nil || !strings.Contains(err.Error(), "LogBarrier") {
			t.Errorf("a barrier at a price of %v: error %v", price, err)
		}
	}
	for says, change := range map[string]func(p *plan.PETS){
		"Particles":            func(p *plan.PETS) { p.Particles = 0 },
		"Penalty.Start":        func(p *plan.PETS) { p.Penalty.Start = -1 },
		"Penalty.Gain":         func(p *plan.PETS) { p.Penalty.Gain = -0.1 },
		"Penalty.Allowed":      func(p *plan.PETS) { p.Penalty.Allowed = -2 },
		"Objective.LogBarrier": func(p *plan.PETS) { p.Objective.LogBarrier = 0.01 },
		"Horizon":              func(p *plan.PETS) { p.Horizon = 0 },
	} {
		p := plan.DefaultCAP()
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v", says, err)
		}
	}
}
