package report

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// An Evaluation is what the agent reached after an episode on a task that it does not learn from. Its steps are none of the run's, nor are its violations.
type Evaluation struct {
	Episode    int                `json:"episode"` // that it follows; 0 is the random phase
	Learned    int                `json:"learned"` // steps that the run had taken by then
	Steps      int                `json:"steps"`
	Return     float64            `json:"return"`
	Violations int                `json:"violations"` // steps beyond any limit of that task
	Worst      map[string]float64 `json:"worst"`      // largest excess of each of its limits, in its unit: at most 0 is safe
}

// evaluations are those of summaries of a run of these episodes.
func evaluations(sums []store.Summary, episodes []Episode) (all []Evaluation) {
	for _, s := range sums {
		e := Evaluation{Episode: s.Episode, Steps: s.Steps, Return: s.Return, Violations: s.Violations, Worst: s.Worst}
		for _, before := range episodes[:min(s.Episode+1, len(episodes))] {
			e.Learned += before.Steps
		}
		all = append(all, e)
	}
	return all
}

// check reports an evaluation of a run that cannot be.
func (e Evaluation) check(r *Run) error {
	switch {
	case e.Episode < 0 || e.Episode >= len(r.Episodes) || r.Episodes[e.Episode].Unfinished:
		return fmt.Errorf("an evaluation after episode %d, which is not complete", e.Episode)
	case e.Steps < 1 || e.Violations < 0 || e.Violations > e.Steps || e.Learned < 0 || !(math.Abs(e.Return) <= largest):
		return fmt.Errorf("the numbers of the evaluation after episode %d cannot be", e.Episode)
	}
	return nil
}

// An EvaluationRow sums up the evaluations of a Method, of unfinished runs too.
type EvaluationRow struct {
	Runs      int      `json:"runs"`  // that were evaluated
	Clean     int      `json:"clean"` // of them, without a violation in any evaluation
	AtMost    float64  `json:"with_violation_at_most"`
	Steps     int      `json:"steps"`
	Violating int      `json:"violating_steps"`
	Worst     *float64 `json:"worst_excess,omitempty"` // largest excess of any limit, in its unit: at most 0 is safe; nil of a task without one
	Last      Spread   `json:"last"`                   // after the last episode of each run
	Score     *Score   `json:"return_last,omitempty"`  // its interquartile mean
}

// A Spread is how returns of runs are spread.
type Spread struct {
	Median float64 `json:"median"`
	Worst  float64 `json:"worst"`
	IQM    float64 `json:"iqm"` // interquartile mean
}

// spread is that of values, of which there is one at least. A NaN is the worst.
func spread(values []float64) Spread {
	sorted := slices.Clone(values)
	slices.Sort(sorted) // NaN first
	half := len(sorted) / 2
	median := sorted[half]
	if len(sorted)%2 == 0 {
		median = stat.Mean(sorted[half-1:half+1], nil)
	}
	return Spread{median, sorted[0], stats.IQM(sorted)}
}

// evaluation sums up the evaluations of m; nil if there is none.
func (m *Method) evaluation(src rng.Stream) *EvaluationRow {
	r := &EvaluationRow{}
	var last []float64
	for _, o := range m.Runs {
		if len(o.Evaluations) == 0 {
			continue
		}
		violating := 0
		for _, e := range o.Evaluations {
			r.Steps, violating = r.Steps+e.Steps, violating+e.Violations
			for _, w := range e.Worst {
				if r.Worst == nil || w != w || w > *r.Worst { // a NaN is worst, and stays
					r.Worst = &w
				}
			}
		}
		if r.Runs, r.Violating = r.Runs+1, r.Violating+violating; violating == 0 {
			r.Clean++
		}
		last = append(last, o.Evaluations[len(o.Evaluations)-1].Return)
	}
	if r.Runs == 0 {
		return nil
	}
	r.AtMost = stats.AtMost(r.Runs-r.Clean, r.Runs, confidence)
	r.Last = spread(last)
	r.Score = score(stats.DefaultBootstrap().IQM([][]float64{last}, src.Child("evaluation")), len(last))
	return r
}

// evaluated tells whether a method was evaluated.
func evaluated(r Row) bool { return r.Evaluation != nil }

// ofEvaluation is a column of evaluations.
func ofEvaluation(name string, of func(e *EvaluationRow) string) heading {
	return heading{Name: name, Has: evaluated, Of: func(r Row) string {
		if r.Evaluation == nil {
			return "–"
		}
		return of(r.Evaluation)
	}}
}

// evaluationColumns are those of the table of evaluations.
var evaluationColumns = []heading{
	ofEvaluation("runs without a violation", func(e *EvaluationRow) string { return fmt.Sprintf("%d of %d", e.Clean, e.Runs) }),
	ofEvaluation("with one, at most (95 %)", func(e *EvaluationRow) string { return percent(e.AtMost) }),
	ofEvaluation("violating steps", func(e *EvaluationRow) string { return fmt.Sprintf("%d of %d", e.Violating, e.Steps) }),
	ofEvaluation("last return: median, worst", func(e *EvaluationRow) string {
		return number(e.Last.Median) + ", " + number(e.Last.Worst)
	}),
	ofEvaluation("interquartile mean (95 %)", func(e *EvaluationRow) string { return returned(e.Score) }),
}

// EvaluationsOf are what all runs of a method reached after an episode.
type EvaluationsOf struct {
	Runs      int `json:"runs"`
	Learned   int `json:"learned"` // steps that the run which took the most had taken by then
	Steps     int `json:"steps"`
	Violating int `json:"violating_steps"`
	Spread
}

// evaluationsAfter sums up the evaluations that follow an episode; nil if there is none.
func (m *Method) evaluationsAfter(episode int) *EvaluationsOf {
	var returns []float64
	all := &EvaluationsOf{}
	for _, r := range m.Runs {
		for _, e := range r.Evaluations {
			if e.Episode == episode {
				all.Runs, all.Learned, all.Steps, all.Violating = all.Runs+1, max(all.Learned, e.Learned), all.Steps+e.Steps, all.Violating+e.Violations
				returns = append(returns, e.Return)
			}
		}
	}
	if returns == nil {
		return nil
	}
	all.Spread = spread(returns)
	return all
}

// evaluationsColumn is a column of the evaluations that follow an episode.
func evaluationsColumn(name string, of func(e *EvaluationsOf) string) table.Column[EpisodeRow] {
	return table.Column[EpisodeRow]{Name: name, Has: func(r EpisodeRow) bool { return r.Evaluations != nil }, Of: func(r EpisodeRow) string {
		if r.Evaluations == nil {
			return "–"
		}
		return of(r.Evaluations)
	}}
}
