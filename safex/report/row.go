package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// A Row sums up a Method. Violations count from the first random step on, those of unfinished episodes too. Returns and what is known of plans
// are those of complete episodes.
type Row struct {
	Study     string `json:"study,omitempty"`
	Task      string `json:"task"`
	Name      string `json:"method"` // of Names
	Planner   string `json:"planner"`
	Model     string `json:"model"`
	Calibrate string `json:"calibrate,omitempty"`
	Filter    string `json:"filter,omitempty"` // "" is off
	Variant   string `json:"variant,omitempty"`
	Build     string `json:"build"`

	Logs []string `json:"logs,omitempty"` // files of transitions that its agents began with, which are in none of the numbers

	Runs     int `json:"runs"`
	Finished int `json:"finished"` // runs that took all their steps
	Missing  int `json:"missing"`  // seeds that the study names, and of which there is no run
	Judged   int `json:"judged"`   // runs that are finished or have a violation: others may have one yet
	Clean    int `json:"clean"`    // of Judged, runs without a violation
	// AtMost is the 95 % bound of Clopper and Pearson on the share of runs with a violation, of Judged.
	AtMost float64 `json:"with_violation_at_most"`

	Steps     int     `json:"steps"`
	Violating int     `json:"violating_steps"`
	RateLo    float64 `json:"violating_lo"` // ends of the 95 % interval of Clopper and Pearson for their share, as if steps were independent: too narrow
	RateHi    float64 `json:"violating_hi"`

	Earliest int `json:"first_violation,omitempty"` // of all runs: the number of steps up to it, that step among them; 0 if there is none
	// Median is the same of the run in the middle by Kaplan and Meier, for whom runs without a violation are censored; 0 if less than
	// half come to one.
	Median int      `json:"first_violation_median,omitempty"`
	Worst  []Excess `json:"worst_excess,omitempty"` // of each limit

	Last *Score `json:"return_last,omitempty"` // of the last episode of finished runs; nil without one
	Best *Score `json:"return_best,omitempty"` // of the best episode of finished runs, afterwards
	// Better is the probability that Last of a run is higher than that of one of Against; nil of Against itself, if one of them has no Last, and if
	// they have different numbers of episodes.
	Better  *Score `json:"better,omitempty"`
	Against string `json:"against,omitempty"`

	Plans      int     `json:"plans"`            // of complete episodes
	P50        float64 `json:"plan_ms_p50"`      // median over episodes of their medians; 0 without plans
	P99        float64 `json:"plan_ms_p99"`      // median over episodes of their 99th percentiles
	P99Most    float64 `json:"plan_ms_p99_most"` // largest of these
	Infeasible int     `json:"infeasible_plans"` // plans that could not keep every limit
	Late       int     `json:"late_plans"`       // plans that took as long as the agent's deadline or longer; those that it cut short did
	NaNs       int     `json:"nan_candidates"`
	Inside     int     `json:"inside"`             // steps that ended in their box
	Planned    int     `json:"planned"`            // steps of which that is known
	Prior      int     `json:"by_prior,omitempty"` // of them, steps before the first plan, whose box is that of a prior
	Assumed    int     `json:"assumed"`            // of them, steps without a box of the planner or of a calibration, which were given one of reliability.AssumedBeta
	Defends    bool    `json:"defends"`            // the planner defended a box

	Tubes     int `json:"tubes,omitempty"`           // plans of which it was counted, by safex card --tubes, whether the system stays in their tube
	InTube    int `json:"plans_in_tube,omitempty"`   // of Tubes
	Backups   int `json:"backups,omitempty"`         // proofs of the filter of which it was counted whether the system stays in their tube under the backup
	BackupsIn int `json:"backups_in_tube,omitempty"` // of Backups

	ByPlan    int `json:"covered_by_plan,omitempty"`   // steps that are proved as they were planned, those of unfinished episodes too
	ByBackup  int `json:"covered_by_backup,omitempty"` // steps that are proved, and executed in place of the plan's
	Uncovered int `json:"uncovered,omitempty"`         // steps of which the filter proved nothing

	Evaluation *EvaluationRow `json:"evaluation,omitempty"` // nil without evaluations
}

// An Excess is the largest excess of a limit: at most 0 is safe.
type Excess struct {
	Limit string   `json:"limit"`
	Unit  string   `json:"unit,omitempty"`
	Value *float64 `json:"excess"` // nil is a NaN, or no step
}

// A Score is an estimate over seeds with its 95 % interval, by bootstrap: too narrow for few seeds. One seed has none: Lo and Hi are then Value,
// and left out of JSON.
type Score struct {
	Value float64 `json:"value"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	Seeds int     `json:"seeds"` // of Better, those of the method with fewer
}

// MarshalJSON leaves out the interval of one seed.
func (s Score) MarshalJSON() ([]byte, error) {
	if s.Seeds == 1 {
		return json.Marshal(struct {
			Value float64 `json:"value"`
			Seeds int     `json:"seeds"`
		}{s.Value, s.Seeds})
	}
	type plain Score
	return json.Marshal(plain(s))
}

// confidence is that of all bounds and intervals.
const confidence = 0.95

// Rows are the methods, in their order. On each task of each study that has more than one, Better compares them with the method against, by its
// name or that of its planner, or with the first if that is ""; but for methods with another number of episodes, whose last one is not
// comparable. A study without it compares with that of another on the same task. The error
// names the nearest name if there is no such method. src is for the intervals: a method's do not depend on which others there are.
func (s *Set) Rows(against string, src rng.Stream) ([]Row, error) {
	names := s.Names()
	rows := make([]Row, len(s.Methods))
	for i := range s.Methods {
		rows[i] = s.Methods[i].row(names[i], s.Methods[i].stream(src))
	}
	type place struct{ study, task string }
	own, onTask := map[place]int{}, map[string]int{} // whom to compare with: in a study, and on a task
	for _, fits := range []func(r Row) bool{
		func(r Row) bool { return against == "" || r.Name == against },
		func(r Row) bool { return r.Planner == against },
	} {
		for i, r := range rows {
			if !fits(r) {
				continue
			}
			if _, ok := own[place{r.Study, r.Task}]; !ok {
				own[place{r.Study, r.Task}] = i
			}
			if _, ok := onTask[r.Task]; !ok {
				onTask[r.Task] = i
			}
		}
	}
	if len(onTask) == 0 && len(rows) > 0 {
		return nil, fmt.Errorf("result: there is no method %q: %s", against, experiment.Instead(against, quoted(names)))
	}
	b := stats.DefaultBootstrap()
	for i := range s.Methods {
		m := &s.Methods[i]
		k, ok := own[place{m.Study, m.Task}]
		if !ok {
			k, ok = onTask[m.Task]
		}
		if !ok || k == i || m.planned() != s.Methods[k].planned() {
			continue
		}
		if rows[i].Against = names[k]; s.Methods[k].Study != m.Study {
			rows[i].Against += fmt.Sprintf(" (study %q)", s.Methods[k].Study)
		}
		x, y := m.returns(last), s.Methods[k].returns(last)
		if len(x) == 0 || len(y) == 0 {
			continue
		}
		stream := m.stream(s.Methods[k].stream(src)).Child("better")
		rows[i].Better = score(b.Improvement([][]float64{x}, [][]float64{y}, stream), min(len(x), len(y)))
	}
	return rows, nil
}

// stream is that of a method.
func (m *Method) stream(src rng.Stream) rng.Stream {
	return src.Child(m.Study).Child(m.Task).Child(m.Variant).Child(m.Build).Child(string(m.Settings))
}

// last and best take one return of the planned episodes of a run.
func last(returns []float64) float64 { return returns[len(returns)-1] }
func best(returns []float64) float64 { return slices.Max(returns) }

// returns are one of each finished run that has planned.
func (m *Method) returns(of func([]float64) float64) (all []float64) {
	for i := range m.Runs {
		if !m.Finished(&m.Runs[i]) {
			continue
		}
		var planned []float64
		for _, e := range m.Runs[i].Episodes {
			if e.Phase == safex.PlannedPhase {
				planned = append(planned, e.Return)
			}
		}
		if len(planned) > 0 {
			all = append(all, of(planned))
		}
	}
	return all
}

// score is e of so many seeds.
func score(e stats.Estimate, seeds int) *Score {
	if seeds == 0 {
		return nil
	}
	if seeds == 1 {
		e.Lo, e.Hi = e.Value, e.Value
	}
	return &Score{e.Value, e.Lo, e.Hi, seeds}
}

// row sums up m, which is called name.
func (m *Method) row(name string, src rng.Stream) Row {
	r := Row{
		Study: m.Study, Task: m.Task, Name: name, Planner: m.Planner, Model: m.Model, Calibrate: m.Calibrate, Filter: m.Filter, Variant: m.Variant, Build: m.Build,
		Logs: m.logs(), Runs: len(m.Runs),
	}
	for _, seed := range m.Seeds {
		if !slices.ContainsFunc(m.Runs, func(o Run) bool { return o.Seed == seed }) {
			r.Missing++
		}
	}
	for _, l := range m.Limits {
		r.Worst = append(r.Worst, Excess{l.Name, l.Unit, m.worst(l.Name)})
	}
	var spans []stats.Span
	var p50, p99 []float64
	for i := range m.Runs {
		o := &m.Runs[i]
		finished, first := m.Finished(o), o.First()
		if finished {
			r.Finished++
		}
		if finished || first > 0 {
			r.Judged++
		}
		if finished && first == 0 {
			r.Clean++
		}
		if first > 0 && (r.Earliest == 0 || first < r.Earliest) {
			r.Earliest = first
		}
		if first > 0 {
			spans = append(spans, stats.Span{Steps: first, Event: true})
		} else {
			spans = append(spans, stats.Span{Steps: o.Steps()})
		}
		r.Steps, r.Violating = r.Steps+o.Steps(), r.Violating+o.Violations()
		for _, e := range o.Episodes {
			r.Inside, r.Planned, r.Assumed = r.Inside+e.Inside, r.Planned+e.Planned, r.Assumed+e.Assumed
			r.Tubes, r.InTube, r.Backups, r.BackupsIn = r.Tubes+e.Tubes, r.InTube+e.InTube, r.Backups+e.Backups, r.BackupsIn+e.BackupsIn
			if e.Phase != safex.PlannedPhase {
				r.Prior += e.Planned
			}
			r.ByPlan, r.ByBackup, r.Uncovered = r.ByPlan+e.ByPlan, r.ByBackup+e.ByBackup, r.Uncovered+e.Uncovered
			r.Defends = r.Defends || e.Phase == safex.PlannedPhase && e.Beta > 0
			if e.Phase == safex.PlannedPhase && !e.Unfinished {
				r.Plans, r.Infeasible, r.Late, r.NaNs = r.Plans+e.Steps, r.Infeasible+e.Infeasible, r.Late+e.Late, r.NaNs+e.NaNs
				p50, p99 = append(p50, e.PlanP50), append(p99, e.PlanP99)
			}
		}
	}
	r.AtMost = stats.AtMost(r.Judged-r.Clean, r.Judged, confidence)
	r.RateLo, r.RateHi = stats.ClopperPearson(r.Violating, r.Steps, confidence)
	r.Median, _ = stats.KaplanMeier(spans).Median()
	if len(p50) > 0 {
		slices.Sort(p50)
		slices.Sort(p99)
		r.P50, r.P99, r.P99Most = stat.Quantile(0.5, stat.Empirical, p50, nil), stat.Quantile(0.5, stat.Empirical, p99, nil), p99[len(p99)-1]
	}
	b := stats.DefaultBootstrap()
	for _, part := range []struct {
		name string
		of   func([]float64) float64
		to   **Score
	}{{"last", last, &r.Last}, {"best", best, &r.Best}} {
		all := m.returns(part.of)
		*part.to = score(b.IQM([][]float64{all}, src.Child(part.name)), len(all))
	}
	r.Evaluation = m.evaluation(src)
	return r
}

// worst is the largest excess of a limit over all runs; nil if one was NaN, or there was no step.
func (m *Method) worst(limit string) *float64 {
	worst := math.Inf(-1)
	for _, r := range m.Runs {
		for _, e := range r.Episodes {
			w, ok := e.Worst[limit]
			if !ok && e.Steps > 0 { // JSON has no NaN
				return nil
			}
			if ok {
				worst = max(worst, w)
			}
		}
	}
	if math.IsInf(worst, -1) {
		return nil
	}
	return &worst
}
