package vec

import "fmt"

// height is how many outputs a register block has, but for one of few lanes, which has twice as many.
const height = 4

// A Matrix is a dense layer's weights and bias, packed for Mul. It never changes.
type Matrix struct {
	out, in int
	w       []float32 // [⌈out/2height⌉·2, in, height]: a register block reads one stream, or two
	bias    []float32 // as many as w has outputs
}

// Pack returns the out × in matrix whose entries at gives. bias has out numbers, or none for zeros.
func Pack(out, in int, at func(o, i int) float32, bias []float32) *Matrix {
	if out < 1 || in < 1 || len(bias) != 0 && len(bias) != out {
		panic(fmt.Sprintf("vec: Pack a %d × %d matrix with a bias of %d", out, in, len(bias)))
	}
	blocks := 2 * ((out + 2*height - 1) / (2 * height))
	m := &Matrix{out: out, in: in, w: make([]float32, blocks*height*in), bias: make([]float32, blocks*height)}
	for o := range out {
		for i := range in {
			m.w[(o/height*in+i)*height+o%height] = at(o, i)
		}
	}
	copy(m.bias, bias)
	return m
}

// Mul is y = m x + bias. x is [in, lanes] and y [out, lanes], and they must not overlap. The sum over the inputs starts
// at the bias and goes from the first to the last.
func (m *Matrix) Mul(y, x []float32, lanes int) {
	if lanes < 1 || lanes%Lanes != 0 || len(x) != m.in*lanes || len(y) != m.out*lanes {
		panic(fmt.Sprintf("vec: a %d × %d matrix times %d numbers into %d, in %d lanes", m.out, m.in, len(x), len(y), lanes))
	}
	panel := current.Load().panel
	for o := 0; o < m.out; o += 2 * height {
		panel(y[o*lanes:], m.w[o*m.in:][:2*height*m.in], m.bias[o:][:2*height], x, min(2*height, m.out-o), m.in, lanes)
	}
}
