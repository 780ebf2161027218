package fused

import "math"

// joint is a source of the sum of two: means add up, and so do the squares of the deviations.
type joint struct {
	a, b source
	nx   int
}

// stepper implements source.
func (j *joint) stepper() stepper { return &jointStepper{joint: j, a: j.a.stepper(), b: j.b.stepper()} }

// jointStepper is a joint's memory.
type jointStepper struct {
	*joint
	a, b stepper
	rowsKept
	memory       []float64
	mean         []float64 // [nx]
	sa, sb, both []float64 // [kept, nx]: deviations
	g            []float64 // [nx]
	dxu          []float64
}

// prepare implements stepper.
func (s *jointStepper) prepare(steps int) {
	s.a.prepare(steps)
	s.b.prepare(steps)
	s.rowsKept = steps > 0
	n := max(1, steps) * s.nx
	s.memory = lay(s.memory, part[float64]{&s.mean, s.nx}, part[float64]{&s.sa, n}, part[float64]{&s.sb, n}, part[float64]{&s.both, n}, part[float64]{&s.g, s.nx})
}

// forward implements stepper.
func (s *jointStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	mean = s.mean[:s.nx*lanes]
	ma, da := s.a.forward(xu, t, epistemic, lanes)
	mb, db := s.b.forward(xu, t, epistemic, lanes)
	copy(mean, ma)
	add(mean, mb)
	if !epistemic {
		return mean, nil
	}
	sa, sb, dev := at(s.rowsKept, s.sa, t, s.nx, lanes), at(s.rowsKept, s.sb, t, s.nx, lanes), at(s.rowsKept, s.both, t, s.nx, lanes)
	copy(sa, da)
	copy(sb, db)
	for i, v := range sa {
		dev[i] = math.Sqrt(float64(v*v) + float64(sb[i]*sb[i]))
	}
	return mean, dev
}

// backward implements stepper.
func (s *jointStepper) backward(dxu, xu, gMean, gDev []float64, t, lanes int) {
	if len(s.dxu) < len(dxu) {
		s.dxu = make([]float64, len(dxu))
	}
	rest := s.dxu[:len(dxu)]
	s.b.backward(rest, xu, gMean, s.share(gDev, s.sb, t, lanes), t, lanes)
	s.a.backward(dxu, xu, gMean, s.share(gDev, s.sa, t, lanes), t, lanes)
	add(dxu, rest)
}

// share is the gradient with respect to one of the deviations, 0 where there is none.
func (s *jointStepper) share(gDev, part []float64, t, lanes int) []float64 {
	g, part := s.g[:s.nx*lanes], at(s.rowsKept, part, t, s.nx, lanes)
	for i, v := range at(s.rowsKept, s.both, t, s.nx, lanes) {
		if g[i] = 0; v != 0 {
			g[i] = gDev[i] * (part[i] / v)
		}
	}
	return g
}
