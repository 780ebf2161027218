package num

import (
	"fmt"
	"math"
)

// A Tape takes a Program through rows of numbers, one for each lane, and back: Run, then Seed, AddTo for each result and Back, which
// leaves the gradient of the sum of all that was added. It is the memory of one goroutine, which may use it again and again. It computes
// by the very operations of the Program, so that values have the bits of Eval.
//
// Where an operation has no derivative it takes that of package gx's graph: of |x| at 0 it is 1, and of equal a and b, Max goes to a and
// Min to b.
type Tape struct {
	steps []Step
	outs  []int
	// passes tells through which steps a gradient goes: those that depend on an input and reach an output by more than a
	// comparison or a rounding. No other may count: what is infinite there, times 0, would make a NaN.
	passes        []bool
	values, grads [][]float64 // of each step; values of inputs are elsewhere
	inputs        [][]float64 // gradients with respect to the inputs after Back, 0 if the program does not use one
	spare         []float64
}

// NewTape returns a Tape of p for up to so many lanes.
func NewTape(p *Program, lanes int) *Tape {
	t := &Tape{steps: p.steps, outs: p.out, passes: make([]bool, len(p.steps))}
	varies, reaches := make([]bool, len(t.steps)), make([]bool, len(t.steps))
	for i, s := range t.steps {
		varies[i] = s.Op == OpInput
		for _, a := range smooth(s) {
			varies[i] = varies[i] || varies[a]
		}
	}
	for _, o := range t.outs {
		reaches[o] = true
	}
	for i := len(t.steps) - 1; i >= 0; i-- {
		t.passes[i] = varies[i] && reaches[i]
		for _, a := range smooth(t.steps[i]) {
			reaches[a] = reaches[a] || t.passes[i]
		}
	}
	row := func(v float64) []float64 {
		r := make([]float64, lanes)
		for i := range r {
			r[i] = v
		}
		return r
	}
	t.spare = row(0)
	for _, s := range t.steps {
		var value []float64
		if s.Op != OpInput {
			value = row(s.K)
		}
		t.values, t.grads = append(t.values, value), append(t.grads, row(0))
	}
	none := row(0)
	for range p.In {
		t.inputs = append(t.inputs, none)
	}
	for i, s := range t.steps {
		if s.Op == OpInput {
			t.inputs[s.Src] = t.grads[i]
		}
	}
	return t
}

// smooth are the arguments of s that have a derivative.
func smooth(s Step) []int {
	switch s.Op {
	case OpConst, OpInput, OpLess, OpRound:
		return nil
	case OpAdd, OpSub, OpMul, OpDiv, OpMin, OpMax, OpAtan2:
		return s.Arg[:2]
	case OpWhere:
		return s.Arg[1:]
	}
	return s.Arg[:1]
}

// Run evaluates the program on rows x, one for each input, of the given lanes. It keeps x until Back is done. It panics if there
// are not as many rows as inputs.
func (t *Tape) Run(x [][]float64, lanes int) {
	if len(x) != len(t.inputs) {
		panic(fmt.Sprintf("num: a Tape of %d inputs runs on %d rows", len(t.inputs), len(x)))
	}
	for i, s := range t.steps {
		switch s.Op {
		case OpConst:
		case OpInput:
			t.values[i] = x[s.Src]
		default:
			Sweep(s.Op, t.values[i][:lanes], t.values[s.Arg[0]], t.values[s.Arg[1]], t.values[s.Arg[2]])
		}
	}
}

// Out is the row of result k of the last Run, valid until the next.
func (t *Tape) Out(k, lanes int) []float64 { return t.values[t.outs[k]][:lanes] }

// Seed begins the way back from the last Run: all gradients are 0.
func (t *Tape) Seed(lanes int) {
	for i, g := range t.grads {
		if t.passes[i] {
			clear(g[:lanes])
		}
	}
}

// AddTo adds g, of a number for each lane, to the gradient with respect to result k.
func (t *Tape) AddTo(k int, g []float64) {
	if r := t.outs[k]; t.passes[r] {
		to := t.grads[r][:len(g)]
		for l, v := range g {
			to[l] += v
		}
	}
}

// Inputs are the rows of the gradient with respect to each input after Back, of which the lanes of the Run count, valid until the next
// Seed. Callers must not change them.
func (t *Tape) Inputs() [][]float64 { return t.inputs }

// tiny is where the gradient of an angle begins to shrink to 0 at the origin: x² + y² below it.
const tiny = 1e-30

// Back takes the gradients with respect to the results to those with respect to the inputs.
func (t *Tape) Back(lanes int) {
	for i := len(t.steps) - 1; i >= 0; i-- {
		s := t.steps[i]
		if !t.passes[i] || s.Op == OpInput {
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
				to := t.grads[s.Arg[k]][:lanes]
				for l, v := range g {
					to[l] += sign * v
				}
			}
		}
		switch s.Op {
		case OpAdd:
			into(0, 1)
			into(1, 1)
		case OpSub:
			into(0, 1)
			into(1, -1)
		case OpMul:
			for k := range 2 {
				if t.passes[s.Arg[k]] {
					to, by := t.grads[s.Arg[k]][:lanes], value(1-k)
					for l, v := range g {
						to[l] += float64(v * by[l])
					}
				}
			}
		case OpDiv:
			a, b := value(0), value(1)
			through(0, func(l int) float64 { return 1 / b[l] })
			through(1, func(l int) float64 { return -(a[l] / (b[l] * b[l])) })
		case OpMin:
			a, b := value(0), value(1)
			where(0, func(l int) bool { return a[l] < b[l] })
			where(1, func(l int) bool { return !(a[l] < b[l]) })
		case OpMax:
			a, b := value(0), value(1)
			where(0, func(l int) bool { return !(a[l] < b[l]) })
			where(1, func(l int) bool { return a[l] < b[l] })
		case OpWhere:
			c := value(0)
			where(1, func(l int) bool { return c[l] != 0 })
			where(2, func(l int) bool { return c[l] == 0 })
		case OpNeg:
			into(0, -1)
		case OpAbs:
			a := value(0)
			through(0, func(l int) float64 {
				if a[l] < 0 {
					return -1
				}
				return 1
			})
		case OpSqrt:
			through(0, func(l int) float64 { return 0.5 / o[l] })
		case OpExp:
			through(0, func(l int) float64 { return o[l] })
		case OpLog:
			a := value(0)
			through(0, func(l int) float64 { return 1 / a[l] })
		case OpTanh:
			through(0, func(l int) float64 { return 1 - o[l]*o[l] })
		case OpSin:
			Sweep(OpCos, spare, value(0), nil, nil)
			through(0, func(l int) float64 { return spare[l] })
		case OpCos:
			Sweep(OpSin, spare, value(0), nil, nil)
			through(0, func(l int) float64 { return -spare[l] })
		case OpAtan2:
			y, x := value(0), value(1)
			for l := range spare {
				spare[l] = 1 / math.Max(x[l]*x[l]+y[l]*y[l], tiny)
			}
			through(0, func(l int) float64 { return x[l] * spare[l] })
			through(1, func(l int) float64 { return -y[l] * spare[l] })
		default:
			panic("num: no derivative of " + s.Op.String())
		}
	}
}
