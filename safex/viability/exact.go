package viability

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Exact encloses the true dynamics of a system, by affine forms. It is for systems that are known, with errors of up to Box in each
// dimension of each step.
type Exact struct {
	System *safex.System
	Box    []float64 // [nx], at least 0; nil is none
}

// Enclose implements Encloser.
func (e *Exact) Enclose(dst *Enclosure, center []float64, gen [][]float64, rem, u []float64) error {
	nx := len(center)
	x := make([]num.Affine, nx+len(u))
	for d := range nx {
		f := num.Affine{Mid: center[d], Coef: make([]float64, len(gen)), Rad: rem[d]}
		r := rem[d]
		for k, g := range gen {
			f.Coef[k] = g[d]
			r += math.Abs(g[d])
		}
		r *= 1 + slack
		f.Range = num.Interval{Lo: center[d] - r, Hi: center[d] + r}
		x[d] = f
	}
	for k, v := range u {
		x[nx+k] = num.Known(v)
	}
	out := make([]num.Affine, nx)
	e.System.Dynamics.EvalAffine(out, x, len(gen))
	dst.resize(nx, len(gen))
	for d, f := range out {
		box := 0.0
		if e.Box != nil {
			box = e.Box[d]
		}
		if math.IsInf(f.Rad, 1) { // its range is all that is known
			dst.Center[d], dst.Rem[d] = (f.Range.Lo+f.Range.Hi)/2, (f.Range.Hi-f.Range.Lo)/2*(1+slack)+box
			for k := range gen {
				dst.Gen[k][d] = 0
			}
			continue
		}
		dst.Center[d], dst.Rem[d] = f.Mid, f.Rad+box
		for k := range dst.Gen {
			dst.Gen[k][d] = 0
		}
		for k, v := range f.Coef {
			if k < len(gen) {
				dst.Gen[k][d] = v
			} else {
				dst.Rem[d] += math.Abs(v)
			}
		}
		dst.Rem[d] *= 1 + slack
	}
	return nil
}

// resize makes room for nx dimensions and k generators.
func (e *Enclosure) resize(nx, k int) {
	if len(e.Center) != nx {
		e.Center, e.Rem = make([]float64, nx), make([]float64, nx)
	}
	for len(e.Gen) < k {
		e.Gen = append(e.Gen, make([]float64, nx))
	}
	e.Gen = e.Gen[:k]
}
