package num_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// operations is each operation by itself, on three inputs.
var operations = map[string]func(x num.Vec) num.Expr{
	"add": func(x num.Vec) num.Expr { return x[0].Add(x[1]) }, "sub": func(x num.Vec) num.Expr { return x[0].Sub(x[1]) },
	"mul": func(x num.Vec) num.Expr { return x[0].Mul(x[1]) }, "square": func(x num.Vec) num.Expr { return x[0].Square() },
	"div": func(x num.Vec) num.Expr { return x[0].Div(x[1]) }, "min": func(x num.Vec) num.Expr { return x[0].Min(x[1]) },
	"max": func(x num.Vec) num.Expr { return x[0].Max(x[1]) }, "less": func(x num.Vec) num.Expr { return x[0].Less(x[1]) },
	"where": func(x num.Vec) num.Expr { return num.Where(x[0], x[1], x[2]) },
	"neg":   func(x num.Vec) num.Expr { return x[0].Neg() }, "abs": func(x num.Vec) num.Expr { return x[0].Abs() },
	"sqrt": func(x num.Vec) num.Expr { return x[0].Sqrt() }, "exp": func(x num.Vec) num.Expr { return x[0].Exp() },
	"log": func(x num.Vec) num.Expr { return x[0].Log() }, "tanh": func(x num.Vec) num.Expr { return x[0].Tanh() },
	"sin": func(x num.Vec) num.Expr { return x[0].Sin() }, "cos": func(x num.Vec) num.Expr { return x[0].Cos() },
	"atan2": func(x num.Vec) num.Expr { return num.Atan2(x[0], x[1]) }, "round": func(x num.Vec) num.Expr { return x[0].Round() },
	"deep": func(x num.Vec) num.Expr {
		return num.Where(x[0].Less(x[1]), num.Atan2(x[0].Mul(x[1]), x[2].Sin()), x[0].Div(x[2].Exp().Sub(1))).Max(x[1].Log()).Abs().Sqrt()
	},
}

// sound checks that the interval of f on the box [lo, lo+width] holds its value at points of it: at the corners,
// and at n random points.
func sound(t *testing.T, name string, lo, width [3]float64, n int, r *rand.Rand) {
	p := num.Trace(3, func(x num.Vec) num.Vec { return num.Vec{operations[name](x)} })
	box, out := make([]num.Interval, 3), make([]num.Interval, 1)
	for k := range box {
		box[k] = num.Interval{Lo: lo[k], Hi: lo[k] + math.Abs(width[k])}
		if !(box[k].Lo <= box[k].Hi) || math.IsInf(box[k].Lo, 0) || math.IsInf(box[k].Hi, 0) {
			return // no box
		}
	}
	p.EvalInterval(out, box)
	at, got := make([]float64, 3), make([]float64, 1)
	for i := range 27 + n {
		for k := range at {
			switch c := i / []int{1, 3, 9}[k] % 3; {
			case i >= 27:
				at[k] = min(box[k].Hi, max(box[k].Lo, box[k].Lo+r.Float64()*box[k].Width()))
			case c == 0:
				at[k] = box[k].Lo
			case c == 1:
				at[k] = box[k].Hi
			case box[k].Contains(0): // both zeros
				at[k] = math.Copysign(0, r.Float64()-0.5)
			default:
				at[k] = box[k].Lo/2 + box[k].Hi/2
			}
			if !box[k].Contains(at[k]) {
				at[k] = box[k].Lo
			}
		}
		p.Eval(got, at)
		if !out[0].Contains(got[0]) {
			t.Fatalf("%s on %v is %v, which lacks its value %v at %v", name, box, out[0], got[0], at)
		}
	}
}

// An interval holds every value of every operation: on boxes of all sizes, about 0, and across the cut of atan2.
func TestIntervalsAreSound(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name := range operations {
		for range 3000 {
			var lo, width [3]float64
			for k := range lo {
				scale := math.Pow(10, float64(r.IntN(9)-4))
				lo[k], width[k] = scale*r.NormFloat64(), scale*r.ExpFloat64()*float64(r.IntN(3))
				if r.IntN(8) == 0 {
					lo[k] = 0
				}
				if r.IntN(8) == 0 {
					width[k] = -lo[k]
				}
			}
			sound(t, name, lo, width, 10, r)
		}
	}
}

// FuzzIntervals looks for a box whose interval lacks a value.
func FuzzIntervals(f *testing.F) {
	f.Add(0.0, 1.0, -1.0, 2.0, 0.5, 0.0, uint64(1))
	f.Add(-1.0, 2.0, -1.0, 0.5, 0.0, 0.0, uint64(2))
	f.Add(1e300, 1e300, -1e-300, 2e-300, 0.0, 1.0, uint64(3))
	f.Add(1e7, 0.1, 1e9, 3.0, math.Pi, 1e-9, uint64(4))
	f.Fuzz(func(t *testing.T, a, wa, b, wb, c, wc float64, seed uint64) {
		for name := range operations {
			sound(t, name, [3]float64{a, b, c}, [3]float64{wa, wb, wc}, 8, rand.New(rand.NewPCG(seed, 1)))
		}
	})
}

// Where it costs nothing, an interval is tight.
func TestIntervalsAreTight(t *testing.T) {
	for _, c := range []struct {
		name   string
		box    [2][2]float64
		lo, hi float64
	}{
		{"add", [2][2]float64{{1, 2}, {-3, 4}}, -2, 6}, {"sub", [2][2]float64{{1, 2}, {-3, 4}}, -3, 5}, {"mul", [2][2]float64{{-1, 2}, {-3, 4}}, -6, 8},
		{"square", [2][2]float64{{-1, 2}, {}}, 0, 4}, {"div", [2][2]float64{{1, 2}, {2, 4}}, 0.25, 1}, {"abs", [2][2]float64{{-3, 2}, {}}, 0, 3},
		{"sin", [2][2]float64{{0, 2}, {}}, 0, 1}, {"sin", [2][2]float64{{-2, 0.5}, {}}, -1, math.Sin(0.5)}, {"cos", [2][2]float64{{3, 4}, {}}, -1, math.Cos(4)},
		{"sin", [2][2]float64{{0, 7}, {}}, -1, 1}, {"cos", [2][2]float64{{0.1, 0.2}, {}}, math.Cos(0.2), math.Cos(0.1)},
		{"atan2", [2][2]float64{{1, 1}, {-1, 1}}, math.Pi / 4, 3 * math.Pi / 4}, {"atan2", [2][2]float64{{-1, 1}, {-2, -1}}, -math.Pi, math.Pi},
		{"atan2", [2][2]float64{{-1, 1}, {1, 1}}, -math.Pi / 4, math.Pi / 4}, {"less", [2][2]float64{{1, 2}, {3, 4}}, 1, 1}, {"less", [2][2]float64{{1, 3}, {2, 4}}, 0, 1},
		{"exp", [2][2]float64{{0, 1}, {}}, 1, math.E}, {"round", [2][2]float64{{-0.4, 1.6}, {}}, 0, 2}, {"where", [2][2]float64{{1, 2}, {5, 6}}, 5, 6},
	} {
		p := num.Trace(3, func(x num.Vec) num.Vec { return num.Vec{operations[c.name](x)} })
		out := make([]num.Interval, 1)
		p.EvalInterval(out, []num.Interval{{Lo: c.box[0][0], Hi: c.box[0][1]}, {Lo: c.box[1][0], Hi: c.box[1][1]}, {}})
		if math.Abs(out[0].Lo-c.lo) > 1e-14 || math.Abs(out[0].Hi-c.hi) > 1e-14 || out[0].MayNaN {
			t.Errorf("%s on %v is %v, want [%v, %v]", c.name, c.box, out[0], c.lo, c.hi)
		}
	}
}

// Where a value may be NaN, the interval says so, and keeps saying so.
func TestIntervalsKnowNaN(t *testing.T) {
	for name, c := range map[string]struct {
		f   func(x num.Vec) num.Expr
		nan bool
	}{
		"√ below 0":       {func(x num.Vec) num.Expr { return x[0].Sqrt() }, true},
		"√ of a square":   {func(x num.Vec) num.Expr { return x[0].Square().Sqrt() }, false},
		"log below 0":     {func(x num.Vec) num.Expr { return x[0].Log() }, true},
		"0/0":             {func(x num.Vec) num.Expr { return x[0].Div(x[0]) }, true},
		"1/0":             {func(x num.Vec) num.Expr { return num.Lit(1).Div(x[0]) }, false},
		"min of NaN":      {func(x num.Vec) num.Expr { return x[0].Sqrt().Min(0) }, true},
		"less of NaN":     {func(x num.Vec) num.Expr { return x[0].Sqrt().Less(0) }, false},
		"Inf - Inf":       {func(x num.Vec) num.Expr { return num.Lit(1).Div(x[0]).Sub(num.Lit(1).Div(x[0])) }, true},
		"sin of Inf":      {func(x num.Vec) num.Expr { return num.Lit(1).Div(x[0]).Sin() }, true},
		"chosen NaN":      {func(x num.Vec) num.Expr { return num.Where(x[0].Less(9), 1, x[0].Sqrt()) }, false},
		"constant of NaN": {func(x num.Vec) num.Expr { return x[0].Add(num.Lit(math.NaN())) }, true},
	} {
		p := num.Trace(1, func(x num.Vec) num.Vec { return num.Vec{c.f(x)} })
		out := make([]num.Interval, 1)
		p.EvalInterval(out, []num.Interval{{Lo: -1, Hi: 1}})
		if out[0].MayNaN != c.nan {
			t.Errorf("%s on [-1, 1] is %+v", name, out[0])
		}
	}
}

func BenchmarkEvalInterval(b *testing.B) {
	p := num.Trace(2, every)
	x, y := []num.Interval{{Lo: 0.2, Hi: 0.3}, {Lo: -0.4, Hi: -0.3}}, make([]num.Interval, p.Out)
	for b.Loop() {
		p.EvalInterval(y, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/box")
}
