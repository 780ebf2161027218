package fig

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
)

// Without a planned episode the axis of the return has no numbers, and says why.
func TestNoReturn(t *testing.T) {
	s := &safex.System{Task: safex.Task{Name: "none"}}
	e := safex.Episode{Phase: safex.RandomPhase, Trajectory: safex.Trajectory{Rewards: []float64{1}, Excess: [][]float64{nil}}}
	for _, f := range []*Figure{Learning(s, nil), Learning(s, []safex.Episode{e})} {
		if marks := f.panels[0].Y.Tick.Marker.Ticks(-1, 1); len(marks) > 0 {
			t.Errorf("its axis has %d numbers", len(marks))
		}
	}
	e.Phase = safex.PlannedPhase
	if f := Learning(s, []safex.Episode{e}); len(f.panels[0].Y.Tick.Marker.Ticks(-1, 1)) == 0 {
		t.Error("with a return it has none")
	}
}

// What is not a number draws no shape, and hides no other.
func TestSketchOfNoNumbers(t *testing.T) {
	at := func(shapes ...safex.Shape) image.Image {
		text, err := Panels("x").With(&Sketch{Left: -1, Right: 1, Bottom: -1, Top: 1, Shapes: shapes}).PNG()
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	good := safex.Box(safex.Ground, -0.5, -0.5, 0.5, 0.5)
	bad := safex.Box(safex.Ground, math.NaN(), -0.5, 0.5, math.Inf(1))
	if a, b := at(good).(*image.RGBA), at(bad, good).(*image.RGBA); !slices.Equal(a.Pix, b.Pix) {
		t.Error("a shape of no numbers is drawn")
	}
}
