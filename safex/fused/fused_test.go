package fused_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/keep"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/vec"
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
	return p
}

func (n *networks) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	y := BroadcastToDims(InsertAxes(xu, 0), n.layers.Members, xu.Shape().Dim(0), xu.Shape().Dim(1))
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
	d := Sub(y, InsertAxes(m, 0))
	return Add(Slice(xu, AxisRange(0, n.nx), AxisRange()), m), Sqrt(AddScalar(ReduceMean(Square(d), 0), 1e-16))
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

// given is a Keeper that loads one model, whatever is in the file, so that others can be put around it.
type given struct {
	safex.Keeper
	model safex.Model
}

func (g given) Load(*safex.System, []byte) (safex.Model, error) { return g.model, nil }

// calibrated is m with a deviation of √((scale σ)² + floor²).
func calibrated(t testing.TB, s *safex.System, m safex.Model, scale, floor []float64) safex.Model {
	t.Helper()
	file, err := keep.Seal("temperature", 1, calibrate.Summary{Scale: scale, Floor: floor})
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
	file, err := keep.Seal("prior and residual", 1, struct{ Prior string }{s.Dynamics.Fingerprint()})
	if err != nil {
		t.Fatal(err)
	}
	m, err = residual.Residual{Prior: s, Learner: given{model: m}}.Load(s, file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wrapped is m with a calibration or a prior around it, or both in either order, or nothing, and says which.
func wrapped(t testing.TB, r *rand.Rand, s *safex.System, m safex.Model) (safex.Model, string) {
	what, first := "", r.IntN(3) == 0
	if first {
		m, what = onPrior(t, s, m), "on a prior "
	}
	if r.IntN(2) == 0 {
		scale, floor := make([]float64, len(s.State)), make([]float64, len(s.State))
		for d := range scale {
			scale[d] = math.Exp(r.NormFloat64())
			if r.IntN(2) == 0 {
				floor[d] = 0.05 * math.Exp(3*r.NormFloat64())
			}
		}
		m, what = calibrated(t, s, m, scale, floor), what+fmt.Sprintf("calibrated by %.3g and %.3g ", scale, floor)
	}
	if !first && r.IntN(3) == 0 {
		m, what = onPrior(t, s, m), what+"on a prior"
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

func roll(t testing.TB, r safex.Rollout, c safex.Candidates, up *safex.Ascent) *safex.Rolled {
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
	c := safex.Candidates{State: make([]float64, len(s.State)), Actions: uniform(r, horizon*len(s.Action), n), Beta: 3 * r.Float64(), Doubt: r.IntN(2) == 0}
	s.Start(c.State, r)
	for d := range c.State {
		c.State[d] += 0.1 * r.NormFloat64()
	}
	if r.IntN(4) > 0 {
		c.Eta = uniform(r, horizon*len(s.State), n)
	}
	if r.IntN(2) == 0 {
		c.Last = uniform(r, len(s.Action), 1).Point(0)
	}
	return c
}

// results are the batches of a Rolled by name. Those of one unit and size are together.
func results(out *safex.Rolled) map[string]num.Batch {
	m := map[string]num.Batch{
		"reward": out.Reward, "excess": out.Excess, "state": out.States, "doubt": out.Doubt, "action gradient": out.GradAction, "η gradient": out.GradEta,
	}
	if out.Value != nil {
		m["value"] = num.Batch{out.Value}
	}
	return m
}

// size is the largest number of a lane, and at least least: what errors are relative to.
func size(b num.Batch, lane int, least float64) float64 {
	for _, column := range b {
		least = max(least, math.Abs(column[lane]))
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

// tolerance of what two engines make of one candidate.
const tolerance = 1e-5

// least is the smallest size of a lane of the named result.
func least(name string) float64 {
	if strings.HasSuffix(name, "gradient") || name == "doubt" {
		return 1e-6
	}
	return 1
}

// torn tells whether a candidate is at a kink, of a relu or of a task, or so badly conditioned that float32 cannot tell:
// changes of its actions and model errors by 5e-7 take the graph's own answers on both sides of got, or within the tolerance.
func torn(t *testing.T, r *rand.Rand, graph safex.Rollout, c safex.Candidates, up *safex.Ascent, name string, got num.Batch, lane int) bool {
	const tries = 64
	jitter := func(b num.Batch) num.Batch {
		if b == nil {
			return nil
		}
		many := num.NewBatch(len(b), tries)
		for d := range many {
			for i := range many[d] {
				many[d][i] = b[d][lane] + 1e-6*(r.Float64()-0.5)
			}
		}
		return many
	}
	c.Actions, c.Eta = jitter(c.Actions), jitter(c.Eta)
	near := results(roll(t, graph, c, up))[name]
	for d := range got {
		room := tolerance * size(near, 0, least(name))
		if v := got[d][lane]; !(v >= slices.Min(near[d])-room && v <= slices.Max(near[d])+room) {
			return false
		}
	}
	return true
}

// Whatever the task, the shape of the ensemble, the horizon and the number of candidates, this engine and the graph agree.
func TestAgreesWithGraph(t *testing.T) {
	for _, form := range vec.Forms() {
		t.Run(string(form), func(t *testing.T) {
			defer vec.Use(vec.Use(form))
			agrees(t, rand.New(rand.NewPCG(1, 2)))
		})
	}
}

func agrees(t *testing.T, r *rand.Rand) {
	worst, lanes, kinks := map[string]float64{}, 0, 0
	for _, s := range systems(t) {
		for range 3 {
			var hidden []int
			for range r.IntN(4) {
				hidden = append(hidden, 1+r.IntN(130))
			}
			activation := []string{"swish", "relu", "tanh"}[r.IntN(3)]
			networks := draw(r, s, 2+r.IntN(6), hidden, activation)
			m, what := wrapped(t, r, s, networks)
			c := candidates(r, s, 1+r.IntN(30), 1+r.IntN(100))
			var up *safex.Ascent
			if r.IntN(3) > 0 {
				up = &safex.Ascent{Reward: r.NormFloat64(), Excess: 1, Sharpness: 1 + 20*r.Float64()}
			}
			graph := bind(t, rollout.NewGoMLX(), s, m)
			got, want := results(roll(t, bind(t, fused.New(), s, m), c, up)), results(roll(t, graph, c, up))
			for lane := range c.Actions.Len() {
				lanes++
				kink := false
				for name, b := range want {
					e := apart(got[name], b, lane, least(name))
					if e <= tolerance {
						worst[name] = max(worst[name], e)
					} else if kink = torn(t, r, graph, c, up, name, got[name], lane); !kink {
						t.Fatalf("%s, %d members of %v %s, %s, %d columns, η %v: %s of candidate %d is off by %.2g", s.Name, networks.layers.Members, hidden, activation, what, len(c.Actions), c.Eta != nil, name, lane, e)
					}
				}
				if kink {
					kinks++
				}
			}
		}
	}
	t.Logf("largest differences: %v; %d of %d candidates at a kink", worst, kinks, lanes)
	if kinks*100 > lanes {
		t.Errorf("%d of %d candidates at a kink are too many to be by chance", kinks, lanes)
	}
}
