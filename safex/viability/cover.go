package viability

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// A cover is all cells of a grid in parts, each with a form for every action. Parts are blocks at first; some are halved later.
type cover struct {
	Settings
	layout
	system  *safex.System
	prover  *reach.Prover
	grid    *Grid
	actions [][]float64
	plain   bool // every limit is a plain bound along an axis

	counts []int // of blocks along each axis
	blocks []block
	forms  []float64 // [form, size]
	barred []bool    // [form]: it leads out of the grid from every cell, or may break a limit
}

// A block is the parts that one of the first ones has been cut into.
type block struct {
	parts []member
	whole part
}

// A member is a part of a cover.
type member struct {
	part
	form int32   // of the first action
	blur float64 // the most of all actions that are not barred
}

// mostForms is how much memory forms may take: a gigabyte.
const mostForms = 1 << 30

func newCover(g *Grid, s *safex.System, p *reach.Prover, c Settings, actions [][]float64) *cover {
	v := &cover{Settings: c, layout: newLayout(len(g.Axes)), system: s, prover: p, grid: g, actions: actions, plain: true}
	n := 1
	for _, a := range g.Axes {
		v.counts = append(v.counts, (a.Cells+c.Block-1)/c.Block)
		n *= v.counts[len(v.counts)-1]
	}
	for k := range s.Limits {
		b, ok := s.Bound(k)
		v.plain = v.plain && ok && g.along(b.State)
	}
	v.blocks = make([]block, n)
	for i := range v.blocks {
		at, p := i, &v.blocks[i].whole
		for k := len(g.Axes) - 1; k >= 0; k-- {
			x := at % v.counts[k]
			at /= v.counts[k]
			p.first[k], p.last[k] = int32(x*c.Block), int32(min((x+1)*c.Block, g.Axes[k].Cells))
		}
	}
	return v
}

// enclose makes members of parts.
func (c *cover) enclose(ctx context.Context, parts []part) ([]member, error) {
	na, base := len(c.actions), len(c.barred)
	c.barred = append(c.barred, make([]bool, len(parts)*na)...)
	c.forms = append(c.forms, make([]float64, len(parts)*na*c.size)...)
	all := make([]member, len(parts))
	var next atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), (len(parts)+together-1)/together) {
		workers.Go(func() error {
			w := newFormer(c)
			for {
				i := int(next.Add(together)) - together
				if i >= len(parts) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				w.members(all[i:min(i+together, len(parts))], parts[i:], base+i*na)
			}
		})
	}
	return all, workers.Wait()
}

// members makes members of parts, whose forms are those from one on.
func (w *former) members(to []member, parts []part, form int) {
	n := len(to)
	for i := range to {
		to[i] = member{part: parts[i], form: int32(form + i*len(w.actions))}
		w.states(&w.from[i], &parts[i])
	}
	for a, u := range w.actions {
		w.imager.Images(w.to[:n], w.from[:n], [][]float64{u})
		for i := range to {
			at := int(to[i].form) + a
			f := w.forms[at*w.size:][:w.size]
			blur := w.form(f, &parts[i], &w.to[i])
			may, must := w.breaks(&w.from[i], &w.to[i], u)
			if w.barred[at] = may || w.misses(f); may && !must {
				blur = math.Inf(1)
			} else if w.barred[at] {
				continue
			}
			to[i].blur = max(to[i].blur, blur)
		}
	}
}

// misses tells whether a form leads every cell out of the grid.
func (c *cover) misses(form []float64) bool {
	for k, a := range c.grid.Axes {
		if lo, hi := c.span(form, k); a.Angle == nil && !(hi >= 0 && lo < float64(a.Cells)) {
			return true
		}
	}
	return false
}

// lay covers the grid with blocks.
func (c *cover) lay(ctx context.Context) error {
	parts := make([]part, len(c.blocks))
	for i := range parts {
		parts[i] = c.blocks[i].whole
	}
	all, err := c.enclose(ctx, parts)
	for i := range all {
		c.blocks[i].parts = all[i : i+1 : i+1]
	}
	return err
}

// more is how many parts there may be for each of the first ones, by halving.
const more = 3

// refine halves parts that have cells outside of a kernel and a blur above Blur, and theirs, those of the largest blur first. It tells whether there
// were any.
func (c *cover) refine(ctx context.Context, kernel *set) (changed bool, err error) {
	type item struct {
		block int
		member
	}
	var todo []item
	for i := range c.blocks {
		b := &c.blocks[i]
		b.parts = slices.DeleteFunc(b.parts, func(m member) bool {
			outside := !kernel.full(m.box())
			if outside {
				todo = append(todo, item{i, m})
			}
			return outside
		})
	}
	left := (more - 1) * len(c.blocks)
	for len(todo) > 0 {
		slices.SortStableFunc(todo, func(x, y item) int {
			switch {
			case x.blur > y.blur:
				return -1
			case x.blur < y.blur:
				return 1
			}
			return 0
		})
		var parts []part
		var of []int
		for _, t := range todo {
			var halves []part
			if t.blur > c.Blur {
				halves = t.halves(c.axes)
			}
			if len(halves) < 2 || len(halves) > left {
				c.blocks[t.block].parts = append(c.blocks[t.block].parts, t.member)
				continue
			}
			left -= len(halves)
			for _, p := range halves {
				parts, of = append(parts, p), append(of, t.block)
			}
		}
		changed = changed || len(parts) > 0
		all, err := c.enclose(ctx, parts)
		if err != nil {
			return changed, err
		}
		todo = todo[:0]
		for i, m := range all {
			todo = append(todo, item{of[i], m})
		}
	}
	return changed, nil
}

// halves are what p falls into when it is cut in the middle of each axis that has more than one cell.
func (p part) halves(axes int) []part {
	all := []part{p}
	for k := range axes {
		if p.width(k) < 2 {
			continue
		}
		mid := (p.first[k] + p.last[k]) / 2
		for i := range all {
			upper := all[i]
			all[i].last[k], upper.first[k] = mid, mid
			all = append(all, upper)
		}
	}
	return all
}

// box are the cells of p.
func (p *part) box() *box {
	b := &box{lo: p.first}
	for k, v := range p.last {
		b.hi[k] = v - 1
	}
	return b
}
