package figures

import (
	"errors"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
)

// filtered has a panel for each task on which there are runs with a filter and runs without: what both return. The notes count the steps beyond a limit.
func (g *Gallery) filtered() (*fig.Figure, error) {
	rows := slices.DeleteFunc(g.rows(func(m *report.Method) bool { return plain(m) || m.Filter != "" }), func(r row) bool {
		with := func(m method) bool { return m.Filter != "" }
		return !r.planned() || !slices.ContainsFunc(r.methods, with) || !slices.ContainsFunc(r.methods, func(m method) bool { return !with(m) })
	})
	if len(rows) == 0 {
		return nil, errors.New("there is no task with runs that have a filter beside runs that have none: see filter.yaml of the studies")
	}
	for _, r := range rows {
		for i := range r.methods {
			m := &r.methods[i]
			own := m.Agent().String() // without the name of the variant that only says so again
			if !slices.ContainsFunc(r.methods, func(o method) bool { return o.Method != m.Method && o.Agent() == m.Agent() }) {
				m.label = own
			}
		}
	}
	looks := looksOf(rows)
	for _, r := range rows {
		for i := range r.methods {
			r.methods[i].index = looks[r.methods[i].label]
		}
	}
	return g.sideBySide(rows), nil
}

// alone has a panel for each task: what the methods that are no variants return. It is the half of the figure learning that fits a screen.
func (g *Gallery) alone() (*fig.Figure, error) {
	rows, err := g.compared()
	if err != nil {
		return nil, err
	}
	if rows = slices.DeleteFunc(rows, func(r row) bool { return !r.planned() }); len(rows) == 0 {
		return nil, errNotPlanned
	}
	var all []method
	for _, r := range rows {
		all = append(all, r.methods...)
	}
	names, shared := apart(all)
	for _, r := range rows {
		for i := range r.methods {
			r.methods[i].label, names = names[0], names[1:]
		}
	}
	return g.sideBySide(rows, shared), nil
}

// sideBySide draws returns, a panel for each row. The notes say what all methods share, if it is said, and count the steps beyond a limit.
func (g *Gallery) sideBySide(rows []row, shared ...string) *fig.Figure {
	f := fig.Grid{Columns: min(2, len(rows)), Key: keys(rows), Tall: []float64{5.2}}
	var notes notes
	notes.add("Returns: interquartile mean over seeds with its 95 %% bootstrap interval.")
	for _, words := range shared {
		if words != "" {
			notes.add("All of them: %s.", words)
		}
	}
	notes.few(rows)
	kept, others := 0, false
	for _, r := range rows {
		f.Charts = append(f.Charts, g.returns(r, nil, &notes))
		for _, m := range r.methods {
			steps, beyond, broken := 0, 0, 0
			for i := range m.Runs {
				steps += m.Runs[i].Steps()
				if v := m.Runs[i].Violations(); v > 0 {
					beyond, broken = beyond+v, broken+1
				}
			}
			if beyond > 0 {
				others = true
				notes.add("%s, %s: %d of %d steps broke a limit, in %d of %d runs.", r.task, m.label, beyond, steps, broken, len(m.Runs))
			} else {
				kept += steps
			}
		}
	}
	switch {
	case kept > 0 && others:
		notes.add("None of the %d steps of all other runs that are drawn broke a limit, the random ones among them.", kept)
	case kept > 0:
		notes.add("None of the %d steps of all runs that are drawn broke a limit, the random ones among them.", kept)
	}
	f.Notes = notes.lines
	return f.Figure()
}
