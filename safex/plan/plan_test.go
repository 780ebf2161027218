package plan_test

import (
	"context"
	"errors"
	"math"
	"reflect"
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

// doubt is the cart's rollout under a belief whose mean is true and whose epistemic deviation is constant:
// after t steps the worst η, all ones, is exactly t β σ further right.
type doubt struct {
	sigma float64
	nan   func(action float64) bool // actions that come out as NaN
	inf   func(action float64) bool // actions that come out with an infinite reward
	rolls *int
}

func (d doubt) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Ascent) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if d.rolls != nil {
		*d.rolls++
	}
	horizon, n := len(c.Actions), c.Actions.Len()
	dst.Resize(horizon, 1, 1, n)
	dst.GradAction, dst.GradEta, dst.Value = num.NewBatch(horizon, n), num.NewBatch(horizon, n), make([]float64, n)
	for i := range n {
		x := c.State[0]
		for t := range horizon {
			u := c.Actions[t][i]
			x += 0.1 * u
			if d.nan != nil && d.nan(u) {
				x = math.NaN()
			}
			if c.Eta != nil {
				x += c.Beta * d.sigma * c.Eta[t][i]
			}
			dst.States[t][i], dst.Reward[t][i], dst.Excess[t][i] = x, x, x-1
			if d.inf != nil && d.inf(u) {
				dst.Reward[t][i] = math.Inf(1)
			}
		}
		for t := range horizon {
			dst.GradEta[t][i] = c.Beta * d.sigma // at least; all that sign-gradient ascent asks for is its sign
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

// planners are all of them, with a short horizon.
func planners() map[string]safex.Planner {
	unsafe, safe, pessimistic := plan.DefaultUnsafe(), plan.DefaultSafe(), plan.DefaultPessimistic()
	unsafe.Horizon, safe.Horizon, pessimistic.Horizon = 10, 10, 10
	return map[string]safex.Planner{"unsafe": unsafe, "safe": safe, "pessimistic": pessimistic}
}

// Each planner keeps what it promises: pessimistic the limit under the worst error, safe under the mean,
// unsafe nothing. On this system the worst error is known.
func TestPromises(t *testing.T) {
	s := cart(t)
	const sigma = 0.02
	for name, p := range planners() {
		a := answer(t, p, query(s, doubt{sigma: sigma}, 0.5), 1)
		nominal, worst := 0.5, 0.5
		var top, topWorst float64
		for _, u := range a.Actions {
			nominal, worst = nominal+0.1*u[0], worst+0.1*u[0]+2*sigma
			top, topWorst = max(top, nominal), max(topWorst, worst)
		}
		switch name {
		case "unsafe":
			if top < 1.2 {
				t.Errorf("unsafe stays at %v", top)
			}
		case "safe":
			if top > 1 || topWorst < 1.1 {
				t.Errorf("safe reaches %v, %v at worst", top, topWorst)
			}
		case "pessimistic":
			if topWorst > 1+1e-9 || topWorst < 0.9 {
				t.Errorf("pessimistic reaches %v at worst, want close to but at most 1", topWorst)
			}
			if got := a.Worst.States[len(a.Worst.States)-1][0]; math.Abs(got-worst) > 1e-9 {
				t.Errorf("its worst trajectory ends at %v, want %v", got, worst)
			}
			if !a.Feasible {
				t.Error("it says that it is infeasible")
			}
		}
	}
}

// More doubt means less daring, and none means the planner that trusts the mean.
func TestBetaReachesThePlan(t *testing.T) {
	s := cart(t)
	last := math.Inf(1)
	for _, beta := range []float64{0, 1, 2, 4} {
		p := plan.DefaultPessimistic()
		p.Horizon, p.Beta = 10, plan.Constant(beta)
		a := answer(t, p, query(s, doubt{sigma: 0.02}, 0.5), 1)
		if a.Beta != beta {
			t.Errorf("β = %v is reported as %v", beta, a.Beta)
		}
		if r := a.Expected.Return(); !(r < last) {
			t.Errorf("β = %v expects a return of %v, no less than with the β before, %v", beta, r, last)
		} else {
			last = r
		}
	}
}

// Laws of every planner.
func TestLaws(t *testing.T) {
	s := cart(t)
	for name, p := range planners() {
		t.Run(name, func(t *testing.T) {
			q := query(s, doubt{sigma: 0.02}, 0.5)
			before := p
			a, b := answer(t, p, q, 1), answer(t, p, q, 1)
			if !reflect.DeepEqual(a, b) {
				t.Error("the same seed gave two plans")
			}
			if !reflect.DeepEqual(p, before) {
				t.Error("Plan changed its settings")
			}
			if len(a.Actions) != 10 || len(a.Expected.States) != 11 || len(a.Worst.States) != 11 || len(a.Expected.Excess) != 10 {
				t.Errorf("plan of %d actions, %d and %d states", len(a.Actions), len(a.Expected.States), len(a.Worst.States))
			}
			for _, u := range a.Actions {
				if len(u) != 1 || !(u[0] >= -1 && u[0] <= 1) {
					t.Errorf("action %v", u)
				}
			}
			for _, η := range slices.Concat(a.Eta...) {
				if !(η >= -1 && η <= 1) {
					t.Errorf("η %v", η)
				}
			}
			// The next step starts from this plan, and is as good.
			q.State, q.Last = a.Expected.States[1], a
			if c := answer(t, p, q, 2); name != "unsafe" && !c.Feasible {
				t.Error("the plan after a feasible one is infeasible, though nothing unexpected happened")
			}
		})
	}
}

// A candidate that comes out as NaN is counted and never chosen.
func TestNaNIsNeverChosen(t *testing.T) {
	s := cart(t)
	for name, p := range planners() {
		right := func(u float64) bool { return u > 0.3 }
		a := answer(t, p, query(s, doubt{sigma: 0.02, nan: right}, 0.5), 1)
		if a.NaNs == 0 {
			t.Errorf("%s counted no NaN", name)
		}
		for _, u := range a.Actions {
			if right(u[0]) {
				t.Errorf("%s chose %v, whose outcome is NaN", name, u[0])
			}
		}
	}
}

// If nothing comes out as a number there is no plan, and an infinite reward does not win.
func TestDivergedModel(t *testing.T) {
	s := cart(t)
	for name, p := range planners() {
		all := func(float64) bool { return true }
		if a, err := p.Plan(context.Background(), query(s, doubt{sigma: 0.02, nan: all}, 0.5), rng.New(1)); a != nil || err == nil || !strings.Contains(err.Error(), "left the real numbers") {
			t.Errorf("%s: plan %v, error %v", name, a, err)
		}
		a := answer(t, p, query(s, doubt{sigma: 0.02, inf: func(u float64) bool { return u > 0.3 }}, 0.5), 1)
		for _, u := range a.Actions {
			if u[0] > 0.3 {
				t.Errorf("%s chose an infinite outcome", name)
			}
		}
	}
}

// Beyond the limit there is no feasible plan: the least violating one is chosen, and it says so.
func TestInfeasibleStart(t *testing.T) {
	s := cart(t)
	for name, p := range planners() {
		if name == "unsafe" {
			continue
		}
		a := answer(t, p, query(s, doubt{sigma: 0.001}, 1.5), 1)
		if a.Feasible {
			t.Errorf("%s calls a plan from beyond the limit feasible", name)
		}
		if u := a.Actions[0][0]; u > -0.9 {
			t.Errorf("%s backs off with %v only", name, u)
		}
	}
}

// A cancelled context returns the best plan so far and the error; one that was cancelled before, the error.
func TestCancel(t *testing.T) {
	s := cart(t)
	for name, p := range planners() {
		ctx, cancel := context.WithCancel(context.Background())
		rolls := 0
		q := query(s, cancelling{doubt{sigma: 0.02, rolls: &rolls}, cancel, &rolls}, 0.5)
		a, err := p.Plan(ctx, q, rng.New(1))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
		switch {
		case a == nil:
			t.Errorf("%s: no plan, though a population was evaluated", name)
		case name == "pessimistic" && (a.Feasible || a.Eta != nil):
			t.Errorf("%s: a plan that nobody attacked is called feasible: %v", name, a.Feasible)
		}
		if a, err := p.Plan(ctx, q, rng.New(1)); a != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: plan %v, error %v from a context that is over", name, a, err)
		}
	}
}

// cancelling cancels its context during the second roll.
type cancelling struct {
	doubt
	cancel context.CancelFunc
	rolls  *int
}

func (c cancelling) Roll(ctx context.Context, dst *safex.Rolled, in safex.Candidates, up *safex.Ascent) error {
	err := c.doubt.Roll(ctx, dst, in, up)
	if *c.rolls == 2 {
		c.cancel()
	}
	return err
}

// With the true model the pendulum swings up under its limit, as well as is known to be possible: -348 ± 8.
func TestTrueModelSwingsUp(t *testing.T) {
	if testing.Short() {
		t.Skip("200 plans")
	}
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewGoMLX().Rollout(s, rollout.Truth(s))
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
		q.Last = answer(t, p, q, uint64(i))
		next, reward, excess := s.Step(q.State, q.Last.Actions[0])
		tr.Append(q.Last.Actions[0], next, reward, excess)
	}
	t.Logf("return %.1f, worst excess %.3f rad/s", tr.Return(), tr.WorstExcess(1)[0])
	if tr.Violations() > 0 {
		t.Errorf("%d violations with the true model", tr.Violations())
	}
	if tr.Return() < -380 {
		t.Errorf("return %.1f with the true model", tr.Return())
	}
	for _, x := range tr.States[150:] {
		if x[0] < 0.95 {
			t.Fatalf("not upright at the end: %v", x)
		}
	}
}

// exact is the true model of s.
func exact(t testing.TB, s *safex.System) safex.Rollout {
	r, err := rollout.NewGoMLX().Rollout(s, rollout.Truth(s))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A plan keeps a limit on the rate of the actions, from the one executed last on.
func TestRates(t *testing.T) {
	task := cart(t).Task
	task.Limits = []safex.Limit{{Name: "jerk", Max: 0.2, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"safe", "pessimistic"} {
		q, before := query(s, exact(t, s), 0), 0.0
		for i := range 12 {
			q.Last = answer(t, planners()[name], q, uint64(i))
			u := q.Last.Actions[0]
			if math.Abs(u[0]-before) > 0.2+1e-6 || !q.Last.Feasible {
				t.Errorf("%s: action %d is %v after %v; feasible: %v", name, i, u[0], before, q.Last.Feasible)
			}
			q.State, _, _ = s.Step(q.State, u)
			q.LastAction, before = u, u[0]
		}
		if before < 0.9 {
			t.Errorf("%s: the last push is %v, want it to have reached 1", name, before)
		}
	}
}

// A plan spends what is left of a budget, and no more.
func TestBudget(t *testing.T) {
	s := cart(t)
	q := query(s, exact(t, s), 0.95)
	for _, left := range [][]float64{nil, {0.3}, {2}} {
		for _, name := range []string{"safe", "pessimistic"} {
			q.Left = left
			p := answer(t, planners()[name], q, 1)
			spent := 0.0
			for _, e := range p.Worst.Excess {
				spent += max(e[0], 0)
			}
			allowed := 0.0
			if left != nil {
				allowed = left[0]
			}
			if !p.Feasible || spent > allowed+1e-5 || spent < 0.7*allowed {
				t.Errorf("%s: of %v left, the plan spends %v; feasible: %v", name, left, spent, p.Feasible)
			}
		}
	}
}

// witness remembers the plans that an adversary attacked.
type witness struct {
	plan.Adversary
	seen *[]num.Batch
}

func (w witness) Attack(ctx context.Context, dst *plan.Doubts, t plan.Target, src rng.Stream) error {
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
			p.Horizon, p.Search, p.Adversary = 10, search, witness{p.Adversary, &seen}
			a := answer(t, p, query(s, doubt{sigma: 0.02}, 0.5), seed)
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

// What is counted is paid for by the step, however little it breaks the limit.
func TestCount(t *testing.T) {
	s := cart(t)
	for _, count := range []bool{true, false} {
		o := safex.Objective{Weight: 0.2, Count: count}
		safe, pessimistic := plan.DefaultSafe(), plan.DefaultPessimistic()
		safe.Horizon, safe.Objective = 10, o
		pessimistic.Horizon, pessimistic.Objective = 10, o
		thorough := pessimistic // attacks all, and remembers nothing
		thorough.Finalists, thorough.Met, thorough.Remember = 128, 0, 0
		for name, p := range map[string]safex.Planner{"safe": safe, "pessimistic": pessimistic, "thorough": thorough} {
			a := answer(t, p, query(s, doubt{sigma: 0.02}, 0.5), 1)
			if n := a.Worst.Violations(); a.Feasible != count || (n == 0) != count {
				t.Errorf("%s, counted: %v; %d steps beyond the limit, feasible: %v", name, count, n, a.Feasible)
			}
		}
	}
}
