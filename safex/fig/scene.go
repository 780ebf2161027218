package fig

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// scene draws a picture into c. Shapes with a point that is no number are left out. If all of the body is out of
// sight, an arrowhead at the edge points to where it is. The frame has the colour of the limit if one is broken.
func scene(c draw.Canvas, p *safex.Picture, f frame) {
	scale := c.Size().X / vg.Length(p.Right-p.Left)
	var body []vg.Point
	seen := false // of the body
	for _, shape := range p.Draw(f.x, f.u) {
		var points []vg.Point
		for _, q := range shape.Points {
			if !finite(q[0]) || !finite(q[1]) {
				points = nil
				break
			}
			points = append(points, vg.Point{X: c.Min.X + near(vg.Length(q[0]-p.Left)*scale), Y: c.Min.Y + near(vg.Length(q[1]-p.Bottom)*scale)})
		}
		if shape.Role == safex.Body {
			body = append(body, points...)
			seen = seen || len(c.ClipPolygonXY(points)) > 0
		}
		if shape.Filled {
			c.FillPolygon(areaColor(shape.Role), c.ClipPolygonXY(points))
		} else {
			c.StrokeLines(draw.LineStyle{Color: lineColor(shape.Role), Width: lineWidth(shape.Role)}, c.ClipLinesXY(points)...)
		}
	}
	if !seen && len(body) > 0 {
		pointAt(c, body[0])
	}
	edge := draw.LineStyle{Color: theme.grid, Width: vg.Points(1)}
	if f.broken {
		edge = draw.LineStyle{Color: theme.limit, Width: vg.Points(2)}
	}
	c.StrokeLines(edge, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}, c.Min, {X: c.Max.X, Y: c.Min.Y}})
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
