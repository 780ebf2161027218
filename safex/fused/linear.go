package fused

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// linear is a source that is linear in features. It computes in float64, which is what a posterior of many data is exact to.
type linear struct {
	in, out, k    int
	features      *num.Program
	weights, root *vec.Matrix64 // [out, k], times the scales, and [k, k]
	back          *vec.Matrix64 // [k, out + k], their transposes side by side
	scale         []float64     // [out]
}

// newLinear checks and packs the features of a model of nx state and nu action dimensions.
func newLinear(f *safex.Features, nx, nu int) *linear {
	k := f.Program.Out
	if f.Program.In != nx+nu || len(f.Weights) != nx*k || len(f.Root) != k*k || len(f.Scale) != nx {
		panic(fmt.Sprintf("fused: %d features of %d inputs have %d weights, a root of %d and %d scales for %d state and %d action dimensions",
			k, f.Program.In, len(f.Weights), len(f.Root), len(f.Scale), nx, nu))
	}
	l := &linear{in: nx + nu, out: nx, k: k, features: f.Program, scale: f.Scale}
	both := slices.Concat(f.Weights, f.Root)
	for i := range f.Weights {
		both[i] *= f.Scale[i/k]
	}
	at := func(o, i int) float64 { return both[o*k+i] }
	l.weights = vec.Pack64(nx, k, at)
	l.root = vec.Pack64(k, k, func(o, i int) float64 { return at(nx+o, i) })
	l.back = vec.Pack64(k, nx+k, func(i, o int) float64 { return at(o, i) })
	return l
}

// stepper implements source.
func (l *linear) stepper() stepper {
	return &linearStepper{linear: l, tape: num.NewTape(l.features, most), rows: make([][]float64, l.in)}
}

// linearStepper is a linear's memory.
type linearStepper struct {
	*linear
	tape *num.Tape
	rows [][]float64 // inputs of the tape
	rowsKept
	memory     []float64
	parts, std []float64 // [kept, k] and [kept, 1]: root times the features, and its length
	mean, dev  []float64 // [out] and [kept, out]
	phi, g     []float64 // [k] and [out + k]: the features, and gradients
}

// prepare implements stepper.
func (s *linearStepper) prepare(steps int) {
	s.rowsKept = steps > 0
	kept := max(1, steps)
	s.memory = lay(s.memory, part[float64]{&s.parts, kept * s.k}, part[float64]{&s.std, kept}, part[float64]{&s.mean, s.out}, part[float64]{&s.dev, kept * s.out},
		part[float64]{&s.phi, s.k}, part[float64]{&s.g, s.out + s.k})
}

// run evaluates the features at xu.
func (s *linearStepper) run(xu []float64, lanes int) {
	for i := range s.rows {
		s.rows[i] = xu[i*lanes:][:lanes]
	}
	s.tape.Run(s.rows, lanes)
}

// forward implements stepper.
func (s *linearStepper) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	s.run(xu, lanes)
	phi, mean := s.phi[:s.k*lanes], s.mean[:s.out*lanes]
	for i := range s.k {
		copy(phi[i*lanes:], s.tape.Out(i, lanes))
	}
	s.weights.Mul(mean, phi, lanes)
	if !epistemic {
		return mean, nil
	}
	parts, std := at(s.rowsKept, s.parts, t, s.k, lanes), at(s.rowsKept, s.std, t, 1, lanes)
	s.root.Mul(parts, phi, lanes)
	fill(std, 1e-16)
	vec.Squares64(std, parts)
	for l, v := range std {
		std[l] = math.Sqrt(v)
	}
	dev = at(s.rowsKept, s.dev, t, s.out, lanes)
	for d, unit := range s.scale {
		scale(dev[d*lanes:][:lanes], std, unit)
	}
	return mean, dev
}

// backward implements stepper.
func (s *linearStepper) backward(dxu, xu, gMean, gDev []float64, t, lanes int) {
	g, slope := s.g[:(s.out+s.k)*lanes], s.mean[:lanes]
	copy(g, gMean)
	clear(slope)
	for d, unit := range s.scale {
		addTimes(slope, gDev[d*lanes:][:lanes], unit)
	}
	for l, v := range at(s.rowsKept, s.std, t, 1, lanes) {
		slope[l] /= v
	}
	parts := at(s.rowsKept, s.parts, t, s.k, lanes)
	for i := range s.k {
		product(g[(s.out+i)*lanes:][:lanes], parts[i*lanes:][:lanes], slope)
	}
	phi := s.phi[:s.k*lanes]
	s.back.Mul(phi, g, lanes)
	s.run(xu, lanes)
	s.tape.Seed(lanes)
	for i := range s.k {
		s.tape.AddTo(i, phi[i*lanes:][:lanes])
	}
	s.tape.Back(lanes)
	for i, row := range s.tape.Inputs() {
		copy(dxu[i*lanes:], row[:lanes])
	}
}
