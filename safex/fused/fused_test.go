package fused_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// networks is an ensemble of given weights, for both engines.
type networks struct {
	layers safex.Layers
	nx     int
}

func (n *networks) Predict(*safex.Prediction, num.Batch, num.Batch) error { panic("not asked for") }

func (n *networks) Form() *safex.Form { return &safex.Form{Layers: &n.layers} }

func (n *networks) Architecture() string { return fmt.Sprintf("%p", n) }

func (n *networks) Parameters() (p []*tensors.Tensor) {
	for _, d := range n.layers.Dense {
		p = append(p, tensors.FromFlatDataAndDimensions(d.Weights, n.layers.Members, d.Out, d.In), tensors.FromFlatDataAndDimensions(d.Bias, n.layers.Members, d.Out, 1))
	}
	if err := gx.Share(p); err != nil { // a wrapper keeps them, and halves of a batch read them side by side
		panic(err)
	}
	return p
}

func (n *networks) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	z := ConvertDType(xu, dtypes.Float32)
	y := BroadcastToDims(InsertAxes(z, 0), n.layers.Members, z.Shape().Dim(0), z.Shape().Dim(1))
	for l := range n.layers.Dense {
		y = Add(DotGeneral(p[2*l], []int{2}, []int{0}, y, []int{1}, []int{0}), p[2*l+1])
		if l+1 == len(n.layers.Dense) {
			break
		}
		switch n.layers.Activation {
		case "swish":
			y = Mul(y, Sigmoid(y))
		case "relu":
			y = MaxScalar(y, 0)
		case "tanh":
			y = Tanh(y)
		}
	}
	m := ReduceMean(y, 0)
	d := Sqrt(AddScalar(ReduceMean(Square(Sub(y, InsertAxes(m, 0))), 0), 1e-16))
	return Add(Slice(xu, AxisRange(0, n.nx), AxisRange()), ConvertDType(m, dtypes.Float64)), ConvertDType(d, dtypes.Float64)
}

// draw makes networks of random weights. Their steps are small, so that no rollout runs away.
func draw(r *rand.Rand, s *safex.System, members int, hidden []int, activation string) *networks {
	nx := len(s.State)
	n := &networks{safex.Layers{Members: members, Activation: activation}, nx}
	in := nx + len(s.Action)
	for l := range len(hidden) + 1 {
		d := safex.Dense{In: in, Out: nx}
		size := 0.05
		if l < len(hidden) {
			d.Out, size = hidden[l], 1
		}
		for range members * d.Out * d.In {
			d.Weights = append(d.Weights, float32(size*r.NormFloat64()/math.Sqrt(float64(d.In))))
		}
		for range members * d.Out {
			d.Bias = append(d.Bias, float32(0.1*size*r.NormFloat64()))
		}
		in = d.Out
		n.layers.Dense = append(n.layers.Dense, d)
	}
	return n
}

// drawLinear is a linear regression with random features, weights and roots. Its steps are small too, and smaller if they
// grow with the square of the state.
func drawLinear(t testing.TB, r *rand.Rand, s *safex.System) (safex.Model, string) {
	t.Helper()
	return drawLinearWith(t, r, s, nil)
}

// drawLinearWith is drawLinear with a weight and an entry of the root as given, if there are any.
func drawLinearWith(t testing.TB, r *rand.Rand, s *safex.System, bad []float64) (safex.Model, string) {
	t.Helper()
	l, what, size := linear.Default(), "linear", 0.02
	switch r.IntN(3) {
	case 1:
		l.Degree, what, size = 2, "quadratic", 0.003
	case 2:
		what = "linear in waves"
		seed := r.Uint64()
		l.Features = func(x, u num.Vec) num.Vec {
			r := rand.New(rand.NewPCG(seed, 1)) // the same features every time
			φ := num.Vec{num.Lit(1), u[0]}      // an input as it is, and a constant
			for i := range 1 + r.IntN(9) {
				a, b := x[r.IntN(len(x))], u[r.IntN(len(u))]
				φ = append(φ, a.Mul(r.NormFloat64()).Add(b).Sin(), a.Sub(r.NormFloat64()).Tanh().Mul(float64(1+i%2)))
			}
			return φ
		}
	}
	m, err := l.Learn(context.Background(), s, &safex.Data{}, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Features             string
		Noise                float64
		Scale, Weights, Root []float64
	}
	data, err := l.Save(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := checksum.Open("linear", 2, data, &file); err != nil {
		t.Fatal(err)
	}
	k := len(file.Weights) / len(s.State)
	for i := range file.Weights {
		file.Weights[i] = size * r.NormFloat64() / math.Sqrt(float64(k))
	}
	for i := range k {
		for j := range i + 1 {
			file.Root[i*k+j] = size * r.NormFloat64() / math.Sqrt(float64(k))
		}
	}
	if bad != nil {
		file.Weights[k], file.Root[k*(k-1)] = bad[0], bad[1]
	}
	if data, err = checksum.Seal("linear", 2, file); err != nil {
		t.Fatal(err)
	}
	if m, err = l.Load(s, data); err != nil {
		t.Fatal(err)
	}
	return m, what
}

// drawProcess are Gaussian processes that were told of up to 150 random small steps.
func drawProcess(t testing.TB, r *rand.Rand, s *safex.System) (safex.Model, string) {
	t.Helper()
	g := gp.Default()
	g.Kernel = []string{"se", "matern52"}[r.IntN(2)]
	g.Fit, g.Signal, g.Noise, g.Length = false, 0.03*math.Exp(r.NormFloat64()), 0.002*math.Exp(r.NormFloat64()), 3*math.Exp(0.5*r.NormFloat64())
	g.Noise = max(g.Noise, g.MinNoise)
	data := &safex.Data{}
	for range r.IntN(150) {
		x, next, u := make([]float64, len(s.State)), make([]float64, len(s.State)), uniform(r, len(s.Action), 1).Point(0)
		s.Start(x, r)
		for d, v := range s.State {
			x[d] += v.Scale * r.NormFloat64()
			next[d] = x[d] + g.Signal*v.Scale*math.Sin(x[d]/v.Scale+u[0])
		}
		data.Append(x, u, next)
	}
	m, err := g.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m, fmt.Sprintf("%s with %d points, signal %.2g, noise %.2g and length %.2g", g.Kernel, data.Len(), g.Signal, g.Noise, g.Length)
}

// given is a Codec that loads one model, whatever is in the file, so that others can be put around it.
type given struct {
	safex.Codec
	model safex.Model
}

func (g given) Load(*safex.System, []byte) (safex.Model, error) { return g.model, nil }

// calibrated is m with a deviation of √((scale σ)² + floor²).
func calibrated(t testing.TB, s *safex.System, m safex.Model, scale, floor []float64) safex.Model {
	t.Helper()
	file, err := checksum.Seal("temperature", 1, calibrate.Summary{Scale: scale, Floor: floor})
	if err != nil {
		t.Fatal(err)
	}
	m, err = calibrate.Temperature{Learner: given{model: m}}.Load(s, file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// onPrior is m as what the dynamics of s miss.
func onPrior(t testing.TB, s *safex.System, m safex.Model) safex.Model {
	t.Helper()
	file, err := checksum.Seal("prior and residual", 1, struct{ Prior string }{s.Dynamics.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	m, err = residual.Residual{Prior: s, Learner: given{model: m}}.Load(s, file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// drawAny is a random model, with a calibration or a prior around it, or both in either order, or nothing. It says what it is.
func drawAny(t testing.TB, r *rand.Rand, s *safex.System) (m safex.Model, what string) {
	t.Helper()
	switch r.IntN(7) {
	case 0:
		return rollout.OracleModel(s), "the oracle"
	case 1:
		m, what = drawLinear(t, r, s)
	case 2:
		m, what = drawProcess(t, r, s)
	default:
		var hidden []int
		for range r.IntN(4) {
			hidden = append(hidden, 1+r.IntN(130))
		}
		members, activation := 2+r.IntN(6), []string{"swish", "relu", "tanh"}[r.IntN(3)]
		m, what = draw(r, s, members, hidden, activation), fmt.Sprintf("%d members of %v %s", members, hidden, activation)
	}
	first := r.IntN(3) == 0
	if first {
		m, what = onPrior(t, s, m), what+" on a prior"
	}
	if r.IntN(2) == 0 {
		scale, floor := make([]float64, len(s.State)), make([]float64, len(s.State))
		for d := range scale {
			scale[d] = math.Exp(0.5 * r.NormFloat64())
			if r.IntN(2) == 0 {
				floor[d] = 0.01 * math.Exp(2*r.NormFloat64())
			}
		}
		m, what = calibrated(t, s, m, scale, floor), what+fmt.Sprintf(" calibrated by %.3g and %.3g", scale, floor)
	}
	if !first && r.IntN(3) == 0 {
		m, what = onPrior(t, s, m), what+" on a prior"
	}
	return m, what
}

// systems are all tasks, each with a limit on rates beside its own.
func systems(t testing.TB) (all []*safex.System) {
	for _, name := range tasks.Names() {
		maker, ok := tasks.New(name)
		if !ok {
			t.Fatal(name)
		}
		task := maker.Task()
		for _, rated := range []bool{false, true} {
			if rated {
				task.Limits = append(slices.Clone(task.Limits), safex.Limit{
					Name: "jerk", Max: 0.4, Scale: 0.3, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() },
				})
			}
			s, err := task.System()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
	}
	return all
}

// bind binds an engine to a model.
func bind(t testing.TB, e safex.Engine, s *safex.System, m safex.Model) safex.Rollout {
	t.Helper()
	r, err := e.Rollout(s, m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func roll(t testing.TB, r safex.Rollout, c safex.Candidates, up *safex.Scalarisation) *safex.Rolled {
	t.Helper()
	out := &safex.Rolled{}
	if err := r.Roll(context.Background(), out, c, up); err != nil {
		t.Fatal(err)
	}
	return out
}

func uniform(r *rand.Rand, dim, n int) num.Batch {
	b := num.NewBatch(dim, n)
	for _, column := range b {
		for i := range column {
			column[i] = 2*r.Float64() - 1
		}
	}
	return b
}

// candidates are random ones from a start of s.
func candidates(r *rand.Rand, s *safex.System, horizon, n int) safex.Candidates {
	c := safex.Candidates{State: make([]float64, len(s.State)), Actions: uniform(r, horizon*len(s.Action), n), Beta: 3 * r.Float64(), Epistemic: r.IntN(2) == 0}
	s.Start(c.State, r)
	for d := range c.State {
		c.State[d] += 0.1 * r.NormFloat64()
	}
	if r.IntN(4) > 0 {
		c.Eta = uniform(r, horizon*len(s.State), n)
	}
	if r.IntN(2) == 0 {
		c.LastAction = uniform(r, len(s.Action), 1).Point(0)
	}
	return c
}

// results are the batches of a Rolled by name. Those of one unit and size are together.
func results(out *safex.Rolled) map[string]num.Batch {
	m := map[string]num.Batch{
		"reward": out.Reward, "excess": out.Excess, "state": out.States, "epistemic": out.Epistemic, "action gradient": out.GradAction, "η gradient": out.GradEta,
	}
	if out.Value != nil {
		m["value"] = num.Batch{out.Value}
	}
	return m
}

// size is the largest finite number of a lane, and at least least: what errors are relative to.
func size(b num.Batch, lane int, least float64) float64 {
	for _, column := range b {
		if finite(column[lane]) {
			least = max(least, math.Abs(column[lane]))
		}
	}
	return least
}

func finite(v float64) bool { return v-v == 0 }

// apart is how far two results are from each other in a lane, relative to its size in want. A number that is finite in one
// and not in the other is infinitely far.
func apart(got, want num.Batch, lane int, least float64) (worst float64) {
	scale := size(want, lane, least)
	for d := range want {
		switch x, y := got[d][lane], want[d][lane]; {
		case finite(x) && finite(y):
			worst = max(worst, math.Abs(x-y)/scale)
		case finite(x) != finite(y):
			return math.Inf(1)
		}
	}
	return worst
}

// tolerance of what two engines make of one candidate, and an error of the graph from which on it says nothing.
const tolerance, lost = 1e-5, 0.01

// least is the smallest size of a lane of the named result.
func least(name string) float64 {
	switch {
	case strings.HasSuffix(name, "gradient"):
		return 1e-6
	case name == "epistemic": // a small difference of numbers of size 1
		return 0.01
	}
	return 1
}

// torn tells whether a candidate is at a kink, of a relu or of a task, or so badly conditioned that float32 cannot tell:
// changes of its state, its actions and its model errors by 5e-7 take the graph's own answers on both sides of got, or within
// the tolerance.
func torn(t *testing.T, r *rand.Rand, graph safex.Rollout, nu int, c safex.Candidates, up *safex.Scalarisation, name string, got num.Batch, lane int) bool {
	const states, tries = 8, 16
	jitter := func(v float64) float64 { return v + 1e-6*(r.Float64()-0.5) }
	near := make(num.Batch, len(got))
	for range states {
		part := c
		part.State = nil
		for _, v := range c.State {
			part.State = append(part.State, jitter(v))
		}
		part.Actions, part.Eta = num.NewBatch(len(c.Actions), tries), num.NewBatch(len(c.Actions)/nu*len(c.State), tries)
		for _, b := range [][2]num.Batch{{part.Actions, c.Actions}, {part.Eta, c.Eta}} {
			for d := range b[0] {
				var v float64
				if b[1] != nil {
					v = b[1][d][lane]
				}
				for i := range b[0][d] {
					b[0][d][i] = jitter(v)
				}
			}
		}
		for d, column := range results(roll(t, graph, part, up))[name] {
			near[d] = append(near[d], column...)
		}
	}
	for d := range got {
		room := tolerance * size(near, 0, least(name))
		if v := got[d][lane]; !(v >= slices.Min(near[d])-room && v <= slices.Max(near[d])+room) {
			return false
		}
	}
	return true
}

// Whatever the task, the model, the horizon and the number of candidates, this engine and the graph agree.
func TestAgreesWithGraph(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := newComparison(r)
	for _, s := range systems(t) {
		for range 4 {
			m, what := drawAny(t, r, s)
			c := candidates(r, s, 1+r.IntN(30), 1+r.IntN(100))
			var up *safex.Scalarisation
			if r.IntN(3) > 0 {
				up = &safex.Scalarisation{Reward: r.NormFloat64(), Excess: 1, Sharpness: 1 + 20*r.Float64()}
			}
			all.engines(t, fmt.Sprintf("%s, %s, %d columns, η %v", s.Name, what, len(c.Actions), c.Eta != nil), s, m, c, up)
		}
	}
	all.report(t, 100)
}

// comparison compares the engines.
type comparison struct {
	r                     *rand.Rand
	worst                 map[string]float64 // differences by result
	lanes, kinks, rounded int
}

func newComparison(r *rand.Rand) *comparison { return &comparison{r: r, worst: map[string]float64{}} }

// engines compares what both make of each candidate, with each form of package vec. Where float32 is too short for both, the
// exact result decides: this engine may be off by the tolerance, or by four times as much as the graph, as functions of
// package vec round by 2 to 4 units in the last place, and the graph's by half of one; or the candidate is lost in both.
func (a *comparison) engines(t *testing.T, what string, s *safex.System, m safex.Model, c safex.Candidates, up *safex.Scalarisation) {
	t.Helper()
	graph := bind(t, rollout.NewGoMLX(), s, m)
	want, exactly := results(roll(t, graph, c, up)), make([]map[string]num.Batch, c.Actions.Len())
	for _, form := range vec.Forms() {
		before := vec.Use(form)
		got := results(roll(t, bind(t, fused.New(), s, m), c, up))
		vec.Use(before)
		for lane := range exactly {
			kink, rounded := false, false
			for name, b := range want {
				e := apart(got[name], b, lane, least(name))
				if e <= tolerance {
					a.worst[name] = max(a.worst[name], e)
					continue
				}
				if exactly[lane] == nil {
					exactly[lane] = results(exact(s, safex.FormOf(m), c, up, lane))
				}
				precise := exactly[lane][name]
				mine, other := apart(only(got[name], lane), precise, 0, least(name)), apart(only(b, lane), precise, 0, least(name))
				if mine <= max(tolerance, 4*other) || other > lost {
					rounded = true
				} else if kink = torn(t, a.r, graph, len(s.Action), c, up, name, got[name], lane); !kink {
					t.Fatalf("%s, %s: %s of candidate %d is off by %.2g: by %.2g of what it is, and the graph by %.2g", what, form, name, lane, e, mine, other)
				}
			}
			a.lanes++
			if kink {
				a.kinks++
			} else if rounded {
				a.rounded++
			}
		}
	}
}

// only is lane of b alone.
func only(b num.Batch, lane int) num.Batch {
	one := num.NewBatch(len(b), 1)
	one.SetPoint(0, b.Point(lane))
	return one
}

// report fails if more than one in so many candidates was at a kink, or rounded.
func (a *comparison) report(t *testing.T, one int) {
	t.Helper()
	t.Logf("largest differences: %v; of %d candidates %d at a kink and %d rounded", a.worst, a.lanes, a.kinks, a.rounded)
	if (a.kinks+a.rounded)*one > a.lanes {
		t.Errorf("of %d candidates %d at a kink and %d rounded are too many to be by chance", a.lanes, a.kinks, a.rounded)
	}
}
