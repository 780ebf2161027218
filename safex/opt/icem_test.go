package opt_test

import (
	"context"
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

func minimize(t *testing.T, m opt.Minimizer, p opt.Problem) *opt.Result {
	t.Helper()
	r, err := m.Minimize(context.Background(), p, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// populations are all that m draws for f, copied, with their values.
func populations(t *testing.T, m opt.Minimizer, p opt.Problem) (xs []num.Batch, values [][]float64) {
	t.Helper()
	f := p.Func
	p.Func = func(v []float64, x num.Batch) error {
		if err := f(v, x); err != nil {
			return err
		}
		copied := make(num.Batch, len(x))
		for d, column := range x {
			copied[d] = slices.Clone(column)
		}
		xs, values = append(xs, copied), append(values, slices.Clone(v))
		return nil
	}
	minimize(t, m, p)
	return xs, values
}

// spread is the mean and the standard deviation of v.
func spread(v []float64) (mean, std float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		std += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(std)
}

// The first population is noise of the deviation asked for; colour 2 is smooth in time, white is not, and
// dimensions are independent. It may differ between the dimensions.
func TestNoise(t *testing.T) {
	const n, steps = 20000, 20
	for name, c := range map[string]struct{ colors, stds [3]float64 }{
		"white": {[3]float64{0, 0, 0}, [3]float64{0.1, 0.1, 0.1}}, "brownian": {[3]float64{2, 2, 2}, [3]float64{0.1, 0.1, 0.1}},
		"of its own each": {[3]float64{2, 0, 0}, [3]float64{0.05, 0.2, 0.1}},
	} {
		icem, mppi := opt.DefaultICEM(), opt.DefaultMPPI()
		icem.Iterations, icem.Samples = 1, n
		mppi.Iterations, mppi.Samples = 1, n
		if c.colors[0] == c.colors[1] {
			icem.Color, icem.Std = c.colors[0], c.stds[0]
			mppi.Color, mppi.Std = c.colors[0], c.stds[0]
		} else {
			icem.Colors, icem.Stds = c.colors[:], c.stds[:]
			mppi.Colors, mppi.Stds = c.colors[:], c.stds[:]
		}
		for _, m := range []opt.Minimizer{icem, mppi} {
			xs, _ := populations(t, m, opt.Problem{Steps: steps, Dims: 3, Func: sphere(0)})
			x := xs[0]
			var variance, lag, cross [3]float64 // cross with the next dimension
			for step := range steps - 1 {
				for i := range n {
					for k := range 3 {
						variance[k] += x[3*step+k][i] * x[3*step+k][i]
						lag[k] += x[3*step+k][i] * x[3*step+3+k][i]
						cross[k] += x[3*step+k][i] * x[3*step+(k+1)%3][i]
					}
				}
			}
			for k := range 3 {
				if s := math.Sqrt(variance[k] / n / (steps - 1)); math.Abs(s/c.stds[k]-1) > 0.02 {
					t.Errorf("%s, %T: deviation %v in dimension %d, want %v", name, m, s, k, c.stds[k])
				}
				if r := lag[k] / variance[k]; c.colors[k] == 0 && math.Abs(r) > 0.06 || c.colors[k] == 2 && r < 0.7 {
					t.Errorf("%s, %T: correlation of neighbouring steps is %.2f in dimension %d", name, m, r, k)
				}
				if r := cross[k] / math.Sqrt(variance[k]*variance[(k+1)%3]); math.Abs(r) > 0.02 {
					t.Errorf("%s, %T: correlation of dimension %d and the next is %.2f", name, m, k, r)
				}
			}
		}
	}
}

// A list of one setting for each dimension is that setting.
func TestNoisePerDimension(t *testing.T) {
	p := opt.Problem{Steps: 6, Dims: 3, Func: sphere(0.2)}
	all, each := opt.DefaultICEM(), opt.DefaultICEM()
	each.Color, each.Std = 1, 0.1 // not in force
	each.Colors, each.Stds = slices.Repeat([]float64{all.Color}, 3), slices.Repeat([]float64{all.Std}, 3)
	if a, b := minimize(t, all, p), minimize(t, each, p); a.F != b.F || !slices.Equal(a.X, b.X) {
		t.Errorf("found %v and %v", a.F, b.F)
	}
	if each.Stds[0] != all.Std {
		t.Errorf("Minimize changed Stds to %v", each.Stds)
	}
	if _, err := each.Minimize(context.Background(), opt.Problem{Steps: 6, Dims: 2, Func: sphere(0.2)}, rng.New(1)); err == nil {
		t.Error("3 Colors are accepted for 2 dimensions")
	}
	each.Colors = nil
	if _, err := each.Minimize(context.Background(), opt.Problem{Steps: 6, Dims: 2, Func: sphere(0.2)}, rng.New(1)); err == nil {
		t.Error("3 Stds are accepted for 2 dimensions")
	}
}

// A population of 0.8 of the one before is γ = 1.25 of the paper; it ends at twice the elites.
func TestShrink(t *testing.T) {
	c := opt.DefaultICEM()
	c.Iterations, c.Samples, c.Elites, c.Kept, c.Shrink = 6, 100, 25, 5, 0.2
	xs, _ := populations(t, c, opt.Problem{Steps: 4, Dims: 1, Func: sphere(0)})
	var got []int
	for _, x := range xs {
		got = append(got, x.Len())
	}
	if want := []int{100, 80, 64, 51, 50, 50}; !slices.Equal(got, want) { // 100·0.8^3 = 51.2
		t.Errorf("populations of %v, want %v", got, want)
	}
	for _, spoil := range []func(){func() { c.Elites = 80 }, func() { c.Elites, c.Kept = 1, 99 }} {
		spoil() // no less than Samples is left to shrink to
		xs, _ := populations(t, c, opt.Problem{Steps: 4, Dims: 1, Func: sphere(0)})
		if n := xs[5].Len(); n != 100 {
			t.Errorf("Elites %d and Kept %d: the last population has %d candidates, want 100", c.Elites, c.Kept, n)
		}
	}
}

func TestSettingsErrors(t *testing.T) {
	var bad []interface {
		opt.Minimizer
		Check() error
	}
	for _, spoil := range []func(*opt.ICEM){
		func(c *opt.ICEM) { c.Elites = 0 }, func(c *opt.ICEM) { c.Samples = 1 }, func(c *opt.ICEM) { c.Kept = c.Samples },
		func(c *opt.ICEM) { c.Kept = 0 }, func(c *opt.ICEM) { c.Std = math.NaN() }, func(c *opt.ICEM) { c.Std = math.Inf(1) },
		func(c *opt.ICEM) { c.MinStd = math.Inf(1) }, func(c *opt.ICEM) { c.Momentum = 1 }, func(c *opt.ICEM) { c.Color = -1 },
		func(c *opt.ICEM) { c.Color = 1e3 }, func(c *opt.ICEM) { c.Shrink = 1 }, func(c *opt.ICEM) { c.Shrink = -0.1 },
		func(c *opt.ICEM) { c.Colors = []float64{1, math.NaN()} }, func(c *opt.ICEM) { c.Stds = []float64{0} },
	} {
		bad = append(bad, with(opt.DefaultICEM(), spoil))
	}
	for _, spoil := range []func(*opt.CEM){
		func(c *opt.CEM) { c.Iterations = 0 }, func(c *opt.CEM) { c.Samples = 1 }, func(c *opt.CEM) { c.Elites = c.Samples + 1 },
		func(c *opt.CEM) { c.Kept = -1 }, func(c *opt.CEM) { c.Kept = c.Samples }, func(c *opt.CEM) { c.Std = 0 }, func(c *opt.CEM) { c.Std = math.Inf(1) },
		func(c *opt.CEM) { c.MinStd = -1 }, func(c *opt.CEM) { c.Momentum = math.NaN() },
	} {
		bad = append(bad, with(opt.DefaultCEM(), spoil))
	}
	for _, spoil := range []func(*opt.MPPI){
		func(c *opt.MPPI) { c.Iterations = 0 }, func(c *opt.MPPI) { c.Samples = 2 }, func(c *opt.MPPI) { c.Elites = 1 },
		func(c *opt.MPPI) { c.Elites = c.Samples }, func(c *opt.MPPI) { c.Temperature = 0 }, func(c *opt.MPPI) { c.Temperature = math.Inf(1) },
		func(c *opt.MPPI) { c.Anneal = 0 }, func(c *opt.MPPI) { c.Anneal = 1.1 }, func(c *opt.MPPI) { c.Color = 11 }, func(c *opt.MPPI) { c.Stds = []float64{-1} },
	} {
		bad = append(bad, with(opt.DefaultMPPI(), spoil))
	}
	for _, c := range bad {
		if _, err := c.Minimize(context.Background(), opt.Problem{Func: sphere(0), Steps: 2, Dims: 1}, rng.New(1)); err == nil || c.Check() == nil {
			t.Errorf("%#v is accepted", c)
		}
	}
	for _, c := range []interface{ Check() error }{opt.DefaultICEM(), opt.DefaultCEM(), opt.ReferenceCEM(), opt.DefaultMPPI()} {
		if err := c.Check(); err != nil {
			t.Errorf("%#v: %v", c, err)
		}
	}
}
