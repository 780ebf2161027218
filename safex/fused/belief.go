package fused

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// belief is a compiled safex.Form.
type belief struct {
	change source
	prior  *num.Program // nil for the state that stays
}

// A source computes the change of the state that a model believes in. It never changes.
type source interface {
	// stepper is the memory of one worker.
	stepper() stepper
}

// A stepper takes a block of lanes through its steps, forth and, if it is prepared for that, back.
type stepper interface {
	// prepare makes room to keep what the way back needs of so many steps, 0 if there is none.
	prepare(steps int)
	// forward returns the mean change [nx, lanes] at xu, [nx + nu, lanes], in step t, and its epistemic deviation if that is
	// asked for. They are valid until the next call, or if there is a way back to its end.
	forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64)
	// backward writes to dxu the gradient with respect to xu of step t, from those with respect to mean and dev.
	backward(dxu, xu, gMean, gDev []float64, t, lanes int)
}

// newBelief checks and compiles the form of a model of nx state and nu action dimensions.
func newBelief(f *safex.Form, nx, nu int) (b *belief, err error) {
	b = &belief{change: still(nx)}
	switch {
	case f.Layers != nil:
		if b.change, err = pack(f.Layers, nx, nu, f.Doubted); err != nil {
			return nil, err
		}
	case f.Features != nil:
		b.change = newLinear(f.Features, nx, nu)
	case f.Kernels != nil:
		if b.change, err = newGaussian(f.Kernels, nx, nu); err != nil {
			return nil, err
		}
	case f.Process != nil:
		b.change = newShared(f.Process, nx, nu)
	}
	if p := f.Prior; p != nil {
		if p.In != nx+nu || p.Out != nx {
			panic(fmt.Sprintf("fused: a prior of %d inputs and %d outputs for %d state and %d action dimensions", p.In, p.Out, nx, nu))
		}
		b.prior = p
	}
	if spots := f.Spotted(); spots != nil {
		b.change = newSpotted(b.change, f.Noise, spots, nx, nu)
	}
	if floor := f.Floors(nx); f.Scale != nil || floor != nil {
		b.change = newCalibrated(b.change, f.Scale, floor, nx)
	}
	return b, nil
}

// still is the source of a change that is 0, as its deviation is, in so many dimensions.
type still int

// stepper implements source.
func (s still) stepper() stepper { return stillStepper(make([]float64, int(s)*most)) }

// stillStepper are rows of zeros.
type stillStepper []float64

// prepare implements stepper.
func (stillStepper) prepare(int) {}

// forward implements stepper.
func (s stillStepper) forward(_ []float64, _ int, _ bool, lanes int) (mean, dev []float64) {
	zeros := s[:len(s)/most*lanes]
	return zeros, zeros
}

// backward implements stepper.
func (stillStepper) backward(dxu, _, _, _ []float64, _, _ int) { clear(dxu) }

// rowsKept tells whether rows of each step are kept for a way back, or only those of the last one.
type rowsKept bool

// at are the n rows of step t in x.
func at[T float32 | float64](k rowsKept, x []T, t, n, lanes int) []T {
	if !k {
		t = 0
	}
	return x[t*n*lanes:][:n*lanes]
}

// part is a piece of a worker's memory: so many rows of most lanes.
type part[T float32 | float64] struct {
	at   *[]T
	rows int
}

// lay cuts memory into parts. It grows as needed.
func lay[T float32 | float64](memory []T, parts ...part[T]) []T {
	total := 0
	for _, p := range parts {
		total += p.rows
	}
	if len(memory) < total*most {
		memory = make([]T, total*most)
	}
	free := memory
	for _, p := range parts {
		*p.at, free = free[:p.rows*most], free[p.rows*most:]
	}
	return memory
}
