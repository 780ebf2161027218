package reach

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// value is an activation in float64, for a rounding of which the tests allow.
func (s activation) value(a float64) float64 {
	switch s {
	case swish:
		return a / (1 + math.Exp(-a))
	case relu:
		return max(a, 0)
	}
	return math.Tanh(a)
}

// Every line holds its activation: at the ends, at the middle, and between, over intervals of all sizes and places, those that meet the
// roots and turns of the second derivative among them.
func TestRelax(t *testing.T) {
	n := 30_000
	if testing.Short() {
		n = 5_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	c, ρ := make([]float64, n), make([]float64, n)
	for i := range c {
		c[i] = r.NormFloat64() * math.Pow(10, 3*r.Float64()-1.5)
		ρ[i] = math.Pow(10, 12*r.Float64()-10)
		switch i % 16 {
		case 0:
			ρ[i] = 0
		case 1:
			c[i] = 0
		case 2:
			c[i] = swishTurn + 1e-4*r.NormFloat64()
		case 3:
			c[i] = swishRoot - ρ[i]*(1+1e-3*r.NormFloat64())
		case 4:
			c[i] = tanhTurn + 1e-4*r.NormFloat64()
		case 5:
			c[i] = ρ[i]
		}
	}
	for _, s := range []activation{swish, relu, tanh} {
		v, α, d := make([]float64, n), make([]float64, n), make([]float64, n)
		s.relax(&relaxer{}, v, α, d, c, ρ)
		for i := range c {
			for k := range 13 {
				e := []float64{-1, 1, 0}[k%3]
				if k >= 3 {
					e = 2*r.Float64() - 1
				}
				a := c[i] + e*ρ[i]
				want := s.value(a)
				// in exact arithmetic, but for the value, which is good to 4e-16 of itself
				line := new(big.Float).SetPrec(200).Sub(big.NewFloat(a), big.NewFloat(c[i]))
				line.Mul(line, big.NewFloat(α[i]))
				line.Add(line, big.NewFloat(v[i]))
				off, _ := line.Sub(line, big.NewFloat(want)).Float64()
				if !(math.Abs(off) <= d[i]+1e-15*math.Abs(want)+1e-15*math.Abs(a)) {
					t.Fatalf("%v at %v of %v ± %v is off its line by %v, want at most %v", s, a, c[i], ρ[i], off, d[i])
				}
			}
		}
	}
}

// Lines are close: with a half width w below 1 the error of a smooth activation is that of the chord, a quarter w² times what s″ spans with 0.
func TestRelaxIsTight(t *testing.T) {
	for _, w := range []float64{1, 0.1, 0.01, 1e-3} {
		for c := -6.0; c <= 6; c += 0.01 {
			for _, s := range []activation{swish, tanh} {
				var v, α, d [1]float64
				s.relax(&relaxer{}, v[:], α[:], d[:], []float64{c}, []float64{w})
				up, down := 0.0, 0.0
				for k := -100; k <= 100; k++ {
					a := c + w*float64(k)/100
					h := 1e-4
					second := (s.value(a+h) - 2*s.value(a) + s.value(a-h)) / (h * h)
					up, down = max(up, second), max(down, -second)
				}
				if limit := (up+down)*w*w/4*1.05 + 1e-7*w*w + 1e-12; !(d[0] <= limit) {
					t.Errorf("%v of %v ± %v is off by up to %v, want at most %v", s, c, w, d[0], limit)
				}
			}
		}
	}
}

// The envelope of the third derivative holds it, by differences of the second in high precision of big steps.
func TestThird(t *testing.T) {
	for _, s := range []activation{swish, tanh} {
		third := func(a float64) float64 {
			const h = 1e-3
			return (s.value(a+2*h) - 2*s.value(a+h) + 2*s.value(a-h) - s.value(a-2*h)) / (2 * h * h * h)
		}
		for c := -12.0; c <= 12; c += 0.003 {
			if got, want := s.third(c, 0), math.Abs(third(c)); !(got >= want-1e-5) {
				t.Errorf("the third derivative of %v at %v is %v, and at most %v", s, c, want, got)
			}
			if got, want := s.third(c, 0.5), max(math.Abs(third(c-0.5)), math.Abs(third(c+0.5)), math.Abs(third(c))); !(got >= want-1e-5) {
				t.Errorf("the third derivative of %v at %v ± 0.5 is %v, and at most %v", s, c, want, got)
			}
		}
	}
}

// Rows that are no numbers are not bounded.
func TestRelaxOfNoNumbers(t *testing.T) {
	for _, s := range []activation{swish, relu, tanh} {
		for _, c := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e200} {
			var v, α, d [1]float64
			s.relax(&relaxer{}, v[:], α[:], d[:], []float64{c}, []float64{1})
			if !math.IsInf(d[0], 1) {
				t.Errorf("%v of %v is within %v", s, c, d[0])
			}
			s.relax(&relaxer{}, v[:], α[:], d[:], []float64{1}, []float64{math.Abs(c)})
			if !math.IsInf(d[0], 1) {
				t.Errorf("%v of 1 ± %v is within %v", s, c, d[0])
			}
		}
	}
}
