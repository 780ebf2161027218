package plan

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// hill is a reward with one top, -Σ a (x - c)², above a limit, g·x at most b.
type hill struct {
	a, c  []float64
	g     []float64 // nil for no limit
	b     float64
	spoil func(reward, excess num.Batch) // of the gradients
	tries int
	lanes int // of the last try
	fail  error
}

func (h *hill) at(x []float64) (reward, excess float64) {
	for d, v := range x {
		reward -= h.a[d] * (v - h.c[d]) * (v - h.c[d])
	}
	for d, g := range h.g {
		excess += g * x[d]
	}
	return reward, excess - h.b
}

func (h *hill) slopes(_ context.Context, x num.Batch) (reward, excess num.Batch, worst []float64, err error) {
	n := x.Len()
	reward = num.NewBatch(len(x), n)
	for d, column := range x {
		for i, v := range column {
			reward[d][i] = -2 * h.a[d] * (v - h.c[d])
		}
	}
	if h.g != nil {
		excess = num.NewBatch(len(x), n)
		for d, column := range excess {
			for i := range column {
				column[i] = h.g[d]
			}
		}
		for i := range n {
			_, e := h.at(x.Point(i))
			worst = append(worst, e)
		}
	}
	if h.spoil != nil {
		h.spoil(reward, excess)
	}
	return reward, excess, worst, nil
}

func (h *hill) try(_ context.Context, values []float64, x num.Batch) error {
	h.tries, h.lanes = h.tries+1, x.Len()
	h.score(values, x)
	return h.fail
}

func (h *hill) score(values []float64, x num.Batch) {
	for i := range values {
		reward, excess := h.at(x.Point(i))
		if h.g == nil {
			excess = math.Inf(-1)
		}
		values[i] = feasible.Cost(reward, excess)
	}
}

var feasible = safex.Objective{FeasibleFirst: true}

// climb improves a population, and checks that nothing gets worse or leaves the box, and that others than the best stay.
func climb(t *testing.T, h *hill, r Refinement, x num.Batch) (values []float64, nans int) {
	t.Helper()
	n := x.Len()
	values = make([]float64, n)
	h.score(values, x)
	before, was := make([][]float64, n), slices.Clone(values)
	lanes := make([]int, n)
	for i := range n {
		before[i], lanes[i] = x.Point(i), i
	}
	nans, err := r.improve(context.Background(), h, feasible, values, x, lanes)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(lanes, func(a, b int) int { return compare(was[a], was[b]) })
	for rank, i := range lanes {
		now := []float64{0}
		h.score(now, batchOf(x.Point(i)))
		moved := !slices.Equal(x.Point(i), before[i])
		switch {
		case now[0] != values[i]:
			t.Fatalf("candidate %d is said to cost %v, and costs %v", i, values[i], now[0])
		case moved && !(values[i] < was[i]) || !moved && values[i] != was[i]:
			t.Fatalf("candidate %d moved: %v, from %v to %v", i, moved, was[i], values[i])
		case rank >= r.Candidates && moved:
			t.Fatalf("candidate %d moved, which is number %d", i, rank)
		case slices.ContainsFunc(x.Point(i), func(v float64) bool { return !(v >= -1 && v <= 1) }):
			t.Fatalf("candidate %d is at %v", i, x.Point(i))
		}
	}
	return values, nans
}

func random(r *rand.Rand, dim, n int) num.Batch {
	x := num.NewBatch(dim, n)
	for _, column := range x {
		for i := range column {
			column[i] = 2*r.Float64() - 1
		}
	}
	return x
}

// A refinement finds the top of a hill, within the box or at its edge, and never makes anything worse.
func TestRefineHill(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		h := &hill{}
		top := 0.0
		for range 6 {
			a, c := 0.5+r.Float64(), 1.5*(2*r.Float64()-1)
			h.a, h.c = append(h.a, a), append(h.c, c)
			outside := max(math.Abs(c)-1, 0)
			top -= a * outside * outside
		}
		x := random(r, 6, 10)
		values, _ := climb(t, h, Refinement{Candidates: 3, Rounds: 60}, x)
		slices.Sort(values)
		for _, v := range values[:3] {
			if -v < top-1e-3 {
				t.Errorf("it climbs to %v, and the top is at %v", -v, top)
			}
		}
		if h.tries > 60 {
			t.Errorf("%d tries in 60 rounds", h.tries)
		}
	}
}

// From where a limit stops the gradient, it goes along the limit, and from beyond it comes back.
func TestRefineAlongALimit(t *testing.T) {
	// The best of x + y/2 - (small curvature) under x + y <= 0.5 is at x = 1, y = -0.5.
	h := &hill{a: []float64{0.01, 0.01}, c: []float64{50, 25}, g: []float64{1, 1}, b: 0.5}
	best, _ := h.at([]float64{1, -0.5})
	for _, start := range [][]float64{{0, 0.5}, {0, 0}, {-1, -1}, {-0.5, 1}, {0.9, 0.9}, {0.3, 1}} {
		values, _ := climb(t, h, Refinement{Candidates: 1, Rounds: 30}, batchOf(start))
		if -values[0] < best-0.01 {
			t.Errorf("from %v it gets to %v, and the best is %v", start, -values[0], best)
		}
	}
}

// Narrow valleys, as of what happens long after an action near an unstable state, take the shortest steps.
func TestRefineNarrow(t *testing.T) {
	h := &hill{a: []float64{1e7, 1e6, 1}, c: []float64{0.3, -0.2, 0.5}}
	x := batchOf([]float64{0.301, -0.199, 0.4})
	values, _ := climb(t, h, Refinement{Candidates: 1, Rounds: 20}, x)
	if values[0] > 0.1 {
		t.Errorf("from a cost of 11 it gets to %v, at %v", values[0], x.Point(0))
	}
}

// Gradients that are no numbers lead nowhere, and steps that come out as NaN are counted and not taken.
func TestRefineWithoutNumbers(t *testing.T) {
	h := &hill{a: []float64{1, 1}, c: []float64{0.5, 0.5}, g: []float64{1, 0}, b: 0.2}
	for name, spoil := range map[string]func(v float64) float64{
		"NaN": func(float64) float64 { return math.NaN() },
		"Inf": func(v float64) float64 { return v / 0 * 1 },
		"0":   func(float64) float64 { return 0 },
	} {
		for what := range 3 {
			h.spoil = func(reward, excess num.Batch) {
				for d := range reward {
					for i := range reward[d] {
						if what != 1 {
							reward[d][i] = spoil(reward[d][i])
						}
						if what != 0 {
							excess[d][i] = spoil(excess[d][i])
						}
					}
				}
			}
			x := batchOf([]float64{0, 0}, []float64{0.5, 0})
			values, _ := climb(t, h, Refinement{Candidates: 2, Rounds: 3}, x)
			if what == 2 && (x[0][0] != 0 || values[0] != 0.5) {
				t.Errorf("%s leads to %v", name, x.Point(0))
			}
		}
	}
	h.spoil = nil
	x := batchOf([]float64{0, 0})
	values := []float64{0.5}
	nans, err := Refinement{Candidates: 1, Rounds: 2}.improve(context.Background(), nowhere{h}, feasible, values, x, []int{0})
	if nans != h.lanes || err != nil || values[0] != 0.5 || x[0][0] != 0 {
		t.Errorf("%d of %d steps were NaN, error %v; it went to %v", nans, h.lanes, err, x.Point(0))
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		h.tries = 0
		if _, err := (Refinement{Candidates: 1, Rounds: 2}).improve(context.Background(), h, feasible, []float64{v}, x, []int{0}); h.tries > 0 || err != nil {
			t.Errorf("a candidate of %v was improved, error %v", v, err)
		}
	}
}

// nowhere is a hill on which every step is NaN.
type nowhere struct{ *hill }

func (n nowhere) try(ctx context.Context, values []float64, x num.Batch) error {
	err := n.hill.try(ctx, values, x)
	for i := range values {
		values[i] = math.NaN()
	}
	return err
}

// What is wrong with a rollout comes back, but that the time is over does not: what is better by then stays.
func TestRefineStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h := &hill{a: []float64{1}, c: []float64{0.5}, fail: errors.New("broken")}
	x, values := batchOf([]float64{0}), []float64{0.25}
	if _, err := (Refinement{Candidates: 1, Rounds: 2}).improve(ctx, h, feasible, values, x, []int{0}); err != h.fail || x[0][0] != 0 {
		t.Errorf("error %v, at %v", err, x[0][0])
	}
	cancel()
	if _, err := (Refinement{Candidates: 1, Rounds: 2}).improve(ctx, h, feasible, values, x, []int{0}); err != nil || x[0][0] != 0 {
		t.Errorf("error %v of a context that is over, at %v", err, x[0][0])
	}
}
