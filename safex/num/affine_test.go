package num_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// mixed are three forms on three shared symbols around mid. Their values at a point of the symbols are computed with
// rounding, for which Rad leaves room; there is none if all numbers are coarse.
func mixed(mid [3]float64, mix [3][3]float64) (x []num.Affine, ok bool) {
	exact := true
	for d := range mid {
		exact = exact && coarse(mid[d]) && coarse(mix[d][0]) && coarse(mix[d][1]) && coarse(mix[d][2])
	}
	for d := range mid {
		reach := math.Abs(mid[d])
		for _, g := range mix[d] {
			reach += math.Abs(g)
		}
		f := num.Affine{Mid: mid[d], Coef: mix[d][:], Rad: reach*1e-15 + 1e-320}
		if exact {
			f.Rad = 0
		}
		f.Range = num.Interval{Lo: mid[d] - 2*reach, Hi: mid[d] + 2*reach}
		if f.Range = f.At(nil); !(f.Range.Width() < math.Inf(1)) {
			return nil, false
		}
		x = append(x, f)
	}
	return x, true
}

// coarse tells whether v is a multiple of 2⁻²⁰ of moderate size: sums of such numbers are exact.
func coarse(v float64) bool { return math.Abs(v) < 1<<20 && v*0x1p20 == math.Trunc(v*0x1p20) }

// coarser is the coarse number nearest to v.
func coarser(v float64) float64 { return math.Round(v*0x1p20) * 0x1p-20 }

// place is the point of mixed at eps.
func place(mid [3]float64, mix [3][3]float64, eps []float64) []float64 {
	x := make([]float64, 3)
	for d := range x {
		x[d] = mid[d]
		for i, g := range mix[d] {
			x[d] += g * eps[i]
		}
	}
	return x
}

// linear is a program of sums and multiples, in which all that can go wrong is rounding.
func linear(r *rand.Rand, size int) *num.Program {
	return num.Trace(3, func(x num.Vec) num.Vec {
		have := append(num.Vec{}, x...)
		for range size {
			a, b := have[r.IntN(len(have))], have[r.IntN(len(have))]
			have = append(have, []num.Expr{a.Add(b), a.Sub(b), a.Mul(r.NormFloat64()), a.Div(3 + r.Float64()), a.Add(r.Float64()), a.Neg()}[r.IntN(6)])
		}
		return have[len(have)-3:]
	})
}

// tangle is a program of some operations on each other, drawn from r.
func tangle(r *rand.Rand, size int) *num.Program {
	return num.Trace(3, func(x num.Vec) num.Vec {
		have := append(num.Vec{}, x...)
		pick := func() num.Expr { return have[r.IntN(len(have))] }
		for range size {
			var e num.Expr
			switch r.IntN(18) {
			case 0:
				e = pick().Add(pick())
			case 1:
				e = pick().Sub(pick())
			case 2:
				e = pick().Mul(pick())
			case 3:
				e = pick().Div(pick())
			case 4:
				e = pick().Min(pick())
			case 5:
				e = pick().Max(pick())
			case 6:
				e = pick().Less(pick())
			case 7:
				e = num.Where(pick().Less(pick()), pick(), pick())
			case 8:
				e = pick().Neg()
			case 9:
				e = pick().Abs()
			case 10:
				e = pick().Sqrt()
			case 11:
				e = pick().Exp()
			case 12:
				e = pick().Log()
			case 13:
				e = pick().Tanh()
			case 14:
				e = pick().Sin()
			case 15:
				e = pick().Cos()
			case 16:
				e = num.Atan2(pick(), pick())
			case 17:
				e = pick().Round().Mul(r.NormFloat64())
			}
			have = append(have, e)
		}
		return have[len(have)-3:]
	})
}

// holds checks that the forms of p, and of next on what p gives, hold the values at points of the symbols, with the
// symbols of the inputs at that point: a form must be right for each point, not just have the right range.
func holds(t *testing.T, name string, p, next *num.Program, mid [3]float64, mix [3][3]float64, keep, n int, r *rand.Rand) {
	x, ok := mixed(mid, mix)
	if !ok {
		return
	}
	mids, ends := make([]num.Affine, p.Out), make([]num.Affine, next.Out)
	symbols := p.EvalAffine(mids, x, 3)
	tracked := 3 // symbols of the inputs that the forms still have
	direct := append([]num.Affine{}, mids...)
	if keep >= 0 {
		symbols, tracked = num.Reduce(mids, keep), 0 // the symbols are others now
	}
	next.EvalAffine(ends, mids, symbols)
	a, b := make([]float64, p.Out), make([]float64, next.Out)
	eps := make([]float64, 3)
	for i := range 8 + n {
		for k := range eps {
			if eps[k] = float64(2*(i>>k&1) - 1); i >= 8 {
				eps[k] = float64(r.IntN(17)-8) / 8
			}
		}
		at := place(mid, mix, eps)
		p.Eval(a, at)
		next.Eval(b, a)
		for d := range a {
			if in := direct[d].At(eps); !in.Contains(a[d]) {
				t.Fatalf("%s: output %d at %v (ε %v) is %v, and the form has %+v there\nof %v, %v", name, d, at, eps, a[d], in, mid, mix)
			}
			if !direct[d].Range.Contains(a[d]) || !mids[d].Range.Contains(a[d]) {
				t.Fatalf("%s: output %d is %v, out of range %+v", name, d, a[d], direct[d].Range)
			}
		}
		for d := range b {
			if in := ends[d].At(eps[:tracked]); !in.Contains(b[d]) {
				t.Fatalf("%s: after another program, output %d at %v (ε %v) is %v, and the form has %+v there\nof %v, %v", name, d, at, eps, b[d], in, mid, mix)
			}
		}
	}
}

// one is an operation with two of its inputs, so that the next program sees how they hang together.
func one(name string) *num.Program {
	return num.Trace(3, func(x num.Vec) num.Vec { return num.Vec{operations[name](x), x[0], x[1]} })
}

// after asks how the results hang together.
var after = num.Trace(3, func(x num.Vec) num.Vec {
	return num.Vec{x[0].Sub(x[1]), x[0].Mul(x[2]), x[0].Add(x[1]).Sub(x[2]).Tanh()}
})

func draw(r *rand.Rand) (mid [3]float64, mix [3][3]float64) {
	exact := r.IntN(2) == 0
	for d := range mid {
		scale := math.Pow(10, float64(r.IntN(9)-5))
		mid[d] = 3 * r.NormFloat64()
		if r.IntN(6) == 0 {
			mid[d] = 0
		}
		for i := range mix[d] {
			mix[d][i] = scale * r.NormFloat64() * float64(r.IntN(3)) / 2
			if exact {
				mid[d], mix[d][i] = coarser(mid[d]), coarser(mix[d][i])
			}
		}
	}
	return mid, mix
}

func TestFormsAreSound(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for name := range operations {
		p := one(name)
		for range 2000 {
			mid, mix := draw(r)
			holds(t, name, p, after, mid, mix, r.IntN(7)-3, 8, r)
		}
	}
	for i := range 8000 {
		seed := rand.New(rand.NewPCG(5, uint64(i)))
		mid, mix := draw(r)
		holds(t, fmt.Sprintf("tangle %d", i), tangle(seed, 1+i%12), tangle(seed, 3), mid, mix, r.IntN(7)-3, 8, r)
		holds(t, fmt.Sprintf("linear %d", i), linear(seed, 1+i%12), linear(seed, 3), mid, mix, r.IntN(7)-3, 8, r)
	}
}

// FuzzForms looks for forms that lack a value, for each operation and for tangles of them.
func FuzzForms(f *testing.F) {
	f.Add(0.0, 1.0, -1.0, 2.0, 0.5, 0.0, 0.1, 0.2, 0.3, uint64(1))
	f.Add(-1.0, 2.0, -1.0, 0.5, 0.0, 0.0, 1e-9, 1e-3, 10.0, uint64(2))
	f.Add(1e300, 1e300, -1e-300, 2e-300, 0.0, 1.0, 1.0, -1.0, 0.0, uint64(3))
	f.Add(1e5, 0.1, 1e6, 3.0, math.Pi, 1e-9, 0.0, 0.0, 1e-8, uint64(4))
	f.Add(-434.17500000000007, 1441.375, 89.64285714285715, 124.33749999999999, 69.925, 18.055555555555557, -1283.3333333275, -291.488, 654.5, uint64(514)) // squares that underflow
	f.Fuzz(func(t *testing.T, a, b, c, g, h, i, j, k, l float64, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 1))
		mid, mix := [3]float64{a, b, c}, [3][3]float64{{g, h, i}, {j, k, l}, {l, g, 0}}
		for name := range operations {
			holds(t, name, one(name), after, mid, mix, -1, 4, r)
		}
		holds(t, "tangle", tangle(r, 1+r.IntN(12)), tangle(r, 3), mid, mix, r.IntN(7)-3, 8, r)
		holds(t, "linear", linear(r, 1+r.IntN(12)), linear(r, 3), mid, mix, r.IntN(7)-3, 8, r)
		for d := range mid {
			mid[d] = coarser(mid[d])
			for i := range mix[d] {
				mix[d][i] = coarser(mix[d][i])
			}
		}
		for name := range operations {
			holds(t, name, one(name), after, mid, mix, -1, 4, r)
		}
		holds(t, "linear", linear(r, 1+r.IntN(12)), linear(r, 3), mid, mix, r.IntN(7)-3, 8, r)
	})
}

// What depends on the same unknowns is compared as such.
func TestFormsShareSymbols(t *testing.T) {
	box := []num.Interval{{Lo: 1, Hi: 2}, {Lo: -0.1, Hi: 0.3}}
	for _, c := range []struct {
		name   string
		f      func(x num.Vec) num.Expr
		lo, hi float64 // of the values
		room   float64 // that the form may need besides
	}{
		{"x - x", func(x num.Vec) num.Expr { return x[0].Sub(x[0]) }, 0, 0, 2e-15},
		{"x + y - x", func(x num.Vec) num.Expr { return x[0].Add(x[1]).Sub(x[0]) }, -0.1, 0.3, 5e-15},
		{"x (1 - x)", func(x num.Vec) num.Expr { return x[0].Mul(num.Lit(1).Sub(x[0])) }, -2, 0, 0.25},
		{"x² - 2 x", func(x num.Vec) num.Expr { return x[0].Square().Sub(x[0].Mul(2)) }, -1, 0, 0.25 + 2e-14},
		{"(x + y) (x - y) - x² + y²", func(x num.Vec) num.Expr {
			return x[0].Add(x[1]).Mul(x[0].Sub(x[1])).Sub(x[0].Square()).Add(x[1].Square())
		}, 0, 0, 0.5},
		{"sin y - y", func(x num.Vec) num.Expr { return x[1].Sin().Sub(x[1]) }, math.Sin(0.3) - 0.3, 0.1 - math.Sin(0.1), 0.01},
		{"tanh y - y", func(x num.Vec) num.Expr { return x[1].Tanh().Sub(x[1]) }, math.Tanh(0.3) - 0.3, 0.1 - math.Tanh(0.1), 0.02},
		{"x / x", func(x num.Vec) num.Expr { return x[0].Div(x[0]) }, 1, 1, 0.3},
		{"√x² - x", func(x num.Vec) num.Expr { return x[0].Square().Sqrt().Sub(x[0]) }, 0, 0, 0.2},
		{"max(x, y) - x", func(x num.Vec) num.Expr { return x[0].Max(x[1]).Sub(x[0]) }, 0, 0, 2e-15},
		{"x > x + 1", func(x num.Vec) num.Expr { return x[0].Add(1).Less(x[0]) }, 0, 0, 0},
		{"atan2(y, x) - y / x", func(x num.Vec) num.Expr { return num.Atan2(x[1], x[0]).Sub(x[1].Div(x[0])) }, -0.0088, 0.0004, 0.22},
	} {
		p := num.Trace(2, func(x num.Vec) num.Vec { return num.Vec{c.f(x)} })
		x, symbols := num.Forms(box)
		out, plain := make([]num.Affine, 1), make([]num.Interval, 1)
		p.EvalAffine(out, x, symbols)
		p.EvalInterval(plain, box)
		if got := out[0].Range; got.Lo < c.lo-c.room || got.Hi > c.hi+c.room {
			t.Errorf("%s is in [%v, %v], form %+v, interval %+v", c.name, c.lo, c.hi, got, plain[0])
		}
	}
}

// A box that is turned again and again keeps its size as a zonotope; as a box it grows by √2 with each eighth of a turn.
func TestFormsDoNotWrap(t *testing.T) {
	turn := num.Trace(2, func(x num.Vec) num.Vec {
		const c = math.Sqrt2 / 2
		return num.Vec{x[0].Sub(x[1]).Mul(c), x[0].Add(x[1]).Mul(c)}
	})
	box := []num.Interval{{Lo: -1, Hi: 1}, {Lo: -1, Hi: 1}}
	x, symbols := num.Forms(box)
	for range 80 {
		turn.EvalAffine(x, x, symbols)
		symbols = num.Reduce(x, 10)
		turn.EvalInterval(box, box)
	}
	if x[0].Range.Hi > 1+1e-9 || box[0].Hi < 1e11 {
		t.Errorf("after ten turns the zonotope reaches %v, the box %v", x[0].Range.Hi, box[0].Hi)
	}
	if symbols > 12 {
		t.Errorf("%d symbols, want at most 10 and one for each form", symbols)
	}
}

// Reducing keeps the symbols that matter, and at most one more for each form.
func TestReduce(t *testing.T) {
	x := []num.Affine{
		{Mid: 1, Coef: []float64{1, 0.01, 0, 0.02, 3}, Rad: 0.1, Range: num.Interval{Lo: -9, Hi: 9}},
		{Mid: 2, Coef: []float64{0, 0.5, 2}, Range: num.Interval{Lo: -9, Hi: 9}},
	}
	if n := num.Reduce(x, 2); n != 4 {
		t.Errorf("%d symbols, want 2 kept and 2 for the rest", n)
	}
	for d, want := range [][]float64{{0, 3, 1.13}, {2, 0, 0, 0.5}} {
		for i, c := range want {
			if math.Abs(x[d].Coef[i]-c) > 1e-12 {
				t.Errorf("form %d has the coefficients %v, want %v", d, x[d].Coef, want)
			}
		}
		if x[d].Rad != 0 || len(x[d].Coef) != len(want) {
			t.Errorf("form %d is %+v, want the coefficients %v", d, x[d], want)
		}
	}
}

func BenchmarkEvalAffine(b *testing.B) {
	p := num.Trace(2, every)
	y := make([]num.Affine, p.Out)
	for b.Loop() {
		x, symbols := num.Forms([]num.Interval{{Lo: 0.2, Hi: 0.3}, {Lo: -0.4, Hi: -0.3}})
		p.EvalAffine(y, x, symbols)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/zonotope")
}
