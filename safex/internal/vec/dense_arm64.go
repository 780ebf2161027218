//go:build goexperiment.simd

package vec

// NEON is tested without a machine that has it by GOARCH=arm64 go test -exec qemu-aarch64-static ./safex/internal/vec ./safex/fused;
// TestEnvironmentChooses, which starts itself, needs one that the kernel runs by itself.

// tile128x4 is a register block of 4 outputs and 4 vectors of lanes: y[4, 16] = bias + w x. y, w, bias and x point to the first
// number; w is [in, 4]. strideY and strideX are bytes from row to row.
//
//go:noescape
func tile128x4(y, w, bias, x *float32, in int, strideY, strideX uintptr)

// wide128x4 is the same in float64, without a bias: y[4, 8] = w x.
//
//go:noescape
func wide128x4(y, w, x *float64, in int, strideY, strideX uintptr)

// chains128 runs rounds of 24 multiplications with addition, each of which waits for its own of the round before.
//
//go:noescape
func chains128(rounds int)

func panel128(y, _, w, bias, x []float32, _ after, rows, in, lanes int) (done bool) {
	var spare [height * Lanes]float32
	stride := uintptr(4 * lanes)
	for r := 0; r < rows; r += height {
		y, w, bias := y[r*lanes:], w[r*in:], bias[r:]
		for lo := 0; lo < lanes; lo += Lanes {
			if rows-r >= height {
				tile128x4(&y[lo], &w[0], &bias[0], &x[lo], in, stride, stride)
				continue
			}
			tile128x4(&spare[0], &w[0], &bias[0], &x[lo], in, 4*Lanes, stride)
			for k := range rows - r {
				copy(y[k*lanes+lo:][:Lanes], spare[k*Lanes:])
			}
		}
	}
	return false
}

func panel64x128(y, w, x []float64, rows, in, lanes int) {
	const step = 8
	var spare [height * step]float64
	stride := uintptr(8 * lanes)
	for lo := 0; lo < lanes; lo += step {
		if rows == height {
			wide128x4(&y[lo], &w[0], &x[lo], in, stride, stride)
			continue
		}
		wide128x4(&spare[0], &w[0], &x[lo], in, 8*step, stride)
		for r := range rows {
			copy(y[r*lanes+lo:][:step], spare[r*step:])
		}
	}
}

func swish128(y, d, x []float32) {
	low := k128(cMinusUnitHi)
	for i := 0; i < len(y); i += width128 {
		v := load128(x, i)
		s := k128(cOne).Div(k128(cOne).Add(unitExp128(v.Neg())))
		s = s.Masked(v.GreaterEqual(low))
		z := v.Mul(s)
		store128(y, i, z)
		if len(d) > 0 {
			store128(d, i, k128(cOne).Sub(s).MulAdd(z, s))
		}
	}
}

// piece128 lets the rows of a layer take 16 KiB, with at least one column.
func piece128(width int) int { return max(Lanes, min(64, 4096/width/Lanes*Lanes)) }

func fma128(rounds int) (flops int) {
	chains128(rounds)
	return rounds * 24 * 2 * 4
}
