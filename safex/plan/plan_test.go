package plan_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// cart is a point on a line that is pushed, x' = x + 0.1 u, rewarded for x, and must stay below 1.
func cart(t testing.TB) *safex.System {
	s, err := safex.Task{
		Name: "cart", Dt: 0.1, Steps: 40, Start: safex.StartAt(0),
		State:  []safex.Var{{Name: "x", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Mul(0.1))} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// constantBelief is the cart's rollout under a belief whose mean is true and whose epistemic deviation is constant:
// after t steps the worst η, all ones, is exactly t β σ further right.
type constantBelief struct{ sigma float64 }

func (d constantBelief) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	horizon, n := len(c.Actions), c.Actions.Len()
	dst.Resize(horizon, 1, 1, n)
	if dst.Epistemic = nil; c.Epistemic {
		for range horizon {
			dst.Epistemic = append(dst.Epistemic, slices.Repeat([]float64{d.sigma}, n))
		}
	}
	dst.GradAction, dst.GradEta, dst.Value = num.NewBatch(horizon, n), num.NewBatch(horizon, n), make([]float64, n)
	for i := range n {
		x := c.State[0]
		for t := range horizon {
			x += 0.1 * c.Actions[t][i]
			if c.Eta != nil {
				x += c.Beta * d.sigma * c.Eta[t][i]
			}
			dst.States[t][i], dst.Reward[t][i], dst.Excess[t][i] = x, x, x-1
			dst.GradEta[t][i] = c.Beta * d.sigma // at least; all that sign-gradient ascent asks for is its sign
		}
		if up == nil {
			continue
		}
		top, sum, pull := math.Inf(-1), 0.0, 0.0
		for _, column := range dst.Excess {
			top = max(top, column[i])
		}
		for _, column := range dst.Excess {
			sum += math.Exp(up.Sharpness * (column[i] - top))
		}
		for t := horizon - 1; t >= 0; t-- {
			pull += up.Reward + up.Excess*math.Exp(up.Sharpness*(dst.Excess[t][i]-top))/sum
			dst.GradAction[t][i] = 0.1 * pull
		}
	}
	return nil
}

func query(s *safex.System, r safex.Rollout, x ...float64) safex.Query {
	return safex.Query{System: s, Rollout: r, State: x, Episode: 1}
}

func answer(t testing.TB, p safex.Planner, q safex.Query, seed uint64) *safex.Plan {
	a, err := p.Plan(context.Background(), q, rng.New(seed))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// With the oracle model the pendulum swings up under its limit, as well as is known to be possible: -348 ± 8.
func TestTrueModelSwingsUp(t *testing.T) {
	if testing.Short() {
		t.Skip("200 plans")
	}
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewGoMLX().Rollout(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	p := plan.DefaultSafe()
	x := make([]float64, 3)
	s.Start(x, rng.New(1).Rand())
	tr := safex.Trajectory{States: [][]float64{x}}
	q := query(s, roll)
	for i := range s.Steps {
		q.State = tr.States[i]
		q.Previous = answer(t, p, q, uint64(i))
		next, reward, excess := s.Step(q.State, q.Previous.Actions[0])
		tr.Append(q.Previous.Actions[0], next, reward, excess)
	}
	t.Logf("return %.1f, worst excess %.3f rad/s", tr.Return(), tr.WorstExcess(1)[0])
	if tr.Violations() > 0 {
		t.Errorf("%d violations with the oracle model", tr.Violations())
	}
	if tr.Return() < -380 {
		t.Errorf("return %.1f with the oracle model", tr.Return())
	}
	for _, x := range tr.States[150:] {
		if x[0] < 0.95 {
			t.Fatalf("not upright at the end: %v", x)
		}
	}
}

// witness remembers the plans that an adversary attacked.
type witness struct {
	plan.Adversary
	seen *[]num.Batch
}

func (w witness) Attack(ctx context.Context, dst *plan.Perturbations, t plan.Target, src rng.Stream) error {
	*w.seen = append(*w.seen, t.Plans)
	return w.Adversary.Attack(ctx, dst, t, src)
}

// The plan that is executed was attacked, whatever searched it, and says what the attack found.
func TestExecutedPlanWasAttacked(t *testing.T) {
	s := cart(t)
	mean, published := opt.DefaultCEM(), opt.ReferenceCEM()
	mean.Mean, published.Elites = true, 500 // which draws around the mean of all, and so finds nothing better later
	for name, search := range map[string]opt.Minimizer{
		"icem": opt.DefaultICEM(), "cem": opt.DefaultCEM(), "cem, mean": mean, "cem, published": opt.ReferenceCEM(), "cem, forgetful": published, "mppi": opt.DefaultMPPI(),
	} {
		for seed := range uint64(3) {
			p, seen := plan.DefaultPessimistic(), []num.Batch(nil)
			p.Refine.Candidates = 3 * int(seed%2)
			p.Horizon, p.Search, p.Adversary = 10, search, witness{p.Adversary, &seen}
			a := answer(t, p, query(s, constantBelief{sigma: 0.02}, 0.5), seed)
			attacked := slices.ContainsFunc(seen, func(plans num.Batch) bool {
				for i := range plans.Len() {
					if slices.Equal(plans.Point(i), slices.Concat(a.Actions...)) {
						return true
					}
				}
				return false
			})
			if !attacked || !a.Feasible {
				t.Errorf("%s: attacked: %v, feasible: %v", name, attacked, a.Feasible)
			}
			for _, η := range slices.Concat(a.Eta...) {
				if len(a.Eta) != 10 || η != 1 { // the worst is known: all ones
					t.Fatalf("%s: its worst error is %v", name, a.Eta)
				}
			}
		}
	}
}

// With a robust horizon, the worst errors end there: those that a plan was attacked with, and those that the next one inherits.
func TestRobustHorizon(t *testing.T) {
	s := cart(t)
	p := plan.DefaultPessimistic()
	p.Horizon, p.Robust = 10, 4
	q := query(s, constantBelief{sigma: 0.02}, 0.5)
	for step := range 3 {
		a := answer(t, p, q, uint64(step))
		for _, eta := range append([][]float64{slices.Concat(a.Eta...)}, a.Counterexamples...) {
			if len(eta) != 10*len(s.State) {
				t.Fatalf("step %d: an error of %d numbers", step, len(eta))
			}
			for c, η := range eta {
				if late := c/len(s.State) >= 4; late && η != 0 {
					t.Fatalf("step %d: an error has %v in step %d", step, η, c/len(s.State))
				}
			}
		}
		for c, η := range slices.Concat(a.Eta...) {
			if c/len(s.State) < 4 && η != 1 { // the worst is known: all ones
				t.Fatalf("step %d: the worst error is %v", step, a.Eta)
			}
		}
		q.Previous = a
	}
}

// counting are planners of the short horizon that look at the limits, with an objective.
func counting(o safex.Objective) map[string]safex.Planner {
	safe, pestraj, pessimistic, minmax := plan.DefaultSafe(), plan.DefaultPesTraj(), plan.DefaultPessimistic(), plan.DefaultMinMax()
	safe.Horizon, safe.Objective = 10, o
	pestraj.Horizon, pestraj.Objective = 10, o
	pessimistic.Horizon, pessimistic.Objective = 10, o
	minmax.Horizon, minmax.Objective, minmax.Alternations = 10, o, 5
	particles, thorough, optimistic, mean := safe, pessimistic, minmax, minmax
	particles.Particles = 5
	thorough.AttackedCandidates, thorough.PopulationCounterexamples, thorough.KeptCounterexamples, thorough.Effort = 128, 0, 0, 0 // attacks all, and remembers nothing
	optimistic.Optimism, mean.Mean = plan.Constant(1), true
	return map[string]safex.Planner{
		"safe": safe, "particles": particles, "pestraj": pestraj, "pessimistic": pessimistic, "thorough": thorough, "minmax": minmax, "optminmax": optimistic, "minmax, mean": mean,
	}
}

// What is counted is paid for by the step, however little it breaks the limit.
func TestCount(t *testing.T) {
	s := cart(t)
	for _, count := range []bool{true, false} {
		for name, p := range counting(safex.Objective{Weight: 0.2, Count: count}) {
			a := answer(t, p, query(s, constantBelief{sigma: 0.02}, 0.5), 1)
			if n := a.Worst.Violations(); a.Feasible != count || (n == 0) != count {
				t.Errorf("%s, counted: %v; %d steps beyond the limit, feasible: %v", name, count, n, a.Feasible)
			}
		}
	}
}

// Steps are counted once the budget is spent.
func TestCountWithBudget(t *testing.T) {
	for name, p := range counting(safex.Objective{FeasibleFirst: true, Count: true}) {
		q := query(cart(t), constantBelief{sigma: 0.001}, 0.95)
		q.Left = []float64{0.5}
		a, spent := answer(t, p, q, 1), 0.0
		for _, e := range a.Worst.Excess {
			spent += max(e[0], 0)
		}
		if !a.Feasible || spent > 0.5+1e-9 || spent < 0.1 {
			t.Errorf("%s: of 0.5 left, the plan spends %v; feasible: %v", name, spent, a.Feasible)
		}
	}
}

// Settings that cannot be are refused by a plan, in one sentence that names them.
func TestSettingsThatCannotBe(t *testing.T) {
	minmax := func(change func(p *plan.MinMax)) safex.Planner {
		p := plan.DefaultMinMax()
		change(&p)
		return p
	}
	draws := func(n int) plan.Nominal {
		p := plan.DefaultSafe()
		p.Particles = n
		return p
	}
	robust := func(n int) plan.Pessimistic {
		p := plan.DefaultPessimistic()
		p.Robust = n
		return p
	}
	for want, p := range map[string]safex.Planner{
		"Particles is -1, want 0 to 1e4": draws(-1),
		"Particles is 10001":             draws(10001),
		"Particles is 0, want 1 to 1e4":  plan.PesTraj{Horizon: 10, Search: opt.DefaultICEM()},
		"Robust is 21":                   robust(21),
		"Robust is -1":                   robust(-1),
		"Horizon is 0":                   minmax(func(p *plan.MinMax) { p.Horizon = 0 }),
		"Beta: from -1":                  minmax(func(p *plan.MinMax) { p.Beta.From = -1 }),
		"Optimism: from -1":              minmax(func(p *plan.MinMax) { p.Optimism.From = -1 }),
		"Particles is 3 with Optimism 1": minmax(func(p *plan.MinMax) { p.Particles, p.Optimism = 3, plan.Constant(1) }),
		"Alternations is 0":              minmax(func(p *plan.MinMax) { p.Alternations = 0 }),
		"Fixed 10001":                    minmax(func(p *plan.MinMax) { p.Fixed = 10001 }),
		"KeepStd is -1":                  minmax(func(p *plan.MinMax) { p.KeepStd = -1 }),
		"Inner: opt: Iterations 0":       minmax(func(p *plan.MinMax) { p.Inner = opt.CEM{} }),
		"there is no Search":             minmax(func(p *plan.MinMax) { p.Search = nil }),
	} {
		if a, err := p.Plan(context.Background(), query(cart(t), constantBelief{}, 0), rng.New(1)); a != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
