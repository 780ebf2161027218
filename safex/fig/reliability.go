package fig

import (
	"fmt"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// Reliability shows, for each episode, the share of steps whose box held the next state and the share out of distribution;
// the β in force against the deviations that 95 % of the steps missed by; and the reliability curve of each dimension.
func Reliability(c *reliability.Report) *Figure {
	top := panel(fmt.Sprintf("%s: what was believed, and what happened", c.Task), "", "share of the steps")
	middle := panel("", "episode", "epistemic deviations")
	bottom := panel("", "share of a normal distribution around the mean", "share of the steps")
	var xs, held, lo, hi, outside, beta, quantile []float64
	for _, e := range c.Episodes {
		a, b := e.Joint.Interval()
		xs, held, lo, hi = append(xs, float64(e.Number)), append(held, e.Joint.Of()), append(lo, a), append(hi, b)
		outside, beta, quantile = append(outside, e.OutOfDistribution.Of()), append(beta, e.Beta), append(quantile, e.Quantile)
	}
	band(top, "", xs, lo, hi, theme.bound)
	dotted(top, "in the box, all dimensions", xs, held, theme.measured)
	dotted(top, "out of distribution", xs, outside, theme.limit)
	level(top, "", 0.95, theme.ground)
	dotted(middle, "β in force", xs, beta, theme.edge)
	dotted(middle, "β that 95 % of the steps needed", xs, quantile, theme.measured)
	for _, p := range []*plot.Plot{top, middle} {
		p.X.Min, p.X.Max = 0.5, 1.5
		for _, x := range xs { // 0 is there if a prior was believed
			p.X.Min, p.X.Max = min(p.X.Min, x-0.5), max(p.X.Max, x+0.5)
		}
		p.X.Tick.Marker = ticks{whole: true}
	}
	top.Y.Min, top.Y.Max = -0.02, 1.25
	middle.Y.Min, middle.Y.Max = 0, middle.Y.Max*1.35
	line(bottom, "as believed", []float64{0, 1}, []float64{0, 1}, theme.ground, 1.2, vg.Points(4), vg.Points(3))
	for d, reached := range c.Reached {
		line(bottom, c.Dimensions[d].Name, append([]float64{0}, c.Levels...), append([]float64{0}, reached...), series(d), 1.6)
	}
	bottom.X.Min, bottom.X.Max, bottom.Y.Min, bottom.Y.Max = 0, 1, 0, 1.02
	bottom.Legend.Top, bottom.Legend.Left = false, false
	return &Figure{panels: []*plot.Plot{top, middle, bottom}, tall: []float64{3, 2.4, 3.4}, width: 16 * vg.Centimeter, height: 18 * vg.Centimeter}
}
