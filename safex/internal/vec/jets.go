package vec

import (
	"fmt"
	"math"
)

// Jets are the units of a layer, each known as a polynomial of degree 2 in variables y of [-1, 1], give or take an error. Each lane has polynomials of its
// own.
type Jets struct {
	Vars  int       // of y
	Poly  []float64 // [units, Monomials(Vars), Lanes]: the value at y = 0, the slope by each y, the coefficients of y[p] y[q] for p ≤ q
	Error []float64 // [units, Lanes], at least 0

	Bias       []float64 // [units], added to the value
	Loss, Less []float64 // [units]: the units are off by Loss Share + Less beside their Error
	Share      []float64 // [Lanes]
	Grow       float64   // of Sum

	// Expand writes the rest.
	Slope, Own, Sum []float64 // [units, Lanes]
	Most            []float64 // [Monomials(Vars), Lanes]
}

// Monomials is how many coefficients a polynomial of degree 2 has.
func Monomials(vars int) int { return 1 + vars + vars*(vars+1)/2 }

// What Expand counts with.
const (
	jetThird   = 0x1p-40     // error of a third derivative
	jetInexact = 0x1p-45     // error of the value and the first two derivatives, as a share of 1 + |c|
	jetGrow    = 1 + 0x1p-47 // rounding of sums of magnitudes
	fourSwish  = 0.52        // at least the largest fourth derivative
	fourTanh   = 4.1
)

// Expand takes the units through an activation s that is smooth, Swish or TanhUnit. A unit of value c, slopes M and form Q that is off by e, at most Error + ε
// with ε = Loss Share + Less, goes to
//
//	s(c + My + Q(y) + e) = s + s′My + (s′Q + ½ s″MMᵀ)(y) + s′(its part of Error) + own,
//	|own| ≤ |s″| (L r + ½ r²) + |s‴| ρ³/6 + sup |s⁗| ρ⁴/24 + |s′| ε,
//
// where derivatives are those at c, L is the sum of |M|, r that of |Q| with Error + ε, and ρ = L + r. It puts the new polynomial in the place of the old one, s′ in
// Slope and a bound of own in Own, which also holds what the polynomial itself is off by. Sum is (Own + |s′| Error) Grow, and Most the largest magnitude of each
// coefficient among the units. The Own of what is no number is none.
func (s Activation) Expand(j *Jets) {
	n := len(j.Bias) * Lanes
	for _, row := range [][]float64{j.Error, j.Slope, j.Own, j.Sum} {
		if len(row) != n {
			panic(fmt.Sprintf("vec: Expand of %d units with rows of %d numbers in %d lanes", len(j.Bias), len(row), Lanes))
		}
	}
	if m := Monomials(j.Vars); j.Vars < 0 || s != Swish && s != TanhUnit || len(j.Poly) != n*m || len(j.Loss) != len(j.Bias) || len(j.Less) != len(j.Bias) || len(j.Share) != Lanes || len(j.Most) != m*Lanes {
		panic(fmt.Sprintf("vec: Expand by activation %d of %d units, with %d coefficients of %d variables, %d and %d losses, %d shares and %d largest", s, len(j.Bias), len(j.Poly), j.Vars,
			len(j.Loss), len(j.Less), len(j.Share), len(j.Most)))
	}
	clear(j.Most)
	current.Load().expand(j, s == TanhUnit)
}

// derivatives are swish or tanh at c and its first three derivatives.
func derivatives(c float64, tanh bool) (s0, s1, s2, s3 float64) {
	if tanh {
		e := math.Exp(-2 * math.Abs(c))
		s0 = math.Copysign((1-e)/(1+e), c)
		s1 = 1 - s0*s0
		return s0, s1, -2 * s0 * s1, s1 * (6*s0*s0 - 2)
	}
	e := math.Exp(-math.Abs(c))
	σ := 1 / (1 + e)
	if c < 0 {
		σ = e / (1 + e)
	}
	p, q := σ*(1-σ), 1-2*σ
	return c * σ, σ + c*p, p * (2 + c*q), p * (3*q + c*(q*q-2*p))
}

func expandPortable(j *Jets, tanh bool) {
	nv, n := j.Vars, Monomials(j.Vars)
	fourth := fourSwish / 4
	if tanh {
		fourth = fourTanh / 4
	}
	for o, bias := range j.Bias {
		poly := j.Poly[o*n*Lanes:][:n*Lanes]
		for l := range Lanes {
			at := o*Lanes + l
			c := poly[l] + bias
			s0, s1, s2, s3 := derivatives(c, tanh)
			loss := j.Loss[o]*j.Share[l] + j.Less[o]
			first, second := 0.0, 0.0
			for i := 1; i <= nv; i++ {
				first += math.Abs(poly[i*Lanes+l])
			}
			for i := 1 + nv; i < n; i++ {
				second += math.Abs(poly[i*Lanes+l])
			}
			qe := second + j.Error[at] + loss
			ρ := first + qe
			own := math.Abs(s2)*(first*qe+qe*qe/2) + (math.Abs(s3)+jetThird+fourth*ρ)*ρ*ρ*ρ/6 + math.Abs(s1)*loss
			own = own*jetGrow + jetInexact*(1+math.Abs(c))*(1+ρ)*(1+ρ)
			j.Slope[at], j.Own[at], j.Sum[at] = s1, own, (own+math.Abs(s1)*j.Error[at])*j.Grow
			poly[l] = s0
			i := 1 + nv
			for p := 1; p <= nv; p++ {
				a := s2 * poly[p*Lanes+l]
				for q := p; q <= nv; q++ {
					b := a * poly[q*Lanes+l]
					if p == q {
						b /= 2
					}
					poly[i*Lanes+l] = s1*poly[i*Lanes+l] + b
					i++
				}
			}
			for p := 1; p <= nv; p++ {
				poly[p*Lanes+l] *= s1
			}
		}
		for i, v := range poly {
			j.Most[i] = max(j.Most[i], math.Abs(v))
		}
	}
}

// Weigh64 adds to sum [rows, Lanes] what errors of units, own [units, Lanes], come to with coefficients that are within loose [rows, Lanes] of coef
// [units, rows, Lanes]: (|coef| + loose) own of each unit, from the first to the last.
func Weigh64(sum, coef, loose, own []float64) {
	if rows := len(sum); rows == 0 || rows%Lanes != 0 || len(loose) != rows || len(coef)*Lanes != len(own)*rows {
		panic(fmt.Sprintf("vec: Weigh64 of %d coefficients and %d errors into %d, loose by %d", len(coef), len(own), len(sum), len(loose)))
	}
	current.Load().weigh64(sum, coef, loose, own)
}

func weighPortable(sum, coef, loose, own []float64) {
	rows := len(sum)
	for i, v := range coef {
		k := i % rows
		sum[k] += (math.Abs(v) + loose[k]) * own[i/rows*Lanes+k%Lanes]
	}
}

// Steepen64 multiplies coefficients of units, coef [units, rows, Lanes], by slope [units, Lanes]. most [rows, Lanes] is then the largest magnitude of each row
// among the units, and steepest [Lanes] that of the slopes.
func Steepen64(coef, slope, most, steepest []float64) {
	if rows := len(most); rows == 0 || rows%Lanes != 0 || len(steepest) != Lanes || len(coef)*Lanes != len(slope)*rows {
		panic(fmt.Sprintf("vec: Steepen64 of %d coefficients and %d slopes, with most of %d and steepest of %d", len(coef), len(slope), len(most), len(steepest)))
	}
	clear(most)
	clear(steepest)
	current.Load().steepen64(coef, slope, most, steepest)
}

func steepenPortable(coef, slope, most, steepest []float64) {
	rows := len(most)
	for i := range coef {
		k := i % rows
		coef[i] *= slope[i/rows*Lanes+k%Lanes]
		most[k] = max(most[k], math.Abs(coef[i]))
	}
	for i, v := range slope {
		steepest[i%Lanes] = max(steepest[i%Lanes], math.Abs(v))
	}
}
