package fused

import (
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/vec"
)

// calibrated is a source whose deviation σ becomes √((scale σ)² + floor²). In units of the floor, or of 1 without one, the
// squares stay within float32; 1e-16 more keeps the gradient finite.
type calibrated struct {
	source
	nx                        int
	scale, inUnit, rest, unit []float32 // [nx], rows of most lanes: scale, scale/unit, (floor/unit)² + 1e-16
}

func newCalibrated(s source, scale, floor []float64, nx int) *calibrated {
	if scale != nil && len(scale) != nx || floor != nil && len(floor) != nx {
		panic(fmt.Sprintf("fused: %d scales and %d floors for %d state dimensions", len(scale), len(floor), nx))
	}
	c := &calibrated{source: s, nx: nx}
	for d := range nx {
		k, f := 1.0, 0.0
		if scale != nil {
			k = scale[d]
		}
		if floor != nil {
			f = floor[d]
		}
		unit := 1.0
		if f > 0 {
			unit = f
		}
		for _, row := range []struct {
			of    *[]float32
			value float64
		}{{&c.scale, k}, {&c.inUnit, k / unit}, {&c.rest, f/unit*(f/unit) + 1e-16}, {&c.unit, unit}} {
			*row.of = append(*row.of, slices.Repeat([]float32{float32(row.value)}, most)...)
		}
	}
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
	keeper
	memory     []float32
	sigma, dev []float32 // [kept, nx]
	g          []float32 // [nx]: gradient with respect to sigma
}

// prepare implements stepper.
func (s *calibratedStepper) prepare(steps int) {
	s.stepper.prepare(steps)
	s.keeper = steps > 0
	n := max(1, steps) * s.nx
	s.memory = lay(s.memory, part{&s.sigma, n}, part{&s.dev, n}, part{&s.g, s.nx})
}

// forward implements stepper.
func (s *calibratedStepper) forward(xu []float32, t int, doubt bool, lanes int) (mean, dev []float32) {
	mean, inner := s.stepper.forward(xu, t, doubt, lanes)
	if !doubt {
		return mean, nil
	}
	sigma, dev := s.at(s.sigma, t, s.nx, lanes), s.at(s.dev, t, s.nx, lanes)
	copy(sigma, inner)
	for d := range s.nx {
		row := dev[d*lanes:][:lanes]
		vec.Mul(row, sigma[d*lanes:][:lanes], s.inUnit[d*most:][:lanes])
		vec.Mul(row, row, row)
		vec.Add(row, row, s.rest[d*most:][:lanes])
		vec.Sqrt(row, row)
		vec.Mul(row, row, s.unit[d*most:][:lanes])
	}
	return mean, dev
}

// backward implements stepper: the derivative is scale · scale σ / dev.
func (s *calibratedStepper) backward(dxu, xu, gMean, gDev []float32, t, lanes int) {
	sigma, dev, g := s.at(s.sigma, t, s.nx, lanes), s.at(s.dev, t, s.nx, lanes), s.g[:s.nx*lanes]
	for d := range s.nx {
		row, scale := g[d*lanes:][:lanes], s.scale[d*most:][:lanes]
		vec.Mul(row, sigma[d*lanes:][:lanes], scale)
		vec.Div(row, row, dev[d*lanes:][:lanes])
		vec.Mul(row, row, scale)
	}
	vec.Mul(g, g, gDev)
	s.stepper.backward(dxu, xu, gMean, g, t, lanes)
}
