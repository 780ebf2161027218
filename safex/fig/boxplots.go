package fig

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// BoxPlots show how a number spreads over runs: a mark for each run, and from five runs on Tukey's box with its median and its
// quartiles, whose whiskers end at the last run within one and a half boxes.
type BoxPlots struct {
	Title, X string // X is the label of the horizontal axis, with its unit
	Rows     []Box  // from the top
}

// A Box is a row of BoxPlots.
type Box struct {
	Name   string
	Method int
	Values []float64 // of the runs; none leaves the row empty
}

// fewest is the number of runs from which on there is a box.
const fewest = 5

func (b BoxPlots) plot() *plot.Plot {
	p := chart(b.Title, b.X, "")
	var names []string
	high, whole := 1.0, true
	for i, row := range b.Rows {
		names = append(names, row.Name)
		at, l := float64(len(b.Rows)-1-i), lookOf(row.Method)
		if len(row.Values) >= fewest {
			box, err := plotter.NewBoxPlot(vg.Points(13), at, plotter.Values(row.Values))
			if err != nil {
				panic(fmt.Sprintf("fig: %v", err)) // there are values, and all are numbers
			}
			box.Horizontal, box.FillColor, box.GlyphStyle.Radius = true, pale(l.color, 60), 0
			box.BoxStyle, box.MedianStyle, box.WhiskerStyle = l.line(1), l.line(2.4), l.line(1)
			box.BoxStyle.Dashes, box.MedianStyle.Dashes, box.WhiskerStyle.Dashes = nil, nil, nil
			p.Add(box)
		}
		for k, v := range row.Values {
			spread := 0.0 // so that equal ones can be seen
			if n := len(row.Values); n > 1 {
				spread = 0.44 * (float64(k)/float64(n-1) - 0.5)
			}
			scatter(p, l.glyph(2), plotter.XY{X: v, Y: at - spread})
			high, whole = max(high, v), whole && v == math.Trunc(v)
		}
	}
	named(p, names)
	p.X.Tick.Marker = ticks{whole: whole}
	p.X.Min, p.X.Max = -0.02*high, 1.04*high
	return p
}
