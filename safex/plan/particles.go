package plan

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Particles are errors drawn at random, a new one at every step and in every dimension, in the manner of ActSafe (As et al.,
// 2025). The worst of them counts. Random errors cancel each other from step to step, so that few of them come near the worst.
type Particles struct {
	Samples      int          // errors of each plan besides none at all, 1 to 1e4
	Distribution Distribution // of each number of η
}

// A Distribution is how a number of η is drawn.
type Distribution int

const (
	Gaussian   Distribution = iota // from the standard normal distribution, clipped to [-1, 1]
	Uniform                        // from [-1, 1]
	AtVertices                     // -1 or 1
)

var distributions = [...]string{"gaussian", "uniform", "vertices"}

// DefaultParticles returns 10 Gaussian ones.
func DefaultParticles() Particles { return Particles{Samples: 10} }

// Check implements Adversary.
func (p Particles) Check() error {
	switch {
	case p.Samples < 1 || p.Samples > 1e4:
		return fmt.Errorf("plan: Samples is %d, want 1 to 1e4", p.Samples)
	case p.Distribution < Gaussian || p.Distribution > AtVertices:
		return fmt.Errorf("plan: Distribution is %v, want gaussian, uniform or vertices", p.Distribution)
	}
	return nil
}

// Attack implements Adversary.
func (p Particles) Attack(ctx context.Context, dst *Perturbations, t Target, src rng.Stream) error {
	a := newAttackState(dst, t)
	each := p.Samples + 1
	a.errors(each)
	r := src.Rand()
	for _, column := range a.c.Eta {
		for j := range p.Samples { // the same of each plan
			v := p.Distribution.draw(r)
			for lane := j + 1; lane < len(column); lane += each {
				column[lane] = v
			}
		}
	}
	return a.roll(ctx, nil)
}

// Errors are Samples errors for a plan of steps of t, as Target.Under takes them. They are those that Attack tries with the same stream.
func (p Particles) Errors(t Target, src rng.Stream) num.Batch {
	eta, r := num.NewBatch(t.steps()*len(t.System.State), p.Samples), src.Rand()
	for _, column := range eta {
		for j := range column {
			column[j] = p.Distribution.draw(r)
		}
	}
	return eta
}

// draw is a number of η.
func (l Distribution) draw(r *rand.Rand) float64 {
	switch l {
	case Uniform:
		return 2*r.Float64() - 1
	case AtVertices:
		return float64(2*r.IntN(2) - 1)
	}
	return min(1, max(-1, r.NormFloat64()))
}

// String is the name of the distribution, as in "uniform".
func (l Distribution) String() string {
	if l < Gaussian || l > AtVertices {
		return fmt.Sprintf("Distribution(%d)", int(l))
	}
	return distributions[l]
}

// MarshalText writes the name of the distribution.
func (l Distribution) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the name of a distribution.
func (l *Distribution) UnmarshalText(text []byte) error {
	for i, name := range distributions {
		if name == string(text) {
			*l = Distribution(i)
			return nil
		}
	}
	return fmt.Errorf("no distribution %q: want gaussian, uniform or vertices", text)
}

var _ Adversary = Particles{}
