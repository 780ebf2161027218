package num

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"sync"
)

// A Program is a traced function. It is immutable and safe for concurrent use.
type Program struct {
	In, Out int // dimensions
	steps   []Step
	out     []int
	pcs     []uintptr
	scratch sync.Pool // *[]float64: registers of Eval and EvalBatch
}

// A Step computes one register from at most three earlier ones.
type Step struct {
	Op  Op
	Arg [3]int  // registers
	K   float64 // of a constant
	Src int     // of an input
}

// Trace calls f once on unknown inputs and keeps the arithmetic that its outputs need,
// each common subexpression once.
func Trace(in int, f func(x Vec) Vec) *Program {
	x := make(Vec, in)
	for i := range x {
		x[i] = Expr{n: &node{op: OpInput, slot: i}}
	}
	y := f(x)
	p := &Program{In: in, Out: len(y)}
	seen := map[*node]int{}
	type key struct { // a Step whose constant is compared by its bits, so that -0, 0 and NaN are kept apart
		op  Op
		arg [3]int
		k   uint64
		src int
	}
	same := map[key]int{}
	var put func(n *node) int
	put = func(n *node) int {
		if r, ok := seen[n]; ok {
			return r
		}
		s := Step{Op: n.op, K: n.k, Src: n.slot}
		for i, a := range n.arg {
			if a != nil {
				s.Arg[i] = put(a)
			}
		}
		k := key{s.Op, s.Arg, math.Float64bits(s.K), s.Src}
		r, ok := same[k]
		if !ok {
			r = len(p.steps)
			p.steps = append(p.steps, s)
			p.pcs = append(p.pcs, n.pc)
			same[k] = r
		}
		seen[n] = r
		return r
	}
	for _, e := range y {
		p.out = append(p.out, put(e.node()))
	}
	return p
}

// Steps lists the program for another carrier to translate; outs names its output registers.
// Callers must not change either.
func (p *Program) Steps() (steps []Step, outs []int) { return p.steps, p.out }

// Fingerprint tells programs apart: programs of one fingerprint compute the same to the bit.
func (p *Program) Fingerprint() string {
	h := sha256.New()
	for _, s := range p.steps {
		fmt.Fprintln(h, s.Op, s.Arg, math.Float64bits(s.K), s.Src)
	}
	fmt.Fprintln(h, p.out, p.In)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Uses tells which inputs each output depends on, in so far as they are in its formula.
func (p *Program) Uses() [][]bool {
	reach := make([][]bool, len(p.steps))
	for i, s := range p.steps {
		reach[i] = make([]bool, p.In)
		if s.Op == OpInput {
			reach[i][s.Src] = true
		}
		for _, a := range s.Arg[:arity(s.Op)] {
			for k, used := range reach[a] {
				reach[i][k] = reach[i][k] || used
			}
		}
	}
	used := make([][]bool, len(p.out))
	for i, r := range p.out {
		used[i] = reach[r]
	}
	return used
}

// registers lends n numbers, whose values are undefined.
func (p *Program) registers(n int) *[]float64 {
	if b, ok := p.scratch.Get().(*[]float64); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]float64, n)
	return &b
}

// Eval evaluates the program at the point x into dst. It panics if the dimensions disagree.
func (p *Program) Eval(dst, x []float64) {
	if len(x) != p.In || len(dst) != p.Out {
		panic(fmt.Sprintf("num: Eval of a %d-to-%d program on %d inputs and %d outputs", p.In, p.Out, len(x), len(dst)))
	}
	buf := p.registers(len(p.steps))
	p.run(*buf, x)
	for i, r := range p.out {
		dst[i] = (*buf)[r]
	}
	p.scratch.Put(buf)
}

func (p *Program) run(reg, x []float64) {
	for i := range p.steps {
		switch s := &p.steps[i]; s.Op {
		case OpConst:
			reg[i] = s.K
		case OpInput:
			reg[i] = x[s.Src]
		default:
			reg[i] = eval(s.Op, reg[s.Arg[0]], reg[s.Arg[1]], reg[s.Arg[2]])
		}
	}
}

// Blame names the formula that first makes output out not finite at x: its operation
// and its line, as in "div at ferry.go:12". It is "" if the output is finite.
func (p *Program) Blame(out int, x []float64) string {
	reg := make([]float64, len(p.steps))
	p.run(reg, x)
	if finite(reg[p.out[out]]) {
		return ""
	}
	at := p.out[out]
	for !finite(reg[at]) {
		s, next := p.steps[at], -1
		for k := range arity(s.Op) {
			if !finite(reg[s.Arg[k]]) {
				next = s.Arg[k]
				break
			}
		}
		if next < 0 {
			break
		}
		at = next
	}
	if p.steps[at].Op == OpInput {
		return fmt.Sprintf("input %d", p.steps[at].Src)
	}
	return fmt.Sprintf("%v at %s", p.steps[at].Op, place(p.pcs[at]))
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// arity is the number of arguments of an operation.
func arity(o Op) int {
	switch o {
	case OpConst, OpInput:
		return 0
	case OpAdd, OpSub, OpMul, OpDiv, OpMin, OpMax, OpLess, OpAtan2:
		return 2
	case OpWhere:
		return 3
	}
	return 1
}

func eval(op Op, a, b, c float64) float64 {
	switch op {
	case OpAdd:
		return a + b
	case OpSub:
		return a - b
	case OpMul:
		return a * b
	case OpDiv:
		return a / b
	case OpMin:
		return min(a, b)
	case OpMax:
		return max(a, b)
	case OpLess:
		if a < b {
			return 1
		}
		return 0
	case OpWhere:
		if a != 0 {
			return b
		}
		return c
	case OpNeg:
		return -a
	case OpAbs:
		return math.Abs(a)
	case OpSqrt:
		return math.Sqrt(a)
	case OpExp:
		return math.Exp(a)
	case OpLog:
		return math.Log(a)
	case OpTanh:
		return math.Tanh(a)
	case OpSin:
		return math.Sin(a)
	case OpCos:
		return math.Cos(a)
	case OpAtan2:
		return math.Atan2(a, b)
	case OpRound:
		return math.RoundToEven(a)
	}
	panic("num: unknown operation " + op.String())
}

// Digest tells the formula of an output from others: those of one digest are the same, with constants that agree in twelve digits,
// whatever else their programs compute.
func (p *Program) Digest(out int) string {
	sums := make([][]byte, p.out[out]+1)
	var digest func(r int) []byte
	digest = func(r int) []byte {
		if sums[r] != nil {
			return sums[r]
		}
		h := sha256.New()
		s := p.steps[r]
		fmt.Fprintf(h, "%d %.12g %d", s.Op, s.K, s.Src)
		for _, a := range s.Arg[:arity(s.Op)] {
			h.Write(digest(a))
		}
		sums[r] = h.Sum(nil)
		return sums[r]
	}
	return hex.EncodeToString(digest(p.out[out])[:6])
}
