package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// VertexSearch climbs from vertex to vertex of the box of η, without gradients, until no flip of a single number helps. In each
// round it tries all flips, then the best of those that help together: the best one, the best two, and so on.
type VertexSearch struct {
	Starts int // of each plan: η = 1, η = -1, then random vertices; 1 to 1e4
	Rounds int // from each start at most, 1 to 1e4
}

// DefaultVertexSearch returns 2 starts of up to 20 rounds; hardly any takes as many.
func DefaultVertexSearch() VertexSearch { return VertexSearch{Starts: 2, Rounds: 20} }

// Check implements Adversary.
func (c VertexSearch) Check() error {
	if c.Starts < 1 || c.Starts > 1e4 || c.Rounds < 1 || c.Rounds > 1e4 {
		return fmt.Errorf("plan: Starts %d and Rounds %d, want 1 to 1e4 each", c.Starts, c.Rounds)
	}
	return nil
}

// Attack implements Adversary.
func (c VertexSearch) Attack(ctx context.Context, dst *Perturbations, t Target, src rng.Stream) error {
	a := newAttackState(dst, t)
	for i := range t.Plans.Len() {
		if err := a.try(ctx, i, num.NewBatch(a.horizon*a.nx, 1)); err != nil {
			return err
		}
		r := src.Rand() // the same of each plan
		for j := range c.Starts {
			start := make([]float64, a.horizon*a.nx)
			for d := range start {
				switch j {
				case 0:
					start[d] = 1
				case 1:
					start[d] = -1
				default:
					start[d] = float64(2*r.IntN(2) - 1)
				}
			}
			if err := c.climb(ctx, a, i, start); err != nil {
				return err
			}
		}
	}
	return nil
}

// climb takes plan i from the vertex at to one from which no flip helps.
func (c VertexSearch) climb(ctx context.Context, a *attackState, i int, at []float64) error {
	all := num.NewBatch(len(at), len(at)+1) // lane d flips d; the last is where we stand
	for range c.Rounds {
		for lane := range all.Len() {
			all.SetPoint(lane, at)
		}
		for d, v := range at {
			all[d][d] = -v
		}
		if err := a.try(ctx, i, all); err != nil {
			return err
		}
		here := a.excess[len(at)]
		var flips []int // that help, the best first
		for d := range at {
			if a.excess[d] > here {
				flips = append(flips, d)
			}
		}
		if len(flips) == 0 {
			return nil // also if here is NaN, the worst of all
		}
		slices.SortStableFunc(flips, func(d, e int) int { return cmp.Compare(a.excess[e], a.excess[d]) })
		together := num.NewBatch(len(at), len(flips))
		for lane := range flips {
			together.SetPoint(lane, at)
			for _, d := range flips[:lane+1] {
				together[d][lane] = -at[d]
			}
		}
		if err := a.try(ctx, i, together); err != nil {
			return err
		}
		best := 0
		for lane, e := range a.excess {
			if e > a.excess[best] {
				best = lane
			}
		}
		at = together.Point(best)
	}
	return nil
}

var _ Adversary = VertexSearch{}
