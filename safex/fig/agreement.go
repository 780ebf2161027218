package fig

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Agreement is predictions against what was measured, with the line on which both are the same.
type Agreement struct {
	Title, X, Y         string
	Measured, Predicted []float64 // as many of each; what is not a number is left out
	Half                []float64 // half the height of a box around each prediction; nil for none
}

func (a Agreement) plot() *plot.Plot {
	if len(a.Measured) != len(a.Predicted) || a.Half != nil && len(a.Half) != len(a.Measured) {
		panic(fmt.Sprintf("fig: agreement of %d and %d numbers, with %d boxes", len(a.Measured), len(a.Predicted), len(a.Half)))
	}
	p := chart(a.Title, a.X, a.Y)
	var points []plotter.XY
	lo, hi := 0.0, 0.0
	for i, x := range a.Measured {
		y := a.Predicted[i]
		if !finite(x) || !finite(y) {
			continue
		}
		if a.Half != nil && finite(a.Half[i]) {
			line(p, "", []float64{x, x}, []float64{y - a.Half[i], y + a.Half[i]}, theme.bound, 1.6)
		}
		points = append(points, plotter.XY{X: x, Y: y})
		lo, hi = min(lo, x, y), max(hi, x, y)
	}
	if lo < hi {
		line(p, "", []float64{lo, hi}, []float64{lo, hi}, theme.ground, 1.2, vg.Points(4), vg.Points(3))
	}
	scatter(p, draw.GlyphStyle{Color: pale(theme.measured, 150), Radius: vg.Points(1.6), Shape: draw.CircleGlyph{}}, points...)
	if lo < hi { // a box that is far wider does not hide the rest
		room := 0.06 * (hi - lo)
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = lo-room, hi+room, lo-room, hi+room
	}
	return p
}
