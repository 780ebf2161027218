// Package gx is the bridge to GoMLX: it owns the backend, and runs package num's programs
// and the learners' models as GoMLX graphs.
package gx

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// Nodes adds p to the graph of its inputs x, one node of one shape for each dimension, and
// returns its outputs. They can be differentiated. Like other graph building functions
// it panics on error.
func Nodes(p *num.Program, x []*Node) []*Node {
	steps, outs := p.Steps()
	reg := make([]*Node, len(steps))
	for i, s := range steps {
		a, b, c := reg[s.Arg[0]], reg[s.Arg[1]], reg[s.Arg[2]]
		switch s.Op {
		case num.OpConst:
			reg[i] = AddScalar(ZerosLike(x[0]), s.K)
		case num.OpInput:
			reg[i] = x[s.Src]
		case num.OpAdd:
			reg[i] = Add(a, b)
		case num.OpSub:
			reg[i] = Sub(a, b)
		case num.OpMul:
			reg[i] = Mul(a, b)
		case num.OpDiv:
			reg[i] = Div(a, b)
		case num.OpMin:
			reg[i] = keepNaN(Min(a, b), a, b)
		case num.OpMax:
			reg[i] = keepNaN(Max(a, b), a, b)
		case num.OpLess:
			reg[i] = ConvertDType(LessThan(a, b), a.DType())
		case num.OpWhere:
			reg[i] = Where(NotEqual(a, ZerosLike(a)), b, c)
		case num.OpNeg:
			reg[i] = Neg(a)
		case num.OpAbs:
			reg[i] = Abs(a)
		case num.OpSqrt:
			reg[i] = Sqrt(a)
		case num.OpExp:
			reg[i] = keepNaN(Exp(a), a)
		case num.OpLog:
			reg[i] = Log(a)
		case num.OpTanh:
			reg[i] = keepNaN(Tanh(a), a)
		case num.OpSin:
			reg[i] = Sin(a)
		case num.OpCos:
			reg[i] = Cos(a)
		case num.OpAtan2:
			reg[i] = atan2(a, b)
		case num.OpRound:
			reg[i] = StopGradient(Round(a))
		default:
			panic("gx: unknown operation " + s.Op.String())
		}
	}
	y := make([]*Node, len(outs))
	for i, r := range outs {
		y[i] = reg[r]
	}
	return y
}

// Apply is Nodes for inputs that are the rows of x, [p.In, B]; its outputs are the rows of the result, [p.Out, B].
func Apply(p *num.Program, x *Node) *Node {
	lanes := x.Shape().Dim(1)
	in := make([]*Node, p.In)
	for k := range in {
		in[k] = Squeeze(Slice(x, AxisElem(k)), 0)
	}
	var rows []*Node
	for _, y := range Nodes(p, in) {
		rows = append(rows, Reshape(BroadcastToDims(y, lanes), 1, lanes))
	}
	return Concatenate(rows, 0)
}

// keepNaN is y, or the NaN among its arguments: GoMLX's vector code takes a NaN for a number in some
// operations.
func keepNaN(y *Node, args ...*Node) *Node {
	for _, x := range args {
		y = Where(NotEqual(x, x), x, y)
	}
	return y
}

// atan2 is the angle of the point (x, y), with the gradient that GoMLX's Atan2 lacks:
// d atan2 = (x dy - y dx) / (x² + y²), and 0 at the origin.
func atan2(y, x *Node) *Node {
	y0, x0 := StopGradient(y), StopGradient(x)
	square := MaxScalar(Add(Mul(x0, x0), Mul(y0, y0)), tiny)
	tangent := Div(Sub(Mul(x0, y), Mul(y0, x)), square)
	return Add(StopGradient(Atan2(y, x)), Sub(tangent, StopGradient(tangent)))
}

const tiny = 1e-30 // keeps 0/0 out
