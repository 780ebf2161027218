package vec

import "fmt"

// An Activation is a function of a hidden layer's units.
type Activation int

// The activations.
const (
	Swish    Activation = iota // x σ(x) = x / (1 + e⁻ˣ)
	Relu                       // the larger of x and 0
	TanhUnit                   // tanh x
)

// Apply writes the activation of x to y, and its derivative at x to d unless that is empty. y may be x.
//
// Swish and its derivative are within 2e-7 of max(1, |x|), and swish is within 4 ulp above -87, beyond which it is at
// most 1e-36 off; at -Inf, where x σ(x) is ∞ times 0, it is NaN. Tanh is within 3 ulp. The derivative
// of Relu is 0 at 0. NaN gives NaN, except in the derivative of Relu, where it gives 0.
func (a Activation) Apply(y, d, x []float32) {
	check1("Apply", y, x)
	if len(d) > 0 {
		check1("Apply", d, x)
	}
	switch k := current.Load(); a {
	case Swish:
		k.swish(y, d, x)
	case Relu:
		k.relu(y, d, x)
	case TanhUnit:
		k.tanhUnit(y, d, x)
	default:
		panic(fmt.Sprintf("vec: activation %d, want 0 to 2", a))
	}
}
