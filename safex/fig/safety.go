package fig

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// Safety shows an episode against its limits, a panel for each limit, and the actions below. If a filter looked at the plans,
// a strip between them has the cover of each step. A panel has what was measured; the model's mean, predicted a step before;
// the pessimistic bound, which is the worst that the plan of each step foresaw anywhere on its horizon; and the limit.
// The bound is what an adversary found, not a certificate; a planner without an adversary has
// only what it expected.
func Safety(s *safex.System, e safex.Episode) *Figure {
	f := &Figure{width: 16 * vg.Centimeter, height: 3 * vg.Centimeter}
	var keys []Key
	after := make([]float64, len(e.Actions)) // time of the state after each step
	for t := range after {
		after[t] = float64(t+1) * s.Dt
	}
	for k, l := range s.Limits {
		p := panel("", "", "")
		if k == 0 {
			p.Title.Text = fmt.Sprintf("%s, episode %d: %d of %d steps beyond a limit", s.Name, e.Number, e.Violations(s.Budgets()...), len(e.Actions))
		}
		if b, ok := s.Bound(k); ok {
			keys = append(keys, stateBound(p, s, e, k, b, after)...)
		} else {
			keys = append(keys, quantity(p, s, e, k, l, after)...)
		}
		p.X.Min, p.X.Max = 0, float64(len(e.Actions))*s.Dt
		roomy(p, 0.07, 0.07)
		f.add(p, 3)
	}
	if covered(e) {
		f.add(coverStrip(s, e), 0.55)
	}
	for k, v := range s.Action {
		p := panel("", "", v.Label())
		xs, ys := make([]float64, 0, 2*len(after)), make([]float64, 0, 2*len(after))
		for t, u := range e.Actions { // an action holds for its step
			xs, ys = append(xs, float64(t)*s.Dt, after[t]), append(ys, u[k], u[k])
		}
		line(p, "", xs, ys, theme.action, 1.1)
		p.X.Min, p.X.Max = 0, float64(len(e.Actions))*s.Dt
		p.Y.Min, p.Y.Max, p.Y.Tick.Marker = -1.1, 1.1, ticks{whole: true}
		f.add(p, 1.3)
	}
	f.panels[len(f.panels)-1].X.Label.Text = "time [s]"
	slices.SortStableFunc(keys, func(a, b Key) int { return a.Method - b.Method }) // limits last
	f.explain(keys)
	return f
}

// Lines of Safety.
var (
	measuredStyle  = draw.LineStyle{Color: theme.measured, Width: vg.Points(2)}
	predictedStyle = draw.LineStyle{Color: theme.mean, Width: vg.Points(1.2), Dashes: []vg.Length{vg.Points(3), vg.Points(2)}}
	boundStyle     = draw.LineStyle{Color: theme.edge, Width: vg.Points(1.6)}
)

// safetyKeys are those of a panel: what was measured, what was foreseen, if it was, and the limit.
func safetyKeys(e safex.Episode, limit string, worst plot.Thumbnailer, mean bool) []Key {
	line := func(name string, s draw.LineStyle) Key {
		return Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: s}}}
	}
	keys := []Key{line("measured", measuredStyle)}
	if len(foreseen(e)) > 0 {
		if mean {
			keys = append(keys, line("predicted mean", predictedStyle))
		}
		keys = append(keys, Key{Name: worstLabel(e), thumb: []plot.Thumbnailer{worst}})
	}
	last := line(limit, limitStyle)
	last.Method = 1
	return append(keys, last)
}

func (f *Figure) add(p *plot.Plot, tall float64) {
	f.panels, f.tall = append(f.panels, p), append(f.tall, tall)
	f.height += vg.Length(tall) * 2.2 * vg.Centimeter
}

// worstLabel names the worst excess that a plan foresaw: a bound only if the planner had an adversary.
func worstLabel(e safex.Episode) string {
	for _, f := range e.Forecasts {
		if f.Beta > 0 {
			return "pessimistic bound over the horizon"
		}
	}
	return "highest expected over the horizon"
}

// stateBound draws a limit that is a bound on one dimension of the state.
func stateBound(p *plot.Plot, s *safex.System, e safex.Episode, k int, b safex.Bound, after []float64) []Key {
	v, l := s.State[b.State], s.Limits[k]
	p.Y.Label.Text = v.Label()
	var measured, mean, hi, lo []float64
	said := foreseen(e)
	for t := range e.Actions {
		// A run folder keeps the states before each step; the last one after is not needed here.
		if t+1 < len(e.States) {
			measured = append(measured, e.States[t+1][b.State])
		}
		if t < len(said) {
			worst := l.Max + said[t].Worst[k]
			mean, hi, lo = append(mean, said[t].Mean[b.State]), append(hi, worst), append(lo, -worst)
		}
	}
	var worst plot.Thumbnailer = &plotter.Line{LineStyle: boundStyle}
	at := fmt.Sprint(l.Max)
	switch {
	case b.Upper && b.Lower:
		worst, at = &plotter.Polygon{Color: theme.bound}, fmt.Sprintf("±%g", l.Max)
		band(p, "", after[:len(hi)], lo, hi, theme.bound)
		level(p, "", -l.Max, theme.limit)
		level(p, "", l.Max, theme.limit)
	case b.Upper:
		stroke(p, after[:len(hi)], hi, boundStyle)
		level(p, "", l.Max, theme.limit)
	default:
		at = fmt.Sprint(-l.Max)
		stroke(p, after[:len(lo)], lo, boundStyle)
		level(p, "", -l.Max, theme.limit)
	}
	stroke(p, after[:len(measured)], measured, measuredStyle)
	stroke(p, after[:len(mean)], mean, predictedStyle)
	return safetyKeys(e, limitLabel(s, l, at), worst, true)
}

// limitLabel names a limit in a key, by its name where there are several, with its budget if it has one.
func limitLabel(s *safex.System, l safex.Limit, at string) string {
	with := func(number string) string { return strings.TrimSpace(number + " " + l.Unit) }
	label := "limit "
	if len(s.Limits) > 1 {
		label += l.Name + " "
	}
	label += with(at)
	if l.Budget > 0 {
		label += ", beyond it by " + with(fmt.Sprint(l.Budget)) + " in all"
	}
	return label
}

// quantity draws any other limit as the number that must stay below it.
func quantity(p *plot.Plot, s *safex.System, e safex.Episode, k int, l safex.Limit, after []float64) []Key {
	p.Y.Label.Text = l.Name
	if l.Unit != "" {
		p.Y.Label.Text += " [" + l.Unit + "]"
	}
	var measured, worst []float64
	said := foreseen(e)
	for t, x := range e.Excess {
		measured = append(measured, l.Max+x[k])
		if t < len(said) {
			worst = append(worst, l.Max+said[t].Worst[k])
		}
	}
	stroke(p, after[:len(worst)], worst, boundStyle)
	level(p, "", l.Max, theme.limit)
	stroke(p, after, measured, measuredStyle)
	return safetyKeys(e, limitLabel(s, l, fmt.Sprint(l.Max)), &plotter.Line{LineStyle: boundStyle}, false)
}
