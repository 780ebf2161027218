package viability

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// Settings are how a kernel is computed.
type Settings struct {
	Cells   int         // on each axis; 0 is as many as make some 60 000
	Block   int         // cells of a block along an axis, over which the belief is bounded at once, at least 1
	Actions [][]float64 // that are tried, each in [-1, 1]^nu; nil is Levels of each dimension
	Levels  int         // of an action, from -1 to 1, at least 2
	Beta    float64     // epistemic deviations that the model may err by, in each step and dimension, at least 0
	Noise   []float64   // [nx] half the width of a box of noise that is added in every step, in the units of the state; nil is 0
}

// DefaultSettings are blocks of four cells, five levels of each action and two deviations.
func DefaultSettings() Settings { return Settings{Block: 4, Levels: 5, Beta: 2} }

// Check reports the first setting that is out of range.
func (c Settings) Check() error {
	switch {
	case c.Cells < 0 || c.Block < 1:
		return fmt.Errorf("viability: Cells %d and Block %d: want at least 0 and 1", c.Cells, c.Block)
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
// not spent. A cancelled ctx returns its error.
func Compute(ctx context.Context, s *safex.System, p *reach.Prover, c Settings) (*Kernel, error) {
	if err := c.CheckSystem(s); err != nil {
		return nil, err
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
	if n := float64(g.Len()) * float64(len(actions)) * float64(axes); n > mostSpans {
		return nil, fmt.Errorf("viability: %d cells on %d axes with %d actions take %.3g GB: want fewer Cells, Levels or Actions", g.Len(), axes, len(actions), n*spanSize/1e9)
	}
	k := &Kernel{Grid: *g, Actions: actions, Choice: make([]int8, g.Len())}
	moves, err := k.moves(ctx, s, p, c)
	if err != nil {
		return nil, err
	}
	return k, k.shrink(ctx, moves)
}

// mostSpans is the largest number of spans: a gigabyte.
const (
	spanSize  = 8
	mostSpans = 1e9 / spanSize
)

// nowhere is the count of a move that leaves the grid or breaks a limit.
const nowhere = -1

// together is how many blocks a worker encloses at a time: those that fit in a vector.
const together = 8

// moves are the spans of cells that each cell leads to under each action: [action][cell][axis].
func (k *Kernel) moves(ctx context.Context, s *safex.System, p *reach.Prover, c Settings) ([][]span, error) {
	n, axes := k.Grid.Len(), len(k.Grid.Axes)
	moves := make([][]span, len(k.Actions))
	for a := range moves {
		moves[a] = make([]span, n*axes)
	}
	blocks := 1
	counts := make([]int, axes)
	for i, a := range k.Grid.Axes {
		counts[i] = (a.Cells + c.Block - 1) / c.Block
		blocks *= counts[i]
	}
	var next atomic.Int64
	workers, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() error {
			w := newWorker(k, s, p, c, counts, moves)
			for b := int(next.Add(together)) - together; b < blocks; b = int(next.Add(together)) - together {
				if err := ctx.Err(); err != nil {
					return err
				}
				w.blocks(b, min(b+together, blocks))
			}
			return nil
		})
	}
	return moves, workers.Wait()
}

// A block is some cells side by side on each axis.
type block struct{ first, last []int } // on each axis, the last not among them

// worker is the memory of a goroutine that encloses blocks of cells.
type worker struct {
	k      *Kernel
	s      *safex.System
	imager *reach.Imager
	Settings
	counts []int // blocks along each axis
	moves  [][]span

	each       [together]block
	from       [together]reach.Patch
	to         [together]reach.Image
	c, r       []float64
	spans      []span
	in, excess []num.Interval
}

func newWorker(k *Kernel, s *safex.System, p *reach.Prover, c Settings, counts []int, moves [][]span) *worker {
	nx, axes := len(s.State), len(counts)
	w := &worker{
		k: k, s: s, imager: p.Imager(axes), Settings: c, counts: counts, moves: moves, c: make([]float64, nx), r: make([]float64, nx), spans: make([]span, axes),
		in: make([]num.Interval, 2*(nx+len(s.Action))), excess: make([]num.Interval, 1+len(s.Limits)),
	}
	for i := range w.from {
		w.each[i] = block{make([]int, axes), make([]int, axes)}
		w.from[i] = reach.Patch{Center: make([]float64, nx), Off: make([]float64, nx)}
		for range axes {
			w.from[i].Gen = append(w.from[i].Gen, make([]float64, nx))
		}
	}
	return w
}

// blocks fills in the moves of the cells of the blocks from b to end.
func (w *worker) blocks(b, end int) {
	n := end - b
	for i := range n {
		w.place(&w.each[i], b+i)
		w.states(&w.from[i], w.each[i])
	}
	for a, u := range w.k.Actions {
		w.imager.Images(w.to[:n], w.from[:n], [][]float64{u})
		for i := range n {
			w.widen(&w.to[i])
			w.cells(w.each[i], &w.from[i], &w.to[i], a)
		}
	}
}

// place says which cells block number b is of.
func (w *worker) place(to *block, b int) {
	axes := w.k.Grid.Axes
	for i := len(axes) - 1; i >= 0; i-- {
		at := b % w.counts[i]
		b /= w.counts[i]
		to.first[i], to.last[i] = at*w.Block, min((at+1)*w.Block, axes[i].Cells)
	}
}

// states encloses the states of a block: a column for each axis, and for angles the remainder of the circle's bend,
// |cos(m + δ) - cos m + δ sin m| ≤ δ²/2, and as much of the sine.
func (w *worker) states(p *reach.Patch, b block) {
	for i, a := range w.k.Grid.Axes {
		lo, hi := a.From+float64(b.first[i])*a.width(), a.From+float64(b.last[i])*a.width()
		mid, half := lo+(hi-lo)/2, (hi-lo)/2*(1+slack)
		clear(p.Gen[i])
		if a.Angle == nil {
			p.Center[a.State], p.Gen[i][a.State], p.Off[a.State] = mid, half, slack*math.Abs(mid)
			continue
		}
		sin, cos := math.Sincos(mid)
		bend := half*half/2*(1+slack) + slack
		p.Center[a.Angle.Cos], p.Gen[i][a.Angle.Cos], p.Off[a.Angle.Cos] = cos, -sin*half, bend
		p.Center[a.Angle.Sin], p.Gen[i][a.Angle.Sin], p.Off[a.Angle.Sin] = sin, cos*half, bend
	}
}

// widen adds the model error and the noise to what an image is off by.
func (w *worker) widen(m *reach.Image) {
	for d := range m.Off {
		if m.Off[d] += w.Beta * m.Deviation[d]; len(w.Noise) > 0 {
			m.Off[d] += w.Noise[d]
		}
		m.Off[d] *= 1 + slack
	}
}

// cells fills in the moves of each cell of a block under action a: the part of the image that belongs to the cell.
func (w *worker) cells(b block, from *reach.Patch, to *reach.Image, a int) {
	axes := w.k.Grid.Axes
	broken := w.breaks(from, to, w.k.Actions[a])
	at := slices.Clone(b.first)
	for {
		cell := 0
		for i, x := range axes {
			cell = cell*x.Cells + at[i]
		}
		copy(w.c, to.Center)
		copy(w.r, to.Off)
		for i, g := range to.Gen {
			n := float64(b.last[i] - b.first[i])
			offset := (2*float64(at[i]-b.first[i]) + 1 - n) / n
			for d, v := range g {
				w.c[d] += offset * v
				w.r[d] += math.Abs(v) / n
			}
		}
		for d := range w.r { // for the sums above
			w.r[d] += slack * (w.r[d] + math.Abs(w.c[d]))
		}
		move := w.moves[a][cell*len(axes) : (cell+1)*len(axes)]
		if broken || !w.k.Grid.box(w.spans, w.c, w.r) {
			move[0].count = nowhere
		} else {
			copy(move, w.spans)
		}
		i := len(at) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < b.last[i] {
				break
			}
			at[i] = b.first[i]
		}
		if i < 0 {
			return
		}
	}
}

// breaks tells whether a step from a patch to its image may break a limit. A limit that is a plain bound of the next state is that of the grid.
func (w *worker) breaks(from *reach.Patch, to *reach.Image, u []float64) bool {
	nx, nu := len(w.s.State), len(w.s.Action)
	for d := range nx {
		r, R := from.Off[d], to.Off[d]
		for i := range from.Gen {
			r, R = r+math.Abs(from.Gen[i][d]), R+math.Abs(to.Gen[i][d])
		}
		r, R = (r+slack*math.Abs(from.Center[d]))*(1+slack), (R+slack*math.Abs(to.Center[d]))*(1+slack)
		w.in[d] = num.Interval{Lo: from.Center[d] - r, Hi: from.Center[d] + r}
		w.in[nx+nu+d] = num.Interval{Lo: to.Center[d] - R, Hi: to.Center[d] + R}
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
		volume *= int(s.count)
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
	lo, hi, n := int(to[i].lo), int(to[i].lo+to[i].count), k.Grid.Axes[i].Cells
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

// Portion is the share of the cells that the states within r of c are in which belong to the kernel: 0 if some are outside of the grid.
func (k *Kernel) Portion(c, r []float64) float64 {
	to := make([]span, len(k.Grid.Axes))
	if !k.Grid.box(to, c, r) {
		return 0
	}
	volume := 1.0
	for _, s := range to {
		volume *= float64(s.count)
	}
	return float64(k.inside(to, 0, 0, 1)) / volume
}

// Share is the share of the grid that is in the kernel.
func (k *Kernel) Share() float64 {
	return float64(k.sum[len(k.sum)-1]) / float64(k.Grid.Len())
}

// Init makes a kernel that was read back from its exported fields ready for use.
func (k *Kernel) Init() { k.count() }
