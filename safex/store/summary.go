package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// Summary is a line of episodes.jsonl.
type Summary struct {
	Episode    int                `json:"episode"`
	Phase      safex.Phase        `json:"phase"`
	Steps      int                `json:"steps"`
	Return     float64            `json:"return"`
	Violations int                `json:"violations"` // steps beyond any limit
	Worst      map[string]float64 `json:"worst"`      // largest excess of each limit, in its unit: at most 0 is safe; null is NaN
	Beta       float64            `json:"beta"`       // of the last plan
	PlanP50    float64            `json:"plan_ms_p50"`
	PlanP99    float64            `json:"plan_ms_p99"`
	FitSeconds float64            `json:"fit_s"` // all fits of the episode
	NaNs       int                `json:"nan_candidates"`
	Infeasible int                `json:"infeasible_plans"`           // plans that could not keep every limit
	ByPlan     int                `json:"covered_by_plan,omitzero"`   // steps of plans that a Filter proved to be safe: planned and kernel
	ByBackup   int                `json:"covered_by_backup,omitzero"` // steps that are proved, in place of a plan's: tail and backup
	Uncovered  int                `json:"uncovered,omitzero"`         // steps of which a Filter proved nothing
	Missed     int                `json:"missed,omitzero"`            // actions that were not ready when they were due, in real time
	JitterP50  float64            `json:"jitter_ms_p50,omitzero"`     // by which actions were later than they were due
	JitterP99  float64            `json:"jitter_ms_p99,omitzero"`
	End        safex.End          `json:"end,omitzero"`   // how it ended before its steps were taken; "" if it did not
	Why        string             `json:"why,omitzero"`   // it ended so
	Short      int                `json:"short,omitzero"` // steps of a planned episode that its end left out
	Late       int                `json:"late_plans"`     // plans that took as long as their Deadline or longer; those that it cut short did
}

// Summarize is the summary of an episode of s.
func Summarize(s *safex.System, e safex.Episode) Summary {
	sum := Summary{
		Episode: e.Number, Phase: e.Phase, Steps: len(e.Actions), Return: e.Return(),
		Violations: e.Violations(s.Budgets()...), Worst: map[string]float64{},
	}
	if sum.End, sum.Why = e.End, e.Why; e.End != "" && e.Phase == safex.PlannedPhase {
		sum.Short = s.Steps - len(e.Actions)
	}
	for k, w := range e.WorstExcess(len(s.Limits)) {
		sum.Worst[s.Limits[k].Name] = w
	}
	var millis, jitter []float64
	for _, f := range e.Forecasts {
		jitter = append(jitter, f.Jitter)
		if f.Missed {
			sum.Missed++
		}
		millis = append(millis, f.Millis)
		sum.Beta = f.Beta
		sum.NaNs += f.NaNs
		switch f.Cover {
		case safex.CoverPlanned, safex.CoverKernel:
			sum.ByPlan++
		case safex.CoverTail, safex.CoverBackup:
			sum.ByBackup++
		case safex.CoverNone:
			sum.Uncovered++
		}
		if f.Late {
			sum.Late++
		}
		if !f.Feasible {
			sum.Infeasible++
		}
	}
	if len(millis) > 0 {
		slices.Sort(millis)
		sum.PlanP50 = stat.Quantile(0.5, stat.Empirical, millis, nil)
		sum.PlanP99 = stat.Quantile(0.99, stat.Empirical, millis, nil)
		slices.Sort(jitter)
		sum.JitterP50, sum.JitterP99 = stat.Quantile(0.5, stat.Empirical, jitter, nil), stat.Quantile(0.99, stat.Empirical, jitter, nil)
	}
	for _, f := range e.Fits {
		sum.FitSeconds += f.Seconds
	}
	return sum
}

// Summaries reads episodes.jsonl of the run folder dir.
func Summaries(dir string) (sums []Summary, err error) {
	path := filepath.Join(dir, episodesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannot("read", path, err)
	}
	for line := range bytes.Lines(text) {
		var s Summary
		if err := encode.Decode(line, &s); err != nil {
			return nil, fmt.Errorf("store: %s, line %d is damaged: %w", path, len(sums)+1, err)
		}
		if s.Episode != len(sums) || s.Phase != safex.RandomPhase && s.Phase != safex.PlannedPhase {
			return nil, fmt.Errorf("store: %s, line %d is damaged: it is not of episode %d", path, len(sums)+1, len(sums))
		}
		sums = append(sums, s)
	}
	return sums, nil
}
