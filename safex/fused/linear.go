package fused

import (
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/vec"
)

// linear is a source that is linear in features.
type linear struct {
	in, out, k    int
	features      *program
	weights, root *vec.Matrix // [out, k] and [k, k]
	back          *vec.Matrix // [k, out + k], their transposes side by side
	scale         []float32   // [out], rows of most lanes
}

// newLinear checks and packs the features of a model of nx state and nu action dimensions.
func newLinear(f *safex.Features, nx, nu int) *linear {
	k := f.Program.Out
	if f.Program.In != nx+nu || len(f.Weights) != nx*k || len(f.Root) != k*k || len(f.Scale) != nx {
		panic(fmt.Sprintf("fused: %d features of %d inputs have %d weights, a root of %d and %d scales for %d state and %d action dimensions",
			k, f.Program.In, len(f.Weights), len(f.Root), len(f.Scale), nx, nu))
	}
	l := &linear{in: nx + nu, out: nx, k: k, features: compile(f.Program)}
	l.weights = vec.Pack(nx, k, func(o, i int) float32 { return f.Weights[o*k+i] }, nil)
	l.root = vec.Pack(k, k, func(o, i int) float32 { return f.Root[o*k+i] }, nil)
	both := slices.Concat(f.Weights, f.Root)
	l.back = vec.Pack(k, nx+k, func(i, o int) float32 { return both[o*k+i] }, nil)
	for _, v := range f.Scale {
		l.scale = append(l.scale, slices.Repeat([]float32{v}, most)...)
	}
	return l
}

// stepper implements source.
func (l *linear) stepper() stepper {
	return &linearStepper{linear: l, tape: l.features.tape(), rows: make([][]float32, l.in)}
}

// linearStepper is a linear's memory.
type linearStepper struct {
	*linear
	tape *tape
	rows [][]float32 // inputs of the tape
	keeper
	memory     []float32
	parts, std []float32 // [kept, k] and [kept, 1]: root times the features, and its length
	mean, dev  []float32 // [out] and [kept, out]
	phi, g     []float32 // [k] and [out + k]: the features, and gradients
}

// prepare implements stepper.
func (s *linearStepper) prepare(steps int) {
	s.keeper = steps > 0
	kept := max(1, steps)
	s.memory = lay(s.memory, part{&s.parts, kept * s.k}, part{&s.std, kept}, part{&s.mean, s.out}, part{&s.dev, kept * s.out},
		part{&s.phi, s.k}, part{&s.g, s.out + s.k})
}

// run evaluates the features at xu.
func (s *linearStepper) run(xu []float32, lanes int) {
	for i := range s.rows {
		s.rows[i] = xu[i*lanes:][:lanes]
	}
	s.tape.run(s.rows, lanes)
}

// forward implements stepper.
func (s *linearStepper) forward(xu []float32, t int, doubt bool, lanes int) (mean, dev []float32) {
	s.run(xu, lanes)
	phi, mean := s.phi[:s.k*lanes], s.mean[:s.out*lanes]
	for i := range s.k {
		copy(phi[i*lanes:], s.tape.out(i, lanes))
	}
	s.weights.Mul(mean, phi, lanes)
	if !doubt {
		return mean, nil
	}
	parts, std := s.at(s.parts, t, s.k, lanes), s.at(s.std, t, 1, lanes)
	s.root.Mul(parts, phi, lanes)
	fill(std, 1e-16)
	for i := range s.k {
		row := parts[i*lanes:][:lanes]
		vec.MulAdd(std, row, row)
	}
	vec.Sqrt(std, std)
	dev = s.at(s.dev, t, s.out, lanes)
	for d := range s.out {
		vec.Mul(dev[d*lanes:][:lanes], std, s.scale[d*most:][:lanes])
	}
	return mean, dev
}

// backward implements stepper.
func (s *linearStepper) backward(dxu, xu, gMean, gDev []float32, t, lanes int) {
	g, slope := s.g[:(s.out+s.k)*lanes], s.mean[:lanes]
	copy(g, gMean)
	clear(slope)
	for d := range s.out {
		vec.MulAdd(slope, gDev[d*lanes:][:lanes], s.scale[d*most:][:lanes])
	}
	vec.Div(slope, slope, s.at(s.std, t, 1, lanes))
	parts := s.at(s.parts, t, s.k, lanes)
	for i := range s.k {
		vec.Mul(g[(s.out+i)*lanes:][:lanes], parts[i*lanes:][:lanes], slope)
	}
	phi := s.phi[:s.k*lanes]
	s.back.Mul(phi, g, lanes)
	s.run(xu, lanes)
	s.tape.seed(lanes)
	for i := range s.k {
		s.tape.add(i, phi[i*lanes:][:lanes])
	}
	s.tape.back(lanes)
	for i, row := range s.tape.inputs {
		copy(dxu[i*lanes:], row[:lanes])
	}
}
