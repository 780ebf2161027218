package ensemble

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// model is a fitted ensemble. It is immutable.
type model struct {
	shape      shape
	in         frame
	yScale     []float64 // of each target
	noise      []float64 // fixed aleatoric deviation of each dimension, nil if it is learned
	declared   []float64 // variance of the noise of each dimension that the task declares, which is left out of the aleatoric deviation; nil if it declares none
	trained    state     // what a further fit goes on from
	parameters []*tensors.Tensor
}

// A frame is where inputs count from and in what: networks see (v - center) / scale.
type frame struct{ Center, Scale []float64 }

// newModel lays out the parameters: the averaged weights and biases of each layer, the frame of the inputs, the units of the
// change and of the noise, and what is declared of that.
func newModel(s shape, in frame, yScale, noise, declared []float64, trained state) (*model, error) {
	m := &model{shape: s, in: in, yScale: yScale, noise: noise, declared: declared, trained: trained}
	w := s.widths()
	for l := range len(w) - 1 {
		m.parameters = append(m.parameters,
			tensors.FromFlatDataAndDimensions(slices.Clone(trained.average[2*l]), s.members, w[l+1], w[l]),
			tensors.FromFlatDataAndDimensions(slices.Clone(trained.average[2*l+1]), s.members, w[l+1], 1))
	}
	unit := yScale
	if s.fixed {
		unit = noise
	}
	if declared == nil {
		declared = make([]float64, s.out)
	}
	for _, column := range [][]float64{in.Center, in.Scale, yScale, unit, declared} {
		m.parameters = append(m.parameters, tensors.FromFlatDataAndDimensions(slices.Clone(column), len(column), 1))
	}
	return m, gx.Share(m.parameters)
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// Architecture implements gx.Belief.
func (m *model) Architecture() string { return m.shape.String() }

// Parameters implements gx.Belief.
func (m *model) Parameters() []*tensors.Tensor { return m.parameters }

// Step implements gx.Belief.
func (m *model) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	s := m.shape
	layers, f := framed(p)
	layers = slices.Clone(layers)
	for i := len(layers) - 2; i < len(layers); i++ { // of the head, the first rows are the means
		layers[i] = Slice(layers[i], AxisRange(), AxisRange(0, s.out), AxisRange())
	}
	mean, epistemic = spread(forward(s, layers, f.inputs(xu)))
	return Add(Slice(xu, AxisRange(0, s.out), AxisRange()), f.changes(mean)), f.changes(epistemic)
}

// Noise implements gx.Noisy.
func (m *model) Noise(p []*Node, xu *Node) *Node {
	layers, f := framed(p)
	_, logStd := f.split(m.shape, forward(m.shape, layers, f.inputs(xu)))
	return f.left(ReduceMean(physical(Exp(logStd), f.noise), 0))
}

// left is what the noise that is declared leaves of an aleatoric deviation, [nx, B] or [members, nx, B].
func (f nodes) left(std *Node) *Node {
	declared := f.declared
	if std.Rank() == 3 {
		declared = InsertAxes(declared, 0)
	}
	declared = Mul(declared, OnesLike(std))
	square := Square(std)
	rest := Sqrt(Max(Sub(square, declared), MulScalar(square, safex.Known*safex.Known)))
	return Where(GreaterThan(declared, ZerosLike(std)), rest, std)
}

// split takes the head apart; the deviations of one without are 1, in the units of the noise.
func (f nodes) split(s shape, y *Node) (mean, logStd *Node) {
	return split(s, y, InsertAxes(ZerosLike(ConvertDType(f.unit, dtypes.Float32)), 0))
}

// nodes are the frame of the inputs, the units of the change and of the noise, and what is declared of that, in a graph.
type nodes struct{ center, scale, unit, noise, declared *Node }

// framed takes the parameters apart.
func framed(p []*Node) (layers []*Node, f nodes) {
	n := len(p) - 5
	return p[:n], nodes{p[n], p[n+1], p[n+2], p[n+3], p[n+4]}
}

// inputs are what networks see of points.
func (f nodes) inputs(xu *Node) *Node {
	return ConvertDType(Div(Sub(xu, f.center), f.scale), dtypes.Float32)
}

// changes are outputs of networks, [nx, B] or [members, nx, B], in the units of the state.
func (f nodes) changes(y *Node) *Node { return physical(y, f.unit) }

// physical is y of float32 in units of each dimension.
func physical(y, unit *Node) *Node {
	if y.Rank() == 3 {
		unit = InsertAxes(unit, 0)
	}
	return Mul(ConvertDType(y, dtypes.Float64), unit)
}

// spread is the mean of the members' outputs and the deviation of them. y is [members, nx, B].
func spread(y *Node) (mean, epistemic *Node) {
	m := ReduceMean(y, 0)
	d := Sub(y, InsertAxes(m, 0))
	// The floor keeps the gradient of the square root finite where the members agree.
	return m, Sqrt(AddScalar(ReduceMean(Square(d), 0), 1e-16))
}

// Predict implements safex.Model.
func (m *model) Predict(dst *safex.Prediction, x, u num.Batch) error {
	out, err := m.call(whole, x, u)
	if err != nil {
		return err
	}
	dst.Resize(m.shape.out, x.Len())
	for i, b := range []num.Batch{dst.Mean, dst.Epistemic, dst.Aleatoric} {
		if err := gx.SetColumns(b, out[i]); err != nil {
			return fmt.Errorf("ensemble: predict: %w", err)
		}
	}
	return nil
}

// call runs a graph of predictors on points.
func (m *model) call(g which, x, u num.Batch) (out []*tensors.Tensor, err error) {
	s := m.shape
	if len(x) != s.out || len(x)+len(u) != s.in {
		panic(fmt.Sprintf("ensemble: Predict on %d state and %d action dimensions by a model of %d and %d", len(x), len(u), s.out, s.in-s.out))
	}
	defer gx.Catch(&err)
	exec, err := predictor(s, g)
	if err != nil {
		return nil, err
	}
	lanes := gx.Lanes(x.Len())
	args := []any{gx.Columns[float64](slices.Concat(x, u), lanes, s.in, lanes)}
	for _, p := range m.parameters {
		args = append(args, p)
	}
	if out, err = exec.Call(args...); err != nil {
		return nil, fmt.Errorf("ensemble: predict: %w", err)
	}
	return out, nil
}

// which graph: that of the ensemble as a whole, or of its members.
type which int

const (
	whole which = iota
	each
)

type prediction struct {
	shape
	which
	backend compute.Backend
}

var predictors sync.Map // prediction to func() (*Exec, error)

// predictor compiles a one-step prediction of a shape once.
func predictor(s shape, g which) (*Exec, error) {
	backend, err := gx.Backend()
	if err != nil {
		return nil, err
	}
	made, _ := predictors.LoadOrStore(prediction{s, g, backend}, sync.OnceValues(func() (*Exec, error) {
		exec, err := NewExec(backend, func(in []*Node) []*Node {
			layers, f := framed(in[1:])
			x := Slice(in[0], AxisRange(0, s.out), AxisRange())
			y, logStd := f.split(s, forward(s, layers, f.inputs(in[0])))
			std := physical(Exp(logStd), f.noise)
			if g == each {
				return []*Node{Add(f.changes(y), InsertAxes(x, 0)), f.left(std)}
			}
			mean, epistemic := spread(y)
			return []*Node{Add(x, f.changes(mean)), f.changes(epistemic), f.left(ReduceMean(std, 0))}
		})
		if err == nil {
			exec.SetMaxCache(-1)
		}
		return exec, err
	}))
	return made.(func() (*Exec, error))()
}

var (
	_ safex.Model = (*model)(nil)
	_ gx.Noisy    = (*model)(nil)
)
