package fig

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// HorizontalBars are numbers of at least 0 as bars from the left, each with a text at its end.
type HorizontalBars struct {
	Title, X string
	Bars     []Bar    // from the top
	Texts    []string // as many
	Most     float64  // the horizontal axis goes as far, or as far as the bars do
}

func (s HorizontalBars) plot() *plot.Plot {
	p := chart(s.Title, s.X, "")
	if len(s.Texts) != len(s.Bars) {
		panic(fmt.Sprintf("fig: %d texts at the ends of %d bars", len(s.Texts), len(s.Bars)))
	}
	names, values := make([]string, len(s.Bars)), make(plotter.Values, len(s.Bars))
	var ends plotter.XYLabels
	most := s.Most
	for i, b := range s.Bars {
		names[i] = b.Name
		if k := len(s.Bars) - 1 - i; finite(b.Value) {
			values[k] = b.Value
			ends.XYs, ends.Labels = append(ends.XYs, plotter.XY{X: b.Value, Y: float64(k)}), append(ends.Labels, s.Texts[i])
			most = max(most, b.Value)
		}
	}
	if len(s.Bars) > 0 {
		c, err := plotter.NewBarChart(values, vg.Points(11))
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err)) // there is a bar, and all are numbers
		}
		c.Horizontal, c.Color, c.LineStyle = true, theme.measured, draw.LineStyle{}
		p.Add(c)
	}
	if len(ends.Labels) > 0 {
		t, err := plotter.NewLabels(ends)
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err)) // there are as many texts as points
		}
		t.Offset = vg.Point{X: 4}
		for i := range t.TextStyle {
			t.TextStyle[i] = remark
		}
		p.Add(t)
	}
	named(p, names)
	if most == 0 {
		most = 1
	}
	p.X.Min, p.X.Max = 0, 1.15*most // with room for the texts
	p.X.Tick.Marker = plot.ConstantTicks(ticks{}.Ticks(0, most))
	return p
}
