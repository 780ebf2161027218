package fig

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// scene draws a picture into c, in the state of a frame. The frame around it has the colour of the limit if one is broken.
func scene(c draw.Canvas, p *safex.Picture, f frame) {
	(&Sketch{Left: p.Left, Right: p.Right, Bottom: p.Bottom, Top: p.Top, Shapes: p.Draw(f.x, f.u), Broken: f.broken}).paint(c)
}

// pointAt draws an arrowhead inside c, as near to a point outside as it can be.
func pointAt(c draw.Canvas, p vg.Point) {
	const size = 9
	at := vg.Point{X: min(max(p.X, c.Min.X+size), c.Max.X-size), Y: min(max(p.Y, c.Min.Y+size), c.Max.Y-size)}
	way := p.Sub(at)
	way = way.Scale(size / vg.Length(math.Hypot(float64(way.X), float64(way.Y))))
	side := vg.Point{X: -way.Y, Y: way.X}.Scale(0.7)
	c.FillPolygon(areaColor(safex.Body), []vg.Point{at.Add(way.Scale(0.8)), at.Sub(way.Scale(0.6)).Add(side), at.Sub(way.Scale(0.6)).Sub(side)})
}

// near keeps what is far out of sight from overflowing.
func near(v vg.Length) vg.Length { return min(max(v, -1e5), 1e5) }

func areaColor(r safex.Role) color.Color {
	switch r {
	case safex.Body:
		return theme.measured
	case safex.Ground:
		return theme.ground
	case safex.Forbidden:
		return theme.beyond
	case safex.Rewarded:
		return theme.rewarded
	case safex.Command:
		return theme.action
	}
	return theme.ink
}

// lineColor is the colour of an area, but that the border of what is forbidden is the limit itself.
func lineColor(r safex.Role) color.Color {
	if r == safex.Forbidden {
		return theme.limit
	}
	return areaColor(r)
}

func lineWidth(r safex.Role) vg.Length {
	if r == safex.Body || r == safex.Command {
		return vg.Points(2.5)
	}
	return vg.Points(1.5)
}
