//go:build goexperiment.simd && amd64

package vec

import "simd/archsimd"

func swish512(y, d, x []float32) {
	low := k512(cUnitHi).Neg()
	for i := 0; i < len(y); i += width512 {
		v := load512(x, i)
		s := k512(cOne).Div(k512(cOne).Add(unitExp512(v.Neg())))
		s = s.Masked(v.GreaterEqual(low))
		z := v.Mul(s)
		store512(y, i, z)
		if len(d) > 0 {
			store512(d, i, k512(cOne).Sub(s).MulAdd(z, s))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// swish256s is swish512 at half the width, for n times 32 numbers: the same operations, four vectors at a time, so that none waits
// for the one before. It is in assembly because the compiler computes one vector after the other.
//
//go:noescape
func swish256s(y, d, x *float32, n int)

func swish256(y, d, x []float32) {
	const step = 4 * width256
	n := len(y) / step
	whole := n * step
	slope := func(i int) *float32 {
		if len(d) == 0 {
			return nil
		}
		return &d[i]
	}
	if n > 0 {
		swish256s(&y[0], slope(0), &x[0], n)
	}
	if whole == len(y) {
		return
	}
	var in, out, by [step]float32
	copy(in[:], x[whole:])
	swish256s(&out[0], &by[0], &in[0], 1)
	copy(y[whole:], out[:])
	if len(d) > 0 {
		copy(d[whole:], by[:])
	}
}
