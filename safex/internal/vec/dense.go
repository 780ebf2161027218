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
func (m *Matrix) Mul(y, x []float32, lanes int) { m.run(y, nil, x, asIs, lanes) }

// Layer is Mul and then Apply of a, in one pass: y = a(m x + bias), and d is the derivative of a there unless it is empty.
func (m *Matrix) Layer(a Activation, y, d, x []float32, lanes int) {
	if a < Swish || a > TanhUnit || len(d) != 0 && len(d) != len(y) {
		panic(fmt.Sprintf("vec: a layer of activation %d, want 0 to 2, whose %d outputs have %d derivatives", a, len(y), len(d)))
	}
	m.run(y, d, x, [...]after{Swish: swished, Relu: clipped, TanhUnit: tanhed}[a], lanes)
}

// MulTimes is Mul and then the product with d, in one pass: y = (m x + bias) d.
func (m *Matrix) MulTimes(y, d, x []float32, lanes int) {
	if len(d) != len(y) {
		panic(fmt.Sprintf("vec: a product of %d outputs and %d numbers", len(y), len(d)))
	}
	m.run(y, d, x, multiplied, lanes)
}

// after is what becomes of the sums of a layer.
type after int

const (
	asIs after = iota
	clipped
	multiplied // by d
	swished
	tanhed
)

// run computes a layer panel by panel, so that what becomes of the sums does while they are in the nearest cache.
func (m *Matrix) run(y, d, x []float32, then after, lanes int) {
	if lanes < 1 || lanes%Lanes != 0 || len(x) != m.in*lanes || len(y) != m.out*lanes {
		panic(fmt.Sprintf("vec: a %d × %d matrix times %d numbers into %d, in %d lanes", m.out, m.in, len(x), len(y), lanes))
	}
	k := current.Load()
	for o := 0; o < m.out; o += k.outputs {
		rows := min(k.outputs, m.out-o)
		y, d := y[o*lanes:][:rows*lanes], d
		if len(d) > 0 {
			d = d[o*lanes:][:rows*lanes]
		}
		if k.panel(y, d, m.w[o*m.in:], m.bias[o:], x, then, rows, m.in, lanes) {
			continue
		}
		switch then {
		case clipped:
			k.relu(y, d, y)
		case multiplied:
			k.mul(y, y, d)
		case swished:
			k.swish(y, d, y)
		case tanhed:
			k.tanhUnit(y, d, y)
		}
	}
}

// Piece is how many lanes to take through the layers of a network at a time, at most. The wider a layer, the fewer: what it reads
// and what it writes should stay in the nearest cache together, and rows should not be as far apart as would crowd them into a
// part of it.
func Piece(width int) int { return current.Load().piece(width) }
