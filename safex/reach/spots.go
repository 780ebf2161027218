package reach

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// spotted is a source whose deviation σ becomes √(σ² + ν²), with noise ν that has spots: it is the largest where the correlations with all of them are, each for itself,
// over the box around a region.
type spotted struct {
	source
	nz     int
	noise  []float64 // [nx]
	spots  *safex.Spots
	nSpots int
}

func newSpotted(of source, noise []float64, s *safex.Spots, nz int) *spotted {
	s.Check(len(noise), nz)
	return &spotted{of, nz, noise, s, len(s.Points) / nz}
}

// patcher implements source.
func (s *spotted) patcher(nv int) patcher { return straight{newOneByOne(s.setter(), s.nz, nv)} }

// setter implements source.
func (s *spotted) setter() setter {
	return &spotting{s, s.source.setter(), make([]float64, s.nz), make([]float64, s.nz), make([]float64, s.nSpots)}
}

// spotting is a spotted's setter.
type spotting struct {
	*spotted
	inner  setter
	q, rad []float64 // [nz]: the middle, and how far the box around it reaches, in lengths
	most   []float64 // [n]: the largest correlations
}

// enclose implements setter.
func (s *spotting) enclose(dst *enclosure, r *region) {
	s.inner.enclose(dst, r)
	for j := range s.nz {
		length, center := math.Abs(s.spots.Length[j]), s.spots.Center[j]
		s.q[j] = (r.mid[j] - center) / s.spots.Length[j]
		wide := radiusUp(r.span[j*r.nv:][:r.nv], r.gen) + r.off[j]
		s.rad[j] = above(wide/length, 4) + gamma(4)*(math.Abs(r.mid[j])+math.Abs(center))/length
	}
	for k := range s.most {
		r2 := 0.0
		for j, c := range s.spots.Points[k*s.nz:][:s.nz] {
			e := math.Abs(s.q[j] - c)
			e = max(0, e-s.rad[j]-4*unit*(e+math.Abs(c)))
			r2 += e * e
		}
		s.most[k] = math.Exp(-r2/2*(1-gamma(s.nz+4)))*(1+8*unit) + tiny
	}
	for d, ν := range s.noise {
		g := 1.0
		for k, v := range s.most {
			g += s.spots.Times[d*s.nSpots+k] * v
		}
		dst.dev[d] = above(math.Hypot(dst.dev[d], ν*math.Sqrt(above(g, s.nSpots+4))), 8)
	}
}
