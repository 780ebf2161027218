package widgets

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/live"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Episode lets a hand go through the steps of an episode of a run: where the system was, what had been believed a step before and how surely, how far
// errors could lead in the plan of the time, and who decided.
func Episode(r *store.Saved, number int) (live.Widget, error) {
	for _, e := range r.Episodes {
		if e.Number != number {
			continue
		}
		v := episode{r.System, e}
		n := v.len()
		if n < 2 || len(r.System.Limits) == 0 {
			return live.Widget{}, fmt.Errorf("widgets: episode %d of %s has %d steps and %d limits: there is nothing to go through", number, r.Dir, n, len(r.System.Limits))
		}
		return live.Widget{
			Name:     fmt.Sprintf("Step by step through episode %d", number),
			Controls: []live.Control{{Name: "step", Label: "step", Min: 0, Max: float64(n - 1), Step: 1, Start: []float64{float64(n / 4)}}},
			Handles:  []live.Handle{{Control: "step", Along: true, Scale: r.System.Dt}},
			View:     v.view,
		}, nil
	}
	return live.Widget{}, fmt.Errorf("widgets: there is no episode %d in %s, which has %d", number, r.Dir, len(r.Episodes))
}

// episode is what is gone through.
type episode struct {
	system *safex.System
	safex.Episode
}

// len is the number of steps whose next state is known: a run folder keeps the states before each.
func (v episode) len() int { return min(len(v.Actions), len(v.States)-1) }

func (v episode) view(_ context.Context, at live.Values) (*live.View, error) {
	s, step := v.system, at.Int("step")
	q := quantityOf(s, 0)
	measured, mean := fig.Line{Name: "measured"}, fig.Line{Name: "predicted", Dashed: true}
	off, cover := fig.Line{Name: "less predicted, in its box"}, fig.Line{}
	values := q.of(v.Trajectory)
	for t := range v.len() {
		x := float64(t+1) * s.Dt
		measured.X, measured.Y = append(measured.X, x), append(measured.Y, values[t+1])
		f := v.forecast(t)
		lo, hi, predicted, box := math.NaN(), math.NaN(), math.NaN(), math.NaN()
		if len(f.Worst) > 0 {
			hi = s.Limits[0].Max + f.Worst[0]
			lo = hi
			if len(q.panel.Levels) == 2 {
				lo = -hi
			}
		}
		if q.state >= 0 && f.Mean != nil {
			predicted, box = f.Mean[q.state], f.BoxBeta()*f.Epistemic[q.state]
		}
		measured.Lo, measured.Hi = append(measured.Lo, lo), append(measured.Hi, hi)
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, predicted)
		off.X, off.Y = append(off.X, x), append(off.Y, values[t+1]-predicted)
		off.Lo, off.Hi = append(off.Lo, -box), append(off.Hi, box)
		cover.X, cover.Y = append(cover.X, x-s.Dt, x), append(cover.Y, rank(f.Cover), rank(f.Cover))
	}
	panel := q.panel
	panel.Lines = []fig.Line{measured, mean}
	panels := []fig.Panel{panel}
	if q.state >= 0 {
		panels = append(panels, fig.Panel{Label: "off by", Lines: []fig.Line{off}})
	}
	panels = append(panels, torque(s, fig.Line{}, fig.Line{}, steps("", s, v.Actions[:v.len()])),
		fig.Panel{Title: "decided by: 4 plan, 3 kernel, 2 tail, 1 backup, 0 nobody", Label: "cover", Lines: []fig.Line{cover}, From: -0.3, To: 4.3})
	cursor := float64(step+1) * s.Dt
	broken := v.Broken(s.Budgets()...)[step]
	view := &live.View{Panels: panels, Axis: "time [s]", Cursor: &cursor}
	var believed [][]float64
	if f := v.forecast(step); f.Mean != nil {
		believed = append(believed, f.Mean)
	}
	view.Sketch = live.SketchOf(s, v.States[step+1], v.Actions[step], believed...)
	for k := range s.Limits {
		view.Alarm = view.Alarm || broken[k]
	}
	if view.Sketch != nil {
		view.Sketch.Broken = view.Alarm
	}
	view.Notes = v.notes(step, q, values[step+1])
	return view, nil
}

// forecast is what was said before step t; of a step of which nothing was it is empty.
func (v episode) forecast(t int) (f safex.Forecast) {
	if t < len(v.Forecasts) {
		f = v.Forecasts[t]
	}
	return f
}

// notes say what happened in a step.
func (v episode) notes(step int, q quantity, came float64) []string {
	s, f := v.system, v.forecast(step)
	var gauges []string
	for k, l := range s.Limits {
		gauges = append(gauges, strings.TrimSpace(fmt.Sprintf("%s %.2f of %g %s", l.Name, l.Max+v.Excess[step][k], l.Max, l.Unit)))
	}
	notes := []string{fmt.Sprintf("Step %d of %d: %s; reward %.2f.", step+1, v.len(), strings.Join(gauges, ", "), v.Rewards[step])}
	if q.state >= 0 && f.Mean != nil {
		mean, box := f.Mean[q.state], f.BoxBeta()*f.Epistemic[q.state]
		held := "inside"
		if math.Abs(came-mean) > box {
			held = "outside"
		}
		notes = append(notes, fmt.Sprintf("Believed %.4f ± %.4f (β = %.2f), came %.4f: %s of the box.", mean, box, f.BoxBeta(), came, held))
	}
	switch f.Cover {
	case "":
	case safex.CoverPlanned:
		notes = append(notes, "The plan was executed: a tube proves it into the backup's set.")
	case safex.CoverKernel:
		notes = append(notes, "The plan was executed: the box of its next state lies in the backup's set.")
	case safex.CoverTail:
		notes = append(notes, "The plan was not proved: the rest of an earlier one, which was, is executed.")
	case safex.CoverBackup:
		notes = append(notes, "The plan was not proved: an action of the backup is executed.")
	default:
		notes = append(notes, "Nothing was proved of this step.")
	}
	return notes
}

// rank orders covers, the planner's own highest; NaN where no filter looked.
func rank(c safex.Cover) float64 {
	for i, known := range safex.Covers() {
		if c == known {
			return float64(len(safex.Covers()) - 1 - i)
		}
	}
	return math.NaN()
}
