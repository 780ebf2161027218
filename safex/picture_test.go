package safex_test

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
)

// corner is the point of a shape that is farthest along a direction.
func corner(s safex.Shape, dx, dy float64) (best [2]float64) {
	far := math.Inf(-1)
	for _, p := range s.Points {
		if d := dx*p[0] + dy*p[1]; d > far {
			far, best = d, p
		}
	}
	return best
}

// A shape reaches where it says, and Place turns it anticlockwise before it moves it.
func TestShapes(t *testing.T) {
	for _, c := range []struct {
		name   string
		shape  safex.Shape
		dx, dy float64
		want   [2]float64
	}{
		{"the tip of an arrow", safex.Arrow(safex.Command, [2]float64{1, 2}, [2]float64{4, 6}, 0.5), 3, 4, [2]float64{4, 6}},
		{"a short arrow", safex.Arrow(safex.Command, [2]float64{1, 0}, [2]float64{0.9, 0}, 1), -1, 0, [2]float64{0.9, 0}},
		{"a box", safex.Box(safex.Body, 1, 2, 3, 4), 1, 1, [2]float64{3, 4}},
		{"a turned box", safex.Box(safex.Body, 0, 0, 2, 1).Place(5, 0, math.Pi/2), -1, 1, [2]float64{4, 2}},
		{"a disk", safex.Disk(safex.Body, 1, 1, 2), 0, 1, [2]float64{1, 3}},
		{"the end of an arc", safex.Arc(safex.Body, 0, 0, 2, 0, math.Pi/4), 0, 1, [2]float64{math.Sqrt2, math.Sqrt2}},
		{"a slice", safex.Sector(safex.Body, 1, 1, 0, 2, 0, math.Pi/2), -1, -1, [2]float64{1, 1}},
	} {
		if got := corner(c.shape, c.dx, c.dy); math.Hypot(got[0]-c.want[0], got[1]-c.want[1]) > 1e-12 {
			t.Errorf("%s reaches to %v, want %v", c.name, got, c.want)
		}
	}
}
