// Package opttest has the laws that every search keeps. A new one is tested by a call of Run.
package opttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Laws are those that only some searches keep.
type Laws struct {
	// Within is how near the search comes to a known minimum: the root of the mean square over the
	// columns, in the unit of the box [-1, 1].
	Within float64

	Cold    bool // Problem.Start changes nothing
	Mean    bool // what is returned is a mean, which may be worse than a candidate
	Forgets bool // the best may be of an earlier population than the last
}

// objective is one that scores a series x of rows of dims numbers by itself.
type objective func(x []float64, dims int) float64

// record is what an objective was asked.
type record struct {
	populations []num.Batch
	values      [][]float64
}

// problem scores with f, lane by lane. Each population is recorded, and then shown to after, which may
// stop the search.
func (r *record) problem(steps, dims int, f objective, after func() error) opt.Problem {
	return opt.Problem{Steps: steps, Dims: dims, Func: func(values []float64, x num.Batch) error {
		for i := range values {
			values[i] = f(x.Point(i), dims)
		}
		copied := make(num.Batch, len(x))
		for d, column := range x {
			copied[d] = slices.Clone(column)
		}
		r.populations, r.values = append(r.populations, copied), append(r.values, slices.Clone(values))
		if after != nil {
			return after()
		}
		return nil
	}}
}

// least is the smallest value of the first n populations.
func (r *record) least(n int) float64 {
	least := math.Inf(1)
	for _, values := range r.values[:n] {
		for _, v := range values {
			if v < least {
				least = v
			}
		}
	}
	return least
}

// count is how many values the test holds of.
func (r *record) count(of func(v float64) bool) (n int) {
	for _, values := range r.values {
		for _, v := range values {
			if of(v) {
				n++
			}
		}
	}
	return n
}

// target is a point off the boundary that changes slowly over the steps and differs between the dimensions.
func target(column, dims, columns int) float64 {
	return 0.6 * math.Cos(2*float64(column)/float64(columns)+2.4*float64(column%dims))
}

// side is a point on the boundary of the box, or beyond it.
func side(column, dims int, size float64) float64 {
	if column%dims%2 == 1 {
		return -size
	}
	return size
}

// near is the squared distance from target. It is a multiple of 2^-20, so that a shift and a scale by a
// power of 2 lose nothing.
func near(x []float64, dims int) (sum float64) {
	for d, v := range x {
		e := v - target(d, dims, len(x))
		sum += e * e
	}
	return math.Round(sum*0x1p20) * 0x1p-20
}

// holds tells whether x is a candidate of the population.
func holds(population num.Batch, x []float64) bool {
	for i := range population.Len() {
		if slices.Equal(population.Point(i), x) {
			return true
		}
	}
	return false
}

// lanes is the number of candidates.
func lanes(populations []num.Batch) (n int) {
	for _, x := range populations {
		n += x.Len()
	}
	return n
}

func same(a, b *opt.Result) bool { return reflect.DeepEqual(a, b) }

// inBox tells whether x is a point of the box of that dimension.
func inBox(x []float64, dim int) bool {
	return len(x) == dim && !slices.ContainsFunc(x, func(v float64) bool { return !(v >= -1 && v <= 1) })
}

// Run checks that m keeps the laws. m should search in a moment, and not return before its third population.
func Run(t *testing.T, m opt.Minimizer, laws Laws) {
	if laws.Within <= 0 {
		t.Fatalf("opttest: Within is %v, want a number above 0", laws.Within)
	}
	minimize := func(t *testing.T, p opt.Problem, seed uint64) *opt.Result {
		t.Helper()
		r, err := m.Minimize(context.Background(), p, rng.New(seed))
		if err != nil || r == nil {
			t.Fatalf("result %v, error %v", r, err)
		}
		return r
	}
	search := func(t *testing.T, f objective, seed uint64) (*opt.Result, *record) {
		t.Helper()
		var seen record
		return minimize(t, seen.problem(10, 2, f, nil), seed), &seen
	}
	settings := fmt.Sprintf("%#v", m)

	t.Run("same seed, same bits", func(t *testing.T) {
		a, first := search(t, near, 1)
		b, second := search(t, near, 1)
		if !same(a, b) || !reflect.DeepEqual(first, second) {
			t.Error("the same seed gave two searches")
		}
		if c, _ := search(t, near, 2); slices.Equal(a.X, c.X) {
			t.Error("two seeds gave one result")
		}
		for round, x := range first.populations {
			if round > 0 && x.Len() > 2 && slices.Equal(x.Point(x.Len()-1), first.populations[0].Point(x.Len()-1)) {
				t.Errorf("population %d repeats the first", round)
			}
		}
	})
	t.Run("concurrent", func(t *testing.T) {
		want, _ := search(t, near, 1)
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				var seen record
				if got, err := m.Minimize(context.Background(), seen.problem(10, 2, near, nil), rng.New(1)); err != nil || !same(got, want) {
					t.Errorf("side by side the search finds otherwise, error %v", err)
				}
			})
		}
		wait.Wait()
	})
	t.Run("candidates are in the box", func(t *testing.T) {
		var seen record
		p := seen.problem(5, 3, func(x []float64, _ int) float64 { return x[0] }, nil)
		p.Start = slices.Repeat([]float64{9, -9, 0.5}, 5)
		r := minimize(t, p, 1)
		for round, x := range seen.populations {
			for i := range x.Len() {
				if c := x.Point(i); !inBox(c, 15) {
					t.Fatalf("candidate %d of population %d is %v", i, round, c)
				}
			}
		}
		if !inBox(r.X, 15) {
			t.Errorf("returned %v", r.X)
		}
	})
	t.Run("the result is what was scored", func(t *testing.T) {
		r, seen := search(t, near, 1)
		if v := near(r.X, 2); r.F != v {
			t.Errorf("F is %v, the objective says %v", r.F, v)
		}
		if n := lanes(seen.populations); r.Evaluations != n || r.NaNs != 0 || r.Infs != 0 {
			t.Errorf("%d evaluations, %d NaNs and %d Infs of %d candidates, all real", r.Evaluations, r.NaNs, r.Infs, n)
		}
		if least := seen.least(len(seen.values)); r.F != least && !laws.Mean {
			t.Errorf("ended at %v after having seen %v", r.F, least)
		}
		if !laws.Forgets && !holds(seen.populations[len(seen.populations)-1], r.X) {
			t.Error("what is returned is not of the last population")
		}
		if len(r.Elites) == 0 || !inBox(r.Elites[0], 20) {
			t.Fatalf("elites %v", r.Elites)
		}
		for i := 1; i < len(r.Elites); i++ {
			if near(r.Elites[i], 2) < near(r.Elites[i-1], 2) {
				t.Errorf("elite %d is better than the one before", i)
			}
		}
	})
	t.Run("no population makes it worse", func(t *testing.T) {
		_, all := search(t, near, 1)
		if len(all.values) < 3 {
			t.Fatalf("%d populations, want at least 3", len(all.values))
		}
		for _, n := range []int{1, 2, 3, len(all.values) / 2, len(all.values) - 1, len(all.values)} {
			ctx, cancel := context.WithCancel(context.Background())
			var seen record
			r, err := m.Minimize(ctx, seen.problem(10, 2, near, func() error {
				if len(seen.values) == n {
					cancel()
				}
				return nil
			}), rng.New(1))
			cancel()
			if !errors.Is(err, context.Canceled) || r == nil || len(seen.values) != n {
				t.Fatalf("cancelled in population %d: result %v, error %v after %d", n, r, err, len(seen.values))
			}
			if n == len(all.values) && laws.Mean {
				break
			}
			if want := all.least(n); r.F != want || near(r.X, 2) != want {
				t.Errorf("after %d populations the best is %v, and %v was seen", n, r.F, want)
			}
		}
	})
	t.Run("cancelled before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		var seen record
		if r, err := m.Minimize(ctx, seen.problem(3, 1, near, nil), rng.New(1)); r != nil || !errors.Is(err, context.Canceled) || len(seen.values) > 0 {
			t.Errorf("result %v, error %v after %d populations", r, err, len(seen.values))
		}
	})
	t.Run("errors come back", func(t *testing.T) {
		broken := errors.New("broken")
		for n := range 3 {
			var seen record
			r, err := m.Minimize(context.Background(), seen.problem(3, 1, near, func() error {
				if len(seen.values) == n+1 {
					return broken
				}
				return nil
			}), rng.New(1))
			if !errors.Is(err, broken) || len(seen.values) != n+1 {
				t.Fatalf("error %v after %d populations, want that of number %d", err, len(seen.values), n)
			}
			if n == 0 && r != nil {
				t.Errorf("result %v of nothing", r)
			}
			if n > 0 && (r == nil || r.F != seen.least(n) || r.Evaluations != lanes(seen.populations[:n])) {
				t.Errorf("result %+v after %d populations, the best of which is %v", r, n, seen.least(n))
			}
		}
	})
	t.Run("NaN and Inf are counted and never chosen", func(t *testing.T) {
		// The values fall towards where there are none, from both sides.
		r, seen := search(t, func(x []float64, dims int) float64 {
			switch {
			case x[0] > 0.1:
				return math.NaN()
			case x[0] < -0.1:
				return math.Inf(1)
			}
			return -math.Abs(x[0])
		}, 1)
		if math.Abs(r.X[0]) > 0.1 || r.F != -math.Abs(r.X[0]) {
			t.Errorf("chose %v of value %v", r.X[0], r.F)
		}
		for _, e := range r.Elites {
			if math.Abs(e[0]) > 0.1 {
				t.Errorf("an elite is %v, which came out as no number", e[0])
			}
		}
		nans, infs := seen.count(math.IsNaN), seen.count(func(v float64) bool { return math.IsInf(v, 1) })
		if r.NaNs != nans || r.Infs != infs || nans == 0 || infs == 0 {
			t.Errorf("%d NaNs and %d Infs, want %d and %d", r.NaNs, r.Infs, nans, infs)
		}
	})
	t.Run("nothing but NaN or Inf is said", func(t *testing.T) {
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			r, seen := search(t, func([]float64, int) float64 { return v }, 1)
			if !math.IsInf(r.F, 1) || !inBox(r.X, 20) || r.NaNs+r.Infs != r.Evaluations || math.IsNaN(v) != (r.NaNs > 0) || len(r.Elites) > 0 {
				t.Errorf("of %v alone: %+v", v, r)
			}
			for round, x := range seen.populations {
				if !inBox(x.Point(x.Len()-1), 20) {
					t.Errorf("of %v alone: population %d has %v", v, round, x.Point(x.Len()-1))
				}
			}
		}
	})
	t.Run("-Inf is best", func(t *testing.T) {
		r, seen := search(t, func(x []float64, dims int) float64 {
			if x[0] > 0.3 {
				return math.Inf(-1)
			}
			return 0
		}, 1)
		if !laws.Mean && (!math.IsInf(r.F, -1) || r.X[0] <= 0.3) {
			t.Errorf("chose %v of value %v", r.X[0], r.F)
		}
		if x := seen.populations[len(seen.populations)-1]; !inBox(x.Point(x.Len()-1), 20) {
			t.Errorf("the last population has %v", x.Point(x.Len()-1))
		}
	})
	t.Run("lanes are independent", func(t *testing.T) {
		_, seen := search(t, near, 1)
		first := seen.populations[0]
		n := first.Len()
		var square, cross float64
		for _, column := range first {
			for i := range n {
				square += column[i] * column[i]
				cross += column[i] * column[(i+1)%n]
			}
		}
		if c := cross / square; math.Abs(c) > 6/math.Sqrt(float64(n)) { // 6 deviations, if the columns of a lane were one
			t.Errorf("neighbours in the first population are correlated by %.2f", c)
		}
		for _, lane := range []int{0, n / 3, n - 1} {
			chosen := first.Point(lane)
			r, _ := search(t, func(x []float64, dims int) float64 {
				if slices.Equal(x, chosen) {
					return -1
				}
				return 0
			}, 1)
			if !laws.Mean && (r.F != -1 || !slices.Equal(r.X, chosen)) {
				t.Errorf("lane %d alone is better than all, and another is returned", lane)
			}
			if !slices.Equal(r.Elites[0], chosen) {
				t.Errorf("lane %d alone is better than all, and another is the first elite", lane)
			}
		}
	})
	t.Run("what the objective learns counts", func(t *testing.T) {
		if laws.Forgets {
			t.Skip("it forgets")
		}
		var seen record
		harder := 0.0
		p := seen.problem(10, 2, func(x []float64, dims int) float64 { return near(x, dims) + harder }, nil)
		score := p.Func
		p.Func = func(values []float64, x num.Batch) error {
			defer func() { harder++ }()
			return score(values, x)
		}
		r := minimize(t, p, 1)
		if want := near(r.X, 2) + harder - 1; r.F != want {
			t.Errorf("the value is %v, and %v in the last population", r.F, want)
		}
		for round, x := range seen.populations[1:] {
			before := seen.values[round]
			if best := seen.populations[round].Point(slices.Index(before, slices.Min(before))); !holds(x, best) {
				t.Errorf("the best of population %d is not in the next", round)
			}
		}
		if least := slices.Min(seen.values[len(seen.values)-1]); r.F != least && !laws.Mean {
			t.Errorf("the value is %v, and the best of the last population has %v", r.F, least)
		}
	})
	t.Run("a repair is taken over", func(t *testing.T) {
		r := minimize(t, opt.Problem{Steps: 6, Dims: 2, Func: func(values []float64, x num.Batch) error {
			for i := range values {
				p := x.Point(i)
				for d := range p {
					p[d] = math.Round(4*p[d]) / 4
				}
				x.SetPoint(i, p)
				values[i] = near(p, 2)
			}
			return nil
		}}, 1)
		for d, v := range r.X {
			if 4*v != math.Round(4*v) {
				t.Errorf("column %d is %v, and every candidate was rounded to quarters", d, v)
			}
		}
	})
	t.Run("a start", func(t *testing.T) {
		optimum := make([]float64, 20)
		for d := range optimum {
			optimum[d] = target(d, 2, 20)
		}
		for _, start := range [][]float64{optimum, slices.Repeat([]float64{-0.9}, 20)} {
			var seen record
			p := seen.problem(10, 2, near, nil)
			p.Start = slices.Clone(start)
			r := minimize(t, p, 1)
			if !slices.Equal(p.Start, start) {
				t.Error("the search changed its start")
			}
			without, _ := search(t, near, 1)
			switch {
			case laws.Cold:
				if !same(r, without) {
					t.Error("a start changed the result")
				}
			case same(r, without):
				t.Error("a start changed nothing")
			case !holds(seen.populations[0], start):
				t.Error("a start is no candidate")
			case !laws.Mean && r.F > near(start, 2):
				t.Errorf("a start of value %v became %v", near(start, 2), r.F)
			}
		}
	})
	t.Run("deviations that are given", func(t *testing.T) {
		narrow, around := slices.Repeat([]float64{0, 1e-6}, 10), slices.Repeat([]float64{-0.3}, 20)
		var seen record
		p := seen.problem(10, 2, near, nil)
		p.Start, p.Std = around, slices.Clone(narrow)
		if minimize(t, p, 1); !slices.Equal(p.Std, narrow) {
			t.Error("the search changed the deviations that it was given")
		}
		if laws.Cold {
			around = make([]float64, 20)
		}
		first := seen.populations[0]
		for i := range first.Len() {
			for d, v := range first.Point(i) {
				if off := math.Abs(v - around[d]); off > 20*narrow[d] { // 10 deviations, and the lengths of few coloured waves
					t.Fatalf("candidate %d is off by %v in column %d, whose deviation is %v", i, off, d, narrow[d])
				}
			}
		}
		r, _ := search(t, near, 1)
		if len(r.Std) != 20 || slices.ContainsFunc(r.Std, func(v float64) bool { return !(v >= 0 && v < 2) }) {
			t.Errorf("it ends with the deviations %v", r.Std)
		}
		p.Std = r.Std
		minimize(t, p, 1)
	})
	t.Run("shift and scale change nothing", func(t *testing.T) {
		plain, _ := search(t, near, 1)
		for _, c := range []struct{ scale, shift float64 }{{0x1p-10, 0}, {4, 0}, {1, 1024}, {0x1p20, -0x1p22}} {
			r, _ := search(t, func(x []float64, dims int) float64 { return c.scale*near(x, dims) + c.shift }, 1)
			if want := c.scale*plain.F + c.shift; !slices.Equal(r.X, plain.X) || r.F != want {
				t.Errorf("times %v and plus %v: %v, want %v", c.scale, c.shift, r.F, want)
			}
		}
	})
	t.Run("known minima", func(t *testing.T) {
		for name, bowl := range map[string]func(e float64) float64{
			"quadratic":      func(e float64) float64 { return e * e },
			"absolute value": func(e float64) float64 { return math.Abs(e) + 3 },
		} {
			for place, at := range map[string]func(column, dims, columns int) float64{
				"inside":   target,
				"boundary": func(d, dims, _ int) float64 { return side(d, dims, 1) },
				"beyond":   func(d, dims, _ int) float64 { return side(d, dims, 1.5) },
			} {
				for _, shape := range [][2]int{{1, 1}, {1, 3}, {7, 1}, {10, 4}, {40, 1}, {1, 40}} {
					var seen record
					columns := shape[0] * shape[1]
					r := minimize(t, seen.problem(shape[0], shape[1], func(x []float64, dims int) (sum float64) {
						for d, v := range x {
							sum += bowl(v - at(d, dims, columns))
						}
						return sum
					}, nil), 1)
					var square float64
					for d, v := range r.X {
						e := v - min(1, max(-1, at(d, shape[1], columns)))
						square += e * e
					}
					if off := math.Sqrt(square / float64(columns)); !(off <= laws.Within) {
						t.Errorf("%s, minimum %s, %d steps of %d dimensions: off by %.4f, want at most %v", name, place, shape[0], shape[1], off, laws.Within)
					}
				}
			}
		}
	})
	t.Run("problems that are none panic", func(t *testing.T) {
		var seen record
		good := seen.problem(3, 2, near, nil)
		for name, spoil := range map[string]func(p *opt.Problem){
			"no step":         func(p *opt.Problem) { p.Steps = 0 },
			"no dimension":    func(p *opt.Problem) { p.Dims = 0 },
			"no objective":    func(p *opt.Problem) { p.Func = nil },
			"a short start":   func(p *opt.Problem) { p.Start = make([]float64, 5) },
			"a start of NaN":  func(p *opt.Problem) { p.Start = []float64{0, 0, 0, math.NaN(), 0, 0} },
			"a start of -Inf": func(p *opt.Problem) { p.Start = []float64{0, 0, 0, 0, 0, math.Inf(-1)} },
			"few deviations":  func(p *opt.Problem) { p.Std = make([]float64, 5) },
			"one below 0":     func(p *opt.Problem) { p.Std = []float64{0, 0, 0, -1, 0, 0} },
			"one of NaN":      func(p *opt.Problem) { p.Std = []float64{0, 0, math.NaN(), 0, 0, 0} },
		} {
			p := good
			spoil(&p)
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s is accepted", name)
					}
				}()
				m.Minimize(context.Background(), p, rng.New(1))
			}()
		}
	})
	if after := fmt.Sprintf("%#v", m); after != settings {
		t.Errorf("the settings were %s and are %s", settings, after)
	}
}
