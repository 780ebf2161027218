package fig

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Look is what a Line stands for, so that the same thing looks the same in all figures.
type Look int

const (
	Plain  Look = iota // a line of its own, in the colour of its place among the lines of its panel
	Mean               // what the model expects
	Real               // what came about
	Worst              // the worst error that was found
	Proved             // the edge of what is proved
)

// style is how a line of that look is drawn, as the k-th of its panel.
func (l Look) style(k int) draw.LineStyle {
	switch l {
	case Mean:
		return meanStyle
	case Real:
		return realStyle
	case Worst:
		return worstStyle
	case Proved:
		return edgeStyle
	}
	return draw.LineStyle{Color: series(k), Width: vg.Points(1.8)}
}

// Over is the line with the points of dimension d of the state over the time of a trajectory, in seconds from its first state on.
func (l Line) Over(s *safex.System, t safex.Trajectory, d int) Line {
	l.X, l.Y = nil, nil
	for i, x := range t.States {
		l.Add(float64(i)*s.Dt, x[d])
	}
	return l
}

// Add adds a point, to a line without a band.
func (l *Line) Add(x, y float64) { l.X, l.Y = append(l.X, x), append(l.Y, y) }

// Median is a line through the median of each of several samples of numbers, such as those of all seeds after each episode, with the quartiles as its
// band. There is a sample for each x. One that is empty, or has a NaN, leaves a gap.
func Median(name string, xs []float64, samples [][]float64) Line {
	if len(xs) != len(samples) {
		panic(fmt.Sprintf("fig: medians of %d samples at %d places", len(samples), len(xs)))
	}
	l := Line{Name: name, X: xs, Dots: true}
	for _, sample := range samples {
		sorted := slices.Sorted(slices.Values(sample))
		l.Y, l.Lo, l.Hi = append(l.Y, quantile(sorted, 0.5)), append(l.Lo, quantile(sorted, 0.25)), append(l.Hi, quantile(sorted, 0.75))
	}
	return l
}

// quantile is that of a share of sorted numbers, between two of them as far as it lies; NaN of none, or if one is.
func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 || math.IsNaN(sorted[0]) { // where they sort NaNs to
		return math.NaN()
	}
	at := share * float64(len(sorted)-1)
	i := min(int(at), max(0, len(sorted)-2))
	if len(sorted) == 1 || at == float64(i) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Stairs is how many of some numbers lie in each bin of a width: a histogram as a line, filled down to 0. What is not a number counts nowhere. It panics
// if the width is not above 0.
func Stairs(name string, values []float64, width float64) Line {
	if !(width > 0) {
		panic(fmt.Sprintf("fig: bins of a width of %v, want above 0", width))
	}
	l := Line{Name: name}
	count := map[int]int{}
	least, most := math.MaxInt, math.MinInt
	for _, v := range values {
		if !finite(v) {
			continue
		}
		bin := int(math.Floor(v / width))
		count[bin]++
		least, most = min(least, bin), max(most, bin)
	}
	for bin := least; bin <= most; bin++ {
		n := float64(count[bin])
		l.X, l.Y = append(l.X, float64(bin)*width, float64(bin+1)*width), append(l.Y, n, n)
		l.Lo, l.Hi = append(l.Lo, 0, 0), append(l.Hi, n, n)
	}
	return l
}

// Upright is a mark across a panel, from 0 to a height.
func Upright(name string, x, height float64) Line {
	return Line{Name: name, X: []float64{x, x}, Y: []float64{0, height}}
}
