//go:build goexperiment.simd

package vec

// vectors128 is the form for NEON.
var vectors128 = kernels{
	form:  NEON,
	mul:   mul128,
	swish: swish128, relu: relu128, tanhUnit: tanhUnit128,
	noise:  noise128,
	spread: spread128, spreadBack: spreadBack128, panel: panel128, outputs: 2 * height, piece: piece128, fma: fma128,
	panel64: panel64x128, squaredExponential: squaredExponential128, matern52: matern128, mul64: mulWide128, squares64: squares128,
	expand: expand128, weigh64: weigh128, steepen64: steepen128,
}

// native is the form for this processor beside the portable one: all of 64 bits have it.
func native() []*kernels { return []*kernels{&vectors128} }
