package opt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// maxColor is where even the slowest waves are all that is left; far beyond, amplitudes overflow.
const maxColor = 10

// noise draws series of unit variance and power 1/f^color (Timmer and König, 1995): a sum of
// waves with random phases, f and the constant one counting as the lowest frequency.
type noise struct {
	series   []float64
	amp      []float64   // of each frequency
	cos, sin [][]float64 // waves[frequency][t]
}

// newNoises has one for each dimension; those of one colour share theirs.
func newNoises(steps int, colors []float64) (all []*noise) {
	for k, c := range colors {
		if before := slices.Index(colors[:k], c); before >= 0 {
			all = append(all, all[before])
		} else {
			all = append(all, newNoise(steps, c))
		}
	}
	return all
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
		series := n.series
		cos, sin := n.cos[k][:len(series)], n.sin[k][:len(series)]
		for t := range series {
			series[t] += a*cos[t] + b*sin[t]
		}
	}
}

// checkNoise reports the first setting of noise that is out of range.
func checkNoise(color, std float64, colors, stds []float64) error {
	for _, c := range append([]float64{color}, colors...) {
		if !(c >= 0 && c <= maxColor) {
			return fmt.Errorf("opt: Color %v, want 0 to %d", c, maxColor)
		}
	}
	for _, d := range append([]float64{std}, stds...) {
		if !(d > 0) || math.IsInf(d, 1) {
			return fmt.Errorf("opt: Std %v, want a number above 0", d)
		}
	}
	return nil
}

// noise returns one for each dimension, and the standard deviation of each column. Colors and stds are
// those of each dimension in place of color and std, if they are not empty.
func (s *search) noise(color, std float64, colors, stds []float64) ([]*noise, []float64, error) {
	each := func(name string, all float64, each []float64) ([]float64, error) {
		switch len(each) {
		case 0:
			return slices.Repeat([]float64{all}, s.Dims), nil
		case s.Dims:
			return each, nil
		}
		return nil, fmt.Errorf("opt: %d %s for a problem of %d dimensions", len(each), name, s.Dims)
	}
	colors, err := each("Colors", color, colors)
	if err != nil {
		return nil, nil, err
	}
	if stds, err = each("Stds", std, stds); err != nil {
		return nil, nil, err
	}
	return newNoises(s.Steps, colors), s.spread(slices.Repeat(stds, s.Steps)), nil
}

// candidates draws series around mean into every lane of x, clipped to [-1, 1]. std is the deviation of each column.
func (s *search) candidates(x num.Batch, r *rand.Rand, mean, std []float64, noises []*noise) {
	for k, noise := range noises {
		for i := range x[0] {
			noise.draw(r)
			for t, z := range noise.series {
				d := t*s.Dims + k
				x[d][i] = min(1, max(-1, mean[d]+std[d]*z))
			}
		}
	}
}
