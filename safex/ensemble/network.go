package ensemble

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Log deviations, in units of the normalised targets, are kept in [logLo, logHi].
const logLo, logHi = -5.0, 1.0

var activations = map[string]func(*Node) *Node{
	"swish": func(x *Node) *Node { return Mul(x, Sigmoid(x)) },
	"relu":  func(x *Node) *Node { return MaxScalar(x, 0) },
	"tanh":  Tanh,
}

// forward runs the members side by side. Activations are feature-major, [members, features, B],
// and weights [members, out, in], so that neither the forward pass nor the gradient of the
// weights has to transpose. p holds a weight and a bias [members, out, 1] for each layer; x is
// [members, in, B], or [in, B] if all members share it.
func forward(s shape, p []*Node, x *Node) *Node {
	for l := 0; l < len(p); l += 2 {
		if x.Rank() == 2 {
			x = DotGeneral(p[l], []int{2}, nil, x, []int{0}, nil)
		} else {
			x = DotGeneral(p[l], []int{2}, []int{0}, x, []int{1}, []int{0})
		}
		x = Add(x, p[l+1])
		if l+2 < len(p) {
			x = activations[s.activation](x)
		}
	}
	return x
}

// split takes the head apart into means and log deviations, [members, out, B] each.
func split(s shape, y *Node) (mean, logStd *Node) {
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
		for _, part := range [][]float32{weights, bias} {
			start.layers = append(start.layers, part)
			start.moment1 = append(start.moment1, make([]float32, len(part)))
			start.moment2 = append(start.moment2, make([]float32, len(part)))
		}
	}
	return start
}
