package gp

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// sparse is a posterior of Sparse. It is immutable once it is complete.
type sparse struct {
	common
	task     string
	vars     []variable // of the state, then of the action
	inducing num.Batch  // inputs, from their centers, in Scales
	sums     sums

	z       num.Batch // inducing inputs in lengths
	lower   []float64 // [m, m]: L of their correlations
	root    []float64 // [m, m]: R
	weights []float64 // [nx, m]
	signal  []float64 // [nx]: s_j
	beta    float64

	parameters []*tensors.Tensor
}

// copy is a model whose sums can take more.
func (m *sparse) copy() *sparse {
	c := *m
	c.sums.VV, c.sums.VY, c.sums.YY = slices.Clone(m.sums.VV), slices.Clone(m.sums.VY), slices.Clone(m.sums.YY)
	c.inducing = make(num.Batch, len(m.inducing))
	for d, column := range m.inducing {
		c.inducing[d] = slices.Clone(column)
	}
	return &c
}

// Beta implements safex.Calibrated.
func (m *sparse) Beta() float64 { return m.beta }

// Predict implements safex.Model.
func (m *sparse) Predict(dst *safex.Prediction, x, u num.Batch) error {
	nx, dim, k := len(m.signal), len(m.vars), m.inducing.Len()
	if len(x) != nx || len(x)+len(u) != dim {
		panic(fmt.Sprintf("gp: Predict on %d state and %d action dimensions by a model of %d and %d", len(x), len(u), nx, dim-nx))
	}
	dst.Resize(nx, x.Len())
	xu, rho := slices.Concat(x, u), make([]float64, k)
	for i := range x.Len() {
		clear(rho)
		nan := 0.0
		for d, v := range m.vars {
			at := (xu[d][i] - v.Center) / (v.Scale * m.Length[d])
			nan += 0 * at
			for p, c := range m.z[d] {
				rho[p] += (at - c) * (at - c)
			}
		}
		kernels["se"].correlate(rho, nil)
		left := 1.0
		for p := range k {
			v := blas64.Dot(vector(m.root[p*k:][:p+1]), vector(rho[:p+1]))
			left -= v * v
		}
		left = math.Sqrt(max(left, floor)) + nan
		for j := range nx {
			scale := m.vars[j].Scale
			dst.Mean[j][i] = x[j][i] + scale*blas64.Dot(vector(m.weights[j*k:][:k]), vector(rho)) + nan
			dst.Epistemic[j][i] = scale * m.signal[j] * left
			dst.Aleatoric[j][i] = scale * m.signal[j] * m.Noise
		}
	}
	return nil
}

// Form implements safex.Formed.
func (m *sparse) Form() *safex.Form {
	k := m.inducing.Len()
	p := &safex.Process{Root: slices.Clone(m.root), Weights: make([]float64, len(m.weights))}
	f := &safex.Form{Process: p}
	for d, v := range m.vars {
		p.Center, p.Length = append(p.Center, v.Center), append(p.Length, v.Scale*m.Length[d])
	}
	for i := range k {
		for d := range m.vars {
			p.Points = append(p.Points, m.z[d][i])
		}
	}
	for j, s := range m.signal {
		scale := m.vars[j].Scale
		p.Deviation, f.Noise = append(p.Deviation, scale*s), append(f.Noise, scale*s*m.Noise)
		for i, w := range m.weights[j*k:][:k] {
			p.Weights[j*k+i] = scale * w
		}
	}
	return f
}

// capacity is the number of rows that the graph has room for: the next multiple of 64, so that few graphs serve all sizes.
func (m *sparse) capacity() int { return max(64, (m.inducing.Len()+63)/64*64) }

// pack makes the parameters, in physical units from the centers. Rows beyond the inducing inputs have weight 0:
//
//	center    [D, 1]
//	points    [rows, 2D+1] times (xu, xu², 1) is -r²/2 to each inducing input
//	root      [rows, rows]
//	weights   [nx, rows]
//	deviation [nx, 1]
func (m *sparse) pack() (err error) {
	defer gx.Catch(&err)
	f := m.Form().Process
	nx, dim, rows, k := len(m.signal), len(m.vars), m.capacity(), m.inducing.Len()
	points, root, weights := make([]float64, rows*(2*dim+1)), make([]float64, rows*rows), make([]float64, nx*rows)
	for i := range k {
		p := points[i*(2*dim+1):][:2*dim+1]
		for d, length := range f.Length {
			a, c := 1/length, m.z[d][i]
			p[d], p[dim+d] = a*c, -a*a/2
			p[2*dim] -= c * c / 2
		}
		copy(root[i*rows:], f.Root[i*k:][:k])
	}
	for j := range nx {
		copy(weights[j*rows:], f.Weights[j*k:][:k])
	}
	m.parameters = []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(f.Center, dim, 1),
		tensors.FromFlatDataAndDimensions(points, rows, 2*dim+1),
		tensors.FromFlatDataAndDimensions(root, rows, rows),
		tensors.FromFlatDataAndDimensions(weights, nx, rows),
		tensors.FromFlatDataAndDimensions(f.Deviation, nx, 1),
	}
	return gx.Share(m.parameters)
}

// Architecture implements gx.Belief.
func (m *sparse) Architecture() string {
	return fmt.Sprintf("sparse gp of %d rows, %d to %d", m.capacity(), len(m.vars), len(m.signal))
}

// Parameters implements gx.Belief.
func (m *sparse) Parameters() []*tensors.Tensor { return m.parameters }

// Step implements gx.Belief, in float64.
func (m *sparse) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	center, points, root, weights, deviation := p[0], p[1], p[2], p[3], p[4]
	z := Sub(xu, center)
	sum := InsertAxes(ReduceSum(z, 0), 0)
	ρ := Exp(Dot(points, Concatenate([]*Node{z, Square(z), OnesLike(sum)}, 0)).MatMul())
	left := Sqrt(MaxScalar(OneMinus(InsertAxes(ReduceSum(Square(Dot(root, ρ).MatMul()), 0), 0)), floor))
	nan := MulScalar(sum, 0) // Exp takes a NaN for a number
	mean = Add(Slice(xu, AxisRange(0, len(m.signal)), AxisRange()), Add(Dot(weights, ρ).MatMul(), nan))
	return mean, Add(Mul(deviation, left), nan)
}

// sparseFile is a saved model: what the posterior is made of again, by the same steps.
type sparseFile struct {
	Task     string
	Vars     []variable
	Common   common
	Inducing num.Batch
	Sums     sums
}

const sparseKind, sparseFormat = "sparse gp", 1

// Save implements safex.Codec.
func (g Sparse) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*sparse)
	if !ok {
		return nil, fmt.Errorf("gp: cannot save a %T", sm)
	}
	return checksum.Seal(sparseKind, sparseFormat, sparseFile{m.task, m.vars, m.common, m.inducing, m.sums})
}

// Load implements safex.Codec. The model takes its β, and the prior of its signals, from g.
func (g Sparse) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	var f sparseFile
	if err := checksum.Open(sparseKind, sparseFormat, data, &f); err != nil {
		return nil, err
	}
	m := &sparse{common: f.Common, task: f.Task, vars: f.Vars, inducing: f.Inducing, sums: f.Sums}
	if _, err := g.own(s, m); err != nil {
		return nil, fmt.Errorf("gp: load: %w", err)
	}
	if !f.whole(len(s.State)) {
		return nil, fmt.Errorf("gp: load: damaged model: its parts do not fit together")
	}
	if err := m.factorise(); err != nil {
		return nil, err
	}
	return m, g.complete(m)
}

// whole tells whether the sizes of f agree and its hyper-parameters make sense.
func (f sparseFile) whole(nx int) bool {
	if len(f.Inducing) != len(f.Vars) || len(f.Common.Length) != len(f.Vars) {
		return false
	}
	k := f.Inducing.Len()
	for _, column := range f.Inducing {
		if len(column) != k {
			return false
		}
	}
	for _, v := range append([]float64{f.Common.Noise}, f.Common.Length...) {
		if !(v > 0) || math.IsInf(v, 1) {
			return false
		}
	}
	return f.Sums.N >= 0 && len(f.Sums.VV) == k*k && len(f.Sums.VY) == nx*k && len(f.Sums.YY) == nx
}

var (
	_ safex.Codec      = Sparse{}
	_ safex.Updater    = Sparse{}
	_ safex.Calibrated = (*sparse)(nil)
	_ safex.Formed     = (*sparse)(nil)
	_ gx.Belief        = (*sparse)(nil)
)
