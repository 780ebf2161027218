package stats_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

var nan, inf = math.NaN(), math.Inf(1)

// returns are twelve, of which the middle half is six.
var returns = []float64{-359.25, -344.5, -329.125, -351, -340.75, -347, -512.5, -336, -338.5, -345.25, -341, -600}

// normal are n numbers of a stream.
func normal(n int, src rng.Stream) (x []float64) {
	r := src.Rand()
	for range n {
		x = append(x, r.NormFloat64())
	}
	return x
}

// near tells whether two numbers are the same but for rounding.
func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*max(1, math.Abs(a)) }

// Of n scores, each of them four times is 4n scores, of which n can be cut off at each end.
func TestIQM(t *testing.T) {
	for n := 1; n < 30; n++ {
		x := normal(n, rng.New(1).At(n))
		before := slices.Clone(x)
		four := slices.Sorted(slices.Values(slices.Concat(x, x, x, x)))
		want := 0.0
		for _, v := range four[n : 3*n] {
			want += v / float64(2*n)
		}
		if got := stats.IQM(x); !near(got, want) || !slices.Equal(x, before) {
			t.Errorf("of %d scores %v, want %v", n, got, want)
		}
	}
	if got := stats.IQM(returns); !near(got, -344.9166666666667) { // rliable 1.2.0, aggregate_iqm
		t.Errorf("of twelve returns %v", got)
	}
	for _, c := range []struct {
		x    []float64
		want float64
	}{
		{nil, nan}, {[]float64{3}, 3}, {[]float64{1, 2}, 1.5},
		{[]float64{7, 1, 2}, (0.25*1 + 2 + 0.25*7) / 1.5},
		{[]float64{nan, 1, 3, 100}, 2},    // NaN is the lowest of four, and cut off
		{[]float64{nan, nan, 1, 3}, -inf}, // one of two is not
		{[]float64{-inf, 1, 3, inf}, 2}, {[]float64{1, 3, inf, inf}, inf}, {[]float64{nan, nan, inf, inf}, -inf},
	} {
		if got := stats.IQM(c.x); got != c.want && !(got != got && c.want != c.want) {
			t.Errorf("of %v: %v, want %v", c.x, got, c.want)
		}
	}
}

// The probability of improvement is that of all pairs.
func TestImprovement(t *testing.T) {
	pairs := func(x, y []float64) (p float64) {
		for _, a := range x {
			for _, b := range y {
				switch lowA, lowB := !(a > -inf), !(b > -inf); { // NaN and -Inf
				case lowA && lowB || a == b:
					p += 0.5
				case lowB || a > b:
					p++
				}
			}
		}
		return p / float64(len(x)*len(y))
	}
	r := rng.New(2).Rand()
	some := func(n int) (x []float64) {
		for range n {
			x = append(x, []float64{nan, -inf, -1, 0, 1, 2, 3, inf}[r.IntN(8)])
		}
		return x
	}
	for n := 1; n < 12; n++ {
		for m := 1; m < 12; m++ {
			x, y := some(n), some(m)
			p, back := stats.Improvement(x, y), stats.Improvement(y, x)
			if !near(p, pairs(x, y)) || !near(p+back, 1) {
				t.Errorf("%v over %v: %v and back %v, want %v", x, y, p, back, pairs(x, y))
			}
		}
	}
	// scipy 1.17.1, mannwhitneyu over the number of pairs.
	if p := stats.Improvement([]float64{3, 1, 4, 1, 5, 9, 2, 6}, []float64{2, 7, 1, 8, 2, 8}); p != 0.4375 {
		t.Errorf("probability %v", p)
	}
	if p := stats.Improvement(nil, []float64{1}); p == p {
		t.Errorf("of nothing %v", p)
	}
}

// all are the values of a statistic over every sample with replacement, each stratum from itself, in order.
func all(statistic func([][]float64) float64, strata [][]float64) (values []float64) {
	sample := make([][]float64, len(strata))
	var fill func(k, j int)
	fill = func(k, j int) {
		switch {
		case k == len(strata):
			copies := make([][]float64, len(sample))
			for i, s := range sample {
				copies[i] = slices.Clone(s)
			}
			values = append(values, statistic(copies))
		case j == len(strata[k]):
			fill(k+1, 0)
		default:
			for _, v := range strata[k] {
				sample[k] = append(sample[k][:j], v)
				fill(k, j+1)
			}
		}
	}
	fill(0, 0)
	slices.Sort(values)
	return values
}

// The interval is that of all samples that there are: each end is where the exact distribution of the statistic has its percentile.
func TestBootstrapIsExact(t *testing.T) {
	b := stats.Bootstrap{Confidence: 0.9, Resamples: 40000}
	iqm := func(strata [][]float64) float64 { return stats.IQM(slices.Concat(strata...)) }
	better := func(strata [][]float64) float64 {
		return (stats.Improvement(strata[0], strata[2]) + stats.Improvement(strata[1], strata[3])) / 2
	}
	x, y := [][]float64{{1, 2, 4}, {0, 5}}, [][]float64{{3, 2}, {1, 1.5, 6}}
	src := rng.New(3)
	for _, c := range []struct {
		name   string
		got    stats.Estimate
		strata [][]float64
		of     func([][]float64) float64
	}{
		{"one task", b.IQM([][]float64{{0.1, 0.4, 0.35, 0.8, 3}}, src), [][]float64{{0.1, 0.4, 0.35, 0.8, 3}}, iqm},
		{"two tasks", b.IQM(x, src), x, iqm},
		{"a NaN", b.IQM([][]float64{{1, 2, nan}}, src), [][]float64{{1, 2, nan}}, iqm},
		{"improvement", b.Improvement(x, y, src), slices.Concat(x, y), better},
	} {
		exact := all(c.of, c.strata)
		at := func(p float64) float64 { return exact[int(p*float64(len(exact)-1))] }
		if !near(c.got.Value, c.of(c.strata)) {
			t.Errorf("%s: value %v, want %v", c.name, c.got.Value, c.of(c.strata))
		}
		// Of 40000 samples, the share below a value is off by more than 0.005 in one case of a million.
		if c.got.Lo < at(0.045) || c.got.Lo > at(0.055) || c.got.Hi < at(0.945) || c.got.Hi > at(0.955) {
			t.Errorf("%s: %v to %v, want %v to %v", c.name, c.got.Lo, c.got.Hi, at(0.05), at(0.95))
		}
	}
}

// The intervals of rliable 1.2.0, from 50000 samples: of twelve returns, of two tasks, and of a probability of improvement.
func TestBootstrapAsRliable(t *testing.T) {
	b := stats.DefaultBootstrap()
	b.Resamples = 50000
	src := rng.New(4)
	for _, c := range []struct {
		name   string
		got    stats.Estimate
		want   stats.Estimate
		within float64 // what 50000 samples leave open
	}{
		{"one task", b.IQM([][]float64{returns}, src), stats.Estimate{Value: -344.9166666666667, Lo: -402.5, Hi: -339.83333333333}, 1},
		{"two tasks", b.IQM([][]float64{{0.13, 0.41, 0.352, 0.807, 0.6, 0.29}, {0.51, 0.553, 0.92, 0.21, 0.77, 0.38}}, src), stats.Estimate{Value: 0.4675, Lo: 0.3303, Hi: 0.6545}, 0.005},
		{"improvement", b.Improvement([][]float64{{3, 1, 4, 1, 5, 9, 2, 6}}, [][]float64{{2, 7, 1, 8, 2, 8}}, src), stats.Estimate{Value: 0.4375, Lo: 0.125, Hi: 0.77083333333}, 0.011},
	} {
		if !near(c.got.Value, c.want.Value) || math.Abs(c.got.Lo-c.want.Lo) > c.within || math.Abs(c.got.Hi-c.want.Hi) > c.within {
			t.Errorf("%s: %+v, want %+v", c.name, c.got, c.want)
		}
	}
}

// How often intervals hold the truth: as often as the doc comment says, within what 600 cases leave open.
func TestBootstrapCoverage(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of intervals")
	}
	const cases = 600
	b := stats.DefaultBootstrap()
	src := rng.New(5)
	antiderivative := func(p float64) float64 { return p*math.Log(p) - p } // of log p
	exponential := 2 * (antiderivative(0.25) - antiderivative(0.75))       // the mean of the middle half of the distribution
	for _, c := range []struct {
		n      int
		lo, hi float64 // the doc comment's share, give or take four deviations of that of so many cases
	}{{2, 0.42, 0.58}, {3, 0.69, 0.83}, {5, 0.85, 0.95}, {10, 0.90, 0.98}, {30, 0.91, 0.985}} {
		normals, exponentials := 0, 0
		for i := range cases {
			src := src.At(c.n).At(i)
			if e := b.IQM([][]float64{normal(c.n, src.Child("normal"))}, src.Child("bootstrap")); e.Lo <= 0 && 0 <= e.Hi {
				normals++
			}
			x, r := make([]float64, c.n), src.Child("exponential").Rand()
			for j := range x {
				x[j] = r.ExpFloat64()
			}
			if e := b.IQM([][]float64{x}, src.Child("bootstrap")); e.Lo <= exponential && exponential <= e.Hi {
				exponentials++
			}
		}
		for name, k := range map[string]int{"normal": normals, "exponential": exponentials} {
			if share := float64(k) / cases; share < c.lo || share > c.hi {
				t.Errorf("%d %s scores: the truth is in %.3f of the intervals, want %v to %v", c.n, name, share, c.lo, c.hi)
			}
		}
	}
}

// The probability that a normal score is higher than one of a mean lower by a deviation is known; intervals of ten against ten hold it.
func TestImprovementCoverage(t *testing.T) {
	const cases = 300
	truth := distuv.UnitNormal.CDF(1 / math.Sqrt2)
	held := 0
	for i := range cases {
		src := rng.New(6).At(i)
		x := normal(10, src.Child("x"))
		for j := range x {
			x[j]++
		}
		if e := stats.DefaultBootstrap().Improvement([][]float64{x}, [][]float64{normal(10, src.Child("y"))}, src); e.Lo <= truth && truth <= e.Hi {
			held++
		}
	}
	if share := float64(held) / cases; share < 0.87 || share > 0.98 {
		t.Errorf("the truth is in %.3f of the intervals", share)
	}
}

// The same stream gives the same interval; scores come back as they were; NaNs are counted, and a single score has no width.
func TestBootstrap(t *testing.T) {
	b := stats.DefaultBootstrap()
	x := slices.Clone(returns)
	one, two, other := b.IQM([][]float64{x}, rng.New(7)), b.IQM([][]float64{x}, rng.New(7)), b.IQM([][]float64{x}, rng.New(8))
	if one != two || one == other || !slices.Equal(x, returns) || one.N != 12 {
		t.Errorf("%+v, %+v, %+v", one, two, other)
	}
	if e := b.IQM([][]float64{{5}}, rng.New(7)); e != (stats.Estimate{Value: 5, Lo: 5, Hi: 5, N: 1}) {
		t.Errorf("of one score %+v", e)
	}
	if e := b.IQM([][]float64{nil, {}}, rng.New(7)); e.Value == e.Value || e.Lo == e.Lo || e.Hi == e.Hi || e.N != 0 {
		t.Errorf("of no score %+v", e)
	}
	if e := b.IQM([][]float64{{1, nan, 2, 3, 4, 5, 6, 7}, {nan}}, rng.New(7)); e.N != 9 || e.NaNs != 2 || e.Lo != -inf || !near(e.Value, (0.75*1+2+3+4+0.75*5)/4.5) { // 2.25 are cut off at each end
		t.Errorf("with NaNs %+v", e)
	}
	e := b.Estimate(func(strata [][]float64) float64 {
		slices.Sort(strata[0])
		return strata[0][0] / strata[0][0] // NaN of a sample with a 0
	}, [][]float64{{4, 0, 2}}, rng.New(7))
	if e.Value == e.Value || e.Lo != -inf || e.Hi != 1 {
		t.Errorf("of a statistic that is NaN %+v", e)
	}
	unsorted := [][]float64{{4, 0, 2}}
	b.Estimate(func(strata [][]float64) float64 { slices.Sort(strata[0]); return 0 }, unsorted, rng.New(7))
	if !slices.Equal(unsorted[0], []float64{4, 0, 2}) {
		t.Errorf("scores became %v", unsorted)
	}
	for _, c := range []struct {
		b    stats.Bootstrap
		want string
	}{{stats.Bootstrap{Confidence: 1, Resamples: 9}, "Confidence is 1"}, {stats.Bootstrap{Confidence: nan, Resamples: 9}, "Confidence is NaN"}, {stats.Bootstrap{Confidence: 0.9}, "Resamples is 0"}} {
		if err := c.b.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v", c.b, err)
		}
		panics(t, c.want, func() { c.b.IQM([][]float64{{1}}, rng.New(1)) })
	}
	panics(t, "scores of 1 and of 2 tasks", func() { b.Improvement([][]float64{{1}}, [][]float64{{1}, {2}}, rng.New(1)) })
	panics(t, "1 and 0 scores of task 0", func() { b.Improvement([][]float64{{1}}, [][]float64{nil}, rng.New(1)) })
}

// panics fails unless f panics with want.
func panics(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, want) {
			t.Errorf("panic %q, want %q", text, want)
		}
	}()
	f()
}

// At the ends of the interval, as many as were seen or more, and as many or fewer, have the chance that is left; with 0 and all seen
// the ends have closed forms. Up to the number of steps of a large study.
func TestClopperPearson(t *testing.T) {
	for _, n := range []int{1, 5, 10, 100, 21000, 400000} {
		for _, k := range []int{0, 1, 2, 3, n / 3, n / 2, n - 1, n} {
			if k < 0 || k > n {
				continue
			}
			for _, confidence := range []float64{0.5, 0.9, 0.95, 0.999} {
				lo, hi := stats.ClopperPearson(k, n, confidence)
				tail := (1 - confidence) / 2
				chance := func(p float64, most int) float64 { return distuv.Binomial{N: float64(n), P: p}.CDF(float64(most)) }
				if k == 0 && lo != 0 || k > 0 && math.Abs(1-chance(lo, k-1)-tail) > 1e-8 {
					t.Errorf("%d of %d at %v: from %v", k, n, confidence, lo)
				}
				if k == n && hi != 1 || k < n && math.Abs(chance(hi, k)-tail) > 1e-8 {
					t.Errorf("%d of %d at %v: to %v", k, n, confidence, hi)
				}
				if got := stats.AtMost(k, n, (1+confidence)/2); math.Abs(got-hi) > 1e-9*hi {
					t.Errorf("%d of %d at %v: at most %v, and the interval goes to %v", k, n, confidence, got, hi)
				}
				if want := 1 - math.Pow(tail, 1/float64(n)); k == 0 && math.Abs(hi-want) > 1e-9 {
					t.Errorf("0 of %d at %v: to %v, want %v", n, confidence, hi, want)
				}
			}
		}
	}
	// scipy 1.17.1, binomtest(k, n).proportion_ci(0.95, "exact").
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{0, 10, 0, 0.30849710781876294}, {5, 10, 0.1870860284474045, 0.8129139715525955}, {1, 100, 0.00025314603268189283, 0.054459385392080666},
		{309, 10500, 0.026279399744252405, 0.032842159968582786}, {2, 21000, 1.1533983251138879e-05, 0.00034398995198889175}, {10499, 10500, 0.9994694827989957, 0.9999975887831313},
	} {
		lo, hi := stats.ClopperPearson(c.k, c.n, 0.95)
		if math.Abs(lo-c.lo) > 1e-8*c.lo || math.Abs(hi-c.hi) > 1e-8*c.hi {
			t.Errorf("%d of %d: %v to %v, want %v to %v", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
	if lo, hi := stats.ClopperPearson(0, 0, 0.95); lo != 0 || hi != 1 || stats.AtMost(0, 0, 0.95) != 1 {
		t.Errorf("of nothing: %v to %v", lo, hi)
	}
	panics(t, "ClopperPearson of 3 of 2", func() { stats.ClopperPearson(3, 2, 0.95) })
	panics(t, "ClopperPearson of -1 of 2", func() { stats.ClopperPearson(-1, 2, 0.95) })
	panics(t, "at confidence 1", func() { stats.ClopperPearson(1, 2, 1) })
	panics(t, "AtMost at confidence 0.5", func() { stats.AtMost(1, 2, 0.5) })
}

// The interval holds the true share at least as often as it says, by the exact chances of all outcomes.
func TestClopperPearsonCovers(t *testing.T) {
	const n = 12
	for p := 0.01; p < 1; p += 0.01 {
		two, one := 0.0, 0.0
		for k := range n + 1 {
			chance := distuv.Binomial{N: n, P: p}.Prob(float64(k))
			if lo, hi := stats.ClopperPearson(k, n, 0.95); lo <= p && p <= hi {
				two += chance
			}
			if p <= stats.AtMost(k, n, 0.95) {
				one += chance
			}
		}
		if two < 0.95 || one < 0.95 {
			t.Errorf("a share of %.2f is held with a chance of %v, and bounded with %v", p, two, one)
		}
	}
}

// Without censoring the curve is the share that is left; with it, it is the published one of 21 patients on 6-mercaptopurine (Freireich et al.,
// 1963), and scipy's ecdf of them.
func TestKaplanMeier(t *testing.T) {
	spans := func(event bool, steps ...int) (runs []stats.Span) {
		for _, s := range steps {
			runs = append(runs, stats.Span{Steps: s, Event: event})
		}
		return runs
	}
	c := stats.KaplanMeier(spans(true, 9, 3, 3, 5))
	if !slices.Equal(c.Steps, []int{3, 5, 9}) || !slices.EqualFunc(c.Shares, []float64{0.5, 0.25, 0}, near) {
		t.Errorf("without censoring %+v", c)
	}
	if m, ok := c.Median(); m != 3 || !ok {
		t.Errorf("median %d, %v", m, ok)
	}
	patients := slices.Concat(spans(false, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35), spans(true, 6, 6, 6, 7, 10, 13, 16, 22, 23))
	before := slices.Clone(patients)
	c = stats.KaplanMeier(patients)
	want := []float64{0.85714286, 0.80672269, 0.75294118, 0.69019608, 0.62745098, 0.53781513, 0.44817927}
	if !slices.Equal(c.Steps, []int{6, 7, 10, 13, 16, 22, 23}) || !slices.EqualFunc(c.Shares, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-8 }) || !slices.Equal(patients, before) {
		t.Errorf("%+v", c)
	}
	if m, ok := c.Median(); m != 23 || !ok {
		t.Errorf("median %d, %v", m, ok)
	}
	for _, runs := range [][]stats.Span{nil, spans(false, 0, 4, 4), slices.Concat(spans(true, 2), spans(false, 3, 3))} {
		if m, ok := stats.KaplanMeier(runs).Median(); ok {
			t.Errorf("%v: median %d, and more than half had no violation", runs, m)
		}
	}
	// 23/24 · 22/23 · … · 12/13 is a half, and above it in floating point.
	if m, ok := stats.KaplanMeier(slices.Concat(spans(true, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), spans(false, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20))).Median(); m != 12 || !ok {
		t.Errorf("half of the runs: median %d, %v", m, ok)
	}
	panics(t, "a run of -1 steps", func() { stats.KaplanMeier(spans(false, -1)) })
	panics(t, "a violation within 0 steps", func() { stats.KaplanMeier(spans(true, 0)) })
}
