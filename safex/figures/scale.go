package figures

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/bench"
)

// drawScale draws a file of safex bench --scale: how many times as long it takes as one quantity grows, a panel for plans, for
// rollouts and for what grows with the data, and the memory of a run.
func drawScale(path string) (*fig.Figure, error) {
	rows, err := bench.Read(path)
	if err != nil {
		return nil, err
	}
	g := fig.Grid{Columns: 2}
	var names []string // of lines, by their Method
	method := func(name string) int {
		if i := slices.Index(names, name); i >= 0 {
			return i
		}
		names = append(names, name)
		g.Key = append(g.Key, fig.Key{Name: name, Method: len(names) - 1})
		return len(names) - 1
	}
	for _, panel := range []struct {
		title, x string
		of       func(r bench.Row) bool
		name     func(r bench.Row) string
	}{
		{"a plan", "times as much", func(r bench.Row) bool { return r.What == "plan" }, func(r bench.Row) string { return r.Against }},
		{"a rollout", "times as much", func(r bench.Row) bool { return r.What == "rollout" && r.Model == "" }, func(r bench.Row) string { return r.Against }},
		{"learning, and rolling out", "times as many transitions", func(r bench.Row) bool { return r.Model != "" }, func(r bench.Row) string {
			return map[string]string{"fit": "a fit, ", "rollout": "a rollout, "}[r.What] + r.Model
		}},
	} {
		var exponents []string
		chart := fig.Growth{Title: panel.title, X: panel.x, Y: "times as long", Linear: true}
		for _, line := range bench.Lines(rows, panel.of) {
			first := line[0]
			c := fig.Curve{Method: method(panel.name(first))}
			for _, r := range line {
				c.X, c.Y = append(c.X, float64(r.Size())/float64(first.Size())), append(c.Y, r.P50/first.P50)
			}
			chart.Lines = append(chart.Lines, c)
			exponents = append(exponents, fmt.Sprintf("%s %.2f (%d to %d)", panel.name(first), first.Exponent, first.Size(), line[len(line)-1].Size()))
		}
		if len(chart.Lines) > 0 {
			g.Charts = append(g.Charts, chart)
			g.Notes = append(g.Notes, fmt.Sprintf("Exponents, %s: %s.", panel.title, strings.Join(exponents, ", ")))
		}
	}
	for _, line := range bench.Lines(rows, func(r bench.Row) bool { return r.What == "memory" }) {
		c := fig.Curve{Method: method("memory")}
		for _, r := range line {
			c.X, c.Y = append(c.X, float64(r.Size())), append(c.Y, r.MB)
		}
		g.Charts = append(g.Charts, fig.Curves{Title: "a run that goes on", X: "episodes", Y: "resident memory [MB]", Lines: []fig.Curve{c}, Zero: true})
	}
	g.Notes = append(g.Notes, "Dashed: a slope of 1, as much longer as there is more. The exponent of the width is in the products of its layers, which grow as its square.")
	return g.Figure(), nil
}
