package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

// jetsOf draws units with so many variables, at places near and far and with polynomials small and large.
func jetsOf(r *rand.Rand, units, vars int) *Jets {
	n := units * Lanes
	j := &Jets{Vars: vars, Grow: 1, Share: make([]float64, Lanes), Most: make([]float64, Monomials(vars)*Lanes)}
	for range units {
		j.Bias = append(j.Bias, r.NormFloat64())
		j.Loss, j.Less = append(j.Loss, 1e-3*r.Float64()), append(j.Less, 1e-4*r.Float64())
		for i := range Monomials(vars) * Lanes {
			size := math.Pow(10, -2*float64(i%Lanes)/Lanes)
			if i < Lanes {
				size = 5
			}
			j.Poly = append(j.Poly, size*r.NormFloat64())
		}
	}
	for l := range j.Share {
		j.Share[l] = float64(l%3) / 3
	}
	j.Error, j.Slope, j.Own, j.Sum = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range j.Error {
		j.Error[i] = max(0, 0.01*r.NormFloat64())
	}
	return j
}

// at is the polynomial of a unit in a lane.
func (j *Jets) at(poly []float64, unit, lane int, y []float64) float64 {
	row := poly[unit*Monomials(j.Vars)*Lanes:]
	sum := row[lane]
	i := 1 + j.Vars
	for p, a := range y {
		sum += row[(1+p)*Lanes+lane] * a
		for _, b := range y[p:] {
			sum += row[i*Lanes+lane] * a * b
			i++
		}
	}
	return sum
}

// The activation of whatever a unit may be is in what Expand says of it.
func TestExpand(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for s, value := range map[Activation]func(x float64) float64{
			Swish:    func(x float64) float64 { return x / (1 + math.Exp(-x)) },
			TanhUnit: math.Tanh,
		} {
			for vars := range 5 {
				const units = 7
				j := jetsOf(r, units, vars)
				before, y := append([]float64{}, j.Poly...), make([]float64, vars)
				s.Expand(j)
				for o := range units {
					for l := range Lanes {
						at := o*Lanes + l
						loss := j.Loss[o]*j.Share[l] + j.Less[o]
						for k := range 60 {
							for i := range y {
								if y[i] = 2*r.Float64() - 1; k%3 > 0 {
									y[i] = math.Copysign(1, y[i])
								}
							}
							early, own := j.Error[at]*(2*r.Float64()-1), math.Copysign(loss, r.Float64()-0.5)
							c := j.at(before, o, l, y) + j.Bias[o]
							off := math.Abs(value(c+early+own) - j.at(j.Poly, o, l, y) - j.Slope[at]*early)
							if !(off <= j.Own[at]+1e-15*(1+math.Abs(c))) {
								t.Fatalf("activation %d, %d variables: unit %d of lane %d is off by %v at %v, want at most %v", s, vars, o, l, off, y, j.Own[at])
							}
						}
						if want := j.Own[at] + math.Abs(j.Slope[at])*j.Error[at]; !(math.Abs(j.Sum[at]-want) <= 1e-15*want) {
							t.Fatalf("the sum of errors is %v, want %v", j.Sum[at], want)
						}
						for i := range Monomials(vars) {
							if v := math.Abs(j.Poly[(o*Monomials(vars)+i)*Lanes+l]); !(v <= j.Most[i*Lanes+l]) {
								t.Fatalf("coefficient %d is %v, and the largest %v", i, v, j.Most[i*Lanes+l])
							}
						}
					}
				}
			}
		}
	})
}

// Expansions are of second order: of an eighth of the slopes, with a 64th of the forms, what is left is some 512th.
func TestExpandIsTight(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		for s := range TanhUnit + 1 {
			if s == Relu {
				continue
			}
			var own [2]float64
			for k := range own {
				by := math.Pow(8, -float64(k))
				j := &Jets{Vars: 2, Bias: []float64{0.7}, Loss: []float64{0}, Less: []float64{0}, Share: make([]float64, Lanes), Grow: 1, Most: make([]float64, 6*Lanes)}
				for i, v := range []float64{0, 0.1, 0.2, 0.01, -0.02, 0.01} {
					for range Lanes {
						j.Poly = append(j.Poly, v*[]float64{1, by, by, by * by, by * by, by * by}[i])
					}
				}
				j.Error, j.Slope, j.Own, j.Sum = make([]float64, Lanes), make([]float64, Lanes), make([]float64, Lanes), make([]float64, Lanes)
				s.Expand(j)
				own[k] = j.Own[0]
			}
			if !(own[0] < 0.02 && own[1] < own[0]/400) {
				t.Errorf("activation %d is off by at most %v, and over an eighth by %v", s, own[0], own[1])
			}
		}
	})
}

// Fourth derivatives are within what is counted with: on a fine grid, whose points are as far apart as the fifth, at most 25, allows for.
func TestFourthDerivatives(t *testing.T) {
	const step = 1e-4
	for a := -30.0; a <= 30; a += step {
		σ := 1 / (1 + math.Exp(-a))
		p := σ * (1 - σ)
		third, fourth := p*(1-6*p), p*(1-2*σ)*(1-12*p) // of the logistic function
		if v := math.Abs(4*third + a*fourth); !(v <= fourSwish-25*step) {
			t.Fatalf("the fourth derivative of swish at %v is %v", a, v)
		}
		h := math.Tanh(a)
		if v := math.Abs(h * (1 - h*h) * (16 - 24*h*h)); !(v <= fourTanh-25*step) {
			t.Fatalf("the fourth derivative of tanh at %v is %v", a, v)
		}
	}
}

// What is no number, or too large for one, has no bound.
func TestExpandOfNoNumbers(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		for s := range TanhUnit + 1 {
			if s == Relu {
				continue
			}
			for at := range 3 {
				for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e200} {
					j := jetsOf(rand.New(rand.NewPCG(1, 2)), 1, 1)
					j.Poly[at*Lanes+3] = v
					s.Expand(j)
					if own := j.Own[3]; own < 1e10 && (v != 1e200 || at > 0) {
						t.Errorf("activation %d with coefficient %d of %v is off by at most %v", s, at, v, own)
					}
					if own := j.Own[4]; !(own < 1e10) {
						t.Errorf("beside it, one is off by %v", own)
					}
				}
			}
		}
	})
}

// Errors are weighed and coefficients steepened as their definitions say.
func TestWeighAndSteepen(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, rows := range []int{Lanes, 3 * Lanes} {
			const units = 9
			draw := func(n int) []float64 {
				x := make([]float64, n)
				for i := range x {
					x[i] = r.NormFloat64()
				}
				return x
			}
			coef, slope, loose, own, sum := draw(units*rows), draw(units*Lanes), draw(rows), draw(units*Lanes), draw(rows)
			want := append([]float64{}, sum...)
			for u := range units {
				for k := range rows {
					want[k] += (math.Abs(coef[u*rows+k]) + loose[k]) * own[u*Lanes+k%Lanes]
				}
			}
			Weigh64(sum, coef, loose, own)
			most, steepest := draw(rows), draw(Lanes)
			before := append([]float64{}, coef...)
			Steepen64(coef, slope, most, steepest)
			for k := range rows {
				if !(math.Abs(sum[k]-want[k]) <= 1e-13) {
					t.Fatalf("row %d sums to %v, want %v", k, sum[k], want[k])
				}
				top, steep := 0.0, 0.0
				for u := range units {
					if got, want := coef[u*rows+k], before[u*rows+k]*slope[u*Lanes+k%Lanes]; got != want {
						t.Fatalf("a coefficient is %v, want %v", got, want)
					}
					top, steep = max(top, math.Abs(coef[u*rows+k])), max(steep, math.Abs(slope[u*Lanes+k%Lanes]))
				}
				if most[k] != top || steepest[k%Lanes] != steep {
					t.Fatalf("the largest of row %d are %v and %v, want %v and %v", k, most[k], steepest[k%Lanes], top, steep)
				}
			}
		}
	})
}

// BenchmarkExpand is a layer of 64 units of 2 variables on one core.
func BenchmarkExpand(b *testing.B) {
	j := jetsOf(rand.New(rand.NewPCG(1, 2)), 64, 2)
	from := append([]float64{}, j.Poly...)
	for b.Loop() {
		copy(j.Poly, from)
		Swish.Expand(j)
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*64*Lanes), "ns/unit")
}
