package fused

import (
	"fmt"
	"math"
)

// calibrated is a source whose deviation σ becomes √((scale σ)² + floor²).
type calibrated struct {
	source
	nx           int
	scale, floor []float64 // [nx]
}

func newCalibrated(s source, scale, floor []float64, nx int) *calibrated {
	if scale != nil && len(scale) != nx || floor != nil && len(floor) != nx {
		panic(fmt.Sprintf("fused: %d scales and %d floors for %d state dimensions", len(scale), len(floor), nx))
	}
	c := &calibrated{source: s, nx: nx, scale: make([]float64, nx), floor: make([]float64, nx)}
	fill(c.scale, 1)
	copy(c.scale, scale)
	copy(c.floor, floor)
	return c
}

// stepper implements source.
func (c *calibrated) stepper() stepper {
	return &calibratedStepper{calibrated: c, stepper: c.source.stepper()}
}

// calibratedStepper is a calibrated's memory.
type calibratedStepper struct {
	*calibrated
	stepper
	rowsKept
	memory     []float64
	sigma, dev []float64 // [kept, nx]
	g          []float64 // [nx]: gradient with respect to sigma
}

// prepare implements stepper.
func (s *calibratedStepper) prepare(steps int) {
	s.stepper.prepare(steps)
	s.rowsKept = steps > 0
	n := max(1, steps) * s.nx
	s.memory = lay(s.memory, part[float64]{&s.sigma, n}, part[float64]{&s.dev, n}, part[float64]{&s.g, s.nx})
}

// forward implements stepper.
func (s *calibratedStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	mean, inner := s.stepper.forward(xu, t, epistemic, lanes)
	if !epistemic {
		return mean, nil
	}
	sigma, dev := at(s.rowsKept, s.sigma, t, s.nx, lanes), at(s.rowsKept, s.dev, t, s.nx, lanes)
	copy(sigma, inner)
	for i, v := range sigma {
		a, b := s.scale[i/lanes]*v, s.floor[i/lanes]
		dev[i] = math.Sqrt(float64(a*a) + float64(b*b))
	}
	return mean, dev
}

// backward implements stepper: the derivative is scale · scale σ / dev, and 0 where there is no deviation.
func (s *calibratedStepper) backward(dxu, xu, gMean, gDev []float64, t, lanes int) {
	sigma, dev, g := at(s.rowsKept, s.sigma, t, s.nx, lanes), at(s.rowsKept, s.dev, t, s.nx, lanes), s.g[:s.nx*lanes]
	for i, v := range sigma {
		k := s.scale[i/lanes]
		if g[i] = 0; dev[i] != 0 {
			g[i] = gDev[i] * k * (k * v / dev[i])
		}
	}
	s.stepper.backward(dxu, xu, gMean, g, t, lanes)
}
