package fig

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Frontier is what is given up of one number for another, as a setting goes from its lowest value to its highest: points that are joined in their order.
type Frontier struct {
	Title, X, Y string
	Points      []Point // of which each X and Y is finite
	Level       float64 // of X that is marked; 0 is none
	Apart       []int   // points, by their number, that are not joined to the one before
}

func (f Frontier) plot() *plot.Plot {
	p := chart(f.Title, f.X, f.Y)
	var xs, ys []float64
	marks := labels{}
	for i, q := range f.Points {
		if slices.Contains(f.Apart, i) {
			line(p, "", xs, ys, theme.ground, 1.2)
			xs, ys = nil, nil
		}
		xs, ys = append(xs, q.X), append(ys, q.Y)
		l := lookOf(q.Method)
		for i, x := range q.RunsX {
			scatter(p, draw.GlyphStyle{Color: pale(l.color, 110), Radius: vg.Points(1.8), Shape: l.mark}, plotter.XY{X: x, Y: q.RunsY[i]})
			marks.bars = append(marks.bars, [4]float64{x, x, q.RunsY[i], q.RunsY[i]})
		}
	}
	line(p, "", xs, ys, theme.ground, 1.2)
	for _, q := range f.Points {
		l, at := lookOf(q.Method), plotter.XY{X: q.X, Y: q.Y}
		cross(p, l, at, q.XLo, q.XHi, q.YLo, q.YHi)
		scatter(p, l.glyph(4), at)
		marks.at, marks.texts, marks.looks = append(marks.at, at), append(marks.texts, q.Name), append(marks.looks, l)
		marks.bars = append(marks.bars, [4]float64{q.XLo, q.XHi, q.Y, q.Y}, [4]float64{q.X, q.X, q.YLo, q.YHi})
	}
	p.Add(marks)
	if f.Level != 0 {
		p.X.Min, p.X.Max = math.Min(p.X.Min, f.Level), math.Max(p.X.Max, f.Level)
	}
	roomy(p, 0.12, 0.12)
	wide := p.X.Max - p.X.Min
	p.X.Min, p.X.Max = p.X.Min-0.1*wide, p.X.Max+0.1*wide
	if f.Level != 0 {
		line(p, "", []float64{f.Level, f.Level}, []float64{p.Y.Min, p.Y.Max}, theme.limit, 1.2, vg.Points(6), vg.Points(3))
	}
	return p
}
