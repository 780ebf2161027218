package gp

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// spots are where the noise of a sparse is larger than elsewhere: the variance of dimension j is there (s_j ς_j)² g_j with
//
//	g_j(z) = 1 + Σ_k c_jk exp(-r_k²/2),   r_k² = Σ_d (z_d - p_kd)² / (Spot ℓ_d)².
type spots struct {
	At     num.Batch // [inputs, n]: p, in Scales
	Length []float64 // [inputs]: Spot ℓ_d
	Times  []float64 // [outputs, n]: c
}

// len is how many there are.
func (s *spots) len() int { return s.At.Len() }

// near writes the correlations of z with the spots to ρ.
func (s *spots) near(ρ, z []float64) {
	clear(ρ)
	for d, column := range s.At {
		v, by := z[d], 1/s.Length[d]
		for k, p := range column {
			e := (v - p) * by
			ρ[k] += e * e
		}
	}
	kernels["se"].correlate(ρ, nil)
}

// times are the g_j at z.
func (s *spots) times(z []float64, outputs int) []float64 {
	g, ρ := slices.Repeat([]float64{1}, outputs), make([]float64, s.len())
	s.near(ρ, z)
	for j := range g {
		for k, v := range ρ {
			g[j] += s.Times[j*len(ρ)+k] * v
		}
	}
	return g
}

// rows are the g_j of all rows of z.
func (s *spots) rows(z num.Batch, outputs int) num.Batch {
	all := num.NewBatch(outputs, z.Len())
	for i := range z.Len() {
		all.SetPoint(i, s.times(z.Point(i), outputs))
	}
	return all
}

// errors are what a process says of each of its rows if it is left out, of an output: the variance of what it would be off by without noise, and the
// square of what it is off by, both in units of (s ς)².
type errors struct{ own, square []float64 }

// look finds the spots, and what noise is left elsewhere, by the errors of rows that are left out (Rasmussen and Williams, 2006, section 5.4.2).
func (g Sparse) look(h *common, old spots, z, y num.Batch) (spots, error) {
	each, err := g.leaveOut(*h, old, z, y)
	if err != nil {
		return spots{}, err
	}
	all := spots{At: z}
	for _, v := range h.Length {
		all.Length = append(all.Length, g.Spot*v)
	}
	base := all.spread(each, z)
	// Those count that more than triple the variance, and of these the largest.
	n := all.len()
	most, kept := make([]float64, n), []int(nil)
	for k := range n {
		for j := range y {
			most[k] = max(most[k], all.Times[j*n+k]/base[j])
		}
		if most[k] > 2 {
			kept = append(kept, k)
		}
	}
	slices.SortStableFunc(kept, func(a, b int) int { return cmp.Compare(most[b], most[a]) })
	kept = kept[:min(len(kept), g.Spots)]
	slices.Sort(kept)
	s := spots{At: pick(z, kept), Length: all.Length}
	base = s.spread(each, z)
	h.Noise = slices.Clone(h.Noise)
	for j, v := range base {
		was := h.Noise[j]
		h.Noise[j] = max(g.MinNoise, rounded(was*math.Sqrt(v)))
		for k := range kept {
			s.Times[j*len(kept)+k] = rounded(s.Times[j*len(kept)+k] * was * was / (h.Noise[j] * h.Noise[j]))
		}
	}
	return s, nil
}

// rounded is v in 16 binary digits: what is fitted is not known better, and so that last places of the data come to nothing in most cases.
func rounded(v float64) float64 {
	if v == 0 {
		return 0
	}
	frac, exp := math.Frexp(v)
	return math.Ldexp(math.Round(frac*(1<<16)), exp-16)
}

// leaveOut are the errors of all outputs.
func (g Sparse) leaveOut(h common, old spots, z, y num.Batch) ([]errors, error) {
	n, each := z.Len(), make([]errors, len(y))
	t := g.shape(old, z, y)
	covariances := t.covariances(h, make([]float64, n*n))
	for j := range each {
		p, err := t.solve(covariances, j, h.Noise[j])
		if err != nil {
			return nil, err
		}
		ς2 := h.Noise[j] * h.Noise[j]
		e := errors{make([]float64, n), make([]float64, n)}
		for i := range n {
			variance := 1 / p.inverse.At(i, i)
			off := p.α.AtVec(i) * variance
			e.own[i] = max(0, variance/ς2-t.times[j][i])
			e.square[i] = off * off / (p.s2 * ς2)
		}
		each[j] = e
	}
	return each, nil
}

// spread sets Times to those of the largest likelihood of errors e, of which the variance is own + base + Σ_k c_k ρ_k: by the multiplicative updates of
// Févotte, Bertin and Durrieu (2009, section 4.1), which keep c at least 0. It returns the base of each
// output.
func (s *spots) spread(e []errors, z num.Batch) (base []float64) {
	n, k := z.Len(), s.len()
	ρ := make([]float64, n*k)
	for i := range n {
		s.near(ρ[i*k:][:k], z.Point(i))
	}
	s.Times, base = slices.Repeat([]float64{1}, len(e)*k), make([]float64, len(e))
	var outputs sync.WaitGroup
	for j, e := range e {
		outputs.Go(func() { base[j] = e.fill(s.Times[j*k:][:k], ρ) })
	}
	outputs.Wait()
	return base
}

// fill is that for one output: it writes c, which comes as a start, for the correlations ρ [rows, spots], and returns the base.
func (e errors) fill(c, ρ []float64) float64 {
	const updates, least = 200, 1e-9
	k := len(c)
	up, down := make([]float64, k), make([]float64, k)
	base := 1.0
	for range updates {
		var baseUp, baseDown float64
		clear(up)
		clear(down)
		for i, own := range e.own {
			row := ρ[i*k:][:k]
			v := own + base
			for p, r := range row {
				v += c[p] * r
			}
			a, b := e.square[i]/(v*v), 1/v
			baseUp += a
			baseDown += b
			for p, r := range row {
				up[p] += a * r
				down[p] += b * r
			}
		}
		for p := range c {
			c[p] *= math.Sqrt(up[p] / down[p])
		}
		base = max(least, base*math.Sqrt(baseUp/baseDown))
	}
	return base
}
