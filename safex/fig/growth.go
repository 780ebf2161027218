package fig

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// Growth are lines of several quantities on two logarithmic axes, where a power is straight and its exponent the slope. All numbers
// are above 0; others are left out.
type Growth struct {
	Title, X, Y string // the latter two are labels of axes, with their units
	Lines       []Curve
	Linear      bool // also draw a slope of 1 through the first point, dashed
}

// plot draws the lines.
func (g Growth) plot() *plot.Plot {
	p := chart(g.Title, g.X, g.Y)
	least, most := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}
	var lines []Curve
	for _, l := range g.Lines {
		if len(l.Y) != len(l.X) {
			panic(fmt.Sprintf("fig: growth of method %d of %d and %d numbers", l.Method, len(l.X), len(l.Y)))
		}
		drawn := Curve{Method: l.Method}
		for i, x := range l.X {
			y := l.Y[i]
			if !(x > 0 && y > 0) || math.IsInf(x, 1) || math.IsInf(y, 1) {
				continue
			}
			drawn.X, drawn.Y = append(drawn.X, x), append(drawn.Y, y)
			least, most = [2]float64{min(least[0], x), min(least[1], y)}, [2]float64{max(most[0], x), max(most[1], y)}
		}
		lines = append(lines, drawn)
	}
	if most[0] == 0 { // nothing to draw
		return p
	}
	if g.Linear {
		for _, l := range lines {
			if n := len(l.X); n > 0 {
				x, y := l.X[0], l.Y[0]
				line(p, "", []float64{x, most[0]}, []float64{y, y * most[0] / x}, theme.ink, 1, 4, 3)
				most[1] = max(most[1], y*most[0]/x)
				break
			}
		}
	}
	for _, l := range lines {
		marked(p, lookOf(l.Method), l.X, l.Y)
	}
	for k, axis := range []*plot.Axis{&p.X, &p.Y} {
		room := math.Pow(max(2, most[k]/least[k]), 0.06)
		axis.Min, axis.Max = least[k]/room, most[k]*room
		axis.Scale, axis.Tick.Marker = plot.LogScale{}, powers{}
	}
	return p
}

// powers are ticks at powers of 2, of 10 where these would be many.
type powers struct{}

// Ticks implements plot.Ticker.
func (powers) Ticks(lo, hi float64) (marks []plot.Tick) {
	base := 2.0
	if hi/lo > 130 {
		base = 10
	}
	for k := math.Ceil(math.Log(lo)/math.Log(base) - 1e-9); math.Pow(base, k) <= hi*(1+1e-9); k++ {
		v := math.Pow(base, k)
		marks = append(marks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
	}
	return marks
}
