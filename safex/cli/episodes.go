package cli

import (
	"fmt"
	"io"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// An episodeTable is the table of the episodes of a run, which has columns that its settings ask for.
type episodeTable struct {
	limits   []safex.Limit
	hurried  bool // plans have a deadline
	realtime bool // actions are due
	filtered bool // a filter looks at them
}

// episodesOf is the table of a run of s, whose task is system.
func episodesOf(s *experiment.Spec, system *safex.System) episodeTable {
	return episodeTable{limits: system.Limits, hurried: s.Deadline > 0 || s.Realtime, realtime: s.Realtime, filtered: s.Filter != nil}
}

// heading is the first line.
func (t episodeTable) heading() string {
	h := fmt.Sprintf("%7s %-7s %5s %9s %10s", "episode", "phase", "steps", "return", "violations")
	for _, l := range t.limits {
		h += fmt.Sprintf(" %10s", excess(l))
	}
	h += fmt.Sprintf(" %10s", "infeasible")
	if t.filtered {
		h += fmt.Sprintf(" %7s %9s %9s", "by plan", "by backup", "uncovered")
	}
	if t.hurried {
		h += fmt.Sprintf(" %5s", "late")
	}
	if t.realtime {
		h += fmt.Sprintf(" %6s %12s", "missed", "jitter ms p99")
	}
	return h + fmt.Sprintf(" %8s %8s", "plan ms", "fit s")
}

// row is the line of an episode, with the largest excess of each limit in its unit: what is below 0 kept it.
func (t episodeTable) row(sum store.Summary) string {
	r := fmt.Sprintf("%7d %-7s %5d %9.4g %10d", sum.Episode, sum.Phase, sum.Steps, sum.Return, sum.Violations)
	for _, l := range t.limits {
		width, worst := max(10, len([]rune(excess(l)))), "–"
		if sum.Steps > 0 {
			worst = fmt.Sprintf("%+.3g", sum.Worst[l.Name])
		}
		r += fmt.Sprintf(" %*s", width, worst)
	}
	r += fmt.Sprintf(" %10d", sum.Infeasible)
	if t.filtered {
		r += fmt.Sprintf(" %7d %9d %9d", sum.ByPlan, sum.ByBackup, sum.Uncovered)
	}
	if t.hurried {
		r += fmt.Sprintf(" %5d", sum.Late)
	}
	if t.realtime {
		r += fmt.Sprintf(" %6d %13.2f", sum.Missed, sum.JitterP99)
	}
	return r + fmt.Sprintf(" %8.0f %8.1f", sum.PlanP50, sum.FitSeconds)
}

// excess is the heading of the column of a limit's largest excess.
func excess(l safex.Limit) string {
	h := "excess of " + l.Name
	if l.Unit != "" {
		h += " [" + l.Unit + "]"
	}
	return h
}

// evaluated stands in the place of the phase of an evaluation.
const evaluated = "tested"

// evaluation is the line of an evaluation, which has the number of the episode that it follows.
func (t episodeTable) evaluation(sum store.Summary) string {
	sum.Phase = evaluated
	return t.row(sum)
}

// print writes the lines of the evaluations that were made since the first said ones, and returns how many there are.
func (t episodeTable) print(w io.Writer, r *store.Run, said int) int {
	all := r.Evaluated()
	for _, sum := range all[said:] {
		fmt.Fprintln(w, t.evaluation(sum))
	}
	return len(all)
}
