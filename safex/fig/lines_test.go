package fig

import (
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
)

// The median and the quartiles lie between sorted numbers as far as they do, and a NaN leaves a gap.
func TestMedian(t *testing.T) {
	l := Median("m", []float64{1, 2, 3, 4, 5}, [][]float64{{3, 1, 2}, {1, 2}, {7}, {1, math.NaN(), 2}, nil})
	for i, want := range [][3]float64{{1.5, 2, 2.5}, {1.25, 1.5, 1.75}, {7, 7, 7}} {
		if got := [3]float64{l.Lo[i], l.Y[i], l.Hi[i]}; got != want {
			t.Errorf("sample %d: %v, want %v", i, got, want)
		}
	}
	if !math.IsNaN(l.Y[3]) || !math.IsNaN(l.Lo[4]) {
		t.Errorf("no gap at a NaN and at nothing: %v, %v", l.Y, l.Lo)
	}
	defer func() {
		if recover() == nil {
			t.Error("two samples at one place")
		}
	}()
	Median("", []float64{1}, [][]float64{{1}, {2}})
}

// Every number is in one bin, on either side of 0.
func TestStairs(t *testing.T) {
	l := Stairs("n", []float64{-0.1, 0, 0.4, 0.6, math.NaN(), math.Inf(1)}, 0.5)
	if want := []float64{-0.5, 0, 0, 0.5, 0.5, 1}; !slices.Equal(l.X, want) {
		t.Errorf("bins %v, want %v", l.X, want)
	}
	if want := []float64{1, 1, 2, 2, 1, 1}; !slices.Equal(l.Y, want) || !slices.Equal(l.Hi, want) {
		t.Errorf("counts %v, want %v", l.Y, want)
	}
	if l := Stairs("", nil, 1); len(l.X) != 0 {
		t.Errorf("bins of nothing: %v", l.X)
	}
	defer func() {
		if recover() == nil {
			t.Error("a width of 0")
		}
	}()
	Stairs("", nil, 0)
}

// A trajectory is drawn over seconds, in its own dimension.
func TestOver(t *testing.T) {
	s := &safex.System{Task: safex.Task{Dt: 0.5}}
	l := Line{Name: "way"}.Over(s, safex.Trajectory{States: [][]float64{{1, 2}, {3, 4}}}, 1)
	if !slices.Equal(l.X, []float64{0, 0.5}) || !slices.Equal(l.Y, []float64{2, 4}) || l.Name != "way" {
		t.Errorf("it is %v", l)
	}
}

// Plain lines have the colours of their order whatever stands between them, and what a line stands for has its own everywhere.
func TestLooks(t *testing.T) {
	p := panel("", "", "")
	xs := []float64{0, 1}
	keys := drawn(p, []Line{{Name: "a", X: xs, Y: xs}, {Name: "r", X: xs, Y: xs, Look: Real}, {Name: "b", X: xs, Y: xs, Dots: true}, {X: xs, Y: xs}})
	if len(keys) != 3 {
		t.Fatalf("%d keys of three names", len(keys))
	}
	if a, b := (Line{}).style(1), (Line{Look: Mean}).style(1); a.Color != series(1) || b.Color != theme.mean {
		t.Errorf("colours %v and %v", a.Color, b.Color)
	}
	for k, want := range []int{1, 1, 2} {
		if got := len(keys[k].thumb); got != want {
			t.Errorf("key %s has %d parts, want %d", keys[k].Name, got, want)
		}
	}
}
