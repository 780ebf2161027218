package ensemble

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// small is an ensemble that fits in a moment.
func small() Ensemble {
	e := Default()
	e.Hidden, e.MaxSteps, e.MinSteps, e.Patience = []int{16, 16}, 400, 50, 100
	return e
}

func learn(t testing.TB, e Ensemble, s *safex.System, data *safex.Data, prev safex.Model, seed uint64) safex.Model {
	m, err := e.Learn(context.Background(), s, data, prev, rng.New(seed))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func predict(t testing.TB, m safex.Model, x, u num.Batch) *safex.Prediction {
	p := &safex.Prediction{}
	if err := m.Predict(p, x, u); err != nil {
		t.Fatal(err)
	}
	return p
}

// repelled is e with members that repel each other.
func repelled(e Ensemble) Ensemble {
	e.SVGD, e.Batches = SVGD{On: true}, Shared
	return e
}

// fullSize are ensembles of each kind, and kinds the same, small.
func fullSize() map[string]Ensemble {
	return map[string]Ensemble{"Default": Default(), "Deterministic": Deterministic(), "Repelled": repelled(Deterministic()), "RepelledDefault": repelled(Default())}
}

func kinds() map[string]Ensemble {
	all := fullSize()
	for name, e := range all {
		e.Hidden, e.MaxSteps, e.MinSteps, e.Patience = []int{16, 16}, 120, 50, 100
		all[name] = e
	}
	return all
}

func TestLaws(t *testing.T) {
	for name, e := range kinds() {
		t.Run(name, func(t *testing.T) { modeltest.Run(t, e, modeltest.Laws{}) })
	}
	e := small()
	e.Batches, e.MaxSteps = Bootstrap, 120
	t.Run("Bootstrap", func(t *testing.T) { modeltest.Run(t, e, modeltest.Laws{}) })
}

// After one fit the error of each kind on fresh transitions is a small part of how far the state moves.
func TestLearns(t *testing.T) {
	s, data := modeltest.Pendulum(t, 2200)
	unseen := data.Pick(func(row int) bool { return row >= 2000 })
	for name, e := range fullSize() {
		e.Hidden = []int{32, 32}
		m := learn(t, e, s, first(data, 2000), nil, 1)
		t.Logf("%s: %.4f", name, miss(t, m, unseen))
		for d, share := range miss(t, m, unseen) {
			if share > 0.05 {
				t.Errorf("%s, %s: the error is %.0f %% of the movement", name, s.State[d].Name, 100*share)
			}
		}
	}
}

// The epistemic deviation grows away from the data and vanishes in them. Speeds beyond 4 rad/s were never seen.
func TestEpistemicGrows(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	fastest := slices.MaxFunc(data.X[2], func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	if math.Abs(fastest) > 4 {
		t.Fatalf("random torques reach %v rad/s: the test asks for data below 4", fastest)
	}
	m := learn(t, Default(), s, data, nil, 1)
	mean := func(x num.Batch) (sum float64) {
		u := num.NewBatch(1, x.Len())
		for _, v := range predict(t, m, x, u).Epistemic[2] {
			sum += v / float64(x.Len())
		}
		return sum
	}
	far := num.NewBatch(3, data.Len())
	for d := range far {
		copy(far[d], data.X[d])
	}
	for i := range far[2] {
		far[2][i] = 8
	}
	if in, out := mean(data.X), mean(far); out < 10*in {
		t.Errorf("epistemic deviation of ω is %.2g rad/s in the data and %.2g away from them", in, out)
	}
}

// One seed is one model to the bit, whoever trained before; another seed is another model.
func TestDeterministic(t *testing.T) {
	s, data := modeltest.Pendulum(t, 200)
	save := func(seed uint64) []byte {
		b, err := small().Save(learn(t, small(), s, data, nil, seed))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	a := save(1)
	b := save(2)
	if !bytes.Equal(a, save(1)) {
		t.Error("the same seed gave two models")
	}
	if bytes.Equal(a, b) {
		t.Error("two seeds gave one model")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !bytes.Equal(a, save(1)) {
		t.Error("another number of processors gave another model")
	}
}

// A fit goes on from weights and moments, through a file or not, and does not start again.
func TestGoesOn(t *testing.T) {
	s, data := modeltest.Pendulum(t, 200)
	e := small()
	first := learn(t, e, s, data, nil, 1)
	file, err := e.Save(first)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := e.Load(s, file)
	if err != nil {
		t.Fatal(err)
	}
	u := data.U
	if a, b := predict(t, first, data.X, u), predict(t, loaded, data.X, u); !reflect.DeepEqual(a, b) {
		t.Error("a loaded model predicts otherwise")
	}
	direct, through := learn(t, e, s, data, first, 2).(*model), learn(t, e, s, data, loaded, 2).(*model)
	if !reflect.DeepEqual(direct.trained, through.trained) {
		t.Error("a fit goes on otherwise after save and load")
	}
	if again := learn(t, e, s, data, nil, 2).(*model); reflect.DeepEqual(direct.trained, again.trained) {
		t.Error("a fit from a model is one from nothing")
	}
	if direct.trained.steps <= first.(*model).trained.steps {
		t.Errorf("%v gradient steps after %v: it started again, or stood still", direct.trained.steps, first.(*model).trained.steps)
	}
}

// tame is the first 60 of data, moving a tenth as far.
func tame(data *safex.Data) *safex.Data {
	slow := &safex.Data{}
	for i := range 60 {
		x, next := data.X.Point(i), data.Next.Point(i)
		for d := range next {
			next[d] = x[d] + (next[d]-x[d])/10
		}
		slow.Append(x, data.U.Point(i), next)
	}
	return slow
}

// A fit goes on from the last, unless the movements have become wider by more than 4.
func TestOutgrown(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	slow := tame(data)
	e := small()
	prev := learn(t, e, s, slow, nil, 1)
	x, u := data.X, data.U
	afresh, on := predict(t, learn(t, e, s, data, nil, 2), x, u), predict(t, learn(t, e, s, data, prev, 2), x, u)
	if !reflect.DeepEqual(afresh, on) {
		t.Error("a fit to movements ten times as wide went on from weights that it has outgrown")
	}
	half := learn(t, e, s, data, nil, 1)
	if on := predict(t, learn(t, e, s, data, half, 2), x, u); reflect.DeepEqual(afresh, on) {
		t.Error("a fit to the same movements started afresh")
	}
}

// Trainers are compiled once for a recipe, however many fits there are and however the data grow, and memory does not grow.
func TestNoRecompilation(t *testing.T) {
	s, data := modeltest.Pendulum(t, 1000)
	for _, e := range []Ensemble{small(), repelled(Deterministic())} {
		e.Hidden, e.MinSteps, e.MaxSteps = []int{7}, 10, 10 // of this test alone
		crew, err := shares(e.recipe(e.shape(3, 1)))
		if err != nil {
			t.Fatal(err)
		}
		waiting := func() (n int) {
			for _, free := range trainers.free {
				n += len(free)
			}
			return n
		}
		built, kept := trainers.built.Load(), waiting()
		heap := func() uint64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC() // tensors are freed by finalizers
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		_, half := refits(t, e, s, first(data, 500), 20, 20)
		before := heap()
		for n := 520; n <= 1000; n += 20 {
			half = learn(t, e, s, first(data, n), half, 1)
		}
		if grown := int64(heap()) - int64(before); grown > 150<<10 { // less than a copy of the weights for each fit
			t.Errorf("the last 25 of 50 fits left %d bytes", grown)
		}
		if made := trainers.built.Load() - built; made > int64(len(crew)) {
			t.Errorf("%d training graphs for 50 fits", made)
		}
		if more := waiting() - kept; more > len(crew) {
			t.Errorf("%d trainers are left after 50 fits", more)
		}
	}
}

// Forgetting starts the moments anew, and keeps the weights.
func TestForget(t *testing.T) {
	s, data := modeltest.Pendulum(t, 100)
	e := small()
	e.MinSteps, e.MaxSteps = 10, 10
	first := learn(t, e, s, data, nil, 1)
	kept := learn(t, e, s, data, first, 2).(*model)
	e.Forget = true
	forgot := learn(t, e, s, data, first, 2).(*model)
	if kept.trained.steps != 20 || forgot.trained.steps != 10 {
		t.Errorf("moments of %d and %d steps, want 20 and 10", kept.trained.steps, forgot.trained.steps)
	}
	if reflect.DeepEqual(forgot.trained.layers, learn(t, e, s, data, nil, 2).(*model).trained.layers) {
		t.Error("the weights were forgotten too")
	}
}

// The gradient that training takes is GoMLX's own, in either backend that takes steps.
func TestGradient(t *testing.T) {
	for _, of := range []func() (compute.Backend, error){gx.TrainingBackend, gx.LoneBackend} {
		backend, err := of()
		if err != nil {
			t.Fatal(err)
		}
		if backend == nil { // of XLA
			continue
		}
		for name := range activations {
			s := shape{members: 2, in: 3, out: 2, hidden: "5 4", activation: name}
			var args []any
			r := rng.New(1).Rand()
			add := func(dims ...int) {
				flat := make([]float32, dims[0]*dims[1]*dims[2])
				for i := range flat {
					flat[i] = float32(r.NormFloat64())
				}
				args = append(args, tensors.FromFlatDataAndDimensions(flat, dims...))
			}
			add(2, 3, 6)
			w := s.widths()
			for l := range len(w) - 1 {
				add(2, w[l+1], w[l])
				add(2, w[l+1], 1)
			}
			out := graph.MustExecOnceN(backend, func(in []*graph.Node) []*graph.Node {
				y, back := run(s, in[1:], in[0])
				loss := graph.ReduceAllSum(graph.Sin(y))
				return append(graph.Gradient(loss, in[1:]...), back(graph.Gradient(loss, y)[0])...)
			}, args...)
			for i := range len(out) / 2 {
				if !out[i].InDelta(out[i+len(out)/2], 1e-4) {
					t.Errorf("%s: gradient %d is %v, want %v", name, i, out[i+len(out)/2], out[i])
				}
			}
		}
	}
}

// Held-out transitions are not trained on: another value in one of them changes no weight of a fit that is too
// short to look at them. In a transition that is trained on, it does.
func TestHoldsOut(t *testing.T) {
	s, data := modeltest.Pendulum(t, 200)
	e := small()
	e.MinSteps, e.MaxSteps = 20, 20
	weights := func(row int) [][]float32 {
		tr, back, err := borrow(e.recipe(e.shape(3, 1)))
		if err != nil {
			t.Fatal(err)
		}
		defer back()
		set := e.prepare(s, data)
		set.y[2][row]++ // in place of the data: a changed target would change the scale of all
		if err := tr.set(fresh(tr.shape, rng.New(1))); err != nil {
			t.Fatal(err)
		}
		if _, _, _, err := e.fit(context.Background(), tr, set, 3, rng.New(2)); err != nil {
			t.Fatal(err)
		}
		reached, err := tr.get()
		if err != nil {
			t.Fatal(err)
		}
		return reached.layers
	}
	held, again, trained := weights(4), weights(9), weights(3)
	if !reflect.DeepEqual(held, again) {
		t.Error("a held-out transition changed the weights")
	}
	if reflect.DeepEqual(held, trained) {
		t.Error("a transition that is trained on changed nothing: the test tests nothing")
	}
}

// However long an epoch is, a fit looks at the held-out transitions before it ends: one that never looked
// would return what it started from.
func TestLooksBeforeItEnds(t *testing.T) {
	s, data := modeltest.Pendulum(t, 600)
	e := small()
	e.Batch, e.MinSteps, e.MaxSteps, e.Patience = 1, 1, 60, 20
	if steps := learn(t, e, s, data, nil, 1).(*model).trained.steps; steps == 0 {
		t.Error("an epoch of 480 steps and a patience of 20 returned the first weights")
	}
}

// Bad data and bad settings are one sentence; a cancelled fit returns the best so far.
func TestErrors(t *testing.T) {
	s, data := modeltest.Pendulum(t, 100)
	bad := &safex.Data{X: data.X, U: data.U, Next: num.Batch{data.Next[0], data.Next[1], slices.Clone(data.Next[2])}}
	bad.Next[2][7] = math.NaN()
	if _, err := small().Learn(context.Background(), s, bad, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), "transition 7 of 100 holds NaN") {
		t.Errorf("error %v", err)
	}
	for _, spoil := range []func(*Ensemble){
		func(e *Ensemble) { e.Members = 1 }, func(e *Ensemble) { e.Activation = "sigmoid" }, func(e *Ensemble) { e.Hidden = []int{0} },
		func(e *Ensemble) { e.LearningRate = 0 }, func(e *Ensemble) { e.HoldOut = 1 }, func(e *Ensemble) { e.MaxSteps = 0 },
		func(e *Ensemble) { e.Noise = -1 }, func(e *Ensemble) { e.Noise = math.NaN() }, func(e *Ensemble) { e.Beta = 1.5 }, func(e *Ensemble) { e.Beta = math.NaN() },
		func(e *Ensemble) { e.Average = 0 }, func(e *Ensemble) { e.Average = math.NaN() }, func(e *Ensemble) { e.Progress = math.NaN() }, func(e *Ensemble) { e.Batches = 3 },
		func(e *Ensemble) { e.SVGD.On = true }, func(e *Ensemble) { *e = repelled(*e); e.SVGD.Bandwidth = -1 }, func(e *Ensemble) { *e = repelled(*e); e.SVGD.Bandwidth = math.NaN() },
	} {
		e := small()
		spoil(&e)
		if _, err := e.Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v", e, err)
		}
	}
	for _, e := range []Ensemble{Default(), Deterministic(), Reference()} {
		if err := e.Check(); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if m, err := small().Learn(ctx, s, data, nil, rng.New(1)); m == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit returns %v, %v", m, err)
	}
	e := small()
	e.LearningRate = 1e30
	if _, err := e.Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), "lower LearningRate") {
		t.Errorf("a diverged fit returns %v", err)
	}
}

// A damaged file is refused.
func TestLoadRefuses(t *testing.T) {
	s, data := modeltest.Pendulum(t, 100)
	file, err := small().Save(learn(t, small(), s, data, nil, 1))
	if err != nil {
		t.Fatal(err)
	}
	old := []byte(`{"Kind":"ensemble","Format":1,"Members":5}`)
	other := small()
	other.Hidden = []int{16}
	flipped := bytes.Replace(file, []byte(`"Steps":`), []byte(`"Steps":1`), 1)
	for name, c := range map[string]struct {
		e    Ensemble
		file []byte
		want string
	}{
		"half":  {small(), file[:len(file)/2], "damaged"},
		"empty": {small(), nil, "damaged"}, "flipped": {small(), flipped, "checksum"}, "old": {small(), old, "learn it anew"},
		"kind": {kinds()["Deterministic"], file, "fixed noise"}, "other": {other, file, "want an ensemble of 5, 4-16-3"},
	} {
		if _, err := c.e.Load(s, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}
