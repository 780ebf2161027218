package fig

import (
	"fmt"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
)

// Curves are lines of several methods over whole numbers, such as episodes.
type Curves struct {
	Title, X, Y string // the latter two are labels of axes, with their units
	Lines       []Curve
	Zero        bool // the vertical axis begins at 0, so that what hardly changes looks so
	Log         bool // the vertical axis counts decades, without Zero; what is not above 0 is left out. A Title in place of Y leaves it more room
}

// A Curve is a line of a method, with its band. Gaps between runs of numbers stay empty.
type Curve struct {
	Method int
	X, Y   []float64 // as many of each
	Lo, Hi []float64 // band over the same X; nil for none
}

// few are as many bands as can be told apart where they lie on each other, which two cannot: they mix into grey. Of more, the interval of each number is a bar,
// beside those of the others.
const few = 1

// banded counts the lines that have a band.
func (c Curves) banded() (n int) {
	for _, l := range c.Lines {
		if l.Lo != nil {
			n++
		}
	}
	return n
}

// apart is a line as the k-th of n that stand beside each other at each number of the horizontal axis.
func (l Curve) apart(k, n int) Curve {
	gap := 1.0
	for i := 1; i < len(l.X); i++ {
		if d := math.Abs(l.X[i] - l.X[i-1]); d > 0 {
			gap = min(gap, d)
		}
	}
	beside := make([]float64, len(l.X))
	for i, x := range l.X {
		beside[i] = x + 0.6*gap*(float64(k)+0.5-float64(n)/2)/float64(n)
	}
	l.X = beside
	return l
}

// plot draws the curves, bands below all lines.
func (c Curves) plot() *plot.Plot {
	p := chart(c.Title, c.X, c.Y)
	p.X.Tick.Marker = ticks{whole: true}
	for _, l := range c.Lines {
		if len(l.Y) != len(l.X) || l.Lo != nil && (len(l.Lo) != len(l.X) || len(l.Hi) != len(l.X)) {
			panic(fmt.Sprintf("fig: curve of method %d of %d and %d numbers, with a band of %d and %d", l.Method, len(l.X), len(l.Y), len(l.Lo), len(l.Hi)))
		}
		if l.Lo != nil && c.banded() <= few {
			band(p, "", l.X, l.Lo, l.Hi, pale(lookOf(l.Method).color, 46))
		}
	}
	for k, l := range c.Lines {
		if c.Log {
			l.Y = above0(l.Y)
		}
		if c.banded() > few {
			l = l.apart(k, len(c.Lines))
			for i := range l.Lo {
				if finite(l.Lo[i]) && finite(l.Hi[i]) && !(c.Log && l.Lo[i] <= 0) {
					line(p, "", []float64{l.X[i], l.X[i]}, []float64{l.Lo[i], l.Hi[i]}, pale(lookOf(l.Method).color, 150), 1)
				}
			}
		}
		marked(p, lookOf(l.Method), l.X, l.Y)
	}
	if c.Log {
		decades(p)
	} else {
		roomy(p, 0.05, 0.05)
	}
	if c.Zero {
		p.Y.Min = 0
	}
	if c.banded() > few {
		p.X.Min, p.X.Max = math.Ceil(p.X.Min)-0.5, math.Floor(p.X.Max)+0.5
	}
	if !(p.X.Min < p.X.Max) {
		p.X.Min, p.X.Max = p.X.Min-0.5, p.X.Max+0.5
	}
	return p
}

// above0 are numbers with those that have no logarithm left out.
func above0(ys []float64) (kept []float64) {
	for _, y := range ys {
		if !(y > 0) {
			y = math.NaN()
		}
		kept = append(kept, y)
	}
	return kept
}

// decades makes the vertical axis logarithmic, over a decade at least: that of what is drawn, or from 1 to 10.
func decades(p *plot.Plot) {
	if !(p.Y.Min > 0 && p.Y.Min <= p.Y.Max && finite(p.Y.Max)) {
		p.Y.Min, p.Y.Max = 1, 10
	}
	p.Y.Min, p.Y.Max = p.Y.Min/1.3, p.Y.Max*1.3
	if middle := math.Sqrt(p.Y.Min * p.Y.Max); p.Y.Max < 10*p.Y.Min {
		p.Y.Min, p.Y.Max = middle/math.Sqrt(10), middle*math.Sqrt(10)
	}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, decadeTicks{}
}

// decadeTicks marks powers of ten, and without a label their multiples between them.
type decadeTicks struct{}

// Ticks implements plot.Ticker.
func (decadeTicks) Ticks(lo, hi float64) (marks []plot.Tick) {
	for e := math.Floor(math.Log10(lo)); e <= math.Log10(hi); e++ {
		for m := 1.0; m < 10; m++ {
			t := plot.Tick{Value: m * math.Pow(10, e)}
			if t.Value < lo || t.Value > hi {
				continue
			}
			if m == 1 {
				t.Label = strconv.FormatFloat(t.Value, 'g', 3, 64)
			}
			marks = append(marks, t)
		}
	}
	return marks
}

// marked is a line with a mark at each number.
func marked(p *plot.Plot, l look, xs, ys []float64) {
	line(p, "", xs, ys, l.color, 1.8, l.dashes...)
	for i, y := range ys {
		if finite(y) {
			scatter(p, l.glyph(3), plotter.XY{X: xs[i], Y: y})
		}
	}
}
