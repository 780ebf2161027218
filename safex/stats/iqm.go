// Package stats says how far few runs can be trusted: robust means over seeds, intervals around them, bounds on shares,
// and the time to a first violation.
//
// A score is a return: higher is better. NaN is the worst score, as -Inf is, and it is counted, never left out.
package stats

import (
	"math"
	"slices"
)

// IQM is the interquartile mean of scores (Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical
// Precipice, 2021): the mean of the middle half. Of n scores exactly n/4 are cut off at each end. If n is not divisible by 4,
// the scores at the two cuts count with the fraction that is inside, where scipy's trim_mean, which the paper's code uses, cuts off
// fewer, whole ones. For n = 2 it is the mean; for n = 3 the outer scores weigh a quarter of the middle one. It is -Inf if a NaN or -Inf
// is within the middle half, and NaN for n = 0.
func IQM(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	x = slices.Clone(x)
	for i, v := range x {
		x[i] = score(v)
	}
	return iqm(x)
}

// iqm is IQM of scores without NaN, which it sorts.
func iqm(x []float64) float64 {
	slices.Sort(x)
	n := float64(len(x))
	cut, sum := n/4, 0.0
	for i, v := range x {
		inside := min(float64(i+1), n-cut) - max(float64(i), cut)
		if inside <= 0 {
			continue
		}
		if math.IsInf(v, -1) {
			return v
		}
		sum += inside * v
	}
	return sum / (n / 2)
}

// score is v as scores are compared: NaN is -Inf.
func score(v float64) float64 {
	if v != v {
		return math.Inf(-1)
	}
	return v
}
