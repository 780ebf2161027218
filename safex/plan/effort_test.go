package plan_test

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// The attacks of a plan take no more rollouts than its effort, but for what is attacked in any case, also where every candidate breaks; its actions were
// attacked all the same. Without a bound such a plan takes more.
func TestEffort(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(1).Rand()
	for range 60 { // around the bottom, so that there is doubt elsewhere
		θ, ω, u := math.Pi+r.NormFloat64()/3, r.NormFloat64(), 2*r.Float64()-1
		x := []float64{math.Cos(θ), math.Sin(θ), ω}
		next, _, _ := s.Step(x, []float64{u})
		data.Append(x, []float64{u}, next)
	}
	m, err := gp.Default().Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	roll, err := fused.New().Rollout(s, m)
	if err != nil {
		t.Fatal(err)
	}
	cost := func(effort, θ, ω float64) (rollouts int, feasible bool) {
		p := plan.DefaultPessimistic()
		p.Effort = effort
		evaluations, found := 0, &safex.Plan{}
		q := safex.Query{System: s, Rollout: meter{roll, &evaluations}, State: []float64{math.Cos(θ), math.Sin(θ), ω}, Episode: 1}
		for i := range 3 { // from the second on there are counterexamples
			evaluations = 0
			var err error
			if found, err = p.Plan(context.Background(), q, rng.New(1).At(i)); err != nil {
				t.Fatal(err)
			}
			q.Previous = found
		}
		if worst := found.Worst.WorstExcess(1)[0]; found.Bound[0] < worst || ω > 5 && (found.Feasible || !(worst > 0)) {
			t.Errorf("effort %v: feasible %v, bound %v, worst %v", effort, found.Feasible, found.Bound[0], worst)
		}
		return evaluations / p.Horizon, found.Feasible
	}
	const attack = 12 + 4*(3*2+1)
	const population, populations, least = 96, 3, 96/4 + 6*attack // the least is what is attacked of a population in any case
	for _, effort := range []float64{0.1, 1, 4.25} {
		for _, ω := range []float64{0, 5.95} {
			most := population*populations + max(int(effort*population*populations), least*(populations-1)) + least + attack + 2
			n, feasible := cost(effort, math.Pi/2, ω)
			if !feasible { // plans for two parts of the box were tried too, with the same effort each
				most *= 3
			}
			if n > most {
				t.Errorf("at %v rad/s an effort of %v costs %d rollouts, want at most %d", ω, effort, n, most)
			}
		}
	}
	free, _ := cost(0, math.Pi/2, 5.95)
	if bound, _ := cost(0.1, math.Pi/2, 5.95); free <= bound*3/2 {
		t.Errorf("where all breaks a plan costs %d rollouts without a bound, and %d with one: the test shows nothing", free, bound)
	}
}
