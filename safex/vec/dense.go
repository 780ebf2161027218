package vec

import "fmt"

// height is how many outputs a register block has, and wide how many lanes at most.
const height, wide = 4, 64

// A Matrix is a dense layer's weights and bias, packed for Mul. It never changes.
type Matrix struct {
	out, in int
	w       []float32 // [⌈out/height⌉, in, height]: a register block reads one stream
	bias    []float32 // a multiple of height
}

// Pack returns the out × in matrix whose entries at gives. bias has out numbers, or none for zeros.
func Pack(out, in int, at func(o, i int) float32, bias []float32) *Matrix {
	if out < 1 || in < 1 || len(bias) != 0 && len(bias) != out {
		panic(fmt.Sprintf("vec: Pack a %d × %d matrix with a bias of %d", out, in, len(bias)))
	}
	blocks := (out + height - 1) / height
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
	for o := 0; o < m.out; o += height {
		panel(y[o*lanes:], m.w[o*m.in:][:height*m.in], m.bias[o:][:height], x, min(height, m.out-o), m.in, lanes)
	}
}
