package plan

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// SignGradient looks for the model error that breaks a plan: projected sign-gradient ascent on
// the smooth maximum of the signed excess, in the manner of Madry et al. (2018), with steps as wide
// as the box, so that it goes from corner to corner. Where the worst excess is nearly linear in
// η, its maximum over the box is at the sign of the gradient, so few steps suffice. The worst
// corner that it passes counts. What it finds is a lower bound of the worst case, never a proof of safety.
type SignGradient struct {
	Starts    int     // of each plan: the mean, η = 1, η = -1, then random corners
	Steps     int     // gradients from each start
	Sharpness float64 // of the smooth maximum, over an excess in units of the limit's Scale
}

// DefaultSignGradient returns 4 starts, one of them random, of 3 steps.
func DefaultSignGradient() SignGradient { return SignGradient{Starts: 4, Steps: 3, Sharpness: 20} }

func (a SignGradient) check() error {
	if a.Starts < 1 || a.Starts > 1e4 || a.Steps < 0 || !(a.Sharpness > 0) {
		return fmt.Errorf("plan: Starts %d, Steps %d and Sharpness %v, want 1 to 1e4, at least 0 and above 0", a.Starts, a.Steps, a.Sharpness)
	}
	return nil
}

// doubt is a model error and what it does to a plan.
type doubt struct {
	eta    []float64 // flat, H·nx
	excess float64   // worst over steps and limits, in units of their Scale
}

// attack returns the worst doubt found for each plan; plans holds their flat actions. The
// doubts in known are tried first, without a gradient.
func (a SignGradient) attack(ctx context.Context, q query, plans [][]float64, known [][]float64, beta float64, src rng.Stream) ([]doubt, error) {
	worst := make([]doubt, len(plans))
	for i := range worst {
		worst[i] = doubt{make([]float64, q.horizon*q.nx), math.Inf(-1)}
	}
	var out safex.Rolled
	keep := func(etas num.Batch, owner func(lane int) int) {
		for lane := range etas.Len() {
			w := &worst[owner(lane)]
			if e := q.worstExcess(&out, lane); !math.IsNaN(w.excess) && !(e <= w.excess) { // a NaN is worst
				*w = doubt{etas.Point(lane), e}
			}
		}
	}

	if len(known) > 0 {
		c := q.candidates(num.NewBatch(q.horizon*q.nu, len(plans)*len(known)), num.NewBatch(q.horizon*q.nx, len(plans)*len(known)), beta)
		for i, p := range plans {
			for j, eta := range known {
				c.Actions.SetPoint(i*len(known)+j, p)
				c.Eta.SetPoint(i*len(known)+j, eta)
			}
		}
		if err := q.Rollout.Roll(ctx, &out, c, nil); err != nil {
			return nil, err
		}
		keep(c.Eta, func(lane int) int { return lane / len(known) })
	}

	n := len(plans) * a.Starts
	c := q.candidates(num.NewBatch(q.horizon*q.nu, n), num.NewBatch(q.horizon*q.nx, n), beta)
	r := src.Rand()
	for i, p := range plans {
		for s := range a.Starts {
			lane := i*a.Starts + s
			c.Actions.SetPoint(lane, p)
			for _, column := range c.Eta {
				switch s {
				case 0:
					column[lane] = 0
				case 1:
					column[lane] = 1
				case 2:
					column[lane] = -1
				default:
					column[lane] = float64(2*r.IntN(2) - 1)
				}
			}
		}
	}
	owner := func(lane int) int { return lane / a.Starts }
	for range a.Steps {
		if err := q.Rollout.Roll(ctx, &out, c, &safex.Ascent{Excess: 1, Sharpness: a.Sharpness}); err != nil {
			return nil, err
		}
		keep(c.Eta, owner)
		for d, column := range c.Eta {
			for lane, g := range out.GradEta[d] {
				switch {
				case g > 0:
					column[lane] = 1
				case g < 0:
					column[lane] = -1
				} // a gradient of 0 or NaN says nothing: stay
			}
		}
	}
	if err := q.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return nil, err
	}
	keep(c.Eta, owner)
	return worst, nil
}
