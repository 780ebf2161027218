package fig

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/rischiboy/safe_exploration/safex"
)

// Safety shows an episode against its limits, a panel for each limit, and the actions below. If a filter looked at the plans,
// a strip between them has the cover of each step. A panel has what was measured; the model's mean, predicted a step before;
// the pessimistic bound, which is the worst that the plan of each step foresaw anywhere on its horizon; and the limit.
// The bound is what an adversary found, not a certificate; a planner without an adversary has
// only what it expected.
func Safety(s *safex.System, e safex.Episode) *Figure {
	f := &Figure{width: 16 * vg.Centimeter, height: 4 * vg.Centimeter}
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
			stateBound(p, s, e, k, b, after)
		} else {
			quantity(p, e, k, l, after)
		}
		p.X.Min, p.X.Max = 0, float64(len(e.Actions))*s.Dt
		roomy(p, 0.05, 0.35) // with room for the legend
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
	return f
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
func stateBound(p *plot.Plot, s *safex.System, e safex.Episode, k int, b safex.Bound, after []float64) {
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
	switch {
	case b.Upper && b.Lower:
		band(p, worstLabel(e), after[:len(hi)], lo, hi, theme.bound)
		level(p, "", -l.Max, theme.limit)
		level(p, limitLabel(l, fmt.Sprintf("±%g", l.Max)), l.Max, theme.limit)
	case b.Upper:
		line(p, worstLabel(e), after[:len(hi)], hi, theme.edge, 1.6)
		level(p, limitLabel(l, fmt.Sprint(l.Max)), l.Max, theme.limit)
	default:
		line(p, worstLabel(e), after[:len(lo)], lo, theme.edge, 1.6)
		level(p, limitLabel(l, fmt.Sprint(-l.Max)), -l.Max, theme.limit)
	}
	line(p, "measured", after[:len(measured)], measured, theme.measured, 2)
	line(p, "predicted mean", after[:len(mean)], mean, theme.mean, 1.2, vg.Points(3), vg.Points(2))
}

// limitLabel names a limit in a legend, with its budget if it has one.
func limitLabel(l safex.Limit, at string) string {
	with := func(number string) string { return strings.TrimSpace(number + " " + l.Unit) }
	label := "limit " + with(at)
	if l.Budget > 0 {
		label += ", beyond it by " + with(fmt.Sprint(l.Budget)) + " in all"
	}
	return label
}

// quantity draws any other limit as the number that must stay below it.
func quantity(p *plot.Plot, e safex.Episode, k int, l safex.Limit, after []float64) {
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
	line(p, worstLabel(e), after[:len(worst)], worst, theme.edge, 1.6)
	level(p, limitLabel(l, fmt.Sprint(l.Max)), l.Max, theme.limit)
	line(p, "measured", after, measured, theme.measured, 2)
}
