package stats

import (
	"fmt"

	"gonum.org/v1/gonum/stat/distuv"
)

// ClopperPearson is the two-sided interval of Clopper and Pearson (1934) for a share of which k of n were seen: with n
// independent draws it holds the true share with at least the given confidence. Of nothing it is 0 to 1. It panics if k is not 0 to n,
// or confidence not above 0 and below 1.
func ClopperPearson(k, n int, confidence float64) (lo, hi float64) {
	if k < 0 || k > n || !(confidence > 0 && confidence < 1) {
		panic(fmt.Sprintf("stats: ClopperPearson of %d of %d at confidence %v", k, n, confidence))
	}
	lo, hi = 0, 1
	tail := (1 - confidence) / 2
	if k > 0 {
		lo = distuv.Beta{Alpha: float64(k), Beta: float64(n - k + 1)}.Quantile(tail)
	}
	if k < n {
		hi = distuv.Beta{Alpha: float64(k + 1), Beta: float64(n - k)}.Quantile(1 - tail)
	}
	return lo, hi
}

// AtMost is the upper end of the one-sided interval of Clopper and Pearson for a share of which k of n were seen: with n
// independent draws the true share is at most that with at least the given confidence. Of nothing it is 1. It panics if k is not 0
// to n, or confidence not above 0.5 and below 1.
func AtMost(k, n int, confidence float64) float64 {
	if !(confidence > 0.5) {
		panic(fmt.Sprintf("stats: AtMost at confidence %v, want above 0.5 and below 1", confidence))
	}
	_, hi := ClopperPearson(k, n, 2*confidence-1)
	return hi
}
