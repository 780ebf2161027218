package fig

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// A path is the way through the plane, in the colour of the speed, over what does not move of the task's Picture.
type path struct {
	view
	x, y int // dimensions of the state
}

// place is where in the state the place in the Picture is: x and y or, in a plane that stands, x and z, in metres.
func place(s *safex.System) (x, y int, ok bool) {
	x, y = -1, -1
	for k, v := range s.State {
		switch {
		case v.Unit != "m":
		case v.Name == "x":
			x = k
		case v.Name == "y", v.Name == "z":
			y = k
		}
	}
	return x, y, s.Picture != nil && x >= 0 && y >= 0
}

// shadesOfSpeed are how many colours the key of a path has.
const shadesOfSpeed = 4

func (t path) plot() *plot.Plot {
	p := chart("", t.s.State[t.x].Label(), t.s.State[t.y].Label())
	rows := t.rows()
	pic := t.s.Picture
	if len(rows) > 0 {
		t.ground(p, rows[0], rows[len(rows)-1])
	}
	speed, fastest := t.speed(rows)
	shade := speedColors(fastest)
	for i, v := range speed {
		if finite(v) {
			a, b := rows[i], rows[i+1]
			line(p, "", []float64{a[t.x], b[t.x]}, []float64{a[t.y], b[t.y]}, shade(v), 2.4)
		}
	}
	if len(rows) > 0 && finite(rows[0][t.x]) && finite(rows[0][t.y]) {
		scatter(p, start, plotter.XY{X: rows[0][t.x], Y: rows[0][t.y]})
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = pic.Left, pic.Right, pic.Bottom, pic.Top
	return p
}

// rows are the states that really were.
func (t path) rows() [][]float64 {
	if t.e.Real != nil {
		return t.e.Real
	}
	return t.e.States
}

// speed is how fast each step was, in m/s, and the highest.
func (t path) speed(rows [][]float64) (speed []float64, fastest float64) {
	speed = make([]float64, max(0, len(rows)-1))
	for i := range speed {
		speed[i] = math.Hypot(rows[i+1][t.x]-rows[i][t.x], rows[i+1][t.y]-rows[i][t.y]) / t.s.Dt
		if finite(speed[i]) {
			fastest = max(fastest, speed[i])
		}
	}
	return speed, fastest
}

// start marks the first place.
var start = draw.GlyphStyle{Color: theme.ink, Radius: vg.Points(3.5), Shape: draw.RingGlyph{}}

// key says what the colours are.
func (t path) key() []Key {
	keys := []Key{{Name: "start", thumb: []plot.Thumbnailer{&plotter.Scatter{GlyphStyle: start}}}}
	_, fastest := t.speed(t.rows())
	shade := speedColors(fastest)
	for k := range shadesOfSpeed {
		v := fastest * float64(k) / (shadesOfSpeed - 1)
		keys = append(keys, Key{Name: fmt.Sprintf("way at %.2g m/s", v), thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: draw.LineStyle{Color: shade(v), Width: vg.Points(2.4)}}}})
	}
	return keys
}

// ground draws the shapes of the Picture that are the same in the first state and in the last.
func (t path) ground(p *plot.Plot, first, last []float64) {
	still := make([]float64, len(t.s.Action))
	after := t.s.Picture.Draw(last, still)
	for _, shape := range t.s.Picture.Draw(first, still) {
		moved := !slices.ContainsFunc(after, func(s safex.Shape) bool { return slices.Equal(s.Points, shape.Points) })
		if moved || shape.Role != safex.Ground && shape.Role != safex.Forbidden && shape.Role != safex.Rewarded {
			continue
		}
		var xs, ys []float64
		var points plotter.XYs
		for _, q := range shape.Points {
			xs, ys, points = append(xs, q[0]), append(ys, q[1]), append(points, plotter.XY{X: q[0], Y: q[1]})
		}
		if !shape.Filled {
			line(p, "", xs, ys, lineColor(shape.Role), 1.5)
			continue
		}
		if area, err := plotter.NewPolygon(points); err == nil { // of one that is no number nothing is drawn
			area.Color, area.LineStyle.Width = areaColor(shape.Role), 0
			p.Add(area)
		}
	}
}

// even says that a metre is as long across as up.
func (path) even() {}

// speedColors are colours from 0 to the fastest, the lighter the faster.
func speedColors(fastest float64) func(v float64) color.Color {
	m, err := moreland.NewLuminance([]color.Color{theme.ink, theme.measured, theme.edge})
	if err != nil {
		panic(fmt.Sprintf("fig: %v", err)) // their luminance rises
	}
	m.SetMin(0)
	m.SetMax(max(fastest, 1e-9))
	return func(v float64) color.Color {
		c, err := m.At(min(max(v, 0), m.Max()))
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err)) // it is in the range
		}
		return c
	}
}

// evened widens the range of one axis of p, so that a unit is as long on both when they have the given size.
func evened(p *plot.Plot, size vg.Point) {
	wide, high := p.X.Max-p.X.Min, p.Y.Max-p.Y.Min
	if more := high*float64(size.X/size.Y) - wide; more > 0 {
		p.X.Min, p.X.Max = p.X.Min-more/2, p.X.Max+more/2
		return
	}
	more := wide*float64(size.Y/size.X) - high
	p.Y.Min, p.Y.Max = p.Y.Min-more/2, p.Y.Max+more/2
}
