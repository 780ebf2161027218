package gp

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// canonical is an order of rows that does not depend on the one they have.
func canonical(x, y num.Batch) []int {
	order := make([]int, x.Len())
	for i := range order {
		order[i] = i
	}
	columns := slices.Concat(x, y)
	slices.SortStableFunc(order, func(a, b int) int {
		for _, column := range columns {
			if c := cmp.Compare(column[a], column[b]); c != 0 {
				return c
			}
		}
		return 0
	})
	return order
}

// pick copies rows of b.
func pick(b num.Batch, rows []int) num.Batch {
	p := num.NewBatch(len(b), len(rows))
	for d := range b {
		for i, r := range rows {
			p[d][i] = b[d][r]
		}
	}
	return p
}

// choose returns count rows of x, or all if there are no more, and the largest conditional deviation of each output
// among the others, in Scales. The next row is always that of the largest conditional variance, over the noise, of
// all outputs; the first of equals. It costs n · count² operations for each output.
func choose(k kernel, hypers []hyper, x num.Batch, count int) (rows []int, left []float64) {
	n := x.Len()
	left = make([]float64, len(hypers))
	if n <= count {
		for i := range n {
			rows = append(rows, i)
		}
		return rows, left
	}
	// factor has the Cholesky factor of the chosen rows, a row for each of them and a column for all.
	type state struct {
		z                num.Batch
		factor, variance []float64
	}
	states := make([]state, len(hypers))
	for j, h := range hypers {
		states[j] = state{h.inLengths(x), make([]float64, count*n), make([]float64, n)}
		for i := range n {
			states[j].variance[i] = h.Signal * h.Signal
		}
	}
	taken := make([]bool, n)
	for t := range count {
		best, most := -1, math.Inf(-1)
		for i := range n {
			if taken[i] {
				continue
			}
			for j, h := range hypers {
				if v := states[j].variance[i] / (h.Noise * h.Noise); v > most {
					best, most = i, v
				}
			}
		}
		taken[best] = true
		rows = append(rows, best)
		var wait sync.WaitGroup
		for j, h := range hypers {
			wait.Go(func() {
				s := &states[j]
				row := s.factor[t*n : (t+1)*n]
				distances(row, s.z, best, s.z, 0)
				k.correlate(row, nil)
				blas64.Scal(h.Signal*h.Signal, vector(row))
				if t > 0 {
					above := blas64.General{Rows: t, Cols: n, Stride: n, Data: s.factor[:t*n]}
					blas64.Gemv(blas.Trans, -1, above, blas64.Vector{N: t, Inc: n, Data: s.factor[best:]}, 1, vector(row))
				}
				blas64.Scal(1/math.Sqrt(s.variance[best]+h.Noise*h.Noise), vector(row))
				for i, v := range row {
					s.variance[i] = max(0, s.variance[i]-v*v)
				}
			})
		}
		wait.Wait()
	}
	for j, s := range states {
		for i, v := range s.variance {
			if !taken[i] {
				left[j] = max(left[j], math.Sqrt(v))
			}
		}
	}
	return rows, left
}

// vector is x for BLAS.
func vector(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Inc: 1, Data: x} }
