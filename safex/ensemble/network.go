package ensemble

import (
	"math"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Log deviations, in units of the normalised targets, are kept in [logLo, logHi].
const logLo, logHi = -5.0, 1.0

// activation is a function of the hidden layers, and its derivative for training.
type activation struct {
	of func(x *Node) *Node
	// back is the gradient with respect to x, from y, which is the activation of x, and the gradient dy.
	back func(y, x, dy *Node) *Node
}

var activations = map[string]*activation{
	"swish": {func(x *Node) *Node { return Mul(x, Sigmoid(x)) }, func(y, x, dy *Node) *Node {
		if x.Graph().Backend().Capabilities().Operations[compute.OpTypeFusedActivationVJP] {
			return BackendFusedActivationVJP(y, x, dy, compute.ActivationConfig{Type: compute.ActivationSilu})
		}
		s := Sigmoid(x)
		return Mul(dy, Add(s, Mul(y, OneMinus(s))))
	}},
	"relu": {func(x *Node) *Node { return MaxScalar(x, 0) }, func(y, x, dy *Node) *Node {
		return Mul(dy, ConvertDType(GreaterThan(x, ZerosLike(x)), dy.DType()))
	}},
	"tanh": {Tanh, func(y, x, dy *Node) *Node { return Mul(dy, OneMinus(Square(y))) }},
}

// forward runs the members side by side. Activations are feature-major, [members, features, B],
// and weights [members, out, in], so that no layer has to transpose. p holds a weight and a bias
// [members, out, 1] for each layer; x is [members, in, B], or [in, B] if all members share it.
func forward(s shape, p []*Node, x *Node) *Node {
	y, _ := run(s, p, x)
	return y
}

// run is forward with a function that takes a gradient with respect to y back to one with respect to each of p, of x
// that is [members, in, B]. GoMLX's own gradient of a product transposes both factors and the result, which took 40 %
// of a training step; this one transposes the weights alone.
func run(s shape, p []*Node, x *Node) (y *Node, back func(dy *Node) []*Node) {
	var before, after []*Node // each layer's activation
	ins := []*Node{x}
	for l := 0; l < len(p); l += 2 {
		if x.Rank() == 2 {
			x = DotGeneral(p[l], []int{2}, nil, x, []int{0}, nil)
		} else {
			x = DotGeneral(p[l], []int{2}, []int{0}, x, []int{1}, []int{0})
		}
		x = Add(x, p[l+1])
		if l+2 < len(p) {
			before = append(before, x)
			x = activations[s.activation].of(x)
			after = append(after, x)
			ins = append(ins, x)
		}
	}
	return x, func(d *Node) []*Node {
		grads := make([]*Node, len(p))
		for l := len(p)/2 - 1; ; l-- {
			grads[2*l] = DotGeneral(d, []int{2}, []int{0}, ins[l], []int{2}, []int{0})
			grads[2*l+1] = ReduceAndKeep(d, ReduceSum, 2)
			if l == 0 {
				return grads
			}
			d = DotGeneral(turned(p[2*l]), []int{2}, []int{0}, d, []int{1}, []int{0})
			d = activations[s.activation].back(after[l-1], before[l-1], d)
		}
	}
}

// turned is [members, in, out] of w, [members, out, in]. In the lone backend it takes a third of the time of GoMLX's own way, which moves one
// number after the other: it turns a matrix in blocks, and the first two axes of three by rows. With workers GoMLX would wait in
// blocks for some of these, and for ever where others wait too.
func turned(w *Node) *Node {
	if lone, err := gx.LoneBackend(); err != nil || w.Graph().Backend() != lone {
		return TransposeAllAxes(w, 0, 2, 1)
	}
	members, out, in := w.Shape().Dim(0), w.Shape().Dim(1), w.Shape().Dim(2)
	flat := TransposeAllAxes(Reshape(w, members*out, in), 1, 0)
	return TransposeAllAxes(Reshape(flat, in, members, out), 1, 0, 2)
}

// split takes the head apart into means and log deviations, [members, out, B] each. fixed are the log deviations
// [1, out, 1] of a head without.
func split(s shape, y, fixed *Node) (mean, logStd *Node) {
	if s.fixed {
		return y, BroadcastToDims(fixed, y.Shape().Dimensions...)
	}
	mean = Slice(y, AxisRange(), AxisRange(0, s.out), AxisRange())
	raw := Slice(y, AxisRange(), AxisRange(s.out, 2*s.out), AxisRange())
	return mean, AddScalar(MulScalar(Tanh(raw), (logHi-logLo)/2), (logHi+logLo)/2)
}

// likelihood is the negative log-likelihood of the targets y for each entry, without its constant.
func likelihood(mean, logStd, y *Node) *Node {
	z := Mul(Sub(y, mean), Exp(Neg(logStd)))
	return Add(MulScalar(Square(z), 0.5), logStd)
}

// fresh draws weights of deviation 1/√fan-in (LeCun et al., 1998); all else is 0.
func fresh(s shape, src rng.Stream) (start state) {
	w := s.widths()
	for l := range len(w) - 1 {
		r := src.At(l).Rand()
		weights, bias := make([]float32, s.members*w[l+1]*w[l]), make([]float32, s.members*w[l+1])
		for i := range weights {
			weights[i] = float32(r.NormFloat64() / math.Sqrt(float64(w[l])))
		}
		start.layers = append(start.layers, weights, bias)
	}
	start.average = start.layers
	return start.forget()
}
