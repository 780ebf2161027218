package figures

import (
	"cmp"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
)

// ReturnsName is the figure of returns alone, which is drawn where it is asked for.
const ReturnsName = "returns"

// returnsAlone has a panel for each task and study: returns of all methods, whether they are variants or not. The same variant has the same colour everywhere.
func (g *Gallery) returnsAlone() (*fig.Figure, error) {
	rows := g.methods(func(*report.Method) bool { return true })
	if len(rows) == 0 {
		return nil, errNone
	}
	if !slices.ContainsFunc(rows, row.planned) {
		return nil, errNotPlanned
	}
	f := fig.Grid{}
	var notes notes
	var labels []string
	for _, r := range rows {
		var parts []row
		for _, m := range r.methods {
			m.label = cmp.Or(m.Variant, m.label)
			if !slices.Contains(labels, m.label) {
				labels = append(labels, m.label)
				f.Key = append(f.Key, fig.Key{Name: m.label, Method: len(labels) - 1})
			}
			m.index = slices.Index(labels, m.label)
			k := slices.IndexFunc(parts, func(p row) bool { return p.methods[0].Study == m.Study })
			if k < 0 {
				k, parts = len(parts), append(parts, row{task: r.task})
			}
			parts[k].methods = append(parts[k].methods, m)
		}
		for _, p := range parts {
			c := g.returns(p, nil, &notes)
			c.Title = cmp.Or(p.methods[0].Study, r.task) + ": return of an episode"
			f.Charts = append(f.Charts, c)
			for _, m := range p.methods {
				notes.add("Of a method, %s.", m.seeds())
			}
		}
		notes.few(parts)
	}
	f.Columns = min(2, len(f.Charts))
	f.Tall = slices.Repeat([]float64{7}, (len(f.Charts)+f.Columns-1)/f.Columns)
	text := "Interquartile mean over seeds with its 95 % bootstrap interval."
	if g.Band == MinMax {
		text = "Mean over seeds, and all seeds around it."
	}
	f.Notes = append([]string{text}, notes.lines...)
	return f.Figure(), nil
}
