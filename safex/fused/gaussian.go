package fused

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// gaussian is a source of Gaussian processes. It computes in float64. Fitted to a pendulum, a process is a thousand to ten thousand
// times as sure close to its data as far from them: in float32 most of these variances come out below 0, and means off by up to
// seven deviations of the noise.
type gaussian struct {
	in, out, most int // most points of an output
	correlation   vec.Correlation
	center        []float64 // [in]
	outputs       []process
}

// process is the posterior of one output, given n points. Sums over the points are with 1 and with each of their coordinates:
// of dr²/dz = 2 (z - c), the gradient of a correlation with a point c.
type process struct {
	n        int
	inverse  []float64     // of the lengths
	points   []float64     // [n, in]
	weights  *vec.Matrix64 // [1, n]
	root     *vec.Matrix64 // [n, n]
	rootBack *vec.Matrix64 // its transpose
	sums     *vec.Matrix64 // [1 + in, n]
	weighted *vec.Matrix64 // [1 + in, n]: times the weights
	variance float64
}

// least is the smallest variance, in that where nothing was seen: below is rounding.
const least = 1e-14

var correlations = map[string]vec.Correlation{"se": vec.SquaredExponential, "matern52": vec.Matern52}

// newGaussian checks and packs the processes of a model of nx state and nu action dimensions.
func newGaussian(k *safex.Kernels, nx, nu int) (*gaussian, error) {
	correlation, ok := correlations[k.Correlation]
	if !ok {
		return nil, fmt.Errorf("fused: no correlation %q: use the graph engine", k.Correlation)
	}
	if len(k.Outputs) != nx || k.Center != nil && len(k.Center) != nx+nu {
		panic(fmt.Sprintf("fused: %d kernels and %d centers for %d state and %d action dimensions", len(k.Outputs), len(k.Center), nx, nu))
	}
	g := &gaussian{in: nx + nu, out: nx, correlation: correlation, center: make([]float64, nx+nu)}
	copy(g.center, k.Center)
	for _, o := range k.Outputs {
		n := len(o.Weights)
		if len(o.Length) != g.in || len(o.Points) != n*g.in || len(o.Root) != n*n {
			panic(fmt.Sprintf("fused: a kernel of %d points has %d coordinates, %d lengths and a root of %d for %d state and %d action dimensions",
				n, len(o.Points), len(o.Length), len(o.Root), nx, nu))
		}
		if n == 0 { // a point without weight, so that nothing is empty
			n, o.Points, o.Weights, o.Root = 1, make([]float64, g.in), []float64{0}, []float64{0}
		}
		p := process{n: n, points: o.Points, variance: o.Variance}
		for _, v := range o.Length {
			p.inverse = append(p.inverse, 1/v)
		}
		coordinate := func(c, i int) float64 {
			if c == 0 {
				return 1
			}
			return o.Points[i*g.in+c-1]
		}
		p.weights = vec.Pack64(1, n, func(_, i int) float64 { return o.Weights[i] })
		p.root = vec.Pack64(n, n, func(r, i int) float64 { return o.Root[r*n+i] })
		p.rootBack = vec.Pack64(n, n, func(i, r int) float64 { return o.Root[r*n+i] })
		p.sums = vec.Pack64(1+g.in, n, coordinate)
		p.weighted = vec.Pack64(1+g.in, n, func(c, i int) float64 { return o.Weights[i] * coordinate(c, i) })
		g.outputs, g.most = append(g.outputs, p), max(g.most, n)
	}
	return g, nil
}

// stepper implements source.
func (g *gaussian) stepper() stepper {
	const lanes = together
	s := &gaussianStepper{gaussian: g}
	for _, p := range []struct {
		at   *[]float64
		rows int
	}{{&s.z, g.in}, {&s.rho, g.most}, {&s.slope, g.most}, {&s.part, g.most}, {&s.pull, g.most}, {&s.mean, 1}, {&s.known, 1}, {&s.sums, 1 + g.in}, {&s.factor, 1}} {
		*p.at = make([]float64, p.rows*lanes)
	}
	return s
}

// together is how many lanes a gaussian takes at most at a time: their correlations stay in the cache.
const together = 2 * vec.Lanes

// gaussianStepper is a gaussian's memory. Its float64 rows have room for the lanes that it takes together.
type gaussianStepper struct {
	*gaussian
	rowsKept
	memory     []float64
	means      []float64 // [out]
	devs       []float64 // [kept, out]
	meanBy     []float64 // [steps, out, in]: derivatives of the means by the inputs
	devBy      []float64 // [steps, out, in]: and of the deviations
	z          []float64 // [in]: inputs in lengths
	rho, slope []float64 // [most]: correlations, and their derivatives by r²
	part, pull []float64 // [most]: root times the correlations, and its transpose times that
	mean       []float64 // [1]
	known      []float64 // [1]: variance explained
	sums       []float64 // [1 + in]
	factor     []float64 // [1] of derive
}

// prepare implements stepper.
func (s *gaussianStepper) prepare(steps int) {
	s.rowsKept = steps > 0
	s.memory = lay(s.memory, part[float64]{&s.means, s.out}, part[float64]{&s.devs, max(1, steps) * s.out}, part[float64]{&s.meanBy, steps * s.out * s.in}, part[float64]{&s.devBy, steps * s.out * s.in})
}

// forward implements stepper. With a way back, it also computes all derivatives that this takes, while the correlations are at
// hand.
func (s *gaussianStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	mean = s.means[:s.out*lanes]
	if epistemic {
		dev = at(s.rowsKept, s.devs, t, s.out, lanes)
	}
	for j := range s.outputs {
		for lo := 0; lo < lanes; lo += together {
			s.predict(j, mean, dev, xu, t, lo, min(together, lanes-lo), lanes)
		}
	}
	return mean, dev
}

// predict is forward for output j in width lanes from lo on.
func (s *gaussianStepper) predict(j int, mean, dev, xu []float64, t, lo, width, lanes int) {
	o := &s.outputs[j]
	// What is infinite times 0 is NaN, and makes NaN of what a correlation of 0 would hide.
	var hidden [together]float64
	for i, by := range o.inverse {
		for l, v := range xu[i*lanes+lo:][:width] {
			s.z[i*width+l] = (v - s.center[i]) * by
			hidden[l] += 0 * v
		}
	}
	rho, slope := s.rho[:o.n*width], []float64(nil)
	if s.rowsKept {
		slope = s.slope[:o.n*width]
	}
	z, sums, factor := s.z[:s.in*width], s.sums[:(1+s.in)*width], s.factor[:width]
	s.correlation.Apply(rho, slope, z, o.points, s.in, width)
	o.weights.Mul(s.mean[:width], rho, width)
	for l, v := range s.mean[:width] {
		mean[j*lanes+lo+l] = v + hidden[l]
	}
	if s.rowsKept {
		o.weighted.Mul(sums, slope, width)
		for l := range factor {
			factor[l] = 2
		}
		s.derive(at(s.rowsKept, s.meanBy, t, s.out*s.in, lanes)[j*s.in*lanes+lo:], o, width, lanes)
	}
	if dev == nil {
		return
	}
	part := s.part[:o.n*width]
	o.root.Mul(part, rho, width)
	known := s.known[:width]
	clear(known)
	vec.Squares64(known, part)
	for l, v := range known {
		std := math.Sqrt(max(o.variance-v, o.variance*least)) + hidden[l]
		dev[j*lanes+lo+l] = std
		factor[l] = -2 / std
		if o.variance-v <= o.variance*least {
			factor[l] = 0
		}
	}
	if s.rowsKept {
		pull := s.pull[:o.n*width]
		o.rootBack.Mul(pull, part, width)
		vec.Mul64(pull, pull, slope)
		o.sums.Mul(sums, pull, width)
		s.derive(at(s.rowsKept, s.devBy, t, s.out*s.in, lanes)[j*s.in*lanes+lo:], o, width, lanes)
	}
}

// derive turns sums over the points, with 1 and with each coordinate c, into factor times the sum with (z - c), a derivative by
// each input. It writes width numbers of rows of lanes.
func (s *gaussianStepper) derive(by []float64, o *process, width, lanes int) {
	for i, inverse := range o.inverse {
		z, sum, row := s.z[i*width:][:width], s.sums[(1+i)*width:][:width], by[i*lanes:][:width]
		for l := range row {
			row[l] = (s.factor[l] * inverse * (z[l]*s.sums[l] - sum[l]))
		}
	}
}

// backward implements stepper.
func (s *gaussianStepper) backward(dxu, _, gMean, gDev []float64, t, lanes int) {
	clear(dxu)
	meanBy, devBy := at(s.rowsKept, s.meanBy, t, s.out*s.in, lanes), at(s.rowsKept, s.devBy, t, s.out*s.in, lanes)
	for j := range s.outputs {
		a, b := gMean[j*lanes:][:lanes], gDev[j*lanes:][:lanes]
		for i := range s.in {
			row, k := dxu[i*lanes:][:lanes], (j*s.in+i)*lanes
			addProduct(row, a, meanBy[k:][:lanes])
			addProduct(row, b, devBy[k:][:lanes])
		}
	}
}
