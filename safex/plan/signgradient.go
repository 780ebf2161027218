package plan

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// SignGradient is projected sign-gradient ascent on the smooth maximum of the signed excess, in the manner of Madry et al.
// (2018), with steps as wide as the box, so that it goes from vertex to vertex. Where the worst excess is nearly linear in
// η, its maximum over the box is at the sign of the gradient, so few steps suffice. The worst vertex that it passes counts.
type SignGradient struct {
	Starts    int     // of each plan: the mean, η = 1, η = -1, then random vertices; 1 to 1e4
	Steps     int     // gradients from each start, 0 to 1e4
	Sharpness float64 // of the smooth maximum, over an excess in units of the limit's Scale; above 0

	// Sharpen is the factor from the Sharpness of a step to the Sharpness of the next, 1 to 1e4. A smooth maximum goes by all steps of the
	// plan whose excess is within some 1/Sharpness of the worst: where the model is nearly certain, that is too far.
	Sharpen float64
}

// DefaultSignGradient returns 4 starts, one of them random, of 3 steps, each 3 times as sharp as the one before.
func DefaultSignGradient() SignGradient {
	return SignGradient{Starts: 4, Steps: 3, Sharpness: 20, Sharpen: 3}
}

// ThoroughSignGradient is the same with 7 steps: 32 rollouts, 28 of them with a gradient.
func ThoroughSignGradient() SignGradient {
	return SignGradient{Starts: 4, Steps: 7, Sharpness: 20, Sharpen: 3}
}

// Check implements Adversary.
func (s SignGradient) Check() error {
	switch {
	case s.Starts < 1 || s.Starts > 1e4 || s.Steps < 0 || s.Steps > 1e4 || !(s.Sharpness > 0):
		return fmt.Errorf("plan: Starts %d, Steps %d and Sharpness %v, want 1 to 1e4, 0 to 1e4 and above 0", s.Starts, s.Steps, s.Sharpness)
	case !(s.Sharpen >= 1 && s.Sharpen <= 1e4):
		return fmt.Errorf("plan: Sharpen is %v, want 1 to 1e4", s.Sharpen)
	}
	return nil
}

// sharpest is where a smooth maximum is the maximum, but for what float32 of a network leaves of a difference.
const sharpest = 1e7

// Attack implements Adversary.
func (s SignGradient) Attack(ctx context.Context, dst *Perturbations, t Target, src rng.Stream) error {
	a := newAttackState(dst, t)
	a.errors(s.Starts)
	r := src.Rand()
	for _, column := range a.c.Eta {
		for j := range s.Starts { // the same of each plan
			v := 0.0
			switch {
			case j == 1:
				v = 1
			case j == 2:
				v = -1
			case j > 2:
				v = float64(2*r.IntN(2) - 1)
			}
			for lane := j; lane < len(column); lane += s.Starts {
				column[lane] = v
			}
		}
	}
	κ := s.Sharpness
	for range s.Steps {
		if err := a.roll(ctx, &safex.Scalarisation{Excess: 1, Sharpness: κ}); err != nil {
			return err
		}
		κ = min(κ*s.Sharpen, sharpest)
		for d, column := range a.c.Eta {
			for lane, g := range a.out.GradEta[d] {
				switch {
				case g > 0:
					column[lane] = 1
				case g < 0:
					column[lane] = -1
				} // a gradient of 0 or NaN says nothing: stay
			}
		}
	}
	return a.roll(ctx, nil)
}

var _ Adversary = SignGradient{}
