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
	spots    spots
	reach    float64 // how far from its center an input counts, in Scales; 0 is no end
	task     string
	vars     []variable // of the state, then of the action
	inducing num.Batch  // inputs, from their centers, in Scales
	sums     sums

	z       num.Batch // inducing inputs in lengths
	lower   []float64 // [m, m]: L of their correlations
	root    []float64 // [k, k]: R
	weights []float64 // [nx, k]
	signal  []float64 // [nx]: s_j
	beta    float64
	rest    remainder // of spots and ς, without what the task declares

	parameters []*tensors.Tensor
}

// copy is a model whose sums can take more.
func (m *sparse) copy() *sparse {
	c := *m
	c.sums.FF, c.sums.FY = slices.Clone(m.sums.FF), slices.Clone(m.sums.FY)
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
	nx, dim, n := len(m.signal), len(m.vars), m.inducing.Len()
	k := n + 1 + dim
	if len(x) != nx || len(x)+len(u) != dim {
		panic(fmt.Sprintf("gp: Predict on %d state and %d action dimensions by a model of %d and %d", len(x), len(u), nx, dim-nx))
	}
	dst.Resize(nx, x.Len())
	xu, phi, z := slices.Concat(x, u), make([]float64, k), make([]float64, dim)
	for i := range x.Len() {
		clear(phi)
		rho := phi[:n]
		nan, left := 0.0, 1+m.Trend*m.Trend
		phi[n] = m.Trend
		for d, v := range m.vars {
			at := (xu[d][i] - v.Center) / v.Scale
			nan += 0 * at
			z[d] = at
			if m.reach > 0 {
				at = max(-m.reach, min(m.reach, at))
			}
			phi[n+1+d] = m.Trend * at
			left += phi[n+1+d] * phi[n+1+d]
			at /= m.Length[d]
			for p, c := range m.z[d] {
				rho[p] += (at - c) * (at - c)
			}
		}
		kernels["se"].correlate(rho, nil)
		for p := range k {
			v := blas64.Dot(vector(m.root[p*k:][:p+1]), vector(phi[:p+1]))
			left -= v * v
		}
		left = math.Sqrt(max(left, floor)) + nan
		for j, g := range m.rest.times(z, nx) {
			scale := m.vars[j].Scale
			dst.Mean[j][i] = x[j][i] + scale*blas64.Dot(vector(m.weights[j*k:][:k]), vector(phi)) + nan
			dst.Epistemic[j][i] = scale * m.signal[j] * left
			dst.Aleatoric[j][i] = scale * m.signal[j] * m.rest.Noise[j] * math.Sqrt(g)
		}
	}
	return nil
}

// A remainder is the noise that is left aleatoric: ς of each dimension, and the spots.
type remainder struct {
	spots
	Noise []float64
}

// leave takes the variance of what the task declares from the noise that was learned: from ς first, and what is more than that from each spot. Where spots do not overlap
// it leaves no less than what was learned has more than is declared.
func (m *sparse) leave(declared []float64) {
	m.rest = remainder{m.spots, m.common.Noise}
	if declared == nil {
		return
	}
	m.rest.Noise, m.rest.Times = slices.Clone(m.common.Noise), slices.Clone(m.spots.Times)
	n := m.spots.len()
	for j, ς := range m.common.Noise {
		part := declared[j] / math.Pow(m.vars[j].Scale*m.signal[j]*ς, 2) // of the variance away from spots
		share := max(1-part, safex.Known*safex.Known)
		m.rest.Noise[j] = ς * math.Sqrt(share)
		for k, c := range m.spots.Times[j*n:][:n] {
			m.rest.Times[j*n+k] = max(0, c-max(0, part-1)) / share
		}
	}
}

// Form implements safex.Formed.
func (m *sparse) Form() *safex.Form {
	n := m.inducing.Len()
	k := n + 1 + len(m.vars)
	p := &safex.Process{Trend: []float64{m.Trend}, Root: slices.Clone(m.root), Weights: make([]float64, len(m.weights))}
	f := &safex.Form{Process: p}
	for d, v := range m.vars {
		p.Center, p.Length, p.Trend = append(p.Center, v.Center), append(p.Length, v.Scale*m.Length[d]), append(p.Trend, m.Trend/v.Scale)
		if m.reach > 0 {
			p.Range = append(p.Range, v.Scale*m.reach)
		}
	}
	for i := range n {
		for d := range m.vars {
			p.Points = append(p.Points, m.z[d][i])
		}
	}
	for j, s := range m.signal {
		scale := m.vars[j].Scale
		p.Deviation, f.Noise = append(p.Deviation, scale*s), append(f.Noise, scale*s*m.rest.Noise[j])
		for i, w := range m.weights[j*k:][:k] {
			p.Weights[j*k+i] = scale * w
		}
	}
	if spots := &m.spots; spots.len() > 0 {
		f.Spots = &safex.Spots{Center: p.Center, Times: m.rest.Times}
		for d, v := range m.vars {
			f.Spots.Length = append(f.Spots.Length, v.Scale*spots.Length[d])
		}
		for k := range spots.len() {
			for d, v := range spots.At.Point(k) {
				f.Spots.Points = append(f.Spots.Points, v/spots.Length[d])
			}
		}
	}
	return f
}

// capacity is the number of rows that the graph has room for: the next multiple of 64, so that few graphs serve all sizes.
func (m *sparse) capacity() int { return max(64, (m.inducing.Len()+63)/64*64) }

// pack makes the parameters, in physical units from the centers. Rows beyond the inducing inputs have weight 0, and the trend comes after them:
//
//	center    [D, 1]
//	points    [rows, 2D+1] times (xu, xu², 1) is -r²/2 to each inducing input
//	trend     [1+D, 1]
//	root      [rows+1+D, rows+1+D]
//	weights   [nx, rows+1+D]
//	deviation [nx, 1]
//	noise     [nx, 1]
//	near      [places, 2D+1] times (xu, xu², 1) is -r²/2 to each spot
//	times     [nx, places]
//	range     [D, 1]
func (m *sparse) pack() (err error) {
	defer gx.Catch(&err)
	form := m.Form()
	f, noise := form.Process, form.Noise
	ends := f.Range
	if ends == nil {
		ends = slices.Repeat([]float64{math.Inf(1)}, len(m.vars))
	}
	nx, dim, rows, n, k := len(m.signal), len(m.vars), m.capacity(), m.inducing.Len(), f.Features()
	all, places := rows+1+dim, m.places()
	near, times := make([]float64, places*(2*dim+1)), make([]float64, nx*places)
	points, root, weights := make([]float64, rows*(2*dim+1)), make([]float64, all*all), make([]float64, nx*all)
	spread := func(to, from []float64) {
		copy(to, from[:n])
		copy(to[rows:], from[n:])
	}
	for i := range k {
		to := i
		if i >= n {
			to += rows - n
		}
		spread(root[to*all:][:all], f.Root[i*k:][:k])
		if i >= n {
			continue
		}
		halfSquares(points[i*(2*dim+1):][:2*dim+1], f.Points[i*dim:][:dim], f.Length)
	}
	if s := form.Spots; s != nil {
		n := m.spots.len()
		for k := range n {
			halfSquares(near[k*(2*dim+1):][:2*dim+1], s.Points[k*dim:][:dim], s.Length)
		}
		for j := range nx {
			copy(times[j*places:], s.Times[j*n:][:n])
		}
	}
	for j := range nx {
		spread(weights[j*all:][:all], f.Weights[j*k:][:k])
	}
	m.parameters = []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(f.Center, dim, 1),
		tensors.FromFlatDataAndDimensions(points, rows, 2*dim+1),
		tensors.FromFlatDataAndDimensions(f.Trend, 1+dim, 1),
		tensors.FromFlatDataAndDimensions(root, all, all),
		tensors.FromFlatDataAndDimensions(weights, nx, all),
		tensors.FromFlatDataAndDimensions(f.Deviation, nx, 1),
		tensors.FromFlatDataAndDimensions(noise, nx, 1),
		tensors.FromFlatDataAndDimensions(near, places, 2*dim+1),
		tensors.FromFlatDataAndDimensions(times, nx, places),
		tensors.FromFlatDataAndDimensions(ends, dim, 1),
	}
	return gx.Share(m.parameters)
}

// places is the number of spots that the graph has room for, as capacity is that of rows.
func (m *sparse) places() int { return max(16, (m.spots.len()+15)/16*16) }

// halfSquares writes to row what times (xu, xu², 1) is -r²/2 of xu to a point, which is given in lengths.
func halfSquares(row, point, length []float64) {
	dim := len(point)
	for d, c := range point {
		a := 1 / length[d]
		row[d], row[dim+d] = a*c, -a*a/2
		row[2*dim] -= c * c / 2
	}
}

// Architecture implements gx.Belief.
func (m *sparse) Architecture() string {
	return fmt.Sprintf("sparse gp of %d rows and %d spots, %d to %d", m.capacity(), m.places(), len(m.vars), len(m.signal))
}

// Parameters implements gx.Belief.
func (m *sparse) Parameters() []*tensors.Tensor { return m.parameters }

// Step implements gx.Belief, in float64.
func (m *sparse) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	center, points, trend, root, weights, deviation := p[0], p[1], p[2], p[3], p[4], p[5]
	z := Sub(xu, center)
	sum := InsertAxes(ReduceSum(z, 0), 0)
	z = Max(Min(z, p[9]), Neg(p[9]))
	ρ := correlated(points, z)
	h := Mul(trend, Concatenate([]*Node{OnesLike(sum), z}, 0))
	φ := Concatenate([]*Node{ρ, h}, 0)
	square := func(x *Node) *Node { return InsertAxes(ReduceSum(Square(x), 0), 0) }
	left := Sqrt(MaxScalar(Sub(AddScalar(square(h), 1), square(Dot(root, φ).MatMul())), floor))
	nan := MulScalar(sum, 0) // Exp and Min take a NaN for a number
	mean = Add(Slice(xu, AxisRange(0, len(m.signal)), AxisRange()), Add(Dot(weights, φ).MatMul(), nan))
	return mean, Add(Mul(deviation, left), nan)
}

// correlated are the correlations of z, from the center, with the points whose halfSquares are given.
func correlated(points, z *Node) *Node {
	one := OnesLike(InsertAxes(ReduceSum(z, 0), 0))
	return Exp(Dot(points, Concatenate([]*Node{z, Square(z), one}, 0)).MatMul())
}

// Noise implements gx.Noisy.
func (m *sparse) Noise(p []*Node, xu *Node) *Node {
	center, noise, near, times := p[0], p[6], p[7], p[8]
	return Mul(noise, Sqrt(AddScalar(Dot(times, correlated(near, Sub(xu, center))).MatMul(), 1)))
}

// sparseFile is a saved model: what the posterior is made of again, by the same steps.
type sparseFile struct {
	Task     string
	Vars     []variable
	Common   common
	Spots    spots
	Range    float64
	Signal   []float64
	Inducing num.Batch
	Sums     sums
}

const sparseKind, sparseFormat = "sparse gp", 3

// Save implements safex.Codec.
func (g Sparse) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*sparse)
	if !ok {
		return nil, fmt.Errorf("gp: cannot save a %T", sm)
	}
	return checksum.Seal(sparseKind, sparseFormat, sparseFile{m.task, m.vars, m.common, m.spots, m.reach, m.signal, m.inducing, m.sums})
}

// Load implements safex.Codec. The model takes its β from g.
func (g Sparse) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	var f sparseFile
	if err := checksum.Open(sparseKind, sparseFormat, data, &f); err != nil {
		return nil, err
	}
	m := &sparse{common: f.Common, spots: f.Spots, reach: f.Range, signal: f.Signal, task: f.Task, vars: f.Vars, inducing: f.Inducing, sums: f.Sums}
	if _, err := g.own(s, m); err != nil {
		return nil, fmt.Errorf("gp: load: %w", err)
	}
	if !f.whole(len(s.State)) {
		return nil, fmt.Errorf("gp: load: damaged model: its parts do not fit together")
	}
	m.leave(s.NoiseVariance())
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
	if !(f.Range >= 0) {
		return false
	}
	n := f.Inducing.Len()
	for _, column := range f.Inducing {
		if len(column) != n {
			return false
		}
	}
	k := n + 1 + len(f.Vars)
	for _, v := range slices.Concat(f.Common.Length, []float64{f.Common.Trend}, f.Common.Noise) {
		if !(v > 0) || math.IsInf(v, 1) {
			return false
		}
	}
	spots := f.Spots.len()
	if len(f.Spots.Times) != nx*spots || spots > 0 && (len(f.Spots.At) != len(f.Vars) || len(f.Spots.Length) != len(f.Vars)) {
		return false
	}
	for _, column := range f.Spots.At {
		if len(column) != spots {
			return false
		}
	}
	for _, v := range f.Signal {
		if !(v > 0) || math.IsInf(v, 1) {
			return false
		}
	}
	return len(f.Common.Noise) == nx && len(f.Signal) == nx && f.Sums.N >= 0 && len(f.Sums.FF) == k*k && len(f.Sums.FY) == nx*k
}

var (
	_ safex.Codec      = Sparse{}
	_ safex.Updater    = Sparse{}
	_ safex.Calibrated = (*sparse)(nil)
	_ safex.Formed     = (*sparse)(nil)
	_ gx.Noisy         = (*sparse)(nil)
)
