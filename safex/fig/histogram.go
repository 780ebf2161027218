package fig

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Histogram is one of whole numbers, at least 0, in bins of one. Its vertical axis counts square roots, so that one can be seen
// beside a hundred.
type Histogram struct {
	Title, X, Y string
	Method      int
	Values      []int
	Most        int // the horizontal axis goes as far, or as far as the values do
	High        int // and the vertical one
}

func (c Histogram) plot() *plot.Plot {
	p := chart(c.Title, c.X, c.Y)
	count := map[int]int{}
	most, high := max(c.Most, 1), max(c.High, 1)
	for _, v := range c.Values {
		count[v]++
		most, high = max(most, v), max(high, count[v])
	}
	l := lookOf(c.Method)
	h := plotter.Histogram{Width: 1, FillColor: pale(l.color, 190), LineStyle: draw.LineStyle{Color: l.color, Width: vg.Points(0.5)}}
	for v := range most + 1 {
		if count[v] > 0 {
			h.Bins = append(h.Bins, plotter.HistogramBin{Min: float64(v) - 0.5, Max: float64(v) + 0.5, Weight: float64(count[v])})
		}
	}
	if len(h.Bins) > 0 {
		p.Add(&h)
	}
	p.X.Min, p.X.Max, p.X.Tick.Marker = -0.7, float64(most)+0.7, ticks{whole: true}
	p.Y.Min, p.Y.Max, p.Y.Scale, p.Y.Tick.Marker = 0, 1.1*float64(high), roots{}, rootTicks{}
	return p
}

// roots is an axis of square roots.
type roots struct{}

// Normalize implements plot.Normalizer.
func (roots) Normalize(lo, hi, v float64) float64 {
	return (math.Sqrt(max(v, 0)) - math.Sqrt(lo)) / (math.Sqrt(hi) - math.Sqrt(lo))
}

// rootTicks marks 0, and round numbers that are far enough apart on an axis of square roots.
type rootTicks struct{}

// Ticks implements plot.Ticker.
func (rootTicks) Ticks(_, hi float64) (marks []plot.Tick) {
	last := math.Inf(-1)
	for _, v := range []float64{0, 1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 1e5, 1e6} {
		if r := math.Sqrt(v / hi); v <= hi && r-last > 0.11 {
			marks, last = append(marks, plot.Tick{Value: v, Label: strconv.FormatFloat(v, 'f', -1, 64)}), r
		}
	}
	return marks
}

// VerticalBars are a number for each of several whole numbers, such as episodes, from 0 on.
type VerticalBars struct {
	Title, X, Y string
	Method      int
	Values      []float64
	High        float64 // the vertical axis goes as far, or as far as the values do
}

func (c VerticalBars) plot() *plot.Plot {
	p := chart(c.Title, c.X, c.Y)
	l := lookOf(c.Method)
	// As bins: bars have a width in points, which is not to depend on how many there are.
	h := plotter.Histogram{Width: 0.8, FillColor: pale(l.color, 190), LineStyle: draw.LineStyle{Color: l.color, Width: vg.Points(0.5)}}
	high := c.High
	for i, v := range c.Values {
		if finite(v) && v > 0 {
			h.Bins = append(h.Bins, plotter.HistogramBin{Min: float64(i) - 0.4, Max: float64(i) + 0.4, Weight: v})
			high = max(high, v)
		}
	}
	if len(h.Bins) > 0 {
		p.Add(&h)
	}
	if high == 0 {
		high = 1
	}
	p.X.Min, p.X.Max, p.X.Tick.Marker = -0.7, float64(len(c.Values))-0.3, ticks{whole: true}
	p.Y.Min, p.Y.Max = 0, 1.08*high
	return p
}
