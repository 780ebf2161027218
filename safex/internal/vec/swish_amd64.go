//go:build goexperiment.simd && amd64

package vec

// swish512s and swish256s are swish and, unless d is nil, its derivative for n times four vectors: four at a time, so that none waits
// for the one before. They are in assembly because the compiler computes one vector after the other. Both do the same operations:
// e⁻ˣ is a polynomial of x with the sign of x turned where it is added, and σ is 0 below -88.

//go:noescape
func swish512s(y, d, x *float32, n int)

//go:noescape
func swish256s(y, d, x *float32, n int)

func swish512(y, d, x []float32) {
	const step = 8 * width512
	whole := len(y) / step * step
	if whole > 0 {
		swish512s(&y[0], first(d), &x[0], whole/step)
	}
	if whole < len(y) {
		var in, out, slope [step]float32
		copy(in[:], x[whole:])
		swish512s(&out[0], &slope[0], &in[0], 1)
		copy(y[whole:], out[:])
		copy(d[min(whole, len(d)):], slope[:])
	}
}

func swish256(y, d, x []float32) {
	const step = 8 * width256
	whole := len(y) / step * step
	if whole > 0 {
		swish256s(&y[0], first(d), &x[0], whole/step)
	}
	if whole < len(y) {
		var in, out, slope [step]float32
		copy(in[:], x[whole:])
		swish256s(&out[0], &slope[0], &in[0], 1)
		copy(y[whole:], out[:])
		copy(d[min(whole, len(d)):], slope[:])
	}
}

// first points to the first number of x, if there is one.
func first(x []float32) *float32 {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}
