package plan

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Particles are errors drawn at random, a new one at every step and in every dimension, in the manner of ActSafe (As et al.,
// 2025). The worst of them counts. Random errors cancel each other from step to step, so that few of them come near the worst.
type Particles struct {
	Samples int // errors of each plan besides none at all, 1 to 1e4
	Law     Law // of each number of η
}

// A Law is how a number of η is drawn.
type Law int

const (
	Gaussian  Law = iota // from the standard normal distribution, clipped to [-1, 1]
	Uniform              // from [-1, 1]
	AtCorners            // -1 or 1
)

var laws = [...]string{"gaussian", "uniform", "corners"}

// DefaultParticles returns 10 Gaussian ones.
func DefaultParticles() Particles { return Particles{Samples: 10} }

// Check implements Adversary.
func (p Particles) Check() error {
	switch {
	case p.Samples < 1 || p.Samples > 1e4:
		return fmt.Errorf("plan: Samples is %d, want 1 to 1e4", p.Samples)
	case p.Law < Gaussian || p.Law > AtCorners:
		return fmt.Errorf("plan: Law is %v, want gaussian, uniform or corners", p.Law)
	}
	return nil
}

// Attack implements Adversary.
func (p Particles) Attack(ctx context.Context, dst *Doubts, t Target, src rng.Stream) error {
	a := newAssault(dst, t)
	each := p.Samples + 1
	a.errors(each)
	r := src.Rand()
	for _, column := range a.c.Eta {
		for j := range p.Samples { // the same of each plan
			v := 0.0
			switch p.Law {
			case Gaussian:
				v = min(1, max(-1, r.NormFloat64()))
			case Uniform:
				v = 2*r.Float64() - 1
			case AtCorners:
				v = float64(2*r.IntN(2) - 1)
			}
			for lane := j + 1; lane < len(column); lane += each {
				column[lane] = v
			}
		}
	}
	return a.roll(ctx, nil)
}

// String is the name of the law, as in "uniform".
func (l Law) String() string {
	if l < Gaussian || l > AtCorners {
		return fmt.Sprintf("Law(%d)", int(l))
	}
	return laws[l]
}

// MarshalText writes the law's name.
func (l Law) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a law's name.
func (l *Law) UnmarshalText(text []byte) error {
	for i, name := range laws {
		if name == string(text) {
			*l = Law(i)
			return nil
		}
	}
	return fmt.Errorf("no law %q: want gaussian, uniform or corners", text)
}

var _ Adversary = Particles{}
