package viability

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// slide is a point in n dimensions, each between walls, that an action pushes along the first while the others fall back.
func slide(n int) safex.Task {
	falls := []float64{1.05, 1.05, 0.96, 0.9}[n-1]
	t := safex.Task{
		Name: "slide", Dt: 0.1, Steps: 10, Start: safex.StartAt(make([]float64, n)...), Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next: func(x, u num.Vec) (next num.Vec) {
			for d := range x {
				next = append(next, x[d].Mul(falls).Add(x[(d+1)%n].Mul(0.1)).Add(u[0].Mul(0.08)))
			}
			return next
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}
	for d := range n {
		t.State = append(t.State, safex.Var{Name: fmt.Sprintf("x%d", d), Scale: 0.5})
		t.Limits = append(t.Limits, safex.Limit{Name: fmt.Sprintf("wall_%d", d), Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[d].Abs() }})
	}
	return t
}

// A kernel is what is left when cells that no action keeps are removed one after the other, with the first action that keeps each, on any number of
// cores.
func TestShrink(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		task         safex.Task
		cells, block int
		noise        float64
		actions      [][]float64
	}{
		{slide(1), 300, 7, 0.01, nil}, {slide(1), 300, 1, 0.02, nil}, {slide(2), 90, 7, 0.001, nil}, {slide(2), 70, 1, 0.01, nil}, {slide(3), 31, 3, 0.04, nil}, {slide(4), 12, 4, 0.03, nil},
		{tasks.DefaultPendulum().Task(), 130, 5, 0.001, nil}, {tasks.DefaultPendulum().Task(), 130, 2, 0.01, nil}, {tasks.DefaultPendulum().Task(), 65, 65, 0, nil},
		{tasks.DefaultPendulum().Task(), 130, 2, 0.0001, [][]float64{{0}}}, {tasks.DefaultPendulum().Task(), 130, 2, 0.0001, [][]float64{{0.2}}},
	} {
		s, err := c.task.System()
		if err != nil {
			t.Fatal(err)
		}
		p, err := reach.New(s, rollout.OracleModel(s))
		if err != nil {
			t.Fatal(err)
		}
		k := DefaultSettings()
		k.Cells, k.Block, k.Actions, k.Noise = c.cells, c.block, c.actions, make([]float64, len(s.State))
		k.Noise[len(s.State)-1] = c.noise
		name := fmt.Sprintf("%s on %d axes, %d cells in blocks of %d", s.Name, len(s.State)-len(s.Angles), c.cells, c.block)
		want := oneByOne(t, s, p, k)
		share := 0
		for _, a := range want {
			if a >= 0 {
				share++
			}
		}
		t.Logf("%s: %d of %d", name, share, len(want))
		for _, cores := range []int{1, 4} {
			runtime.GOMAXPROCS(cores)
			got, err := Compute(t.Context(), s, p, k)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Choice, want) {
				t.Errorf("%s: on %d cores the kernel is not that of cells one by one", name, cores)
			}
			if v := got.Share() * float64(len(want)); math.Abs(v-float64(share)) > 1e-6 {
				t.Errorf("%s: the share is %v cells, and they are %d", name, v, share)
			}
		}
	}
}

// oneByOne is the choice of a kernel, by visits of all cells until nothing changes.
func oneByOne(t *testing.T, s *safex.System, p *reach.Prover, k Settings) []int8 {
	t.Helper()
	g, err := NewGrid(s, k.Cells)
	if err != nil {
		t.Fatal(err)
	}
	actions, err := k.actions(s)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCover(g, s, p, k, actions)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.lay(t.Context()); err != nil {
		t.Fatal(err)
	}
	choice := make([]int8, g.Len())
	shrink := newShrink(c, choice)
	v := newVisit(shrink)
	first := func(m *part, block int, at [mostAxes]int32) int8 {
		last := c.axes - 1
		for k := range last {
			v.y[k] = m.y(k, int(at[k]))
		}
		for a := range actions {
			if n := block*len(actions) + a; !c.barred[n] {
				v.restrict(&v.row[a], c.form(n), &v.y)
				if v.keeps(&v.row[a], m.y(last, int(at[last]))) {
					return int8(a)
				}
			}
		}
		return -1
	}
	for changed := true; changed; {
		changed = false
		for b := range c.blocks {
			m := &c.blocks[b]
			for at := m.first; ; {
				here, cell, word := box{at, at}, 0, 0
				for k, n := range shrink.set.cells {
					cell = cell*n + int(at[k])
					word += int(at[k]) * shrink.set.stride[k]
				}
				if shrink.set.full(&here) {
					if choice[cell] = first(m, b, at); choice[cell] < 0 {
						x := at[c.axes-1]
						shrink.set.words[word+int(x)/64] &^= 1 << (x % 64)
						changed = true
					}
				}
				k := c.axes - 1
				for ; k >= 0; k-- {
					if at[k]++; at[k] < m.last[k] {
						break
					}
					at[k] = m.first[k]
				}
				if k < 0 {
					break
				}
			}
		}
	}
	return choice
}

// A set has the cells that a list has, in boxes that may go around an angle.
func TestSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		axes := 1 + r.IntN(mostAxes)
		g := &Grid{}
		n := 1
		for range axes {
			a := Axis{Cells: 1 + r.IntN([]int{300, 90, 20, 9}[axes-1])}
			n *= a.Cells
			g.Axes = append(g.Axes, a)
		}
		in := make([]bool, n)
		gaps := 0.0
		if r.IntN(3) > 0 {
			gaps = math.Pow(10, -3*r.Float64())
		}
		s := newSet(g)
		s.fill()
		size, last := n, g.Axes[axes-1].Cells
		for i := range in {
			if in[i] = r.Float64() >= gaps; !in[i] {
				s.words[i/last*((last+63)/64)+i%last/64] &^= 1 << (i % last % 64)
				size--
			}
		}
		if got := s.size(); got != size {
			t.Fatalf("%d cells of %d", got, size)
		}
		for range 10 {
			var b box
			for k, a := range g.Axes {
				b.lo[k] = int32(r.IntN(a.Cells))
				b.hi[k] = b.lo[k] + int32(r.IntN(a.Cells))
			}
			volume, want := 0, 0
			at := b.lo
			for done := false; !done; {
				cell := 0
				for k, a := range g.Axes {
					cell = cell*a.Cells + int(at[k])%a.Cells
				}
				volume++
				if in[cell] {
					want++
				}
				done = true
				for k := range axes {
					if at[k]++; at[k] <= b.hi[k] {
						done = false
						break
					}
					at[k] = b.lo[k]
				}
			}
			if got := s.count(&b); got != want {
				t.Fatalf("%d cells of %v are in a set of %v, and counted are %d", want, b, s.cells, got)
			}
			if got := s.full(&b); got != (want == volume) {
				t.Fatalf("%d of %d cells of %v are in a set, and it is said to be full: %t", want, volume, b, got)
			}
		}
	}
}

// A kernel is given up when its context is cancelled, wherever it is then.
func TestCancel(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := reach.New(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	k := DefaultSettings()
	k.Cells, k.Block = 60, 4
	g, err := NewGrid(s, k.Cells)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCover(g, s, p, k, [][]float64{{0}})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.lay(over); !errors.Is(err, context.Canceled) {
		t.Errorf("blocks are enclosed after all: %v", err)
	}
	if err := newShrink(c, make([]int8, g.Len())).run(over); !errors.Is(err, context.Canceled) {
		t.Errorf("cells are removed after all: %v", err)
	}
	k.Cells, k.Block = 700, 2 // takes seconds
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if got, err := Compute(soon, s, p, k); got != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a kernel that takes too long is %v, with the error %v", got, err)
	}
}

// What takes too much memory is refused before it is taken.
func TestLarge(t *testing.T) {
	s, err := slide(4).System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := reach.New(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ cells, block int }{{100, 10}, {70, 1}} {
		k := DefaultSettings()
		k.Cells, k.Block = c.cells, c.block
		var before, now runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Compute(t.Context(), s, p, k); err == nil {
			t.Errorf("%d cells in blocks of %d are taken", c.cells, c.block)
		}
		if runtime.ReadMemStats(&now); now.TotalAlloc-before.TotalAlloc > 1<<22 {
			t.Errorf("%d cells in blocks of %d take %d bytes before they are refused", c.cells, c.block, now.TotalAlloc-before.TotalAlloc)
		}
	}
}
