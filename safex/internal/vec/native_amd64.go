//go:build goexperiment.simd

package vec

import "simd/archsimd"

// vectors512 is the form for AVX512.
var vectors512 = kernels{
	form:  AVX512,
	mul:   mul512,
	swish: swish512, relu: relu512, tanhUnit: tanhUnit512,
	noise:  noise512,
	spread: spread512, spreadBack: spreadBack512, panel: panel512, outputs: 6 * height, piece: piece512, fma: fma512,
	panel64: panel64x512, squaredExponential: squaredExponential512, matern52: matern512, mul64: mulWide512, squares64: squares512,
	expand: expand512, weigh64: weigh512, steepen64: steepen512,
}

// vectors256 is the form for AVX2.
var vectors256 = kernels{
	form:  AVX2,
	mul:   mul256,
	swish: swish256, relu: relu256, tanhUnit: tanhUnit256,
	noise:  noise256,
	spread: spread256, spreadBack: spreadBack256, panel: panel256, outputs: 1 << 30, piece: piece256, fma: fma256,
	panel64: panel64x256, squaredExponential: squaredExponential256, matern52: matern256, mul64: mulWide256, squares64: squares256,
	expand: expand256, weigh64: weigh256, steepen64: steepen256,
}

// native are the forms for this processor beside the portable one.
func native() (forms []*kernels) {
	if archsimd.X86.AVX512() && archsimd.X86.FMA() {
		forms = append(forms, &vectors512)
	}
	if archsimd.X86.AVX2() && archsimd.X86.FMA() {
		forms = append(forms, &vectors256)
	}
	return forms
}
