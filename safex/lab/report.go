package lab

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"

	"github.com/rischiboy/safe_exploration/safex/run"
)

// Report is a Markdown table of run folders, a row for each task and planner. Violations count from the
// first random step on; returns are those of single episodes.
func Report(dirs []string) (string, error) {
	type group struct {
		task, planner    string
		runs, clean      int // runs, and those without a violation
		steps, violating int
		worst            float64   // largest excess of any limit, in its unit
		late             []float64 // returns from episode from on
	}
	var groups []*group
	for _, dir := range dirs {
		s, _, err := read(dir)
		if err != nil {
			return "", err
		}
		sums, err := run.Summaries(dir)
		if err != nil {
			return "", err
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.task == s.Task && g.planner == s.Planner })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{task: s.Task, planner: s.Planner, worst: math.Inf(-1)})
		}
		g := groups[i]
		g.runs++
		violating := 0
		for _, sum := range sums {
			g.steps, violating = g.steps+sum.Steps, violating+sum.Violations
			for _, w := range sum.Worst {
				g.worst = max(g.worst, w)
			}
			if sum.Episode >= from {
				g.late = append(g.late, sum.Return)
			}
		}
		g.violating += violating
		if violating == 0 {
			g.clean++
		}
	}
	if len(groups) == 0 {
		return "", fmt.Errorf("report wants run folders, as in: safex report runs/*")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| task | planner | runs | runs without a violation | violating steps | largest excess | return from episode %d on: worst, median, best |\n", from)
	b.WriteString("|---|---|---|---|---|---|---|\n")
	for _, g := range groups {
		returns := "–"
		if len(g.late) > 0 {
			slices.Sort(g.late)
			returns = fmt.Sprintf("%.0f, %.0f, %.0f", floats.Min(g.late), g.late[len(g.late)/2], floats.Max(g.late))
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d of %d | %.3f | %s |\n", g.task, g.planner, g.runs, g.clean, g.violating, g.steps, g.worst, returns)
	}
	return b.String(), nil
}

// from is the first episode whose return counts as learned.
const from = 5
