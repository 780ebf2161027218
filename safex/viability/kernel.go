package viability

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// Settings are how a kernel is computed.
type Settings struct {
	// Cells are those on each axis; 0 is 1200 on each of two axes, 160 of three, 40 of four, and 10 000 on one.
	Cells int
	// Block is how many cells along each axis the belief is bounded over at once; 0 is as many as make 100 blocks of two axes, 20 of three, 8 of four, and 500 on one.
	Block   int
	Actions [][]float64 // that are tried, each in [-1, 1]^nu; nil is Levels of each dimension
	Levels  int         // of an action, from -1 to 1, at least 2
	Beta    float64     // epistemic deviations that the model may err by, in each step and dimension, at least 0
	Noise   []float64   // [nx] half the width of a box of noise that is added in every step, in the units of the state; nil is 0
}

// DefaultSettings are cells and blocks by the number of axes, five levels of each action and two deviations.
func DefaultSettings() Settings { return Settings{Levels: 5, Beta: 2} }

// Check reports the first setting that is out of range.
func (c Settings) Check() error {
	switch {
	case c.Cells < 0 || c.Block < 0:
		return fmt.Errorf("viability: Cells %d and Block %d: want at least 0", c.Cells, c.Block)
	case c.Actions == nil && (c.Levels < 2 || c.Levels > 100):
		return fmt.Errorf("viability: Levels %d: want 2 to 100", c.Levels)
	case len(c.Actions) > math.MaxInt8:
		return fmt.Errorf("viability: %d actions: want at most %d", len(c.Actions), math.MaxInt8)
	case !(c.Beta >= 0) || math.IsInf(c.Beta, 1):
		return fmt.Errorf("viability: Beta is %v: want at least 0", c.Beta)
	case slices.ContainsFunc(c.Noise, func(v float64) bool { return !(v >= 0) || math.IsInf(v, 1) }):
		return fmt.Errorf("viability: Noise is %v: want at least 0 in each dimension", c.Noise)
	}
	return nil
}

// on fills in what is 0, for a grid of n axes.
func (c Settings) on(n int) Settings {
	n = min(max(n, 1), mostAxes) - 1
	if c.Cells == 0 {
		c.Cells = [mostAxes]int{10_000, 1200, 160, 40}[n]
	}
	if c.Block == 0 {
		blocks := [mostAxes]int{500, 100, 20, 8}[n]
		c.Block = (c.Cells + blocks - 1) / blocks
	}
	return c
}

// actions are those that are tried for a system.
func (c Settings) actions(s *safex.System) ([][]float64, error) {
	if c.Actions != nil {
		return c.Actions, nil
	}
	all := [][]float64{{}}
	for range s.Action {
		var more [][]float64
		for _, u := range all {
			for i := range c.Levels {
				more = append(more, append(append([]float64{}, u...), -1+2*float64(i)/float64(c.Levels-1)))
			}
		}
		all = more
	}
	if len(all) > math.MaxInt8 {
		return nil, fmt.Errorf("viability: %d actions: want at most %d, by fewer Levels", len(all), math.MaxInt8)
	}
	return all, nil
}

// A Kernel is a set of cells in which a system can be kept for ever, with an action for each. It never changes, and is safe for concurrent use.
type Kernel struct {
	Grid    Grid
	Actions [][]float64
	Choice  []int8 // of each cell, the index of the first action that keeps it in the kernel; -1 of a cell that is outside
	set     set
}

// CheckSystem reports why a system has no kernel, whatever is learned.
func (c Settings) CheckSystem(s *safex.System) error {
	if err := c.Check(); err != nil {
		return err
	}
	if s.Rated() {
		return fmt.Errorf("viability: task %q limits the rate of its actions, and a kernel judges each action by itself", s.Name)
	}
	if len(c.Noise) > 0 && len(c.Noise) != len(s.State) {
		return fmt.Errorf("viability: Noise has %d dimensions, and task %q %d", len(c.Noise), s.Name, len(s.State))
	}
	_, err := NewGrid(s, 1)
	return err
}

// Compute is the kernel of the belief that p is of. A limit on the rate of actions is refused, as an action is judged by itself; a budget is
// not spent. The same settings give the same kernel, on any number of cores. A cancelled ctx returns its error.
func Compute(ctx context.Context, s *safex.System, p *reach.Prover, c Settings) (*Kernel, error) {
	if err := c.CheckSystem(s); err != nil {
		return nil, err
	}
	axes := len(s.State) - len(s.Angles)
	c = c.on(axes)
	g, err := NewGrid(s, c.Cells)
	if err != nil {
		return nil, err
	}
	actions, err := c.actions(s)
	if err != nil {
		return nil, err
	}
	cover, err := newCover(g, s, p, c, actions)
	if err != nil {
		return nil, err
	}
	if err := cover.lay(ctx); err != nil {
		return nil, err
	}
	k := &Kernel{Grid: *g, Actions: actions, Choice: make([]int8, g.Len())}
	shrink := newShrink(cover, k.Choice)
	if err := shrink.run(ctx); err != nil {
		return nil, err
	}
	k.set = shrink.set
	return k, nil
}

// Contains tells whether a state is in the kernel.
func (k *Kernel) Contains(x []float64) bool { return k.Backup(x) != nil }

// Backup is the action that keeps the system in the kernel from the state x; nil if x is outside.
func (k *Kernel) Backup(x []float64) []float64 {
	cell := k.Grid.Cell(x)
	if cell < 0 || k.Choice[cell] < 0 {
		return nil
	}
	return k.Actions[k.Choice[cell]]
}

// Holds tells whether all states within r of c, in each dimension, are in the kernel.
func (k *Kernel) Holds(c, r []float64) bool {
	var to box
	return k.Grid.box(&to, c, r) && k.set.full(&to)
}

// Portion is the share of the cells that the states within r of c are in which belong to the kernel: 0 if some are outside of the grid.
func (k *Kernel) Portion(c, r []float64) float64 {
	var to box
	if !k.Grid.box(&to, c, r) {
		return 0
	}
	volume := 1.0
	for i := range k.Grid.Axes {
		volume *= float64(to.hi[i] - to.lo[i] + 1)
	}
	return float64(k.set.count(&to)) / volume
}

// Share is the share of the grid that is in the kernel.
func (k *Kernel) Share() float64 { return float64(k.set.size()) / float64(k.Grid.Len()) }
