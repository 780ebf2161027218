package offline

import (
	"fmt"
	"io"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
)

// Markdown is the report as two tables.
func (r *Report) Markdown() string { return r.page().MarkdownString() }

// Text writes the same for a terminal.
func (r *Report) Text(w io.Writer) error { return r.page().Text(w) }

func (r *Report) page() *table.Page {
	p := &table.Page{}
	how := fmt.Sprintf("%d folds of whole episodes", r.Folds)
	if r.Blocks {
		how = fmt.Sprintf("%d blocks of rows, as there is one episode", r.Folds)
	}
	p.Say("%s of %s from %d transitions in %d episodes: %s, each predicted by a model of the others.", r.name(), r.Task, r.Transitions, r.Episodes, how)
	var rows, ahead [][]string
	for _, d := range r.Dimensions {
		rows = append(rows, []string{
			label(d), fmt.Sprintf("%.3g", d.RMSE), fmt.Sprintf("%.3g", d.Persistence), fmt.Sprintf("%.2f", d.NLL),
			fmt.Sprintf("%d of %d", d.Box.In, d.Box.Of), percent(d.Box),
		})
	}
	p.Add("", []string{"one step", "RMSE", "if nothing changed", "NLL", "in the box", "95 % interval"}, rows...)
	far := r.far()
	head := []string{"steps ahead"}
	for _, h := range far {
		head = append(head, fmt.Sprintf("RMSE of %d", h), "if nothing changed")
	}
	for _, d := range r.Dimensions {
		row := []string{label(d)}
		for _, h := range far {
			row = append(row, fmt.Sprintf("%.3g", d.Ahead[h-1].RMSE), fmt.Sprintf("%.3g", d.Ahead[h-1].Persistence))
		}
		ahead = append(ahead, row)
	}
	p.Add("", head, ahead...)
	β := fmt.Sprintf("β = %.3g", slices.Min(r.Betas))
	if least, most := slices.Min(r.Betas), slices.Max(r.Betas); least != most {
		β = fmt.Sprintf("β = %.3g to %.3g", least, most)
	}
	if r.Assumed {
		β += ", which is assumed, as the model asks for none"
	}
	p.Say("%d of %d transitions (%.1f %%, 95 %% interval %s) were in their box in all dimensions: |next - mean| ≤ β · epistemic, %s.", r.Box.In, r.Box.Of, 100*r.InBox.Of(), percent(r.Box), β)
	p.Say("The interval is that of Clopper and Pearson; it is too narrow for steps, which depend on each other.")
	if r.NaNs > 0 {
		p.Say("%d predictions were not numbers: they count as outside.", r.NaNs)
	}
	return p
}

// name is the model with its calibration.
func (r *Report) name() string { return r.Model + " (calibration " + r.Calibration + ")" }

// far are the numbers of steps that are shown: 1, 5 and the longest.
func (r *Report) far() (steps []int) {
	longest := len(r.Dimensions[0].Ahead)
	for _, h := range []int{1, 5, longest} {
		if h <= longest && !slices.Contains(steps, h) {
			steps = append(steps, h)
		}
	}
	return steps
}

func label(d Dimension) string {
	if d.Unit == "" {
		return d.Name
	}
	return d.Name + " [" + d.Unit + "]"
}

func percent(b Box) string { return fmt.Sprintf("%.1f to %.1f %%", 100*b.Lo, 100*b.Hi) }

// Figure shows, for each dimension, its predicted changes against the measured ones, with their boxes, and how the error grows with the steps
// that are predicted ahead, beside that of saying that nothing changes.
func (r *Report) Figure() *fig.Figure {
	const model, still = 0, 1
	g := fig.Grid{Columns: 2, Tall: []float64{4.8}, Key: []fig.Key{{Name: "the model's mean", Method: model}, {Name: "if nothing changed", Method: still}}}
	for k, d := range r.Dimensions {
		a := fig.Agreement{Title: "one step", X: "measured change of " + label(d), Y: "predicted"}
		for _, s := range r.sample {
			a.Measured, a.Predicted, a.Half = append(a.Measured, s.measured[k]), append(a.Predicted, s.predicted[k]), append(a.Half, s.half[k])
		}
		c := fig.Curves{Title: "RMSE of " + label(d), X: "steps ahead", Log: true, Lines: []fig.Curve{{Method: model}, {Method: still}}}
		for _, h := range d.Ahead {
			for i, v := range []float64{h.RMSE, h.Persistence} {
				c.Lines[i].X, c.Lines[i].Y = append(c.Lines[i].X, float64(h.Steps)), append(c.Lines[i].Y, v)
			}
		}
		g.Charts = append(g.Charts, a, c)
	}
	return g.Figure()
}

// JSON is the report on lines, with the numbers of every step ahead.
func (r *Report) JSON() ([]byte, error) { return encode.Indented(r) }
