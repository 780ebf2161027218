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
	in, out, n, k   int           // k features, of which n are correlations
	center, inverse []float64     // [in]: of the lengths
	reach           []float64     // [in]: how far from the center an input counts; nil without an end
	points          []float64     // [n, in]
	trend           []float64     // [1 + in] or none
	deviation       []float64     // [out]
	weights         *vec.Matrix64 // [out, k]
	root, rootBack  *vec.Matrix64 // [k, k], and its transpose
	sums            *vec.Matrix64 // [1 + in, n]; nil without points
	weighted        *vec.Matrix64 // [k, out]: transpose of the weights
}

// newShared checks and packs the process of a model of nx state and nu action dimensions.
func newShared(r *safex.Process, nx, nu int) source {
	in, k := nx+nu, r.Features()
	n := k - len(r.Trend)
	if len(r.Center) != in || len(r.Length) != in || r.Range != nil && len(r.Range) != in || len(r.Points) != n*in || len(r.Trend) != 0 && len(r.Trend) != 1+in || len(r.Weights) != nx*k || len(r.Root) != k*k || len(r.Deviation) != nx {
		panic(fmt.Sprintf("fused: a process of %d coordinates with %d lengths, %d trends, %d weights, a root of %d and %d deviations for %d state and %d action dimensions",
			len(r.Points), len(r.Length), len(r.Trend), len(r.Weights), len(r.Root), len(r.Deviation), nx, nu))
	}
	s := &shared{in: in, out: nx, n: n, k: k, center: r.Center, reach: r.Range, points: r.Points, trend: r.Trend, deviation: r.Deviation}
	for _, v := range r.Length {
		s.inverse = append(s.inverse, 1/v)
	}
	if k > 0 {
		s.weights = vec.Pack64(nx, k, func(d, i int) float64 { return r.Weights[d*k+i] })
		s.weighted = vec.Pack64(k, nx, func(i, d int) float64 { return r.Weights[d*k+i] })
		s.root = vec.Pack64(k, k, func(i, l int) float64 { return r.Root[i*k+l] })
		s.rootBack = vec.Pack64(k, k, func(l, i int) float64 { return r.Root[i*k+l] })
	}
	if n > 0 {
		s.sums = vec.Pack64(1+in, n, func(c, i int) float64 {
			if c == 0 {
				return 1
			}
			return r.Points[i*in+c-1]
		})
	}
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
	part       []float64 // [kept, k]: root times the features
	left       []float64 // [kept, 1]: √(1 + |h|² - |part|²)
	phi        []float64 // [k]
	pull       []float64 // [k]
	sum, gLeft []float64 // [1 + in] and [1]
	hidden     []float64 // [1]: NaN where an input is no number
}

// prepare implements stepper.
func (s *sharedStepper) prepare(steps int) {
	s.rowsKept = steps > 0
	kept := max(1, steps)
	s.memory = lay(s.memory, part[float64]{&s.mean, s.out}, part[float64]{&s.dev, kept * s.out}, part[float64]{&s.z, kept * s.in}, part[float64]{&s.slope, steps * s.n},
		part[float64]{&s.part, kept * s.k}, part[float64]{&s.left, kept}, part[float64]{&s.phi, s.k}, part[float64]{&s.pull, s.k}, part[float64]{&s.sum, 1 + s.in}, part[float64]{&s.gLeft, 1}, part[float64]{&s.hidden, 1})
}

// forward implements stepper.
func (s *sharedStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	z, hidden, phi := at(s.rowsKept, s.z, t, s.in, lanes), s.hidden[:lanes], s.phi[:s.k*lanes]
	left := at(s.rowsKept, s.left, t, 1, lanes)
	clear(hidden)
	fill(left, 1)
	if s.trend != nil {
		fill(phi[s.n*lanes:][:lanes], s.trend[0])
		fill(left, 1+s.trend[0]*s.trend[0])
	}
	for i, by := range s.inverse {
		row, c, end := z[i*lanes:][:lanes], s.center[i], s.end(i)
		for l, v := range xu[i*lanes:][:lanes] {
			row[l] = max(-end, min(end, v-c)) * by
			hidden[l] += 0 * v
		}
		if s.trend == nil {
			continue
		}
		h, b := phi[(s.n+1+i)*lanes:][:lanes], s.trend[1+i]
		for l, v := range xu[i*lanes:][:lanes] {
			h[l] = max(-end, min(end, v-c)) * b
		}
		addProduct(left, h, h)
	}
	if s.n > 0 {
		slope := []float64(nil)
		if s.rowsKept {
			slope = at(s.rowsKept, s.slope, t, s.n, lanes)
		}
		vec.SquaredExponential.Apply(phi[:s.n*lanes], slope, z, s.points, s.in, lanes)
	}
	mean = s.mean[:s.out*lanes]
	if clear(mean); s.k > 0 {
		s.weights.Mul(mean, phi, lanes)
	}
	for d := range s.out {
		add(mean[d*lanes:][:lanes], hidden)
	}
	if !epistemic {
		return mean, nil
	}
	if s.k > 0 {
		part, known := at(s.rowsKept, s.part, t, s.k, lanes), s.gLeft[:lanes]
		s.root.Mul(part, phi, lanes)
		clear(known)
		vec.Squares64(known, part)
		for l, v := range known {
			left[l] -= v
		}
	}
	for l, v := range left {
		left[l] = math.Sqrt(max(v, least)) + hidden[l]
	}
	dev = at(s.rowsKept, s.dev, t, s.out, lanes)
	for d, v := range s.deviation {
		scale(dev[d*lanes:][:lanes], left, v)
	}
	return mean, dev
}

// backward implements stepper: by dr²/dz = 2 (z - c) of each point c.
func (s *sharedStepper) backward(dxu, xu, gMean, gDev []float64, t, lanes int) {
	clear(dxu)
	if s.k == 0 {
		return
	}
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
	by, rest := s.phi[:s.k*lanes], s.pull[:s.k*lanes]
	s.weighted.Mul(by, gMean, lanes)
	s.rootBack.Mul(rest, at(s.rowsKept, s.part, t, s.k, lanes), lanes)
	for i := range s.k {
		addProduct(by[i*lanes:][:lanes], rest[i*lanes:][:lanes], gLeft)
	}
	if s.trend != nil {
		for i, b := range s.trend[1:] {
			to, g, c, end := dxu[i*lanes:][:lanes], by[(s.n+1+i)*lanes:][:lanes], s.center[i], s.end(i)
			for l, v := range xu[i*lanes:][:lanes] {
				to[l] = b * (g[l] - gLeft[l]*(b*(max(-end, min(end, v-c)))))
			}
		}
	}
	if s.n > 0 {
		vec.Mul64(by[:s.n*lanes], by[:s.n*lanes], at(s.rowsKept, s.slope, t, s.n, lanes))
		sum := s.sum[:(1+s.in)*lanes]
		s.sums.Mul(sum, by[:s.n*lanes], lanes)
		towards(dxu, at(s.rowsKept, s.z, t, s.in, lanes), sum, s.inverse, lanes)
	}
	s.stop(dxu, xu, lanes)
}

// end is how far from its center input i counts.
func (r *shared) end(i int) float64 {
	if r.reach == nil {
		return math.Inf(1)
	}
	return r.reach[i]
}

// stop clears the derivatives by inputs that are beyond their end, on which nothing depends.
func (r *shared) stop(dxu, xu []float64, lanes int) {
	for i, end := range r.reach {
		to, c := dxu[i*lanes:][:lanes], r.center[i]
		for l, v := range xu[i*lanes:][:lanes] {
			if math.Abs(v-c) > end {
				to[l] = 0
			}
		}
	}
}
