package fig

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

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

// Beliefs shows what models of s think of the change along a section, a panel for each, side by side where there are several: the mean, the box of
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
	lo, hi = lo-0.7*span, hi+0.5*span
	cut := func(v float64) float64 { return min(max(v, lo), hi) }
	f := &Figure{columns: min(2, max(1, len(models)))}
	f.width = widths[f.columns] * vg.Centimeter
	for k, m := range models {
		var p safex.Prediction
		if err := m.Model.Predict(&p, x, u); err != nil {
			return nil, fmt.Errorf("fig: %s: %w", m.Name, err)
		}
		β := safex.BetaOf(m.Model)
		if β == 0 {
			β = beta
		}
		pl := chart(fmt.Sprintf("%s, β = %.3g", m.Name, β), "", "Δ "+s.State[c.State].Label())
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
		band(pl, "", vs, outer[0], outer[1], noiseColor)
		band(pl, "", vs, inner[0], inner[1], boxColor)
		stroke(pl, vs, mean, believedStyle)
		if !s.Outside() {
			stroke(pl, vs, moved, truthStyle)
		}
		marks(pl, c, data, lo, lo+0.06*(hi-lo))
		pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = c.From, c.To, lo, hi
		if k >= len(models)-f.columns {
			pl.X.Label.Text = c.Label
		}
		f.panels = append(f.panels, pl)
	}
	for len(f.panels)%f.columns > 0 {
		f.panels = append(f.panels, nil)
	}
	for range len(f.panels) / f.columns {
		f.tall = append(f.tall, 4.2)
		f.height += 4.2 * vg.Centimeter
	}
	f.height += 2 * pad
	f.explain(beliefKey(!s.Outside(), data != nil && c.Of != nil))
	return f, nil
}

// Lines and areas of a belief.
var (
	boxColor      = color.RGBA{176, 205, 238, 255}
	noiseColor    = color.RGBA{240, 222, 196, 255}
	believedStyle = draw.LineStyle{Color: theme.measured, Width: vg.Points(1.8)}
	truthStyle    = draw.LineStyle{Color: theme.ink, Width: vg.Points(1.2), Dashes: []vg.Length{vg.Points(4), vg.Points(3)}}
)

// beliefKey says what is what.
func beliefKey(truth, data bool) []Key {
	line := func(name string, s draw.LineStyle) Key {
		return Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Line{LineStyle: s}}}
	}
	area := func(name string, c color.Color) Key {
		return Key{Name: name, thumb: []plot.Thumbnailer{&plotter.Polygon{Color: c}}}
	}
	keys := []Key{line("mean", believedStyle), area("β epistemic deviations", boxColor), area("and 95 % of the noise", noiseColor)}
	if truth {
		keys = append(keys, line("truth", truthStyle))
	}
	if data {
		keys = append(keys, line("data", draw.LineStyle{Color: theme.action, Width: vg.Points(3)}))
	}
	return keys
}

// stroke is a line in a style.
func stroke(p *plot.Plot, xs, ys []float64, s draw.LineStyle) {
	line(p, "", xs, ys, s.Color, s.Width.Points(), s.Dashes...)
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
	unit := ""
	if v.Unit != "" {
		unit = " of " + v.Unit
	}
	pl := chart("epistemic deviation of "+v.Name, c.Label, "log10"+unit)
	var lines []Line
	for _, m := range models {
		var p safex.Prediction
		if err := m.Model.Predict(&p, x, u); err != nil {
			return nil, fmt.Errorf("fig: %s: %w", m.Name, err)
		}
		logs := make([]float64, points)
		for i, e := range p.Epistemic[c.State] {
			logs[i] = math.Log10(e)
		}
		lines = append(lines, Line{Name: m.Name, X: vs, Y: logs})
	}
	keys := drawn(pl, lines)
	pl.X.Min, pl.X.Max = c.From, c.To
	roomy(pl, 0.05, 0.05)
	f := &Figure{panels: []*plot.Plot{pl}, tall: []float64{1}, width: 16 * vg.Centimeter, height: 7 * vg.Centimeter}
	f.explain(keys)
	return f, nil
}
