// Package opt searches for series of numbers in [-1, 1] with populations of candidates.
//
// The searches rank or weigh candidates by how their values lie to each other, so a shift of the
// objective or a positive factor changes nothing. None needs a gradient, and each hands a whole
// population to the objective at once. gonum/optimize has CMA-ES (CmaEsChol), but no box, no noise that is
// correlated in time, and one candidate for each call, which would waste the batched rollouts; it also
// adapts a full covariance, which the few populations of one control step cannot fill at 40 columns.
// Its other methods are local, or guess without learning. So it is not used here.
package opt

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Func scores a population: values[i] belongs to lane i of x. Less is better; NaN and +Inf are worst.
// x may be changed, as by a repair: the search then goes on with what it was changed to; it may not be
// kept. A Minimizer calls it once for each population, so that a Func can learn from one for the next.
type Func func(values []float64, x num.Batch) error

// A Problem is a search for a series of Steps × Dims numbers in [-1, 1]: column t·Dims+k of a
// population is dimension k at step t.
type Problem struct {
	Func        Func
	Steps, Dims int
	Start       []float64 // a series to search around, of real numbers, clipped to [-1, 1] before it is scored; nil is 0
	Std         []float64 // first standard deviation of each column, at least 0; nil is the one of the method's settings
}

// A Minimizer is a plain struct of settings, which Minimize does not change.
type Minimizer interface {
	// Minimize searches p. It returns the best so far with the error of p.Func, and with ctx's
	// error if ctx is cancelled; the Result is nil if nothing was evaluated. It panics if p's
	// dimensions disagree.
	Minimize(ctx context.Context, p Problem, src rng.Stream) (*Result, error)
}

// A Result is what a search found.
type Result struct {
	// X is the best of the last population, which holds the best of those before: a Func that learns
	// has scored it with all that it knows. A CEM that keeps none is the exception.
	X []float64
	F float64 // its value: +Inf if every candidate was NaN or +Inf, and X is then no more than a point of the box

	// Elites are the best candidates of the last population that was drawn, best first, as many as the
	// method's setting of that name; fewer if fewer came out as numbers.
	Elites [][]float64
	Std    []float64 // standard deviation of each column with which another population would have been drawn

	Evaluations int // candidates scored, those of a population whose Func returned an error left out
	NaNs        int // candidates that came out as NaN
	Infs        int // candidates that came out as +Inf
}
