package ensemble

import (
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// model is a fitted ensemble. It is immutable.
type model struct {
	shape   shape
	inScale []float64 // of each input
	yScale  []float64 // of each target
	noise   []float64 // fixed aleatoric deviation of each dimension, nil if it is learned
	trained state     // what a further fit goes on from
	folded  []*tensors.Tensor
}

// newModel folds the scales into the first and the last layer: what is left is a plain network
// from physical inputs to physical differences.
func newModel(s shape, inScale, yScale, noise []float64, trained state) (*model, error) {
	m := &model{shape: s, inScale: inScale, yScale: yScale, noise: noise, trained: trained}
	w := s.widths()
	for l := range len(w) - 1 {
		weights, bias := slices.Clone(trained.average[2*l]), slices.Clone(trained.average[2*l+1])
		if l == 0 {
			for i := range weights {
				weights[i] /= float32(inScale[i%w[0]])
			}
		}
		if l == len(w)-2 {
			for i := range bias {
				if o := i % w[l+1]; o < s.out {
					bias[i] *= float32(yScale[o])
					for k := range w[l] {
						weights[i*w[l]+k] *= float32(yScale[o])
					}
				}
			}
		}
		m.folded = append(m.folded,
			tensors.FromFlatDataAndDimensions(weights, s.members, w[l+1], w[l]),
			tensors.FromFlatDataAndDimensions(bias, s.members, w[l+1], 1))
	}
	unit := yScale
	if s.fixed {
		unit = noise
	}
	m.folded = append(m.folded, tensors.FromFlatDataAndDimensions(narrow(unit), 1, s.out, 1))
	return m, gx.Share(m.folded)
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
func (m *model) Parameters() []*tensors.Tensor { return m.folded }

// Step implements gx.Belief.
func (m *model) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	s := m.shape
	p = slices.Clone(p[:len(p)-1])
	for i := len(p) - 2; i < len(p); i++ { // of the head, the first rows are the means
		p[i] = Slice(p[i], AxisRange(), AxisRange(0, s.out), AxisRange())
	}
	return spread(forward(s, p, xu), Slice(xu, AxisRange(0, s.out), AxisRange()))
}

// spread is the mean of the members' next states and the deviation of their means. y holds
// the members' differences, [members, nx, B].
func spread(y, x *Node) (mean, epistemic *Node) {
	m := ReduceMean(y, 0)
	d := Sub(y, InsertAxes(m, 0))
	// The floor keeps the gradient of the square root finite where the members agree.
	return Add(x, m), Sqrt(AddScalar(ReduceMean(Square(d), 0), 1e-16))
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
	args := []any{gx.Columns(slices.Concat(x, u), lanes, s.in, lanes)}
	for _, p := range m.folded {
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
			xu, p, unit := in[0], in[1:len(in)-1], in[len(in)-1]
			x := Slice(xu, AxisRange(0, s.out), AxisRange())
			y, logStd := split(s, forward(s, p, xu), ZerosLike(unit))
			std := Mul(Exp(logStd), unit)
			if g == each {
				return []*Node{Add(y, InsertAxes(x, 0)), std}
			}
			mean, epistemic := spread(y, x)
			return []*Node{mean, epistemic, ReduceMean(std, 0)}
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
	_ gx.Belief   = (*model)(nil)
)
