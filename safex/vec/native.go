//go:build goexperiment.simd && amd64

package vec

import (
	"math"
	"simd/archsimd"
)

// The functions are written once, in avx512.go. Those of half the width are made of them.
//
//go:generate sh -c "(echo '// Code generated from avx512.go by go generate; DO NOT EDIT.'; echo; sed 's/width512 = 16/width256 = 8/g; s/AVX512/AVX2/g; s/32x16/32x8/g; s/64x8/64x4/g; s/512/256/g' avx512.go) > avx2.go"

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

// wideAngles is f of those x that are too large for the vector form's reduction to a quadrant.
func wideAngles(dst, x []float32, f func(float64) float64) {
	for i, v := range x {
		if !(-coefficients[cAngle] <= v && v <= coefficients[cAngle]) {
			dst[i] = float32(f(float64(v)))
		}
	}
}

// oddAngles are the angles of points that are 0, infinite or NaN.
func oddAngles(dst, y, x []float32) {
	for i := range dst {
		a, b := math.Abs(float64(y[i])), math.Abs(float64(x[i]))
		if size := float32(a) + float32(b); !(size > 0 && size < coefficients[cInf]) {
			dst[i] = float32(math.Atan2(float64(y[i]), float64(x[i])))
		}
	}
}
