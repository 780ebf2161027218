// Package opt searches for series of numbers in [-1, 1] with populations of candidates.
package opt

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Func scores a population: values[i] belongs to lane i of x. Less is better; NaN is worst.
// x may be changed, but not kept. A Minimizer calls it once for each population, so that
// a Func can learn from one for the next.
type Func func(values []float64, x num.Batch) error

// A Problem is a search for a series of Steps × Dims numbers in [-1, 1]: column t·Dims+k of a
// population is dimension k at step t.
type Problem struct {
	Func        Func
	Steps, Dims int
	Start       []float64 // a series to search around; nil is 0
}

// A Minimizer is a plain struct of settings, which Minimize does not change.
type Minimizer interface {
	// Minimize searches p. It returns the best so far with the error of p.Func, and with ctx's
	// error if ctx is cancelled; the Result is nil if nothing was evaluated.
	Minimize(ctx context.Context, p Problem, src rng.Stream) (*Result, error)
}

// A Result is what a search found.
type Result struct {
	X           []float64 // the best of the last population, which holds the best of those before
	F           float64   // its value: +Inf if every candidate was NaN
	Evaluations int
	NaNs        int // candidates that came out as NaN
}
