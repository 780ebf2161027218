package fig

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// coverColor is that of a cover: blue of a plan, yellow and brown of what is executed in its place, red of nothing. They differ in brightness
// too, so that the colour-blind can tell them apart.
func coverColor(c safex.Cover) color.Color {
	switch c {
	case safex.CoverPlanned:
		return color.RGBA{23, 78, 166, 255}
	case safex.CoverKernel:
		return color.RGBA{138, 182, 230, 255}
	case safex.CoverTail:
		return color.RGBA{240, 208, 96, 255}
	case safex.CoverBackup:
		return color.RGBA{198, 130, 30, 255}
	case safex.CoverNone:
		return theme.limit
	}
	return theme.grid
}

// covered tells whether a filter looked at a plan of the episode.
func covered(e safex.Episode) bool {
	return slices.ContainsFunc(e.Forecasts, func(f safex.Forecast) bool { return f.Cover != "" })
}

// coverStrip is a panel with the cover of each step and, above, what the colours are and how many steps have each.
func coverStrip(s *safex.System, e safex.Episode) *plot.Plot {
	p := panel("", "", "")
	p.Add(strip{s, e})
	p.HideAxes()
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, float64(len(e.Actions))*s.Dt, 0, 1
	return p
}

// A strip is the cover of each step over time.
type strip struct {
	s *safex.System
	e safex.Episode
}

// Plot implements plot.Plotter.
func (t strip) Plot(c draw.Canvas, p *plot.Plot) {
	fill := func(of color.Color, x0, x1, y0, y1 vg.Length) {
		c.FillPolygon(of, []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}})
	}
	fill(theme.paper, c.Min.X, c.Max.X, c.Min.Y, c.Max.Y) // over the grid
	at, _ := p.Transforms(&c)
	const tall = 9
	steps := map[safex.Cover]int{}
	for from := 0; from < len(t.e.Forecasts); {
		cover, to := t.e.Forecasts[from].Cover, from
		for ; to < len(t.e.Forecasts) && t.e.Forecasts[to].Cover == cover; to++ {
			steps[cover]++
		}
		fill(coverColor(cover), at(float64(from)*t.s.Dt), at(float64(to)*t.s.Dt), c.Min.Y, c.Min.Y+tall)
		from = to
	}
	x, y := c.Min.X, c.Min.Y+tall+5
	words := text.Style{Font: font.From(sans, vg.Points(9)), Color: theme.ink, Handler: plot.DefaultTextHandler}
	c.FillText(words, vg.Point{X: x, Y: y}, "cover:")
	x += words.Width("cover:") + 10
	for _, cover := range safex.Covers() {
		if n := steps[cover]; n > 0 {
			name := fmt.Sprintf("%s %d", cover, n)
			fill(coverColor(cover), x, x+14, y-1, y+7)
			c.FillText(words, vg.Point{X: x + 18, Y: y}, name)
			x += 18 + words.Width(name) + 14
		}
	}
}
