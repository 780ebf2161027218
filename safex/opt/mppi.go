package opt

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// MPPI is model predictive path integral control (Williams et al., 2017 and 2018): the mean moves to the
// average of the candidates x_i with weights
//
//	w_i ∝ exp(-(F_i - F_min) / λ)
//
// The noise is correlated in time, as by Vlahov et al. (2024). What differs from the papers: λ is
// relative to the spread of the values, the price of the noise in F (their γ) is left out, since here
// all that counts is in the objective, and the better of the last mean and the best candidate is
// returned, where they return the mean. The best so far is scored again in each population, but has no
// weight; nor have candidates of NaN or +Inf.
type MPPI struct {
	Iterations int // populations that move the mean, 1 to 1e4; one more, of two candidates, scores the last mean
	Samples    int // candidates in each, 3 to 1e6: the mean, the best so far, and the others around the mean

	// Temperature is λ in units of F_e - F_min, where F_e is the value of the Elites-th best candidate,
	// which thus has the weight exp(-1/Temperature) to the best one's 1. It is above 0: near 0 the best
	// counts alone, and far above 1 the Elites, and those that are not much worse, count alike.
	Temperature float64
	Elites      int // 2 to Samples-1; see Temperature

	Color  float64 // the noise has power 1/f^Color, 0 to 10: 0 is white, as in the papers, 2 is Brownian
	Std    float64 // first standard deviation, above 0; the box is 2 wide
	Anneal float64 // factor of the standard deviation from each population to the next, in (0, 1]; 1 in the papers

	Colors []float64 `json:",omitempty"` // Color of each dimension; empty is Color for all
	Stds   []float64 `json:",omitempty"` // Std of each dimension; empty is Std for all
}

// DefaultMPPI returns settings that suit horizons of 20 steps.
func DefaultMPPI() MPPI {
	return MPPI{Iterations: 3, Samples: 128, Temperature: 0.5, Elites: 13, Color: 2, Std: 0.7, Anneal: 0.6}
}

// Check reports the first setting that is out of range.
func (c MPPI) Check() error {
	switch {
	case c.Iterations < 1 || c.Samples < 3 || c.Iterations > 1e4 || c.Samples > 1e6:
		return fmt.Errorf("opt: Iterations %d and Samples %d, want 1 to 1e4 and 3 to 1e6", c.Iterations, c.Samples)
	case c.Elites < 2 || c.Elites >= c.Samples:
		return fmt.Errorf("opt: Elites %d, want 2 to Samples-1 = %d", c.Elites, c.Samples-1)
	case !(c.Temperature > 0) || math.IsInf(c.Temperature, 1) || !(c.Anneal > 0 && c.Anneal <= 1):
		return fmt.Errorf("opt: Temperature %v and Anneal %v, want a number above 0 and one in (0, 1]", c.Temperature, c.Anneal)
	}
	return checkNoise(c.Color, c.Std, c.Colors, c.Stds)
}

// Minimize implements Minimizer.
func (c MPPI) Minimize(ctx context.Context, p Problem, src rng.Stream) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := newSearch(p)
	noises, std, err := s.noise(c.Color, c.Std, c.Colors, c.Stds)
	if err != nil {
		return nil, err
	}
	mean := make([]float64, s.dim())
	copy(mean, clamp(p.Start))
	x := num.NewBatch(s.dim(), c.Samples)
	for round := range c.Iterations {
		if err := ctx.Err(); err != nil {
			return s.result(), err
		}
		s.candidates(x, src.At(round).Rand(), mean, std, noises)
		x.SetPoint(0, mean)
		if round > 0 {
			x.SetPoint(1, s.found.X)
		}
		if err := s.score(x); err != nil {
			return s.result(), err
		}
		s.choose(x, s.order[0])
		s.found.Elites = s.elites(x, c.Elites)
		lanes := slices.Clone(s.order[:s.finite(c.Samples)])
		if round > 0 {
			lanes = slices.DeleteFunc(lanes, func(i int) bool { return i == 1 })
		}
		c.move(mean, x, lanes, s.values)
		for d := range std {
			std[d] *= c.Anneal
		}
	}
	if err := ctx.Err(); err != nil {
		return s.result(), err
	}
	last, err := s.scoreMean(mean)
	if err != nil {
		return s.result(), err
	}
	s.choose(last, s.order[0])
	return s.result(), ctx.Err()
}

// move takes mean to the weighted average of some lanes, given best first. It stays where it is if there are none.
func (c MPPI) move(mean []float64, x num.Batch, lanes []int, values []float64) {
	if len(lanes) == 0 {
		return
	}
	least := values[lanes[0]]
	lambda := c.Temperature * (values[lanes[min(c.Elites, len(lanes))-1]] - least)
	weights, sum := make([]float64, len(lanes)), 0.0
	for k, i := range lanes {
		switch {
		case values[i] == least:
			weights[k] = 1
		case lambda > 0 && !math.IsInf(lambda, 1): // otherwise those as good as the best count alone
			weights[k] = math.Exp((least - values[i]) / lambda)
		}
		sum += weights[k]
	}
	for d, column := range x {
		var moved float64
		for k, i := range lanes {
			moved += weights[k] * column[i]
		}
		mean[d] = moved / sum // in the box, since rounding keeps the order of sums term by term
	}
}

var _ Minimizer = MPPI{}
