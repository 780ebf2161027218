package fused

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// program is a num.Program for lanes, with derivatives. It computes in float64, by the very operations of the Program: what it says
// of a step is what the task itself would say, to the bit, wherever the state is and in whatever unit.
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
	values, grads [][]float64 // of each step, most lanes long; values of inputs are elsewhere
	inputs        [][]float64 // gradients with respect to the inputs after back, 0 if the program does not use one
	spare         []float64
}

func (p *program) tape() *tape {
	row := func(v float64) []float64 {
		r := make([]float64, most)
		fill(r, v)
		return r
	}
	t := &tape{program: p, spare: row(0)}
	for _, s := range p.steps {
		var value []float64
		if s.Op != num.OpInput {
			value = row(s.K)
		}
		t.values, t.grads = append(t.values, value), append(t.grads, row(0))
	}
	none := row(0)
	for range p.in {
		t.inputs = append(t.inputs, none)
	}
	for i, s := range p.steps {
		if s.Op == num.OpInput {
			t.inputs[s.Src] = t.grads[i]
		}
	}
	return t
}

// run evaluates the program on rows x of the given lanes. out are the rows of its results.
func (t *tape) run(x [][]float64, lanes int) {
	for i, s := range t.steps {
		switch s.Op {
		case num.OpConst:
		case num.OpInput:
			t.values[i] = x[s.Src]
		default:
			num.Sweep(s.Op, t.values[i][:lanes], t.values[s.Arg[0]], t.values[s.Arg[1]], t.values[s.Arg[2]])
		}
	}
}

// out is result k of the last run.
func (t *tape) out(k, lanes int) []float64 { return t.values[t.outs[k]][:lanes] }

// seed begins the way back: all gradients are 0.
func (t *tape) seed(lanes int) {
	for i, g := range t.grads {
		if t.passes[i] {
			clear(g[:lanes])
		}
	}
}

// add adds g to the gradient with respect to result k.
func (t *tape) add(k int, g []float64) {
	if r := t.outs[k]; t.passes[r] {
		add(t.grads[r][:len(g)], g)
	}
}

// tiny is where the gradient of an angle begins to shrink to 0 at the origin: x² + y² below it.
const tiny = 1e-30

// back takes the gradients with respect to the results to those with respect to the inputs. Where an operation has no
// derivative it takes that of package gx's graph: of |x| at 0 it is 1, and of equal a and b, Max goes to a and Min to b.
func (t *tape) back(lanes int) {
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := t.steps[i]
		if !t.passes[i] || s.Op == num.OpInput {
			continue
		}
		g, o, spare := t.grads[i][:lanes], t.values[i][:lanes], t.spare[:lanes]
		value := func(k int) []float64 { return t.values[s.Arg[k]][:lanes] }
		// through adds g times a derivative to the gradient of argument k.
		through := func(k int, slope func(l int) float64) {
			if !t.passes[s.Arg[k]] {
				return
			}
			to := t.grads[s.Arg[k]][:lanes]
			for l, v := range g {
				to[l] += v * slope(l)
			}
		}
		// where adds g to the gradient of argument k in the lanes that choose it.
		where := func(k int, chosen func(l int) bool) {
			if !t.passes[s.Arg[k]] {
				return
			}
			to := t.grads[s.Arg[k]][:lanes]
			for l, v := range g {
				if chosen(l) {
					to[l] += v
				}
			}
		}
		into := func(k int, sign float64) {
			if t.passes[s.Arg[k]] {
				addTimes(t.grads[s.Arg[k]][:lanes], g, sign)
			}
		}
		switch s.Op {
		case num.OpAdd:
			into(0, 1)
			into(1, 1)
		case num.OpSub:
			into(0, 1)
			into(1, -1)
		case num.OpMul:
			for k := range 2 {
				if t.passes[s.Arg[k]] {
					addProduct(t.grads[s.Arg[k]][:lanes], g, value(1-k))
				}
			}
		case num.OpDiv:
			a, b := value(0), value(1)
			through(0, func(l int) float64 { return 1 / b[l] })
			through(1, func(l int) float64 { return -(a[l] / (b[l] * b[l])) })
		case num.OpMin:
			a, b := value(0), value(1)
			where(0, func(l int) bool { return a[l] < b[l] })
			where(1, func(l int) bool { return !(a[l] < b[l]) })
		case num.OpMax:
			a, b := value(0), value(1)
			where(0, func(l int) bool { return !(a[l] < b[l]) })
			where(1, func(l int) bool { return a[l] < b[l] })
		case num.OpWhere:
			c := value(0)
			where(1, func(l int) bool { return c[l] != 0 })
			where(2, func(l int) bool { return c[l] == 0 })
		case num.OpNeg:
			into(0, -1)
		case num.OpAbs:
			a := value(0)
			through(0, func(l int) float64 {
				if a[l] < 0 {
					return -1
				}
				return 1
			})
		case num.OpSqrt:
			through(0, func(l int) float64 { return 0.5 / o[l] })
		case num.OpExp:
			through(0, func(l int) float64 { return o[l] })
		case num.OpLog:
			a := value(0)
			through(0, func(l int) float64 { return 1 / a[l] })
		case num.OpTanh:
			through(0, func(l int) float64 { return 1 - o[l]*o[l] })
		case num.OpSin:
			num.Sweep(num.OpCos, spare, value(0), nil, nil)
			through(0, func(l int) float64 { return spare[l] })
		case num.OpCos:
			num.Sweep(num.OpSin, spare, value(0), nil, nil)
			through(0, func(l int) float64 { return -spare[l] })
		case num.OpAtan2:
			y, x := value(0), value(1)
			for l := range spare {
				spare[l] = 1 / math.Max(x[l]*x[l]+y[l]*y[l], tiny)
			}
			through(0, func(l int) float64 { return x[l] * spare[l] })
			through(1, func(l int) float64 { return -y[l] * spare[l] })
		default:
			panic("fused: no derivative of " + s.Op.String())
		}
	}
}
