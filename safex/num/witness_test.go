package num

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exact is v with room for sums and products of all magnitudes.
func exact(v float64) *big.Float { return new(big.Float).SetPrec(2400).SetFloat64(v) }

// span is an interval of exact numbers.
type span struct{ lo, hi *big.Float }

// witness narrows down, in exact arithmetic, what the symbols must be for the forms to hold the values that a program
// had at a point. As long as something is left for each, the forms are right there: there is one choice of
// the new symbols for all of them.
type witness []span

func (w *witness) grow(n int) {
	for len(*w) < n {
		*w = append(*w, span{exact(-1), exact(1)})
	}
}

// see takes in that the form f has the value v, and solves it for symbol k, or for none if k is -1.
func (w witness) see(f Affine, v float64, k int) error {
	switch {
	case v != v && f.Range.MayNaN:
		return nil
	case !f.Range.Contains(v):
		return fmt.Errorf("%v is not in the range %+v", v, f.Range)
	case math.IsInf(f.Rad, 1):
		return nil
	case math.IsInf(v, 0):
		return fmt.Errorf("%v of a form that ends", v)
	}
	if k >= len(f.Coef) || k >= 0 && f.Coef[k] == 0 {
		k = -1
	}
	lo, hi := exact(f.Mid), exact(f.Mid) // of all but symbol k
	for i, c := range f.Coef {
		if i != k && c != 0 {
			a, b := exact(0).Mul(exact(c), w[i].lo), exact(0).Mul(exact(c), w[i].hi)
			if c < 0 {
				a, b = b, a
			}
			lo.Add(lo, a)
			hi.Add(hi, b)
		}
	}
	lo.Sub(lo, exact(f.Rad))
	hi.Add(hi, exact(f.Rad))
	if k < 0 {
		if exact(v).Cmp(lo) < 0 || exact(v).Cmp(hi) > 0 {
			return fmt.Errorf("%v is not in [%v, %v]", v, lo.Text('g', 20), hi.Text('g', 20))
		}
		return nil
	}
	a, b := exact(0).Quo(lo.Sub(exact(v), lo), exact(f.Coef[k])), exact(0).Quo(hi.Sub(exact(v), hi), exact(f.Coef[k]))
	if a.Cmp(b) > 0 {
		a, b = b, a
	}
	rounding := exact(1e-300) // of the quotients
	if a.Sub(a, rounding); a.Cmp(w[k].lo) > 0 {
		w[k].lo = a
	}
	if b.Add(b, rounding); b.Cmp(w[k].hi) < 0 {
		w[k].hi = b
	}
	if w[k].lo.Cmp(w[k].hi) > 0 {
		return fmt.Errorf("%v asks for the symbol %d in [%v, %v]", v, k, a.Text('g', 20), b.Text('g', 20))
	}
	return nil
}

// run checks each register of p, as a form and as an interval, at the inputs at of the forms x.
func (w *witness) run(p *Program, x []Affine, symbols int, at []float64) (out []Affine, values []float64, used int, err error) {
	values, a := make([]float64, len(p.steps)), affinity{symbols: symbols}
	p.run(values, at)
	forms, boxes, box := make([]Affine, len(p.steps)), make([]Interval, len(p.steps)), make([]Interval, len(x))
	for d := range x {
		box[d] = x[d].Range
	}
	all := &Program{In: p.In, Out: len(p.steps), steps: p.steps}
	for i := range p.steps {
		all.out = append(all.out, i)
	}
	all.EvalInterval(boxes, box)
	for i := range p.steps {
		s, before := &p.steps[i], a.symbols
		forms[i] = a.step(s, forms, x)
		w.grow(a.symbols)
		k := -1
		if a.symbols == before+1 {
			k = before
		}
		err := w.see(forms[i], values[i], k)
		if !boxes[i].Contains(values[i]) {
			err = fmt.Errorf("%v is not in the interval %+v", values[i], boxes[i])
		}
		if err != nil {
			return nil, nil, 0, fmt.Errorf("%v of %v, %v, %v: %w\nform %+v\nof %+v\nand %+v", s.Op,
				values[s.Arg[0]], values[s.Arg[1]], values[s.Arg[2]], err, forms[i], forms[s.Arg[0]], forms[s.Arg[1]])
		}
	}
	var results []float64
	for _, r := range p.out {
		out, results = append(out, forms[r]), append(results, values[r])
	}
	return out, results, a.symbols, nil
}

// anywhere is a number of any magnitude, often one where something turns.
func anywhere(r *rand.Rand) float64 {
	switch r.IntN(10) {
	case 0:
		return math.Copysign(0, r.Float64()-0.5)
	case 1:
		return math.Copysign(math.Ldexp(1+r.Float64(), r.IntN(2098)-1074), r.Float64()-0.5)
	case 2:
		return math.Copysign(math.Ldexp(1+r.Float64(), r.IntN(120)-60), r.Float64()-0.5)
	case 3:
		return math.Pi / 2 * float64(r.IntN(17)-8)
	case 4:
		return math.Pi / 2 * float64(r.IntN(1e6))
	case 5:
		return float64(r.IntN(9)-4) / 2
	case 6:
		return 5e-324 * float64(r.IntN(9)-4)
	case 7:
		return 0x1p-1022 * float64(r.IntN(5)-2)
	}
	return r.NormFloat64() * math.Pow(10, float64(r.IntN(5)-2))
}

// knot is a program of operations on each other and on constants. A tame one mostly stays among the real numbers.
func knot(r *rand.Rand, in, size int, tame bool) *Program {
	one := []Op{OpNeg, OpAbs, OpSqrt, OpExp, OpLog, OpTanh, OpSin, OpCos, OpRound}
	two := []Op{OpAdd, OpSub, OpMul, OpDiv, OpMin, OpMax, OpLess, OpAtan2, OpAdd, OpSub, OpMul}
	return Trace(in, func(x Vec) Vec {
		have := append(Vec{}, x...)
		pick := func() Expr {
			if r.IntN(8) == 0 {
				return Lit(anywhere(r))
			}
			return have[len(have)-1-r.IntN(min(len(have), 6))]
		}
		for range size {
			a, b := pick(), pick()
			var e Expr
			switch n := r.IntN(22); {
			case n < 9:
				if op := one[n]; tame && op == OpExp {
					a = a.Tanh()
				} else if tame && (op == OpLog || op == OpSqrt) {
					a = a.Abs().Add(0.1)
				}
				e = apply(one[n], a)
			case n < 20:
				op := two[n-9]
				if tame && op == OpDiv {
					b = b.Square().Add(0.3)
				}
				if tame && op == OpMul {
					a = a.Sin()
				}
				e = apply(op, a, b)
			case n == 20:
				e = Where(pick().Less(pick()), a, b)
			default:
				e = a.Mul(a)
			}
			have = append(have, e)
		}
		return have[len(have)-3:]
	})
}

// proven runs a random program, reduces, and runs another, at random points of random boxes of all sizes, and with an
// error of their own in the inputs, that the points use.
func proven(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 9))
	const in = 3
	tame := r.IntN(3) > 0
	size := 1 + r.IntN(8)
	if r.IntN(50) == 0 {
		size = 100
	}
	first, second := knot(r, in, size, tame), knot(r, 3, 1+r.IntN(4), tame)
	var box []Interval
	for range in {
		lo := anywhere(r)
		hi := lo
		switch r.IntN(5) {
		case 0: // a point
		case 1:
			hi = up(lo, 1+r.IntN(3))
		case 2:
			hi = lo + math.Abs(anywhere(r))
		case 3:
			lo, hi = min(lo, 1.5*lo), max(lo, 1.5*lo)
		default:
			hi = lo + math.Abs(r.NormFloat64())
		}
		if math.IsInf(lo, 0) || math.IsInf(hi, 0) || lo != lo || hi != hi {
			return
		}
		box = append(box, Interval{Lo: lo, Hi: hi})
	}
	x, symbols := Forms(box)
	loose := r.IntN(2) == 0
	for d := range x { // half of the width becomes an error of its own
		if f := &x[d]; loose && len(f.Coef) > 0 && !math.IsInf(f.Rad, 1) {
			k := len(f.Coef) - 1
			f.Rad = f.Coef[k] / 2
			f.Coef[k] = up(f.Coef[k]/2, 1)
		}
	}
	keep := r.IntN(8)
	for range 6 {
		at := make([]float64, in)
		for d, b := range box {
			switch r.IntN(4) {
			case 0:
				at[d] = b.Lo
			case 1:
				at[d] = b.Hi
			case 2:
				at[d] = min(max(anywhere(r), b.Lo), b.Hi)
			default:
				at[d] = min(max(b.Lo+r.Float64()*(b.Hi-b.Lo), b.Lo), b.Hi)
			}
			if at[d] != at[d] {
				at[d] = b.Lo
			}
		}
		var w witness
		w.grow(symbols)
		for d, f := range x { // what the symbol of an input is at this point, its own error aside
			if k := len(f.Coef) - 1; k >= 0 {
				if err := w.see(f, at[d], k); err != nil {
					t.Fatalf("seed %d: input %d: %v", seed, d, err)
				}
			}
		}
		mids, values, n, err := w.run(first, x, symbols, at)
		if err != nil {
			t.Fatalf("seed %d at %v of %v: %v", seed, at, box, err)
		}
		if r.IntN(2) == 0 { // on the symbols as they are
			if _, _, _, err := w.run(second, mids, n, values); err != nil {
				t.Fatalf("seed %d, after another program, at %v of %v: %v", seed, at, box, err)
			}
			continue
		}
		reduced := append([]Affine{}, mids...)
		n = Reduce(reduced, keep)
		var left witness // nothing is known of the symbols that are left
		left.grow(n)
		for d, f := range reduced {
			if err := left.see(f, values[d], -1); err != nil {
				t.Fatalf("seed %d, reduced, at %v of %v: %v", seed, at, box, err)
			}
		}
		if _, _, _, err := left.run(second, reduced, n, values); err != nil {
			t.Fatalf("seed %d, after a reduction, at %v of %v: %v", seed, at, box, err)
		}
	}
}

// There is one choice of the symbols for all registers, in exact arithmetic.
func TestWitness(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 500
	}
	for seed := range n {
		proven(t, uint64(seed))
	}
}

// FuzzWitness looks for a program and a point without one.
func FuzzWitness(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { proven(t, seed) })
}

// Found in a review, each with the value that was lost.
func TestLostValues(t *testing.T) {
	atan2 := Trace(2, func(x Vec) Vec { return Vec{Atan2(x[0], x[1])} })
	log := Trace(1, func(x Vec) Vec { return Vec{x[0].Log()} })
	for _, c := range []struct {
		p   *Program
		box []Interval
		at  []float64
	}{
		{atan2, []Interval{{Lo: -1, Hi: -5e-324}, {Lo: -4, Hi: -2}}, []float64{-0.5, -4}},
		{atan2, []Interval{{Lo: -1, Hi: -5e-324}, {Lo: -4, Hi: -3}}, []float64{-5e-324, -4}},
		{atan2, []Interval{{Lo: -5e-324, Hi: -5e-324}, {Lo: -5e64, Hi: math.Inf(1)}}, []float64{-5e-324, -9.5e-277}},
		{log, []Interval{{Lo: 0x1p-1074, Hi: 3 * 0x1p-1023}}, []float64{0x1p-1022}},
	} {
		box, value := make([]Interval, 1), make([]float64, 1)
		c.p.EvalInterval(box, c.box)
		c.p.Eval(value, c.at)
		x, symbols := Forms(c.box)
		var w witness
		w.grow(symbols)
		for d, f := range x {
			if err := w.see(f, c.at[d], len(f.Coef)-1); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, _, err := w.run(c.p, x, symbols, c.at); err != nil || !box[0].Contains(value[0]) {
			t.Errorf("%v at %v is %v: interval %+v, %v", c.box, c.at, value[0], box[0], err)
		}
	}
}

// Overflow leaves the range, and a reduction leaves no symbols of forms that have none.
func TestFormsOverflow(t *testing.T) {
	f := Affine{Mid: 1.5e308, Coef: []float64{1e308, -1e308}, Range: Interval{Lo: -1.7e308, Hi: 1.7e308}}
	if got := f.At([]float64{1, 1}); got != f.Range {
		t.Errorf("beyond the largest number: %+v", got)
	}
	x := []Affine{{Coef: []float64{1e308, 1e308}, Range: Interval{Lo: -1.7e308, Hi: 1.7e308}}}
	if n := Reduce(x, 0); n != 0 || x[0].At(nil) != x[0].Range {
		t.Errorf("reduced to %d symbols and %+v", n, x[0])
	}
	x = []Affine{{Coef: []float64{1, 2, 3}, Rad: math.Inf(1), Range: Interval{Lo: -9, Hi: 9}}, {Mid: 1, Coef: []float64{1}, Range: Interval{Hi: 2}}}
	n := Reduce(x, 0)
	Trace(2, func(v Vec) Vec { return Vec{v[0].Add(v[1])} }).EvalAffine(make([]Affine, 1), x, n)
}
