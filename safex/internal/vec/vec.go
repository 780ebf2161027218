// Package vec computes what takes the time, on many lanes at once: dense layers and activations of networks in float32, and the sums of
// Gaussian processes in float64.
//
// A row is one number for each lane. Each lane is computed for itself, in one order, so that a lane never depends on its
// neighbours or on how many there are, and AVX-512 and AVX2 give the same bits; NEON does the same operations. The portable form,
// which is used without GOEXPERIMENT=simd and on other processors, agrees with them to a few units in the last place.
//
// The environment variable SAFEX_SIMD names the form to use: avx512, avx2, neon or portable. One that is not there leaves the
// next slower one. Without it, the fastest is used.
//
// Rows hold a multiple of Lanes numbers; functions panic on other lengths.
package vec

import (
	"fmt"
	"os"
	"slices"
	"sync/atomic"
)

// Lanes is what the length of every row is a multiple of.
const Lanes = 16

// A Form is one implementation of this package.
type Form string

// The forms, fastest first.
const (
	AVX512   Form = "avx512"   // of x86-64 processors, with GOEXPERIMENT=simd
	AVX2     Form = "avx2"     // the same, with FMA
	NEON     Form = "neon"     // of 64-bit ARM processors, with GOEXPERIMENT=simd
	Portable Form = "portable" // everywhere
)

// kernels are a form's functions. Rows are checked before.
type kernels struct {
	form Form

	mul                   func(dst, a, b []float32)
	swish, relu, tanhUnit func(y, d, x []float32) // d may be empty
	noise                 func(y, d, x []float32) // d may be empty
	spread                func(mean, dev, y []float32, members int)
	spreadBack            func(dy, y, mean, dev, gMean, gDev []float32, members int)
	outputs               int // of a panel at most, a multiple of 2 height
	piece                 func(width int) int
	// panel is some outputs of a layer. done tells whether then is done with them too.
	panel func(y, d, w, bias, x []float32, then after, rows, in, lanes int) (done bool)
	fma   func(rounds int) (flops int)

	panel64                      func(y, w, x []float64, rows, in, lanes int) // rows ≤ height
	squaredExponential, matern52 func(y, d, z, points []float64, dim, lanes int)
	mul64                        func(dst, a, b []float64)
	squares64                    func(sum, x []float64)
	expand                       func(j *Jets, tanh bool)
	weigh64                      func(sum, coef, loose, own []float64)
	steepen64                    func(coef, slope, most, steepest []float64)
}

var current atomic.Pointer[kernels]

func init() {
	speed := []Form{AVX512, AVX2, NEON, Portable}
	want := max(0, slices.Index(speed, Form(os.Getenv("SAFEX_SIMD"))))
	for _, k := range append(native(), &portable) {
		if slices.Index(speed, k.form) >= want {
			current.Store(k)
			return
		}
	}
}

// Current is the form in use.
func Current() Form { return current.Load().form }

// Forms lists the forms that this build has on this processor, fastest first.
func Forms() (forms []Form) {
	for _, k := range append(native(), &portable) {
		forms = append(forms, k.form)
	}
	return forms
}

// Use takes form f from now on, for all goroutines, and returns the one before. It is for tests and measurements: the
// environment variable SAFEX_SIMD does the same from outside. It panics if f is not one of Forms.
func Use(f Form) (before Form) {
	for _, k := range append(native(), &portable) {
		if k.form == f {
			return current.Swap(k).form
		}
	}
	panic(fmt.Sprintf("vec: no form %q here, there are %v", f, Forms()))
}

// FMAs runs rounds of multiplications with addition that do not wait for each other, and returns how many floating-point
// operations those were: what a core can do at most with the form in use.
func FMAs(rounds int) (flops int) { return current.Load().fma(rounds) }

// same panics unless all rows are as long as the first and that is a multiple of Lanes.
func same(name string, rows ...int) {
	for _, n := range rows {
		if n != rows[0] || n%Lanes != 0 {
			panic(fmt.Sprintf("vec: %s on rows of %v lanes, want one multiple of %d", name, slices.Clone(rows), Lanes))
		}
	}
}
