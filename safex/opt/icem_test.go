package opt_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// sphere has its minimum, 0, at target in every column.
func sphere(target float64) opt.Func {
	return func(values []float64, x num.Batch) error {
		clear(values)
		for _, column := range x {
			for i, v := range column {
				values[i] += (v - target) * (v - target)
			}
		}
		return nil
	}
}

func minimize(t *testing.T, c opt.ICEM, p opt.Problem, seed uint64) *opt.Result {
	r, err := c.Minimize(context.Background(), p, rng.New(seed))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A known minimum inside the box and one outside are found.
func TestFindsMinimum(t *testing.T) {
	c := opt.DefaultICEM()
	c.Iterations, c.Samples, c.Elites, c.MinStd = 30, 300, 30, 0
	for _, target := range []float64{0.3, 1.5} {
		want := min(target, 1)
		r := minimize(t, c, opt.Problem{Func: sphere(target), Steps: 8, Dims: 2}, 1)
		for d, v := range r.X {
			if math.Abs(v-want) > 0.02 {
				t.Errorf("target %v: column %d is %v, want %v", target, d, v, want)
			}
		}
		if r.Evaluations != 9000 {
			t.Errorf("%d evaluations", r.Evaluations)
		}
	}
}

// The result is the function's own value; the same seed gives the same bits, another seed others; a start
// is never made worse, and settings are not changed by use.
func TestLaws(t *testing.T) {
	c := opt.DefaultICEM()
	f := sphere(0.2)
	p := opt.Problem{Func: f, Steps: 6, Dims: 2}
	a, b := minimize(t, c, p, 1), minimize(t, c, p, 1)
	if a.F != b.F || !slices.Equal(a.X, b.X) {
		t.Error("the same seed gave two results")
	}
	if slices.Equal(a.X, minimize(t, c, p, 2).X) {
		t.Error("two seeds gave one result")
	}
	value := make([]float64, 1)
	x := num.NewBatch(12, 1)
	x.SetPoint(0, a.X)
	f(value, x)
	if value[0] != a.F {
		t.Errorf("F is %v, the function says %v", a.F, value[0])
	}
	p.Start = slices.Repeat([]float64{0.2}, 12)
	if r := minimize(t, c, p, 1); r.F > 1e-15 {
		t.Errorf("a perfect start became %v", r.F)
	}
	if c != opt.DefaultICEM() {
		t.Error("Minimize changed its settings")
	}
}

// All candidates stay in the box, over all populations.
func TestStaysInBox(t *testing.T) {
	c := opt.DefaultICEM()
	c.Std = 3
	minimize(t, c, opt.Problem{Steps: 5, Dims: 3, Start: slices.Repeat([]float64{9}, 15), Func: func(values []float64, x num.Batch) error {
		for d, column := range x {
			for i, v := range column {
				if !(v >= -1 && v <= 1) {
					t.Fatalf("column %d of candidate %d is %v", d, i, v)
				}
			}
		}
		return sphere(0)(values, x)
	}}, 1)
}

// NaN is worst, and counted.
func TestNaN(t *testing.T) {
	r := minimize(t, opt.DefaultICEM(), opt.Problem{Steps: 4, Dims: 1, Func: func(values []float64, x num.Batch) error {
		sphere(0)(values, x)
		for i := range values {
			if i%2 == 0 {
				values[i] = math.NaN()
			}
		}
		return nil
	}}, 1)
	if r.NaNs != 3*64 || math.IsNaN(r.F) || math.IsInf(r.F, 0) {
		t.Errorf("%d NaNs, value %v", r.NaNs, r.F)
	}
}

// The best of the last population is as good as any before, because elites are kept.
func TestKeptElites(t *testing.T) {
	least := math.Inf(1)
	r := minimize(t, opt.DefaultICEM(), opt.Problem{Steps: 10, Dims: 1, Func: func(values []float64, x num.Batch) error {
		sphere(0.5)(values, x)
		least = min(least, slices.Min(values))
		return nil
	}}, 1)
	if r.F != least {
		t.Errorf("ended at %v after having seen %v", r.F, least)
	}
}

// A cancelled context returns the best so far, an error of the function too.
func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	rounds := 0
	r, err := opt.DefaultICEM().Minimize(ctx, opt.Problem{Steps: 3, Dims: 1, Func: func(values []float64, x num.Batch) error {
		if rounds++; rounds == 2 {
			cancel()
		}
		return sphere(0)(values, x)
	}}, rng.New(1))
	if !errors.Is(err, context.Canceled) || r == nil || rounds != 2 {
		t.Errorf("result %v, error %v after %d rounds", r, err, rounds)
	}
	broken := errors.New("broken")
	if r, err := opt.DefaultICEM().Minimize(context.Background(), opt.Problem{Steps: 3, Dims: 1, Func: func([]float64, num.Batch) error { return broken }}, rng.New(1)); !errors.Is(err, broken) || r != nil {
		t.Errorf("result %v, error %v", r, err)
	}
}

// The first population is noise of the deviation asked for; colour 2 is smooth in time, white is not, and
// dimensions are independent.
func TestNoise(t *testing.T) {
	for _, color := range []float64{0, 2} {
		c := opt.DefaultICEM()
		c.Iterations, c.Samples, c.Std, c.Color = 1, 20000, 0.1, color
		var variance, lag, cross float64
		minimize(t, c, opt.Problem{Steps: 20, Dims: 2, Func: func(values []float64, x num.Batch) error {
			for step := range 19 {
				for i := range c.Samples {
					variance += x[2*step][i] * x[2*step][i]
					lag += x[2*step][i] * x[2*step+2][i]
					cross += x[2*step][i] * x[2*step+1][i]
				}
			}
			return sphere(0)(values, x)
		}}, 1)
		n := float64(19 * c.Samples)
		if s := math.Sqrt(variance / n); math.Abs(s-0.1) > 0.002 {
			t.Errorf("colour %v: deviation %v, want 0.1", color, s)
		}
		if r := lag / variance; color == 0 && math.Abs(r) > 0.06 || color == 2 && r < 0.7 {
			t.Errorf("colour %v: correlation of neighbouring steps is %.2f", color, r)
		}
		if r := cross / variance; math.Abs(r) > 0.02 {
			t.Errorf("colour %v: correlation of two dimensions is %.2f", color, r)
		}
	}
}

func TestSettingsErrors(t *testing.T) {
	for _, spoil := range []func(*opt.ICEM){
		func(c *opt.ICEM) { c.Elites = 0 }, func(c *opt.ICEM) { c.Samples = 1 }, func(c *opt.ICEM) { c.Kept = c.Samples },
		func(c *opt.ICEM) { c.Std = math.NaN() }, func(c *opt.ICEM) { c.Momentum = 1 },
	} {
		c := opt.DefaultICEM()
		spoil(&c)
		if _, err := c.Minimize(context.Background(), opt.Problem{Func: sphere(0), Steps: 2, Dims: 1}, rng.New(1)); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
