package reach

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Set is a zonotope: all states Center + Gen ε with ε[i] in [-1, 1] for every column i of Gen. A Set of which nothing is known has an
// infinite Center, and no columns.
type Set struct {
	Center []float64   // [nx]
	Gen    [][]float64 // [nx][columns], in the units of the state; rows of one length
}

// unknown is the set of all states.
func unknown(nx int) Set {
	s := Set{make([]float64, nx), make([][]float64, nx)}
	for d := range s.Center {
		s.Center[d] = math.Inf(1)
	}
	return s
}

// Known tells whether s leaves anything out.
func (s Set) Known() bool {
	return !slices.ContainsFunc(s.Center, func(v float64) bool { return v-v != 0 })
}

// Range is the interval of dimension d, rounded outward.
func (s Set) Range(d int) (lo, hi float64) {
	if !s.Known() {
		return math.Inf(-1), math.Inf(1)
	}
	r := s.radius(d)
	return outward(s.Center[d]-r, -1), outward(s.Center[d]+r, 1)
}

// radius is at least half the width of dimension d.
func (s Set) radius(d int) (r float64) {
	for _, v := range s.Gen[d] {
		r += math.Abs(v)
	}
	return r * (1 + gamma(len(s.Gen[d])))
}

// Support is at least the largest a·x over the states x of s: how far s reaches along a. It panics if a does not have the dimension of the state.
func (s Set) Support(a []float64) float64 {
	if len(a) != len(s.Center) {
		panic(fmt.Sprintf("reach: Support along %d dimensions of a set of %d", len(a), len(s.Center)))
	}
	if !s.Known() {
		return math.Inf(1)
	}
	var sum, size, r float64
	for d, v := range a {
		sum += v * s.Center[d]
		size += math.Abs(v) * (math.Abs(s.Center[d]) + s.radius(d))
	}
	for i := range s.Gen[0] {
		v := 0.0
		for d := range a {
			v += a[d] * s.Gen[d][i]
		}
		r += math.Abs(v)
	}
	return sum + r + gamma(2*len(a)+len(s.Gen[0]))*size + tiny
}

// form is dimension d as an affine form on the columns of Gen.
func (s Set) form(d int) num.Affine {
	if !s.Known() {
		return num.Affine{Rad: math.Inf(1), Range: num.Interval{Lo: math.Inf(-1), Hi: math.Inf(1)}}
	}
	lo, hi := s.Range(d)
	if s.radius(d) == 0 {
		return num.Known(s.Center[d])
	}
	return num.Affine{Mid: s.Center[d], Coef: s.Gen[d], Range: num.Interval{Lo: lo, Hi: hi}}
}

// reduce replaces all but the keep columns that matter most by a box, a column for each dimension: those whose sum over the dimensions, each
// as a share of that dimension's radius, is furthest from that of the box around them (Girard, 2005). Forms on the same columns lose what is
// not kept to their Rad.
func (s *Set) reduce(keep int, also []num.Affine) {
	nx, n := len(s.Center), len(s.Gen[0])
	if n <= keep+nx {
		return
	}
	weight, order := make([]float64, n), make([]int, n)
	share := make([]float64, nx)
	for d := range share {
		if r := s.radius(d); r > 0 {
			share[d] = 1 / r
		}
	}
	for i := range order {
		order[i] = i
		most := 0.0
		for d := range nx {
			v := math.Abs(s.Gen[d][i]) * share[d]
			weight[i] += v
			most = max(most, v)
		}
		weight[i] -= most
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(weight[j], weight[i]) })
	for i := range also {
		f := &also[i]
		if len(f.Coef) == 0 {
			continue
		}
		coef, rest := make([]float64, keep), slices.Clone(f.Coef)
		for k, i := range order[:keep] {
			if i < len(rest) {
				coef[k], rest[i] = rest[i], 0
			}
		}
		sum := f.Rad
		for _, v := range rest {
			sum += math.Abs(v)
		}
		f.Coef, f.Rad = coef, sum*(1+gamma(n))
	}
	for d := range nx {
		row := make([]float64, keep+nx)
		for k, i := range order[:keep] {
			row[k] = s.Gen[d][i]
		}
		sum := 0.0
		for _, i := range order[keep:] {
			sum += math.Abs(s.Gen[d][i])
		}
		row[keep+d] = sum * (1 + gamma(n))
		s.Gen[d] = row
	}
}

// basis are coordinates y of a set of states: Gen ε = p y ± off, y = gen ε. They are those of the axes of the set, so that it nearly fills the
// cube |y| ≤ 1. There is none for a set that is a point.
type basis struct {
	n   int
	p   []float64   // [nx, n]
	off []float64   // [nx]
	gen [][]float64 // [n][columns]
}

// axes finds the basis of s. Its directions are eigenvectors, about, of the second moments of Gen with each dimension in its radius. What
// rounding makes of them is a basis as good: gen is what it is, and off bounds all that p gen leaves of Gen.
func (s Set) axes() (b basis) {
	nx, cols := len(s.Center), len(s.Gen[0])
	b.off = make([]float64, nx)
	var wide []int
	scale := make([]float64, nx)
	for d := range nx {
		if scale[d] = s.radius(d); scale[d] > 1e-280 {
			wide = append(wide, d)
		} else {
			b.off[d] = scale[d]
		}
	}
	n := len(wide)
	b.n, b.p = n, make([]float64, nx*n)
	if n == 0 {
		return b
	}
	a, v, λ := make([]float64, n*n), make([]float64, n*n), make([]float64, n)
	for i, d := range wide {
		for j, e := range wide[:i+1] {
			sum := 0.0
			for k := range cols {
				sum += s.Gen[d][k] / scale[d] * (s.Gen[e][k] / scale[e])
			}
			a[i*n+j], a[j*n+i] = sum, sum
		}
	}
	eigen(λ, v, a, n)
	for k := range n {
		row := make([]float64, cols)
		for i, d := range wide {
			by := v[i*n+k] / scale[d]
			for c, g := range s.Gen[d] {
				row[c] += by * g
			}
		}
		sum := 0.0
		for _, g := range row {
			sum += math.Abs(g)
		}
		// At most 1 after the division, rounding included; and not so small that a flat set makes a division by 0.
		sum = max(sum, 1e-7) * (1 + 1e-9)
		for c := range row {
			row[c] /= sum
		}
		b.gen = append(b.gen, row)
		for i, d := range wide {
			b.p[d*n+k] = scale[d] * v[i*n+k] * sum
		}
	}
	for _, d := range wide {
		left, size := 0.0, scale[d]
		for k := range n {
			size += math.Abs(b.p[d*n+k])
		}
		for c, g := range s.Gen[d] {
			for k := range n {
				g -= b.p[d*n+k] * b.gen[k][c]
			}
			left += math.Abs(g)
		}
		b.off[d] = left*(1+gamma(cols)) + gamma(n+4)*size + tiny
	}
	return b
}
