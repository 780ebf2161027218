package opt

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// ICEM is the cross-entropy method with noise that is correlated in time and with elites that
// are kept (Pinneri et al., 2020). The noise of each dimension is a series of its own.
type ICEM struct {
	Iterations int     // populations
	Samples    int     // candidates in each
	Elites     int     // best candidates that the next population is drawn around
	Kept       int     // best candidates that stay in the next population, at least 1
	Color      float64 // the noise has power 1/f^Color: 0 is white, 2 is Brownian
	Std        float64 // first standard deviation
	MinStd     float64 // smallest standard deviation
	Momentum   float64 // share of the old mean in the new one, in [0, 1)
}

// DefaultICEM returns settings that suit horizons of 20 steps.
func DefaultICEM() ICEM {
	return ICEM{Iterations: 3, Samples: 128, Elites: 13, Kept: 5, Color: 2, Std: 0.7, MinStd: 0.05, Momentum: 0.1}
}

// Check reports the first setting that is out of range.
func (c ICEM) Check() error {
	switch {
	case c.Iterations < 1 || c.Samples < 2 || c.Iterations > 1e4 || c.Samples > 1e6:
		return fmt.Errorf("opt: Iterations %d and Samples %d, want 1 to 1e4 and 2 to 1e6", c.Iterations, c.Samples)
	case c.Elites < 1 || c.Elites > c.Samples || c.Kept < 1 || c.Kept >= c.Samples:
		return fmt.Errorf("opt: Elites %d and Kept %d, want 1 to Samples = %d and 1 to Samples-1", c.Elites, c.Kept, c.Samples)
	case !(c.Color >= 0) || !(c.Std > 0) || !(c.MinStd >= 0) || !(c.Momentum >= 0 && c.Momentum < 1):
		return fmt.Errorf("opt: Color %v, Std %v, MinStd %v and Momentum %v, want at least 0, above 0, at least 0 and in [0, 1)", c.Color, c.Std, c.MinStd, c.Momentum)
	}
	return nil
}

// Minimize implements Minimizer.
func (c ICEM) Minimize(ctx context.Context, p Problem, src rng.Stream) (*Result, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	dim := p.Steps * p.Dims
	if p.Steps < 1 || p.Dims < 1 || p.Start != nil && len(p.Start) != dim {
		panic(fmt.Sprintf("opt: a problem of %d steps and %d dimensions, started at %d numbers", p.Steps, p.Dims, len(p.Start)))
	}
	mean, std := make([]float64, dim), slices.Repeat([]float64{c.Std}, dim)
	copy(mean, p.Start)
	x, values, order := num.NewBatch(dim, c.Samples), make([]float64, c.Samples), make([]int, c.Samples)
	noise := newNoise(p.Steps, c.Color)
	var kept [][]float64
	var best *Result
	for round := range c.Iterations {
		r := src.At(round).Rand()
		for k := range p.Dims {
			for i := range c.Samples {
				noise.draw(r)
				for t, z := range noise.series {
					d := t*p.Dims + k
					x[d][i] = min(1, max(-1, mean[d]+std[d]*z))
				}
			}
		}
		x.SetPoint(0, clamp(mean)) // so that a search never ends worse than where it starts
		for i, e := range kept {
			x.SetPoint(1+i, e)
		}
		err := p.Func(values, x)
		if err != nil {
			return best, err
		}
		next := &Result{Evaluations: c.Samples}
		if best != nil {
			next.Evaluations, next.NaNs = next.Evaluations+best.Evaluations, best.NaNs
		}
		for i, v := range values {
			order[i] = i
			if math.IsNaN(v) {
				values[i] = math.Inf(1)
				next.NaNs++
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
		next.X, next.F = x.Point(order[0]), values[order[0]]
		best = next
		kept = kept[:0]
		for _, i := range order[:c.Kept] {
			kept = append(kept, x.Point(i))
		}
		for d, column := range x {
			var sum, square float64
			for _, i := range order[:c.Elites] {
				sum += column[i]
			}
			m := sum / float64(c.Elites)
			for _, i := range order[:c.Elites] {
				square += (column[i] - m) * (column[i] - m)
			}
			mean[d] = c.Momentum*mean[d] + (1-c.Momentum)*m
			std[d] = max(c.MinStd, math.Sqrt(square/float64(c.Elites)))
		}
		if err := ctx.Err(); err != nil {
			return best, err
		}
	}
	return best, nil
}

func clamp(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = min(1, max(-1, v))
	}
	return y
}

// noise draws series of unit variance and power 1/f^color (Timmer and König, 1995): a sum of
// waves with random phases, f and the constant one counting as the lowest frequency.
type noise struct {
	series   []float64
	amp      []float64   // of each frequency
	cos, sin [][]float64 // waves[frequency][t]
}

func newNoise(steps int, color float64) *noise {
	n := &noise{series: make([]float64, steps)}
	var power float64
	for k := range steps/2 + 1 {
		amp := math.Pow(float64(max(k, 1))/float64(steps), -color/2)
		if k == 0 || 2*k == steps {
			amp /= math.Sqrt2 // these waves have one phase, the others two: one degree of freedom
		}
		n.amp = append(n.amp, amp)
		n.cos, n.sin = append(n.cos, make([]float64, steps)), append(n.sin, make([]float64, steps))
		for t := range steps {
			n.sin[k][t], n.cos[k][t] = math.Sincos(2 * math.Pi * float64(k*t%steps) / float64(steps))
		}
		// The variance at t is amp² (cos² + sin²), which is amp² at every t but for the two real waves.
		power += amp * amp
	}
	for k := range n.amp {
		n.amp[k] /= math.Sqrt(power)
	}
	return n
}

func (n *noise) draw(r *rand.Rand) {
	clear(n.series)
	for k, amp := range n.amp {
		a, b := amp*r.NormFloat64(), amp*r.NormFloat64()
		for t := range n.series {
			n.series[t] += a*n.cos[k][t] + b*n.sin[k][t]
		}
	}
}

var _ Minimizer = ICEM{}
