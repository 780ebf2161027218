package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// Table writes rows for a terminal: a table of what was safe, one of returns and one of plans, and what these do not say.
func Table(w io.Writer, rows []Row) error {
	return write(w, rows, func(w io.Writer, title string, cells [][]string) error {
		fmt.Fprintf(w, "%s\n", title)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, line := range cells {
			fmt.Fprintln(t, strings.Join(line, "\t"))
		}
		return t.Flush()
	})
}

// Markdown writes the same in Markdown.
func Markdown(w io.Writer, rows []Row) error {
	return write(w, rows, func(w io.Writer, title string, cells [][]string) error {
		fmt.Fprintf(w, "%s\n\n", title)
		for i, line := range cells {
			for k, cell := range line {
				line[k] = markdown.Replace(cell)
			}
			if i == 1 {
				fmt.Fprintln(w, strings.Repeat("|---", len(line))+"|")
			}
			if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(line, " | ")); err != nil {
				return err
			}
		}
		return nil
	})
}

// markdown keeps the text of a cell in its cell.
var markdown = strings.NewReplacer("|", `\|`, "<", "&lt;")

// plain is a text without what would move the cursor of a terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// A heading is a column of a table.
type heading struct {
	name string
	has  func(Row) bool // whether a row needs it; nil is always
	of   func(Row) string
}

// A part of the table has its own columns.
type part struct {
	title   string
	columns []heading
}

// write writes each part by each. Columns that no row needs are left out, and parts that have none.
func write(w io.Writer, rows []Row, each func(w io.Writer, title string, cells [][]string) error) error {
	studies := func(r Row) bool { return r.Study != rows[0].Study }
	front := []heading{{"study", studies, func(r Row) string { return r.Study }}, {"task", nil, func(r Row) string { return r.Task }}, {"method", nil, func(r Row) string { return r.Name }}}
	for i, p := range parts {
		cells := make([][]string, 1+len(rows))
		own := 0
		for k, c := range slices.Concat(front, p.columns) {
			if c.has != nil && !slices.ContainsFunc(rows, c.has) {
				continue
			}
			if k >= len(front) {
				own++
			}
			cells[0] = append(cells[0], c.name)
			for n, r := range rows {
				cells[1+n] = append(cells[1+n], plain(c.of(r)))
			}
		}
		if own == 0 {
			continue
		}
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := each(w, p.title, cells); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	for _, line := range remarks(rows) {
		if _, err := fmt.Fprintln(w, plain(line)); err != nil {
			return err
		}
	}
	return nil
}

// limited tells whether the task has a limit.
func limited(r Row) bool { return len(r.Worst) > 0 }

// planned tells whether there is a plan.
func planned(r Row) bool { return r.Plans > 0 || r.Planned > 0 }

// late tells whether a plan took as long as its deadline.
func late(r Row) bool { return r.Late > 0 }

var parts = []part{
	{"Safety, from the first random step on", []heading{
		{"runs", nil, runs},
		{"without a violation", limited, func(r Row) string {
			if !limited(r) {
				return "–"
			}
			return fmt.Sprintf("%d of %d", r.Clean, r.Judged)
		}},
		{"with one, at most (95 %)", limited, func(r Row) string {
			if !limited(r) || r.Judged == 0 {
				return "–"
			}
			return percent(r.AtMost)
		}},
		{"violating steps (95 %)", limited, violating},
		{"first: earliest, median", limited, first},
		{"worst excess", limited, excess},
	}},
	{"Returns of finished runs: interquartile mean over seeds (95 %)", []heading{
		{"last episode", nil, func(r Row) string { return returned(r.Last) }},
		{"best episode", nil, func(r Row) string { return returned(r.Best) }},
		{"last episode is better", func(r Row) bool { return r.Better != nil }, func(r Row) string {
			if r.Better == nil {
				return "–"
			}
			if r.Better.Seeds == 1 {
				return fmt.Sprintf("%.2f than %s, by 1 seed", r.Better.Value, r.Against)
			}
			return fmt.Sprintf("%.2f (%.2f to %.2f) than %s", r.Better.Value, r.Better.Lo, r.Better.Hi, r.Against)
		}},
	}},
	{"Plans", []heading{
		{"ms per plan: p50, p99", planned, func(r Row) string {
			if r.Plans == 0 {
				return "–"
			}
			return fmt.Sprintf("%.1f, %.1f", r.P50, r.P99)
		}},
		{"infeasible plans", planned, func(r Row) string { return fmt.Sprintf("%d of %d", r.Infeasible, r.Plans) }},
		{"late plans", late, func(r Row) string { return fmt.Sprintf("%d of %d", r.Late, r.Plans) }},
		{"NaN candidates", func(r Row) bool { return r.NaNs > 0 }, func(r Row) string { return fmt.Sprint(r.NaNs) }},
		{"steps in the box", func(r Row) bool { return r.Planned > 0 }, inside},
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
	any := func(of func(Row) bool) bool { return slices.ContainsFunc(rows, of) }
	if any(limited) {
		lines = append(lines,
			"Violations are counted, not excluded: nothing here is certified.",
			"The bound on runs is that of Clopper and Pearson for independent runs of the same settings. Steps of one run are not independent: the interval per step is too narrow.")
	}
	if any(func(r Row) bool { return r.Earliest > 0 }) {
		lines = append(lines, "The first violating step is counted from 1 on, over the whole run; there is no median if less than half of the runs come to one.")
	}
	if any(func(r Row) bool { return r.Finished < r.Runs }) {
		lines = append(lines, "An unfinished run without a violation may have one yet: it is in neither of the numbers of runs without one.")
	}
	if any(func(r Row) bool { return r.Last != nil && r.Last.Seeds > 1 }) {
		lines = append(lines, "The intervals of returns are bootstrap percentiles over seeds: too narrow for fewer than ten. The best episode is known only afterwards.")
	}
	if any(func(r Row) bool { return r.Better != nil }) {
		lines = append(lines, "Better is the probability that a run ends with a higher return than one of the other method, where equal ones count a half; it does not ask who was safe.")
	}
	if any(planned) {
		lines = append(lines, "Times are medians over episodes of their percentiles, on the machine that made them.")
	}
	if any(late) {
		lines = append(lines, "A late plan took as long as the agent's deadline, or longer. What one that was cut short came to depends on the machine.")
	}
	if any(func(r Row) bool { return r.Build != rows[0].Build }) {
		lines = append(lines, "The runs are of different builds of safex, which are methods of their own: "+strings.Join(builds(rows), "; ")+".")
	}
	return lines
}

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
