package gp

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The gradient of what a fit minimises is that of differences.
func TestShapeGradient(t *testing.T) {
	r := rng.New(4).Rand()
	z, y := num.NewBatch(3, 25), num.NewBatch(2, 25)
	for i := range 25 {
		for d := range z {
			z[d][i] = r.NormFloat64()
		}
		y[0][i] = math.Sin(z[0][i]) + 0.3*z[1][i] + 0.05*r.NormFloat64()
		y[1][i] = z[2][i]*z[0][i] + 0.2*r.NormFloat64()
	}
	g := DefaultSparse()
	θ := g.center(3, 2).logs()
	for i := range θ {
		θ[i] += 0.3 * r.NormFloat64()
	}
	where := spots{pick(z, []int{3, 8}), []float64{0.2, 0.5, 0.3}, []float64{4, 30, 0, 7}}
	at := func(θ []float64) float64 { return g.target(where, z, y).at(θ) }
	s := g.target(where, z, y)
	s.at(θ)
	for i, got := range s.grad {
		const h = 1e-5
		up, down := append([]float64{}, θ...), append([]float64{}, θ...)
		up[i] += h
		down[i] -= h
		if want := (at(up) - at(down)) / (2 * h); math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("derivative %d is %v, want %v", i, got, want)
		}
	}
}
