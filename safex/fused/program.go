package fused

import (
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/vec"
)

// program is a num.Program for lanes of float32, with derivatives.
type program struct {
	in    int
	steps []num.Step
	outs  []int
	// passes tells through which steps a gradient goes: those that depend on an input and reach an output by more than a
	// comparison or a rounding. No other may count: what is infinite there, times 0, would make a NaN.
	passes []bool
}

func compile(p *num.Program) *program {
	steps, outs := p.Steps()
	q := &program{in: p.In, steps: steps, outs: outs, passes: make([]bool, len(steps))}
	varies, reaches := make([]bool, len(steps)), make([]bool, len(steps))
	for i, s := range steps {
		varies[i] = s.Op == num.OpInput
		for _, a := range smooth(s) {
			varies[i] = varies[i] || varies[a]
		}
	}
	for _, o := range outs {
		reaches[o] = true
	}
	for i := len(steps) - 1; i >= 0; i-- {
		q.passes[i] = varies[i] && reaches[i]
		for _, a := range smooth(steps[i]) {
			reaches[a] = reaches[a] || q.passes[i]
		}
	}
	return q
}

// smooth are the arguments of s that have a derivative.
func smooth(s num.Step) []int {
	switch s.Op {
	case num.OpConst, num.OpInput, num.OpLess, num.OpRound:
		return nil
	case num.OpAdd, num.OpSub, num.OpMul, num.OpDiv, num.OpMin, num.OpMax, num.OpAtan2:
		return s.Arg[:2]
	case num.OpWhere:
		return s.Arg[1:]
	}
	return s.Arg[:1]
}

// tape is the memory of a program's run.
type tape struct {
	*program
	values, grads [][]float32 // of each step, most lanes long; values of inputs are elsewhere
	inputs        [][]float32 // gradients with respect to the inputs after back, 0 if the program does not use one
	spare, other  []float32
	zero, one     []float32 // constants
	half, minus   []float32
}

func (p *program) tape() *tape {
	row := func(v float32) []float32 {
		r := make([]float32, most)
		for i := range r {
			r[i] = v
		}
		return r
	}
	t := &tape{program: p, spare: row(0), other: row(0), zero: row(0), one: row(1), half: row(0.5), minus: row(-1)}
	for _, s := range p.steps {
		var value []float32
		if s.Op != num.OpInput {
			value = row(float32(s.K))
		}
		t.values, t.grads = append(t.values, value), append(t.grads, row(0))
	}
	for range p.in {
		t.inputs = append(t.inputs, t.zero)
	}
	for i, s := range p.steps {
		if s.Op == num.OpInput {
			t.inputs[s.Src] = t.grads[i]
		}
	}
	return t
}

// run evaluates the program on rows x of the given lanes. out are the rows of its results.
func (t *tape) run(x [][]float32, lanes int) {
	for i, s := range t.steps {
		if s.Op == num.OpInput {
			t.values[i] = x[s.Src]
			continue
		}
		if s.Op == num.OpConst {
			continue
		}
		o, a, b, c := t.values[i][:lanes], t.values[s.Arg[0]][:lanes], t.values[s.Arg[1]], t.values[s.Arg[2]]
		switch s.Op {
		case num.OpAdd:
			vec.Add(o, a, b[:lanes])
		case num.OpSub:
			vec.Sub(o, a, b[:lanes])
		case num.OpMul:
			vec.Mul(o, a, b[:lanes])
		case num.OpDiv:
			vec.Div(o, a, b[:lanes])
		case num.OpMin:
			vec.Min(o, a, b[:lanes])
		case num.OpMax:
			vec.Max(o, a, b[:lanes])
		case num.OpLess:
			vec.Less(o, a, b[:lanes])
		case num.OpWhere:
			vec.Where(o, a, b[:lanes], c[:lanes])
		case num.OpNeg:
			vec.Mul(o, a, t.minus[:lanes])
		case num.OpAbs:
			vec.Sub(o, t.zero[:lanes], a)
			vec.Max(o, o, a)
		case num.OpSqrt:
			vec.Sqrt(o, a)
		case num.OpExp:
			vec.Exp(o, a)
		case num.OpLog:
			vec.Log(o, a)
		case num.OpTanh:
			vec.Tanh(o, a)
		case num.OpSin:
			vec.Sin(o, a)
		case num.OpCos:
			vec.Cos(o, a)
		case num.OpAtan2:
			vec.Atan2(o, a, b[:lanes])
		case num.OpRound:
			vec.Round(o, a)
		default:
			panic("fused: unknown operation " + s.Op.String())
		}
	}
}

// out is result k of the last run.
func (t *tape) out(k, lanes int) []float32 { return t.values[t.outs[k]][:lanes] }

// seed begins the way back: all gradients are 0.
func (t *tape) seed(lanes int) {
	for i, g := range t.grads {
		if t.passes[i] {
			clear(g[:lanes])
		}
	}
}

// add adds g to the gradient with respect to result k.
func (t *tape) add(k int, g []float32) {
	if r := t.outs[k]; t.passes[r] {
		vec.Add(t.grads[r][:len(g)], t.grads[r][:len(g)], g)
	}
}

// tiny is where the gradient of an angle begins to shrink to 0 at the origin: x² + y² below it.
const tiny = 1e-30

// back takes the gradients with respect to the results to those with respect to the inputs. Where an operation has no
// derivative it takes that of package gx's graph: of |x| at 0 it is 1, and of equal a and b, Max goes to a and Min to b.
func (t *tape) back(lanes int) {
	spare, zero := t.spare[:lanes], t.zero[:lanes]
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := t.steps[i]
		if !t.passes[i] || s.Op == num.OpInput {
			continue
		}
		g, o := t.grads[i][:lanes], t.values[i][:lanes]
		value := func(k int) []float32 { return t.values[s.Arg[k]][:lanes] }
		grad := func(k int) []float32 { return t.grads[s.Arg[k]][:lanes] }
		into := func(k int, dg []float32) {
			if t.passes[s.Arg[k]] {
				vec.Add(grad(k), grad(k), dg)
			}
		}
		times := func(k int, slope []float32) {
			if t.passes[s.Arg[k]] {
				vec.MulAdd(grad(k), g, slope)
			}
		}
		minus := func(k int, dg []float32) {
			if t.passes[s.Arg[k]] {
				vec.Sub(grad(k), grad(k), dg)
			}
		}
		switch s.Op {
		case num.OpAdd:
			into(0, g)
			into(1, g)
		case num.OpSub:
			into(0, g)
			minus(1, g)
		case num.OpMul:
			times(0, value(1))
			times(1, value(0))
		case num.OpDiv:
			vec.Div(spare, g, value(1))
			into(0, spare)
			vec.Mul(spare, value(1), value(1))
			vec.Div(spare, value(0), spare)
			vec.Mul(spare, spare, g)
			minus(1, spare)
		case num.OpMin, num.OpMax:
			other := 1 // where a < b, the gradient is b's
			if s.Op == num.OpMin {
				other = 0
			}
			vec.Less(spare, value(0), value(1))
			vec.Where(spare, spare, g, zero)
			into(other, spare)
			vec.Sub(spare, g, spare)
			into(1-other, spare)
		case num.OpWhere:
			vec.Where(spare, value(0), g, zero)
			into(1, spare)
			vec.Where(spare, value(0), zero, g)
			into(2, spare)
		case num.OpNeg:
			minus(0, g)
		case num.OpAbs:
			vec.Less(spare, value(0), zero)
			vec.Where(spare, spare, g, zero)
			minus(0, spare)
			minus(0, spare)
			into(0, g)
		case num.OpSqrt:
			vec.Div(spare, t.half[:lanes], o)
			times(0, spare)
		case num.OpExp:
			times(0, o)
		case num.OpLog:
			vec.Div(spare, g, value(0))
			into(0, spare)
		case num.OpTanh:
			vec.Mul(spare, o, o)
			vec.Sub(spare, t.one[:lanes], spare)
			times(0, spare)
		case num.OpSin:
			vec.Cos(spare, value(0))
			times(0, spare)
		case num.OpCos:
			vec.Sin(spare, value(0))
			vec.Mul(spare, spare, g)
			minus(0, spare)
		case num.OpAtan2:
			y, x, square := value(0), value(1), t.other[:lanes]
			for l := range spare {
				spare[l] = tiny
			}
			vec.Mul(square, y, y)
			vec.MulAdd(square, x, x)
			vec.Max(square, square, spare)
			vec.Div(spare, x, square)
			times(0, spare)
			vec.Div(spare, y, square)
			vec.Mul(spare, spare, g)
			minus(1, spare)
		default:
			panic("fused: no derivative of " + s.Op.String())
		}
	}
}
