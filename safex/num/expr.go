// Package num writes arithmetic down once and evaluates it anywhere.
//
// A function of Exprs is called one time, to trace it. What comes back is a
// Program, which evaluates the same arithmetic on one point, on a batch of
// points, on intervals and affine forms, which hold every value, or (package gx)
// as nodes of a GoMLX graph. It also prints itself as LaTeX.
package num

import (
	"fmt"
	"runtime"
	"strings"
)

// An Expr is a number that is not known yet. Exprs are immutable.
// The zero Expr is the constant 0. Exprs have no order and no equality in Go,
// so that a slip such as if x < 0 does not compile; use Less and Where.
type Expr struct {
	_ [0]func() // not comparable
	n *node
}

// A Vec is a point: one Expr for each dimension.
type Vec []Expr

// Operand is what arithmetic accepts on its right-hand side.
type Operand interface{ Expr | float64 | int }

type node struct {
	op   Op
	arg  [3]*node
	k    float64
	slot int     // of an input
	pc   uintptr // of the formula that asked for it, outside this package
}

// Op is one operation of the algebra. This list is the whole algebra.
type Op uint8

// The operations. Comments give the value on arguments a, b, c.
const (
	OpConst Op = iota // a number
	OpInput           // an input of the program
	OpAdd             // a + b
	OpSub             // a - b
	OpMul             // a b
	OpDiv             // a / b
	OpMin             // the smaller; NaN if either is
	OpMax             // the larger; NaN if either is
	OpLess            // 1 if a < b, else 0
	OpWhere           // b if a is not 0, else c
	OpNeg             // -a
	OpAbs             // |a|
	OpSqrt            // √a
	OpExp             // eᵃ
	OpLog             // ln a
	OpTanh            // tanh a
	OpSin             // sin a
	OpCos             // cos a
	OpAtan2           // the angle of the point (b, a), in (-π, π]
	OpRound           // the nearest integer, ties to even
)

var opNames = [...]string{
	"const", "input", "add", "sub", "mul", "div", "min", "max", "less", "where",
	"neg", "abs", "sqrt", "exp", "log", "tanh", "sin", "cos", "atan2", "round",
}

// String is the lower-case name of the operation, as in "atan2".
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return fmt.Sprintf("Op(%d)", uint8(o))
}

var zero = &node{op: OpConst}

func (x Expr) node() *node {
	if x.n == nil {
		return zero
	}
	return x.n
}

func lift[T Operand](y T) Expr {
	switch y := any(y).(type) {
	case Expr:
		return y
	case float64:
		return Expr{n: &node{op: OpConst, k: y}}
	case int:
		return Expr{n: &node{op: OpConst, k: float64(y)}}
	}
	panic("num: unreachable")
}

func apply(op Op, args ...Expr) Expr {
	n := &node{op: op, pc: caller()}
	constant := true
	var v [3]float64
	for i, a := range args {
		n.arg[i] = a.node()
		constant = constant && n.arg[i].op == OpConst
		v[i] = n.arg[i].k
	}
	if constant {
		return Expr{n: &node{op: OpConst, k: eval(op, v[0], v[1], v[2]), pc: n.pc}}
	}
	return Expr{n: n}
}

// caller is where the formula stands: the first frame outside this package's own files.
func caller() uintptr {
	var pcs [8]uintptr
	frames := pcs[:runtime.Callers(3, pcs[:])]
	for _, pc := range frames {
		f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
		if !strings.HasSuffix(f.File, "safex/num/expr.go") {
			return pc
		}
	}
	return 0
}

// place is the file and line of pc, as in "pendulum.go:41".
func place(pc uintptr) string {
	if pc == 0 {
		return "?"
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
}

// Lit returns the constant k.
func Lit(k float64) Expr { return lift(k) }

// Add is x + y.
func (x Expr) Add[T Operand](y T) Expr { return apply(OpAdd, x, lift(y)) }

// Sub is x - y.
func (x Expr) Sub[T Operand](y T) Expr { return apply(OpSub, x, lift(y)) }

// Mul is x y.
func (x Expr) Mul[T Operand](y T) Expr { return apply(OpMul, x, lift(y)) }

// Div is x / y.
func (x Expr) Div[T Operand](y T) Expr { return apply(OpDiv, x, lift(y)) }

// Min is the smaller of x and y, and NaN if either is.
func (x Expr) Min[T Operand](y T) Expr { return apply(OpMin, x, lift(y)) }

// Max is the larger of x and y, and NaN if either is.
func (x Expr) Max[T Operand](y T) Expr { return apply(OpMax, x, lift(y)) }

// Less is 1 where x < y and 0 elsewhere.
func (x Expr) Less[T Operand](y T) Expr { return apply(OpLess, x, lift(y)) }

// Neg is -x.
func (x Expr) Neg() Expr { return apply(OpNeg, x) }

// Abs is |x|.
func (x Expr) Abs() Expr { return apply(OpAbs, x) }

// Sqrt is the square root of x, and NaN below 0.
func (x Expr) Sqrt() Expr { return apply(OpSqrt, x) }

// Exp is e to the power x.
func (x Expr) Exp() Expr { return apply(OpExp, x) }

// Log is the natural logarithm of x, and NaN below 0.
func (x Expr) Log() Expr { return apply(OpLog, x) }

// Tanh is the hyperbolic tangent of x.
func (x Expr) Tanh() Expr { return apply(OpTanh, x) }

// Sin is the sine of x in radians.
func (x Expr) Sin() Expr { return apply(OpSin, x) }

// Cos is the cosine of x in radians.
func (x Expr) Cos() Expr { return apply(OpCos, x) }

// Round is the integer nearest to x, ties to even. Its derivative is 0.
func (x Expr) Round() Expr { return apply(OpRound, x) }

// Square is x².
func (x Expr) Square() Expr { return x.Mul(x) }

// Clamp limits x to [lo, hi].
func (x Expr) Clamp(lo, hi float64) Expr { return x.Max(lo).Min(hi) }

// Where is a where cond is not 0, and b elsewhere.
func Where[A, B Operand](cond Expr, a A, b B) Expr { return apply(OpWhere, cond, lift(a), lift(b)) }

// Atan2 is the angle of the point (x, y), in (-π, π].
func Atan2(y, x Expr) Expr { return apply(OpAtan2, y, x) }
