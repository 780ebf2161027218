package reach

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// activation is the function of the hidden units.
type activation int

const (
	swish activation = iota // a σ(a)
	relu
	tanh
)

var activations = map[string]activation{"swish": swish, "relu": relu, "tanh": tanh}

func (s activation) String() string { return [...]string{"swish", "relu", "tanh"}[s] }

// Facts about swish″, which is even: it falls from ½ at 0 through its root to its least at the turn and rises to 0 from there. Roots and
// turns are rounded to the side on which what is claimed of them holds.
const (
	swishRoot  = 2.3993      // swish is convex in [-swishRoot, swishRoot]
	swishTurn  = 3.43584     // swish″ is least close to here
	swishNear  = 1e-4        // and within so much of it
	swishLeast = -0.03691446 // at least so much below 0 it is nowhere
	swishDip   = 0.27846455  // swish is in [relu - swishDip, relu]
)

// Facts about tanh″ = -2 tanh (1 - tanh²), which is odd: it has its least at +tanhTurn and its greatest at -tanhTurn.
const (
	tanhTurn = 0.658478948
	tanhNear = 1e-6
	tanhMost = 0.7698003590 // 4/(3√3)
)

// relaxer has room for what relax computes on the way.
type relaxer struct{ root, exp []float64 }

// relax writes to v, α and d what holds of the activation s on each interval c ± ρ of a row: s(a) is in v + α (a - c) ± d for every a of it.
// The four rows may be longer than needed. An interval that is not of numbers gets d = +Inf.
//
// With the chord of s over [l, h], s - chord = ½ s″(ξ) (a - l)(a - h) for a ξ of [l, h], and the product is in [-((h-l)/2)², 0]: with s″ in
// [m, M], s is at most max(M, 0) ((h-l)/2)²/2 below the chord and max(-m, 0) ((h-l)/2)²/2 above. Where s is convex it is never above the chord
// and never below a tangent. Over wide intervals other lines are closer: of swish those of relu, as swish is in [relu - swishDip, relu],
// and of tanh those of its least slope, which is at one of the ends.
//
// Functions are off by less than 2⁻⁴⁸ of |c| + ρ, or of 1 for tanh, and what is computed from them by less than slack.
func (s activation) relax(r *relaxer, v, α, d, c, ρ []float64) {
	n := len(c)
	if s == swish {
		r.exponentials(c, ρ)
	}
	for i := range n {
		w := ρ[i]*(1+4*unit) + math.Abs(c[i])*4*unit + tiny
		if !(w < 1e100 && math.Abs(c[i]) < 1e100) {
			v[i], α[i], d[i] = 0, 0, math.Inf(1)
			continue
		}
		l, h := c[i]-w, c[i]+w // these hold c ± ρ
		switch s {
		case swish:
			v[i], α[i], d[i] = swishLine(c[i], w, l, h, r.exp[i], r.exp[n+i], r.exp[2*n+i])
		case relu:
			v[i], α[i], d[i] = reluLine(c[i], w, l, h)
		case tanh:
			v[i], α[i], d[i] = tanhLine(c[i], w, l, h)
		default:
			panic(fmt.Sprintf("reach: no activation %d", s))
		}
	}
}

// slack is the rounding error of a line over c ± w.
func slack(c, w float64) float64 { return 0x1p-44*(math.Abs(c)+w) + tiny }

// exponentials writes exp(-|a|) of c - w, c + w and c, for the w of relax: n of each, one after the other, off by at most 2e-15.
func (r *relaxer) exponentials(c, ρ []float64) {
	n := len(c)
	size := (3*n + vec.Lanes - 1) / vec.Lanes * vec.Lanes
	if len(r.root) < size {
		r.root, r.exp = make([]float64, size), make([]float64, size)
	}
	for i, m := range c {
		w := ρ[i]*(1+4*unit) + math.Abs(m)*4*unit + tiny
		r.root[i], r.root[n+i], r.root[2*n+i] = math.Sqrt(2*math.Abs(m-w)), math.Sqrt(2*math.Abs(m+w)), math.Sqrt(2*math.Abs(m))
	}
	clear(r.root[3*n : size])
	// The correlation exp(-r²/2) of 0 and r = √(2|a|).
	vec.SquaredExponential.Apply(r.exp[:size], nil, r.root[:size], origin[:], 1, size)
}

var origin [1]float64

// logistic is σ(a), given exp(-|a|).
func logistic(a, e float64) float64 {
	if a >= 0 {
		return 1 / (1 + e)
	}
	return e / (1 + e)
}

// swishSecond is swish″(a), given σ(a).
func swishSecond(a, σ float64) float64 { return σ * (1 - σ) * (2 + a*(1-2*σ)) }

// swishLine is the line of swish over [l, h], which is c ± w, given exp(-|a|) at l, h and c.
func swishLine(c, w, l, h, el, eh, ec float64) (v, α, d float64) {
	σ := logistic(c, ec)
	s0, s1 := c*σ, σ+c*σ*(1-σ)
	more := slack(c, w)
	if w < 1e-6*(1+math.Abs(c)) { // |swish″| is at most ½
		return s0, s1, w*w/4*(1+8*unit) + more
	}
	σl, σh := logistic(l, el), logistic(h, eh)
	sl, sh := l*σl, h*σh
	slope, mid := (sh-sl)/(2*w), (sl+sh)/2
	a, b := swishSecond(l, σl), swishSecond(h, σh)
	lo, hi := min(a, b), max(a, b)
	if l <= 0 && 0 <= h {
		hi = 0.5
	}
	if l <= swishTurn+swishNear && swishTurn-swishNear <= h || l <= -swishTurn+swishNear && -swishTurn-swishNear <= h {
		lo = swishLeast
	}
	bend := 1e-14 * (1 + math.Abs(c) + w) // error of a and b
	half := w * w / 2
	below, over := max(hi+bend, 0)*half, max(bend-lo, 0)*half
	if -swishRoot <= l && h <= swishRoot {
		over = 0
		below = min(below, max(0, mid-s0)+math.Abs(s1-slope)*w)
	}
	v, α, d = mid+(over-below)/2, slope, (over+below)/2*(1+8*unit)+more
	if w < 1.5 {
		return v, α, d
	}
	rv, rα, rd := reluLine(c, w, l, h)
	if rd = rd + swishDip/2 + more; rd < d {
		return rv - swishDip/2, rα, rd
	}
	return v, α, d
}

// reluLine is the line of relu over [l, h], which is c ± w. It is exact where relu is straight.
func reluLine(c, w, l, h float64) (v, α, d float64) {
	switch {
	case l >= 0:
		return c, 1, 0
	case h <= 0:
		return 0, 0, 0
	}
	α = h / (h - l)
	// relu(a) - α a is -α l at l, 0 at 0 and (1 - α) h at h, and straight between them.
	hi := max(-α*l, (1-α)*h)
	return α*c + hi/2, α, hi/2*(1+8*unit) + slack(c, w)
}

// tanhLine is the line of tanh over [l, h], which is c ± w.
func tanhLine(c, w, l, h float64) (v, α, d float64) {
	t := math.Tanh(c)
	more := slack(c, w) + 0x1p-46
	if w < 1e-6*(1+math.Abs(c)) { // |tanh″| is at most 0.77
		return t, 1 - t*t, w*w*0.4 + more
	}
	tl, th := math.Tanh(l), math.Tanh(h)
	slope, mid := (th-tl)/(2*w), (tl+th)/2
	a, b := -2*tl*(1-tl*tl), -2*th*(1-th*th)
	lo, hi := min(a, b), max(a, b)
	if l <= tanhTurn+tanhNear && tanhTurn-tanhNear <= h {
		lo = -tanhMost
	}
	if l <= -tanhTurn+tanhNear && -tanhTurn-tanhNear <= h {
		hi = tanhMost
	}
	half := w * w / 2
	below, over := max(hi+1e-14, 0)*half, max(1e-14-lo, 0)*half
	at := t - mid                                 // of the tangent at c, over the chord
	tilt := math.Abs(1-t*t-slope)*w + 1e-14*(1+w) // and by how much more at the ends
	if l >= 0 {
		below, over = 0, min(over, max(0, at)+tilt)
	}
	if h <= 0 {
		over, below = 0, min(below, max(0, -at)+tilt)
	}
	v, α, d = mid+(over-below)/2, slope, (over+below)/2*(1+8*unit)+more
	// tanh - λ a rises where λ is at most the least slope.
	λ := max(0, min(1-tl*tl, 1-th*th)-1e-14)
	if wide := max(0, (th-tl)/2-λ*w)*(1+8*unit) + more; wide < d {
		return mid, λ, wide
	}
	return v, α, d
}

// steps are those of a table of envelopes, of 1/16 each.
const steps = 16 * 24

// envelopes of |s‴|: entry i is at least |s‴(a)| for all |a| ≥ i/16.
var swishThird, tanhThird = envelope(func(a float64) float64 {
	σ := 1 / (1 + math.Exp(-a))
	p, q := σ*(1-σ), 1-2*σ
	return p * (3*q + a*(q*q-2*p))
}, 1.25), envelope(func(a float64) float64 {
	t := math.Tanh(a)
	return (1 - t*t) * (6*t*t - 2)
}, 6.2)

// envelope tabulates an even or odd third derivative whose own slope is at most lip: swish⁗ = 4σ‴ + aσ⁗, with |σ‴| ≤ 1/8 and |aσ⁗| ≤
// 2|a|exp(-|a|) ≤ 2/e; and |tanh⁗| = |t (1-t²)(16-24t²)| ≤ 16 · 2/(3√3). Beyond the table both only get smaller: swish‴ for |a| > 7 and
// tanh‴ for |a| > 1.
func envelope(third func(a float64) float64, lip float64) (table [steps + 1]float64) {
	const parts = 256
	most := math.Abs(third(steps/16)) + 1e-14
	for i := steps; i >= 0; i-- {
		for k := range parts {
			most = max(most, math.Abs(third(float64(i)/16+float64(k)/(16*parts)))+lip/(32*parts)+1e-14)
		}
		table[i] = most
	}
	return table
}

// third bounds |s‴| over c ± ρ, of the smooth activations.
func (s activation) third(c, ρ float64) float64 {
	a := max(0, math.Abs(c)-ρ*(1+4*unit)-math.Abs(c)*4*unit)
	i := 0
	if a > 0 { // a NaN is at 0
		i = int(min(a*16, steps))
	}
	if s == tanh {
		return tanhThird[i]
	}
	return swishThird[i]
}
