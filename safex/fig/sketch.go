package fig

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Sketch is shapes in a window, in the units of a safex.Picture.
type Sketch struct {
	Left, Right, Bottom, Top float64
	Pale                     []safex.Shape // behind, such as where a body will be
	Shapes                   []safex.Shape // from back to front
	Broken                   bool          // the frame has the colour of a limit
}

// sketchWide is how much of the width of a figure a sketch gets.
const sketchWide = 8 * vg.Centimeter

// With puts a sketch to the left of the panels, if it is not nil, and sentences below. It changes f, and returns it.
func (f *Figure) With(s *Sketch, notes ...string) *Figure {
	if s != nil {
		f.sketch = s
		f.width += sketchWide
		f.height = max(f.height, sketchWide*vg.Length((s.Top-s.Bottom)/(s.Right-s.Left))+3*pad)
	}
	if len(notes) > 0 {
		f.height += pad
	}
	if len(notes) > 0 || f.keys != nil { // a Grid has its own
		f.fit(notes)
	}
	return f
}

// draw draws the sketch at the left of c, and returns what is left of it.
func (s *Sketch) draw(c draw.Canvas) draw.Canvas {
	high := sketchWide * vg.Length((s.Top-s.Bottom)/(s.Right-s.Left))
	top := c.Max.Y
	s.paint(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: top - high}, Max: vg.Point{X: c.Min.X + sketchWide, Y: top}}})
	return draw.Crop(c, sketchWide+pad, 0, 0, 0)
}

// paint draws the shapes into c. Those with a point that is no number are left out. If all of the body is out of sight, an arrowhead at
// the edge points to where it is.
func (s *Sketch) paint(c draw.Canvas) {
	scale := c.Size().X / vg.Length(s.Right-s.Left)
	place := func(shape safex.Shape) (points []vg.Point) {
		for _, q := range shape.Points {
			if !finite(q[0]) || !finite(q[1]) {
				return nil
			}
			points = append(points, vg.Point{X: c.Min.X + near(vg.Length(q[0]-s.Left)*scale), Y: c.Min.Y + near(vg.Length(q[1]-s.Bottom)*scale)})
		}
		return points
	}
	stroke := func(shape safex.Shape, points []vg.Point, area, line color.Color) {
		if shape.Filled {
			c.FillPolygon(area, c.ClipPolygonXY(points))
		} else {
			c.StrokeLines(draw.LineStyle{Color: line, Width: lineWidth(shape.Role)}, c.ClipLinesXY(points)...)
		}
	}
	for _, shape := range s.Pale {
		faint := pale(areaColor(shape.Role), 36)
		stroke(shape, place(shape), faint, faint)
	}
	var body []vg.Point
	seen := false // of the body
	for _, shape := range s.Shapes {
		points := place(shape)
		if shape.Role == safex.Body {
			body = append(body, points...)
			seen = seen || len(c.ClipPolygonXY(points)) > 0
		}
		stroke(shape, points, areaColor(shape.Role), lineColor(shape.Role))
	}
	if !seen && len(body) > 0 {
		pointAt(c, body[0])
	}
	edge := draw.LineStyle{Color: theme.grid, Width: vg.Points(1)}
	if s.Broken {
		edge = draw.LineStyle{Color: theme.limit, Width: vg.Points(2)}
	}
	c.StrokeLines(edge, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}, c.Min, {X: c.Max.X, Y: c.Min.Y}})
}
