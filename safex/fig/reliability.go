package fig

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// Reliability shows, for each episode, the share of steps whose box held the next state and the share out of distribution;
// and, where they are known, of plans and backups in whose tube the system stayed, with 95 % intervals; the β in force against the deviations that 95 % of the steps missed by;
// and the reliability curve of each dimension.
func Reliability(c *reliability.Report) *Figure {
	top := panel(fmt.Sprintf("%s: what was believed, and what happened", c.Task), "", "share of the steps")
	middle := panel("", "episode", "epistemic deviations")
	bottom := panel("", "share of a normal distribution around the mean", "share of the steps")
	var xs, held, lo, hi, outside, beta, quantile []float64
	var keys []Key
	named := func(name string, c color.Color) string { // in the key, and not in its panel
		style := draw.LineStyle{Color: c, Width: vg.Points(1.8)}
		keys = append(keys, Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: style}, &plotter.Scatter{GlyphStyle: dotOf(style)}}})
		return ""
	}
	plans := false
	for _, e := range c.Episodes {
		a, b := e.Joint.Interval()
		xs, held, lo, hi = append(xs, float64(e.Number)), append(held, e.Joint.Of()), append(lo, a), append(hi, b)
		outside, beta, quantile = append(outside, e.OutOfDistribution.Of()), append(beta, e.Beta), append(quantile, e.Quantile)
	}
	band(top, "", xs, lo, hi, theme.bound)
	dotted(top, named("steps in the box, all dimensions", theme.measured), xs, held, theme.measured)
	dotted(top, named("steps out of distribution", theme.limit), xs, outside, theme.limit)
	for k, tubes := range []struct {
		name string
		of   func(e reliability.Episode) reliability.Share
	}{
		{"plans in their tube", func(e reliability.Episode) reliability.Share { return e.Plans }},
		{"backups in theirs", func(e reliability.Episode) reliability.Share { return e.Backups }},
	} {
		shares, n := make([]float64, len(xs)), 0
		side := 0.07 * float64(1-2*k) // of the other's bars
		at := make([]float64, len(xs))
		for i, e := range c.Episodes {
			s := tubes.of(e)
			shares[i], at[i], n = s.Of(), xs[i]-side, n+s.N
			if s.N > 0 {
				a, b := s.Interval()
				cross(top, lookOf(1+k), plotter.XY{X: at[i], Y: s.Of()}, 0, 0, a, b)
			}
		}
		if n > 0 {
			dotted(top, named(tubes.name, series(1+k)), at, shares, series(1+k))
			plans = true
		}
	}
	level(top, "", 0.95, theme.ground)
	dotted(middle, named("β in force", theme.edge), xs, beta, theme.edge)
	dotted(middle, named("β that 95 % of the steps needed", theme.rewarded), xs, quantile, theme.rewarded)
	for _, p := range []*plot.Plot{top, middle} {
		p.X.Min, p.X.Max = 0.5, 1.5
		for _, x := range xs { // 0 is there if a prior was believed
			p.X.Min, p.X.Max = min(p.X.Min, x-0.5), max(p.X.Max, x+0.5)
		}
		p.X.Tick.Marker = ticks{whole: true}
	}
	if plans {
		top.Y.Label.Text = "share" // of plans too
	}
	top.Y.Min, top.Y.Max = -0.04, 1.04
	middle.Y.Min, middle.Y.Max, middle.Y.Label.Text = 0, middle.Y.Max*1.1, "deviations"
	middle.Y.Tick.Marker = ticks{low: true}
	line(bottom, "as believed", []float64{0, 1}, []float64{0, 1}, theme.ground, 1.2, vg.Points(4), vg.Points(3))
	for d, reached := range c.Reached {
		line(bottom, c.Dimensions[d].Name, append([]float64{0}, c.Levels...), append([]float64{0}, reached...), series(d), 1.6)
	}
	bottom.X.Min, bottom.X.Max, bottom.Y.Min, bottom.Y.Max = 0, 1, 0, 1.02
	bottom.Legend.Top, bottom.Legend.Left = false, false
	f := &Figure{panels: []*plot.Plot{top, middle, bottom}, tall: []float64{2.6, 2.2, 3.4}, width: 16 * vg.Centimeter, height: 14 * vg.Centimeter}
	f.explain(keys)
	return f
}
