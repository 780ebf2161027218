//go:build !(goexperiment.simd && (amd64 || arm64))

package vec

// native are the forms for this processor beside the portable one.
func native() []*kernels { return nil }
