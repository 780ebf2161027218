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

// Known is the backup that a task has declared as a Terminal. It panics if the task has none.
func Known(s *safex.System) Terminal {
	if s.Backup == nil {
		panic(fmt.Sprintf("filter: task %q declares no Backup", s.Name))
	}
	return known{s.Backup}
}

// known is what a task knows of itself, whatever was learned.
type known struct{ set *safex.Backup }

// Holds implements Terminal.
func (k known) Holds(s reach.Set) bool { return s.Known() && k.set.Holds(s.Center, generators(s), nil) }

// Backup implements Terminal.
func (k known) Backup(x []float64) []float64 {
	if !k.set.Contains(x) {
		return nil
	}
	return k.set.Action(x)
}

// Depth implements Terminal.
func (k known) Depth(s reach.Set) float64 {
	if !s.Known() {
		return math.Inf(-1)
	}
	return -k.set.Beyond(s.Center, generators(s), nil)
}

// A rescuer knows what to do outside of the set.
type rescuer interface{ rescue(x []float64) []float64 }

// rescue is the backup's action outside of its set, where nothing is promised: it brakes too late.
func (k known) rescue(x []float64) []float64 { return k.set.Action(x) }

// rescue is that of what is known.
func (e either) rescue(x []float64) []float64 { return e[0].(rescuer).rescue(x) }

// generators are the columns of a set.
func generators(s reach.Set) (gen [][]float64) {
	for i := range s.Gen[0] {
		g := make([]float64, len(s.Gen))
		for d := range g {
			g[d] = s.Gen[d][i]
		}
		gen = append(gen, g)
	}
	return gen
}

// either is the union of two Terminals, in each of which a system can be kept by itself.
type either [2]Terminal

// Holds implements Terminal.
func (e either) Holds(s reach.Set) bool { return e[0].Holds(s) || e[1].Holds(s) }

// Backup implements Terminal.
func (e either) Backup(x []float64) []float64 {
	if u := e[0].Backup(x); u != nil {
		return u
	}
	return e[1].Backup(x)
}

// Depth implements Terminal: that of the second, which says more near its edge.
func (e either) Depth(s reach.Set) float64 { return e[1].Depth(s) }
