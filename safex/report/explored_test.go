package report

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// What was explored is the area of the hull, however the states come, and taking in the corners of some states is taking in all of them.
func TestExplored(t *testing.T) {
	square := [][]float64{{0, 0}, {1, 2}, {0.5, 1}, {1, 0}, {0, 2}, {0, 1}, {1, 2}}
	if area, corners := explored(square); area != 2 || len(corners) != 4 {
		t.Errorf("the area is %v, of the corners %v", area, corners)
	}
	for _, none := range [][][]float64{nil, {{1, 2}}, {{0, 0}, {1, 1}, {2, 2}}, {{1, 2, 3}, {2, 3, 1}, {0, 0, 1}}, {{0, 0}, {1, 0}, {math.NaN(), 1}}} {
		if area, _ := explored(none); area != 0 {
			t.Errorf("%v have the area %v", none, area)
		}
	}
	r := rng.New(1).Rand()
	var all [][]float64
	for range 300 {
		all = append(all, []float64{r.NormFloat64(), 3 * r.NormFloat64()})
	}
	whole, _ := explored(all)
	part, corners := explored(all[:150])
	if rest, _ := explored(append(corners, all[150:]...)); math.Abs(rest-whole) > 1e-12 || !(part < whole) {
		t.Errorf("in two parts the area is %v, then %v, and at once %v", part, rest, whole)
	}
}
