package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// learning has a row for each task: returns, and total violations.
func (g *Gallery) learning() (*fig.Figure, error) {
	rows, err := g.compared()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(rows, row.planned) {
		return nil, errNotPlanned
	}
	return g.compare(rows, false, true), nil
}

// compare draws rows: β over the episodes if it is asked for, returns, and total violations.
func (g *Gallery) compare(rows []row, beta, published bool) *fig.Figure {
	f := fig.Grid{Columns: 2, Key: keys(rows)}
	if beta {
		f.Columns = 3
	}
	var notes notes
	limits := false
	for _, r := range rows {
		var others []Published
		for _, p := range g.Published {
			if published && p.Task == r.task {
				others = append(others, p)
				notes.add("%s: %s.", p.Name, p.Source)
			}
		}
		if beta {
			f.Charts = append(f.Charts, r.betas())
		}
		f.Charts = append(f.Charts, g.returns(r, others, &notes))
		if boxes := r.boxes(len(rows) > 1, others, &notes); boxes != nil {
			f.Charts, limits = append(f.Charts, *boxes), true
		} else {
			f.Charts = append(f.Charts, nil)
			notes.add("Task %s has no limit.", r.task)
			for _, m := range r.methods {
				if len(rows) > 1 {
					notes.add("Task %s, %s: %s.", r.task, m.label, m.seeds())
				}
			}
		}
		for _, p := range others {
			if p.Returns != nil && !slices.ContainsFunc(f.Key, func(k fig.Key) bool { return k.Method == fig.Published }) {
				f.Key = append(f.Key, fig.Key{Name: p.Name + ", 1 run", Method: fig.Published})
			}
		}
		f.Tall = append(f.Tall, 3.2+0.62*float64(max(6, len(r.methods)+len(others))))
	}
	text := "Returns: interquartile mean over seeds with its 95 % bootstrap interval."
	if g.Band == MinMax {
		text = "Returns: mean over seeds, and all seeds around it."
	}
	if limits {
		text += " Violating steps: of a whole run, from the first random step on, a mark for each."
	}
	f.Notes = append(f.Notes, text)
	if g.Band == IQM {
		notes.few(rows)
	}
	f.Notes = append(f.Notes, notes.lines...)
	return f.Figure()
}

// notes are sentences, each once.
type notes struct{ lines []string }

func (n *notes) add(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(n.lines, line) {
		n.lines = append(n.lines, line)
	}
}

// few warns of intervals of few seeds.
func (n *notes) few(rows []row) {
	for _, r := range rows {
		for _, m := range r.methods {
			if k := len(m.Runs); k > 1 && k < 10 {
				n.add("Bootstrap intervals of fewer than ten seeds are too narrow.")
			}
		}
	}
}

// returns is the return of each planned episode.
func (g *Gallery) returns(r row, others []Published, notes *notes) fig.Curves {
	c := fig.Curves{Title: r.task + ": return of an episode", X: "episode", Y: "return"}
	for _, m := range r.methods {
		curve := fig.Curve{Method: m.index}
		bands, nans := false, 0
		for e := range m.episodes() {
			values := m.returns(e)
			if !m.planned(e) || len(values) == 0 {
				continue
			}
			x := stats.Estimate{}
			if g.Band == MinMax {
				x = stats.Estimate{Value: stat.Mean(values, nil), Lo: slices.Min(values), Hi: slices.Max(values)}
			} else {
				x = estimate(stats.IQM, values, stream(&m).Child("return").At(e))
			}
			for _, v := range values {
				if math.IsNaN(v) {
					nans++
				}
			}
			bands = bands || len(values) > 1
			curve.X, curve.Y = append(curve.X, float64(e)), append(curve.Y, x.Value)
			curve.Lo, curve.Hi = append(curve.Lo, x.Lo), append(curve.Hi, x.Hi)
		}
		if !bands {
			curve.Lo, curve.Hi = nil, nil
		}
		if nans > 0 {
			notes.add("NaN among the returns of %s, which count as the worst: %d.", m.label, nans)
		}
		c.Lines = append(c.Lines, curve)
	}
	for _, p := range others {
		curve := fig.Curve{Method: fig.Published}
		for i, v := range p.Returns {
			curve.X, curve.Y = append(curve.X, float64(i+1)), append(curve.Y, v)
		}
		c.Lines = append(c.Lines, curve)
	}
	return c
}

// boxes are the violating steps of each finished run; nil of a task without a limit. Where it is asked for, they say how many seeds there are.
func (r row) boxes(counted bool, others []Published, notes *notes) *fig.BoxPlots {
	if !slices.ContainsFunc(r.methods, func(m method) bool { return len(m.Limits) > 0 }) {
		return nil
	}
	var unfinished []string
	b := &fig.BoxPlots{Title: r.task + ": violating steps of a run", X: "violating steps"}
	for _, m := range r.methods {
		if n := len(m.Runs) - len(m.finished()); n > 0 {
			unfinished = append(unfinished, fmt.Sprintf("%d of %s", n, m.label))
		}
		name := m.label
		if counted {
			name += ", " + m.seeds()
		}
		totals := m.totals()
		b.Rows = append(b.Rows, fig.Box{Name: name + span(totals), Method: m.index, Values: totals})
	}
	if len(unfinished) > 0 {
		notes.add("Violating steps on %s are without the runs that are not finished: %s.", r.task, strings.Join(unfinished, ", "))
	}
	for _, p := range others {
		b.Rows = append(b.Rows, fig.Box{Name: fmt.Sprintf("%s,\n%d episodes: %d", p.Name, p.Episodes, p.Violating), Method: fig.Published, Values: []float64{float64(p.Violating)}})
	}
	return b
}

// span is the range of whole numbers, which boxes beside larger ones do not show.
func span(values []float64) string {
	if len(values) == 0 {
		return ""
	}
	least, most := slices.Min(values), slices.Max(values)
	if least == most {
		return fmt.Sprintf(": %g", least)
	}
	return fmt.Sprintf(": %g to %g", least, most)
}

// betas is the mean β over runs of the last plan of each episode.
func (r row) betas() fig.Curves {
	c := fig.Curves{Title: r.task + ": β in force", X: "episode", Y: "β", Zero: true}
	for _, m := range r.methods {
		curve := fig.Curve{Method: m.index}
		for e := range m.episodes() {
			var all []float64
			for _, o := range m.Runs {
				if e < len(o.Episodes) && !o.Episodes[e].Unfinished {
					all = append(all, o.Episodes[e].Beta)
				}
			}
			if m.planned(e) && len(all) > 0 {
				curve.X, curve.Y = append(curve.X, float64(e)), append(curve.Y, stat.Mean(all, nil))
			}
		}
		c.Lines = append(c.Lines, curve)
	}
	return c
}
