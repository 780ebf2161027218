package gp

import (
	"math"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// hyper are the hyper-parameters of one output, in Scales.
type hyper struct {
	Signal, Noise float64
	Length        []float64 // of each input
}

// kernel is a correlation ρ of the squared distance r², in length scales.
type kernel struct {
	// correlate turns r² into ρ, and writes -2 dρ/d(r²) to slope, if it is not nil: the derivative of ρ by ln ℓ_d is that
	// times the share of dimension d in r².
	correlate func(r2, slope []float64)
	// node is ρ of factor · r² in a graph; the gradient is finite at 0 too.
	factor float64
	node   func(scaled *Node) *Node
}

var kernels = map[string]kernel{
	"se": {
		correlate: func(r2, slope []float64) {
			for i, v := range r2 {
				r2[i] = math.Exp(-0.5 * v)
			}
			copy(slope, r2)
		},
		factor: -0.5,
		node:   Exp,
	},
	"matern52": {
		correlate: func(r2, slope []float64) {
			for i, v := range r2 {
				a := math.Sqrt(5 * v)
				e := math.Exp(-a)
				r2[i] = (1 + a + a*a/3) * e
				if slope != nil {
					slope[i] = 5.0 / 3 * (1 + a) * e
				}
			}
		},
		factor: 5,
		node: func(scaled *Node) *Node {
			a := Sqrt(MaxScalar(scaled, 1e-20)) // rounding can make it negative
			return Mul(AddScalar(Add(a, MulScalar(Square(a), 1.0/3)), 1), Exp(Neg(a)))
		},
	},
}

// distances writes r² between point i of a and lanes from on of b to dst, both in length scales.
func distances(dst []float64, a num.Batch, i int, b num.Batch, from int) {
	clear(dst)
	for d, column := range b {
		v := a[d][i]
		for k, w := range column[from : from+len(dst)] {
			dst[k] += (v - w) * (v - w)
		}
	}
}

// inLengths are the inputs x in length scales.
func (h hyper) inLengths(x num.Batch) num.Batch {
	z := num.NewBatch(len(x), x.Len())
	for d, column := range x {
		for i, v := range column {
			z[d][i] = v / h.Length[d]
		}
	}
	return z
}
