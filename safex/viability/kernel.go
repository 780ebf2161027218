package viability

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// An Enclosure is an outer set of next states, as an affine image of the set that they come from and a box:
//
//	Center + Σ_k Gen[k] ε_k + [-Rem, Rem],   ε in [-1, 1]^k.
type Enclosure struct {
	Center, Rem []float64   // [nx]
	Gen         [][]float64 // [k][nx]
}

// An Encloser bounds the next states of a belief. It is called by several goroutines at a time.
type Encloser interface {
	// Enclose writes to dst an outer set of the next states of all x in center + Σ gen[k] ε_k + [-rem, rem] with the action u, for every
	// model error in the box and every disturbance that is counted: sound, with outward rounding.
	Enclose(dst *Enclosure, center []float64, gen [][]float64, rem, u []float64) error
}

// Settings are how a kernel is computed.
type Settings struct {
	Cells   int         // on each axis; 0 is as many as make some 60 000
	Block   int         // cells of a block along an axis, over which the belief is bounded at once, at least 1
	Actions [][]float64 // that are tried, each in [-1, 1]^nu; nil is Levels of each dimension
	Levels  int         // of an action, from -1 to 1, at least 2
}

// DefaultSettings are blocks of four cells and five levels of each action.
func DefaultSettings() Settings { return Settings{Block: 4, Levels: 5} }

// Check reports the first setting that is out of range.
func (c Settings) Check() error {
	switch {
	case c.Cells < 0 || c.Block < 1:
		return fmt.Errorf("viability: Cells %d and Block %d: want at least 0 and 1", c.Cells, c.Block)
	case c.Actions == nil && (c.Levels < 2 || c.Levels > 100):
		return fmt.Errorf("viability: Levels %d: want 2 to 100", c.Levels)
	case len(c.Actions) > math.MaxInt8:
		return fmt.Errorf("viability: %d actions: want at most %d", len(c.Actions), math.MaxInt8)
	}
	return nil
}

// cells are those on each of n axes.
func (c Settings) cells(n int) int {
	if c.Cells > 0 {
		return c.Cells
	}
	return max(2, int(math.Pow(60_000, 1/float64(max(1, n)))))
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
	Choice  []int8 // of each cell, the index of an action that keeps it in the kernel; -1 of a cell that is outside
	sum     []int32
}

// Compute is the kernel of the belief that e encloses. A limit on the rate of actions is refused, as an action is judged by itself; a budget is
// not spent. A cancelled ctx returns its error.
func Compute(ctx context.Context, s *safex.System, e Encloser, c Settings) (*Kernel, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if s.Rated() {
		return nil, fmt.Errorf("viability: task %q limits the rate of its actions, and a kernel judges each action by itself", s.Name)
	}
	axes := len(s.State) - len(s.Angles)
	g, err := NewGrid(s, c.cells(axes))
	if err != nil {
		return nil, err
	}
	actions, err := c.actions(s)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Grid: *g, Actions: actions, Choice: make([]int8, g.Len())}
	moves, err := k.moves(ctx, s, e, c.Block)
	if err != nil {
		return nil, err
	}
	return k, k.shrink(ctx, moves)
}

// nowhere is the count of a move that leaves the grid or breaks a limit.
const nowhere = -1

// moves are the spans of cells that each cell leads to under each action: [action][cell][axis].
func (k *Kernel) moves(ctx context.Context, s *safex.System, e Encloser, block int) ([][]span, error) {
	n, axes := k.Grid.Len(), len(k.Grid.Axes)
	moves := make([][]span, len(k.Actions))
	for a := range moves {
		moves[a] = make([]span, n*axes)
	}
	blocks := 1
	counts := make([]int, axes)
	for i, a := range k.Grid.Axes {
		counts[i] = (a.Cells + block - 1) / block
		blocks *= counts[i]
	}
	var next atomic.Int64
	var wait sync.WaitGroup
	var once sync.Once
	var failed error
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			w := newWorker(k, s, e, block, counts, moves)
			for b := int(next.Add(1)) - 1; b < blocks; b = int(next.Add(1)) - 1 {
				err := ctx.Err()
				if err == nil {
					err = w.block(b)
				}
				if err != nil {
					once.Do(func() { failed = err })
					next.Store(int64(blocks))
					return
				}
			}
		})
	}
	wait.Wait()
	return moves, failed
}

// A worker encloses one block of cells after the other.
type worker struct {
	k      *Kernel
	s      *safex.System
	e      Encloser
	size   int   // cells of a block along an axis
	counts []int // blocks along each axis
	moves  [][]span

	first, last []int // cells of the block on each axis, the last not among them
	center, rem []float64
	gen         [][]float64
	out         Enclosure
	c, r        []float64
	spans       []span
	in, excess  []num.Interval
}

func newWorker(k *Kernel, s *safex.System, e Encloser, size int, counts []int, moves [][]span) *worker {
	nx, axes := len(s.State), len(counts)
	w := &worker{
		k: k, s: s, e: e, size: size, counts: counts, moves: moves, first: make([]int, axes), last: make([]int, axes),
		center: make([]float64, nx), rem: make([]float64, nx), c: make([]float64, nx), r: make([]float64, nx), spans: make([]span, axes),
		in: make([]num.Interval, 2*(nx+len(s.Action))), excess: make([]num.Interval, 1+len(s.Limits)),
	}
	for range axes {
		w.gen = append(w.gen, make([]float64, nx))
	}
	return w
}

// block fills in the moves of the cells of block b.
func (w *worker) block(b int) error {
	axes := w.k.Grid.Axes
	for i := len(axes) - 1; i >= 0; i-- {
		at := b % w.counts[i]
		b /= w.counts[i]
		w.first[i], w.last[i] = at*w.size, min((at+1)*w.size, axes[i].Cells)
	}
	w.states()
	for a, u := range w.k.Actions {
		if err := w.e.Enclose(&w.out, w.center, w.gen, w.rem, u); err != nil {
			return err
		}
		w.cells(a, u)
	}
	return nil
}

// states encloses the states of the block: a column for each axis, and for angles the remainder of the circle's bend,
// |cos(m + δ) - cos m + δ sin m| ≤ δ²/2, and as much of the sine.
func (w *worker) states() {
	for i, a := range w.k.Grid.Axes {
		lo, hi := a.From+float64(w.first[i])*a.width(), a.From+float64(w.last[i])*a.width()
		mid, half := lo+(hi-lo)/2, (hi-lo)/2*(1+slack)
		clear(w.gen[i])
		if a.Angle == nil {
			w.center[a.State], w.gen[i][a.State], w.rem[a.State] = mid, half, slack*math.Abs(mid)
			continue
		}
		sin, cos := math.Sincos(mid)
		bend := half*half/2*(1+slack) + slack
		w.center[a.Angle.Cos], w.gen[i][a.Angle.Cos], w.rem[a.Angle.Cos] = cos, -sin*half, bend
		w.center[a.Angle.Sin], w.gen[i][a.Angle.Sin], w.rem[a.Angle.Sin] = sin, cos*half, bend
	}
}

// cells fills in the moves of each cell of the block under action a: the part of the enclosure that belongs to the cell.
func (w *worker) cells(a int, u []float64) {
	axes := w.k.Grid.Axes
	broken := w.breaks(u)
	at := make([]int, len(axes))
	copy(at, w.first)
	for {
		cell := 0
		for i, x := range axes {
			cell = cell*x.Cells + at[i]
		}
		copy(w.c, w.out.Center)
		for d := range w.r {
			w.r[d] = w.out.Rem[d]
		}
		for i, g := range w.out.Gen {
			n := float64(w.last[i] - w.first[i])
			offset := (2*float64(at[i]-w.first[i]) + 1 - n) / n
			for d, v := range g {
				w.c[d] += offset * v
				w.r[d] += math.Abs(v) / n
			}
		}
		for d := range w.r { // for the sums above
			w.r[d] += slack * (w.r[d] + math.Abs(w.c[d]))
		}
		to := w.moves[a][cell*len(axes) : (cell+1)*len(axes)]
		if broken || !w.k.Grid.box(w.spans, w.c, w.r) {
			to[0].count = nowhere
		} else {
			copy(to, w.spans)
		}
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < w.last[i] {
				break
			}
			at[i] = w.first[i]
		}
		if i < 0 {
			return
		}
	}
}

// breaks tells whether a step of the block may break a limit. A limit that is a plain bound of the next state is that of the grid.
func (w *worker) breaks(u []float64) bool {
	nx, nu := len(w.s.State), len(w.s.Action)
	for d := range nx {
		r, R := w.rem[d], w.out.Rem[d]
		for i := range w.gen {
			r, R = r+math.Abs(w.gen[i][d]), R+math.Abs(w.out.Gen[i][d])
		}
		r, R = r*(1+slack), R*(1+slack)
		w.in[d] = num.Interval{Lo: w.center[d] - r, Hi: w.center[d] + r}
		w.in[nx+nu+d] = num.Interval{Lo: w.out.Center[d] - R, Hi: w.out.Center[d] + R}
	}
	for i, v := range u {
		w.in[nx+i], w.in[2*nx+nu+i] = num.Point(v), num.Point(v)
	}
	w.s.Outcome.EvalInterval(w.excess, w.in)
	for l := range w.s.Limits {
		if b, ok := w.s.Bound(l); ok && w.onAxis(b.State) {
			continue
		}
		if !(w.excess[1+l].Hi <= 0) {
			return true
		}
	}
	return false
}

// onAxis tells whether dimension d of the state is an axis of the grid, whose range then holds its limits.
func (w *worker) onAxis(d int) bool {
	for _, a := range w.k.Grid.Axes {
		if a.Angle == nil && a.State == d {
			return true
		}
	}
	return false
}

// shrink removes cells that no action keeps among the rest, until none is left to remove.
func (k *Kernel) shrink(ctx context.Context, moves [][]span) error {
	axes := len(k.Grid.Axes)
	for changed := true; changed; {
		if err := ctx.Err(); err != nil {
			return err
		}
		k.count()
		changed = false
		for cell, was := range k.Choice {
			if was < 0 {
				continue
			}
			keeps := func(a int) bool {
				to := moves[a][cell*axes : (cell+1)*axes]
				return to[0].count != nowhere && k.full(to)
			}
			if keeps(int(was)) {
				continue
			}
			k.Choice[cell] = -1
			for a := range moves {
				if a != int(was) && keeps(a) {
					k.Choice[cell] = int8(a)
					break
				}
			}
			changed = changed || k.Choice[cell] < 0
		}
	}
	k.count()
	return nil
}

// count makes sum: how many cells of the kernel are below each index, on all axes, inclusively; with a border of 0.
func (k *Kernel) count() {
	axes := k.Grid.Axes
	size := 1
	stride := make([]int, len(axes))
	for i := len(axes) - 1; i >= 0; i-- {
		stride[i] = size
		size *= axes[i].Cells + 1
	}
	if k.sum == nil {
		k.sum = make([]int32, size)
	}
	clear(k.sum)
	at := make([]int, len(axes))
	for _, choice := range k.Choice {
		if choice >= 0 {
			to := 0
			for i := range at {
				to += (at[i] + 1) * stride[i]
			}
			k.sum[to] = 1
		}
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < axes[i].Cells {
				break
			}
			at[i] = 0
		}
	}
	for i := range axes { // sums along each axis in turn
		for to := range k.sum {
			if to/stride[i]%(axes[i].Cells+1) > 0 {
				k.sum[to] += k.sum[to-stride[i]]
			}
		}
	}
}

// full tells whether all cells of the spans are of the kernel.
func (k *Kernel) full(to []span) bool {
	volume := 1
	for _, s := range to {
		volume *= s.count
	}
	return k.inside(to, 0, 0, 1) == int32(volume)
}

// inside is how many cells of the spans, from axis i on, are of the kernel, at an offset into sum and with a sign. A span around the circle is two.
func (k *Kernel) inside(to []span, i, offset int, sign int32) int32 {
	if i == len(to) {
		return sign * k.sum[offset]
	}
	stride := 1
	for _, a := range k.Grid.Axes[i+1:] {
		stride *= a.Cells + 1
	}
	part := func(lo, hi int) int32 {
		return k.inside(to, i+1, offset+hi*stride, sign) - k.inside(to, i+1, offset+lo*stride, sign)
	}
	lo, hi, n := to[i].lo, to[i].lo+to[i].count, k.Grid.Axes[i].Cells
	if hi <= n {
		return part(lo, hi)
	}
	return part(lo, n) + part(0, hi-n)
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
	to := make([]span, len(k.Grid.Axes))
	return k.Grid.box(to, c, r) && k.full(to)
}

// Share is the share of the grid that is in the kernel.
func (k *Kernel) Share() float64 {
	return float64(k.sum[len(k.sum)-1]) / float64(k.Grid.Len())
}

// Init makes a kernel that was read back from its exported fields ready for use.
func (k *Kernel) Init() { k.count() }
