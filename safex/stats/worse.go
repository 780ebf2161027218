package stats

import "math"

// Worse tells whether the excess a is worse than b; NaN is worst.
func Worse(a, b float64) bool { return !math.IsNaN(b) && !(a <= b) }
