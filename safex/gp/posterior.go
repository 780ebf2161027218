package gp

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// output is the posterior of one output given n inputs: with K + ς²I = LLᵀ it keeps L, R = L⁻¹ and α = RᵀRy, so that the
// variance at a point with kernels k is s² - |Rk|², and the mean kᵀα. R serves predictions, which are products then. New
// rows come of L, by a solution: with R their rounding errors would grow from row to row.
type output struct {
	hyper
	kernel kernel
	noise2 float64   // ς² and jitter
	z      num.Batch // inputs in length scales
	lower  []float64 // L, lower triangular, row-major with rows of stride
	root   []float64 // R, likewise
	stride int
	alpha  []float64
}

// floor is the least variance, in those of the signal: below is rounding. It keeps the gradient of the
// deviation finite.
const floor = 1e-14

// newOutput conditions on the changes y at inputs x.
func newOutput(k kernel, h hyper, x num.Batch, y []float64) (*output, error) {
	n := len(y)
	o := &output{hyper: h, kernel: k, noise2: h.Noise * h.Noise, z: h.inLengths(x), stride: n}
	if n == 0 {
		return o, nil
	}
	matrix := make([]float64, n*n)
	for i := range n {
		o.kernels(matrix[i*n+i:(i+1)*n], i, o.z, i)
		matrix[i*n+i] += o.noise2
	}
	chol, jitter, err := factorize(mat.NewSymDense(n, matrix), h.Signal*h.Signal)
	if err != nil {
		return nil, err
	}
	o.noise2 += jitter
	var lower, inverse mat.TriDense
	chol.LTo(&lower)
	if err := inverse.InverseTri(&lower); err != nil {
		if _, ok := err.(mat.Condition); !ok { // the noise bounds the condition
			return nil, fmt.Errorf("gp: %w", err)
		}
	}
	o.lower, o.root = lower.RawTriangular().Data, inverse.RawTriangular().Data
	o.alpha = append([]float64{}, y...)
	blas64.Trmv(blas.NoTrans, o.triangle(o.root), vector(o.alpha))
	blas64.Trmv(blas.Trans, o.triangle(o.root), vector(o.alpha))
	return o, nil
}

// triangle is L or R for BLAS.
func (o *output) triangle(data []float64) blas64.Triangular {
	return blas64.Triangular{N: len(o.alpha), Stride: o.stride, Data: data, Uplo: blas.Lower, Diag: blas.NonUnit}
}

// kernels writes k between input i and lanes from on of z, in length scales, to dst.
func (o *output) kernels(dst []float64, i int, z num.Batch, from int) {
	distances(dst, o.z, i, z, from)
	o.kernel.correlate(dst, nil)
	blas64.Scal(o.Signal*o.Signal, vector(dst))
}

// copy is an output to which more inputs can be appended.
func (o *output) copy(more int) *output {
	c, n := *o, len(o.alpha)
	c.stride = n + more
	c.lower, c.root = make([]float64, c.stride*c.stride), make([]float64, c.stride*c.stride)
	for i := range n {
		copy(c.lower[i*c.stride:], o.lower[i*o.stride:][:i+1])
		copy(c.root[i*c.stride:], o.root[i*o.stride:][:i+1])
	}
	c.alpha = append(make([]float64, 0, c.stride), o.alpha...)
	c.z = make(num.Batch, len(o.z))
	for d, column := range o.z {
		c.z[d] = append(make([]float64, 0, c.stride), column...)
	}
	return &c
}

// news holds the numbers of a further input that conditioning on it needs.
type news struct {
	z        num.Batch // in length scales
	k, l     []float64 // kernels to the inputs, and L⁻¹ times them
	variance float64   // conditional, of f
}

// look tells how much is known of f at x.
func (o *output) look(x []float64) news {
	n := len(o.alpha)
	a := news{z: num.NewBatch(len(x), 1), k: make([]float64, n)}
	for d, v := range x {
		a.z[d][0] = v / o.Length[d]
	}
	for i := range n {
		o.kernels(a.k[i:i+1], i, a.z, 0)
	}
	a.l = append([]float64{}, a.k...)
	s2 := o.Signal * o.Signal
	if n > 0 {
		blas64.Trsv(blas.NoTrans, o.triangle(o.lower), vector(a.l))
	}
	a.variance = max(s2-blas64.Dot(vector(a.l), vector(a.l)), floor*s2)
	return a
}

// extend conditions on the change y at a further input, for which there must be room: the new row of L is (l, d), so that
// of R is (-lᵀR, 1)/d, and Ry ends with (y - kᵀα)/d. The new pivot d² is never below the noise.
func (o *output) extend(a news, y float64) {
	n := len(o.alpha)
	d := math.Sqrt(a.variance + o.noise2)
	copy(o.lower[n*o.stride:], a.l)
	o.lower[n*o.stride+n] = d
	residual := y
	if n > 0 {
		residual -= blas64.Dot(vector(a.k), vector(o.alpha))
		blas64.Trmv(blas.Trans, o.triangle(o.root), vector(a.l))
	}
	row := o.root[n*o.stride:][:n+1]
	for i, v := range a.l {
		row[i] = -v / d
	}
	row[n] = 1 / d
	o.alpha = append(o.alpha, 0)
	blas64.Axpy(residual/d, vector(row), vector(o.alpha))
	for d := range o.z {
		o.z[d] = append(o.z[d], a.z[d][0])
	}
}

// predict writes the mean and the deviation of f at lanes z, in length scales, to dst, in Scales. k has room for a
// kernel of each input and lane.
func (o *output) predict(mean, deviation []float64, z num.Batch, k []float64) {
	n, lanes := len(o.alpha), len(mean)
	s2 := o.Signal * o.Signal
	clear(mean)
	clear(deviation) // until the end, the variance explained
	if n > 0 {
		rows := blas64.General{Rows: n, Cols: lanes, Stride: lanes, Data: k[:n*lanes]}
		for i := range n {
			o.kernels(k[i*lanes:(i+1)*lanes], i, z, 0)
		}
		blas64.Gemv(blas.Trans, 1, rows, vector(o.alpha), 0, vector(mean))
		blas64.Trmm(blas.Left, blas.NoTrans, 1, o.triangle(o.root), rows)
		for i := range n {
			for b, v := range k[i*lanes : (i+1)*lanes] {
				deviation[b] += v * v
			}
		}
	}
	for b, v := range deviation {
		deviation[b] = math.Sqrt(max(s2-v, floor*s2))
	}
}

// information is γ = ½ ln det(I + K/ς²), what the inputs tell about f.
func (o *output) information() (γ float64) {
	for i := range o.alpha {
		γ -= math.Log(o.root[i*o.stride+i]) + math.Log(o.noise2)/2
	}
	return γ
}
