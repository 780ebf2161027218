package fig

import (
	"math"

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
			} else if real(x) {
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
	p.Add(marks)
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

// labels are texts at points, each where it covers the least of the others.
type labels struct {
	at    plotter.XYs
	texts []string
	looks []look
	bars  [][4]float64 // what they are not to cover: from left to right and from bottom to top
}

// Plot implements plot.Plotter.
func (l labels) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	const gap = 6
	var taken []vg.Rectangle
	var leaders [][2]vg.Point // from points to their texts
	for _, q := range l.at {
		o := vg.Point{X: x(q.X), Y: y(q.Y)}
		taken = append(taken, vg.Rectangle{Min: vg.Point{X: o.X - 4, Y: o.Y - 4}, Max: vg.Point{X: o.X + 4, Y: o.Y + 4}})
	}
	for _, b := range l.bars {
		taken = append(taken, vg.Rectangle{Min: vg.Point{X: x(b[0]) - 2, Y: y(b[2]) - 2}, Max: vg.Point{X: x(b[1]) + 2, Y: y(b[3]) + 2}})
	}
	for i, text := range l.texts {
		style := remark
		o, wide, high := vg.Point{X: x(l.at[i].X), Y: y(l.at[i].Y)}, style.Width(text), vg.Length(10)
		best, least := vg.Rectangle{}, math.Inf(1)
		for ring := range 6 {
			far := gap + vg.Length(ring)*10
			for _, way := range []vg.Point{{X: 1}, {X: 1, Y: 1}, {X: 1, Y: -1}, {Y: 1}, {Y: -1}, {X: -1}, {X: -1, Y: 1}, {X: -1, Y: -1}} {
				corner := vg.Point{X: o.X + way.X*far - (1-way.X)/2*wide, Y: o.Y + way.Y*far - high/2}
				r := vg.Rectangle{Min: corner, Max: vg.Point{X: corner.X + wide, Y: corner.Y + high}}
				cost := float64(ring) // a text far away is nobody's
				for _, t := range taken {
					cost += 2 * float64(overlap(r, t)) / 10
				}
				for _, other := range leaders {
					if crossed(o, nearest(o, r), other[0], other[1]) {
						cost += 3
					}
				}
				cost += 10 * (float64(wide*high) - float64(overlap(r, c.Rectangle))) / float64(wide*high)
				if cost < least-1e-9 {
					best, least = r, cost
				}
			}
		}
		taken = append(taken, vg.Rectangle{Min: vg.Point{X: best.Min.X - gap, Y: best.Min.Y}, Max: vg.Point{X: best.Max.X + gap, Y: best.Max.Y}})
		end := nearest(o, best)
		leaders = append(leaders, [2]vg.Point{o, end})
		if math.Hypot(float64(end.X-o.X), float64(end.Y-o.Y)) > 2*gap {
			c.StrokeLine2(draw.LineStyle{Color: pale(l.looks[i].color, 120), Width: vg.Points(0.6)}, o.X, o.Y, end.X, end.Y)
		}
		c.FillText(style, vg.Point{X: best.Min.X, Y: (best.Min.Y + best.Max.Y) / 2}, text)
	}
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

// crossed tells whether the inner parts of the lines from a to b and from c to d have a point in common.
func crossed(a, b, c, d vg.Point) bool {
	side := func(p, q, r vg.Point) vg.Length { return (q.X-p.X)*(r.Y-p.Y) - (q.Y-p.Y)*(r.X-p.X) }
	return side(a, b, c)*side(a, b, d) < 0 && side(c, d, a)*side(c, d, b) < 0
}
