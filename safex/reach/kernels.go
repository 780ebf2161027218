package reach

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// gaussian is a Gaussian process for each dimension of the state. With the correlation ρ, φ(q) = ρ(q, ·) is a map to a space in which the mean is
// μ(q) = ⟨m, φ(q)⟩, and every derivative of it of order n along a direction of length 1 is at most |m| √κₙ, with κₙ = (-1)ⁿ ρ⁽²ⁿ⁾(0) of ρ as a function of
// the distance. q counts in lengths.
type gaussian struct {
	nz, nx  int
	matern  bool
	center  []float64
	outputs []process
}

// process is the posterior of one output.
type process struct {
	n        int
	length   []float64
	points   []float64 // [n, nz]
	weights  []float64
	root     []float64 // [n, n], lower triangular
	variance float64
	size     float64 // at least |m| = √(wᵀKw), K the correlations of the points
}

// newGaussian checks and copies the processes.
func newGaussian(k *safex.Kernels, nx, nz int) (*gaussian, error) {
	if k.Correlation != "se" && k.Correlation != "matern52" {
		return nil, fmt.Errorf("reach: no correlation %q", k.Correlation)
	}
	if len(k.Outputs) != nx || k.Center != nil && len(k.Center) != nz {
		panic(fmt.Sprintf("reach: %d kernels and %d centers for %d state dimensions and %d inputs", len(k.Outputs), len(k.Center), nx, nz))
	}
	g := &gaussian{nz: nz, nx: nx, matern: k.Correlation == "matern52", center: make([]float64, nz)}
	copy(g.center, k.Center)
	for _, o := range k.Outputs {
		n := len(o.Weights)
		if len(o.Length) != nz || len(o.Points) != n*nz || len(o.Root) != n*n {
			panic(fmt.Sprintf("reach: a kernel of %d points has %d coordinates, %d lengths and a root of %d for %d inputs", n, len(o.Points), len(o.Length), len(o.Root), nz))
		}
		p := process{n: n, length: o.Length, points: o.Points, weights: o.Weights, root: o.Root, variance: o.Variance}
		square, size := 0.0, 0.0
		for i, w := range o.Weights {
			row, sum := 0.0, 0.0
			for j, v := range o.Weights {
				r2 := 0.0
				for d := range nz {
					e := o.Points[i*nz+d] - o.Points[j*nz+d]
					r2 += e * e
				}
				ρ, _, _ := g.correlation(r2)
				row += v * ρ
				sum += math.Abs(v) * ρ * (1 + r2)
			}
			square += w * row
			size += math.Abs(w) * sum
		}
		p.size = math.Sqrt(max(0, square)+gamma(2*n+nz+32)*size+tiny) * (1 + 8*unit)
		g.outputs = append(g.outputs, p)
	}
	return g, nil
}

// correlation is ρ of the square of a distance in lengths, and its first two derivatives by that square. Each is off by less than a share of (1 + r²)
// gamma(nz + 16) if r² is by one of gamma(nz + 2).
func (g *gaussian) correlation(r2 float64) (ρ, d1, d2 float64) {
	if !g.matern {
		ρ = math.Exp(-r2 / 2)
		return ρ, -ρ / 2, ρ / 4
	}
	a := math.Sqrt(5 * r2)
	e := math.Exp(-a)
	return (1 + a + a*a/3) * e, -5.0 / 6 * (1 + a) * e, 25.0 / 12 * e
}

// κ of order 1 and 2 of the correlations.
func (g *gaussian) κ() (first, second float64) {
	if g.matern {
		return 5.0 / 3 * (1 + 2*unit), 25
	}
	return 1, 3
}

// rest is at least what an expansion of ⟨m, φ(q)⟩ of order 2 leaves at the distance r, for |m| = 1. The squared exponential has κ₃ = 15. The third
// derivative of matern52 is not bounded, but its fourth one as a function of the distance, (25/3)(a² - 5a + 3) exp(-a) with a = √5 t, falls
// from 25 by at most (200/3) a, so that second derivatives at a distance t differ by at most √(2 · (200/3) √5 t) < 17.267 √t, and the rest is at most that
// times ∫₀ʳ (r - t) √t dt = (4/15) r^2.5.
func (g *gaussian) rest(r float64) float64 {
	if g.matern {
		return min(4.6045*math.Sqrt(r), 5) * r * r
	}
	return min(0.64550*r, math.Sqrt(3)*(1+4*unit)) * r * r
}

// patcher implements source.
func (g *gaussian) patcher(nv int) patcher { return straight{newOneByOne(g.setter(), g.nz, nv)} }

// setter implements source.
func (g *gaussian) setter() setter { return &posterior{gaussian: g} }

// posterior is a gaussian's setter.
type posterior struct {
	*gaussian
	deviation deviation
	quad      quadratic
	q, e      []float64 // [nz]
	a         []float64 // [nz, nv]: of q by y
	ρ, size   []float64 // [n]
	by        []float64 // [nv, n]: of the correlations by y
	slope     []float64 // [nv]
	h, d      []float64 // [packed(nv)]
	along     []float64 // [nv]
	grad      []float64 // [nv]
	known     []float64 // [1 + nv]: of a row of root
	sums      []float64 // [nv]
}

// enclose implements setter.
func (x *posterior) enclose(dst *enclosure, r *region) {
	nz, nv := x.nz, r.nv
	dst.resize(x.nx, nv)
	if len(x.q) != nz || len(x.a) != nz*nv {
		x.q, x.e, x.a = make([]float64, nz), make([]float64, nz), make([]float64, nz*nv)
		x.slope, x.along, x.grad, x.sums = make([]float64, nv), make([]float64, nv), make([]float64, nv), make([]float64, nv)
		x.h, x.d, x.known = make([]float64, packed(nv)), make([]float64, packed(nv)), make([]float64, 1+nv)
	}
	for d := range x.outputs {
		x.output(dst, r, d)
	}
}

// output encloses output d.
func (x *posterior) output(dst *enclosure, r *region, d int) {
	nz, nv, o := x.nz, r.nv, &x.outputs[d]
	// q = mid + a y ± off, in lengths.
	x.deviation.resize(nz, nv)
	off2, a1 := 0.0, 0.0
	for j := range nz {
		x.q[j] = (r.mid[j] - x.center[j]) / o.length[j]
		size := math.Abs(x.q[j])
		for i := range nv {
			v := r.span[j*nv+i] / o.length[j]
			x.a[j*nv+i], x.deviation.a[j*nv+i] = v, v
			size += math.Abs(v)
			a1 += math.Abs(v)
		}
		x.deviation.v[j] = 0
		x.deviation.rad[j] = (r.off[j]/math.Abs(o.length[j])+gamma(4)*size)*(1+8*unit) + tiny
		off2 += x.deviation.rad[j] * x.deviation.rad[j]
	}
	far := x.deviation.norm(r.gen)                // of q from the middle
	off := math.Sqrt(off2)*(1+gamma(nz+4)) + tiny // of what is not in a y
	κ1, κ2 := x.κ()
	if len(x.ρ) < o.n || len(x.by) < nv*o.n {
		x.ρ, x.size, x.by = make([]float64, o.n), make([]float64, o.n), make([]float64, nv*o.n)
	}
	// The mean: its value and its derivatives by y at the middle.
	mid, loss := 0.0, 0.0
	clear(x.slope)
	clear(x.h)
	for i := range o.n {
		r2 := 0.0
		for j := range nz {
			x.e[j] = x.q[j] - o.points[i*nz+j]
			r2 += x.e[j] * x.e[j]
		}
		ρ, d1, d2 := x.correlation(r2)
		x.ρ[i] = ρ
		// Every product below is at most that, but for powers of a, which are counted with the loss.
		x.size[i] = (ρ + 2*math.Abs(d1) + 4*d2) * (1 + r2) * (1 + r2)
		w := o.weights[i]
		mid += w * ρ
		loss += math.Abs(w) * x.size[i]
		k := 0
		for p := range nv {
			along := 0.0
			for j := range nz {
				along += x.e[j] * x.a[j*nv+p]
			}
			x.along[p] = along
			x.by[p*o.n+i] = 2 * d1 * along
			x.slope[p] += w * 2 * d1 * along
			for s := range p + 1 { // packed by columns of the lower triangle, put right below
				dot := 0.0
				for j := range nz {
					dot += x.a[j*nv+p] * x.a[j*nv+s]
				}
				x.h[k] += w * (4*d2*along*x.along[s] + 2*d1*dot)
				k++
			}
		}
	}
	loss *= gamma(o.n+4*nz+32) * (1 + a1) * (1 + a1)
	m := o.size
	rest := m * math.Sqrt(κ1) * off // of what is not in a y
	var lo, hi float64
	second := math.Inf(1)
	if far < 1e50 {
		lo, hi = x.quad.span(x.upper(nv), nv, r.gen)
		second = (hi-lo)/2 + m*x.rest(far)
	}
	first := m * math.Sqrt(κ2) * far * far / 2
	apart, _, _ := x.correlation(far * far * (1 + gamma(8)))
	none := m * math.Sqrt(2*max(0, 1-apart)+gamma(32)) // |φ(q) - φ(mid)|² = 2 - 2ρ
	slope := dst.slope[d*nv:][:nv]
	copy(slope, x.slope)
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
		rest = 0
	}
	dst.mid[d] = mid
	dst.rad[d] = (rad+rest+loss)*(1+gamma(16)) + gamma(4)*math.Abs(mid) + tiny
	dst.dev[d] = x.doubt(r, o, far, off, a1, κ1, κ2)
}

// upper turns h, of rows of the lower triangle, into rows of the upper one.
func (x *posterior) upper(nv int) []float64 {
	k := 0
	for p := range nv {
		for s := p; s < nv; s++ {
			x.d[k] = x.h[s*(s+1)/2+p]
			k++
		}
	}
	return x.d
}

// doubt bounds the deviation. It is √variance times the length of the projection of φ to what the points leave open: with its value σ² at the middle, the
// derivatives g of that and the covariance D of its gradient, the length is at most
//
//	√(σ² + g·y + yᵀDy) + √κ₂/2 r² + √κ₁ off,
//
// as a projection makes nothing longer. The first is largest at a corner of the cube, as it is the length of a vector that is linear in y.
func (x *posterior) doubt(r *region, o *process, far, off, a1, κ1, κ2 float64) float64 {
	nv, n := r.nv, o.n
	most := math.Sqrt(o.variance) * (1 + 4*unit)
	if !(far < 1e50) {
		return most
	}
	value := o.variance
	clear(x.grad)
	clear(x.h)
	clear(x.sums)
	k := 0
	for p := range nv {
		for s := range p + 1 {
			dot := 0.0
			for j := range x.nz {
				dot += x.a[j*nv+p] * x.a[j*nv+s]
			}
			x.h[k] = o.variance * κ1 * dot
			k++
		}
	}
	g := gamma(n/4 + 4*x.nz + 40) // dot adds in four chains
	var s0, t2, sy float64
	for i := range n {
		row := o.root[i*n:][:i+1]
		x.known[0] = dot(row, x.ρ)
		for p := range nv {
			x.known[1+p] = dot(row, x.by[p*n:])
		}
		t := g * size(row, x.size)
		value -= x.known[0] * x.known[0]
		s0 += math.Abs(x.known[0]) * t
		t2 += t * t
		k := 0
		for p := range nv {
			v := x.known[1+p]
			x.grad[p] -= 2 * x.known[0] * v
			sy += math.Abs(v) * t
			for s := range p + 1 {
				x.h[k] -= v * x.known[1+s]
				k++
			}
		}
	}
	bent := 2*sy*a1 + t2*a1*a1 + gamma(n+8)*o.variance*κ1*a1*a1*4 // error of D
	loss := 2*s0 + t2 + 2*(s0*a1+sy+t2*a1) + bent*float64(1+nv) + gamma(n+8)*o.variance*(1+2*a1)*4
	// By directions, with the zonotope's own supports; and by corners.
	for i, v := range x.upper(nv) {
		x.d[i] = 2 * v
	}
	_, high := x.quad.span(x.d, nv, r.gen)
	square := value + radiusUp(x.grad, r.gen) + high
	if nv <= corners {
		top := math.Inf(-1)
		for c := range 1 << nv {
			v, k := value, 0
			for p := range nv {
				a := float64(c>>p&1)*2 - 1
				v += a * x.grad[p]
				for s := range p + 1 {
					b := float64(c>>s&1)*2 - 1
					if s < p {
						b *= 2
					}
					v += a * b * x.h[k]
					k++
				}
			}
			top = max(top, v)
		}
		square = min(square, top)
	}
	square = max(square, 0) + loss
	dev := math.Sqrt(square) + most*(math.Sqrt(κ2)/2*far*far+math.Sqrt(κ1)*off)
	return min(most, max(dev, most*1e-7)*(1+gamma(16))+tiny)
}

// dot is the product of row with as many numbers of x, added in four chains.
func dot(row, x []float64) float64 {
	x = x[:len(row)]
	var a, b, c, d float64
	i := 0
	for ; i+4 <= len(row); i += 4 {
		a += row[i] * x[i]
		b += row[i+1] * x[i+1]
		c += row[i+2] * x[i+2]
		d += row[i+3] * x[i+3]
	}
	for ; i < len(row); i++ {
		a += row[i] * x[i]
	}
	return a + b + (c + d)
}

// size is the sum of |row| x, for an x of no negative numbers.
func size(row, x []float64) float64 {
	x = x[:len(row)]
	var a, b float64
	i := 0
	for ; i+2 <= len(row); i += 2 {
		a += math.Abs(row[i]) * x[i]
		b += math.Abs(row[i+1]) * x[i+1]
	}
	if i < len(row) {
		a += math.Abs(row[i]) * x[i]
	}
	return a + b
}
