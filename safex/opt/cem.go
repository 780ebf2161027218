package opt

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// CEM is the plain cross-entropy method (Rubinstein and Kroese, 2004): candidates from independent
// normal distributions, clipped to [-1, 1], whose mean μ and standard deviation σ move to those of the
// Elites, μ ← m·μ + (1-m)·mean(elites) and σ ← max(MinStd, m·σ + (1-m)·std(elites)) with m = Momentum.
// A candidate of NaN or +Inf is no elite.
type CEM struct {
	Iterations int // populations, 1 to 1e4
	Samples    int // candidates in each, 2 to 1e6
	Elites     int // best candidates that the next population is drawn around, 1 to Samples

	// Kept is how many of the best stay in the next population, 0 to Samples-1. With 0 the best of all
	// populations is remembered by its value, and returned unless a later one is at least as good; the
	// Elites are then those of its population.
	Kept int

	Std      float64 // first standard deviation, above 0; the box is 2 wide, and with 5 of it 84 % of a population is at its edges
	MinStd   float64 // smallest standard deviation after the first, at least 0
	Momentum float64 // share of the old mean and of the old standard deviation in the new ones, in [0, 1)

	Warm bool // search around Problem.Start, which is a candidate of the first population; otherwise around 0

	// Mean returns the mean after the last population in place of the best candidate, unless its value
	// is NaN or +Inf. Both are scored together once more for it.
	Mean bool
}

// DefaultCEM returns the published numbers of populations and candidates with what was wrong with the
// others put right: it starts no wider than the box, around the start that it is given, and the best
// candidate stays in the population.
func DefaultCEM() CEM {
	return CEM{Iterations: 10, Samples: 500, Elites: 50, Kept: 1, Std: 0.7, MinStd: 0.02, Warm: true}
}

// ReferenceCEM returns the published settings: from 0 at each call and five times as wide as half the box, nothing kept.
// The floor of 1e-6 is in place of the covariance's factorization, which failed at 0.
func ReferenceCEM() CEM {
	return CEM{Iterations: 10, Samples: 500, Elites: 50, Std: 5, MinStd: 1e-6}
}

// Check reports the first setting that is out of range.
func (c CEM) Check() error {
	switch {
	case c.Iterations < 1 || c.Samples < 2 || c.Iterations > 1e4 || c.Samples > 1e6:
		return fmt.Errorf("opt: Iterations %d and Samples %d, want 1 to 1e4 and 2 to 1e6", c.Iterations, c.Samples)
	case c.Elites < 1 || c.Elites > c.Samples || c.Kept < 0 || c.Kept >= c.Samples:
		return fmt.Errorf("opt: Elites %d and Kept %d, want 1 to Samples = %d and 0 to Samples-1", c.Elites, c.Kept, c.Samples)
	case !(c.Std > 0) || math.IsInf(c.Std, 1) || !(c.MinStd >= 0) || math.IsInf(c.MinStd, 1) || !(c.Momentum >= 0 && c.Momentum < 1):
		return fmt.Errorf("opt: Std %v, MinStd %v and Momentum %v, want a number above 0, one of at least 0 and one in [0, 1)", c.Std, c.MinStd, c.Momentum)
	}
	return nil
}

// Minimize implements Minimizer.
func (c CEM) Minimize(ctx context.Context, p Problem, src rng.Stream) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := newSearch(p)
	mean, std := make([]float64, s.dim()), s.spread(slices.Repeat([]float64{c.Std}, s.dim()))
	var kept [][]float64
	if c.Warm && p.Start != nil {
		mean = clamp(p.Start)
		kept = [][]float64{mean}
	}
	x := num.NewBatch(s.dim(), c.Samples)
	for round := range c.Iterations {
		if err := ctx.Err(); err != nil {
			return s.result(), err
		}
		drawNormal(x, src.At(round).Rand(), mean, std)
		for i, e := range kept {
			x.SetPoint(i, e)
		}
		if err := s.score(x); err != nil {
			return s.result(), err
		}
		if round == 0 || c.Kept > 0 || s.values[s.order[0]] <= s.found.F {
			s.choose(x, s.order[0])
			s.found.Elites = s.elites(x, c.Elites)
		}
		kept = points(x, s.order[:c.Kept])
		elites := s.order[:s.finite(c.Elites)]
		if len(elites) == 0 {
			continue // nothing is known of where to go
		}
		for d, column := range x {
			m, deviation := moments(column, elites)
			mean[d] = c.Momentum*mean[d] + (1-c.Momentum)*m
			std[d] = max(c.MinStd, c.Momentum*std[d]+(1-c.Momentum)*deviation)
		}
	}
	if err := ctx.Err(); err != nil || !c.Mean {
		return s.result(), err
	}
	last, err := s.scoreMean(mean)
	if err != nil {
		return s.result(), err
	}
	s.choose(last, 0)
	if math.IsInf(s.values[0], 1) {
		s.choose(last, 1)
	}
	return s.result(), ctx.Err()
}

// scoreMean scores a last population of the mean and the best so far, in lanes 0 and 1.
func (s *search) scoreMean(mean []float64) (num.Batch, error) {
	x := num.NewBatch(s.dim(), 2)
	x.SetPoint(0, mean)
	x.SetPoint(1, s.found.X)
	return x, s.score(x)
}

// drawNormal fills every lane of x with independent normal numbers, clipped to [-1, 1].
func drawNormal(x num.Batch, r *rand.Rand, mean, std []float64) {
	for d, column := range x {
		for i := range column {
			column[i] = min(1, max(-1, mean[d]+std[d]*r.NormFloat64()))
		}
	}
}

var _ Minimizer = CEM{}
