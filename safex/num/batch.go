package num

import "fmt"

// A Batch is many points: one column for each dimension, all of one length.
// Lane i is the point b[0][i], b[1][i], …
type Batch [][]float64

// NewBatch returns n points of the given dimension, all 0.
func NewBatch(dim, n int) Batch {
	flat := make([]float64, dim*n)
	b := make(Batch, dim)
	for i := range b {
		b[i] = flat[i*n : (i+1)*n : (i+1)*n]
	}
	return b
}

// Len is the number of points, 0 for a batch without dimensions.
func (b Batch) Len() int {
	if len(b) == 0 {
		return 0
	}
	return len(b[0])
}

// Point is a copy of the i-th point.
func (b Batch) Point(i int) []float64 {
	p := make([]float64, len(b))
	for d, column := range b {
		p[d] = column[i]
	}
	return p
}

// SetPoint sets the i-th point.
func (b Batch) SetPoint(i int, p []float64) {
	for d, column := range b {
		column[i] = p[d]
	}
}

// lanes of a block; the registers of a block stay in the cache.
const lanes = 256

// EvalBatch evaluates the program at every point of x into dst, with the same bits as Eval.
// It panics if the dimensions or the lengths disagree.
func (p *Program) EvalBatch(dst, x Batch) {
	n := x.Len()
	if len(x) != p.In || len(dst) != p.Out || (p.Out > 0 && dst.Len() != n) {
		panic(fmt.Sprintf("num: EvalBatch of a %d-to-%d program on %d inputs of %d points and %d outputs of %d",
			p.In, p.Out, len(x), n, len(dst), dst.Len()))
	}
	buf := p.registers(len(p.steps) * lanes)
	reg := make([][]float64, len(p.steps))
	for i := range p.steps {
		reg[i] = (*buf)[i*lanes : (i+1)*lanes]
		if p.steps[i].Op == OpConst {
			for j := range reg[i] {
				reg[i][j] = p.steps[i].K
			}
		}
	}
	for lo := 0; lo < n; lo += lanes {
		hi := min(lo+lanes, n)
		for i := range p.steps {
			switch s := &p.steps[i]; s.Op {
			case OpConst:
			case OpInput:
				reg[i] = x[s.Src][lo:hi]
			default:
				sweep(s.Op, reg[i][:hi-lo], reg[s.Arg[0]], reg[s.Arg[1]], reg[s.Arg[2]])
			}
		}
		for i, r := range p.out {
			copy(dst[i][lo:hi], reg[r])
		}
	}
	p.scratch.Put(buf)
}

// sweep is eval on every lane.
func sweep(op Op, o, a, b, c []float64) {
	a = a[:len(o)]
	switch op {
	case OpAdd:
		b = b[:len(o)]
		for i := range o {
			o[i] = a[i] + b[i]
		}
	case OpSub:
		b = b[:len(o)]
		for i := range o {
			o[i] = a[i] - b[i]
		}
	case OpMul:
		b = b[:len(o)]
		for i := range o {
			o[i] = a[i] * b[i]
		}
	default:
		switch arity(op) {
		case 1:
			for i := range o {
				o[i] = eval(op, a[i], 0, 0)
			}
		case 2:
			b = b[:len(o)]
			for i := range o {
				o[i] = eval(op, a[i], b[i], 0)
			}
		case 3:
			b, c = b[:len(o)], c[:len(o)]
			for i := range o {
				o[i] = eval(op, a[i], b[i], c[i])
			}
		}
	}
}
