package reach

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Patch is a set of states: Center + Σ Gen[i] y[i] + Σ Bend[ij] y[i] y[j] ± Off for every y in [-1, 1]ᵏ. Bend has a row for each pair i ≤ j, in the order
// (0, 0), (0, 1), … (1, 1), ….
type Patch struct {
	Center []float64   // [nx]
	Gen    [][]float64 // [k][nx]
	Bend   [][]float64 // [k(k+1)/2][nx]; nil is 0
	Off    []float64   // [nx], at least 0; nil is 0
}

// An Image is where a Patch goes: the mean of the next state of the states at y is in Center + Σ Gen[i] y[i] + Σ Bend[ij] y[i] y[j] ± Off, with the y of the
// Patch, and the epistemic deviation anywhere in it at most Deviation, which is not times β. At y it is at most what Corner comes to with the weights of a
// multilinear interpolation. What is not known is +Inf in Off, Deviation and Corner, and none is a NaN.
type Image struct {
	Center    []float64   // [nx]
	Gen       [][]float64 // [k][nx]
	Bend      [][]float64 // [k(k+1)/2][nx]
	Off       []float64   // [nx]
	Deviation []float64   // [nx], in the unit of the state
	Corner    [][]float64 // [1<<k][nx], of deviations; bit i of a corner's number says that y[i] is 1 there, and not -1
}

// An Imager encloses images of patches with so many generators. It has memory of its own: each goroutine wants one.
type Imager struct {
	prover  *Prover
	gens    int
	patches patches
	said    *enclosures
	patcher patcher
	in, out []num.Affine
}

// Imager returns an Imager of patches with k generators, at most 6.
func (p *Prover) Imager(k int) *Imager {
	if k < 0 || k > corners {
		panic(fmt.Sprintf("reach: an Imager of patches with %d generators, want 0 to %d", k, corners))
	}
	nz, nq := p.nx+p.nu, packed(k)
	m := &Imager{prover: p, gens: k, said: newEnclosures(p.nx, k), patcher: p.source.patcher(k), in: make([]num.Affine, nz), out: make([]num.Affine, p.nx)}
	m.said.bend, m.said.corner = make([]float64, p.nx*nq*lanes), make([]float64, (p.nx<<k)*lanes)
	m.patches = patches{nz, k, make([]float64, nz*lanes), make([]float64, nz*k*lanes), make([]float64, nz*nq*lanes), make([]float64, nz*lanes)}
	for d := range m.in[:p.nx] {
		m.in[d].Coef = make([]float64, k+p.nx)
	}
	return m
}

// Images encloses where each patch of from goes with the actions u[i], into dst[i], in vectors: some 10 µs of one core for patches of two generators
// under an ensemble of 5 × [64, 64]. Of networks of smooth units the rest is of third order in the width of a patch, and of second order elsewhere. A u of one action
// is of all patches. It panics if the dimensions or lengths disagree.
func (m *Imager) Images(dst []Image, from []Patch, u [][]float64) {
	if len(dst) != len(from) || len(u) != len(from) && len(u) != 1 {
		panic(fmt.Sprintf("reach: %d images of %d patches and %d actions", len(dst), len(from), len(u)))
	}
	for at := 0; at < len(from); at += lanes {
		m.load(from, u, at)
		m.patcher.enclose(m.said, &m.patches)
		for l := range min(lanes, len(from)-at) {
			m.image(&dst[at+l], &from[at+l], action(u, at+l), l)
		}
	}
}

// action is that of patch i.
func action(u [][]float64, i int) []float64 { return u[min(i, len(u)-1)] }

// load fills the lanes with the patches from at on, and with the last again.
func (m *Imager) load(from []Patch, u [][]float64, at int) {
	p, q, nq := m.prover, &m.patches, packed(m.gens)
	clear(q.bend)
	for l := range lanes {
		i := min(at+l, len(from)-1)
		x, u := &from[i], action(u, i)
		if len(x.Center) != p.nx || len(x.Gen) != m.gens || x.Bend != nil && len(x.Bend) != nq || x.Off != nil && len(x.Off) != p.nx || len(u) != p.nu {
			panic(fmt.Sprintf("reach: a patch of %d dimensions, %d generators, %d bends and %d offsets with %d actions, for a system of %d and %d and an Imager of %d",
				len(x.Center), len(x.Gen), len(x.Bend), len(x.Off), len(u), p.nx, p.nu, m.gens))
		}
		for d, v := range x.Center {
			q.mid[d*lanes+l] = v
			q.off[d*lanes+l] = 0
			if x.Off != nil {
				q.off[d*lanes+l] = x.Off[d]
			}
			for k, g := range x.Gen {
				q.span[(d*m.gens+k)*lanes+l] = g[d]
			}
			for k, g := range x.Bend {
				q.bend[(d*nq+k)*lanes+l] = g[d]
			}
		}
		for k, v := range u {
			q.mid[(p.nx+k)*lanes+l] = v
		}
	}
}

// image writes what is said in lane l.
func (m *Imager) image(dst *Image, from *Patch, u []float64, l int) {
	p, nv, nq := m.prover, m.gens, packed(m.gens)
	dst.resize(p.nx, nv)
	prior := p.prior
	if p.turned != nil {
		prior = p.turned
	}
	if prior != nil {
		prior.EvalAffine(m.out, m.in, m.forms(from, u))
	}
	for d := range p.nx {
		mid, rad := m.said.mid[d*lanes+l], m.said.rad[d*lanes+l]
		size := math.Abs(mid)
		for k := range nv {
			s := m.said.slope[(d*nv+k)*lanes+l]
			dst.Gen[k][d] = s
			size += math.Abs(s)
		}
		for k := range nq {
			s := m.said.bend[(d*nq+k)*lanes+l]
			dst.Bend[k][d] = s
			size += math.Abs(s)
		}
		if prior == nil {
			x := from.Center[d]
			for k, g := range from.Gen {
				dst.Gen[k][d] += g[d]
				size += math.Abs(g[d])
			}
			for k, g := range from.Bend {
				dst.Bend[k][d] += g[d]
				size += math.Abs(g[d])
			}
			if from.Off != nil {
				rad += from.Off[d]
			}
			dst.Center[d] = x + mid
			size += math.Abs(x)
		} else {
			f := m.out[d]
			own := math.Inf(1)
			if !math.IsInf(f.Rad, 1) {
				own = f.Rad
				for k, v := range f.Coef {
					if k < nv {
						dst.Gen[k][d] += v
					} else {
						own += math.Abs(v)
					}
					size += math.Abs(v)
				}
				size += own
			}
			center := f.Mid
			if lo, hi := f.Range.Lo, f.Range.Hi; !(own < math.Inf(1)) { // its range is all that is known
				center, own = lo/2+hi/2, (hi-lo)/2*(1+8*unit)
				for k := range nv {
					dst.Gen[k][d] = m.said.slope[(d*nv+k)*lanes+l]
				}
				size += math.Abs(lo) + math.Abs(hi)
			}
			if f.Range.MayNaN {
				own = math.Inf(1)
			}
			rad += own
			dst.Center[d] = center + mid
			size += math.Abs(center)
		}
		dst.Off[d] = rad + gamma(2*nv+2*nq+len(m.out[d].Coef)+8)*(size+rad) + tiny
		dst.Deviation[d] = 0
		for k, c := range dst.Corner {
			c[d] = calibrated(m.said.corner[(k*p.nx+d)*lanes+l], p.scale[d], p.floor[d])
			dst.Deviation[d] = max(dst.Deviation[d], c[d]) // NaN if one is
		}
		if v := dst.Center[d] + dst.Off[d] + dst.Deviation[d]; v-v != 0 {
			dst.forget(d)
		}
	}
}

// forms are the state and the action of a patch, as affine forms on its generators and a symbol for each dimension that bends or has an offset, so that
// what depends on those twice does so once. It returns the number of symbols.
func (m *Imager) forms(from *Patch, u []float64) int {
	nv := len(from.Gen)
	for d, mid := range from.Center {
		f := &m.in[d]
		clear(f.Coef)
		r, off := 0.0, 0.0
		for k, g := range from.Gen {
			f.Coef[k] = g[d]
			r += math.Abs(g[d])
		}
		if from.Off != nil {
			off = from.Off[d]
		}
		i := 0
		for p := range nv {
			for q := p; q < nv && from.Bend != nil; q++ {
				b := from.Bend[i][d]
				if p == q { // y² is in ½ ± ½
					b /= 2
					mid += b
				}
				off += math.Abs(b)
				i++
			}
		}
		if i > 0 {
			off += gamma(i+4) * (math.Abs(mid) + off)
		}
		f.Coef[nv+d] = off
		f.Mid, f.Range = mid, num.Point(mid)
		if r += off; r > 0 {
			r = above(r, nv+2)
			f.Range = num.Interval{Lo: outward(mid-r, -1), Hi: outward(mid+r, 1)}
		}
	}
	for k, v := range u {
		m.in[m.prover.nx+k] = num.Known(v)
	}
	return nv + len(from.Center)
}

// forget says that nothing is known of dimension d.
func (i *Image) forget(d int) {
	i.Center[d], i.Off[d], i.Deviation[d] = 0, math.Inf(1), math.Inf(1)
	for _, g := range slices.Concat(i.Gen, i.Bend) {
		g[d] = 0
	}
	for _, c := range i.Corner {
		c[d] = math.Inf(1)
	}
}

// resize makes room for nx dimensions and k generators.
func (i *Image) resize(nx, k int) {
	for _, row := range []*[]float64{&i.Center, &i.Off, &i.Deviation} {
		*row = slices.Grow((*row)[:0], nx)[:nx]
	}
	for _, part := range []struct {
		rows *[][]float64
		n    int
	}{{&i.Gen, k}, {&i.Bend, packed(k)}, {&i.Corner, 1 << k}} {
		*part.rows = slices.Grow((*part.rows)[:0], part.n)[:part.n]
		for j, row := range *part.rows {
			(*part.rows)[j] = slices.Grow(row[:0], nx)[:nx]
		}
	}
}
