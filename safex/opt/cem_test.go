package opt_test

import (
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
)

// The published method's own test, in units of half its box of ±5: (5, 2) numbers, minima from one side of the box
// to the other, each of them found within 1 %.
func TestCEMPublished(t *testing.T) {
	c := opt.ReferenceCEM()
	c.Iterations, c.Std = 20, 1
	r := minimize(t, c, opt.Problem{Steps: 5, Dims: 2, Func: func(values []float64, x num.Batch) error {
		clear(values)
		for d, column := range x {
			for i, v := range column {
				e := v - (2*float64(d)/9 - 1)
				values[i] += e * e
			}
		}
		return nil
	}})
	for d, v := range r.X {
		if want := 2*float64(d)/9 - 1; math.Abs(v-want) > 0.01 {
			t.Errorf("column %d is %v, want %v", d, v, want)
		}
	}
}

// A deviation of 5 puts 84 % at the edges: P(|z| > 1/5) = 0.8415.
func TestCEMSaturates(t *testing.T) {
	xs, _ := populations(t, opt.ReferenceCEM(), opt.Problem{Steps: 40, Dims: 1, Func: sphere(0)})
	edge := 0
	for _, column := range xs[0] {
		for _, v := range column {
			if math.Abs(v) == 1 {
				edge++
			}
		}
	}
	if share := float64(edge) / (40 * 500); math.Abs(share-0.8415) > 0.01 { // 4 deviations of a share of 20,000
		t.Errorf("%.3f are at the edges, want 0.8415", share)
	}
}

// The second population is drawn as the elites of the first say, smoothed by Momentum; NaN and Inf are no elites.
func TestCEMMoves(t *testing.T) {
	const n = 40000
	for name, spoil := range map[string]func(values []float64){
		"all finite": func([]float64) {},
		"few finite": func(values []float64) {
			for i := range values {
				switch {
				case i < 30:
				case i%2 == 0:
					values[i] = math.NaN()
				default:
					values[i] = math.Inf(1)
				}
			}
		},
		"none finite": func(values []float64) {
			for i := range values {
				values[i] = math.NaN()
			}
		},
	} {
		c := opt.DefaultCEM()
		c.Iterations, c.Samples, c.Elites, c.Std, c.MinStd, c.Momentum = 2, n, 400, 0.2, 0.01, 0.25
		xs, values := populations(t, c, opt.Problem{Steps: 1, Dims: 2, Func: func(values []float64, x num.Batch) error {
			for i := range values {
				values[i] = x[0][i]
			}
			spoil(values)
			return nil
		}})
		var finite []int
		for i, v := range values[0] {
			if v-v == 0 {
				finite = append(finite, i)
			}
		}
		slices.SortFunc(finite, func(a, b int) int {
			if values[0][a] < values[0][b] {
				return -1
			}
			return 1
		})
		for d := range 2 {
			var elites []float64
			for _, i := range finite[:min(len(finite), c.Elites)] {
				elites = append(elites, xs[0][d][i])
			}
			wantMean, wantStd := 0.0, c.Std
			if len(elites) > 0 {
				m, s := spread(elites)
				wantMean, wantStd = 0.75*m, 0.25*c.Std+0.75*s
			}
			mean, std := spread(xs[1][d])
			if math.Abs(mean-wantMean) > 0.005 || math.Abs(std-wantStd) > 0.005 { // 5 deviations of a mean of 40,000 are 0.005
				t.Errorf("%s, column %d: mean %.4f and deviation %.4f, want %.4f and %.4f", name, d, mean, std, wantMean, wantStd)
			}
		}
	}
}

// No deviation is below MinStd, and without a floor it falls far below.
func TestCEMFloor(t *testing.T) {
	for _, floor := range []float64{0, 0.05} {
		c := opt.DefaultCEM()
		c.Iterations, c.MinStd = 15, floor
		xs, _ := populations(t, c, opt.Problem{Steps: 1, Dims: 1, Func: sphere(0.1)})
		_, std := spread(xs[14][0])
		if floor == 0 && std > 1e-6 || floor > 0 && math.Abs(std-floor) > 0.01 {
			t.Errorf("floor %v: deviation %v", floor, std)
		}
	}
}

// The best that are kept are the first of the next population, and the mean is returned with the value that the
// objective gives it, unless that is none.
func TestCEMKeptAndMean(t *testing.T) {
	c := opt.DefaultCEM()
	c.Kept = 3
	p := opt.Problem{Steps: 3, Dims: 1, Func: sphere(0.2)}
	xs, values := populations(t, c, p)
	for round := 1; round < len(xs); round++ {
		before := slices.Sorted(slices.Values(values[round-1]))[:3]
		if !slices.Equal(values[round][:3], before) {
			t.Errorf("population %d begins with %v, want %v", round, values[round][:3], before)
		}
	}
	c.Mean = true
	r := minimize(t, c, p)
	xs, values = populations(t, c, p)
	last := len(xs) - 1
	if last != c.Iterations || xs[last].Len() != 2 || !slices.Equal(r.X, xs[last].Point(0)) || r.F != values[last][0] {
		t.Errorf("returned %+v", r)
	}
	p.Func = func(values []float64, x num.Batch) error {
		sphere(0.2)(values, x)
		if x.Len() == 2 {
			values[0] = math.NaN()
		}
		return nil
	}
	if r := minimize(t, c, p); math.IsInf(r.F, 1) || r.NaNs != 1 || slices.Equal(r.X, xs[last].Point(0)) {
		t.Errorf("a mean of NaN gave %+v", r)
	}
}

// A published run remembers the best of all populations, here the first's, and its elites.
func TestCEMRemembers(t *testing.T) {
	round := 0
	var first []float64
	r := minimize(t, opt.ReferenceCEM(), opt.Problem{Steps: 2, Dims: 1, Func: func(values []float64, x num.Batch) error {
		sphere(0.2)(values, x)
		if round == 0 {
			first = slices.Sorted(slices.Values(values))
		}
		for i := range values {
			values[i] += float64(round)
		}
		round++
		return nil
	}})
	if r.F != first[0] || len(r.Elites) != 50 || !slices.Equal(r.Elites[0], r.X) {
		t.Errorf("returned %v with %d elites, want %v", r.F, len(r.Elites), first[0])
	}
	if v := make([]float64, 1); sphere(0.2)(v, num.Batch{r.Elites[49][:1], r.Elites[49][1:]}) != nil || v[0] != first[49] {
		t.Errorf("elite 49 has the value %v, want %v", v[0], first[49])
	}
}
