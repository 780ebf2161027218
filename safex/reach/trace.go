package reach

import (
	"github.com/rischiboy/safe_exploration/safex/num"
)

// An angle is one that is known by its sine and cosine, atan2(y, x) + rest.
type angle struct{ y, x, rest num.Expr }

// turned rewrites those outputs of p that want says as functions of the same inputs in which no sine or cosine is taken of an angle that
// comes from atan2: with ρ = √(x² + y²),
//
//	sin(atan2(y, x) + r) = (y cos r + x sin r) / ρ,   cos(atan2(y, x) + r) = (x cos r - y sin r) / ρ,
//
// which in real arithmetic are the same but at the origin, where the right-hand sides are no numbers. An enclosure of them is one of p
// there too: what may divide by 0 says that it may be no number. Unlike atan2 they know no cut. same tells that there was nothing to
// rewrite.
func turned(p *num.Program, want []int) (q *num.Program, same bool) {
	same = true
	steps, outs := p.Steps()
	needed := make([]bool, len(steps))
	for _, k := range want {
		needed[outs[k]] = true
	}
	for i := len(steps) - 1; i >= 0; i-- {
		for _, a := range steps[i].Arg { // of an operation of fewer, register 0 too, which is no sine
			needed[a] = needed[a] || needed[i]
		}
	}
	q = num.Trace(p.In, func(in num.Vec) num.Vec {
		value := make([]num.Expr, len(steps))
		angles := make([]*angle, len(steps))
		for i, s := range steps {
			value[i] = again(s, value, in)
			a, b := value[s.Arg[0]], value[s.Arg[1]]
			va, vb := angles[s.Arg[0]], angles[s.Arg[1]]
			switch s.Op {
			case num.OpAtan2:
				angles[i] = &angle{y: a, x: b}
			case num.OpAdd:
				if va != nil {
					angles[i] = &angle{va.y, va.x, va.rest.Add(b)}
				} else if vb != nil {
					angles[i] = &angle{vb.y, vb.x, vb.rest.Add(a)}
				}
			case num.OpSub:
				if va != nil {
					angles[i] = &angle{va.y, va.x, va.rest.Sub(b)}
				}
			case num.OpSin, num.OpCos:
				if va == nil {
					break
				}
				same = same && !needed[i]
				ρ := va.y.Square().Add(va.x.Square()).Sqrt()
				y, x := va.y.Div(ρ), va.x.Div(ρ)
				if s.Op == num.OpSin {
					value[i] = y.Mul(va.rest.Cos()).Add(x.Mul(va.rest.Sin()))
				} else {
					value[i] = x.Mul(va.rest.Cos()).Sub(y.Mul(va.rest.Sin()))
				}
			}
		}
		var out num.Vec
		for _, k := range want {
			out = append(out, value[outs[k]])
		}
		return out
	})
	return q, same
}

// picked are those outputs of p that want says, by the steps of p themselves.
func picked(p *num.Program, want []int) *num.Program {
	steps, outs := p.Steps()
	return num.Trace(p.In, func(in num.Vec) num.Vec {
		value := make([]num.Expr, len(steps))
		for i, s := range steps {
			value[i] = again(s, value, in)
		}
		var out num.Vec
		for _, k := range want {
			out = append(out, value[outs[k]])
		}
		return out
	})
}

// again is a step of a program on the values so far and the inputs.
func again(s num.Step, value []num.Expr, in num.Vec) num.Expr {
	a, b, c := value[s.Arg[0]], value[s.Arg[1]], value[s.Arg[2]]
	switch s.Op {
	case num.OpConst:
		return num.Lit(s.K)
	case num.OpInput:
		return in[s.Src]
	case num.OpAdd:
		return a.Add(b)
	case num.OpSub:
		return a.Sub(b)
	case num.OpMul:
		return a.Mul(b)
	case num.OpDiv:
		return a.Div(b)
	case num.OpMin:
		return a.Min(b)
	case num.OpMax:
		return a.Max(b)
	case num.OpLess:
		return a.Less(b)
	case num.OpWhere:
		return num.Where(a, b, c)
	case num.OpNeg:
		return a.Neg()
	case num.OpAbs:
		return a.Abs()
	case num.OpSqrt:
		return a.Sqrt()
	case num.OpExp:
		return a.Exp()
	case num.OpLog:
		return a.Log()
	case num.OpTanh:
		return a.Tanh()
	case num.OpSin:
		return a.Sin()
	case num.OpCos:
		return a.Cos()
	case num.OpAtan2:
		return num.Atan2(a, b)
	case num.OpRound:
		return a.Round()
	}
	panic("reach: unknown operation " + s.Op.String())
}
