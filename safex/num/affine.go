package num

import (
	"fmt"
	"math"
	"slices"
)

// An Affine form is a number that is known as
//
//	Mid + Σ Coef[i] ε[i] ± Rad,   every ε[i] in [-1, 1],
//
// and that lies in Range too. Forms that are evaluated together share their symbols ε, so that what depends on
// the same unknowns is compared as such: x - x is 0, which intervals do not know (de Figueiredo and
// Stolfi, 2004). The forms of a state are a zonotope. Rad is an error of its own, of which nothing is known; it
// is +Inf if the Range is all that is known. If Range.MayNaN, the rest holds unless the value is NaN.
type Affine struct {
	Mid   float64
	Coef  []float64 // of the symbols; those beyond its end are 0
	Rad   float64   // at least 0
	Range Interval
}

// Known is the form of one value.
func Known(v float64) Affine {
	if !finite(v) {
		return Affine{Rad: math.Inf(1), Range: Point(v)}
	}
	return Affine{Mid: v, Range: Point(v)}
}

// Forms are those of a box, a symbol for each of its dimensions that is not a point. symbols is their number.
func Forms(box []Interval) (x []Affine, symbols int) {
	for _, r := range box {
		if r.Lo == r.Hi {
			x = append(x, Known(r.Lo))
			x[len(x)-1].Range = r
			continue
		}
		f := fresh(r, symbols)
		symbols = max(symbols, len(f.Coef))
		x = append(x, f)
	}
	return x, symbols
}

// At is the enclosure of the value where the first symbols have the values eps, and the others any.
func (x Affine) At(eps []float64) Interval {
	if math.IsInf(x.Rad, 1) {
		return x.Range
	}
	var e slop
	mid, rad := x.Mid, x.Rad
	for i, a := range x.Coef {
		if i < len(eps) {
			mid = e.round(mid + e.round(a*eps[i]))
		} else {
			rad = e.round(rad + math.Abs(a))
		}
	}
	rad = up(rad+e.bound(), 1)
	if !finite(mid) || !finite(rad) {
		return x.Range
	}
	return Interval{max(x.Range.Lo, down(mid-rad, 1)), min(x.Range.Hi, up(mid+rad, 1)), x.Range.MayNaN}
}

// Reduce replaces all but the keep symbols that matter most to the forms x by one symbol for each of them, so
// that what they hold does not grow from step to step (Girard, 2005). It renumbers the symbols and returns
// their number, at most keep + len(x). Rad becomes a part of that symbol, which lets rounding errors cancel
// later too. Forms that are not among x no longer belong to x.
func Reduce(x []Affine, keep int) (symbols int) {
	n := 0
	for d := range x {
		if math.IsInf(x[d].Rad, 1) {
			x[d].Coef = nil
		}
		n = max(n, len(x[d].Coef))
	}
	weight, order := make([]float64, n), make([]int, n)
	for i := range order {
		order[i] = i
		for _, f := range x {
			if i < len(f.Coef) {
				weight[i] += math.Abs(f.Coef[i])
			}
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case weight[i] > weight[j]:
			return -1
		case weight[i] < weight[j]:
			return 1
		}
		return 0
	})
	kept := order[:min(max(keep, 0), n)]
	slices.Sort(kept)
	symbols = len(kept)
	for d := range x {
		f := &x[d]
		if math.IsInf(f.Rad, 1) {
			continue
		}
		rest := slices.Clone(f.Coef)
		coef := make([]float64, len(kept), len(kept)+len(x))
		for k, i := range kept {
			if i < len(rest) {
				coef[k], rest[i] = rest[i], 0
			}
		}
		var e slop
		sum := f.Rad
		for _, a := range rest {
			sum = e.round(sum + math.Abs(a))
		}
		f.Coef, f.Rad = coef, 0
		if sum += e.bound(); !finite(sum) {
			*f = unknown(f.Range)
		} else if sum > 0 {
			f.Coef = append(f.Coef, make([]float64, symbols-len(coef))...)
			f.Coef = append(f.Coef, up(sum, 1))
			symbols++
		}
	}
	return symbols
}

// EvalAffine evaluates the program on the forms x, which have the given number of symbols, into dst. It adds symbols for what is not
// affine. For all values of the symbols of x, and of Rad, there are values of the added ones with which dst is exactly the program's
// value at that point. It returns the number of symbols then in use, and panics if dimensions disagree.
func (p *Program) EvalAffine(dst, x []Affine, symbols int) int {
	if len(x) != p.In || len(dst) != p.Out {
		panic(fmt.Sprintf("num: EvalAffine of a %d-to-%d program on %d inputs and %d outputs", p.In, p.Out, len(x), len(dst)))
	}
	for d := range x {
		if len(x[d].Coef) > symbols {
			panic(fmt.Sprintf("num: EvalAffine with %d symbols on a form of %d", symbols, len(x[d].Coef)))
		}
	}
	a := affinity{symbols: symbols}
	reg := make([]Affine, len(p.steps))
	for i := range p.steps {
		reg[i] = a.step(&p.steps[i], reg, x)
	}
	for i, r := range p.out {
		dst[i] = reg[r]
	}
	return a.symbols
}

// slop collects bounds of rounding errors.
type slop struct {
	sum float64
	n   int
}

// round notes that v was rounded, and returns it.
func (s *slop) round(v float64) float64 {
	s.sum += math.Abs(v)
	s.n++
	return v
}

// bound is at least the sum of all errors noted: 2⁻⁵³ of each value, or half the smallest number.
// The factors leave room for the rounding of the sum itself.
func (s *slop) bound() float64 {
	if s.n == 0 {
		return 0
	}
	return (s.sum*0x1p-52)*(1+float64(s.n)*0x1p-50) + float64(s.n)*0x1p-1073
}

// affinity is a call of EvalAffine.
type affinity struct{ symbols int }

// step is a step of a program on the registers so far and the inputs x.
func (a *affinity) step(s *Step, reg, x []Affine) Affine {
	switch s.Op {
	case OpConst:
		return Known(s.K)
	case OpInput:
		return x[s.Src]
	case OpMul:
		if s.Arg[0] == s.Arg[1] { // a square knows that its factors are one number
			return a.smooth(parabola, reg[s.Arg[0]], square(reg[s.Arg[0]].Range))
		}
	}
	return a.apply(s.Op, reg[s.Arg[0]], reg[s.Arg[1]], reg[s.Arg[2]])
}

// unknown is a form with nothing known but its range.
func unknown(r Interval) Affine { return Affine{Rad: math.Inf(1), Range: r} }

// fresh is a form that fills r with the symbol of that number, if r is bounded.
func fresh(r Interval, symbol int) Affine {
	mid := r.Lo/2 + r.Hi/2
	rad := r.from(mid)
	if !finite(mid) || !finite(rad) {
		return unknown(r)
	}
	f := Affine{Mid: mid, Coef: make([]float64, symbol+1), Range: r}
	f.Coef[symbol] = rad
	return f
}

// fresh is a form that depends on nothing but a symbol of its own.
func (a *affinity) fresh(r Interval) Affine {
	if r.Lo == r.Hi && finite(r.Lo) {
		return Affine{Mid: r.Lo, Range: r}
	}
	f := fresh(r, a.symbols)
	a.symbols = max(a.symbols, len(f.Coef))
	return f
}

// half is at least half the width of r.
func (x Interval) half() float64 { return up(x.Hi/2-x.Lo/2, 2) }

// from is at least the largest distance in x from a point of it.
func (x Interval) from(v float64) float64 { return up(max(x.Hi-v, v-x.Lo), 1) }

// mag is the largest magnitude in r.
func (x Interval) mag() float64 { return max(math.Abs(x.Lo), math.Abs(x.Hi)) }

// linear is α x + β y + γ with an error of at most δ, whose value lies in r too. The error becomes a symbol of
// its own if it is more than rounding.
func (a *affinity) linear(α float64, x Affine, β float64, y Affine, γ, δ float64, r Interval) Affine {
	var e slop
	f := Affine{Mid: e.round(e.round(e.round(α*x.Mid)+e.round(β*y.Mid)) + γ), Range: r}
	long, short, by, other := x.Coef, y.Coef, α, β
	if len(long) < len(short) {
		long, short, by, other = short, long, β, α
	}
	f.Coef = make([]float64, len(long), len(long)+1)
	total := 0.0
	for i, c := range short {
		v := e.round(e.round(by*long[i]) + e.round(other*c))
		f.Coef[i] = v
		total += math.Abs(v)
	}
	for i := len(short); i < len(long); i++ {
		v := e.round(by * long[i])
		f.Coef[i] = v
		total += math.Abs(v)
	}
	own := e.round(math.Abs(α)*x.Rad) + e.round(math.Abs(β)*y.Rad)
	f.Rad = up(own+e.bound(), 4)
	if δ > 1e-12*(total+f.Rad) {
		if n := a.symbols + 1 - len(f.Coef); n > 0 {
			f.Coef = append(f.Coef, make([]float64, n)...)
		}
		f.Coef[a.symbols] = δ
		a.symbols++
	} else {
		f.Rad = up(f.Rad+δ, 1)
	}
	total += f.Rad + δ
	if !finite(f.Mid) || !finite(total) {
		return a.fresh(r)
	}
	f.Range = f.meet()
	return f
}

// meet is the range that the form and its Range agree on.
func (x Affine) meet() Interval { return x.At(nil) }

// rounding bounds the error of the program's own result in r, of so many units in the last place.
func rounding(r Interval, ulps int) float64 { return r.mag()*(float64(ulps)*0x1p-52) + 0x1p-1070 }

// apply is op on forms.
func (a *affinity) apply(op Op, x, y, z Affine) Affine {
	r := enclose(op, x.Range, y.Range, z.Range)
	if r.Lo == r.Hi && !r.MayNaN && finite(r.Lo) {
		return Affine{Mid: r.Lo, Range: r}
	}
	vague := !finite(r.Lo) || !finite(r.Hi) || math.IsInf(x.Rad, 1)
	if arity(op) > 1 && op != OpWhere {
		vague = vague || math.IsInf(y.Rad, 1)
	}
	if vague && op != OpWhere && op != OpLess {
		return a.fresh(r)
	}
	switch op {
	case OpAdd:
		return a.linear(1, x, 1, y, 0, rounding(r, 1), r)
	case OpSub:
		return a.linear(1, x, -1, y, 0, rounding(r, 1), r)
	case OpNeg:
		return a.linear(-1, x, 0, Affine{}, 0, 0, r)
	case OpMul:
		return a.product(x, y, r)
	case OpDiv:
		if k := y.Range; k.Lo == k.Hi && k.mag() > 1e-300 && k.mag() < 1e300 { // 1/k is rounded, and the program's quotient
			return a.linear(1/k.Lo, x, 0, Affine{}, 0, 2*rounding(r, 1), r)
		}
		return a.product(x, a.smooth(reciprocal, y, enclose(OpDiv, Point(1), y.Range, Interval{})), r)
	case OpMin: // -max(-x, -y)
		return a.neg(a.larger(a.neg(x), a.neg(y), enclose(OpNeg, r, Interval{}, Interval{})))
	case OpMax:
		return a.larger(x, y, r)
	case OpLess:
		return a.less(x, y, r)
	case OpWhere:
		return a.where(x, y, z, r)
	case OpAbs:
		return a.bent(x, r, func(v float64) float64 { return math.Abs(v) })
	case OpSqrt:
		return a.smooth(root, x, r)
	case OpExp:
		return a.smooth(exponential, x, r)
	case OpLog:
		return a.smooth(logarithm, x, r)
	case OpTanh:
		return a.sigmoid(x, r)
	case OpSin:
		return a.wave(OpSin, x, r)
	case OpCos:
		return a.wave(OpCos, x, r)
	case OpAtan2:
		return a.angle(x, y, r)
	case OpRound:
		if δ := 0.5; r.half() > δ {
			return a.linear(1, x, 0, Affine{}, 0, δ, r)
		}
		return a.fresh(r)
	}
	panic("num: unknown operation " + op.String())
}

func (a *affinity) neg(x Affine) Affine {
	return a.linear(-1, x, 0, Affine{}, 0, 0, enclose(OpNeg, x.Range, Interval{}, Interval{}))
}

// product is x y. With the deviations A and B from the middle, x y = c d + d A + c B + A B; the last is
// centred on the squares of symbols that both share.
func (a *affinity) product(x, y Affine, r Interval) Affine {
	if x.Range.Lo == x.Range.Hi {
		x, y = y, x
	}
	if k := y.Range; k.Lo == k.Hi && finite(k.Lo) {
		if k.Lo == 0 || math.IsInf(x.Rad, 1) {
			return a.fresh(r)
		}
		return a.linear(k.Lo, x, 0, Affine{}, 0, rounding(r, 1), r)
	}
	if math.IsInf(x.Rad, 1) || math.IsInf(y.Rad, 1) || !finite(r.Lo) || !finite(r.Hi) {
		return a.fresh(r)
	}
	var e slop
	var sx, sy, both, shared float64
	for i, c := range x.Coef {
		sx = e.round(sx + math.Abs(c))
		if i < len(y.Coef) {
			p := e.round(c * y.Coef[i])
			both, shared = e.round(both+p), e.round(shared+math.Abs(p))
		}
	}
	for _, c := range y.Coef {
		sy = e.round(sy + math.Abs(c))
	}
	slack := e.bound()
	sx, sy = up(sx+x.Rad+slack, 2), up(sy+y.Rad+slack, 2)
	centre, rest := both/2, up(sx*sy-shared/2+2*slack, 4)
	dx, dy := x.Range.from(x.Mid), y.Range.from(y.Mid)
	if whole := up(dx*dy, 1); whole <= rest {
		centre, rest = 0, whole
	}
	// c d + d A + c B is d x + c y - c d.
	cd := x.Mid * y.Mid
	var f slop
	γ := f.round(centre - f.round(cd))
	return a.linear(y.Mid, x, x.Mid, y, γ, up(rest+f.bound()+rounding(r, 1), 2), r)
}

// larger is max(x, y) = y + max(x - y, 0).
func (a *affinity) larger(x, y Affine, r Interval) Affine {
	d := a.linear(1, x, -1, y, 0, 0, enclose(OpSub, x.Range, y.Range, Interval{}))
	switch {
	case math.IsInf(d.Rad, 1):
		return a.fresh(r)
	case d.Range.Lo >= 0:
		x.Range = x.Range.within(r)
		return x
	case d.Range.Hi <= 0:
		y.Range = y.Range.within(r)
		return y
	}
	over := enclose(OpMax, d.Range, Point(0), Interval{})
	return a.linear(1, a.bent(d, over, func(v float64) float64 { return max(v, 0) }), 1, y, 0, 0, r)
}

// within is what x and r have in common; it may be NaN if either may.
func (x Interval) within(r Interval) Interval {
	return Interval{max(x.Lo, r.Lo), min(x.Hi, r.Hi), x.MayNaN || r.MayNaN}
}

// less is 1 where x < y, and 0 elsewhere and of a NaN.
func (a *affinity) less(x, y Affine, r Interval) Affine {
	if !math.IsInf(x.Rad, 1) && !math.IsInf(y.Rad, 1) {
		d := a.linear(1, x, -1, y, 0, 0, enclose(OpSub, x.Range, y.Range, Interval{}))
		switch {
		case math.IsInf(d.Rad, 1):
		case d.Range.Lo >= 0:
			return Known(0)
		case d.Range.Hi < 0 && !x.Range.MayNaN && !y.Range.MayNaN:
			return Known(1)
		}
	}
	return a.fresh(r)
}

// where is x where the condition is not 0, and y elsewhere. If that is open it is the middle of both, and off
// by at most half their difference.
func (a *affinity) where(cond, x, y Affine, r Interval) Affine {
	switch c := cond.Range; {
	case c.Lo > 0 || c.Hi < 0:
		return x
	case c.Lo == 0 && c.Hi == 0 && !c.MayNaN:
		return y
	case math.IsInf(x.Rad, 1) || math.IsInf(y.Rad, 1) || x.Range.MayNaN || y.Range.MayNaN:
		return a.fresh(r) // a form says nothing where its value is NaN, and the other is chosen
	}
	d := a.linear(1, x, -1, y, 0, 0, enclose(OpSub, x.Range, y.Range, Interval{}))
	if δ := d.Range.mag() / 2; finite(δ) && δ < r.half() {
		return a.linear(0.5, x, 0.5, y, 0, up(δ, 1), r)
	}
	return a.fresh(r)
}

// bent is a function with a corner at 0 and straight beside it, exact in floating point there: f(v) - α v is
// largest and smallest at the ends and at the corner.
func (a *affinity) bent(x Affine, r Interval, f func(float64) float64) Affine {
	l, h := x.Range.Lo, x.Range.Hi
	if l >= 0 || h <= 0 {
		α := f(1)
		if h <= 0 {
			α = -f(-1)
		}
		return a.linear(α, x, 0, Affine{}, 0, 0, r)
	}
	α := (f(h) - f(l)) / (h - l)
	return a.between(α, x, r, func(v float64) Interval { return Point(f(v)) }, 0, l, h, 0)
}

// between is α x plus what g = f - α x may be, whose extremes over the range of x are at one of the points,
// give or take slack; f encloses the function at a point, and the program's own error is δ.
func (a *affinity) between(α float64, x Affine, r Interval, f func(float64) Interval, δ float64, points ...float64) Affine {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range points {
		g := enclose(OpSub, f(v), product(Point(α), Point(v), false), Interval{})
		lo, hi = min(lo, g.Lo), max(hi, g.Hi)
	}
	return a.tilted(α, x, r, Interval{Lo: lo, Hi: hi}, δ)
}

// tilted is α x plus a number in g, with an error of at most δ.
func (a *affinity) tilted(α float64, x Affine, r, g Interval, δ float64) Affine {
	mid := g.Lo/2 + g.Hi/2
	δ = up(max(g.Hi-mid, mid-g.Lo)+δ, 2)
	if !finite(α) || !finite(mid) || !(0 <= δ && δ < r.half()) {
		return a.fresh(r) // the slope explains nothing
	}
	return a.linear(α, x, 0, Affine{}, mid, δ, r)
}

// A curve is a function that is convex, or concave, wherever it is a number.
type curve struct {
	f, slope func(Interval) Interval
	touch    func(slope, l, h float64) float64 // where it has about that slope
	concave  func(l float64) bool
	ulps     int     // error of the program's own value
	from     float64 // where it begins
	normal   float64 // below which it is not computed as such
}

func of(op Op) pointwise {
	return func(v Interval) Interval { return enclose(op, v, Interval{}, Interval{}) }
}

func over(v Interval) Interval { return enclose(OpDiv, Point(1), v, Interval{}) }

var (
	never  = func(float64) bool { return false }
	always = func(float64) bool { return true }

	parabola = curve{square, func(v Interval) Interval { return product(Point(2), v, false) },
		func(s, l, h float64) float64 { return s / 2 }, never, exactUlps, math.Inf(-1), math.Inf(-1)}
	reciprocal = curve{over, func(v Interval) Interval { return enclose(OpNeg, over(square(v)), Interval{}, Interval{}) },
		func(s, l, h float64) float64 { return math.Copysign(math.Sqrt(-1/s), l) }, func(l float64) bool { return l < 0 }, exactUlps, math.Inf(-1), math.Inf(-1)}
	root = curve{of(OpSqrt), func(v Interval) Interval { return product(Point(0.5), over(of(OpSqrt)(v)), false) },
		func(s, l, h float64) float64 { return 0.25 / (s * s) }, always, exactUlps, 0, math.Inf(-1)}
	exponential = curve{of(OpExp), of(OpExp),
		func(s, l, h float64) float64 { return math.Log(s) }, never, mathUlps, math.Inf(-1), math.Inf(-1)}
	logarithm = curve{of(OpLog), over,
		func(s, l, h float64) float64 { return 1 / s }, always, mathUlps, 0, 0x1p-1022}
)

// smooth is a curve on x: the chord over the range of x, and what lies between it and the tangent that is parallel
// to it. The tangent's point is inexact; what it may miss by is the difference of the slopes there times
// the way to the ends.
func (a *affinity) smooth(c curve, x Affine, r Interval) Affine {
	l, h := max(x.Range.Lo, c.from), x.Range.Hi
	if l < c.normal { // the function of package math has a kink among the smallest numbers
		return a.fresh(r)
	}
	if math.IsInf(x.Rad, 1) || !finite(r.Lo) || !finite(r.Hi) || !(l < h) {
		return a.fresh(r)
	}
	fl, fh := c.f(Point(l)), c.f(Point(h))
	α := (fh.Lo - fl.Lo) / (h - l)
	if mid := l/2 + h/2; h-l < 1e-7*math.Abs(mid) { // the chord would be noise
		α = c.slope(Point(mid)).Lo
	}
	t := min(max(c.touch(α, l, h), l), h)
	if t != t {
		return a.fresh(r)
	}
	g := func(f Interval, v float64) Interval {
		return enclose(OpSub, f, product(Point(α), Point(v), false), Interval{})
	}
	gl, gh, gt := g(fl, l), g(fh, h), g(c.f(Point(t)), t)
	off := enclose(OpSub, c.slope(Point(t)), Point(α), Interval{}).mag()
	miss := up(off*max(up(t-l, 1), up(h-t, 1)), 1)
	var out Interval
	if c.concave(l) {
		out = Interval{Lo: min(gl.Lo, gh.Lo), Hi: up(gt.Hi+miss, 1)}
	} else {
		out = Interval{Lo: down(gt.Lo-miss, 1), Hi: max(gl.Hi, gh.Hi)}
	}
	return a.tilted(α, x, r, out, rounding(r, c.ulps))
}

// turning is a bound on the error of a turning point that sigmoid and wave compute. There the first
// derivative is 0 and the second at most 1, so that the value is off by at most turning²/2.
const turning = 1e-7

// slack is at least turning²/2.
const slack = 1e-14

// sigmoid is tanh x. With a slope α, tanh v - α v turns where tanh² v = 1 - α.
func (a *affinity) sigmoid(x Affine, r Interval) Affine {
	l, h := x.Range.Lo, x.Range.Hi
	if !finite(l) || !finite(h) {
		return a.fresh(r)
	}
	α := (math.Tanh(h) - math.Tanh(l)) / (h - l)
	if h-l < 1e-7 {
		α = 1 - math.Tanh(l)*math.Tanh(l)
	}
	if !(α > 1e-8) { // the turning point would be far out and inexact
		return a.fresh(r)
	}
	points := []float64{l, h}
	if α < 1 {
		t := math.Atanh(math.Sqrt(1 - α))
		points = append(points, turningPoints(l, h, t, -t)...)
	}
	return a.between(α, x, r, of(OpTanh).at, slack+rounding(r, mathUlps), points...)
}

// at is f at a point.
func (f pointwise) at(v float64) Interval { return f(Point(v)) }

type pointwise func(Interval) Interval

// turningPoints are those of ts that may lie in [l, h], moved there.
func turningPoints(l, h float64, ts ...float64) (inside []float64) {
	for _, t := range ts {
		if t >= l-turning && t <= h+turning {
			inside = append(inside, min(max(t, l), h))
		}
	}
	return inside
}

// wave is sin x or cos x. With a slope α, sin v - α v turns where cos v = α, and cos v - α v where sin v = -α.
func (a *affinity) wave(op Op, x Affine, r Interval) Affine {
	l, h := x.Range.Lo, x.Range.Hi
	if !(l >= -1e6 && h <= 1e6) || h-l >= 2*math.Pi {
		return a.fresh(r)
	}
	f, slope := math.Sin, math.Cos
	if op == OpCos {
		f, slope = math.Cos, func(v float64) float64 { return -math.Sin(v) }
	}
	α := (f(h) - f(l)) / (h - l)
	if h-l < 1e-7 {
		α = slope(l)
	}
	α = min(max(α, -1), 1)
	first, second := math.Acos(α), -math.Acos(α) // where cos is α
	if op == OpCos {
		first, second = math.Asin(-α), math.Pi-math.Asin(-α) // where sin is -α
	}
	points := []float64{l, h}
	for _, t := range []float64{first, second} {
		for k := math.Floor((l - t) / (2 * math.Pi)); ; k++ {
			at := t + 2*math.Pi*k
			if at > h+turning {
				break
			}
			points = append(points, turningPoints(l, h, at)...)
		}
	}
	return a.between(α, x, r, of(op).at, slack+rounding(r, mathUlps), points...)
}

// angle is atan2(y, x), away from its cut, by its tangent at the middle. The second derivative of an angle has the
// norm 1/ρ² at the distance ρ from the origin.
func (a *affinity) angle(y, x Affine, r Interval) Affine {
	if cut(y.Range, x.Range) {
		return a.fresh(r)
	}
	middle := func(v Interval) Interval { return Point(v.Lo/2 + v.Hi/2) }
	my, mx := middle(y.Range), middle(x.Range)
	ρρ := enclose(OpAdd, square(my), square(mx), Interval{})
	byY, byX := enclose(OpDiv, mx, ρρ, Interval{}), enclose(OpDiv, enclose(OpNeg, my, Interval{}, Interval{}), ρρ, Interval{})
	α, β := byY.Lo, byX.Lo
	dy, dx := y.Range.from(my.Lo), x.Range.from(mx.Lo)
	near := enclose(OpAdd, square(y.Range), square(x.Range), Interval{}).Lo
	if near < 1e-290 { // too near the origin, or too small to square
		return a.fresh(r)
	}
	bend := up(up(up(dy*dy, 1)+up(dx*dx, 1), 1)/(2*near), 2)
	slopes := up(up(byY.Width()*dy, 2)+up(byX.Width()*dx, 2), 1) // α and β are rounded
	γ := enclose(OpSub, enclose(OpSub, angle(my, mx, false), product(Point(α), my, false), Interval{}), product(Point(β), mx, false), Interval{})
	δ := up(γ.half()+bend+slopes+rounding(r, mathUlps), 4)
	if !finite(α) || !finite(β) || !(0 <= δ && δ < r.half()) {
		return a.fresh(r)
	}
	return a.linear(α, y, β, x, γ.Lo/2+γ.Hi/2, δ, r)
}
