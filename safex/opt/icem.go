package opt

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// ICEM is the cross-entropy method with noise that is correlated in time and with elites that
// are kept (Pinneri et al., 2020). The noise of each dimension is a series of its own. The current mean
// is a candidate of each population, so a Start is never made worse.
type ICEM struct {
	Iterations int     // populations, 1 to 1e4
	Samples    int     // candidates in the first, 2 to 1e6
	Elites     int     // best candidates that the next population is drawn around, 1 to Samples
	Kept       int     // best candidates that stay in the next population, 1 to Samples-1
	Color      float64 // the noise has power 1/f^Color, 0 to 10: 0 is white, 2 is Brownian
	Std        float64 // first standard deviation, above 0; the box is 2 wide
	MinStd     float64 // smallest standard deviation, at least 0
	Momentum   float64 // share of the old mean in the new one, in [0, 1)

	// Shrink is the share of the candidates that each population has fewer than the one before, in [0, 1):
	// population i has Samples·(1-Shrink)^i, but no fewer than twice the Elites, Kept + 1 or, if that
	// is less, Samples. It is 1 - 1/γ in Algorithm 1 of the paper, whose γ is 1.25; 0 keeps the number.
	Shrink float64

	Colors []float64 `json:",omitempty"` // Color of each dimension; empty is Color for all
	Stds   []float64 `json:",omitempty"` // Std of each dimension; empty is Std for all
}

// DefaultICEM returns settings that suit horizons of 20 steps.
func DefaultICEM() ICEM {
	return ICEM{Iterations: 3, Samples: 96, Elites: 10, Kept: 5, Color: 2, Std: 0.7, MinStd: 0.05, Momentum: 0.1}
}

// Check reports the first setting that is out of range.
func (c ICEM) Check() error {
	switch {
	case c.Iterations < 1 || c.Samples < 2 || c.Iterations > 1e4 || c.Samples > 1e6:
		return fmt.Errorf("opt: Iterations %d and Samples %d, want 1 to 1e4 and 2 to 1e6", c.Iterations, c.Samples)
	case c.Elites < 1 || c.Elites > c.Samples || c.Kept < 1 || c.Kept >= c.Samples:
		return fmt.Errorf("opt: Elites %d and Kept %d, want 1 to Samples = %d and 1 to Samples-1", c.Elites, c.Kept, c.Samples)
	case !(c.MinStd >= 0) || math.IsInf(c.MinStd, 1) || !(c.Momentum >= 0 && c.Momentum < 1) || !(c.Shrink >= 0 && c.Shrink < 1):
		return fmt.Errorf("opt: MinStd %v, Momentum %v and Shrink %v, want a number of at least 0, and in [0, 1)", c.MinStd, c.Momentum, c.Shrink)
	}
	return checkNoise(c.Color, c.Std, c.Colors, c.Stds)
}

// population is the number of candidates in a round.
func (c ICEM) population(round int) int {
	least := min(c.Samples, max(2*c.Elites, c.Kept+1))
	return max(least, int(math.Round(float64(c.Samples)*math.Pow(1-c.Shrink, float64(round)))))
}

// Minimize implements Minimizer.
func (c ICEM) Minimize(ctx context.Context, p Problem, src rng.Stream) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	s := newSearch(p)
	noises, std, err := s.noise(c.Color, c.Std, c.Colors, c.Stds)
	if err != nil {
		return nil, err
	}
	mean := make([]float64, s.dim())
	copy(mean, p.Start)
	all, x := num.NewBatch(s.dim(), c.Samples), make(num.Batch, s.dim())
	var kept [][]float64
	for round := range c.Iterations {
		if err := ctx.Err(); err != nil {
			return s.result(), err
		}
		for d := range x {
			x[d] = all[d][:c.population(round)]
		}
		s.candidates(x, src.At(round).Rand(), mean, std, noises)
		x.SetPoint(0, clamp(mean)) // so that a search never ends worse than where it starts
		for i, e := range kept {
			x.SetPoint(1+i, e)
		}
		if err := s.score(x); err != nil {
			return s.result(), err
		}
		s.choose(x, s.order[0])
		kept, s.found.Elites = points(x, s.order[:c.Kept]), s.elites(x, c.Elites)
		for d, column := range x {
			m, deviation := moments(column, s.order[:c.Elites])
			mean[d] = c.Momentum*mean[d] + (1-c.Momentum)*m
			std[d] = max(c.MinStd, deviation)
		}
	}
	return s.result(), ctx.Err()
}

// moments are the mean and the population's standard deviation of some lanes of a column.
func moments(column []float64, lanes []int) (mean, std float64) {
	var sum, square float64
	for _, i := range lanes {
		sum += column[i]
	}
	mean = sum / float64(len(lanes))
	for _, i := range lanes {
		square += (column[i] - mean) * (column[i] - mean)
	}
	return mean, math.Sqrt(square / float64(len(lanes)))
}

var _ Minimizer = ICEM{}
