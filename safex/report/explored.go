package report

import (
	"cmp"
	"slices"
)

// explored is the area of the convex hull of states of two dimensions, in the product of their units; 0 of states of other dimensions, whose
// volume nobody reads. It gives back the corners of the hull, which are what a later call needs of these states.
func explored(states [][]float64) (area float64, corners [][]float64) {
	if len(states) == 0 || len(states[0]) != 2 || slices.ContainsFunc(states, func(x []float64) bool { return x[0]-x[0] != 0 || x[1]-x[1] != 0 }) {
		return 0, nil
	}
	sorted := slices.Clone(states)
	slices.SortFunc(sorted, func(a, b []float64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	for range 2 { // the lower side, and then the upper one (Andrew, 1979)
		var side [][]float64
		for _, x := range sorted {
			for len(side) > 1 && turn(side[len(side)-2], side[len(side)-1], x) <= 0 {
				side = side[:len(side)-1]
			}
			side = append(side, x)
		}
		corners = append(corners, side[:max(1, len(side)-1)]...)
		slices.Reverse(sorted)
	}
	for i := 1; i+1 < len(corners); i++ {
		area += turn(corners[0], corners[i], corners[i+1]) / 2
	}
	return area, corners
}

// turn is twice the area of a triangle, above 0 if it goes anticlockwise.
func turn(a, b, c []float64) float64 { return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0]) }
