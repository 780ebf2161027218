package train_test

import (
	"context"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// deviation is how wrong a pendulum of four fifths of its mass is, half of it: of ω by the torque, and of the angle by ω.
var deviation = []float64{0.002, 0.002, 0.04}

// believing is an agent on a pendulum that knows a lighter one, and begins on its way down, too fast to let go.
func believing(t *testing.T) train.Agent {
	p := tasks.DefaultPendulum()
	p.Steps = 10
	task := p.Task()
	task.Start = safex.StartAt(0, 1, 3)
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p.Mass = 0.8
	prior, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	pl := plan.DefaultPessimistic()
	search := opt.DefaultICEM()
	search.Samples, search.Elites, search.Iterations = 16, 4, 2
	pl.Horizon, pl.Search, pl.AttackedCandidates = 4, search, 3
	return train.Agent{
		System: s, Learner: residual.Residual{Prior: prior, Learner: linear.Default()}, Engine: rollout.NewAuto(), Planner: pl, RandomSteps: 30, LearnEvery: 5, Seed: 1,
		Filter: filter.Default(), Prior: residual.Nominal(prior, deviation),
	}
}

// By a prior every step is covered from the first on. What is said of one is of the action that is executed, which is the random one where it is
// proved, and the worst is that of the box.
func TestPrior(t *testing.T) {
	a := believing(t)
	bare := a
	bare.Filter, bare.Prior = nil, nil
	drawn := all(t, bare, 0)[0]
	filtered := a
	filtered.Prior = nil
	if e := all(t, filtered, 0)[0]; !reflect.DeepEqual(e, drawn) || e.Forecasts != nil {
		t.Error("a filter without a prior changes random steps")
	}
	if drawn.Violations() == 0 {
		t.Error("no random step breaks a limit: the test needs one")
	}
	episodes := all(t, a, 1)
	covers := map[safex.Cover]int{}
	for _, e := range episodes {
		if len(e.Forecasts) != len(e.Actions) || e.Violations() > 0 {
			t.Errorf("episode %d: %d forecasts of %d steps, %d violations", e.Number, len(e.Forecasts), len(e.Actions), e.Violations())
		}
		for i, f := range e.Forecasts {
			if covers[f.Cover]++; !f.Cover.Covered() {
				t.Errorf("episode %d, step %d: cover %q", e.Number, i, f.Cover)
			}
		}
	}
	if covers[safex.CoverKernel] == 0 || covers[safex.CoverBackup] == 0 {
		t.Errorf("covers %v: the test needs some of each", covers)
	}
	prior := a.Learner.(residual.Residual).Prior
	random := episodes[0]
	for i, f := range random.Forecasts {
		if f.Cover == safex.CoverKernel && !slices.Equal(random.Actions[i], drawn.Actions[i]) {
			t.Errorf("step %d: %v is executed in place of %v, which is proved", i, random.Actions[i], drawn.Actions[i])
		}
		mean, _, _ := prior.Step(random.States[i], random.Actions[i])
		for d, v := range mean {
			if math.Abs(f.Mean[d]-v) > 1e-9 {
				t.Errorf("step %d is expected to lead to %v, the prior says %v", i, f.Mean, mean)
			}
		}
		worst := math.Abs(mean[2]) + 2*deviation[2] - 6
		if f.Beta != 2 || f.AskedBeta != 0 || !slices.Equal(f.Epistemic, deviation) || f.OutOfDistribution || f.Cut || math.Abs(f.Worst[0]-worst) > 1e-9 || f.Feasible != (worst <= 0) {
			t.Errorf("step %d with a worst excess of %v: %+v", i, worst, f)
		}
	}
}

// A run with a prior that is stopped after any step goes on with the same bits: the guard is made again.
func TestPriorGoesOn(t *testing.T) {
	a := believing(t)
	a.RandomSteps = 12
	whole := all(t, a, 1)
	for stop := 1; stop < 18; stop += 3 {
		s, taken := train.State{}, 0
		for st, err := range a.Steps(context.Background(), &train.State{}, 1) {
			if err != nil {
				t.Fatal(err)
			}
			if taken++; taken == stop {
				s = train.State{ // what a folder keeps
					Episode: st.Episode, Over: st.Over, Data: st.Data, Model: st.Model, Base: st.Base, Previous: st.Previous,
					Guarded: st.Guarded, Fits: st.Fits, Fitted: st.Fitted, Updated: st.Updated, Reach: st.Reach,
				}
				break
			}
		}
		for st, err := range a.Steps(context.Background(), &s, 1) {
			if err != nil {
				t.Fatal(err)
			}
			if st.Over && !reflect.DeepEqual(steps(st.Episode), whole[st.Episode.Number]) {
				t.Errorf("stopped after %d steps, episode %d goes on otherwise", stop, st.Episode.Number)
			}
		}
	}
}

// The backup of the task may act before the first plan: what it does in its set is covered, with a prior or without; out of it, and of another
// policy, nothing is known without one. Without a filter nobody says so.
func TestFirst(t *testing.T) {
	a := believing(t)
	backup := func(_ int, x []float64) []float64 { return a.System.Backup.Action(x) }
	push := func(int, []float64) []float64 { return []float64{1} }
	for name, c := range map[string]struct {
		first   safex.Policy
		change  func(a *train.Agent)
		covered func(f safex.Forecast) bool
	}{
		"backup": {backup, func(a *train.Agent) { a.Prior = nil }, func(f safex.Forecast) bool {
			return f.Cover == safex.CoverBackup && f.Mean == nil && f.Worst == nil && f.Feasible
		}},
		"backup, with a prior": {backup, func(a *train.Agent) {}, func(f safex.Forecast) bool {
			return f.Cover == safex.CoverBackup && f.Mean != nil
		}},
		"push": {push, func(a *train.Agent) { a.Prior = nil }, func(f safex.Forecast) bool {
			return f.Cover == safex.CoverNone && f.Mean == nil && !f.Feasible
		}},
		"push, with a prior": {push, func(a *train.Agent) {}, func(f safex.Forecast) bool { return f.Cover.Covered() && f.Mean != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			a := a
			a.First = c.first
			c.change(&a)
			e := all(t, a, 0)[0]
			if len(e.Forecasts) != a.RandomSteps {
				t.Fatalf("%d forecasts of %d steps", len(e.Forecasts), a.RandomSteps)
			}
			for i, f := range e.Forecasts {
				if !c.covered(f) {
					t.Errorf("step %d: %+v", i, f)
				}
			}
			if e.Violations() > 0 && e.Forecasts[0].Cover.Covered() {
				t.Errorf("%d violations", e.Violations())
			}
			if a.Prior == nil && !slices.Equal(e.Actions[0], c.first(0, e.States[0])) {
				t.Errorf("%v is executed", e.Actions[0])
			}
			a.Filter, a.Prior = nil, nil
			if e := all(t, a, 0)[0]; e.Forecasts != nil || !slices.Equal(e.Actions[1], c.first(1, e.States[1])) {
				t.Errorf("without a filter there are %d forecasts, and %v is executed", len(e.Forecasts), e.Actions[1])
			}
		})
	}
}

// Who acts out of range is refused, and so is a prior that nobody judges by, or that a filter can prove nothing by.
func TestFirstRefuses(t *testing.T) {
	for want, change := range map[string]func(a *train.Agent){
		"there is a Prior, and no Filter":                     func(a *train.Agent) { a.Filter = nil },
		"step 0: First does [1.5], want 1 numbers in [-1, 1]": func(a *train.Agent) { a.First = a.System.ConstantPolicy(1.5) },
		"step 0: First does [NaN]":                            func(a *train.Agent) { a.First = a.System.ConstantPolicy(math.NaN()) },
		"step 0: First does [0 0]":                            func(a *train.Agent) { a.First = a.System.ConstantPolicy(0, 0) },
		"does not say what it computes":                       func(a *train.Agent) { a.Prior = opaque{a.Prior} },
	} {
		a := believing(t)
		change(&a)
		for e, err := range a.Episodes(t.Context(), 0) {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || len(e.Actions) > 0 {
				t.Errorf("error %v after %d steps, want one that says %q", err, len(e.Actions), want)
			}
		}
	}
}

// opaque predicts, and does not say how.
type opaque struct{ safex.Model }
