package filter

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/viability"
)

// A Terminal is a set of states from each of which a backup keeps every limit for ever. It is safe for concurrent use.
type Terminal interface {
	// Holds tells whether all states of s are proved to be in the set.
	Holds(s reach.Set) bool
	// Backup is the action that keeps the state x in the set, in [-1, 1]; nil if x is outside.
	Backup(x []float64) []float64
	// Depth says how much of s is in the set, or near it: more is better, and NaN the least.
	Depth(s reach.Set) float64
}

// kernel is the viability kernel of a model.
type kernel struct{ *viability.Kernel }

// Holds implements Terminal.
func (k kernel) Holds(s reach.Set) bool {
	c, r, ok := box(s)
	return ok && k.Kernel.Holds(c, r)
}

// Depth implements Terminal.
func (k kernel) Depth(s reach.Set) float64 {
	c, r, ok := box(s)
	if !ok {
		return math.Inf(-1)
	}
	return k.Portion(c, r)
}

// box is the smallest box around s; ok is false if nothing is known of s.
func box(s reach.Set) (c, r []float64, ok bool) {
	if !s.Known() {
		return nil, nil, false
	}
	for d := range s.Center {
		lo, hi := s.Range(d)
		mid := lo + (hi-lo)/2
		c, r = append(c, mid), append(r, math.Nextafter(max(hi-mid, mid-lo), math.Inf(1)))
	}
	return c, r, true
}

// Kernel is the viability kernel of a belief as a Terminal.
func Kernel(ctx context.Context, s *safex.System, p *reach.Prover, c viability.Settings) (Terminal, error) {
	k, err := viability.Compute(ctx, s, p, c)
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	return kernel{k}, nil
}
