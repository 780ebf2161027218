package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// Table writes rows for a terminal: a table of what was safe, one of returns and one of plans, and what these do not say.
func Table(w io.Writer, rows []Row) error { return page(rows).Text(w) }

// Markdown writes the same in Markdown.
func Markdown(w io.Writer, rows []Row) error { return page(rows).Markdown(w) }

// A heading is a column of a table.
type heading = table.Column[Row]

// A part of the table has its own columns.
type part struct {
	title   string
	columns []heading
}

// page has a table for each part, but for those that have no column of their own, and the remarks.
func page(rows []Row) *table.Page {
	studies := func(r Row) bool { return r.Study != rows[0].Study }
	front := []heading{{Name: "study", Has: studies, Of: func(r Row) string { return r.Study }}, {Name: "task", Of: func(r Row) string { return r.Task }}, {Name: "method", Of: func(r Row) string { return r.Name }}}
	p := &table.Page{}
	for _, part := range parts {
		head, cells, own := table.Cells(rows, len(front), slices.Concat(front, part.columns)...)
		if own > 0 {
			p.Add(part.title, head, cells...)
		}
	}
	for _, line := range remarks(rows) {
		p.Say("%s", line)
	}
	return p
}

// limited tells whether the task has a limit.
func limited(r Row) bool { return len(r.Worst) > 0 }

// planned tells whether there is a plan.
func planned(r Row) bool { return r.Plans > 0 || r.Planned > r.Prior }

// filtered tells whether a filter looked at the plans.
func filtered(r Row) bool { return r.Filter != "" }

// late tells whether a plan took as long as its deadline.
func late(r Row) bool { return r.Late > 0 }

var parts = []part{
	{"Safety, from the first random step on", []heading{
		{Name: "runs", Of: runs},
		{Name: "without a violation", Has: limited, Of: func(r Row) string {
			if !limited(r) {
				return "–"
			}
			return fmt.Sprintf("%d of %d", r.Clean, r.Judged)
		}},
		{Name: "with one, at most (95 %)", Has: limited, Of: func(r Row) string {
			if !limited(r) || r.Judged == 0 {
				return "–"
			}
			return percent(r.AtMost)
		}},
		{Name: "violating steps (95 %)", Has: limited, Of: violating},
		{Name: "first: earliest, median", Has: limited, Of: first},
		{Name: "worst excess", Has: limited, Of: excess},
	}},
	{"Returns of finished runs: interquartile mean over seeds (95 %)", []heading{
		{Name: "last episode", Of: func(r Row) string { return returned(r.Last) }},
		{Name: "best episode", Of: func(r Row) string { return returned(r.Best) }},
		{Name: "last episode is better", Has: func(r Row) bool { return r.Better != nil }, Of: func(r Row) string {
			if r.Better == nil {
				return "–"
			}
			if r.Better.Seeds == 1 {
				return fmt.Sprintf("%.2f than %s, by 1 seed", r.Better.Value, r.Against)
			}
			return fmt.Sprintf("%.2f (%.2f to %.2f) than %s", r.Better.Value, r.Better.Lo, r.Better.Hi, r.Against)
		}},
	}},
	{"Evaluations, of which nothing was learned", evaluationColumns},
	{"Plans", []heading{
		{Name: "ms per plan: p50, p99", Has: planned, Of: func(r Row) string {
			if r.Plans == 0 {
				return "–"
			}
			return fmt.Sprintf("%.1f, %.1f", r.P50, r.P99)
		}},
		{Name: "infeasible plans", Has: planned, Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.Infeasible, r.Plans) }},
		{Name: "late plans", Has: late, Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.Late, r.Plans) }},
		{Name: "NaN candidates", Has: func(r Row) bool { return r.NaNs > 0 }, Of: func(r Row) string { return fmt.Sprint(r.NaNs) }},
		{Name: "covered steps: by the plan, by a backup, not", Has: filtered, Of: func(r Row) string {
			if !filtered(r) {
				return "–"
			}
			return fmt.Sprintf("%d, %d, %d", r.ByPlan, r.ByBackup, r.Uncovered)
		}},
		{Name: "steps in the box", Has: func(r Row) bool { return r.Planned > 0 }, Of: inside},
		{Name: "plans in their tube", Has: func(r Row) bool { return r.Tubes > 0 }, Of: func(r Row) string { return share(r.InTube, r.Tubes) }},
		{Name: "backups in theirs", Has: func(r Row) bool { return r.Backups > 0 }, Of: func(r Row) string { return share(r.BackupsIn, r.Backups) }},
	}},
}

// runs is the number of runs, with those that are unfinished or missing.
func runs(r Row) string {
	text := fmt.Sprint(r.Runs)
	if r.Missing > 0 {
		text = fmt.Sprintf("%d of %d seeds", r.Runs, r.Runs+r.Missing)
	}
	if n := r.Runs - r.Finished; n > 0 {
		text += fmt.Sprintf(" (%d unfinished)", n)
	}
	return text
}

// violating are the steps beyond a limit, with the interval of their share.
func violating(r Row) string {
	if !limited(r) || r.Steps == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d (%s to %s)", r.Violating, r.Steps, percent(r.RateLo), percent(r.RateHi))
}

// first is the first violating step, earliest and median.
func first(r Row) string {
	switch {
	case r.Earliest == 0:
		return "–"
	case r.Median == 0:
		return fmt.Sprintf("%d, –", r.Earliest)
	}
	return fmt.Sprintf("%d, %d", r.Earliest, r.Median)
}

// excess is the largest of each limit.
func excess(r Row) string {
	var all []string
	for _, w := range r.Worst {
		value := "–"
		switch {
		case w.Value != nil:
			value = fmt.Sprintf("%.3g", *w.Value)
		case r.Steps > 0:
			value = "NaN"
		}
		all = append(all, strings.TrimSpace(w.Limit+" "+value+" "+w.Unit))
	}
	if all == nil {
		return "–"
	}
	return strings.Join(all, ", ")
}

// returned is a return over seeds. Of one seed there is no interval.
func returned(s *Score) string {
	switch {
	case s == nil:
		return "–"
	case s.Seeds == 1:
		return number(s.Value) + " of 1 seed"
	}
	return fmt.Sprintf("%s (%s to %s) of %d seeds", number(s.Value), number(s.Lo), number(s.Hi), s.Seeds)
}

// inside is the share of the steps that ended in their box.
func inside(r Row) string {
	if r.Planned == 0 {
		return "–"
	}
	text := fmt.Sprintf("%s of %d", percent(float64(r.Inside)/float64(r.Planned)), r.Planned)
	switch {
	case r.Assumed == r.Planned:
		text += fmt.Sprintf(", β %g assumed", float64(reliability.AssumedBeta))
	case r.Assumed > 0:
		text += fmt.Sprintf(", β %g assumed at %d", float64(reliability.AssumedBeta), r.Assumed)
	}
	return text
}

// share is k of n, and which part of it that is.
func share(k, n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%s of %d", percent(float64(k)/float64(n)), n)
}

// percent is a share with a digit after the point, or with two that are not 0. Only all is 100 %, and only nothing 0 %.
func percent(share float64) string {
	p := 100 * share
	switch {
	case p == 0 || p == 100:
		return fmt.Sprintf("%.0f %%", p)
	case p > 99.9:
		return "> 99.9 %"
	case p < 1:
		return fmt.Sprintf("%.2g %%", p)
	}
	return fmt.Sprintf("%.1f %%", p)
}

// number is v with four digits, or all that are before the point.
func number(v float64) string {
	if a := math.Abs(v); a >= 1e4 && a < 1e15 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// remarks are sentences on what rows do not say.
func remarks(rows []Row) (lines []string) {
	some := func(of func(Row) bool) bool { return slices.ContainsFunc(rows, of) }
	if some(limited) {
		certified := "nothing here is certified."
		if some(filtered) {
			certified = "nothing here is certified, but what is said of covered steps."
		}
		lines = append(lines,
			"Violations are counted, not excluded: "+certified,
			"The bound on runs is that of Clopper and Pearson for independent runs of the same settings. Steps of one run are not independent: the interval per step is too narrow.")
	}
	if some(func(r Row) bool { return r.Earliest > 0 }) {
		lines = append(lines, "The first violating step is counted from 1 on, over the whole run; there is no median if less than half of the runs come to one.")
	}
	if some(func(r Row) bool { return r.Finished < r.Runs }) {
		lines = append(lines, "An unfinished run without a violation may have one yet: it is in neither of the numbers of runs without one.")
	}
	if some(func(r Row) bool { return r.Last != nil && r.Last.Seeds > 1 }) {
		lines = append(lines, "The intervals of returns are bootstrap percentiles over seeds: too narrow for fewer than ten. The best episode is known only afterwards.")
	}
	if some(func(r Row) bool { return r.Better != nil }) {
		lines = append(lines, "Better is the probability that a run ends with a higher return than one of the other method, where equal ones count a half; it does not ask who was safe.")
	}
	if some(func(r Row) bool { return r.Logs != nil }) {
		var files []string
		for _, r := range rows {
			files = append(files, r.Logs...)
		}
		slices.Sort(files)
		lines = append(lines, "Methods that are "+experiment.Logged+" began with transitions that were recorded elsewhere, and are in none of these numbers: "+strings.Join(slices.Compact(files), ", ")+".")
	}
	if some(evaluated) {
		lines = append(lines, "An evaluation is an episode on a task that the agent does not learn from, planned with what it had learned by then. Its violating steps are counted by themselves, and are in none of the other numbers.")
	}
	if some(planned) {
		lines = append(lines, "Times are medians over episodes of their percentiles, on the machine that made them.")
	}
	if some(filtered) {
		lines = append(lines, assumption+" Steps in the box are those at which it did. Of steps that are not covered nothing is proved.")
	}
	if some(func(r Row) bool { return r.Tubes > 0 }) {
		text := tubed
		if some(func(r Row) bool { return r.Backups > 0 }) {
			text += " " + backed
		}
		lines = append(lines, text+" Plans were made again for it, of the runs that safex card --tubes was asked about.")
	}
	if some(late) {
		lines = append(lines, "A late plan took as long as the agent's deadline, or longer. What one that was cut short came to depends on the machine.")
	}
	if some(func(r Row) bool { return r.Build != rows[0].Build }) {
		lines = append(lines, "The runs are of different builds of safex, which are methods of their own: "+strings.Join(builds(rows), "; ")+".")
	}
	return lines
}

// assumption is what a covered step is, and on what that rests.
const assumption = "A covered step is proved to keep every limit, and to leave a way to keep them for ever, under every error in the model's box. On the system it does so as long as the agent sees the state as it is, and the box holds the truth at every step that is executed, which is an assumption."

// tubed is what a plan in its tube is, and backed a backup in its own.
const (
	tubed  = "A plan is in its tube if the system, under that plan and with nothing planned anew, stays where every error in the box may lead for the steps in which the plan defends them."
	backed = "A backup is in its own if the system stays where the filter proved it to, under the actions that were proved and then the backup."
)

// builds are those of rows, in order.
func builds(rows []Row) (all []string) {
	for _, r := range rows {
		if !slices.Contains(all, r.Build) {
			all = append(all, r.Build)
		}
	}
	slices.Sort(all)
	return all
}
