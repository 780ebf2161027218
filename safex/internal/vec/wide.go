package vec

import "fmt"

// A Matrix64 is a Matrix of float64, for sums that float32 is too short for. What it does not multiply are the zeros at both
// ends of its rows, so that a triangular one costs half. It never changes.
type Matrix64 struct {
	out, in int
	blocks  []block64 // of height outputs each
}

// block64 are height rows of a Matrix64 between two inputs.
type block64 struct {
	from, to int
	w        []float64 // [to - from, height]
}

// Pack64 returns the out × in matrix whose entries at gives.
func Pack64(out, in int, at func(o, i int) float64) *Matrix64 {
	if out < 1 || in < 1 {
		panic(fmt.Sprintf("vec: Pack64 a %d × %d matrix", out, in))
	}
	m := &Matrix64{out: out, in: in}
	for lo := 0; lo < out; lo += height {
		rows := min(height, out-lo)
		w := make([]float64, in*height)
		from, to := in, 0
		for r := range rows {
			for i := range in {
				if v := at(lo+r, i); v != 0 {
					w[i*height+r] = v
					from, to = min(from, i), max(to, i+1)
				}
			}
		}
		if from >= to { // nothing but zeros
			from, to = 0, 1
		}
		m.blocks = append(m.blocks, block64{from, to, w[from*height : to*height]})
	}
	return m
}

// Mul is y = m x. x is [in, lanes] and y [out, lanes], and they must not overlap. The sum over the inputs goes from the
// first to the last.
func (m *Matrix64) Mul(y, x []float64, lanes int) {
	if lanes < 1 || lanes%Lanes != 0 || len(x) != m.in*lanes || len(y) != m.out*lanes {
		panic(fmt.Sprintf("vec: a %d × %d matrix of float64 times %d numbers into %d, in %d lanes", m.out, m.in, len(x), len(y), lanes))
	}
	panel := current.Load().panel64
	for k, b := range m.blocks {
		o := k * height
		panel(y[o*lanes:], b.w, x[b.from*lanes:], min(height, m.out-o), b.to-b.from, lanes)
	}
}

// A Correlation is that of two points, of their squared distance r².
type Correlation int

// The correlations.
const (
	SquaredExponential Correlation = iota // exp(-r²/2)
	Matern52                              // (1 + √5 r + 5r²/3) exp(-√5 r)
)

// Apply writes the correlations of a point in each lane, z [dim, lanes], with n points [n, dim] to y [n, lanes], and unless d is
// empty their derivatives by r² to d. Both are within 1e-15, and a NaN in z gives NaN.
func (c Correlation) Apply(y, d, z, points []float64, dim, lanes int) {
	if dim < 1 || lanes < 1 || lanes%Lanes != 0 || len(z) != dim*lanes || len(points)%dim != 0 || len(y) != len(points)/dim*lanes || len(d) != 0 && len(d) != len(y) {
		panic(fmt.Sprintf("vec: correlations of %d coordinates in %d lanes with %d, in %d dimensions, into %d and %d", len(z), lanes, len(points), dim, len(y), len(d)))
	}
	switch k := current.Load(); c {
	case SquaredExponential:
		k.squaredExponential(y, d, z, points, dim, lanes)
	case Matern52:
		k.matern52(y, d, z, points, dim, lanes)
	default:
		panic(fmt.Sprintf("vec: correlation %d, want 0 or 1", c))
	}
}

// Mul64 is dst = a b.
func Mul64(dst, a, b []float64) {
	same("Mul64", len(dst), len(a), len(b))
	current.Load().mul64(dst, a, b)
}

// Squares64 adds the squares of rows x, each as long as sum, up. They go from the first row to the last.
func Squares64(sum, x []float64) {
	same("Squares64", len(sum))
	if len(sum) == 0 || len(x)%len(sum) != 0 {
		panic(fmt.Sprintf("vec: Squares64 of %d numbers into %d", len(x), len(sum)))
	}
	current.Load().squares64(sum, x)
}
