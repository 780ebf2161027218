package viability

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// A cover is all cells of a grid in blocks, each with a form for every action.
type cover struct {
	Settings
	layout
	system  *safex.System
	prover  *reach.Prover
	grid    *Grid
	actions [][]float64
	plain   bool // every limit is a plain bound along an axis

	counts []int // of blocks along each axis
	blocks []part
	forms  []float64 // [block, action, size]
	barred []bool    // [block, action]: it leads out of the grid from every cell, or may break a limit
	wide   int       // blocks of a tile along an axis
	tiles  []tiles   // [block]: those that some action may lead to
}

// tiles are a bit for each of the tiles of a grid, which are made of blocks and few enough that all of them are looked at for every block.
type tiles [mostTiles / 64]uint64

const mostTiles = 256

// mostForms is how much memory forms may take: a gigabyte.
const mostForms = 1 << 30

func newCover(g *Grid, s *safex.System, p *reach.Prover, c Settings, actions [][]float64) (*cover, error) {
	v := &cover{Settings: c, layout: newLayout(len(g.Axes)), system: s, prover: p, grid: g, actions: actions, plain: true, wide: 1}
	n, side := 1, [mostAxes]int{256, 16, 6, 4}[len(g.Axes)-1]
	for _, a := range g.Axes {
		count := (a.Cells + c.Block - 1) / c.Block
		v.counts = append(v.counts, count)
		v.wide = max(v.wide, (count+side-1)/side)
		n *= count
	}
	if size := float64(n) * float64(len(actions)*v.size) * 8; size > mostForms {
		return nil, fmt.Errorf("viability: %d blocks of %d axes with %d actions take %.3g GB: want a larger Block, or fewer Levels or Actions", n, len(g.Axes), len(actions), size/1e9)
	}
	for k := range s.Limits {
		b, ok := s.Bound(k)
		v.plain = v.plain && ok && g.along(b.State)
	}
	v.blocks, v.tiles = make([]part, n), make([]tiles, n)
	v.forms, v.barred = make([]float64, n*len(actions)*v.size), make([]bool, n*len(actions))
	for i := range v.blocks {
		at, p := i, &v.blocks[i]
		for k := len(g.Axes) - 1; k >= 0; k-- {
			x := at % v.counts[k]
			at /= v.counts[k]
			p.first[k], p.last[k] = int32(x*c.Block), int32(min((x+1)*c.Block, g.Axes[k].Cells))
		}
	}
	return v, nil
}

// lay encloses where all blocks go.
func (c *cover) lay(ctx context.Context) error {
	var next atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), (len(c.blocks)+together-1)/together) {
		workers.Go(func() error {
			w := newFormer(c)
			for {
				b := int(next.Add(together)) - together
				if b >= len(c.blocks) {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				w.lay(b, min(b+together, len(c.blocks)))
			}
		})
	}
	return workers.Wait()
}

// lay writes the forms of the blocks from b to end.
func (w *former) lay(b, end int) {
	n := end - b
	for i := range n {
		w.states(&w.from[i], &w.blocks[b+i])
	}
	for a, u := range w.actions {
		w.imager.Images(w.to[:n], w.from[:n], [][]float64{u})
		for i := range n {
			at := (b+i)*len(w.actions) + a
			f := w.form(at)
			w.write(f, &w.blocks[b+i], &w.to[i])
			if w.barred[at] = w.breaks(&w.from[i], &w.to[i], u) || w.misses(f); !w.barred[at] {
				w.lead(&w.tiles[b+i], f)
			}
		}
	}
}

// form is that of a block and an action, by the number of the pair.
func (c *cover) form(at int) []float64 { return c.forms[at*c.size:][:c.size] }

// misses tells whether a form leads every cell out of the grid.
func (c *cover) misses(form []float64) bool {
	for k, a := range c.grid.Axes {
		if lo, hi := c.span(form, k); a.Angle == nil && !(hi >= 0 && lo < float64(a.Cells)) {
			return true
		}
	}
	return false
}

// lead adds the tiles that a form may lead to.
func (c *cover) lead(to *tiles, form []float64) {
	var b box
	for k, a := range c.grid.Axes {
		lo, hi := c.span(form, k)
		if a.Angle == nil {
			lo, hi = max(lo, 0), min(hi, float64(a.Cells-1))
		}
		a.cells(&b, k, lo, hi)
	}
	var visit func(k, tile int)
	visit = func(k, tile int) {
		if k == c.axes {
			to[tile/64] |= 1 << (tile % 64)
			return
		}
		n, size, count := c.grid.Axes[k].Cells, c.Block*c.wide, (c.counts[k]+c.wide-1)/c.wide
		lo, hi := int(b.lo[k]), int(b.hi[k])
		for x := lo / size; x <= min(hi, n-1)/size; x++ {
			visit(k+1, tile*count+x)
		}
		for x := 0; hi >= n && x <= (hi-n)/size; x++ {
			visit(k+1, tile*count+x)
		}
	}
	visit(0, 0)
}

// tile is the one that a block is in.
func (c *cover) tile(block int) (tile int) {
	p := &c.blocks[block]
	for k, n := range c.counts {
		tile = tile*((n+c.wide-1)/c.wide) + int(p.first[k])/(c.Block*c.wide)
	}
	return tile
}
