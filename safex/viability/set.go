package viability

import (
	"math/bits"
	"sync/atomic"
)

// most axes of a grid.
const mostAxes = 4

// A box is a range of cells on each axis, from lo to hi, with both. On an angle hi may be beyond the last cell: it goes on from the first.
type box struct{ lo, hi [mostAxes]int32 }

// A set is some cells of a grid, a bit each, in rows of whole words along the last axis. Cells may be removed while others ask.
type set struct {
	cells  []int // on each axis
	stride []int // words from one cell of an axis to the next; the last axis has words of cells
	words  []uint64
}

func newSet(g *Grid) set {
	n := len(g.Axes)
	s := set{cells: make([]int, n), stride: make([]int, n)}
	for k, a := range g.Axes {
		s.cells[k] = a.Cells
	}
	size := (s.cells[n-1] + 63) / 64
	for k := n - 2; k >= 0; k-- {
		s.stride[k] = size
		size *= s.cells[k]
	}
	s.words = make([]uint64, size)
	return s
}

// fill puts every cell in s.
func (s *set) fill() {
	last := s.cells[len(s.cells)-1]
	per := (last + 63) / 64
	for i := range s.words {
		s.words[i] = below(min(64, last-i%per*64))
	}
}

// below are the lowest n bits.
func below(n int) uint64 { return ^uint64(0) >> (64 - n) }

// between are the bits of word w of a row that are of its cells lo to hi.
func between(w, lo, hi int) uint64 {
	m := ^uint64(0)
	if w == lo>>6 {
		m <<= lo & 63
	}
	if w == hi>>6 {
		m &= below(hi&63 + 1)
	}
	return m
}

// rows calls f with each stretch of a row that a box has cells in, the word it begins at and its cells in it, until f says no.
func (s *set) rows(b *box, f func(word, lo, hi int) bool) bool { return s.rowsFrom(b, 0, 0, f) }

func (s *set) rowsFrom(b *box, k, word int, f func(word, lo, hi int) bool) bool {
	lo, hi, n := int(b.lo[k]), int(b.hi[k]), s.cells[k]
	if k == len(s.cells)-1 {
		if hi < n {
			return f(word, lo, hi)
		}
		return f(word, lo, n-1) && f(word, 0, hi-n)
	}
	for x := lo; x <= hi; x++ {
		at := x
		if at >= n {
			at -= n
		}
		if !s.rowsFrom(b, k+1, word+at*s.stride[k], f) {
			return false
		}
	}
	return true
}

// full tells whether s has every cell of a box.
func (s *set) full(b *box) bool {
	n := len(s.cells) - 1
	if n == 0 || int(b.hi[n]) >= s.cells[n] {
		return s.rows(b, s.has)
	}
	return s.fullFrom(b, 0, 0)
}

// fullFrom is full of boxes that are in one stretch of each row, in the axes from k on. It is most of the time of a kernel.
func (s *set) fullFrom(b *box, k, word int) bool {
	lo, hi, n, stride := int(b.lo[k]), int(b.hi[k]), s.cells[k], s.stride[k]
	if k < len(s.cells)-2 {
		for x := lo; x <= hi; x++ {
			at := x
			if at >= n {
				at -= n
			}
			if !s.fullFrom(b, k+1, word+at*stride) {
				return false
			}
		}
		return true
	}
	first, last := int(b.lo[k+1]), int(b.hi[k+1])
	at, more := word+lo*stride+first>>6, last>>6-first>>6
	m := between(first>>6, first, last)
	for x := lo; x <= hi; x++ {
		if x == n {
			at -= n * stride
		}
		if w := atomic.LoadUint64(&s.words[at]); w&m != m || more > 0 && !s.has(at-first>>6, (first>>6+1)<<6, last) {
			return false
		}
		at += stride
	}
	return true
}

// has tells whether s has the cells lo to hi of the row at a word.
func (s *set) has(word, lo, hi int) bool {
	for w := lo >> 6; w <= hi>>6; w++ {
		if m := between(w, lo, hi); atomic.LoadUint64(&s.words[word+w])&m != m {
			return false
		}
	}
	return true
}

// count is how many cells of a box are in s.
func (s *set) count(b *box) (n int) {
	s.rows(b, func(word, lo, hi int) bool {
		for w := lo >> 6; w <= hi>>6; w++ {
			n += bits.OnesCount64(s.words[word+w] & between(w, lo, hi))
		}
		return true
	})
	return n
}

// size is how many cells are in s.
func (s *set) size() (n int) {
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}
