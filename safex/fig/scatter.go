package fig

import (
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Scatter is methods by two numbers, of which the first is a time that a run may never come to: it is then +Inf, and drawn at the right edge,
// which is marked so.
type Scatter struct {
	Title, X, Y string
	Points      []Point
	Never       string // what it is called at the edge that a run never came to it, as in "not in 10"
}

// A Point is a method, with its runs as small marks.
type Point struct {
	Name         string
	Method       int
	X, XLo, XHi  float64 // with the interval, without width if there is none; +Inf is never
	Y, YLo, YHi  float64
	RunsX, RunsY []float64 // of the runs
}

// latest is the last time that a run or the interval of a method has come to, and whether one never has.
func (s Scatter) latest() (last float64, never bool) {
	last = 1
	for _, q := range s.Points {
		for _, x := range append([]float64{q.X, q.XLo, q.XHi}, q.RunsX...) {
			if math.IsInf(x, 1) {
				never = true
			} else if finite(x) {
				last = max(last, x)
			}
		}
	}
	return last, never
}

func (s Scatter) plot() *plot.Plot {
	p := chart(s.Title, s.X, s.Y)
	marks := labels{}
	high := 1.0
	last, never := s.latest()
	edge := last + max(1, 0.3*last) // where never is
	at := func(x float64) float64 { return min(x, edge) }
	for _, q := range s.Points {
		l := lookOf(q.Method)
		for i, x := range q.RunsX {
			style := draw.GlyphStyle{Color: pale(l.color, 110), Radius: vg.Points(1.8), Shape: l.mark}
			scatter(p, style, plotter.XY{X: at(x), Y: q.RunsY[i]})
			marks.bars = append(marks.bars, [4]float64{at(x), at(x), q.RunsY[i], q.RunsY[i]})
			high = max(high, q.RunsY[i])
		}
	}
	for _, q := range s.Points {
		l := lookOf(q.Method)
		middle := plotter.XY{X: at(q.X), Y: q.Y}
		cross(p, l, middle, at(q.XLo), at(q.XHi), q.YLo, q.YHi)
		scatter(p, l.glyph(4), middle)
		marks.at, marks.texts, marks.looks = append(marks.at, middle), append(marks.texts, q.Name), append(marks.looks, l)
		marks.bars = append(marks.bars, [4]float64{at(q.XLo), at(q.XHi), q.Y, q.Y}, [4]float64{middle.X, middle.X, q.YLo, q.YHi})
		high = max(high, q.YHi)
	}
	p.Add(marks.together(0.02*(edge+1), 0.03*high))
	p.X.Min, p.X.Max = 0, last+1
	p.Y.Min, p.Y.Max = -0.07*high, 1.12*high
	p.X.Tick.Marker = ticks{whole: true}
	if never {
		p.X.Max = 1.1 * edge
		border := (last + edge) / 2
		line(p, "", []float64{border, border}, []float64{p.Y.Min, p.Y.Max}, theme.ground, 1, vg.Points(2), vg.Points(3))
		times := ticks{whole: true}.Ticks(0, last)
		p.X.Tick.Marker = plot.ConstantTicks(append(times, plot.Tick{Value: edge, Label: s.Never}))
	}
	return p
}

// interval is a point with the ends of its interval, for error bars.
type interval struct {
	plotter.XYs
	low, high float64
}

// These implement plotter.XErrorer and plotter.YErrorer.
func (v interval) XError(int) (lo, hi float64) { return v.XYs[0].X - v.low, v.high - v.XYs[0].X }
func (v interval) YError(int) (lo, hi float64) { return v.XYs[0].Y - v.low, v.high - v.XYs[0].Y }

// cross draws the intervals of a point; those without width are left out.
func cross(p *plot.Plot, l look, at plotter.XY, xlo, xhi, ylo, yhi float64) {
	if xlo < xhi {
		if bars, err := plotter.NewXErrorBars(interval{plotter.XYs{at}, xlo, xhi}); err == nil {
			bars.LineStyle, bars.CapWidth = l.line(1.2), vg.Points(5)
			bars.LineStyle.Dashes = nil
			p.Add(bars)
		}
	}
	if ylo < yhi {
		if bars, err := plotter.NewYErrorBars(interval{plotter.XYs{at}, ylo, yhi}); err == nil {
			bars.LineStyle, bars.CapWidth = l.line(1.2), vg.Points(5)
			bars.LineStyle.Dashes = nil
			p.Add(bars)
		}
	}
}

// labels are texts at points, each where it covers the least of the others. A text of several lines is of points that lie on each other, one line for each
// with its mark, as nobody sees which lines would lead to which.
type labels struct {
	at    plotter.XYs
	texts []string
	looks []look
	bars  [][4]float64 // what they are not to cover: from left to right and from bottom to top
	piled [][]look     // of the lines of a text; nil of a text of one
}

// together makes one text of those of points that are no further apart than that in each direction.
func (l labels) together(dx, dy float64) labels {
	one := labels{bars: l.bars}
	for i, q := range l.at {
		k := slices.IndexFunc(one.at, func(o plotter.XY) bool { return math.Abs(o.X-q.X) <= dx && math.Abs(o.Y-q.Y) <= dy })
		if k < 0 {
			one.at, one.texts, one.looks, one.piled = append(one.at, q), append(one.texts, l.texts[i]), append(one.looks, l.looks[i]), append(one.piled, nil)
			continue
		}
		if one.piled[k] == nil {
			one.piled[k] = []look{one.looks[k]}
		}
		one.texts[k] += "\n" + l.texts[i]
		one.piled[k] = append(one.piled[k], l.looks[i])
		one.looks[k].color = theme.ink
	}
	return one
}

// markWide is room for the mark before a line of several, and lineHigh the height of one.
const markWide, lineHigh = vg.Length(11), vg.Length(10)

// size is how much room text i takes.
func (l labels) size(i int) (wide, high vg.Length) {
	lines := strings.Split(l.texts[i], "\n")
	for _, text := range lines {
		wide = max(wide, remark.Width(text))
	}
	if len(lines) > 1 {
		wide += markWide
	}
	return wide, lineHigh * vg.Length(len(lines))
}

// Plot implements plot.Plotter.
func (l labels) Plot(c draw.Canvas, p *plot.Plot) {
	places := l.place(c, p)
	for i, q := range places {
		if q.leads() {
			c.StrokeLine2(draw.LineStyle{Color: pale(l.looks[i].color, 200), Width: vg.Points(0.8)}, q.from.X, q.from.Y, q.to.X, q.to.Y)
		}
	}
	for i, q := range places {
		at := vg.Point{X: q.text.Min.X, Y: q.text.Max.Y - lineHigh/2}
		for k, text := range strings.Split(l.texts[i], "\n") {
			beside := at
			if l.piled != nil && l.piled[i] != nil {
				c.DrawGlyph(l.piled[i][k].glyph(3), vg.Point{X: at.X + markWide/3, Y: at.Y})
				beside.X += markWide
			}
			c.FillText(remark, beside, text)
			at.Y -= lineHigh
		}
	}
}

// gap is between a mark and the text beside it.
const gap = 6

// A label is where a text is, with the line to it from its point.
type label struct {
	text     vg.Rectangle
	from, to vg.Point
}

// leads tells whether the line is drawn.
func (q label) leads() bool {
	return math.Hypot(float64(q.to.X-q.from.X), float64(q.to.Y-q.from.Y)) > 2*gap
}

// place puts each text where it costs the least beside the others; as the first ones do not know where the last ones will be, all are put
// again some times.
func (l labels) place(c draw.Canvas, p *plot.Plot) []label {
	x, y := p.Transforms(&c)
	var points []vg.Point
	for _, q := range l.at {
		points = append(points, vg.Point{X: x(q.X), Y: y(q.Y)})
	}
	var bars []vg.Rectangle
	for _, b := range l.bars {
		bars = append(bars, vg.Rectangle{Min: vg.Point{X: x(b[0]) - 2, Y: y(b[2]) - 2}, Max: vg.Point{X: x(b[1]) + 2, Y: y(b[3]) + 2}})
	}
	var places []label
	for range 6 {
		for i := range l.texts {
			o := points[i]
			wide, high := l.size(i)
			best, least := label{}, math.Inf(1)
			for ring := range 14 {
				far := gap + vg.Length(ring)*8
				for _, way := range ways {
					corner := vg.Point{X: o.X + way.X*far - (1-way.X)/2*wide, Y: o.Y + way.Y*far - high/2}
					corner = within(corner, wide, high, c.Rectangle) // where there is little room, a line leads to it
					r := vg.Rectangle{Min: corner, Max: vg.Point{X: corner.X + wide, Y: corner.Y + high}}
					q := label{r, o, nearest(o, r)}
					cost := 0.5 * float64(ring) // a text far away is nobody's
					for _, b := range bars {
						cost += float64(overlap(r, b)) / 5
						if q.leads() && enters(q.from, q.to, b) && nearest(o, b) != o {
							cost++
						}
					}
					if out := 1 - float64(overlap(r, c.Rectangle)/(wide*high)); out > 1e-9 {
						cost += 8 + 10*out
					}
					for k, other := range points {
						cost += q.near(other)
						if k < len(places) && k != i {
							cost += q.beside(places[k])
						}
					}
					if cost < least-1e-9 {
						best, least = q, cost
					}
				}
			}
			if i < len(places) {
				places[i] = best
			} else {
				places = append(places, best)
			}
		}
	}
	return places
}

// within is the corner of a rectangle of a size that is moved into r, as far as it fits.
func within(corner vg.Point, wide, high vg.Length, r vg.Rectangle) vg.Point {
	return vg.Point{
		X: max(r.Min.X, min(corner.X, r.Max.X-wide)),
		Y: max(r.Min.Y, min(corner.Y, r.Max.Y-high)),
	}
}

// ways are the directions from a point to the middle of its text, the best first.
var ways = []vg.Point{{X: 1}, {X: 1, Y: 1}, {X: 1, Y: -1}, {Y: 1}, {Y: -1}, {X: -1}, {X: -1, Y: 1}, {X: -1, Y: -1},
	{X: 1, Y: 0.5}, {X: 1, Y: -0.5}, {X: 0.5, Y: 1}, {X: 0.5, Y: -1}, {X: -0.5, Y: 1}, {X: -0.5, Y: -1}, {X: -1, Y: 0.5}, {X: -1, Y: -0.5}}

// near is what it costs that the text covers a mark, or seems to be that of another.
func (q label) near(mark vg.Point) (cost float64) {
	around := func(by vg.Length) vg.Rectangle {
		return vg.Rectangle{Min: vg.Point{X: mark.X - by, Y: mark.Y - by}, Max: vg.Point{X: mark.X + by, Y: mark.Y + by}}
	}
	cost = float64(overlap(q.text, around(4))) / 5
	switch away := math.Hypot(float64(mark.X-q.from.X), float64(mark.Y-q.from.Y)); {
	case away < 1:
		return cost // its own, or one at the same place
	case away < 3*gap && !q.leads():
		cost += 3
	case away >= 3*gap && overlap(q.text, around(2*gap)) > 0:
		cost += 3
	}
	if q.leads() && enters(q.from, q.to, around(4)) {
		cost += 3
	}
	return cost
}

// beside is what it costs that the text or its line is where another's is.
func (q label) beside(other label) (cost float64) {
	wider := vg.Rectangle{Min: vg.Point{X: other.text.Min.X - gap, Y: other.text.Min.Y}, Max: vg.Point{X: other.text.Max.X + gap, Y: other.text.Max.Y}}
	cost = float64(overlap(q.text, wider)) / 5
	if q.leads() && enters(q.from, q.to, other.text) {
		cost += 4
	}
	if other.leads() && enters(other.from, other.to, q.text) {
		cost += 4
	}
	if q.leads() && other.leads() && crossed(q.from, q.to, other.from, other.to) {
		cost += 4
	}
	return cost
}

// overlap is the area that two rectangles share.
func overlap(a, b vg.Rectangle) vg.Length {
	wide, high := min(a.Max.X, b.Max.X)-max(a.Min.X, b.Min.X), min(a.Max.Y, b.Max.Y)-max(a.Min.Y, b.Min.Y)
	if wide <= 0 || high <= 0 {
		return 0
	}
	return wide * high
}

// nearest is the point of r nearest to p.
func nearest(p vg.Point, r vg.Rectangle) vg.Point {
	return vg.Point{X: min(max(p.X, r.Min.X), r.Max.X), Y: min(max(p.Y, r.Min.Y), r.Max.Y)}
}

// enters tells whether the line from a to b has a point within r.
func enters(a, b vg.Point, r vg.Rectangle) bool {
	from, to := 0.0, 1.0 // the part of the line that may be within
	between := func(at, end, low, high vg.Length) {
		if at == end {
			if at <= low || at >= high {
				to = 0
			}
			return
		}
		one, two := float64((low-at)/(end-at)), float64((high-at)/(end-at))
		from, to = max(from, min(one, two)), min(to, max(one, two))
	}
	between(a.X, b.X, r.Min.X, r.Max.X)
	between(a.Y, b.Y, r.Min.Y, r.Max.Y)
	return from < to
}

// crossed tells whether the inner parts of the lines from a to b and from c to d have a point in common.
func crossed(a, b, c, d vg.Point) bool {
	side := func(p, q, r vg.Point) vg.Length { return (q.X-p.X)*(r.Y-p.Y) - (q.Y-p.Y)*(r.X-p.X) }
	return side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0
}
