package fused_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

var scalarisation = &safex.Scalarisation{Reward: 0.3, Excess: 1, Sharpness: 5}

// pendulum is a rollout of random networks, and n candidates.
func pendulum(t testing.TB, activation string, horizon, n int) (*safex.System, *networks, safex.Candidates) {
	s, _ := modeltest.Pendulum(t, 2)
	r := rand.New(rand.NewPCG(3, 4))
	c := candidates(r, s, horizon, n)
	c.Eta = uniform(r, horizon*3, n)
	return s, draw(r, s, 5, []int{40, 33}, activation), c
}

// kinds are one random model of the pendulum of each kind.
func kinds(t testing.TB, s *safex.System, activation string) map[string]safex.Model {
	r := rand.New(rand.NewPCG(3, 4))
	networks := draw(r, s, 5, []int{40, 33}, activation)
	linear, _ := drawLinear(t, r, s)
	process, _ := drawProcess(t, r, s)
	return map[string]safex.Model{
		"networks": networks, "wide": draw(r, s, 2, []int{70, 270}, activation), "linear": linear, "process": process, "oracle": rollout.OracleModel(s),
		"calibrated": calibrated(t, s, networks, []float64{1, 2, 3}, []float64{0, 0.01, 0.02}),
		"prior":      onPrior(t, s, networks),
		"all":        onPrior(t, s, calibrated(t, s, process, []float64{1, 2, 3}, []float64{0, 0.01, 0.02})),
	}
}

// small is an ensemble that learns in no time.
func small(e ensemble.Ensemble) *ensemble.Ensemble {
	e.Hidden, e.MaxSteps = []int{16, 20}, 60
	return &e
}

// heavy is a pendulum with another mass than the others.
func heavy(t testing.TB) *safex.System {
	p := tasks.DefaultPendulum()
	p.Mass *= 1.4
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// learners are those whose models have a Form, by name.
func learners(t testing.TB) map[string]safex.Codec {
	lin := func(degree int) safex.Codec {
		l := linear.Default()
		l.Degree = degree
		return l
	}
	gauss := func(kernel string) safex.Codec {
		g := gp.Default()
		g.Kernel, g.Points, g.Restarts = kernel, 61, 0
		return g
	}
	narrow := gp.DefaultSparse()
	narrow.Range = 0.4 // beyond which some inputs are
	return map[string]safex.Codec{
		"learned noise":  small(ensemble.Default()),
		"fixed noise":    small(ensemble.Deterministic()),
		"temperature":    calibrate.DefaultTemperature().With(small(ensemble.Default())),
		"conformal":      calibrate.DefaultConformal().With(small(ensemble.Deterministic())),
		"adaptive":       calibrate.DefaultAdaptive().With(small(ensemble.Deterministic())),
		"prior":          residual.Residual{Prior: heavy(t), Learner: small(ensemble.Default())},
		"both":           calibrate.DefaultConformal().With(residual.Residual{Prior: heavy(t), Learner: small(ensemble.Default())}),
		"and vice versa": residual.Residual{Prior: heavy(t), Learner: calibrate.DefaultConformal().With(small(ensemble.Default()))},
		"linear":         lin(1),
		"quadratic":      lin(2),
		"all three":      calibrate.DefaultConformal().With(residual.Residual{Prior: heavy(t), Learner: lin(1)}),
		"gp":             gauss("se"),
		"rough gp":       gauss("matern52"),
		"sparse gp":      gp.DefaultSparse(),
		"its range":      narrow,
		"doubted gp":     calibrate.DefaultAdaptive().With(gauss("se")),
		"doubted":        calibrate.DefaultAdaptive().With(small(ensemble.Default())),
		"doubted prior":  calibrate.DefaultAdaptive().With(residual.Residual{Prior: heavy(t), Learner: gp.DefaultSparse()}),
		"gp and all":     calibrate.DefaultConformal().With(residual.Residual{Prior: heavy(t), Learner: gauss("se")}),
		"oracle":         rollout.Oracle{},
		"boxed oracle":   calibrate.DefaultConformal().With(rollout.Oracle{}),
	}
}

// What was learned rolls as its graph does, a member alone too, and has the deviation at the first step that it predicts.
func TestFittedModels(t *testing.T) {
	s, data := modeltest.Pendulum(t, 200)
	all := newComparison(rand.New(rand.NewPCG(5, 6)))
	for name, l := range learners(t) {
		m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		_, _, c := pendulum(t, "swish", 10, 50)
		c.Epistemic = true
		for _, column := range append(num.Batch{c.State}, c.Actions...) { // as the engines see them
			for i, v := range column {
				column[i] = float64(float32(v))
			}
		}
		all.engines(t, name, s, m, c, scalarisation)
		if safex.MembersOf(m) > 0 {
			own, err := safex.MemberOf(m, 1)
			if err != nil {
				t.Fatal(err)
			}
			all.engines(t, name+", a member", s, own, c, nil)
		}
		epistemic := roll(t, bind(t, fused.New(), s, m), c, nil).Epistemic
		x := num.NewBatch(3, 50)
		for lane := range 50 {
			x.SetPoint(lane, c.State)
		}
		var p safex.Prediction
		if err := m.Predict(&p, x, c.Actions[:1]); err != nil {
			t.Fatal(err)
		}
		for d, column := range p.Epistemic {
			for lane, want := range column {
				if got := epistemic[d][lane]; math.Abs(got-want) > tolerance*want {
					t.Fatalf("%s: the epistemic deviation of dimension %d of candidate %d is %v, the model predicts %v", name, d, lane, got, want)
				}
			}
		}
	}
	all.report(t, 10)
}

// The epistemic deviation comes if it is asked for, with a model error or without, with gradients or without, and changes no bit of
// anything else.
func TestEpistemic(t *testing.T) {
	s, _, c := pendulum(t, "swish", 6, 100)
	for name, m := range kinds(t, s, "swish") {
		r := bind(t, fused.New(), s, m)
		c.Epistemic = true
		want := roll(t, r, c, nil)
		for _, up := range []*safex.Scalarisation{nil, scalarisation} {
			for _, eta := range []num.Batch{c.Eta, nil} {
				asked := c
				asked.Eta = eta
				out := roll(t, r, asked, up)
				if with, without := out.Epistemic, want.Epistemic; eta != nil && !slices.EqualFunc(with, without, slices.Equal[[]float64]) ||
					!slices.Equal(with[0], without[0]) || len(with) != 18 || name != "oracle" && slices.Contains(with[17], 0) {
					t.Fatalf("%s, η %v, gradient %v: the epistemic deviation is another", name, eta != nil, up != nil)
				}
				with := results(out)
				asked.Epistemic = false
				again := roll(t, r, asked, up)
				for what, b := range results(again) {
					if what == "epistemic" {
						continue
					}
					for d := range b {
						if !slices.Equal(b[d], with[what][d]) {
							t.Fatalf("%s, η %v, gradient %v: without the epistemic deviation, %s %d is another", name, eta != nil, up != nil, what, d)
						}
					}
				}
				if err := r.Roll(context.Background(), out, asked, up); err != nil || again.Epistemic != nil || out.Epistemic != nil {
					t.Fatalf("%s: an epistemic deviation that nobody asked for, or that is left of the call before; %v", name, err)
				}
			}
		}
	}
}

// Close to its data, where a process is certain, its deviation is the one that it predicts: to 1e-5 of a deviation that is a thousandth of that far
// away. In float32 hardly any of these deviations is a number at all.
func TestSureProcesses(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	g := gp.Default()
	m, err := g.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range vec.Forms() {
		defer vec.Use(vec.Use(form))
		r := rand.New(rand.NewPCG(7, 8))
		roller := bind(t, fused.New(), s, m)
		least := math.Inf(1)
		for range 100 {
			const n = 20
			row := r.IntN(data.Len())
			c := safex.Candidates{State: data.X.Point(row), Actions: uniform(r, 1, n), Epistemic: true}
			size := math.Pow(10, -5*r.Float64())
			for d, v := range s.State {
				c.State[d] = float64(float32(c.State[d] + size*v.Scale*r.NormFloat64()))
			}
			x := num.NewBatch(3, n)
			for i, u := range c.Actions[0] {
				c.Actions[0][i] = float64(float32(data.U[0][row] + size*u))
				x.SetPoint(i, c.State)
			}
			out := roll(t, roller, c, nil)
			var p safex.Prediction
			if err := m.Predict(&p, x, c.Actions); err != nil {
				t.Fatal(err)
			}
			for d := range p.Mean {
				for i := range n {
					least = min(least, p.Epistemic[d][i]/s.State[d].Scale)
					if got, want := out.Epistemic[d][i], p.Epistemic[d][i]; math.Abs(got-want) > tolerance*want {
						t.Fatalf("%s: the epistemic deviation of dimension %d is %v, the model predicts %v", form, d, got, want)
					}
					if got, want := out.States[d][i], p.Mean[d][i]; math.Abs(got-want) > 2e-7*(1+math.Abs(want)) {
						t.Fatalf("%s: the mean of dimension %d is %v, the model predicts %v", form, d, got, want)
					}
				}
			}
		}
		if least > 1e-3 {
			t.Errorf("the least deviation is %v Scales: the points are not close to the data", least)
		}
	}
}

// thrown are Gaussian processes of a pendulum of which one step left the range of float32.
func thrown(t testing.TB) safex.Model {
	t.Helper()
	s, data := modeltest.Pendulum(t, 50)
	data.Next[1][30] = 1e60
	g := gp.Default()
	g.Fit = false
	m, err := g.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Models that have not seen anything roll as their graphs do.
func TestWithoutData(t *testing.T) {
	s, _, c := pendulum(t, "swish", 6, 40)
	c.Epistemic = true
	all := newComparison(rand.New(rand.NewPCG(5, 6)))
	for _, name := range []string{"linear", "gp", "rough gp"} {
		m, err := learners(t)[name].Learn(context.Background(), s, &safex.Data{}, nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		all.engines(t, name, s, m, c, scalarisation)
	}
	all.report(t, 100)
}

// Where the graph's numbers are none, this engine's are none, for weights and roots that are NaN or infinite,
// calibrations that are infinite or 0, and actions that are NaN, infinite or far out. Other candidates' are as the graph's.
func TestBrokenWeights(t *testing.T) {
	check := func(t *testing.T, what string, s *safex.System, m safex.Model, c safex.Candidates) (got *safex.Rolled) {
		t.Helper()
		c.Epistemic = true
		got, want := roll(t, bind(t, fused.New(), s, m), c, scalarisation), roll(t, bind(t, rollout.NewGoMLX(), s, m), c, scalarisation)
		for name, of := range map[string][2]num.Batch{"state": {got.States, want.States}, "epistemic": {got.Epistemic, want.Epistemic}} {
			for d, column := range of[1] {
				for i, v := range column {
					if w := of[0][d][i]; finite(w) && (!finite(v) || math.Abs(v-w) > 1e-5*(1+math.Abs(v))) {
						t.Fatalf("%s: %s %d of candidate %d is %v, want %v", what, name, d, i, w, v)
					}
				}
			}
		}
		return got
	}
	for _, form := range vec.Forms() {
		t.Run(string(form), func(t *testing.T) {
			defer vec.Use(vec.Use(form))
			for _, activation := range []string{"swish", "relu", "tanh"} {
				for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
					for layer := range 3 {
						s, m, c := pendulum(t, activation, 5, 20)
						m.layers.Dense[layer].Weights[7] = bad
						got := check(t, fmt.Sprintf("%s with %v in layer %d", activation, bad, layer), s, m, c)
						if bad != bad && finite(got.Value[3]) {
							t.Errorf("%s with NaN in layer %d: the value is %v", activation, layer, got.Value[3])
						}
					}
				}
			}
			for _, bad := range []float64{0, 1e-30, 1e300} { // the last is ∞ as a float32
				s, m, c := pendulum(t, "swish", 5, 20)
				check(t, fmt.Sprintf("scale %v", bad), s, calibrated(t, s, m, []float64{1, bad, 1}, []float64{0, 0, 1}), c)
				check(t, fmt.Sprintf("floor %v", bad), s, calibrated(t, s, m, []float64{1, 2, 1}, []float64{bad, bad, 1}), c)
			}
			for _, bad := range [][]float64{{1e300, 0}, {0, 1e300}, {-1e300, 1e300}} {
				s, _, c := pendulum(t, "swish", 5, 20)
				m, what := drawLinearWith(t, rand.New(rand.NewPCG(7, 8)), s, bad)
				check(t, fmt.Sprintf("%s with %v", what, bad), s, m, c)
			}
			s, _, c := pendulum(t, "swish", 5, 20)
			check(t, "a process with a step of 1e60", s, thrown(t), c)
			for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 100} {
				s, _, c := pendulum(t, "swish", 5, 20)
				c.Actions[2][7] = bad
				for kind, m := range kinds(t, s, "swish") {
					check(t, fmt.Sprintf("%s with an action of %v", kind, bad), s, m, c)
				}
			}
		})
	}
}

// A candidate with a NaN comes out as NaN, and the others as if it were not there, to the bit, wherever they are and
// however many.
func TestCandidatesAreIndependent(t *testing.T) {
	for _, form := range vec.Forms() {
		t.Run(string(form), func(t *testing.T) {
			defer vec.Use(vec.Use(form))
			s, _, c := pendulum(t, "swish", 6, 150)
			for kind, m := range kinds(t, s, "swish") {
				independent(t, kind, bind(t, fused.New(), s, m), c)
			}
		})
	}
}

func independent(t *testing.T, kind string, r safex.Rollout, c safex.Candidates) {
	t.Helper()
	c.Epistemic = true
	before := roll(t, r, c, scalarisation)
	for _, n := range []int{1, 31, 32, 33, 64, 65, 100} {
		part := c
		part.Actions, part.Eta = num.NewBatch(len(c.Actions), n), num.NewBatch(len(c.Eta), n)
		for i := range n {
			part.Actions.SetPoint(i, c.Actions.Point(150-n+i))
			part.Eta.SetPoint(i, c.Eta.Point(150-n+i))
		}
		if n > 1 {
			part.Actions[2][0] = math.NaN()
		}
		after := results(roll(t, r, part, scalarisation))
		for name, b := range results(before) {
			for d := range b {
				for i := 1; i < n; i++ {
					if got, want := after[name][d][i], b[d][150-n+i]; got != want {
						t.Fatalf("%s: %s %d of candidate %d of %d is %v, of 150 it is %v", kind, name, d, i, n, got, want)
					}
				}
				if got := after[name][d][0]; n > 1 && (name == "value" || name == "state" && d >= 9) && got == got {
					t.Errorf("%s: %s %d of a candidate with a NaN is %v", kind, name, d, got)
				}
			}
		}
	}
}

// Without η, the gradients are those at η = 0, whatever the call before had.
func TestWithoutEta(t *testing.T) {
	s, _, c := pendulum(t, "swish", 6, 100)
	for kind, m := range kinds(t, s, "swish") {
		r := bind(t, fused.New(), s, m)
		for range 3 {
			roll(t, r, c, scalarisation)
			without, zeros := c, c
			without.Eta, zeros.Eta = nil, num.NewBatch(len(c.Eta), 100)
			want := results(roll(t, r, zeros, scalarisation))
			roll(t, r, c, scalarisation)
			for name, b := range results(roll(t, r, without, scalarisation)) {
				for d := range b {
					if !slices.Equal(b[d], want[name][d]) {
						t.Fatalf("%s: %s %d is another than at η = 0", kind, name, d)
					}
				}
			}
		}
	}
}

// How many cores there are changes no bit, and neither does the width of the vectors.
func TestSameBits(t *testing.T) {
	s, _, c := pendulum(t, "tanh", 6, 300)
	c.Epistemic = true
	all := kinds(t, s, "tanh")
	for _, activation := range []string{"swish", "relu"} {
		all[activation] = draw(rand.New(rand.NewPCG(5, 6)), s, 3, []int{64, 130, 37}, activation)
	}
	for kind, m := range all {
		r := bind(t, fused.New(), s, m)
		want := results(roll(t, r, c, scalarisation))
		check := func(what string) {
			t.Helper()
			for name, b := range results(roll(t, r, c, scalarisation)) {
				for d := range b {
					if !slices.Equal(b[d], want[name][d]) {
						t.Fatalf("%s: with %s, %s %d is another", kind, what, name, d)
					}
				}
			}
		}
		check("the same again")
		before := runtime.GOMAXPROCS(0)
		for _, cores := range []int{1, 2, 4, 5} {
			runtime.GOMAXPROCS(cores)
			check(fmt.Sprintf("%d cores", cores))
		}
		runtime.GOMAXPROCS(before)
		if form := vec.Current(); form == vec.AVX512 {
			vec.Use(vec.AVX2)
			check("AVX2")
			vec.Use(form)
		}
	}
}

// Many may roll at once, from the first call on, with and without gradients and over several horizons.
func TestConcurrentRolls(t *testing.T) {
	engine := fused.New()
	s, _, _ := pendulum(t, "relu", 6, 1)
	for kind, m := range kinds(t, s, "relu") {
		r := bind(t, engine, s, m)
		var wait sync.WaitGroup
		outs, again := make([]*safex.Rolled, 16), make([]*safex.Rolled, 16)
		run := func(i int) *safex.Rolled {
			_, _, c := pendulum(t, "relu", 3+i%4, 70+i)
			up := scalarisation
			if i%3 == 0 {
				up = nil
			}
			return roll(t, r, c, up)
		}
		for i := range outs {
			wait.Go(func() { outs[i] = run(i) })
		}
		wait.Wait()
		for i := range again {
			again[i] = run(i)
			for name, b := range results(again[i]) {
				for d := range b {
					if !slices.Equal(b[d], results(outs[i])[name][d]) {
						t.Fatalf("%s, call %d: %s %d is another when it runs alone", kind, i, name, d)
					}
				}
			}
		}
	}
}

var racing bool // the race detector is on

// In the steady state, a call allocates nothing.
func TestNoAllocation(t *testing.T) {
	if racing {
		t.Skip("with the race detector, a sync.Pool forgets")
	}
	s, _, c := pendulum(t, "swish", 6, 100)
	for kind, m := range kinds(t, s, "swish") {
		r := bind(t, fused.New(), s, m)
		for _, up := range []*safex.Scalarisation{nil, scalarisation} {
			for _, epistemic := range []bool{false, true} {
				var out safex.Rolled
				c.Epistemic = epistemic
				if n := testing.AllocsPerRun(10, func() {
					if err := r.Roll(context.Background(), &out, c, up); err != nil {
						t.Fatal(err)
					}
				}); n >= 1 {
					t.Errorf("%s: a call allocates %v times", kind, n)
				}
			}
		}
	}
}

// A cancelled context ends a rollout, other models are refused, and wrong dimensions are the caller's mistake.
func TestRefuses(t *testing.T) {
	s, m, c := pendulum(t, "swish", 6, 4)
	r := bind(t, fused.New(), s, m)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.Roll(ctx, &safex.Rolled{}, c, nil); err != context.Canceled {
		t.Errorf("a cancelled Roll returns %v", err)
	}
	late := &countdown{Context: context.Background(), left: 4}
	if err := r.Roll(late, &safex.Rolled{}, c, nil); err != context.Canceled {
		t.Errorf("a Roll that is cancelled after some steps returns %v", err)
	}
	if got, want := roll(t, r, c, nil), roll(t, bind(t, fused.New(), s, m), c, nil); !slices.Equal(got.Reward[5], want.Reward[5]) {
		t.Error("a Roll after one that was cancelled is another")
	}
	if _, err := fused.New().Rollout(s, struct{ safex.Model }{m}); err == nil || !strings.Contains(err.Error(), "use the graph engine") {
		t.Errorf("a model without a form: %v", err)
	}
	odd := draw(rand.New(rand.NewPCG(1, 1)), s, 2, []int{3}, "gelu")
	if _, err := fused.New().Rollout(s, odd); err == nil || !strings.Contains(err.Error(), `"gelu"`) {
		t.Errorf("an unknown activation: %v", err)
	}
	panics := func(what string, f func()) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s did not panic", what)
			}
		}()
		f()
	}
	short := c
	short.Eta = c.Eta[:3]
	panics("η of the wrong horizon", func() { r.Roll(context.Background(), &safex.Rolled{}, short, nil) })
	short = c
	short.State = []float64{1}
	panics("a short state", func() { r.Roll(context.Background(), &safex.Rolled{}, short, nil) })
	short = c
	short.LastAction = []float64{1, 2}
	panics("a long last action", func() { r.Roll(context.Background(), &safex.Rolled{}, short, nil) })
	torn := draw(rand.New(rand.NewPCG(1, 1)), s, 2, []int{3}, "relu")
	torn.layers.Dense[1].Weights = torn.layers.Dense[1].Weights[1:]
	panics("a weight too few", func() { fused.New().Rollout(s, torn) })
}

// countdown is cancelled after some questions.
type countdown struct {
	context.Context
	mu   sync.Mutex
	left int
}

func (c *countdown) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}
