package fig

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// Curves are lines of several methods over whole numbers, such as episodes.
type Curves struct {
	Title, X, Y string // the latter two are labels of axes, with their units
	Lines       []Curve
	Zero        bool // the vertical axis begins at 0, so that what hardly changes looks so
}

// A Curve is a line of a method, with its band. Gaps between runs of numbers stay empty.
type Curve struct {
	Method int
	X, Y   []float64 // as many of each
	Lo, Hi []float64 // band over the same X; nil for none
}

// plot draws the curves, bands below all lines.
func (c Curves) plot() *plot.Plot {
	p := chart(c.Title, c.X, c.Y)
	p.X.Tick.Marker = ticks{whole: true}
	for _, l := range c.Lines {
		if len(l.Y) != len(l.X) || l.Lo != nil && (len(l.Lo) != len(l.X) || len(l.Hi) != len(l.X)) {
			panic(fmt.Sprintf("fig: curve of method %d of %d and %d numbers, with a band of %d and %d", l.Method, len(l.X), len(l.Y), len(l.Lo), len(l.Hi)))
		}
		if l.Lo != nil {
			band(p, "", l.X, l.Lo, l.Hi, pale(lookOf(l.Method).color, 46))
		}
	}
	for _, l := range c.Lines {
		marked(p, lookOf(l.Method), l.X, l.Y)
	}
	roomy(p, 0.05, 0.05)
	if c.Zero {
		p.Y.Min = 0
	}
	if !(p.X.Min < p.X.Max) {
		p.X.Min, p.X.Max = p.X.Min-0.5, p.X.Max+0.5
	}
	return p
}

// marked is a line with a mark at each number.
func marked(p *plot.Plot, l look, xs, ys []float64) {
	line(p, "", xs, ys, l.color, 1.8, l.dashes...)
	for i, y := range ys {
		if finite(y) {
			scatter(p, l.glyph(3), plotter.XY{X: xs[i], Y: y})
		}
	}
}
