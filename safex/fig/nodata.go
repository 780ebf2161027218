package fig

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// noData says why a panel is empty, in its middle, and takes the numbers off an axis that has none. What is added to the panel later, as levels are, keeps
// its place.
func noData(p *plot.Plot, why string) {
	p.Y.Tick.Marker = plot.ConstantTicks(nil)
	p.Add(because(why))
}

// A because is a text in the middle of a panel.
type because string

// Plot implements plot.Plotter.
func (b because) Plot(c draw.Canvas, _ *plot.Plot) {
	words := textStyle(9)
	words.XAlign = draw.XCenter
	c.FillText(words, vg.Point{X: (c.Min.X + c.Max.X) / 2, Y: (c.Min.Y + c.Max.Y) / 2}, string(b))
}

var _ plot.Plotter = because("")
