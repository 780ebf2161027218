package ensemble

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	mlmodel "github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train/optimizer"

	"github.com/rischiboy/safe_exploration/safex/gx"
)

// state is what a further fit goes on from: weights and biases of each layer, and AdamW's moments
// of each of them.
type state struct {
	layers, moment1, moment2 [][]float32
	steps                    float32 // gradient steps ever taken
}

// finite tells whether every weight is a number.
func (s state) finite() bool {
	for _, layer := range s.layers {
		for _, v := range layer {
			if v-v != 0 {
				return false
			}
		}
	}
	return true
}

// recipe is what fixes a training graph.
type recipe struct {
	shape
	batch                     int
	learningRate, weightDecay float64
}

// trainer owns the variables of one training graph. It holds nothing of a run between a
// call of set and the next: one trainer serves many runs, one after the other.
type trainer struct {
	recipe
	store        *mlmodel.Store
	layers       []*mlmodel.Variable // in the order of state.layers
	m1, m2       []*mlmodel.Variable
	count        *mlmodel.Variable
	step, looked *mlmodel.Exec
}

// trainers lends the trainers of each recipe, so that no fit but the first compiles a training graph.
// The graph that looks at held-out rows is compiled again each time that their number passes a power of two.
var trainers struct {
	sync.Mutex
	free  map[recipe][]*trainer
	built atomic.Int64 // training graphs
}

// borrow returns a trainer whose variables are undefined, and a function that gives it back.
func borrow(r recipe) (t *trainer, back func(), err error) {
	trainers.Lock()
	defer trainers.Unlock()
	if free := trainers.free[r]; len(free) > 0 {
		t, trainers.free[r] = free[len(free)-1], free[:len(free)-1]
	} else {
		if t, err = newTrainer(r); err != nil {
			return nil, nil, err
		}
	}
	return t, func() {
		trainers.Lock()
		defer trainers.Unlock()
		if trainers.free == nil {
			trainers.free = map[recipe][]*trainer{}
		}
		trainers.free[r] = append(trainers.free[r], t)
	}, nil
}

func newTrainer(r recipe) (t *trainer, err error) {
	defer gx.Catch(&err)
	backend, err := gx.TrainingBackend()
	if err != nil {
		return nil, err
	}
	t = &trainer{recipe: r, store: mlmodel.NewStore()}
	w := r.widths()
	for l := range len(w) - 1 {
		for _, part := range []struct {
			name string
			dims []int
		}{{"weights", []int{r.members, w[l+1], w[l]}}, {"bias", []int{r.members, w[l+1], 1}}} {
			v, err := t.store.CreateVariable(fmt.Sprintf("/layer_%d/%s", l, part.name), tensors.FromShape(shapes.Make(dtypes.Float32, part.dims...)))
			if err != nil {
				return nil, err
			}
			t.layers = append(t.layers, v.SetTrainable(true))
		}
	}
	forwardAll := func(g *Graph, x *Node) (mean, logStd *Node) {
		t.store.SetTraining(g, true) // variables stay inputs of the graph
		p := make([]*Node, len(t.layers))
		for i, v := range t.layers {
			p[i] = v.NodeValue(g)
		}
		return split(r.shape, forward(r.shape, p, x))
	}
	adam := optimizer.Adam().LearningRate(r.learningRate).WeightDecay(r.weightDecay).Done()
	t.step, err = mlmodel.NewExec(backend, t.store, func(s *mlmodel.Scope, x, y *Node) *Node {
		trainers.built.Add(1)
		mean, logStd := forwardAll(x.Graph(), x)
		// The sum over members of each one's own mean: members stay independent of each other.
		loss := MulScalar(ReduceAllMean(likelihood(mean, logStd, y)), float64(r.members))
		adam.UpdateGraph(s, x.Graph(), loss)
		return loss
	})
	if err != nil {
		return nil, err
	}
	// looked scores rows that all members share; weight is 1/n for a row and 0 for padding.
	t.looked, err = mlmodel.NewExec(backend, t.store, func(s *mlmodel.Scope, x, y, weight *Node) *Node {
		mean, logStd := forwardAll(x.Graph(), x)
		rows := ReduceMean(likelihood(mean, logStd, BroadcastToDims(InsertAxes(y, 0), mean.Shape().Dimensions...)), 0, 1)
		return ReduceAllSum(Mul(rows, weight))
	})
	if err != nil {
		return nil, err
	}
	t.looked.SetMaxCache(-1)

	// A first step creates the optimizer's variables; set overwrites what it did.
	x := tensors.FromShape(shapes.Make(dtypes.Float32, r.members, r.in, r.batch))
	y := tensors.FromShape(shapes.Make(dtypes.Float32, r.members, r.out, r.batch))
	if _, err := t.step.Call(x, y); err != nil {
		return nil, err
	}
	find := func(path string) *mlmodel.Variable {
		v := t.store.GetVariable(path)
		if v == nil && err == nil {
			err = fmt.Errorf("ensemble: GoMLX's Adam has no variable %s", path)
		}
		return v
	}
	for _, v := range t.layers {
		t.m1 = append(t.m1, find("/AdamOptimizer"+v.Path()+"_1st_moment"))
		t.m2 = append(t.m2, find("/AdamOptimizer"+v.Path()+"_2nd_moment"))
	}
	t.count = find("/AdamOptimizer/step")
	return t, err
}

// set makes the trainer go on from s.
func (t *trainer) set(s state) error {
	for i, v := range t.layers {
		for _, to := range []struct {
			v    *mlmodel.Variable
			from []float32
		}{{v, s.layers[i]}, {t.m1[i], s.moment1[i]}, {t.m2[i], s.moment2[i]}} {
			if err := to.v.SetValue(tensors.FromFlatDataAndDimensions(slices.Clone(to.from), v.Shape().Dimensions...)); err != nil {
				return fmt.Errorf("ensemble: set weights: %w", err)
			}
		}
	}
	return t.count.SetValue(tensors.FromScalar(s.steps))
}

// get is a copy of what the trainer has reached.
func (t *trainer) get() (s state, err error) {
	read := func(v *mlmodel.Variable) (copied []float32) {
		value, e := v.Value()
		if e == nil {
			e = tensors.ConstFlatData(value, func(flat []float32) { copied = slices.Clone(flat) })
		}
		if err == nil && e != nil {
			err = fmt.Errorf("ensemble: get weights: %w", e)
		}
		return copied
	}
	for i, v := range t.layers {
		s.layers = append(s.layers, read(v))
		s.moment1 = append(s.moment1, read(t.m1[i]))
		s.moment2 = append(s.moment2, read(t.m2[i]))
	}
	if c := read(t.count); len(c) == 1 {
		s.steps = c[0]
	}
	return s, err
}

// heldOut is the mean negative log-likelihood of rows, over rows, members and dimensions.
func (t *trainer) heldOut(rows *rows) (float64, error) {
	out, err := t.looked.Call(rows.x, rows.y, rows.weight)
	if err != nil {
		return 0, fmt.Errorf("ensemble: held-out rows: %w", err)
	}
	return float64(tensors.ToScalar[float32](out[0])), nil
}
