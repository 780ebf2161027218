package rollout_test

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

const horizon = 6

// learned is a small ensemble on random transitions.
func learned(t testing.TB, s *safex.System, data *safex.Data, seed uint64) safex.Model {
	l := ensemble.Default()
	l.Hidden, l.MaxSteps = []int{16, 16}, 60
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(seed))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// each runs f with an engine of each kind of this package.
func each(t *testing.T, f func(t *testing.T, e safex.Engine)) {
	t.Run("graph", func(t *testing.T) { f(t, rollout.NewGoMLX()) })
	t.Run("stepwise", func(t *testing.T) { f(t, rollout.NewStepwise()) })
}

func bind(t testing.TB, e safex.Engine, s *safex.System, m safex.Model) safex.Rollout {
	r, err := e.Rollout(s, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func roll(t testing.TB, r safex.Rollout, c safex.Candidates, up *safex.Scalarisation) *safex.Rolled {
	out := &safex.Rolled{}
	if err := r.Roll(context.Background(), out, c, up); err != nil {
		t.Fatal(err)
	}
	return out
}

func candidates(n int) safex.Candidates {
	return safex.Candidates{
		State: []float64{-0.9, 0.435, 1.5}, Beta: 2,
		Actions: uniform(horizon, n, rng.New(5)), Eta: uniform(horizon*3, n, rng.New(6)),
	}
}

// A rollout is the model's own one-step predictions, step by step, with the task's own reward and limits.
func TestRollFollowsPredict(t *testing.T) { each(t, testRollFollowsPredict) }

func testRollFollowsPredict(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	m := learned(t, s, data, 1)
	const n = 40
	c := candidates(n)
	c.Epistemic = true
	out := roll(t, bind(t, e, s, m), c, nil)
	x := num.NewBatch(3, n)
	for i := range n {
		x.SetPoint(i, c.State)
	}
	var p safex.Prediction
	for step := range horizon {
		u := c.Actions[step : step+1]
		if err := m.Predict(&p, x, u); err != nil {
			t.Fatal(err)
		}
		for d := range p.Mean {
			for i := range n {
				want := p.Mean[d][i] + c.Beta*p.Epistemic[d][i]*c.Eta[step*3+d][i]
				if got := out.States[step*3+d][i]; math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("step %d, dimension %d, candidate %d: rolled to %v, Predict says %v", step, d, i, got, want)
				}
				if got, want := out.Epistemic[step*3+d][i], p.Epistemic[d][i]; math.Abs(got-want) > 1e-5*want {
					t.Fatalf("step %d, dimension %d, candidate %d: the epistemic deviation is %v, Predict says %v", step, d, i, got, want)
				}
			}
		}
		next := out.States[step*3 : step*3+3]
		for i := range n {
			reward, excess := s.Score(x.Point(i), u.Point(i), next.Point(i), u.Point(i))
			if got := out.Reward[step][i]; math.Abs(got-reward) > 1e-5*(1+math.Abs(reward)) {
				t.Fatalf("step %d: reward %v, want %v", step, got, reward)
			}
			if got := out.Excess[step][i]; math.Abs(got-excess[0]) > 1e-5 {
				t.Fatalf("step %d: excess %v, want %v", step, got, excess[0])
			}
		}
		x = next
	}
}

// The epistemic deviation comes if it is asked for, with a model error or without, with gradients or without, and changes nothing else.
func TestEpistemic(t *testing.T) { each(t, testEpistemic) }

func testEpistemic(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	r := bind(t, e, s, learned(t, s, data, 1))
	for _, up := range []*safex.Scalarisation{nil, {Reward: 0.3, Excess: 1, Sharpness: 5}} {
		for _, eta := range []bool{false, true} {
			c := candidates(20)
			if !eta {
				c.Eta = nil
			}
			without := roll(t, r, c, up)
			c.Epistemic = true
			with := roll(t, r, c, up)
			if without.Epistemic != nil || len(with.Epistemic) != 3*horizon || with.Epistemic.Len() != 20 {
				t.Fatalf("%d columns of epistemic deviations unasked, and %d of %d asked for", len(without.Epistemic), len(with.Epistemic), with.Epistemic.Len())
			}
			for column, states := range without.States {
				for i, v := range states {
					if got := with.States[column][i]; math.Abs(got-v) > 1e-5*(1+math.Abs(v)) {
						t.Fatalf("with its epistemic deviation, state %d of candidate %d is %v, without it %v", column, i, got, v)
					}
				}
			}
			c.Epistemic = false
			if err := r.Roll(context.Background(), with, c, up); err != nil || with.Epistemic != nil {
				t.Errorf("%d columns of epistemic deviations are left of the call before; %v", len(with.Epistemic), err)
			}
		}
	}
}

// The gradients are those of the value, by central differences.
func TestGradients(t *testing.T) { each(t, testGradients) }

func testGradients(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	r := bind(t, e, s, learned(t, s, data, 1))
	const n = 4
	c := candidates(n)
	up := &safex.Scalarisation{Reward: 0.3, Excess: 1, Sharpness: 5}
	out := roll(t, r, c, up)
	for _, part := range []struct {
		name string
		x, g num.Batch
	}{{"action", c.Actions, out.GradAction}, {"η", c.Eta, out.GradEta}} {
		for column := range part.x {
			const h = 1e-2
			old := slices.Clone(part.x[column])
			shift := func(by float64) []float64 {
				for i := range old {
					part.x[column][i] = old[i] + by
				}
				return roll(t, r, c, up).Value
			}
			hi, lo := shift(h), shift(-h)
			copy(part.x[column], old)
			for i := range n {
				want := (hi[i] - lo[i]) / (2 * h)
				if got := part.g[column][i]; math.Abs(got-want) > 2e-2*(0.05+math.Abs(want)) {
					t.Errorf("d value / d %s %d of candidate %d is %v, differences say %v", part.name, column, i, got, want)
				}
			}
		}
	}
}

// The value is a smooth maximum of the excess plus the reward, as Scalarisation says.
func TestScalarisationValue(t *testing.T) { each(t, testScalarisationValue) }

func testScalarisationValue(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	out := roll(t, bind(t, e, s, learned(t, s, data, 1)), candidates(5), &safex.Scalarisation{Reward: 0.3, Excess: 2, Sharpness: 7})
	for i, got := range out.Value {
		var reward, sum float64
		for step := range horizon {
			reward += out.Reward[step][i]
			sum += math.Exp(7 * out.Excess[step][i])
		}
		if want := 0.3*reward + 2*math.Log(sum)/7; math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
			t.Errorf("candidate %d: value %v, want %v", i, got, want)
		}
	}
}

// Candidate 0 does not care about the others, NaN among them.
func TestLanesAreIndependent(t *testing.T) { each(t, testLanesAreIndependent) }

func testLanesAreIndependent(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	r := bind(t, e, s, learned(t, s, data, 1))
	c := candidates(20)
	up := &safex.Scalarisation{Excess: 1, Sharpness: 5}
	before := roll(t, r, c, up)
	for i := 1; i < 20; i++ {
		for d := range c.Actions {
			c.Actions[d][i] = math.NaN()
		}
	}
	after := roll(t, r, c, up)
	for name, b := range map[string][2]num.Batch{
		"reward": {before.Reward, after.Reward}, "states": {before.States, after.States}, "η gradient": {before.GradEta, after.GradEta},
	} {
		if !slices.Equal(b[0].Point(0), b[1].Point(0)) {
			t.Errorf("%s of candidate 0 changed with the others: %v, %v", name, b[0].Point(0), b[1].Point(0))
		}
	}
}

// Nothing is compiled again after a fit, for another β, or for another batch of a like size; and a new
// model is believed at once.
func TestNoRecompilation(t *testing.T) {
	s, data := modeltest.Pendulum(t, 200)
	engine := rollout.NewGoMLX()
	var last *safex.Rolled
	for seed := range uint64(3) {
		r, err := engine.Rollout(s, learned(t, s, data, seed))
		if err != nil {
			t.Fatal(err)
		}
		c := candidates(40)
		c.Beta = float64(seed)
		out := roll(t, r, c, nil)
		roll(t, r, candidates(38), nil)
		roll(t, r, c, &safex.Scalarisation{Excess: 1, Sharpness: 5})
		if got := engine.Compiled(); got != 2 {
			t.Errorf("after model %d: %d compiled graphs, want 2: forward and gradient", seed, got)
		}
		if last != nil && slices.Equal(last.States[3], out.States[3]) {
			t.Errorf("model %d rolls out as the one before", seed)
		}
		last = out
	}
}

// Two tasks share an engine, not their graphs.
func TestOraclesAreApart(t *testing.T) { each(t, testOraclesAreApart) }

func testOraclesAreApart(t *testing.T, e safex.Engine) {
	var ends []float64
	for _, mass := range []float64{1, 3} {
		p := tasks.DefaultPendulum()
		p.Mass = mass
		s, err := p.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		r := bind(t, e, s, rollout.OracleModel(s))
		c := candidates(1)
		out := roll(t, r, c, nil)
		x := c.State
		for step := range horizon {
			x, _, _ = s.Step(x, c.Actions[step])
		}
		if got := out.States[3*horizon-1][0]; math.Abs(got-x[2]) > 1e-5 {
			t.Errorf("mass %v rolls out to %v rad/s, the task steps to %v", mass, got, x[2])
		}
		ends = append(ends, x[2])
	}
	if ends[0] == ends[1] {
		t.Error("the two tasks are one")
	}
}

// A rollout may be used by many at once, from its first call on.
func TestConcurrentRolls(t *testing.T) { each(t, testConcurrentRolls) }

func testConcurrentRolls(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	c := candidates(40)
	for round := range 10 {
		r := bind(t, e, s, learned(t, s, data, uint64(round)))
		outs := make([]safex.Rolled, 8)
		var wait sync.WaitGroup
		for i := range outs {
			wait.Go(func() {
				if err := r.Roll(context.Background(), &outs[i], c, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		for i := range outs {
			if len(outs[i].States) > 0 && !slices.Equal(outs[i].States[0], outs[0].States[0]) {
				t.Errorf("round %d: call %d gave other states than call 0", round, i)
			}
		}
	}
}

// A cancelled context ends a rollout, and wrong dimensions are the caller's mistake.
func TestRollRefuses(t *testing.T) { each(t, testRollRefuses) }

func testRollRefuses(t *testing.T, e safex.Engine) {
	s, data := modeltest.Pendulum(t, 200)
	r := bind(t, e, s, learned(t, s, data, 1))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Roll(ctx, &safex.Rolled{}, candidates(4), nil); err != context.Canceled {
		t.Errorf("a cancelled Roll returns %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("η of the wrong horizon did not panic")
		}
	}()
	c := candidates(4)
	c.Eta = c.Eta[:3]
	r.Roll(context.Background(), &safex.Rolled{}, c, nil)
}

// A limit on the rate of the actions counts from the action that was executed last, and its gradient reaches
// both actions.
func TestRates(t *testing.T) { each(t, testRates) }

func testRates(t *testing.T, e safex.Engine) {
	task := tasks.DefaultPendulum().Task()
	task.Limits = append(task.Limits, safex.Limit{
		Name: "jerk", Max: 0.4, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() },
	})
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	r := bind(t, e, s, rollout.OracleModel(s))
	c := candidates(20)
	for _, last := range [][]float64{nil, {0.8}} {
		c.LastAction = last
		out := roll(t, r, c, nil)
		for i := range 20 {
			before := 0.0
			if last != nil {
				before = last[0]
			}
			for step := range horizon {
				u := c.Actions[step][i]
				if got, want := out.Excess[2*step+1][i], math.Abs(u-before)-0.4; math.Abs(got-want) > 1e-6 {
					t.Fatalf("step %d after %v: excess %v, want %v", step, before, got, want)
				}
				before = u
			}
		}
	}
	for step := range horizon { // one wide jump up before step 3, none elsewhere
		for i := range 20 {
			c.Actions[step][i] = -0.5
			if step >= 3 {
				c.Actions[step][i] = 0.5
			}
		}
	}
	c.LastAction = []float64{-0.5}
	out := roll(t, r, c, &safex.Scalarisation{Excess: 1, Sharpness: 50})
	if a, b := out.GradAction[2][0], out.GradAction[3][0]; math.Abs(a+1) > 1e-3 || math.Abs(b-1) > 1e-3 {
		t.Errorf("the gradients of the jump are %v and %v, want -1 and 1", a, b)
	}
}
