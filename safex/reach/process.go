package reach

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// shared is a Gaussian process of all dimensions of the state. With the map φ of the squared exponential, as for gaussian, and the features h of the trend,
// which are linear, Φ(z) = (φ(q), h(z)) has the length √(1 + |h|²). The means are ⟨m_j, φ(q)⟩ and a linear function, and the deviation of all of them is in the same
// proportion to |A^½ Φ(z)|, where A, what the data leave open, makes nothing longer.
type shared struct {
	nz, nx, n, k   int // k features, of which n are correlations
	center, length []float64
	reach          []float64 // [nz]: how far from the center an input counts; nil without an end
	points         []float64 // [n, nz]
	trend          []float64 // [1 + nz], or none
	weights        []float64 // [nx, k]
	deviation      []float64
	size           []float64 // [nx]: at least |m| = √(wᵀKw), K the correlations of the points

	means, root, abs *vec.Matrix64 // [nx, k], and [k, k] of numbers and of their magnitudes; nil without features
}

// newShared checks and packs a process.
func newShared(r *safex.Process, nx, nz int) *shared {
	k := r.Features()
	n := k - len(r.Trend)
	if len(r.Center) != nz || len(r.Length) != nz || r.Range != nil && len(r.Range) != nz || len(r.Points) != n*nz || len(r.Trend) != 0 && len(r.Trend) != 1+nz || len(r.Weights) != nx*k || len(r.Root) != k*k || len(r.Deviation) != nx {
		panic(fmt.Sprintf("reach: a process of %d coordinates with %d centers, %d lengths, %d trends, %d weights, a root of %d and %d deviations for %d state dimensions and %d inputs",
			len(r.Points), len(r.Center), len(r.Length), len(r.Trend), len(r.Weights), len(r.Root), len(r.Deviation), nx, nz))
	}
	s := &shared{nz: nz, nx: nx, n: n, k: k, center: r.Center, length: r.Length, reach: r.Range, points: r.Points, trend: r.Trend, weights: r.Weights, deviation: r.Deviation}
	if k > 0 {
		s.means = vec.Pack64(nx, k, func(d, i int) float64 { return r.Weights[d*k+i] })
		s.root = vec.Pack64(k, k, func(i, l int) float64 { return r.Root[i*k+l] })
		s.abs = vec.Pack64(k, k, func(i, l int) float64 { return math.Abs(r.Root[i*k+l]) })
	}
	square, size := make([]float64, nx), make([]float64, nx)
	row, sum := make([]float64, nx), make([]float64, nx)
	for i := range n {
		clear(row)
		clear(sum)
		for j := range n {
			r2 := 0.0
			for d := range nz {
				e := r.Points[i*nz+d] - r.Points[j*nz+d]
				r2 += e * e
			}
			ρ := math.Exp(-r2 / 2)
			for d := range nx {
				v := r.Weights[d*k+j]
				row[d] += v * ρ
				sum[d] += math.Abs(v) * ρ * (1 + r2)
			}
		}
		for d := range nx {
			w := r.Weights[d*k+i]
			square[d] += w * row[d]
			size[d] += math.Abs(w) * sum[d]
		}
	}
	for d, v := range square {
		s.size = append(s.size, math.Sqrt(max(0, v)+gamma(2*n+nz+32)*size[d]+tiny)*(1+8*unit))
	}
	return s
}

// patcher implements source.
func (s *shared) patcher(nv int) patcher { return straight{newOneByOne(s.setter(), s.nz, nv)} }

// setter implements source.
func (s *shared) setter() setter { return &sharing{shared: s, nv: -1} }

// sharing is a shared's setter. Of every feature it has the value and the derivatives by y at the middle, of order 1 and 2, side by side: one product with
// the weights and one with the root serve all dimensions.
type sharing struct {
	*shared
	deviation deviation
	quad      quadratic
	nv, cols  int       // columns: 1, nv and packed(nv), and some that are 0
	q, e      []float64 // [nz]
	a         []float64 // [nz, nv]: of q by y
	dots      []float64 // [packed(nv)]: of the columns of a
	slopes    []float64 // [nz, nv]: of h by y
	φ         []float64 // [k, cols]
	mean      []float64 // [nx, cols]
	known     []float64 // [k, cols]: root times φ
	size      []float64 // [k]: that of a feature, of which what rounds is a share
	sizes     []float64 // [k, lanes]
	apart     []float64 // [k, lanes]: what a row of known is off by is at most a share of its first lane
	grad      []float64 // [nv]
	d, bent   []float64 // [packed(nv)]
	square    float64   // of the length of h at the middle
	off       float64   // of q, what is not in a y
	trendOff  float64   // the same of h
	far       float64   // of q from the middle
	a1        float64   // at least the sum of |a|
	whole     float64   // at least the sum of 1, of |a| and of all sizes of h
}

// prepare makes room for nv variables.
func (x *sharing) prepare(nv int) {
	if x.nv == nv {
		return
	}
	x.nv, x.cols = nv, pad(1+nv+packed(nv))
	x.q, x.e, x.a, x.slopes = make([]float64, x.nz), make([]float64, x.nz), make([]float64, x.nz*nv), make([]float64, x.nz*nv)
	x.φ, x.mean, x.known = make([]float64, x.k*x.cols), make([]float64, x.nx*x.cols), make([]float64, x.k*x.cols)
	x.size, x.sizes, x.apart = make([]float64, x.k), make([]float64, x.k*lanes), make([]float64, x.k*lanes)
	x.dots, x.d, x.bent, x.grad = make([]float64, packed(nv)), make([]float64, packed(nv)), make([]float64, packed(nv)), make([]float64, nv)
}

// enclose implements setter.
func (x *sharing) enclose(dst *enclosure, r *region) {
	dst.resize(x.nx, r.nv)
	x.prepare(r.nv)
	r = r.within(x.center, x.reach)
	x.place(r)
	most := x.trends(r)
	x.correlations()
	if x.k > 0 {
		x.means.Mul(x.mean, x.φ, x.cols)
		x.root.Mul(x.known, x.φ, x.cols)
		for i, v := range x.size {
			x.sizes[i*lanes] = v
		}
		x.abs.Mul(x.apart, x.sizes, lanes)
	}
	for d := range x.nx {
		x.output(dst, r, d)
	}
	u := x.doubt(r, most)
	for d, v := range x.shared.deviation {
		dst.dev[d] = above(math.Abs(v)*u, 4)
	}
}

// place writes q = mid + a y ± off, in lengths.
func (x *sharing) place(r *region) {
	nz, nv := x.nz, r.nv
	x.deviation.resize(nz, nv)
	off2, a1 := 0.0, 0.0
	for j := range nz {
		x.q[j] = (r.mid[j] - x.center[j]) / x.length[j]
		size := math.Abs(x.q[j])
		for i := range nv {
			v := r.span[j*nv+i] / x.length[j]
			x.a[j*nv+i], x.deviation.a[j*nv+i] = v, v
			size += math.Abs(v)
			a1 += math.Abs(v)
		}
		x.deviation.v[j] = 0
		x.deviation.rad[j] = (r.off[j]/math.Abs(x.length[j])+gamma(4)*size)*(1+8*unit) + tiny
		off2 += x.deviation.rad[j] * x.deviation.rad[j]
	}
	x.far = x.deviation.norm(r.gen)
	x.off = math.Sqrt(off2)*(1+gamma(nz+4)) + tiny
	x.a1 = a1 * (1 + gamma(nz*nv))
	k := 0
	for p := range nv {
		for s := p; s < nv; s++ {
			dot := 0.0
			for j := range nz {
				dot += x.a[j*nv+p] * x.a[j*nv+s]
			}
			x.dots[k] = dot
			k++
		}
	}
}

// trends writes the features of the trend. It returns the length of Φ at most.
func (x *sharing) trends(r *region) (most float64) {
	nz, nv := x.nz, r.nv
	x.whole, x.square, x.trendOff = 1+x.a1, 0, 0
	if x.trend == nil {
		return 1
	}
	b := &x.deviation
	b.resize(1+nz, nv)
	clear(x.φ[x.n*x.cols:])
	b.v[0], b.rad[0], x.size[x.n], x.φ[x.n*x.cols] = x.trend[0], 0, math.Abs(x.trend[0]), x.trend[0]
	clear(b.a[:nv])
	x.whole += math.Abs(x.trend[0])
	x.square += x.trend[0] * x.trend[0]
	off2 := 0.0
	for j, by := range x.trend[1:] {
		row := x.φ[(x.n+1+j)*x.cols:][:x.cols]
		row[0] = by * (r.mid[j] - x.center[j])
		x.square += row[0] * row[0]
		size := math.Abs(r.mid[j]) + math.Abs(x.center[j]) + r.off[j]
		for i, v := range r.span[j*nv:][:nv] {
			row[1+i] = by * v
			x.slopes[j*nv+i], b.a[(1+j)*nv+i] = row[1+i], row[1+i]
			size += math.Abs(v)
		}
		size *= math.Abs(by) * (1 + gamma(nv+4))
		off := math.Abs(by)*r.off[j]*(1+8*unit) + tiny
		b.v[1+j], b.rad[1+j], x.size[x.n+1+j] = row[0], off+gamma(4)*size, size
		off2 += off * off
		x.whole += size
	}
	x.trendOff = math.Sqrt(off2)*(1+gamma(nz+4)) + tiny
	norm := b.norm(r.gen)
	return math.Sqrt(above(1+norm*norm, 4)) * (1 + 4*unit)
}

// correlations writes the values and the derivatives of the correlations: ρ, -ρ e·a_p and ρ (e·a_p e·a_s - a_p·a_s), with e from the point to q.
func (x *sharing) correlations() {
	nz, nv := x.nz, x.nv
	for i := range x.n {
		row, point := x.φ[i*x.cols:][:x.cols], x.points[i*nz:][:nz]
		r2 := 0.0
		along := row[1:][:nv]
		clear(along)
		for j, c := range point {
			e := x.q[j] - c
			r2 += e * e
			for p, v := range x.a[j*nv:][:nv] {
				along[p] += e * v
			}
		}
		ρ := math.Exp(-r2 / 2)
		// Every product is at most that, but for powers of a, which are counted with the loss.
		x.size[i] = 3 * ρ * (1 + r2) * (1 + r2)
		second := row[1+nv:][:len(x.dots)]
		k := 0
		for p, v := range along {
			for _, w := range along[p:] {
				second[k] = ρ * (v*w - x.dots[k])
				k++
			}
		}
		row[0] = ρ
		for p := range along {
			along[p] *= -ρ
		}
	}
}

// output encloses the mean of dimension d, as posterior does, with a trend that is linear.
func (x *sharing) output(dst *enclosure, r *region, d int) {
	nv, m := x.nv, x.shared.size[d]
	weights, said := x.weights[d*x.k:][:x.k], x.mean[d*x.cols:][:x.cols]
	mid := said[0]
	slope := dst.slope[d*nv:][:nv]
	copy(slope, said[1:])
	loss, rest := 0.0, 0.0
	for i, w := range weights {
		loss += math.Abs(w) * x.size[i]
	}
	loss *= gamma(x.k+4*x.nz+32) * (2 + x.a1) * (2 + x.a1)
	if x.trend != nil {
		for j, w := range weights[x.n+1:] {
			rest += math.Abs(w*x.trend[1+j]) * r.off[j] // of what is not in a y
		}
		rest = above(rest, x.nz+2)
	}
	out := m * x.off
	var lo, hi float64
	second := math.Inf(1)
	if x.far < 1e50 {
		lo, hi = x.quad.span(said[1+nv:][:packed(nv)], nv, r.gen)
		second = (hi-lo)/2 + m*min(0.64550*x.far, math.Sqrt(3)*(1+4*unit))*x.far*x.far
	}
	first := m * math.Sqrt(3) * x.far * x.far / 2
	none := m * math.Sqrt(2*max(0, 1-math.Exp(-x.far*x.far*(1+gamma(8))/2))+gamma(32)) // |φ(q) - φ(mid)|² = 2 - 2ρ
	rad := second
	switch {
	case second <= first && second <= none:
		mid += lo/2 + hi/2
		loss += gamma(4) * (math.Abs(lo) + math.Abs(hi))
	case first <= none:
		rad = first
	default:
		rad = none
		clear(slope)
		out = 0
		if x.trend != nil {
			for j, w := range weights[x.n+1:] {
				for p, v := range x.slopes[j*nv:][:nv] {
					slope[p] += w * v
				}
			}
		}
	}
	dst.mid[d] = mid
	dst.rad[d] = (rad+out+rest+loss)*(1+gamma(16)) + gamma(4)*math.Abs(mid) + tiny
}

// doubt bounds |A^½ Φ|, which is at most most. With its value V at the middle, the derivatives g of that and the covariance D of its gradient,
//
//	V = |Φ|² - |Root φ|²,   D_ps = a_p·a_s + h_p·h_s - known_p·known_s,
//
// it is at most √(V + g·y + yᵀDy) + rest + off of q + off of h, as A makes nothing longer. The first is largest at a corner of the cube, as it is the length of
// a vector that is linear in y. The rest is at most √3/2 r²; or, with what A leaves of the second derivatives at the middle, ½ Σ |A^½ φ_ps| + √15/6 r³, which is
// much less where the data tell how the change bends.
func (x *sharing) doubt(r *region, most float64) float64 {
	nv, cols := x.nv, x.cols
	if !(x.far < 1e50 && most < 1e50) {
		return most
	}
	value, grad, d, bent := 1+x.square, x.grad, x.d, x.bent
	clear(grad)
	k := 0
	for p := range nv {
		for s := p; s < nv; s++ {
			own, cross := x.dots[k], x.dots[k]
			for j := range len(x.slopes) / max(1, nv) {
				if x.trend == nil {
					break
				}
				own += x.slopes[j*nv+p] * x.slopes[j*nv+s]
			}
			d[k] = own
			bent[k] = x.dots[at(p, p, nv)]*x.dots[at(s, s, nv)] + 2*cross*cross
			k++
		}
	}
	if x.trend != nil {
		for j := range x.nz {
			h := x.φ[(x.n+1+j)*cols]
			for p, v := range x.slopes[j*nv:][:nv] {
				grad[p] += 2 * h * v
			}
		}
	}
	g := gamma(x.k + 4*x.nz + 40)
	a := 1 + x.a1
	var s0, t2, sy, sb float64
	for i := range x.k {
		row, t := x.known[i*cols:][:1+nv+len(d)], g*x.apart[i*lanes]
		v := row[0]
		value -= v * v
		s0 += math.Abs(v) * t
		t2 += t * t
		first, second := row[1:][:nv], row[1+nv:]
		k := 0
		for p, v := range first {
			grad[p] -= 2 * row[0] * v
			sy += math.Abs(v) * t
			for _, w := range first[p:] {
				d[k] -= v * w
				k++
			}
		}
		for k, v := range second {
			bent[k] -= v * v
			sb += math.Abs(v) * t
		}
	}
	wrong := 2*sy*a + t2*a*a + gamma(x.k+x.nz+8)*x.whole*x.whole*4 // of D
	loss := 2*s0 + t2 + 2*(s0*a+sy+t2*a) + wrong*float64(1+nv) + gamma(x.k+x.nz+len(d)+8)*x.whole*x.whole*16
	square := max(0, x.longest(r, value)) + loss
	curve := math.Sqrt(3) * (1 + 4*unit) / 2 * x.far * x.far
	if x.k > 0 {
		sum := 0.0
		wrong := 2*sb*a*a + t2*a*a*a*a + gamma(x.k+x.nz+8)*x.a1*x.a1*x.a1*x.a1*16
		k := 0
		for p := range nv {
			for s := p; s < nv; s++ {
				v := math.Sqrt(max(0, bent[k]) + wrong)
				if p == s {
					v /= 2
				}
				sum += v
				k++
			}
		}
		curve = min(curve, above(sum, len(d)+4)+0.64550*x.far*x.far*x.far)
	}
	u := math.Sqrt(square) + curve + x.off + x.trendOff
	return min(most, max(u, 1e-7)*(1+gamma(16))+tiny)
}

// at is the place of p ≤ s in a packed upper triangle of n rows.
func at(p, s, n int) int { return p*n - p*(p-1)/2 + s - p }

// longest is at least the largest value + grad·y + yᵀDy over the region: by directions, with the zonotope's own supports; and by corners.
func (x *sharing) longest(r *region, value float64) float64 {
	nv := x.nv
	twice := x.d
	for i := range twice {
		twice[i] *= 2
	}
	_, high := x.quad.span(twice, nv, r.gen)
	square := value + radiusUp(x.grad, r.gen) + high
	if nv > corners {
		return square
	}
	top := math.Inf(-1)
	for c := range 1 << nv {
		v, k := value, 0
		for p := range nv {
			a := float64(c>>p&1)*2 - 1
			v += a * x.grad[p]
			v += twice[k] / 2
			k++
			for s := p + 1; s < nv; s++ {
				b := float64(c>>s&1)*2 - 1
				v += a * b * twice[k]
				k++
			}
		}
		top = max(top, v)
	}
	return min(square, top)
}
