package num

import (
	"fmt"
	"math"
	"runtime"
	"sync"
)

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

// EvalBatch evaluates the program at every point of x into dst, with the same bits as Eval. A large batch is
// shared out to the processor's cores. It panics if the dimensions or the lengths disagree.
func (p *Program) EvalBatch(dst, x Batch) {
	n := x.Len()
	if len(x) != p.In || len(dst) != p.Out || (p.Out > 0 && dst.Len() != n) {
		panic(fmt.Sprintf("num: EvalBatch of a %d-to-%d program on %d inputs of %d points and %d outputs of %d",
			p.In, p.Out, len(x), n, len(dst), dst.Len()))
	}
	// A share worth a goroutine is some 100 µs of work.
	const least = 1 << 15
	workers := min(runtime.GOMAXPROCS(0), n*len(p.steps)/least)
	if workers < 2 {
		p.evalBatch(dst, x, 0, n)
		return
	}
	blocks := (n + lanes - 1) / lanes
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() { p.evalBatch(dst, x, blocks*w/workers*lanes, min(n, blocks*(w+1)/workers*lanes)) })
	}
	wait.Wait()
}

// evalBatch evaluates points lo to hi.
func (p *Program) evalBatch(dst, x Batch, lo, hi int) {
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
	for ; lo < hi; lo += lanes {
		end := min(lo+lanes, hi)
		for i := range p.steps {
			switch s := &p.steps[i]; s.Op {
			case OpConst:
			case OpInput:
				reg[i] = x[s.Src][lo:end]
			default:
				Sweep(s.Op, reg[i][:end-lo], reg[s.Arg[0]], reg[s.Arg[1]], reg[s.Arg[2]])
			}
		}
		for i, r := range p.out {
			copy(dst[i][lo:end], reg[r])
		}
	}
	p.scratch.Put(buf)
}

// Sweep applies an operation to rows of numbers: o[i] = op(a[i], b[i], c[i]), of which those count that the operation takes. It
// gives the bits that Eval does, so that who sweeps a Program's steps computes what the Program says.
func Sweep(op Op, o, a, b, c []float64) {
	n := len(o)
	a = a[:n]
	if arity(op) > 1 {
		b = b[:n]
	}
	switch op {
	case OpAdd:
		for i := range o {
			o[i] = a[i] + b[i]
		}
	case OpSub:
		for i := range o {
			o[i] = a[i] - b[i]
		}
	case OpMul:
		for i := range o {
			o[i] = a[i] * b[i]
		}
	case OpDiv:
		for i := range o {
			o[i] = a[i] / b[i]
		}
	case OpMin:
		for i := range o {
			o[i] = min(a[i], b[i])
		}
	case OpMax:
		for i := range o {
			o[i] = max(a[i], b[i])
		}
	case OpNeg:
		for i := range o {
			o[i] = -a[i]
		}
	case OpSqrt:
		for i := range o {
			o[i] = math.Sqrt(a[i])
		}
	case OpTanh:
		for i := range o {
			o[i] = math.Tanh(a[i])
		}
	case OpSin:
		for i := range o {
			o[i] = math.Sin(a[i])
		}
	case OpCos:
		for i := range o {
			o[i] = math.Cos(a[i])
		}
	case OpAtan2:
		for i := range o {
			o[i] = math.Atan2(a[i], b[i])
		}
	case OpWhere:
		c = c[:n]
		for i := range o {
			o[i] = eval(op, a[i], b[i], c[i])
		}
	default:
		two := b
		if arity(op) == 1 {
			two = a
		}
		for i := range o {
			o[i] = eval(op, a[i], two[i], 0)
		}
	}
}
