package viability

import (
	"context"
	"math"
	"math/bits"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// A shrink is the way from all cells to the largest set that some action of each cell leads back into: cells that no action keeps are removed, until
// none is left to remove. That set does not depend on the order in which they go, nor on the number of cores. Nor does the action of a cell, which is the first one that keeps
// it: one that fails once fails for ever, as the set only shrinks.
//
// Blocks are visited again when cells that they may lead to have gone.
type shrink struct {
	*cover
	set    set
	choice []int8 // of each cell, the action that is known to keep it, or the first that has not failed
	gone   []box  // of each block, around the cells that the visit removed
	news   []box  // of each block, around the cells that have gone since its visit, where it may lead to
}

// none is a box of no cells.
var none = box{lo: [mostAxes]int32{1 << 30, 1 << 30, 1 << 30, 1 << 30}, hi: [mostAxes]int32{-1, -1, -1, -1}}

// empty tells whether b has no cells.
func (b *box) empty() bool { return b.hi[0] < b.lo[0] }

// join makes b hold the cells of c too. Neither goes around an angle.
func (b *box) join(c *box) {
	for k := range b.lo {
		b.lo[k], b.hi[k] = min(b.lo[k], c.lo[k]), max(b.hi[k], c.hi[k])
	}
}

// meets tells whether the cells of b, which may go around angles, are among those of c, which do not.
func (s *shrink) meets(b, c *box) bool {
	for k, n := range s.set.cells {
		if (b.lo[k] > c.hi[k] || b.hi[k] < c.lo[k]) && int(b.hi[k])-n < int(c.lo[k]) {
			return false
		}
	}
	return true
}

// newShrink begins with every cell, and writes to choice.
func newShrink(c *cover, choice []int8) *shrink {
	s := &shrink{cover: c, set: newSet(c.grid), choice: choice, gone: make([]box, len(c.blocks)), news: make([]box, len(c.blocks))}
	s.set.fill()
	for i := range s.gone {
		s.gone[i] = none
	}
	return s
}

// run removes cells until each that is left has an action that keeps it.
func (s *shrink) run(ctx context.Context) error {
	todo := make([]int32, len(s.blocks))
	for i := range todo {
		todo[i] = int32(i)
		s.news[i] = box{}
		for k, n := range s.set.cells {
			s.news[i].hi[k] = int32(n - 1)
		}
	}
	for len(todo) > 0 {
		var next atomic.Int64
		const few = 4 // blocks at a time
		workers, ctx := errgroup.WithContext(ctx)
		for range min(runtime.GOMAXPROCS(0), (len(todo)+few-1)/few) {
			workers.Go(func() error {
				v := newVisit(s)
				for {
					i := int(next.Add(few)) - few
					if i >= len(todo) {
						return nil
					}
					if err := ctx.Err(); err != nil {
						return err
					}
					for _, b := range todo[i:min(i+few, len(todo))] {
						s.gone[b] = v.block(int(b), s.news[b])
						s.news[b] = none
					}
				}
			})
		}
		if err := workers.Wait(); err != nil {
			return err
		}
		todo = s.next(todo[:0])
	}
	return nil
}

// next passes on what the blocks of a round have lost, and returns those that are to be visited again.
func (s *shrink) next(todo []int32) []int32 {
	var changed tiles
	var gone [mostTiles]box
	for i := range gone {
		gone[i] = none
	}
	for b := range s.gone {
		if !s.gone[b].empty() {
			t := s.tile(b)
			gone[t].join(&s.gone[b])
			changed[t/64] |= 1 << (t % 64)
			s.gone[b] = none
		}
	}
	for b := range s.news {
		for w, those := range s.tiles[b] {
			for those &= changed[w]; those != 0; those &= those - 1 {
				s.news[b].join(&gone[w*64+bits.TrailingZeros64(those)])
			}
		}
		if !s.news[b].empty() {
			todo = append(todo, int32(b))
		}
	}
	return todo
}

// A row is a form along the last axis, at a place on the others: on each axis to within e + f y of a + b y + c y².
type row [mostAxes]struct{ a, b, c, e, f float64 }

// restrict makes a row of a form, at y on all axes but the last.
func (h *layout) restrict(to *row, form []float64, y *[mostAxes]float64) {
	n := h.axes - 1
	for k := range h.axes {
		f, t := h.axis(form, k), &to[k]
		t.a, t.b, t.e, t.f = f[0], f[1+n], 0, 0
		i := 2 + n
		for p := range n {
			t.a += f[1+p] * y[p]
			for q := p; q < n; q++ {
				t.a += f[i] * y[p] * y[q]
				i++
			}
			t.b += f[i] * y[p]
			i++
		}
		t.c = f[i]
		radius := f[h.point:]
		for c := range len(radius) / 2 {
			w := 1.0
			for p := range n {
				if c>>p&1 == 1 {
					w *= y[p]
				}
			}
			t.e += w * radius[c]
			t.f += w * radius[c+len(radius)/2]
		}
	}
}

// What is known of the cells of a block or a row under an action.
type state int8

const (
	unknown state = iota
	open          // nothing of all of them
	quiet         // nothing has changed where they lead, so that those that it kept it keeps
	full          // it keeps all of them
)

// A visit is the memory of a goroutine that visits blocks.
type visit struct {
	*shrink
	parts, rows []state // of each action, of the block and of a row
	row         []row   // of each action
	y           [mostAxes]float64
}

func newVisit(s *shrink) *visit {
	n := len(s.actions)
	return &visit{shrink: s, parts: make([]state, n), rows: make([]state, n), row: make([]row, n)}
}

// state is that of cells that go to a range on each axis.
func (v *visit) state(lo, hi *[mostAxes]float64, news *box) state {
	var to box
	inside := true
	for k, n := range v.set.cells {
		l, h := lo[k], hi[k]
		if v.grid.Axes[k].Angle == nil && !(l >= 0 && h < float64(n)) {
			inside = false
			if l, h = max(l, 0), min(h, float64(n-1)); !(l <= h) { // a NaN too
				return open
			}
		}
		v.grid.Axes[k].cells(&to, k, l, h)
	}
	switch {
	case inside && v.set.full(&to):
		return full
	case !v.meets(&to, news):
		return quiet
	}
	return open
}

// block removes the cells of a block that no action keeps and that lead to some that have gone, and returns a box around them.
func (v *visit) block(b int, news box) (gone box) {
	gone = none
	m, form := &v.blocks[b], b*len(v.actions)
	var lo, hi [mostAxes]float64
	still := true
	for a := range v.actions {
		v.parts[a] = open
		if at := form + a; !v.barred[at] {
			f := v.form(at)
			for k := range v.axes {
				lo[k], hi[k] = v.span(f, k)
			}
			v.parts[a] = v.state(&lo, &hi, &news)
		}
		still = still && v.parts[a] > open
	}
	if still {
		return gone
	}
	n := v.axes - 1
	first, last := int(m.first[n]), int(m.last[n])-1
	at := m.first
	for {
		word, cell := 0, 0
		for k, x := range at[:n] {
			word += int(x) * v.set.stride[k]
			cell = cell*v.set.cells[k] + int(x)
			v.y[k] = m.y(k, int(x))
		}
		cell *= v.set.cells[n]
		clear(v.rows)
		for w := first >> 6; w <= last>>6; w++ {
			alive := atomic.LoadUint64(&v.set.words[word+w]) & between(w, first, last)
			for ; alive != 0; alive &= alive - 1 {
				x := w<<6 + bits.TrailingZeros64(alive)
				if v.keep(m, form, &v.choice[cell+x], x, &news) {
					continue
				}
				atomic.AndUint64(&v.set.words[word+w], ^(alive & -alive))
				at[n] = int32(x)
				here := box{at, at}
				gone.join(&here)
			}
		}
		at[n] = m.first[n]
		k := n - 1
		for ; k >= 0; k-- {
			if at[k]++; at[k] < m.last[k] {
				break
			}
			at[k] = m.first[k]
		}
		if k < 0 {
			return gone
		}
	}
}

// keep finds the first action that keeps cell x of a row, from its choice on, and makes it the choice; -1 if there is none.
func (v *visit) keep(m *part, form int, choice *int8, x int, news *box) bool {
	chosen := int(*choice)
	for a := chosen; a < len(v.actions); a++ {
		at := form + a
		if v.barred[at] {
			continue
		}
		s := v.parts[a]
		if s == open || s == quiet && a != chosen {
			if v.rows[a] == unknown {
				v.rows[a] = v.begin(a, v.form(at), news)
			}
			s = v.rows[a]
		}
		if s == full || s == quiet && a == chosen || v.keeps(&v.row[a], m.y(v.axes-1, x)) {
			*choice = int8(a)
			return true
		}
	}
	*choice = -1
	return false
}

// begin makes the row of action a, and returns the state of its cells.
func (v *visit) begin(a int, form []float64, news *box) state {
	r := &v.row[a]
	v.restrict(r, form, &v.y)
	var lo, hi [mostAxes]float64
	for k := range v.axes {
		t := &r[k]
		far := math.Abs(t.b) + math.Abs(t.c) + t.e + math.Abs(t.f)
		far += sums * (math.Abs(t.a) + far)
		lo[k], hi[k] = t.a-far, t.a+far
	}
	return v.state(&lo, &hi, news)
}

// keeps tells whether the cell at y of a row goes to cells of the set alone.
func (v *visit) keeps(r *row, y float64) bool {
	var to box
	for k := range v.axes {
		t := &r[k]
		at, radius := t.a+y*(t.b+y*t.c), t.e+y*t.f
		lo, hi := at-radius, at+radius
		if v.grid.Axes[k].Angle == nil && !(lo >= 0 && hi < float64(v.set.cells[k])) {
			return false
		}
		v.grid.Axes[k].cells(&to, k, lo, hi)
	}
	return v.set.full(&to)
}
