package lab

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/run"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// Report is a Markdown table of run folders, a row for each set of settings that differ in more than their
// seed. Violations count from the first random step on, those of an unfinished episode too; returns
// are those of single complete episodes.
func Report(dirs []string) (string, error) {
	var groups []*group
	seen := map[string]bool{}
	for _, dir := range dirs {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			if seen[real] {
				continue // named twice
			}
			seen[real] = true
		}
		s, system, err := read(dir)
		if err != nil {
			return "", err
		}
		episodes, err := run.Episodes(system, dir)
		if err != nil {
			return "", err
		}
		g := find(&groups, s, system)
		g.runs++
		steps, violating := 0, 0
		for _, e := range episodes {
			steps, violating = steps+len(e.Actions), violating+e.Violations(system.Budgets()...)
			for k, w := range e.WorstExcess(len(g.worst)) {
				g.worst[k] = max(g.worst[k], w)
			}
			if e.Number >= from && len(e.Actions) == system.Steps {
				g.late = append(g.late, e.Return())
			}
		}
		g.steps, g.violating = g.steps+steps, g.violating+violating
		if violating == 0 {
			g.clean++
		}
		if steps < s.Explore+s.Episodes*system.Steps {
			g.unfinished++
		}
	}
	if len(groups) == 0 {
		return "", fmt.Errorf("report wants run folders, as in: safex report runs/*")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| task | planner | runs | runs without a violation | runs with one, at most (95 %%) | violating steps | largest excess | return from episode %d on: worst, median, best |\n", from)
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, g := range groups {
		b.WriteString(g.row())
	}
	return b.String(), nil
}

// from is the first episode whose return counts as learned.
const from = 5

// group is runs that differ in their seed alone.
type group struct {
	settings, name          string
	system                  *safex.System
	runs, clean, unfinished int       // clean ones are without a violation
	steps, violating        int       // of the real system
	worst                   []float64 // largest excess of each limit, in its unit
	late                    []float64 // returns from episode from on
}

// find is the group of a run, a new one if it is the first of its settings.
func find(groups *[]*group, s *Settings, system *safex.System) *group {
	bare := *s
	bare.Seed, bare.Build, bare.Episodes = 0, "", 0
	text, err := json.Marshal(bare)
	if err != nil {
		panic(err) // run.yaml was written from settings, and read
	}
	name := s.Planner
	if s.Model != models[0].name {
		name += ", " + s.Model
	}
	if s.Calibrating != nil {
		name += ", " + s.Calibrate
	}
	others := 0
	for _, g := range *groups {
		if g.settings == string(text) {
			return g
		}
		if (g.name == name || strings.HasPrefix(g.name, name+" (")) && g.system.Name == s.Task {
			others++
		}
	}
	g := &group{settings: string(text), name: name, system: system}
	if others > 0 {
		g.name += fmt.Sprintf(" (other settings, %d)", others+1)
	}
	for range system.Limits {
		g.worst = append(g.worst, math.Inf(-1))
	}
	*groups = append(*groups, g)
	return g
}

// row is the group's line of the table.
func (g *group) row() string {
	runs := fmt.Sprint(g.runs)
	if g.unfinished > 0 {
		runs += fmt.Sprintf(" (%d unfinished)", g.unfinished)
	}
	var worst []string
	for k, l := range g.system.Limits {
		worst = append(worst, strings.TrimSpace(fmt.Sprintf("%s %.3f %s", l.Name, g.worst[k], l.Unit)))
	}
	returns := "–"
	if n := len(g.late); n > 0 {
		slices.Sort(g.late)
		returns = fmt.Sprintf("%.0f, %.0f, %.0f", g.late[0], (g.late[(n-1)/2]+g.late[n/2])/2, g.late[n-1])
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %.0f %% | %d of %d | %s | %s |\n",
		g.system.Name, g.name, runs, g.clean, 100*stats.AtMost(g.runs-g.clean, g.runs, 0.95), g.violating, g.steps, strings.Join(worst, ", "), returns)
}
