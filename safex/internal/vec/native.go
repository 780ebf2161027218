//go:build goexperiment.simd && amd64

package vec

import "simd/archsimd"

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
