package filter_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/filtertest"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

func pendulum(t testing.TB) *safex.System {
	t.Helper()
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told is a pendulum that expects something.
func told(t testing.TB, es ...safex.Expectation) *safex.System {
	t.Helper()
	task := tasks.DefaultPendulum().Task()
	task.Expected = es
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the task declares of noise is what a filter allows for, if it does not say itself: the kernel is smaller, and the Backup, which was declared of a system
// without noise, is not taken for one that keeps the limits under it, unless it is named.
func TestDeclaredNoise(t *testing.T) {
	noise := safex.Expectation{Kind: safex.ProcessNoise, On: "omega", Size: 0.05, Within: true}
	plain, noisy := pendulum(t), told(t, noise)
	share := func(s *safex.System, f filter.Filter) float64 {
		f.Cells = 121
		terminal, err := f.Terminal(t.Context(), s, rollout.OracleModel(s), 0)
		if err != nil {
			t.Fatal(err)
		}
		k, in := terminal, 0
		for i := range 400 {
			if k.Backup(angled(float64(i%20)/20*2*math.Pi, -6+12*float64(i/20)/20)) != nil {
				in++
			}
		}
		return float64(in) / 400
	}
	kernel, said := filter.Default(), filter.Default()
	kernel.Set, said.Set, said.Noise = filter.Model, filter.Model, noisy.NoiseBox()
	without, with := share(plain, kernel), share(noisy, kernel)
	if with >= without || with == 0 || with != share(plain, said) || with != share(noisy, filter.Default()) {
		t.Errorf("kernels of %v of the states without noise, %v with, %v where the filter says so, and %v by default", without, with, share(plain, said), share(noisy, filter.Default()))
	}
	task := filter.Default()
	if task.Set = filter.Task; filter.Default().Knows(noisy) || !task.Knows(noisy) || !filter.Default().Knows(plain) {
		t.Error("a Backup is taken for what it was not declared for, or not for what it was")
	}
	far := tasks.DefaultRCCar().Task()
	far.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "vx", Size: 0.1}}
	s, err := far.System()
	if err != nil {
		t.Fatal(err)
	}
	if err := filter.Default().CheckSystem(s); err == nil || !strings.Contains(err.Error(), "filter.Set=task") {
		t.Errorf("a task that has no kernel gives %v", err)
	}
	if err := filter.Default().CheckSystem(told(t, safex.Expectation{Kind: safex.Delay, Size: 2})); err == nil || !strings.Contains(err.Error(), "2 steps late") {
		t.Errorf("a delay gives %v", err)
	}
}

// learned is a model of the pendulum that l learns from throws at random states.
func learned(t testing.TB, s *safex.System, l safex.Learner) safex.Model {
	t.Helper()
	r := rng.New(3).Rand()
	data := &safex.Data{}
	for range 500 {
		x, u := angled(math.Pi*(2*r.Float64()-1), 12*r.Float64()-6), []float64{2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
	}
	m, err := l.Learn(t.Context(), s, data, nil, rng.New(4))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// angled is a state of the pendulum.
func angled(θ, ω float64) []float64 { return []float64{math.Cos(θ), math.Sin(θ), ω} }

// starts hang, and swing through the bottom nearly as fast as they may.
func starts(n int) (all [][]float64) {
	r := rng.New(9).Rand()
	for i := range n {
		all = append(all, angled(math.Pi+0.3*r.NormFloat64(), r.NormFloat64()+5*float64(i%2)))
	}
	return all
}

func TestLaws(t *testing.T) {
	s := pendulum(t)
	n := 12
	if testing.Short() {
		n = 4
	}
	kernel := filter.Default()
	kernel.Set = filter.Model
	for _, set := range []filter.Set{filter.Task, filter.Model, filter.Either} {
		t.Run("oracle, "+string(set), func(t *testing.T) {
			f := filter.Default()
			f.Set = set
			filtertest.Laws(t, f, filtertest.Case{System: s, Model: rollout.OracleModel(s), Engine: rollout.NewAuto(), Starts: starts(n), Steps: 200})
		})
	}
	t.Run("noise", func(t *testing.T) {
		s := told(t, safex.Expectation{Kind: safex.ProcessNoise, On: "omega", Size: 0.03, Within: true}, safex.Expectation{Kind: safex.ProcessNoise, On: "theta", Size: 0.002, Within: true})
		filtertest.Laws(t, filter.Default(), filtertest.Case{System: s, Model: rollout.OracleModel(s), Engine: rollout.NewAuto(), Starts: starts(n), Steps: 100})
	})
	for name, l := range map[string]safex.Learner{"learned": ensemble.Default(), "sparse process": gp.DefaultSparse()} {
		t.Run(name, func(t *testing.T) {
			filtertest.Laws(t, kernel, filtertest.Case{System: s, Model: learned(t, s, l), Engine: rollout.NewAuto(), Beta: 2, Starts: starts(n), Steps: 100})
		})
	}
}

// A box that is too large for any action leaves nothing proved, and the plan that breaks least.
func TestNothingProved(t *testing.T) {
	s := pendulum(t)
	f := filter.Default()
	f.Set = filter.Model
	f.Noise = []float64{0, 0, 20}
	g, err := f.Guard(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewAuto().Rollout(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	p := &safex.Plan{Actions: [][]float64{{1}, {1}}}
	got, err := g.Keep(t.Context(), safex.Query{System: s, Rollout: roll, State: angled(0, 5.9)}, p)
	if err != nil || got.Cover != safex.CoverNone {
		t.Errorf("cover %q, error %v; want %q", got.Cover, err, safex.CoverNone)
	}
	p.Feasible = true
	if got, err = g.Keep(t.Context(), safex.Query{System: s, Rollout: roll, State: angled(0, 1)}, p); err != nil || got.Actions[0][0] != 1 {
		t.Errorf("a feasible plan of which nothing is proved becomes %v, error %v", got.Actions, err)
	}
}

// Through noise a step is taken as it would be without, and nothing is said to be proved of it.
func TestThroughNoise(t *testing.T) {
	for _, u := range []float64{0, 1} { // which is kept, and which is replaced
		var taken [2]float64
		for i, noise := range [][]safex.Disturbance{nil, {{Kind: safex.ObservationNoise, On: "omega", Size: 0.01}}} {
			task := tasks.DefaultPendulum().Task()
			task.Disturbances = noise
			s, err := task.System()
			if err != nil {
				t.Fatal(err)
			}
			m := rollout.OracleModel(s)
			g, err := filter.Default().Guard(s, m)
			if err != nil {
				t.Fatal(err)
			}
			roll, err := rollout.NewAuto().Rollout(s, m)
			if err != nil {
				t.Fatal(err)
			}
			got, err := g.Keep(t.Context(), safex.Query{System: s, Rollout: roll, State: angled(math.Pi-0.1, 5.85)}, &safex.Plan{Actions: [][]float64{{u}, {u}}})
			if err != nil {
				t.Fatal(err)
			}
			if covered := got.Cover != safex.CoverNone; covered != (i == 0) {
				t.Errorf("action %v with disturbances %v: cover %q", u, noise, got.Cover)
			}
			taken[i] = got.Actions[0][0]
		}
		if taken[0] != taken[1] || (taken[0] == u) != (u == 0) {
			t.Errorf("in place of %v the actions are %v", u, taken)
		}
	}
}

// Steps are judged by the terminal set of their box: a step into it is covered, and the box is what the model asked for, the plan's, or the filter's own.
func TestTerminal(t *testing.T) {
	s := pendulum(t)
	f := filter.Default()
	f.Cells = 101
	for want, got := range map[float64]float64{2: f.Deviations(0, 0), 3: f.Deviations(0, 3), 1: f.Deviations(1, 3)} {
		if got != want {
			t.Errorf("a box of %v deviations, want %v", got, want)
		}
	}
	if a, b := f.Deviations(2.46, 3), f.Deviations(2.5, 3); a != b || a < 2.5 || a > 2.5*1.05 {
		t.Errorf("a model that asks for 2.46 and 2.5 gets %v and %v", a, b)
	}
	m := rollout.OracleModel(s)
	set, err := f.Terminal(t.Context(), s, m, 2)
	if err != nil {
		t.Fatal(err)
	}
	g, err := f.Guard(s, m)
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewAuto().Rollout(s, m)
	if err != nil {
		t.Fatal(err)
	}
	for angle := -3.0; angle < 3; angle += 0.25 {
		x := angled(angle, 2)
		next, _, _ := s.Step(x, []float64{0})
		p, err := g.Keep(t.Context(), safex.Query{System: s, Rollout: roll, State: x}, &safex.Plan{Actions: [][]float64{{0}}, Beta: 2})
		if err != nil {
			t.Fatal(err)
		}
		if p.Cover == safex.CoverKernel && set.Backup(next) == nil {
			t.Errorf("a step from %v is covered by the kernel, and not in the set", x)
		}
		if set.Backup(x) != nil && !p.Cover.Covered() {
			t.Errorf("from %v, which is in the set, a step is covered by %q", x, p.Cover)
		}
	}
	if _, err := f.Terminal(t.Context(), s, opaque{}, 2); err == nil {
		t.Error("a model that does not say what it computes has a terminal set")
	}
}

// What a filter cannot judge is refused with one sentence.
func TestRefusals(t *testing.T) {
	s := pendulum(t)
	bad := filter.Default()
	bad.Beta = math.NaN()
	noisy := filter.Default()
	noisy.Noise = []float64{1}
	for want, try := range map[string]func() error{
		"Beta is NaN":                   func() error { _, err := bad.Guard(s, rollout.OracleModel(s)); return err },
		"Noise has 1 dimension":         func() error { _, err := noisy.Guard(s, rollout.OracleModel(s)); return err },
		"does not say what it computes": func() error { _, err := filter.Default().Guard(s, opaque{}); return err },
	} {
		if err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}

// opaque predicts, and does not say how.
type opaque struct{}

func (opaque) Predict(dst *safex.Prediction, x, u num.Batch) error { return context.Canceled }

// slow is a terminal set of one's own: the states in which the pendulum hangs and hardly moves.
type slow struct{}

func (slow) Holds(s reach.Set) bool {
	low, high := s.Range(2)
	_, top := s.Range(0)
	return low > -0.5 && high < 0.5 && top < -0.9
}

func (slow) Backup(x []float64) []float64 {
	if x[0] < -0.95 && math.Abs(x[2]) < 0.3 {
		return []float64{0}
	}
	return nil
}

func (s slow) Depth(reach.Set) float64 { return 0 }

// A terminal set of one's own takes the place of all others.
func TestOwnTerminal(t *testing.T) {
	s := pendulum(t)
	f := filter.Default()
	f.Own = slow{}
	g, err := f.Guard(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewAuto().Rollout(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		θ, ω float64
		push float64
		want safex.Cover
	}{
		{math.Pi, 0, 0.1, safex.CoverKernel}, // stays
		{math.Pi, 0.2, 1, safex.CoverBackup}, // would swing too fast
		{0, 0, 1, safex.CoverNone},           // is elsewhere
	} {
		q := safex.Query{System: s, Rollout: roll, State: angled(c.θ, c.ω)}
		p := &safex.Plan{Actions: [][]float64{{c.push}, {c.push}, {c.push}}, Feasible: true}
		got, err := g.Keep(t.Context(), q, p)
		if err != nil || got.Cover != c.want {
			t.Errorf("from θ = %v, ω = %v, a push of %v is covered by %q, error %v; want %q", c.θ, c.ω, c.push, got.Cover, err, c.want)
		}
	}
}
