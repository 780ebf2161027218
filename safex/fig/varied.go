package fig

import (
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// A Trial is the result of runs at one value of a setting.
type Trial struct {
	Value       float64
	ReachedGoal reliability.Share // runs that reached the goal; of nothing if there is none
	Clean       reliability.Share // runs without a violation
	Returns     []float64         // of the runs, at least one
}

// Varied shows trials, whose values rise, against the setting: the shares of the runs that reached the goal, with the 95 % interval, and that broke no
// limit; and below the returns from the worst to the best, with their median.
func Varied(title, setting string, trials []Trial) *Figure {
	top := panel(title, "", "share of the runs")
	bottom := panel("", setting, "return")
	var xs, reached, lo, hi, clean, worst, median, best []float64
	var values plot.ConstantTicks
	for _, t := range trials {
		values = append(values, plot.Tick{Value: t.Value, Label: strconv.FormatFloat(t.Value, 'g', 6, 64)})
		a, b := t.ReachedGoal.Interval()
		returns := slices.Sorted(slices.Values(t.Returns))
		n := len(returns)
		if t.ReachedGoal.N == 0 {
			a, b = t.ReachedGoal.Of(), t.ReachedGoal.Of() // NaN
		}
		xs, reached, lo, hi = append(xs, t.Value), append(reached, t.ReachedGoal.Of()), append(lo, a), append(hi, b)
		clean = append(clean, t.Clean.Of())
		worst, median, best = append(worst, returns[0]), append(median, (returns[(n-1)/2]+returns[n/2])/2), append(best, returns[n-1])
	}
	band(top, "", xs, lo, hi, theme.bound)
	dotted(top, "", xs, clean, theme.action)
	dotted(top, "", xs, reached, theme.measured)
	band(bottom, "", xs, worst, best, theme.bound)
	dotted(bottom, "", xs, median, theme.measured)
	if len(trials) > 0 && len(trials) <= 12 {
		top.X.Tick.Marker, bottom.X.Tick.Marker = values, values
	}
	top.Y.Min, top.Y.Max = -0.04, 1.04
	roomy(bottom, 0.05, 0.05)
	f := &Figure{panels: []*plot.Plot{top, bottom}, tall: []float64{3, 3}, width: 16 * vg.Centimeter, height: 12 * vg.Centimeter}
	line := func(name string, c color.Color) Key {
		style := draw.LineStyle{Color: c, Width: vg.Points(1.8)}
		return Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: style}, &plotter.Scatter{GlyphStyle: dotOf(style)}}}
	}
	f.explain([]Key{
		line("without a violation", theme.action), line("reached the goal", theme.measured), line("median of the returns", theme.measured),
		{Name: "interval, and worst to best", thumb: []plot.Thumbnailer{&plotter.Polygon{Color: theme.bound}}},
	})
	return f
}
