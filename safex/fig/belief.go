package fig

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Section is a line through the states and actions of a system.
type Section struct {
	Label    string // of the parameter that runs along it, with its unit
	From, To float64
	At       func(v float64) (x, u []float64) // point of the line
	Of       func(x, u []float64) float64     // parameter nearest to a point, to mark data by; nil marks none
	State    int                              // dimension of the next state that is looked at
}

// A Belief is a model with a name.
type Belief struct {
	Name  string
	Model safex.Model
}

// points are where a section is drawn.
const points = 240

// walk is the section's parameters, and the states and actions there.
func (c Section) walk(s *safex.System) (vs []float64, x, u num.Batch) {
	x, u = num.NewBatch(len(s.State), points), num.NewBatch(len(s.Action), points)
	for i := range points {
		v := c.From + (c.To-c.From)*float64(i)/(points-1)
		at, action := c.At(v)
		if len(at) != len(s.State) || len(action) != len(s.Action) {
			panic(fmt.Sprintf("fig: a section of %d states and %d actions through a system of %d and %d", len(at), len(action), len(s.State), len(s.Action)))
		}
		x.SetPoint(i, at)
		u.SetPoint(i, action)
		vs = append(vs, v)
	}
	return vs, x, u
}

// Beliefs shows what models of s think of the change along a section, a panel for each: the mean, the box of
// β epistemic deviations, where β is the model's own or else beta, and around it the normal 95 % of the aleatoric
// deviation. The truth is dashed, unless the real system is a plant, and ticks mark the transitions of data, which may be nil.
func Beliefs(s *safex.System, c Section, data *safex.Data, beta float64, models ...Belief) (*Figure, error) {
	vs, x, u := c.walk(s)
	truth := num.NewBatch(len(s.State), points)
	for d := range truth {
		copy(truth[d], x[d]) // where it stays, as far as anybody knows of a plant
	}
	if !s.Outside() {
		s.Dynamics.EvalBatch(truth, slices.Concat(x, u))
	}
	change := func(next []float64) []float64 {
		d := slices.Clone(next)
		for i := range d {
			d[i] -= x[c.State][i]
		}
		return d
	}
	moved := change(truth[c.State])
	lo, hi := slices.Min(moved), slices.Max(moved)
	span := max(hi-lo, 0.02*s.State[c.State].Scale)
	lo, hi = lo-0.7*span, hi+1.1*span // with room for the legend
	cut := func(v float64) float64 { return min(max(v, lo), hi) }
	f := &Figure{width: 16 * vg.Centimeter}
	for k, m := range models {
		var p safex.Prediction
		if err := m.Model.Predict(&p, x, u); err != nil {
			return nil, fmt.Errorf("fig: %s: %w", m.Name, err)
		}
		β := safex.BetaOf(m.Model)
		if β == 0 {
			β = beta
		}
		pl := panel(m.Name, "", "Δ "+s.State[c.State].Label())
		pl.Title.TextStyle.Font.Size, pl.Title.Padding = vg.Points(10.5), vg.Points(2)
		mean := change(p.Mean[c.State])
		var outer, inner [2][]float64
		for i, v := range mean {
			box, noise := β*p.Epistemic[c.State][i], 1.96*p.Aleatoric[c.State][i]
			if w := s.NoiseBox(); w != nil {
				box += w[c.State]
			}
			for side, sign := range []float64{-1, 1} {
				inner[side] = append(inner[side], cut(v+sign*box))
				outer[side] = append(outer[side], cut(v+sign*(box+noise)))
			}
			mean[i] = cut(v)
		}
		names := [4]string{fmt.Sprintf("β = %.3g epistemic", β)}
		if k == 0 {
			names = [4]string{names[0], "and 95 % aleatoric", "mean", "truth"}
		}
		band(pl, names[1], vs, outer[0], outer[1], theme.beyond)
		band(pl, names[0], vs, inner[0], inner[1], theme.bound)
		line(pl, names[2], vs, mean, theme.measured, 1.8)
		if !s.Outside() {
			line(pl, names[3], vs, moved, theme.ink, 1.2, vg.Points(4), vg.Points(3))
		}
		marks(pl, c, data, lo, lo+0.06*(hi-lo))
		pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = c.From, c.To, lo, hi
		if k == len(models)-1 {
			pl.X.Label.Text = c.Label
		}
		f.add(pl, 2.1)
	}
	return f, nil
}

// marks draws a tick for each transition.
func marks(p *plot.Plot, c Section, data *safex.Data, lo, hi float64) {
	if data == nil || c.Of == nil {
		return
	}
	for i := range data.Len() {
		if v := c.Of(data.X.Point(i), data.U.Point(i)); v >= c.From && v <= c.To {
			line(p, "", []float64{v, v}, []float64{lo, hi}, theme.action, 0.5)
		}
	}
}

// Epistemic shows the epistemic deviation of models of s along a section, on a logarithmic scale, in one panel.
func Epistemic(s *safex.System, c Section, models ...Belief) (*Figure, error) {
	vs, x, u := c.walk(s)
	v := s.State[c.State]
	label := "log10 of the epistemic deviation of " + v.Name
	if v.Unit != "" {
		label += " [" + v.Unit + "]"
	}
	pl := panel("", c.Label, label)
	for k, m := range models {
		var p safex.Prediction
		if err := m.Model.Predict(&p, x, u); err != nil {
			return nil, fmt.Errorf("fig: %s: %w", m.Name, err)
		}
		logs := make([]float64, points)
		for i, e := range p.Epistemic[c.State] {
			logs[i] = math.Log10(e)
		}
		line(pl, m.Name, vs, logs, series(k), 1.6)
	}
	pl.X.Min, pl.X.Max = c.From, c.To
	roomy(pl, 0.05, 0.5)
	return &Figure{panels: []*plot.Plot{pl}, tall: []float64{1}, width: 16 * vg.Centimeter, height: 8 * vg.Centimeter}, nil
}
