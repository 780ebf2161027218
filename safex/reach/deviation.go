package reach

import (
	"math"
	"math/bits"
)

// deviation is a vector v + A y + r with |y| ≤ 1 and |r| ≤ rad in every dimension, of which the length is wanted: an epistemic deviation
// is the length of such a vector, of an ensemble that of the members' differences from their mean.
type deviation struct {
	n, nv  int
	v, rad []float64 // [n]
	a      []float64 // [n, nv]
	perp   []float64 // [nv]
	corner []float64 // [n]
}

func (b *deviation) resize(n, nv int) {
	if b.n == n && b.nv == nv && b.v != nil {
		return
	}
	b.n, b.nv = n, nv
	b.v, b.rad, b.a = make([]float64, n), make([]float64, n), make([]float64, n*nv)
	b.perp, b.corner = make([]float64, nv), make([]float64, max(n, nv))
}

// corners is up to how many dimensions of y every corner is tried.
const corners = 6

// norm is at least the length of the vector for every y of a zonotope whose rows gen are, or of the whole cube if that is nil. It is the least of
// three bounds:
//
//   - √Σ (|v| + radius of A y + rad)², of the box of the vector;
//   - √((|v| + max e·A y)² + Σ (radius of (A - e eᵀA) y)²) + |rad| with e = v/|v|: what is along v, and what is across;
//   - the largest |v + A y| at a corner of the cube, as a length is convex, + |rad|.
//
// What may cancel are v and A, so what rounding does is a share of their sizes.
func (b *deviation) norm(gen [][]float64) float64 {
	n, nv := b.n, b.nv
	var box, size, length, rest float64
	for m := range n {
		r := radius(b.a[m*nv:][:nv], gen)
		s := math.Abs(b.v[m]) + r + b.rad[m]
		box += s * s
		size += math.Abs(b.v[m])
		for _, v := range b.a[m*nv:][:nv] {
			size += math.Abs(v)
		}
		length += b.v[m] * b.v[m]
		rest += b.rad[m] * b.rad[m]
	}
	best := math.Sqrt(box)
	rest = math.Sqrt(rest)
	if length = math.Sqrt(length); length > 1e-100 {
		along := b.perp
		clear(along)
		for m := range n {
			e := b.v[m] / length
			for i, v := range b.a[m*nv:][:nv] {
				along[i] += e * v
			}
		}
		far := length + radius(along, gen)
		across := 0.0
		row := b.corner[:nv]
		for m := range n {
			e := b.v[m] / length
			for i, v := range b.a[m*nv:][:nv] {
				row[i] = v - e*along[i]
			}
			r := radius(row, gen)
			across += r * r
		}
		best = min(best, math.Sqrt(far*far+across)+rest)
	}
	if nv <= corners {
		best = min(best, math.Sqrt(b.farthest())+rest)
	}
	loss := gamma(4*n + 4*nv + 1<<corners)
	return best*(1+loss) + loss*size + tiny
}

// farthest is the square of the largest |v + A y| over the corners of the cube.
func (b *deviation) farthest() (most float64) {
	b.eachCorner(func(_ int, square float64) { most = max(most, square) })
	return most
}

// eachCorner calls f with the square of |v + A y| at each corner of the cube, where bit i of its number says that y[i] is 1. It visits them so that each
// differs from the one before in one dimension.
func (b *deviation) eachCorner(f func(corner int, square float64)) {
	n, nv := b.n, b.nv
	w := b.corner[:n]
	for m := range n {
		w[m] = b.v[m]
		for _, v := range b.a[m*nv:][:nv] {
			w[m] -= v
		}
	}
	for k := 0; ; k++ {
		square := 0.0
		for _, v := range w {
			square += v * v
		}
		gray, next := k^k>>1, (k+1)^(k+1)>>1
		f(gray, square)
		if k+1 == 1<<nv {
			return
		}
		i := bits.TrailingZeros(uint(gray ^ next))
		by := 2.0
		if next>>i&1 == 0 {
			by = -2
		}
		for m := range w {
			w[m] += by * b.a[m*nv+i]
		}
	}
}

// radius is the largest row·y over the zonotope of the rows gen, [nv][p], or over the cube if that is nil; rounded to nearest.
func radius(row []float64, gen [][]float64) (r float64) {
	if gen == nil {
		for _, v := range row {
			r += math.Abs(v)
		}
		return r
	}
	if len(row) == 0 {
		return 0
	}
	p := len(gen[0])
	switch len(row) {
	case 1:
		a := row[0]
		for _, x := range gen[0] {
			r += math.Abs(a * x)
		}
	case 2:
		a, b := row[0], row[1]
		g1 := gen[1][:p]
		for i, x := range gen[0] {
			r += math.Abs(a*x + b*g1[i])
		}
	case 3:
		a, b, c := row[0], row[1], row[2]
		g1, g2 := gen[1][:p], gen[2][:p]
		for i, x := range gen[0] {
			r += math.Abs(a*x + b*g1[i] + c*g2[i])
		}
	default:
		for i := range p {
			s := 0.0
			for d, v := range row {
				s += v * gen[d][i]
			}
			r += math.Abs(s)
		}
	}
	return r
}
