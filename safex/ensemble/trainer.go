package ensemble

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	mlmodel "github.com/gomlx/gomlx/ml/model"

	"github.com/rischiboy/safe_exploration/safex/gx"
)

// state is what a further fit goes on from: weights and biases of each layer, AdamW's moments
// of each of them, and their average, which predicts.
type state struct {
	layers, moment1, moment2, average [][]float32
	steps                             int    // gradient steps since the moments were 0
	lot                               uint64 // seed of the bootstrap samples of the run
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

// forget is s with moments of 0.
func (s state) forget() state {
	s.moment1, s.moment2, s.steps = nil, nil, 0
	for _, layer := range s.layers {
		s.moment1 = append(s.moment1, make([]float32, len(layer)))
		s.moment2 = append(s.moment2, make([]float32, len(layer)))
	}
	return s
}

// recipe is what fixes a training graph.
type recipe struct {
	shape
	batch       int // data of a step
	weightDecay float64
	beta        float64
	svgd        SVGD
}

func (e Ensemble) recipe(s shape) recipe { return recipe{s, e.Batch, e.WeightDecay, e.Beta, e.SVGD} }

// trainer owns the variables of one training graph, of some members. It holds nothing of a run between a
// call of set and the next: one trainer serves many runs, one after the other.
type trainer struct {
	recipe
	backend             compute.Backend
	store               *mlmodel.Store
	layers, m1, m2, avg []*mlmodel.Variable // in the order of state's
	at                  int                 // state's steps
	lap                 int                 // the most gradient steps of one call; more than 1 are a loop in the graph
	steps, looked       *mlmodel.Exec
}

// AdamW's constants (Kingma and Ba, 2015).
const beta1, beta2, epsilon = 0.9, 0.999, 1e-7

func newTrainer(r recipe, backend compute.Backend) (t *trainer, err error) {
	defer gx.Catch(&err)
	t = &trainer{recipe: r, backend: backend, store: mlmodel.NewStore(), lap: 1}
	if gx.Loops(backend) {
		t.lap = 32 // a call costs as much as two steps of [64,64]
	}
	w := r.widths()
	for l := range len(w) - 1 {
		for _, part := range []struct {
			name string
			cols int
		}{{"weights", w[l]}, {"bias", 1}} {
			for _, of := range []struct {
				name string
				to   *[]*mlmodel.Variable
			}{{"value", &t.layers}, {"moment1", &t.m1}, {"moment2", &t.m2}, {"average", &t.avg}} {
				v, err := t.store.CreateVariable(fmt.Sprintf("/layer_%d/%s/%s", l, part.name, of.name), tensors.FromShape(shapes.Make(dtypes.Float32, r.members, w[l+1], part.cols)))
				if err != nil {
					return nil, err
				}
				*of.to = append(*of.to, v)
			}
		}
	}
	values := func(g *Graph, vs []*mlmodel.Variable) (p []*Node) {
		t.store.SetTraining(g, true) // variables stay inputs of the graph
		for _, v := range vs {
			p = append(p, v.NodeValue(g))
		}
		return p
	}
	t.steps, err = mlmodel.NewExec(backend, t.store, func(_ *mlmodel.Scope, x, y, levels, rates, n *Node) *Node {
		trainers.built.Add(1)
		all := slices.Concat(t.layers, t.m1, t.m2, t.avg)
		after, told := values(x.Graph(), all), n
		if t.lap == 1 {
			after, told = r.step(after, x, y, levels, rates)
		} else {
			after = r.loop(after, x, y, levels, rates, n)
		}
		for i, v := range all {
			v.SetNodeValue(after[i])
		}
		return told
	})
	if err != nil {
		return nil, err
	}
	// looked scores each member on rows that all share; weight is 1/n for a row and 0 for padding.
	t.looked, err = mlmodel.NewExec(backend, t.store, func(_ *mlmodel.Scope, x, y, weight, levels *Node) *Node {
		mean, logStd := split(r.shape, forward(r.shape, values(x.Graph(), t.avg), x), level(levels, 0))
		rows := ReduceMean(likelihood(mean, logStd, BroadcastToDims(InsertAxes(y, 0), mean.Shape().Dimensions...)), 1)
		return ReduceSum(Mul(rows, InsertAxes(weight, 0)), 1)
	})
	if err != nil {
		return nil, err
	}
	t.looked.SetMaxCache(-1)
	return t, nil
}

// step is a gradient step: from the nodes of a trainer's variables to those after it. The loss is that before it.
func (r recipe) step(before []*Node, x, y, levels, rates *Node) (after []*Node, loss *Node) {
	n := len(before) / 4
	p, m1, m2, avg := before[:n], before[n:2*n], before[2*n:3*n], before[3*n:]
	rate := func(i int) *Node { return Squeeze(Slice(rates, AxisElem(i)), 0) }
	head, back := run(r.shape, p, x)
	loss = r.loss(head, y, levels)
	after = make([]*Node, len(before))
	for i, d := range back(Gradient(loss, head)[0]) {
		a := Add(m1[i], MulScalar(Sub(d, m1[i]), 1-beta1))
		b := Add(m2[i], MulScalar(Sub(Square(d), m2[i]), 1-beta2))
		move := Div(Mul(a, rate(0)), AddScalar(Mul(Sqrt(b), rate(1)), epsilon))
		now := Sub(Mul(p[i], rate(2)), move)
		after[i], after[n+i], after[2*n+i], after[3*n+i] = now, a, b, Add(avg[i], Mul(Sub(now, avg[i]), rate(3)))
	}
	return after, loss
}

// loop is n steps, on the first n of the data and rates that their first axis counts.
func (r recipe) loop(before []*Node, x, y, levels, rates, n *Node) (after []*Node) {
	g := x.Graph()
	state := append([]*Node{ScalarZero(g, dtypes.Int32), n, x, y, levels, rates}, before...)
	closure := func(of func(state []*Node) []*Node) *Function {
		return NewClosure(g, func(g *Graph) []*Node {
			inner := make([]*Node, len(state))
			for k, s := range state {
				inner[k] = Parameter(g, fmt.Sprintf("state_%d", k), s.Shape())
			}
			return of(inner)
		})
	}
	more := closure(func(s []*Node) []*Node { return []*Node{LessThan(s[0], s[1])} })
	once := closure(func(s []*Node) []*Node {
		now := func(x *Node) *Node {
			start, size := []*Node{s[0]}, slices.Clone(x.Shape().Dimensions)
			for size[0] = 1; len(start) < len(size); {
				start = append(start, ZerosLike(s[0]))
			}
			return Squeeze(DynamicSlice(x, start, size), 0)
		}
		after, _ := r.step(s[6:], now(s[2]), now(s[3]), s[4], now(s[5]))
		return slices.Concat([]*Node{AddScalar(s[0], 1)}, s[1:6], after)
	})
	return While(more, once, state...)[6:]
}

// level is row i of a dataset's levels, as [1, out, 1].
func level(levels *Node, i int) *Node {
	return InsertAxes(Squeeze(Slice(levels, AxisElem(i)), 0), 0, -1)
}

// loss is a scalar: a sum over members of means over their own data, so that members stay independent of each
// other, but for their repulsion.
func (r recipe) loss(head, y, levels *Node) *Node {
	mean, logStd := split(r.shape, head, level(levels, 0))
	weight := StopGradient(Exp(MulScalar(logStd, 2*r.beta)))
	scale := 1 / float64(r.out*r.batch)
	if !r.svgd.On {
		return MulScalar(ReduceAllSum(Mul(likelihood(mean, logStd, y), weight)), scale)
	}
	// The means move as if the noise were fixed, at s, also where it is learned: noise that weakens the pull of the data would
	// grow from what it lets pass. The weight s on φ moves no point at which it is 0.
	f, s := StopGradient(mean), level(levels, 1)
	phi := Mul(r.svgd.steepest(f, Div(Sub(y, f), Square(s))), s)
	// Noise is learned about the mean of the members: about each one's own, noise and repulsion would feed each other.
	center := BroadcastToDims(ReduceAndKeep(f, ReduceMean, 0), y.Shape().Dimensions...)
	nll := ReduceAllSum(Mul(likelihood(center, logStd, y), weight))
	return MulScalar(surrogate(nll, mean, phi), scale)
}

// take takes n gradient steps, each from what draw returns: x [members, in, batch] and y [members, out, batch].
func (t *trainer) take(n int, draw func() (x, y []float32), levels *tensors.Tensor, learningRate, average float64) error {
	xs, ys, rates := make([]float32, t.lap*t.members*t.in*t.batch), make([]float32, t.lap*t.members*t.out*t.batch), make([]float32, 4*t.lap)
	tensor := func(flat []float32, dims ...int) *tensors.Tensor {
		if t.lap > 1 {
			dims = slices.Insert(dims, 0, t.lap)
		}
		return tensors.FromFlatDataAndDimensions(flat, dims...)
	}
	for taken := 0; taken < n; {
		lap := min(t.lap, n-taken)
		for i := range lap {
			x, y := draw()
			copy(xs[i*len(x):], x)
			copy(ys[i*len(y):], y)
			copy(rates[4*i:], t.rates(learningRate, average))
		}
		out, err := t.steps.Call(tensor(xs, t.members, t.in, t.batch), tensor(ys, t.members, t.out, t.batch), levels, tensor(rates, 4), int32(lap))
		if err != nil {
			return fmt.Errorf("ensemble: gradient step: %w", err)
		}
		if err := out[0].FinalizeAll(); err != nil {
			return err
		}
		taken += lap
		runtime.Gosched() // to the plans, if there are any: else they wait up to 10 ms for a core
	}
	return nil
}

// rates counts a step and returns its four scalars: the length of the move, which corrects the bias of the first moment; the factor
// of the root of the second moment, which corrects the bias of that; the factor by which the weights decay; and the rate of the
// average of the weights, which is high at first, so that the average soon forgets the weights it started from.
func (t *trainer) rates(learningRate, average float64) []float32 {
	t.at++
	n := float64(t.at)
	return []float32{
		float32(learningRate / (1 - math.Pow(beta1, n))), float32(1 / math.Sqrt(1-math.Pow(beta2, n))),
		float32(1 - learningRate*t.weightDecay), float32(max(average, 9/(n+9))),
	}
}

// set makes the trainer go on from its members of s, the first of which is number from, of all.
func (t *trainer) set(s state, from, all int) error {
	for i := range t.layers {
		for _, to := range []struct {
			v    *mlmodel.Variable
			from []float32
		}{{t.layers[i], s.layers[i]}, {t.m1[i], s.moment1[i]}, {t.m2[i], s.moment2[i]}, {t.avg[i], s.average[i]}} {
			size := len(to.from) / all
			own := slices.Clone(to.from[from*size : (from+t.members)*size])
			if err := to.v.SetValue(tensors.FromFlatDataAndDimensions(own, to.v.Shape().Dimensions...)); err != nil {
				return fmt.Errorf("ensemble: set weights: %w", err)
			}
		}
	}
	t.at = s.steps
	return nil
}

// get appends a copy of what the trainer has reached to s, which has the members before its own, and leaves the lot.
func (t *trainer) get(s *state) (err error) {
	read := func(to *[][]float32, layer int, v *mlmodel.Variable) {
		if len(*to) == layer {
			*to = append(*to, nil)
		}
		value, e := v.Value()
		if e == nil {
			e = tensors.ConstFlatData(value, func(flat []float32) { (*to)[layer] = append((*to)[layer], flat...) })
		}
		if err == nil && e != nil {
			err = fmt.Errorf("ensemble: get weights: %w", e)
		}
	}
	for i := range t.layers {
		read(&s.layers, i, t.layers[i])
		read(&s.moment1, i, t.m1[i])
		read(&s.moment2, i, t.m2[i])
		read(&s.average, i, t.avg[i])
	}
	s.steps = t.at
	return err
}

// heldOut is the mean negative log-likelihood of rows under the averaged weights of each member, over rows and dimensions.
func (t *trainer) heldOut(rows *rows, levels *tensors.Tensor) (each []float32, err error) {
	out, err := t.looked.Call(rows.x, rows.y, rows.weight, levels)
	if err == nil {
		err = tensors.ConstFlatData(out[0], func(flat []float32) { each = slices.Clone(flat) })
	}
	if err != nil {
		return nil, fmt.Errorf("ensemble: held-out rows: %w", err)
	}
	return each, nil
}
