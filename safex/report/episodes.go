package report

import (
	"fmt"
	"io"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// An EpisodeRow is what the runs of a method came to in an episode of one number: how it learned.
type EpisodeRow struct {
	Study      string   `json:"study,omitempty"`
	Task       string   `json:"task"`
	Name       string   `json:"method"`
	Filter     string   `json:"filter,omitempty"`
	Episode    int      `json:"episode"` // 0 is the random phase
	Runs       int      `json:"runs"`    // that came to it
	Steps      int      `json:"steps"`
	Violating  int      `json:"violating_steps"`
	Return     *float64 `json:"return,omitempty"` // interquartile mean of those that are over; nil if there is none, and of the random phase
	Plans      int      `json:"plans"`            // of those that are over, as Infeasible
	Infeasible int      `json:"infeasible_plans"`
	ByPlan     int      `json:"covered_by_plan,omitempty"`
	ByBackup   int      `json:"covered_by_backup,omitempty"`
	Uncovered  int      `json:"uncovered,omitempty"`
	Inside     int      `json:"inside"`
	Planned    int      `json:"planned"`         // steps of which it is known whether they ended in their box
	Tubes      int      `json:"tubes,omitempty"` // as in Row
	InTube     int      `json:"plans_in_tube,omitempty"`
	Backups    int      `json:"backups,omitempty"`
	BackupsIn  int      `json:"backups_in_tube,omitempty"`

	Evaluations *EvaluationsOf `json:"evaluation,omitempty"` // that follow it; nil without
}

// Episodes has a row for each episode of each method.
func (s *Set) Episodes() (rows []EpisodeRow) {
	names := s.Names()
	for i := range s.Methods {
		m := &s.Methods[i]
		returns := map[int][]float64{}
		first := len(rows)
		for _, run := range m.Runs {
			for k, e := range run.Episodes {
				if first+k == len(rows) {
					rows = append(rows, EpisodeRow{Study: m.Study, Task: m.Task, Name: names[i], Filter: m.Filter, Episode: k})
				}
				r := &rows[first+k]
				r.Runs, r.Steps, r.Violating = r.Runs+1, r.Steps+e.Steps, r.Violating+e.Violations
				r.ByPlan, r.ByBackup, r.Uncovered = r.ByPlan+e.ByPlan, r.ByBackup+e.ByBackup, r.Uncovered+e.Uncovered
				r.Inside, r.Planned = r.Inside+e.Inside, r.Planned+e.Planned
				r.Tubes, r.InTube, r.Backups, r.BackupsIn = r.Tubes+e.Tubes, r.InTube+e.InTube, r.Backups+e.Backups, r.BackupsIn+e.BackupsIn
				if e.Phase == safex.PlannedPhase && !e.Unfinished {
					r.Plans, r.Infeasible = r.Plans+e.Steps, r.Infeasible+e.Infeasible
					returns[k] = append(returns[k], e.Return)
				}
			}
		}
		for k, all := range returns {
			iqm := stats.IQM(all)
			rows[first+k].Return = &iqm
		}
		for k := range rows[first:] {
			rows[first+k].Evaluations = m.evaluationsAfter(k)
		}
	}
	return rows
}

// EpisodesTable writes rows for a terminal, and EpisodesMarkdown in Markdown.
func EpisodesTable(w io.Writer, rows []EpisodeRow) error { return episodesPage(rows).Text(w) }

// EpisodesMarkdown is EpisodesTable in Markdown.
func EpisodesMarkdown(w io.Writer, rows []EpisodeRow) error { return episodesPage(rows).Markdown(w) }

func episodesPage(rows []EpisodeRow) *table.Page {
	of := func(k, n int) string {
		if n == 0 {
			return "–"
		}
		return fmt.Sprintf("%d of %d", k, n)
	}
	covered := func(r EpisodeRow) bool { return r.ByPlan+r.ByBackup+r.Uncovered > 0 }
	proof := func(name string, count func(EpisodeRow) int) table.Column[EpisodeRow] {
		return table.Column[EpisodeRow]{Name: name, Has: covered, Of: func(r EpisodeRow) string {
			if !covered(r) {
				return "–"
			}
			return fmt.Sprint(count(r))
		}}
	}
	head, cells, _ := table.Cells(rows, 0,
		table.Column[EpisodeRow]{Name: "study", Has: func(r EpisodeRow) bool { return r.Study != rows[0].Study }, Of: func(r EpisodeRow) string { return r.Study }},
		table.Column[EpisodeRow]{Name: "task", Of: func(r EpisodeRow) string { return r.Task }},
		table.Column[EpisodeRow]{Name: "method", Of: func(r EpisodeRow) string { return r.Name }},
		table.Column[EpisodeRow]{Name: "episode", Of: func(r EpisodeRow) string { return fmt.Sprint(r.Episode) }},
		table.Column[EpisodeRow]{Name: "runs", Of: func(r EpisodeRow) string { return fmt.Sprint(r.Runs) }},
		table.Column[EpisodeRow]{Name: "violating steps", Of: func(r EpisodeRow) string { return of(r.Violating, r.Steps) }},
		table.Column[EpisodeRow]{Name: "return", Of: func(r EpisodeRow) string {
			if r.Return == nil {
				return "–"
			}
			return number(*r.Return)
		}},
		table.Column[EpisodeRow]{Name: "infeasible plans", Of: func(r EpisodeRow) string { return of(r.Infeasible, r.Plans) }},
		proof("covered by the plan", func(r EpisodeRow) int { return r.ByPlan }), proof("by a backup", func(r EpisodeRow) int { return r.ByBackup }),
		proof("not covered", func(r EpisodeRow) int { return r.Uncovered }),
		table.Column[EpisodeRow]{Name: "steps in the box", Of: func(r EpisodeRow) string { return of(r.Inside, r.Planned) }},
		table.Column[EpisodeRow]{Name: "plans in their tube", Has: func(r EpisodeRow) bool { return r.Tubes > 0 }, Of: func(r EpisodeRow) string { return of(r.InTube, r.Tubes) }},
		table.Column[EpisodeRow]{Name: "backups in theirs", Has: func(r EpisodeRow) bool { return r.Backups > 0 }, Of: func(r EpisodeRow) string { return of(r.BackupsIn, r.Backups) }},
		evaluationsColumn("evaluation: median, worst", func(e *EvaluationsOf) string { return number(e.Median) + ", " + number(e.Worst) }),
		evaluationsColumn("its violating steps", func(e *EvaluationsOf) string { return of(e.Violating, e.Steps) }))
	p := &table.Page{}
	p.Add("By episode; returns are interquartile means over seeds", head, cells...)
	return p
}
