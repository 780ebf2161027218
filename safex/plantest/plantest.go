// Package plantest has the laws that every planner keeps. A new one is tested by a call of Run.
package plantest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Laws are those that only some planners keep.
type Laws struct {
	Blind  bool // it does not look at the limits
	Priced bool // it weighs reward against something else, as a price of limits or a gain of information
	Draws  bool // it plans for draws of the error, which may be beyond the box

	// Wider is the same planner with a schedule that lets the model err by more; nil if it defends no box. Only a planner that defends
	// one takes Query.Beta in place of its own and keeps the limits under the worst error.
	Wider safex.Planner
	Slack float64 // by how many Scales the worst error may break a limit, at most: what its adversary misses
}

// sigma is the epistemic deviation of most laws: over ten steps it adds up to a tenth of the way that is left to the wall, β = 2 to two.
const sigma = 0.005

// Run checks that p keeps the laws. p should plan about ten steps, in a moment.
func Run(t *testing.T, p safex.Planner, laws Laws) {
	s := carts(t, wall)
	ask := func(t *testing.T, b *belief, x ...float64) safex.Query {
		b.t, b.drawn = t, laws.Draws
		if b.query.System == nil {
			b.query.System = s
		}
		b.query.Rollout, b.query.State, b.query.Episode = b, x, 1
		b.query.Members, b.query.Member = 2, func(int) (safex.Rollout, error) { return b, nil } // who agree
		return b.query
	}
	plan := func(t *testing.T, p safex.Planner, q safex.Query, seed uint64) *safex.Plan {
		t.Helper()
		a, err := p.Plan(context.Background(), q, rng.New(seed))
		if err != nil || a == nil {
			t.Fatalf("plan %v, error %v", a, err)
		}
		whole(t, a, q)
		return a
	}
	settings, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("its settings cannot be saved: %v", err)
	}

	t.Run("same seed, same bits", func(t *testing.T) {
		want := plan(t, p, ask(t, &belief{sigma: sigma}, 0.5, 0), 1)
		for _, cores := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(cores)
			got := plan(t, p, ask(t, &belief{sigma: sigma}, 0.5, 0), 1)
			runtime.GOMAXPROCS(before)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("on %d cores the same seed gave another plan", cores)
			}
		}
	})
	t.Run("lanes are independent", func(t *testing.T) {
		want := plan(t, p, ask(t, &belief{sigma: sigma}, 0.5, 0), 1)
		for _, parts := range []int{2, 7} {
			if !reflect.DeepEqual(plan(t, p, ask(t, &belief{sigma: sigma, split: parts}, 0.5, 0), 1), want) {
				t.Errorf("rolled in %d parts side by side, the plan is another", parts)
			}
		}
	})
	t.Run("concurrent", func(t *testing.T) {
		q := ask(t, &belief{sigma: sigma}, 0.5, 0)
		want := plan(t, p, q, 1)
		q.Previous = want
		next := plan(t, p, q, 2)
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				if got, err := p.Plan(context.Background(), q, rng.New(2)); err != nil || !reflect.DeepEqual(got, next) {
					t.Errorf("side by side it plans otherwise, error %v", err)
				}
			})
		}
		wait.Wait()
	})
	t.Run("nothing that it is given changes", func(t *testing.T) {
		q := ask(t, &belief{sigma: sigma}, 0.5, 0)
		q.Previous = plan(t, p, q, 1)
		q.LastAction, q.Left = []float64{0.1, 0.2, 0.3}, []float64{0.4}
		q.Rollout.(*belief).query.LastAction = q.LastAction
		before, err := json.Marshal([]any{q.State, q.Previous, q.LastAction, q.Left})
		if err != nil {
			t.Fatal(err)
		}
		plan(t, p, q, 2)
		if after, _ := json.Marshal([]any{q.State, q.Previous, q.LastAction, q.Left}); string(after) != string(before) {
			t.Errorf("the query was %s and is %s", before, after)
		}
	})
	t.Run("it keeps what it promises", func(t *testing.T) {
		for seed := range uint64(3) {
			a := plan(t, p, ask(t, &belief{sigma: sigma}, 0.5, 0), seed)
			x, top, most := 0.5, 0.5, 0.5
			for i, u := range a.Actions {
				x += gainX * u[0]
				top, most = max(top, x), max(most, x+float64(i+1)*a.Beta*sigma)
			}
			switch {
			case laws.Blind && top < 1.1:
				t.Errorf("it does not look at the wall, and goes to %v only", top)
			case !laws.Blind && !a.Feasible:
				t.Error("it says that it is infeasible")
			case !laws.Blind && top > 1+0.5*laws.Slack+1e-9:
				t.Errorf("under the mean it goes to %v, beyond the wall", top)
			case !laws.Blind && laws.Wider != nil && most > 1+0.5*laws.Slack+1e-9:
				t.Errorf("at worst it goes to %v, beyond the wall by more than %v Scales", most, laws.Slack)
			case !laws.Blind && most < 0.85:
				t.Errorf("it dares to go to %v only", most)
			}
		}
	})
	t.Run("units, places and the size of rewards change nothing", func(t *testing.T) {
		want := plan(t, p, ask(t, &belief{sigma: sigma}, 0.5, 0), 1)
		for _, m := range []moved{{unit: 1 << 30, times: 1}, {unit: 1.0 / (1 << 30), times: 1}, {unit: 1, offset: 1 << 23, times: 1}, {unit: 1, times: 1 << 50}, {unit: 1, times: 1.0 / (1 << 50)}} {
			if laws.Priced && m.times != 1 {
				continue
			}
			b := &belief{sigma: sigma}
			q := ask(t, b, 0.5, 0)
			m.belief = b
			got, err := p.Plan(context.Background(), m.query(t, q), rng.New(1))
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("in units of %g, %g away and with %g times the reward", 1/m.unit, m.offset, m.times)
			if !reflect.DeepEqual(got.Actions, want.Actions) || !reflect.DeepEqual(got.Eta, want.Eta) || got.Feasible != want.Feasible {
				t.Errorf("%s it plans otherwise: %v, want %v", what, got.Actions, want.Actions)
			}
			for k, bound := range want.Bound {
				if got.Bound[k] != bound*m.unit {
					t.Errorf("%s limit %d is bounded by %v, want %v", what, k, got.Bound[k]/m.unit, bound)
				}
			}
		}
	})
	t.Run("the next plan goes on from the last", func(t *testing.T) {
		b := &belief{sigma: sigma}
		q := ask(t, b, 0.5, 0)
		a := plan(t, p, q, 1)
		for step := range 5 {
			q.State, q.Previous = a.Expected.States[1], a
			b.query.State = q.State
			if a = plan(t, p, q, uint64(step)); !laws.Blind && !a.Feasible {
				t.Errorf("plan %d is infeasible, though nothing unexpected happened", step)
			}
		}
	})
	t.Run("a last plan of another planner", func(t *testing.T) {
		odd := [][]float64{{0.5}, nil, make([]float64, 17)}
		q := ask(t, &belief{sigma: sigma}, 0.5, 0)
		for _, last := range []*safex.Plan{{}, {Actions: [][]float64{{1, 0, 0}}, Counterexamples: odd, Elites: odd, Means: odd}, {Means: odd[:2], Counterexamples: odd, Elites: odd}} {
			q.Previous = last
			plan(t, p, q, 1)
		}
	})
	if laws.Wider != nil {
		t.Run("how far the model may err reaches the plan", func(t *testing.T) {
			q := ask(t, &belief{sigma: sigma}, 0.5, 0)
			a, wider := plan(t, p, q, 1), plan(t, laws.Wider, q, 1)
			q.Beta = 4
			asked := plan(t, p, q, 1)
			if !(a.Beta > 0 && wider.Beta > a.Beta) || asked.Beta != 4 {
				t.Errorf("β is %v, %v if it is wider and %v if the model asks for 4", a.Beta, wider.Beta, asked.Beta)
			}
			for name, b := range map[string]*safex.Plan{"wider": wider, "asked for": asked} {
				if b.Beta > a.Beta && !(b.Expected.Return() < a.Expected.Return()) {
					t.Errorf("β is %v and the return %v; where β is %v, as it is %s, the return is %v", a.Beta, a.Expected.Return(), b.Beta, name, b.Expected.Return())
				}
			}
		})
	}
	t.Run("no plan without a number", func(t *testing.T) {
		nowhere := func(float64) int { return 1 }
		if a, err := p.Plan(context.Background(), ask(t, &belief{sigma: sigma, spoilt: nowhere}, 0.5, 0), rng.New(1)); a != nil || err == nil || !strings.Contains(err.Error(), "left the real numbers") {
			t.Errorf("plan %v, error %v", a, err)
		}
	})
	t.Run("NaN and Inf are counted and never chosen", func(t *testing.T) {
		for what := 1; what <= 2; what++ {
			right := func(push float64) int {
				if push > 0.3 {
					return what
				}
				return 0
			}
			a := plan(t, p, ask(t, &belief{sigma: sigma, spoilt: right}, 0.5, 0), 1)
			if a.NaNs == 0 {
				t.Error("none was counted")
			}
			for _, u := range a.Actions {
				if right(u[0]) > 0 {
					t.Errorf("it chose %v, whose outcome is no number", u[0])
				}
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if a, err := p.Plan(ctx, ask(t, &belief{sigma: sigma}, 0.5, 0), rng.New(1)); a != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("plan %v, error %v from a context that is over", a, err)
		}
		b := &belief{sigma: sigma}
		q := ask(t, b, 0.5, 0)
		plan(t, p, q, 1)
		for _, n := range []int{1, 2, 3, 5, b.rolls / 2, b.rolls - 2} {
			if n < 1 || n > b.rolls-2 { // the last may be of a plan that is complete
				continue
			}
			ctx, cancel := context.WithCancel(context.Background())
			q := ask(t, &belief{sigma: sigma, after: func(rolls int) error {
				if rolls == n {
					cancel()
				}
				return nil
			}}, 0.5, 0)
			a, err := p.Plan(ctx, q, rng.New(1))
			cancel()
			if a == nil || !errors.Is(err, context.Canceled) {
				t.Fatalf("cancelled after roll %d of %d: plan %v, error %v", n, b.rolls, a, err)
			}
			whole(t, a, q)
			if laws.Wider != nil && a.Feasible && a.Eta == nil {
				t.Errorf("cancelled after roll %d: a plan that nobody attacked is called feasible", n)
			}
		}
	})
	t.Run("a delay", func(t *testing.T) { delayed(t, p, laws) })
	t.Run("a deadline", func(t *testing.T) { deadline(t, p, laws, ask) })
	t.Run("errors of the engine come back", func(t *testing.T) {
		broken := errors.New("broken")
		for _, n := range []int{1, 2, 4} {
			q := ask(t, &belief{sigma: sigma, after: func(rolls int) error {
				if rolls == n {
					return broken
				}
				return nil
			}}, 0.5, 0)
			a, err := p.Plan(context.Background(), q, rng.New(1))
			if !errors.Is(err, broken) || n == 1 && a != nil {
				t.Errorf("roll %d is broken: plan %v, error %v", n, a, err)
			}
		}
	})
	t.Run("without a limit", func(t *testing.T) {
		b := &belief{sigma: sigma}
		b.query.System = carts(t)
		a := plan(t, p, ask(t, b, 0.5, 0), 1)
		if end := a.Expected.States[len(a.Actions)][0]; !a.Feasible || a.Eta != nil || end < 1.1 {
			t.Errorf("it goes to %v under the error %v; feasible: %v", end, a.Eta, a.Feasible)
		}
	})
	if after, _ := json.Marshal(p); string(after) != string(settings) {
		t.Errorf("the settings were %s and are %s", settings, after)
	}
	if laws.Blind {
		return
	}
	t.Run("beyond a limit it comes back, and says so", func(t *testing.T) {
		a := plan(t, p, ask(t, &belief{sigma: 1e-4}, 1.6, 0), 1)
		if a.Feasible {
			t.Error("it calls a plan from beyond the wall feasible")
		}
		if u := a.Actions[0][0]; u > -0.85 {
			t.Errorf("it backs off with %v only", u)
		}
	})
	t.Run("budgets are spent, and no more", func(t *testing.T) {
		for _, left := range []float64{0, 0.3, 2} {
			b := &belief{}
			q := ask(t, b, 0.95, 0)
			if q.Left = []float64{left}; left == 0 {
				q.Left = nil
			}
			a := plan(t, p, q, 1)
			spent := 0.0
			for _, e := range a.Worst.Excess {
				spent += max(e[0], 0)
			}
			if !a.Feasible || spent > left+1e-9 || spent < left-0.5 || left > 0 && spent == 0 {
				t.Errorf("of %v left, the plan spends %v; feasible: %v", left, spent, a.Feasible)
			}
		}
	})
	t.Run("rates are kept from the action before on", func(t *testing.T) {
		b := &belief{}
		b.query.System, b.query.LastAction = carts(t, jerk), []float64{-1, 0, 0}
		q, before := ask(t, b, 0, 0), -1.0
		for i := range 6 {
			q.Previous = plan(t, p, q, uint64(i))
			u := q.Previous.Actions[0]
			if math.Abs(u[0]-before) > jerk.Max+1e-9 || !q.Previous.Feasible {
				t.Errorf("push %d is %v after %v; feasible: %v", i, u[0], before, q.Previous.Feasible)
			}
			q.State, _, _ = q.System.Step(q.State, u)
			q.LastAction, before = u, u[0]
			b.query.State, b.query.LastAction = q.State, q.LastAction
		}
		if before < 0 {
			t.Errorf("the last push is %v after -1, and the way is free", before)
		}
	})
}

// whole checks what is true of every plan.
func whole(t *testing.T, a *safex.Plan, q safex.Query) {
	t.Helper()
	horizon, nx, nu, nl := len(a.Actions), len(q.System.State), len(q.System.Action), len(q.System.Limits)
	inBox := func(row []float64, dim int) bool {
		return len(row) == dim && !slices.ContainsFunc(row, func(v float64) bool { return !(v >= -1 && v <= 1) })
	}
	if horizon < 5 || horizon > 20 {
		t.Errorf("a plan of %d steps, and the laws are for about ten", horizon)
	}
	for i, u := range a.Actions {
		if !inBox(u, nu) {
			t.Errorf("action %d is %v", i, u)
		}
	}
	if a.Eta != nil && len(a.Eta) != horizon {
		t.Errorf("%d errors for %d steps", len(a.Eta), horizon)
	}
	for i, e := range a.Eta {
		if !inBox(e, nx) {
			t.Errorf("error %d is %v", i, e)
		}
	}
	for name, tr := range map[string]safex.Trajectory{"expected": a.Expected, "worst": a.Worst} {
		if len(tr.States) != horizon+1 || len(tr.Actions) != horizon || len(tr.Rewards) != horizon || len(tr.Excess) != horizon || !slices.Equal(tr.States[0], q.State) {
			t.Fatalf("%s: %d states from %v, %d actions, %d rewards and %d excesses", name, len(tr.States), tr.States[0], len(tr.Actions), len(tr.Rewards), len(tr.Excess))
		}
		for i, e := range tr.Excess {
			if len(e) != nl || !slices.Equal(tr.Actions[i], a.Actions[i]) {
				t.Fatalf("%s: step %d has the excess %v and the action %v", name, i, e, tr.Actions[i])
			}
		}
	}
	agrees(t, "expected", a.Expected, a, nil, q)
	if a.Eta != nil {
		agrees(t, "worst", a.Worst, a, a.Eta, q)
	}
	if len(a.Bound) != nl {
		t.Fatalf("it bounds %d limits of %d", len(a.Bound), nl)
	}
	for _, e := range slices.Concat(a.Expected.Excess, a.Worst.Excess) {
		for k, bound := range a.Bound {
			if e[k] > bound+1e-9 {
				t.Errorf("limit %d is exceeded by %v in a forecast, and bounded by %v", k, e[k], bound)
			}
		}
	}
	if broken := a.Worst.Violations(q.Left...); a.Feasible && broken > 0 {
		t.Errorf("a plan that breaks a limit in %d steps is called feasible", broken)
	}
}

// agrees checks that a trajectory is the rollout of the actions of a plan under an error.
func agrees(t *testing.T, name string, tr safex.Trajectory, a *safex.Plan, eta [][]float64, q safex.Query) {
	t.Helper()
	b := &belief{t: t, query: q, sigma: q.Rollout.(*belief).sigma, spoilt: q.Rollout.(*belief).spoilt}
	column := func(rows [][]float64) num.Batch {
		flat := slices.Concat(rows...)
		batch := num.NewBatch(len(flat), 1)
		batch.SetPoint(0, flat)
		return batch
	}
	c := safex.Candidates{State: q.State, Actions: column(a.Actions), Beta: a.Beta, LastAction: q.LastAction}
	if eta != nil {
		c.Eta = column(eta)
	}
	var out safex.Rolled
	if err := b.Roll(context.Background(), &out, c, nil); err != nil {
		t.Fatal(err)
	}
	for i := range a.Actions {
		for d, v := range tr.States[i+1] {
			if v != out.States[2*i+d][0] {
				t.Fatalf("%s: state %d is %v, and the model says %v", name, i+1, v, out.States[2*i+d][0])
			}
		}
		if tr.Rewards[i] != out.Reward[i][0] {
			t.Fatalf("%s: reward %d is %v, and the model says %v", name, i, tr.Rewards[i], out.Reward[i][0])
		}
		for k, e := range tr.Excess[i] {
			if want := out.Excess[i*len(tr.Excess[i])+k][0] * q.System.LimitScale(k); e != want {
				t.Fatalf("%s: excess %d is %v, and the model says %v", name, i, e, want)
			}
		}
	}
}
