package fused

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// spotted is a source whose deviation σ becomes √(σ² + ν²), with noise ν that has spots.
type spotted struct {
	source
	in, out, n      int
	center, inverse []float64     // [in]: of the lengths
	points          []float64     // [n, in]
	noise           []float64     // [out]: ν² away from all spots
	times           *vec.Matrix64 // [out, n]: of these, what each spot adds
	back            *vec.Matrix64 // [n, out], its transpose
	sums            *vec.Matrix64 // [1 + in, n]: with 1 and with each coordinate
}

// newSpotted checks and packs noise and its spots for a model of nx state and nu action dimensions.
func newSpotted(of source, noise []float64, s *safex.Spots, nx, nu int) source {
	in := nx + nu
	s.Check(nx, in)
	n := len(s.Points) / in
	p := &spotted{source: of, in: in, out: nx, n: n, center: s.Center, points: s.Points}
	for _, v := range s.Length {
		p.inverse = append(p.inverse, 1/v)
	}
	for _, v := range noise {
		p.noise = append(p.noise, v*v)
	}
	if n > 0 {
		p.times = vec.Pack64(nx, n, func(d, k int) float64 { return p.noise[d] * s.Times[d*n+k] })
		p.back = vec.Pack64(n, nx, func(k, d int) float64 { return p.noise[d] * s.Times[d*n+k] })
		p.sums = vec.Pack64(1+in, n, func(c, k int) float64 {
			if c == 0 {
				return 1
			}
			return s.Points[k*in+c-1]
		})
	}
	return p
}

// stepper implements source.
func (p *spotted) stepper() stepper { return &spottedStepper{spotted: p, stepper: p.source.stepper()} }

// spottedStepper is a spotted's memory.
type spottedStepper struct {
	*spotted
	stepper
	rowsKept
	memory     []float64
	sigma, dev []float64 // [kept, out]
	z          []float64 // [kept, in]: inputs in lengths
	slope      []float64 // [steps, n]: derivatives of the correlations by r²
	rho        []float64 // [n]
	more       []float64 // [out]: what the spots add to ν²
	pull, half []float64 // [out]: gradients with respect to sigma, and to ν²
	sum        []float64 // [1 + in]
}

// prepare implements stepper.
func (s *spottedStepper) prepare(steps int) {
	s.stepper.prepare(steps)
	s.rowsKept = steps > 0
	kept := max(1, steps)
	s.memory = lay(s.memory, part[float64]{&s.sigma, kept * s.out}, part[float64]{&s.dev, kept * s.out}, part[float64]{&s.z, kept * s.in}, part[float64]{&s.slope, steps * s.n},
		part[float64]{&s.rho, s.n}, part[float64]{&s.more, s.out}, part[float64]{&s.pull, s.out}, part[float64]{&s.half, s.out}, part[float64]{&s.sum, 1 + s.in})
}

// forward implements stepper.
func (s *spottedStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	mean, inner := s.stepper.forward(xu, t, epistemic, lanes)
	if !epistemic {
		return mean, nil
	}
	sigma, dev, more := at(s.rowsKept, s.sigma, t, s.out, lanes), at(s.rowsKept, s.dev, t, s.out, lanes), s.more[:s.out*lanes]
	copy(sigma, inner)
	clear(more)
	if s.n > 0 {
		z := at(s.rowsKept, s.z, t, s.in, lanes)
		for i, by := range s.inverse {
			row, c := z[i*lanes:][:lanes], s.center[i]
			for l, v := range xu[i*lanes:][:lanes] {
				row[l] = (v - c) * by
			}
		}
		slope, rho := []float64(nil), s.rho[:s.n*lanes]
		if s.rowsKept {
			slope = at(s.rowsKept, s.slope, t, s.n, lanes)
		}
		vec.SquaredExponential.Apply(rho, slope, z, s.points, s.in, lanes)
		s.times.Mul(more, rho, lanes)
	}
	for i, v := range sigma {
		dev[i] = math.Sqrt(v*v + (s.noise[i/lanes] + more[i]))
	}
	return mean, dev
}

// backward implements stepper: the derivative is σ/dev by σ and 1/(2 dev) by ν².
func (s *spottedStepper) backward(dxu, xu, gMean, gDev []float64, t, lanes int) {
	sigma, dev := at(s.rowsKept, s.sigma, t, s.out, lanes), at(s.rowsKept, s.dev, t, s.out, lanes)
	pull, half := s.pull[:s.out*lanes], s.half[:s.out*lanes]
	for i, v := range sigma {
		if pull[i], half[i] = 0, 0; dev[i] != 0 {
			pull[i], half[i] = gDev[i]*(v/dev[i]), gDev[i]/(2*dev[i])
		}
	}
	s.stepper.backward(dxu, xu, gMean, pull, t, lanes)
	if s.n == 0 {
		return
	}
	by, sum := s.rho[:s.n*lanes], s.sum[:(1+s.in)*lanes]
	s.back.Mul(by, half, lanes)
	vec.Mul64(by, by, at(s.rowsKept, s.slope, t, s.n, lanes))
	s.sums.Mul(sum, by, lanes)
	towards(dxu, at(s.rowsKept, s.z, t, s.in, lanes), sum, s.inverse, lanes)
}

// towards adds to dxu the gradient by way of squared distances r² of points c, in lengths: dr²/dz = 2 (z - c). The rows of sum are those of the gradients
// with respect to r², and of these times each coordinate of the points.
func towards(dxu, z, sum, inverse []float64, lanes int) {
	for i, by := range inverse {
		zi, of, to := z[i*lanes:][:lanes], sum[(1+i)*lanes:][:lanes], dxu[i*lanes:][:lanes]
		for l := range to {
			to[l] += 2 * by * (zi[l]*sum[l] - of[l])
		}
	}
}
