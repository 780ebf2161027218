package fused

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// shared is the source of a safex.Process. It computes in float64, as gaussian does. Sums over the points are as there: with 1 and with each of
// their coordinates.
type shared struct {
	in, out, n      int
	center, inverse []float64     // [in]: of the lengths
	points          []float64     // [n, in]
	deviation       []float64     // [out]
	weights         *vec.Matrix64 // [out, n]
	root, rootBack  *vec.Matrix64 // [n, n], and its transpose
	sums            *vec.Matrix64 // [1 + in, n]
	weighted        *vec.Matrix64 // [n, out]: transpose of the weights
}

// newShared checks and packs the process of a model of nx state and nu action dimensions.
func newShared(r *safex.Process, nx, nu int) source {
	in, n := nx+nu, 0
	if len(r.Length) > 0 {
		n = len(r.Points) / len(r.Length)
	}
	if len(r.Center) != in || len(r.Length) != in || len(r.Points) != n*in || len(r.Weights) != nx*n || len(r.Root) != n*n || len(r.Deviation) != nx {
		panic(fmt.Sprintf("fused: a process of %d coordinates with %d lengths, %d weights, a root of %d and %d deviations for %d state and %d action dimensions",
			len(r.Points), len(r.Length), len(r.Weights), len(r.Root), len(r.Deviation), nx, nu))
	}
	if n == 0 {
		return still(nx)
	}
	s := &shared{in: in, out: nx, n: n, center: r.Center, points: r.Points, deviation: r.Deviation}
	for _, v := range r.Length {
		s.inverse = append(s.inverse, 1/v)
	}
	s.weights = vec.Pack64(nx, n, func(d, i int) float64 { return r.Weights[d*n+i] })
	s.weighted = vec.Pack64(n, nx, func(i, d int) float64 { return r.Weights[d*n+i] })
	s.root = vec.Pack64(n, n, func(i, k int) float64 { return r.Root[i*n+k] })
	s.rootBack = vec.Pack64(n, n, func(k, i int) float64 { return r.Root[i*n+k] })
	s.sums = vec.Pack64(1+in, n, func(c, i int) float64 {
		if c == 0 {
			return 1
		}
		return r.Points[i*in+c-1]
	})
	return s
}

// stepper implements source.
func (r *shared) stepper() stepper { return &sharedStepper{shared: r} }

// sharedStepper is a shared's memory.
type sharedStepper struct {
	*shared
	rowsKept
	memory     []float64
	mean       []float64 // [out]
	dev        []float64 // [kept, out]
	z          []float64 // [kept, in]: inputs in lengths
	slope      []float64 // [steps, n]: derivatives of the correlations by r²
	part       []float64 // [kept, n]: root times the correlations
	left       []float64 // [kept, 1]: √(1 - |part|²)
	rho        []float64 // [n]
	pull       []float64 // [n]
	sum, gLeft []float64 // [1 + in] and [1]
	hidden     []float64 // [1]: NaN where an input is no number
}

// prepare implements stepper.
func (s *sharedStepper) prepare(steps int) {
	s.rowsKept = steps > 0
	kept := max(1, steps)
	s.memory = lay(s.memory, part[float64]{&s.mean, s.out}, part[float64]{&s.dev, kept * s.out}, part[float64]{&s.z, kept * s.in}, part[float64]{&s.slope, steps * s.n},
		part[float64]{&s.part, kept * s.n}, part[float64]{&s.left, kept}, part[float64]{&s.rho, s.n}, part[float64]{&s.pull, s.n}, part[float64]{&s.sum, 1 + s.in}, part[float64]{&s.gLeft, 1}, part[float64]{&s.hidden, 1})
}

// forward implements stepper.
func (s *sharedStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	z, hidden := at(s.rowsKept, s.z, t, s.in, lanes), s.hidden[:lanes]
	clear(hidden)
	for i, by := range s.inverse {
		row, c := z[i*lanes:][:lanes], s.center[i]
		for l, v := range xu[i*lanes:][:lanes] {
			row[l] = (v - c) * by
			hidden[l] += 0 * v
		}
	}
	rho, slope := s.rho[:s.n*lanes], []float64(nil)
	if s.rowsKept {
		slope = at(s.rowsKept, s.slope, t, s.n, lanes)
	}
	vec.SquaredExponential.Apply(rho, slope, z, s.points, s.in, lanes)
	mean = s.mean[:s.out*lanes]
	s.weights.Mul(mean, rho, lanes)
	for d := range s.out {
		add(mean[d*lanes:][:lanes], hidden)
	}
	if !epistemic {
		return mean, nil
	}
	part, left := at(s.rowsKept, s.part, t, s.n, lanes), at(s.rowsKept, s.left, t, 1, lanes)
	s.root.Mul(part, rho, lanes)
	clear(left)
	vec.Squares64(left, part)
	for l, v := range left {
		left[l] = math.Sqrt(max(1-v, least)) + hidden[l]
	}
	dev = at(s.rowsKept, s.dev, t, s.out, lanes)
	for d, v := range s.deviation {
		scale(dev[d*lanes:][:lanes], left, v)
	}
	return mean, dev
}

// backward implements stepper: by dr²/dz = 2 (z - c) of each point c.
func (s *sharedStepper) backward(dxu, _, gMean, gDev []float64, t, lanes int) {
	gLeft := s.gLeft[:lanes]
	clear(gLeft)
	for d, v := range s.deviation {
		addTimes(gLeft, gDev[d*lanes:][:lanes], v)
	}
	for l, v := range at(s.rowsKept, s.left, t, 1, lanes) {
		if v*v <= least {
			gLeft[l] = 0
		} else {
			gLeft[l] /= -v
		}
	}
	by, rest := s.rho[:s.n*lanes], s.pull[:s.n*lanes]
	s.weighted.Mul(by, gMean, lanes)
	s.rootBack.Mul(rest, at(s.rowsKept, s.part, t, s.n, lanes), lanes)
	for i := range s.n {
		addProduct(by[i*lanes:][:lanes], rest[i*lanes:][:lanes], gLeft)
	}
	vec.Mul64(by, by, at(s.rowsKept, s.slope, t, s.n, lanes))
	sum := s.sum[:(1+s.in)*lanes]
	s.sums.Mul(sum, by, lanes)
	z := at(s.rowsKept, s.z, t, s.in, lanes)
	for i, inverse := range s.inverse {
		zi, of, to := z[i*lanes:][:lanes], sum[(1+i)*lanes:][:lanes], dxu[i*lanes:][:lanes]
		for l := range to {
			to[l] = 2 * inverse * (zi[l]*sum[l] - of[l])
		}
	}
}
