package opt_test

import (
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
)

// The mean moves to the average that the formula of the weights gives, which is computed here once more from what the objective
// saw: NaN and Inf have no weight, and the best of the population before has none.
func TestMPPIWeights(t *testing.T) {
	c := opt.DefaultMPPI()
	c.Temperature, c.Elites, c.Iterations = 0.7, 9, 2
	xs, values := populations(t, c, opt.Problem{Steps: 3, Dims: 2, Func: func(values []float64, x num.Batch) error {
		sphere(0.4)(values, x)
		for i := range values {
			switch {
			case i%5 == 3:
				values[i] = math.NaN()
			case i%5 == 4:
				values[i] = math.Inf(1)
			}
		}
		return nil
	}})
	for round := range 2 {
		var lanes []int
		for i, v := range values[round] {
			if v-v == 0 && (round == 0 || i != 1) {
				lanes = append(lanes, i)
			}
		}
		slices.SortFunc(lanes, func(a, b int) int {
			if values[round][a] < values[round][b] {
				return -1
			}
			return 1
		})
		least, ninth := values[round][lanes[0]], values[round][lanes[8]]
		for d := range 6 {
			var moved, sum float64
			for _, i := range lanes {
				w := math.Exp(-(values[round][i] - least) / (0.7 * (ninth - least)))
				moved, sum = moved+w*xs[round][d][i], sum+w
			}
			if got, want := xs[round+1][d][0], moved/sum; math.Abs(got-want) > 1e-12 {
				t.Errorf("after population %d column %d of the mean is %v, want %v", round, d, got, want)
			}
		}
	}
}

// A temperature near 0 leaves the best candidate alone, a high one and values that are all the same weigh all alike, those
// of -Inf count alone, and the mean stays where it is if nothing is real.
func TestMPPITemperature(t *testing.T) {
	all := func(int) bool { return true }
	for name, k := range map[string]struct {
		temperature float64
		value       func(i int) float64
		counts      func(i int) bool
	}{
		"cold":     {1e-9, func(i int) float64 { return math.Abs(float64(i) - 77) }, func(i int) bool { return i == 77 }},
		"coldest":  {5e-324, func(i int) float64 { return math.Abs(float64(i)-77) * 0x1p-60 }, func(i int) bool { return i == 77 }},
		"hot":      {1e9, func(i int) float64 { return float64(i) }, all},
		"flat":     {0.5, func(int) float64 { return 3 }, all},
		"most tie": {0.5, func(i int) float64 { return math.Floor(float64(i) / 64) }, func(i int) bool { return i < 64 }},
		"-Inf": {0.5, func(i int) float64 {
			if i < 20 {
				return math.Inf(-1)
			}
			return 1
		}, func(i int) bool { return i < 20 }},
		"one of -Inf": {0.5, func(i int) float64 {
			if i == 5 {
				return math.Inf(-1)
			}
			return 1
		}, func(i int) bool { return i == 5 }},
		"hot, few real": {1e9, func(i int) float64 {
			if i >= 5 {
				return math.NaN()
			}
			return float64(i)
		}, func(i int) bool { return i < 5 }},
		"none real": {0.5, func(int) float64 { return math.Inf(1) }, func(i int) bool { return i == 0 }}, // the mean stays
		"huge": {0.5, func(i int) float64 {
			if i == 5 {
				return -math.MaxFloat64
			}
			return math.MaxFloat64
		}, func(i int) bool { return i == 5 }},
	} {
		c := opt.DefaultMPPI()
		c.Temperature, c.Iterations = k.temperature, 1
		xs, _ := populations(t, c, opt.Problem{Steps: 2, Dims: 1, Func: func(values []float64, x num.Batch) error {
			for i := range values {
				values[i] = k.value(i)
			}
			return nil
		}})
		for d, column := range xs[0] {
			var want, n float64
			for i, v := range column {
				if k.counts(i) {
					want, n = want+v, n+1
				}
			}
			if got := xs[1][d][0]; !(math.Abs(got-want/n) <= 1e-6) {
				t.Errorf("%s: column %d of the mean is %v, want %v", name, d, got, want/n)
			}
		}
	}
}

// The deviation falls by Anneal with each population, around the mean, and the last population is the mean and the best.
func TestMPPIAnneals(t *testing.T) {
	c := opt.DefaultMPPI()
	c.Iterations, c.Samples, c.Std, c.Anneal = 4, 20000, 0.2, 0.5
	xs, values := populations(t, c, opt.Problem{Steps: 2, Dims: 1, Func: sphere(0.1)})
	for round := range 4 {
		mean, std := spread(xs[round][0])
		if want := 0.2 * math.Pow(0.5, float64(round)); math.Abs(std/want-1) > 0.03 || math.Abs(mean-xs[round][0][0]) > 0.05*want {
			t.Errorf("population %d: deviation %v around %v, want %v around %v", round, std, mean, want, xs[round][0][0])
		}
	}
	if last := values[4]; len(xs) != 5 || len(last) != 2 || last[1] != slices.Min(values[3]) {
		t.Errorf("%d populations, the last with the values %v", len(xs), last)
	}
	r := minimize(t, c, opt.Problem{Steps: 2, Dims: 1, Func: sphere(0.1)})
	if want := slices.Min(values[4]); r.F != want {
		t.Errorf("returned %v, want %v", r.F, want)
	}
}
