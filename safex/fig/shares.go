package fig

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// Shares are shares of a number, in %, with their 95 % intervals.
type Shares struct {
	Title, X string
	Rows     []ShareRow // from the top
	Level    float64    // share that is marked; 0 is none
}

// A ShareRow is shares side by side, those of Method 0 first. One of nothing is left out.
type ShareRow struct {
	Name   string
	Shares []reliability.Share
}

func (s Shares) plot() *plot.Plot {
	p := chart(s.Title, s.X, "")
	var names []string
	for i, row := range s.Rows {
		names = append(names, row.Name)
		for k, share := range row.Shares {
			if share.N == 0 {
				continue
			}
			l := lookOf(k)
			y := float64(len(s.Rows)-1-i) - 0.22*(float64(k)-float64(len(row.Shares)-1)/2)
			lo, hi := share.Interval()
			at := plotter.XY{X: 100 * share.Of(), Y: y}
			cross(p, l, at, 100*lo, 100*hi, y, y)
			scatter(p, l.glyph(3.4), at)
		}
	}
	named(p, names)
	p.X.Min, p.X.Max = -2, 102
	if s.Level > 0 {
		line(p, "", []float64{100 * s.Level, 100 * s.Level}, []float64{p.Y.Min, p.Y.Max}, theme.limit, 1.2, vg.Points(6), vg.Points(3))
	}
	return p
}
