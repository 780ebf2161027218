package num

import (
	"fmt"
	"math"
)

// An Interval holds every value that a number may have: all in [Lo, Hi], and NaN too if MayNaN.
// Bounds may be infinite. Arithmetic on intervals rounds outward, so that it loses no value
// that the same program has on points (Moore, Kearfott and Cloud, 2009).
type Interval struct {
	Lo, Hi float64
	MayNaN bool
}

// Point is the interval of one value.
func Point(v float64) Interval { return Interval{Lo: v, Hi: v, MayNaN: v != v} }

// Contains tells whether v may be the value.
func (x Interval) Contains(v float64) bool {
	if v != v {
		return x.MayNaN
	}
	return x.Lo <= v && v <= x.Hi
}

// Width is Hi - Lo.
func (x Interval) Width() float64 { return x.Hi - x.Lo }

// whole holds every value there is.
var whole = Interval{math.Inf(-1), math.Inf(1), true}

// EvalInterval evaluates the program on the box x into dst: dst holds the value of the program at every
// point of x. It panics if the dimensions disagree.
func (p *Program) EvalInterval(dst, x []Interval) {
	if len(x) != p.In || len(dst) != p.Out {
		panic(fmt.Sprintf("num: EvalInterval of a %d-to-%d program on %d inputs and %d outputs", p.In, p.Out, len(x), len(dst)))
	}
	reg := make([]Interval, len(p.steps))
	for i := range p.steps {
		switch s := &p.steps[i]; s.Op {
		case OpConst:
			reg[i] = Point(s.K)
		case OpInput:
			reg[i] = x[s.Src]
		case OpMul:
			if s.Arg[0] == s.Arg[1] { // a square knows that its factors are one number
				reg[i] = square(reg[s.Arg[0]])
				break
			}
			reg[i] = enclose(s.Op, reg[s.Arg[0]], reg[s.Arg[1]], Interval{})
		default:
			reg[i] = enclose(s.Op, reg[s.Arg[0]], reg[s.Arg[1]], reg[s.Arg[2]])
		}
	}
	for i, r := range p.out {
		dst[i] = reg[r]
	}
}

// down and up move a bound outward by n units in the last place.
func down(v float64, n int) float64 {
	for range n {
		v = math.Nextafter(v, math.Inf(-1))
	}
	return v
}

func up(v float64, n int) float64 { return -down(-v, n) }

// The error of package math's functions in units in the last place, with room to spare: + - * / and √ are
// rounded correctly; of the others 1.76 is the most that was measured. Between two points a function that is not
// monotone in its last places may miss by twice that.
const exactUlps, mathUlps = 1, 4

// ordered is the interval between values that are in order but for rounding.
func ordered(lo, hi float64, ulps int, nan bool) Interval {
	if lo != lo || hi != hi { // as Inf - Inf at a bound
		return whole
	}
	return Interval{down(lo, ulps), up(hi, ulps), nan}
}

// enclose is eval on every value of its arguments.
func enclose(op Op, a, b, c Interval) Interval {
	if a.Lo != a.Lo || a.Hi != a.Hi { // nothing but NaN, as from Point(NaN)
		a = whole
	}
	if b.Lo != b.Lo || b.Hi != b.Hi {
		b = whole
	}
	if c.Lo != c.Lo || c.Hi != c.Hi {
		c = whole
	}
	nan := a.MayNaN || arity(op) > 1 && b.MayNaN
	switch op {
	case OpAdd:
		return ordered(a.Lo+b.Lo, a.Hi+b.Hi, exactUlps, nan || opposed(a, b))
	case OpSub:
		b = Interval{-b.Hi, -b.Lo, b.MayNaN}
		return ordered(a.Lo+b.Lo, a.Hi+b.Hi, exactUlps, nan || opposed(a, b))
	case OpMul:
		return product(a, b, nan)
	case OpDiv:
		return quotient(a, b, nan)
	case OpMin:
		return Interval{min(a.Lo, b.Lo), min(a.Hi, b.Hi), nan}
	case OpMax:
		return Interval{max(a.Lo, b.Lo), max(a.Hi, b.Hi), nan}
	case OpLess: // of a NaN it is 0
		switch {
		case a.Lo >= b.Hi:
			return Point(0)
		case a.Hi < b.Lo && !nan:
			return Point(1)
		}
		return Interval{0, 1, false}
	case OpWhere: // a NaN condition is not 0, so it chooses b
		switch {
		case a.Lo > 0 || a.Hi < 0:
			return b
		case a.Lo == 0 && a.Hi == 0 && !a.MayNaN:
			return c
		}
		return Interval{min(b.Lo, c.Lo), max(b.Hi, c.Hi), b.MayNaN || c.MayNaN}
	case OpNeg:
		return Interval{-a.Hi, -a.Lo, nan}
	case OpAbs:
		switch {
		case a.Lo >= 0:
			return a
		case a.Hi <= 0:
			return Interval{-a.Hi, -a.Lo, nan}
		}
		return Interval{0, max(-a.Lo, a.Hi), nan}
	case OpSqrt:
		if a.Hi < 0 {
			return whole
		}
		r := ordered(math.Sqrt(max(0, a.Lo)), math.Sqrt(a.Hi), exactUlps, nan || a.Lo < 0)
		return Interval{max(0, r.Lo), r.Hi, r.MayNaN}
	case OpExp:
		r := ordered(math.Exp(a.Lo), math.Exp(a.Hi), mathUlps, nan)
		return Interval{max(0, r.Lo), r.Hi, r.MayNaN}
	case OpLog:
		if a.Hi < 0 {
			return whole
		}
		return ordered(math.Log(max(0, a.Lo)), math.Log(a.Hi), mathUlps, nan || a.Lo < 0)
	case OpTanh:
		r := ordered(math.Tanh(a.Lo), math.Tanh(a.Hi), mathUlps, nan)
		return Interval{max(-1, r.Lo), min(1, r.Hi), r.MayNaN}
	case OpSin:
		return wave(math.Sin, a, math.Pi/2)
	case OpCos:
		return wave(math.Cos, a, 0)
	case OpAtan2:
		return angle(a, b, nan)
	case OpRound:
		return Interval{math.RoundToEven(a.Lo), math.RoundToEven(a.Hi), nan}
	}
	panic("num: unknown operation " + op.String())
}

// opposed tells whether a sum may be Inf - Inf.
func opposed(a, b Interval) bool {
	return math.IsInf(a.Lo, -1) && math.IsInf(b.Hi, 1) || math.IsInf(a.Hi, 1) && math.IsInf(b.Lo, -1)
}

// square is a a.
func square(a Interval) Interval {
	a = enclose(OpAbs, a, Interval{}, Interval{})
	r := ordered(a.Lo*a.Lo, a.Hi*a.Hi, exactUlps, a.MayNaN)
	return Interval{max(0, r.Lo), r.Hi, r.MayNaN}
}

func product(a, b Interval, nan bool) Interval {
	times := func(x, y float64) float64 {
		if x == 0 || y == 0 { // 0 times a bound that is not reached is 0; if it is reached it is NaN, see below
			return 0
		}
		return x * y
	}
	p, q, r, s := times(a.Lo, b.Lo), times(a.Lo, b.Hi), times(a.Hi, b.Lo), times(a.Hi, b.Hi)
	nan = nan || a.Contains(0) && b.unbounded() || b.Contains(0) && a.unbounded()
	return ordered(min(p, q, r, s), max(p, q, r, s), exactUlps, nan)
}

func (x Interval) unbounded() bool { return math.IsInf(x.Lo, 0) || math.IsInf(x.Hi, 0) }

func quotient(a, b Interval, nan bool) Interval {
	if b.Contains(0) {
		return Interval{math.Inf(-1), math.Inf(1), nan || a.Contains(0) || a.unbounded() && b.unbounded()}
	}
	p, q, r, s := a.Lo/b.Lo, a.Lo/b.Hi, a.Hi/b.Lo, a.Hi/b.Hi
	if a.unbounded() && b.unbounded() { // Inf / Inf
		return whole
	}
	return ordered(min(p, q, r, s), max(p, q, r, s), exactUlps, nan)
}

// farthest is beyond which the phase of a wave is not worth knowing.
const farthest = 1e8

// wave encloses a sine whose crests are at crest + 2πk.
func wave(f func(float64) float64, a Interval, crest float64) Interval {
	nan := a.MayNaN || a.unbounded()
	if !(a.Lo >= -farthest && a.Hi <= farthest) || a.Width() >= 2*math.Pi {
		return Interval{-1, 1, nan}
	}
	// Reducing an angle of up to farthest leaves an error of some 1e-22, which near a root is many units.
	const reduction = 1e-20
	r := ordered(min(f(a.Lo), f(a.Hi))-reduction, max(f(a.Lo), f(a.Hi))+reduction, mathUlps, nan)
	// The phase is known to far better than slack; within slack of a crest the wave is 1 - slack²/2, which is 1.
	const slack = 1e-7
	reaches := func(at float64) bool {
		k := math.Ceil((a.Lo - slack - at) / (2 * math.Pi))
		return at+2*math.Pi*k <= a.Hi+slack
	}
	if reaches(crest) || r.Hi > 1 {
		r.Hi = 1
	}
	if reaches(crest-math.Pi) || r.Lo < -1 {
		r.Lo = -1
	}
	return r
}

// cut tells whether a box meets the cut of atan2(y, x). Go's atan2 gives π below the negative x axis too, where y/x
// underflows.
func cut(y, x Interval) bool { return y.Lo <= 0 && x.Lo <= 0 && (y.Hi >= 0 || y.Hi/x.Lo == 0) }

// angle encloses atan2(y, x). Away from the cut, which is the negative x axis with the origin, the extreme
// angles of a box are at its corners.
func angle(y, x Interval, nan bool) Interval {
	if cut(y, x) {
		return Interval{down(-math.Pi, mathUlps), up(math.Pi, mathUlps), nan}
	}
	p, q, r, s := math.Atan2(y.Lo, x.Lo), math.Atan2(y.Lo, x.Hi), math.Atan2(y.Hi, x.Lo), math.Atan2(y.Hi, x.Hi)
	return ordered(min(p, q, r, s), max(p, q, r, s), mathUlps, nan)
}
