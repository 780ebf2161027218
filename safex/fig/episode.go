package fig

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/rischiboy/safe_exploration/safex"
)

// Episode shows all that happened in an episode: the path, of a task whose state has a place in its Picture; every angle; every other dimension of the
// state, with the model's mean and two total deviations to either side of it, which were predicted a step before, and with its limits; every limit
// that is no bound on a dimension; and every action.
func Episode(s *safex.System, e safex.Episode) *Figure {
	v := view{s: s, e: e}
	for t := range e.Actions {
		v.after = append(v.after, float64(t+1)*s.Dt)
	}
	var charts []Chart
	if x, y, ok := place(s); ok {
		charts = append(charts, path{v, x, y})
	}
	drawn := map[int]bool{} // as sine and cosine of an angle
	for _, a := range s.Angles {
		charts = append(charts, trace{view: v, kind: angle, index: len(charts), angle: a})
		drawn[a.Sin], drawn[a.Cos] = true, true
	}
	for k := range s.State {
		if !drawn[k] {
			charts = append(charts, trace{view: v, kind: state, index: k})
		}
	}
	for k := range s.Limits {
		b, ok := s.Bound(k)
		if !ok || drawn[b.State] {
			charts = append(charts, trace{view: v, kind: limited, index: k})
		}
	}
	for k := range s.Action {
		charts = append(charts, trace{view: v, kind: action, index: k})
	}
	g := Grid{Columns: 1, Charts: charts, Tall: []float64{4.6}, Key: v.key()}
	switch { // it is to be seen at once
	case len(charts) > 6:
		g.Columns = 3
	case len(charts) > 4:
		g.Columns = 2
	}
	if way, ok := charts[0].(path); ok {
		g.Tall, g.Key = []float64{7.5, 4.6}, append(g.Key, way.key()...)
	}
	violations := e.Violations(s.Budgets()...)
	note := fmt.Sprintf("%s, episode %d: return %.4g; %d of %d steps beyond a limit.", s.Name, e.Number, e.Return(), violations, len(e.Actions))
	if len(s.Limits) == 0 {
		note = fmt.Sprintf("%s, episode %d: return %.4g; the task has no limit.", s.Name, e.Number, e.Return())
	}
	if len(foreseen(e)) == 0 {
		note += " Nothing was predicted, as nothing was learned yet."
	}
	g.Notes = []string{note}
	if slices.ContainsFunc(charts, func(c Chart) bool { t, ok := c.(trace); return ok && t.cut() }) {
		g.Notes = append(g.Notes, "Deviations that would hide what happened are cut off.")
	}
	return g.Figure()
}

// foreseen are the forecasts of an episode that say where a step would lead. Before anything is learned there are none, unless there is a prior: what
// a filter covers without one has no mean.
func foreseen(e safex.Episode) []safex.Forecast {
	if i := slices.IndexFunc(e.Forecasts, func(f safex.Forecast) bool { return f.Mean == nil }); i >= 0 {
		return e.Forecasts[:i]
	}
	return e.Forecasts
}

// A view is an episode over time.
type view struct {
	s     *safex.System
	e     safex.Episode
	after []float64 // time of the state after each step
}

// key says what the lines are.
func (v view) key() []Key {
	line := func(c draw.LineStyle) []plot.Thumbnailer { return []plot.Thumbnailer{&plotter.Line{LineStyle: c}} }
	keys := []Key{{Name: "measured", thumb: line(draw.LineStyle{Color: theme.measured, Width: vg.Points(2)})}}
	if v.e.Real != nil {
		keys = append(keys, Key{Name: "what was, without noise", thumb: line(draw.LineStyle{Color: theme.ink, Width: vg.Points(0.8)})})
	}
	if len(foreseen(v.e)) > 0 {
		keys = append(keys,
			Key{Name: "predicted mean", thumb: line(draw.LineStyle{Color: theme.mean, Width: vg.Points(1.2), Dashes: []vg.Length{vg.Points(3), vg.Points(2)}})},
			Key{Name: "± 2 total deviations", thumb: []plot.Thumbnailer{&plotter.Polygon{Color: theme.bound}}})
	}
	if len(v.s.Limits) > 0 {
		keys = append(keys, Key{Name: "limit", thumb: line(limitStyle)})
	}
	return keys
}

// A trace is a quantity of an episode over time.
type trace struct {
	view
	kind  quantityKind
	index int // of the state, the limit or the action
	angle safex.Angle
}

type quantityKind int

const (
	angle quantityKind = iota
	state
	limited
	action
)

func (t trace) plot() *plot.Plot {
	p := chart("", "time [s]", "")
	switch t.kind {
	case angle:
		t.drawAngle(p)
	case state:
		t.drawState(p)
	case limited:
		t.drawLimit(p)
	case action:
		t.drawAction(p)
	}
	p.X.Min, p.X.Max = 0, max(t.s.Dt, float64(len(t.e.Actions))*t.s.Dt)
	return p
}

// states are a number of each state after a step, as far as they are kept.
func (v view) states(of func(x []float64) float64, rows [][]float64) (xs, ys []float64) {
	for t := range v.e.Actions {
		if t+1 < len(rows) {
			xs, ys = append(xs, v.after[t]), append(ys, of(rows[t+1]))
		}
	}
	return xs, ys
}

func (t trace) drawAngle(p *plot.Plot) {
	p.Y.Label.Text = t.angle.Name + " [rad]"
	of := func(x []float64) float64 { return math.Atan2(x[t.angle.Sin], x[t.angle.Cos]) }
	xs, ys := turned(t.states(of, t.e.States))
	line(p, "", xs, ys, theme.measured, 2)
	if t.e.Real != nil {
		xs, ys = turned(t.states(of, t.e.Real))
		line(p, "", xs, ys, theme.ink, 0.8)
	}
	var mean []float64
	for k, f := range foreseen(t.e) {
		if k == len(t.after) {
			break
		}
		mean = append(mean, of(f.Mean))
	}
	xs, ys = turned(t.after[:len(mean)], mean)
	line(p, "", xs, ys, theme.mean, 1.2, vg.Points(3), vg.Points(2))
	p.Y.Min, p.Y.Max = -1.05*math.Pi, 1.05*math.Pi
	p.Y.Tick.Marker = turns
}

// turned puts a gap where an angle goes from one end of its range to the other.
func turned(xs, ys []float64) (x, y []float64) {
	for i := range ys {
		if i > 0 && math.Abs(ys[i]-ys[i-1]) > math.Pi {
			x, y = append(x, xs[i]), append(y, math.NaN())
		}
		x, y = append(x, xs[i]), append(y, ys[i])
	}
	return x, y
}

// forecast is the mean of dimension k of the state, and two total deviations to either side of it, and the noise that the task declares.
func (v view) forecast(k int) (mean, lo, hi []float64) {
	for i, f := range foreseen(v.e) {
		if i == len(v.after) {
			break
		}
		m, wide := f.Mean[k], math.NaN()
		if k < len(f.Epistemic) && k < len(f.Aleatoric) {
			wide = 2 * math.Hypot(f.Epistemic[k], f.Aleatoric[k])
			if f.Noise != nil {
				wide += f.Noise[k]
			}
		}
		mean, lo, hi = append(mean, m), append(lo, m-wide), append(hi, m+wide)
	}
	return mean, lo, hi
}

// room is what deviations of dimension k of the state may cover: three times the range of what happened and of what was expected.
func (v view) room(k int) (least, most float64) {
	_, ys := v.states(func(x []float64) float64 { return x[k] }, v.e.States)
	mean, _, _ := v.forecast(k)
	least, most = math.Inf(1), math.Inf(-1)
	for _, y := range append(ys, mean...) {
		if finite(y) {
			least, most = min(least, y), max(most, y)
		}
	}
	span := max(most-least, 0.02*v.s.State[k].Scale)
	return least - span, most + span
}

// cut tells whether the deviations need more room than they have.
func (t trace) cut() bool {
	if t.kind != state {
		return false
	}
	_, lo, hi := t.forecast(t.index)
	least, most := t.room(t.index)
	for i := range lo {
		if lo[i] < least || hi[i] > most {
			return true
		}
	}
	return false
}

func (t trace) drawState(p *plot.Plot) {
	k := t.index
	p.Y.Label.Text = t.s.State[k].Label()
	of := func(x []float64) float64 { return x[k] }
	mean, lo, hi := t.forecast(k)
	least, most := t.room(k)
	for i := range lo {
		lo[i], hi[i] = max(lo[i], least), min(hi[i], most)
	}
	xs, ys := t.states(of, t.e.States)
	band(p, "", t.after[:len(mean)], lo, hi, theme.bound)
	for _, v := range levels(t.s, k) {
		level(p, "", v, theme.limit)
	}
	line(p, "", xs, ys, theme.measured, 2)
	if t.e.Real != nil {
		xs, ys = t.states(of, t.e.Real)
		line(p, "", xs, ys, theme.ink, 0.8)
	}
	line(p, "", t.after[:len(mean)], mean, theme.mean, 1.2, vg.Points(3), vg.Points(2))
	roomy(p, 0.05, 0.05)
}

func (t trace) drawLimit(p *plot.Plot) {
	l := t.s.Limits[t.index]
	p.Y.Label.Text = l.Name
	if l.Unit != "" {
		p.Y.Label.Text += " [" + l.Unit + "]"
	}
	var measured []float64
	for _, x := range t.e.Excess {
		measured = append(measured, l.Max+x[t.index])
	}
	level(p, "", l.Max, theme.limit)
	line(p, "", t.after[:len(measured)], measured, theme.measured, 2)
	roomy(p, 0.05, 0.08)
}

func (t trace) drawAction(p *plot.Plot) {
	p.Y.Label.Text = t.s.Action[t.index].Label()
	var xs, ys []float64
	for k, u := range t.e.Actions { // an action holds for its step
		xs, ys = append(xs, float64(k)*t.s.Dt, t.after[k]), append(ys, u[t.index], u[t.index])
	}
	line(p, "", xs, ys, theme.action, 1.1)
	p.Y.Min, p.Y.Max, p.Y.Tick.Marker = -1.1, 1.1, ticks{whole: true}
}
