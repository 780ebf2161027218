package control

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// A Row sums up the runs of a task at one value of the setting that is varied.
type Row struct {
	Task        string        `json:"task"`
	Planner     string        `json:"planner"`
	Vary        string        `json:"vary,omitempty"`
	Value       string        `json:"value,omitempty"`
	Runs        int           `json:"runs"`
	ReachedGoal *int          `json:"arrived,omitempty"`       // runs; nil of a task without a Goal
	AtLeast     float64       `json:"arrived_least,omitempty"` // ends of the 95 % interval of Clopper and Pearson for the share that reaches it
	AtMost      float64       `json:"arrived_most,omitempty"`
	Clean       int           `json:"clean"` // runs without a violation
	Steps       int           `json:"steps"`
	Violating   int           `json:"violating_steps"`
	Infeasible  int           `json:"infeasible_plans"`
	Late        int           `json:"late_plans,omitempty"`   // that took as long as their deadline or longer
	Worst       []WorstExcess `json:"worst_excess,omitempty"` // over all runs, of each limit
	Mean        float64       `json:"return_mean"`
	Deviation   float64       `json:"return_deviation"` // over runs; 0 of one
	Least       float64       `json:"return_worst"`
	Median      float64       `json:"return_median"`
	Most        float64       `json:"return_best"`
	Evaluations float64       `json:"evals_per_action"`
	P50         float64       `json:"p50_ms,omitempty"` // of a plan: the median of those of the runs
	P99         float64       `json:"p99_ms,omitempty"`

	returns []float64 // in order
}

// A WorstExcess is the largest excess of a limit.
type WorstExcess struct {
	Limit  string  `json:"limit"`
	Unit   string  `json:"unit,omitempty"`
	Excess float64 `json:"excess"` // null is NaN
}

// Rows sums up outcomes, in the order of the tasks, and within them of the values.
func (c *Settings) Rows(done []Outcome) (rows []Row) {
	done = ordered(done)
	for len(done) > 0 {
		first := done[0]
		n := slices.IndexFunc(done, func(d Outcome) bool { return d.Task != first.Task || d.Value != first.Value })
		if n < 0 {
			n = len(done)
		}
		rows = append(rows, c.row(done[:n]))
		done = done[n:]
	}
	return rows
}

// row sums up outcomes of one task and value.
func (c *Settings) row(done []Outcome) Row {
	r := Row{Task: done[0].Task, Vary: c.Vary, Value: done[0].Value, Runs: len(done)}
	tries, _ := c.tries() // they were compiled
	for _, t := range slices.Concat(c.past, tries) {
		if t.Task != r.Task {
			continue
		}
		r.Planner = t.Planner
		if t.HasGoal {
			r.ReachedGoal = new(int)
		}
		for _, l := range t.Limits {
			r.Worst = append(r.Worst, WorstExcess{Limit: l.Name, Unit: l.Text})
		}
	}
	var p50, p99 []float64
	for i, d := range done {
		r.Steps, r.Violating, r.Infeasible, r.Late = r.Steps+d.Steps, r.Violating+d.Violations, r.Infeasible+d.Infeasible, r.Late+d.Late
		r.Evaluations += float64(d.Evaluations)
		if d.Violations == 0 {
			r.Clean++
		}
		if r.ReachedGoal != nil && d.ReachedGoal {
			*r.ReachedGoal++
		}
		for k, x := range d.Excess[:min(len(d.Excess), len(r.Worst))] {
			if i == 0 || stats.Worse(x, r.Worst[k].Excess) {
				r.Worst[k].Excess = x
			}
		}
		r.returns, p50, p99 = append(r.returns, d.Return), append(p50, d.P50), append(p99, d.P99)
	}
	if r.Evaluations /= float64(r.Steps); r.ReachedGoal != nil {
		r.AtLeast, r.AtMost = stats.ClopperPearson(*r.ReachedGoal, r.Runs, 0.95)
	}
	if r.Mean = stat.Mean(r.returns, nil); r.Runs > 1 {
		r.Deviation = stat.StdDev(r.returns, nil)
	}
	for _, v := range [][]float64{r.returns, p50, p99} {
		slices.Sort(v)
	}
	r.Least, r.Median, r.Most = r.returns[0], middle(r.returns), r.returns[r.Runs-1]
	r.P50, r.P99 = middle(p50), middle(p99)
	return r
}

// middle is the median of numbers in order.
func middle(v []float64) float64 { return (v[(len(v)-1)/2] + v[len(v)/2]) / 2 }

// Table is a Markdown table of rows. Columns that no row has are left out.
func Table(rows []Row) string {
	vary := ""
	if len(rows) > 0 {
		vary = rows[0].Vary
	}
	head, cells, _ := table.Cells(rows, 0, []table.Column[Row]{
		{Name: "task", Of: func(r Row) string { return r.Task }},
		{Name: "planner", Of: func(r Row) string { return r.Planner }},
		{Name: vary, Has: func(Row) bool { return vary != "" }, Of: func(r Row) string { return r.Value }},
		{Name: "runs", Of: func(r Row) string { return strconv.Itoa(r.Runs) }},
		{Name: "runs that reach the goal", Has: func(r Row) bool { return r.ReachedGoal != nil }, Of: func(r Row) string {
			if r.ReachedGoal == nil {
				return "–"
			}
			return fmt.Sprintf("%d (%.1f to %.1f %%)", *r.ReachedGoal, 100*r.AtLeast, 100*r.AtMost)
		}},
		{Name: "runs without a violation", Has: func(r Row) bool { return r.Worst != nil }, Of: func(r Row) string { return strconv.Itoa(r.Clean) }},
		{Name: "violating steps", Has: func(r Row) bool { return r.Worst != nil }, Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.Violating, r.Steps) }},
		{Name: "largest excess", Has: func(r Row) bool { return r.Worst != nil }, Of: func(r Row) string {
			var worst []string
			for _, w := range r.Worst {
				worst = append(worst, strings.TrimSpace(fmt.Sprintf("%s %.3g %s", w.Limit, w.Excess, w.Unit)))
			}
			return strings.Join(worst, ", ")
		}},
		{Name: "return: mean ± deviation", Of: func(r Row) string {
			if r.Runs == 1 {
				return fmt.Sprintf("%.4g", r.Mean)
			}
			return fmt.Sprintf("%.4g ± %.2g", r.Mean, r.Deviation)
		}},
		{Name: "worst, median, best", Of: func(r Row) string { return fmt.Sprintf("%.4g, %.4g, %.4g", r.Least, r.Median, r.Most) }},
		{Name: "state evaluations per action", Of: func(r Row) string { return fmt.Sprintf("%.0f", r.Evaluations) }},
		{Name: "late plans", Has: func(r Row) bool { return r.Late > 0 }, Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.Late, r.Steps) }},
		{Name: "ms per plan: median, 99 %", Has: func(r Row) bool { return r.P50 > 0 }, Of: func(r Row) string { return fmt.Sprintf("%.2f, %.2f", r.P50, r.P99) }},
	}...)
	var p table.Page
	p.Add("", head, cells...)
	return p.MarkdownString()
}

// Figure shows how rows of one task change with a setting whose values are numbers.
func Figure(rows []Row) (*fig.Figure, error) {
	if len(rows) == 0 || rows[0].Vary == "" {
		return nil, fmt.Errorf("the figure is of a setting that is varied: name one with --vary")
	}
	first, violating, steps := rows[0], 0, 0
	var trials []fig.Trial
	for _, r := range rows {
		if r.Task != first.Task {
			return nil, fmt.Errorf("the figure is of one task, and there are %s and %s: name one", first.Task, r.Task)
		}
		v, err := strconv.ParseFloat(r.Value, 64)
		if err != nil {
			return nil, fmt.Errorf("the figure is of numbers, and %s takes the value %q", r.Vary, r.Value)
		}
		t := fig.Trial{Value: v, Clean: reliability.Share{K: r.Clean, N: r.Runs}, Returns: r.returns}
		if r.ReachedGoal != nil {
			t.ReachedGoal = reliability.Share{K: *r.ReachedGoal, N: r.Runs}
		}
		trials = append(trials, t)
		violating, steps = violating+r.Violating, steps+r.Steps
	}
	title := fmt.Sprintf("%s, %s, oracle dynamics: %d of %d steps beyond a limit", first.Task, first.Planner, violating, steps)
	return fig.Varied(title, first.Vary, trials), nil
}
