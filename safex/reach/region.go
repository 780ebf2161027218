package reach

import (
	"math"
	"slices"
)

// region is a set of points z = (x, u): z = mid + span y ± off with y = gen ε and every ε in [-1, 1]. The rows of gen sum up to at most 1 in
// magnitude, so that every |y| ≤ 1 too: y are coordinates in which the set nearly fills a cube.
type region struct {
	nz, nv int
	mid    []float64   // [nz]
	span   []float64   // [nz, nv]
	off    []float64   // [nz]
	gen    [][]float64 // [nv][symbols]
}

// within encloses what becomes of r where each input counts no farther from its center than its reach, nil for no end: r itself if all of it does. A dimension z of r
// becomes clip(z), for which, with the slope α between the ends of the range of z, clip(z) - α z is extreme at these ends and at the corners.
func (r *region) within(center, reach []float64) *region {
	cut := r
	for j, end := range reach {
		c := center[j]
		size := math.Abs(r.mid[j]) + r.off[j]
		for _, v := range r.span[j*r.nv:][:r.nv] {
			size += math.Abs(v)
		}
		off := gamma(r.nv+8) * (size + math.Abs(c) + end)
		wide := radiusUp(r.span[j*r.nv:][:r.nv], r.gen) + r.off[j]
		lo, hi := r.mid[j]-wide-off, r.mid[j]+wide+off
		if lo >= c-end && hi <= c+end {
			continue
		}
		if cut == r {
			cut = &region{nz: r.nz, nv: r.nv, mid: slices.Clone(r.mid), span: slices.Clone(r.span), off: slices.Clone(r.off), gen: r.gen}
		}
		row := cut.span[j*r.nv:][:r.nv]
		if !(hi-lo < 1e100) { // or no number
			clear(row)
			if cut.mid[j], cut.off[j] = c, end*(1+8*unit); hi-lo != hi-lo {
				cut.off[j] = math.NaN()
			}
			continue
		}
		clip := func(v float64) float64 { return max(c-end, min(c+end, v)) }
		α := min(1, max(0, (clip(hi)-clip(lo))/(hi-lo)))
		low, high := math.Inf(1), math.Inf(-1)
		for _, v := range []float64{lo, hi, max(lo, min(hi, c-end)), max(lo, min(hi, c+end))} {
			g := clip(v) - α*v
			low, high = min(low, g), max(high, g)
		}
		cut.mid[j] = α*r.mid[j] + (low+high)/2
		cut.off[j] = (α*r.off[j]+(high-low)/2)*(1+8*unit) + 4*off
		for i := range row {
			row[i] *= α
		}
	}
	return cut
}

// enclosure is what is said of the change of the state over a region: it is in mid + slope y ± rad, and the epistemic deviation is at most
// dev. What is not known is +Inf or NaN in rad and dev.
type enclosure struct {
	nx, nv     int
	mid, slope []float64 // [nx], [nx, nv]
	rad, dev   []float64 // [nx]
}

func (e *enclosure) resize(nx, nv int) {
	if e.nx == nx && e.nv == nv && e.mid != nil {
		return
	}
	*e = enclosure{nx, nv, make([]float64, nx), make([]float64, nx*nv), make([]float64, nx), make([]float64, nx)}
}

// keep makes of e the better of e and o, of each dimension: the smaller radius, with what belongs to it, and the smaller deviation.
func (e *enclosure) keep(o *enclosure) {
	for d := range e.nx {
		if o.rad[d] < e.rad[d] || e.rad[d] != e.rad[d] { // a NaN is worst
			e.mid[d], e.rad[d] = o.mid[d], o.rad[d]
			copy(e.slope[d*e.nv:][:e.nv], o.slope[d*e.nv:][:e.nv])
		}
		if o.dev[d] < e.dev[d] || e.dev[d] != e.dev[d] {
			e.dev[d] = o.dev[d]
		}
	}
}

// radiusUp is at least the largest row·y over the zonotope gen, for rows of gen that sum up to at most 1.
func radiusUp(row []float64, gen [][]float64) float64 {
	if len(row) == 0 {
		return 0
	}
	size := 0.0
	for _, v := range row {
		size += math.Abs(v)
	}
	r := radius(row, gen)
	p := 0
	if gen != nil {
		p = len(gen[0])
	}
	return min(r*(1+gamma(p))+gamma(len(row))*size, size*(1+gamma(len(row)))) + tiny
}

// eigen are the eigenvalues λ and the eigenvectors, columns of v, of the symmetric matrix a, all n × n, about: what is made of them must hold for
// any. It destroys a. The method is that of Jacobi.
func eigen(λ, v, a []float64, n int) {
	clear(v)
	for i := range n {
		v[i*n+i] = 1
	}
	for range 30 {
		off, on := 0.0, 0.0
		for i := range n {
			on += a[i*n+i] * a[i*n+i]
			for j := range i {
				off += a[i*n+j] * a[i*n+j]
			}
		}
		if !(off > 1e-28*on) {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p*n+q] == 0 {
					continue
				}
				θ := (a[q*n+q] - a[p*n+p]) / (2 * a[p*n+q])
				t := 1 / (math.Abs(θ) + math.Sqrt(θ*θ+1))
				if θ < 0 {
					t = -t
				}
				c := 1 / math.Sqrt(t*t+1)
				s := t * c
				for k := range n {
					x, y := a[k*n+p], a[k*n+q]
					a[k*n+p], a[k*n+q] = c*x-s*y, s*x+c*y
				}
				for k := range n {
					x, y := a[p*n+k], a[q*n+k]
					a[p*n+k], a[q*n+k] = c*x-s*y, s*x+c*y
				}
				for k := range n {
					x, y := v[k*n+p], v[k*n+q]
					v[k*n+p], v[k*n+q] = c*x-s*y, s*x+c*y
				}
			}
		}
	}
	for i := range n {
		λ[i] = a[i*n+i]
	}
}

// quadratic has room for the range of a quadratic form.
type quadratic struct{ a, v, λ, e []float64 }

// span is where ½ yᵀh y can be over the zonotope gen, for a symmetric h [n, n] given by its packed upper triangle. It is the narrower of two
// ranges: of the diagonal and of the rest over the cube; and of Σ ½ λ (v·y)² with the exact supports of eigenvectors v. These are not
// exact, so that what they leave of h is bounded over the cube.
func (q *quadratic) span(h []float64, n int, gen [][]float64) (lo, hi float64) {
	off, size := 0.0, 0.0
	i := 0
	for p := range n {
		for r := p; r < n; r++ {
			v := h[i]
			size += math.Abs(v)
			if p != r {
				off += math.Abs(v)
			} else if v < 0 {
				lo += v / 2
			} else {
				hi += v / 2
			}
			i++
		}
	}
	if !(size < 1e100) {
		return math.Inf(-1), math.Inf(1)
	}
	loss := gamma(n*n)*size + tiny
	lo, hi = lo-off-loss, hi+off+loss
	if size == 0 || n == 1 || gen == nil {
		return lo, hi
	}
	if len(q.a) < n*n {
		q.a, q.v, q.e, q.λ = make([]float64, n*n), make([]float64, n*n), make([]float64, n*n), make([]float64, n)
	}
	a, v, λ, e := q.a[:n*n], q.v[:n*n], q.λ[:n], q.e[:n]
	i = 0
	for p := range n {
		for r := p; r < n; r++ {
			a[p*n+r], a[r*n+p] = h[i], h[i]
			i++
		}
	}
	eigen(λ, v, a, n)
	var l, u, parts float64
	for k := range n {
		for d := range n {
			e[d] = v[d*n+k]
		}
		r := radiusUp(e, gen)
		if w := λ[k] * r * r / 2; w < 0 {
			l += w
		} else {
			u += w
		}
		parts += math.Abs(λ[k])
	}
	rest := 0.0
	i = 0
	for p := range n {
		for r := p; r < n; r++ {
			s := h[i]
			for k := range n {
				s -= λ[k] * v[p*n+k] * v[r*n+k]
			}
			if p == r {
				rest += math.Abs(s) / 2
			} else {
				rest += math.Abs(s)
			}
			i++
		}
	}
	// Entries of v are at most 1, but for rounding.
	loss = rest*(1+gamma(n*n)) + gamma(4*n)*float64(n*n)*(parts+size)*2 + gamma(n+8)*(u-l) + tiny
	return max(lo, l-loss), min(hi, u+loss)
}

// packed is the number of entries of the upper triangle of an n × n matrix.
func packed(n int) int { return n * (n + 1) / 2 }
