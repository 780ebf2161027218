package gp

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"
	"golang.org/x/sync/errgroup"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// variable is what a model knows of a dimension of the state or the action.
type variable struct {
	Name          string
	Scale, Center float64
}

func variables(s *safex.System) (vars []variable) {
	center, _ := s.Inputs()
	for k, v := range slices.Concat(s.State, s.Action) {
		vars = append(vars, variable{v.Name, v.Scale, center[k]})
	}
	return vars
}

// model is a posterior. It is immutable once it is packed.
type model struct {
	kernel     string
	task       string
	vars       []variable // of the state, then of the action
	x, y       num.Batch  // inputs, from their centers, and changes that it is conditioned on, in Scales
	fitted     int        // how many of them were factorised at once; the others came one by one
	seen       int        // transitions that it knows
	left       int        // of which it is not conditioned on so many
	deviation  []float64  // largest of each output among those, in Scales
	outputs    []*output
	beta       float64   // 0 for none
	noise      []float64 // [nx]: aleatoric deviation of each output, in its unit: without what the task declares
	parameters []*tensors.Tensor
}

// Beta implements safex.Calibrated.
func (m *model) Beta() float64 { return m.beta }

// Left is how many transitions m knows but does not condition on, and the largest epistemic deviation among these of
// each dimension, in units of the state: what is lost. A deviation is that when the transition was left out; what
// Update added since can have lowered it. It panics if m is no model of a GP.
func Left(m safex.Model) (transitions int, deviation []float64) {
	g, ok := m.(*model)
	if !ok {
		panic(fmt.Sprintf("gp: Left of a %T", m))
	}
	for j, v := range g.deviation {
		deviation = append(deviation, v*g.vars[j].Scale)
	}
	return g.left, deviation
}

// condition makes the outputs from x and y: it factorises the first rows at once, and appends the others.
func (m *model) condition(hypers []hyper) error {
	rows := make([]int, m.fitted)
	for i := range rows {
		rows[i] = i
	}
	x, y := pick(m.x, rows), pick(m.y, rows)
	m.outputs = make([]*output, len(hypers))
	var outputs errgroup.Group
	for j, h := range hypers {
		outputs.Go(func() error {
			o, err := newOutput(kernels[m.kernel], h, x, y[j])
			if err != nil {
				return err
			}
			if more := m.x.Len() - m.fitted; more > 0 {
				o = o.copy(more)
				for i := m.fitted; i < m.x.Len(); i++ {
					o.extend(o.look(m.x.Point(i)), m.y[j][i])
				}
			}
			m.outputs[j] = o
			return nil
		})
	}
	return outputs.Wait()
}

// copy is a model that can take more rows.
func (m *model) copy(more int) *model {
	c := *m
	c.parameters = nil
	c.deviation = slices.Clone(m.deviation)
	c.x, c.y, c.outputs = make(num.Batch, len(m.x)), make(num.Batch, len(m.y)), make([]*output, len(m.outputs))
	for d, column := range m.x {
		c.x[d] = slices.Clone(column)
	}
	for d, column := range m.y {
		c.y[d] = slices.Clone(column)
	}
	for j, o := range m.outputs {
		c.outputs[j] = o.copy(more)
	}
	return &c
}

// take conditions on a further transition if it is novel and there is room for it among most, or leaves it out.
func (m *model) take(x, y []float64, novel float64, most int) {
	looks := make([]news, len(m.outputs))
	enter := false
	for j, o := range m.outputs {
		looks[j] = o.look(x)
		enter = enter || math.Sqrt(looks[j].variance) > novel*o.Noise
	}
	if !enter || m.x.Len() >= most {
		m.left++
		for j, l := range looks {
			m.deviation[j] = max(m.deviation[j], math.Sqrt(l.variance))
		}
		return
	}
	for d := range m.x {
		m.x[d] = append(m.x[d], x[d])
	}
	for j, o := range m.outputs {
		m.y[j] = append(m.y[j], y[j])
		o.extend(looks[j], y[j])
	}
}

// capacity is the number of rows that the graph has room for: the next multiple of 64, so that few graphs
// serve all sizes.
func (m *model) capacity() int { return max(64, (m.x.Len()+63)/64*64) }

// pack makes the parameters. They are in physical units from the centers, and rows beyond the data have weight 0:
//
//	center  [D, 1]
//	points  [nx·rows, 2D+1]  times (xu, xu², 1) is the kernel's factor times r² to each input
//	root    [nx, rows, rows] R s² Scale: times ρ it is what the inputs explain of the deviation
//	weights [nx, 1, rows]    α s² Scale: times ρ it is the mean change
//	prior   [nx, 1]          (s Scale)²
//	noise   [nx, 1]          ς Scale, without what the task declares
func (m *model) pack() (err error) {
	defer gx.Catch(&err)
	nx, dim, rows, n := len(m.outputs), len(m.vars), m.capacity(), m.x.Len()
	points, root := make([]float64, nx*rows*(2*dim+1)), make([]float64, nx*rows*rows)
	weights, prior := make([]float64, nx*rows), make([]float64, nx)
	for j, o := range m.outputs {
		factor, size := kernels[m.kernel].factor, o.Signal*o.Signal*m.vars[j].Scale
		prior[j] = math.Pow(o.Signal*m.vars[j].Scale, 2)
		for i := range n {
			p := points[(j*rows+i)*(2*dim+1):][:2*dim+1]
			for d, v := range m.vars {
				a, c := 1/(v.Scale*o.Length[d]), o.z[d][i]
				p[d], p[dim+d] = -2*factor*a*c, factor*a*a
				p[2*dim] += factor * c * c
			}
			for k, v := range o.root[i*o.stride:][:i+1] {
				root[(j*rows+i)*rows+k] = v * size
			}
			weights[j*rows+i] = o.alpha[i] * size
		}
	}
	center := make([]float64, dim)
	for d, v := range m.vars {
		center[d] = v.Center
	}
	m.parameters = []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(center, dim, 1),
		tensors.FromFlatDataAndDimensions(points, nx*rows, 2*dim+1),
		tensors.FromFlatDataAndDimensions(root, nx, rows, rows),
		tensors.FromFlatDataAndDimensions(weights, nx, 1, rows),
		tensors.FromFlatDataAndDimensions(prior, nx, 1),
		tensors.FromFlatDataAndDimensions(slices.Clone(m.noise), nx, 1),
	}
	return gx.Share(m.parameters)
}

// block is the number of points that are predicted together.
const block = 128

// Predict implements safex.Model. A large batch is shared out to the processor's cores.
func (m *model) Predict(dst *safex.Prediction, x, u num.Batch) error {
	nx, dim := len(m.outputs), len(m.vars)
	if len(x) != nx || len(x)+len(u) != dim {
		panic(fmt.Sprintf("gp: Predict on %d state and %d action dimensions by a model of %d and %d", len(x), len(u), nx, dim-nx))
	}
	n := x.Len()
	dst.Resize(nx, n)
	xu := slices.Concat(x, u)
	blocks := (n + block - 1) / block
	workers := min(runtime.GOMAXPROCS(0), blocks)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			k := make([]float64, m.x.Len()*block)
			for b := blocks * w / workers; b < blocks*(w+1)/workers; b++ {
				m.predict(dst, xu, b*block, min(n, (b+1)*block), k)
			}
		})
	}
	wait.Wait()
	return nil
}

// predict is Predict of points lo to hi.
func (m *model) predict(dst *safex.Prediction, xu num.Batch, lo, hi int, k []float64) {
	z := num.NewBatch(len(xu), hi-lo)
	for j, o := range m.outputs {
		for d, v := range m.vars {
			scale := v.Scale * o.Length[d]
			for i, w := range xu[d][lo:hi] {
				z[d][i] = (w - v.Center) / scale
			}
		}
		mean, deviation, scale := dst.Mean[j][lo:hi], dst.Epistemic[j][lo:hi], m.vars[j].Scale
		o.predict(mean, deviation, z, k)
		for i, v := range xu[j][lo:hi] {
			mean[i] = v + scale*mean[i]
			deviation[i] *= scale
			dst.Aleatoric[j][lo+i] = m.noise[j]
		}
	}
}

// Form implements safex.Formed.
func (m *model) Form() *safex.Form {
	n := m.x.Len()
	k := &safex.Kernels{Correlation: m.kernel}
	for _, v := range m.vars {
		k.Center = append(k.Center, v.Center)
	}
	for j, o := range m.outputs {
		size := o.Signal * o.Signal * m.vars[j].Scale
		of := safex.Kernel{Weights: make([]float64, n), Root: make([]float64, n*n), Variance: math.Pow(o.Signal*m.vars[j].Scale, 2)}
		for d, v := range m.vars {
			of.Length = append(of.Length, v.Scale*o.Length[d])
		}
		for i := range n {
			for d := range m.vars {
				of.Points = append(of.Points, o.z[d][i])
			}
			of.Weights[i] = size * o.alpha[i]
			for l, v := range o.root[i*o.stride:][:i+1] {
				of.Root[i*n+l] = size * v
			}
		}
		k.Outputs = append(k.Outputs, of)
	}
	return &safex.Form{Kernels: k, Noise: slices.Clone(m.noise)}
}

// Architecture implements gx.Belief.
func (m *model) Architecture() string {
	return fmt.Sprintf("gp %s of %d rows, %d to %d", m.kernel, m.capacity(), len(m.vars), len(m.outputs))
}

// Parameters implements gx.Belief.
func (m *model) Parameters() []*tensors.Tensor { return m.parameters }

// Step implements gx.Belief. It computes in float64: the deviation is a small difference of large numbers.
func (m *model) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	center, points, root, weights, prior := p[0], p[1], p[2], p[3], p[4]
	nx, lanes := len(m.outputs), xu.Shape().Dim(1)
	z := Sub(xu, center)
	sum := InsertAxes(ReduceSum(z, 0), 0)
	features := Concatenate([]*Node{z, Square(z), OnesLike(sum)}, 0)
	scaled := Reshape(Dot(points, features).MatMul(), nx, m.capacity(), lanes)
	ρ := kernels[m.kernel].node(scaled)
	times := func(a *Node) *Node { return DotGeneral(a, []int{2}, []int{0}, ρ, []int{1}, []int{0}) }
	variance := Sub(prior, ReduceSum(Square(times(root)), 1))
	std := Sqrt(Max(variance, MulScalar(BroadcastToDims(prior, nx, lanes), floor)))
	nan := MulScalar(sum, 0) // Exp takes a NaN for a number
	change := Add(Reshape(times(weights), nx, lanes), nan)
	return Add(Slice(xu, AxisRange(0, nx), AxisRange()), change), Add(std, nan)
}

// Noise implements gx.Noisy.
func (m *model) Noise(p []*Node, xu *Node) *Node {
	return BroadcastToDims(p[5], len(m.outputs), xu.Shape().Dim(1))
}

var (
	_ safex.Model      = (*model)(nil)
	_ safex.Calibrated = (*model)(nil)
	_ safex.Formed     = (*model)(nil)
	_ gx.Noisy         = (*model)(nil)
)
