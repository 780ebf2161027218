package stats

import (
	"math"
	"slices"
)

// Improvement is the probability that a score drawn from x is higher than one drawn from y, where equal ones count a
// half: the statistic of Mann and Whitney (1947) over the number of pairs. A NaN is lower than every number, and equal to -Inf and
// other NaNs. It is NaN if x or y is empty.
func Improvement(x, y []float64) float64 {
	if len(x) == 0 || len(y) == 0 {
		return math.NaN()
	}
	sorted := make([]float64, len(y))
	for i, v := range y {
		sorted[i] = score(v)
	}
	slices.Sort(sorted)
	twice := 0 // of the pairs that are won
	for _, v := range x {
		below, _ := slices.BinarySearch(sorted, score(v))
		above := below
		for above < len(sorted) && sorted[above] == score(v) {
			above++
		}
		twice += below + above
	}
	return float64(twice) / 2 / (float64(len(x)) * float64(len(y)))
}
