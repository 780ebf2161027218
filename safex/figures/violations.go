package figures

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex/fig"
)

// histogram has a panel for each method: the violating steps of an episode, over all seeds and episodes, the random phase among them.
func (g *Gallery) histogram() (*fig.Figure, error) {
	rows, err := g.compared()
	if err == nil {
		rows, err = limited(rows)
	}
	if err != nil {
		return nil, err
	}
	f := fig.Grid{Tall: []float64{4.6}, Notes: []string{"All seeds and complete episodes together, the random phase among them; the vertical axis is that of square roots."}}
	for _, r := range rows {
		var charts []fig.Histogram
		most, high := 0, 0
		for _, m := range r.methods {
			c := fig.Histogram{Method: m.index, X: "violating steps of an episode", Y: "episodes"}
			count := map[int]int{}
			for _, o := range m.Runs {
				for _, e := range o.Episodes {
					if !e.Unfinished {
						c.Values = append(c.Values, e.Violations)
						count[e.Violations]++
						most, high = max(most, e.Violations), max(high, count[e.Violations])
					}
				}
			}
			c.Title = fmt.Sprintf("%s, %s: %d of %d without", r.task, m.label, count[0], len(c.Values))
			charts = append(charts, c)
		}
		for _, c := range charts {
			c.Most, c.High = most, high
			f.Charts = append(f.Charts, c)
		}
		fill(&f, rows)
	}
	return f.Figure(), nil
}

// violations has a panel for each method: the violating steps in each episode, as a mean over seeds.
func (g *Gallery) violations() (*fig.Figure, error) {
	rows, err := g.compared()
	if err == nil {
		rows, err = limited(rows)
	}
	if err != nil {
		return nil, err
	}
	f := fig.Grid{Tall: []float64{4.6}, Notes: []string{"Mean over the seeds that completed an episode. Episode 0 is the random phase."}}
	for _, r := range rows {
		var charts []fig.VerticalBars
		high := 0.0
		for _, m := range r.methods {
			c := fig.VerticalBars{Method: m.index, X: "episode", Y: "violating steps"}
			total, steps := 0, 0
			for e := range m.episodes() {
				var all []float64
				for _, o := range m.Runs {
					if e < len(o.Episodes) && !o.Episodes[e].Unfinished {
						all = append(all, float64(o.Episodes[e].Violations))
						total, steps = total+o.Episodes[e].Violations, steps+o.Episodes[e].Steps
					}
				}
				mean := stat.Mean(all, nil)
				c.Values, high = append(c.Values, mean), max(high, mean)
			}
			c.Title = fmt.Sprintf("%s, %s: %d of %d steps", r.task, m.label, total, steps)
			charts = append(charts, c)
		}
		for _, c := range charts {
			c.High = high
			f.Charts = append(f.Charts, c)
		}
		fill(&f, rows)
	}
	return f.Figure(), nil
}

// fill lets each task begin a new row of at most three columns.
func fill(f *fig.Grid, rows []row) {
	most := 0 // methods of a task
	for _, r := range rows {
		most = max(most, len(r.methods))
	}
	for f.Columns = min(3, most); len(f.Charts)%f.Columns > 0; {
		f.Charts = append(f.Charts, nil)
	}
}
