package run

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
)

// Summary is a line of episodes.jsonl.
type Summary struct {
	Episode    int                `json:"episode"`
	Phase      safex.Phase        `json:"phase"`
	Steps      int                `json:"steps"`
	Return     float64            `json:"return"`
	Violations int                `json:"violations"` // steps beyond any limit
	Worst      map[string]float64 `json:"worst"`      // largest excess of each limit, in its unit: at most 0 is safe
	Beta       float64            `json:"beta"`       // of the last plan
	PlanP50    float64            `json:"plan_ms_p50"`
	PlanP99    float64            `json:"plan_ms_p99"`
	FitSeconds float64            `json:"fit_s"` // all fits of the episode
	NaNs       int                `json:"nan_candidates"`
	Infeasible int                `json:"infeasible_plans"` // plans that could not keep every limit
}

// Summarize is the summary of an episode of s.
func Summarize(s *safex.System, e safex.Episode) Summary {
	sum := Summary{
		Episode: e.Number, Phase: e.Phase, Steps: len(e.Actions), Return: e.Return(),
		Violations: e.Violations(s.Budgets()...), Worst: map[string]float64{},
	}
	for k, w := range e.WorstExcess(len(s.Limits)) {
		if !math.IsInf(w, 0) && !math.IsNaN(w) { // JSON has no such numbers
			sum.Worst[s.Limits[k].Name] = w
		}
	}
	var millis []float64
	for _, f := range e.Forecasts {
		millis = append(millis, f.Millis)
		sum.Beta = f.Beta
		sum.NaNs += f.NaNs
		if !f.Feasible {
			sum.Infeasible++
		}
	}
	if len(millis) > 0 {
		slices.Sort(millis)
		sum.PlanP50 = stat.Quantile(0.5, stat.Empirical, millis, nil)
		sum.PlanP99 = stat.Quantile(0.99, stat.Empirical, millis, nil)
	}
	for _, f := range e.Fits {
		sum.FitSeconds += f.Seconds
	}
	return sum
}

// header is the first row of steps.csv.
func header(s *safex.System) []string {
	h := []string{"episode", "step"}
	for _, v := range slices.Concat(s.State, s.Action) {
		h = append(h, v.Name)
	}
	h = append(h, "reward")
	for _, l := range s.Limits {
		h = append(h, "excess_"+l.Name)
	}
	for _, v := range s.State {
		h = append(h, "mean_"+v.Name)
	}
	for _, l := range s.Limits {
		h = append(h, "worst_"+l.Name)
	}
	for _, kind := range []string{"doubt_", "noise_"} {
		for _, v := range s.State {
			h = append(h, kind+v.Name)
		}
	}
	h = append(h, "beta", "asked_beta", "outside")
	if s.Noisy() {
		for _, v := range s.State {
			h = append(h, "true_"+v.Name)
		}
	}
	return h
}

// rows of steps.csv: state and action, then the reward and the signed excess that followed, then
// what was believed: the mean of the next state, and the largest excess over the horizon under the
// worst model error found, the epistemic and aleatoric deviations of the next state, how many of the former the
// box around the mean reaches, how many a calibrated model asked for, and whether the step is outside what the model knows (1) or not (0). What was
// believed is empty in the random phase. If the agent sees the state through noise, the real state comes last.
func rows(s *safex.System, e safex.Episode) (records [][]string) {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for t, u := range e.Actions {
		r := []string{strconv.Itoa(e.Number), strconv.Itoa(t)}
		for _, v := range slices.Concat(e.States[t], u, []float64{e.Rewards[t]}, e.Excess[t]) {
			r = append(r, number(v))
		}
		if t < len(e.Forecasts) {
			f, outside := e.Forecasts[t], 0.0
			if f.Outside {
				outside = 1
			}
			for _, v := range slices.Concat(f.Mean, f.Worst, f.Doubt, f.Noise, []float64{f.Beta, f.Asked, outside}) {
				r = append(r, number(v))
			}
		} else {
			r = append(r, make([]string, believed(s))...)
		}
		if s.Noisy() {
			for _, v := range e.Real[t] {
				r = append(r, number(v))
			}
		}
		records = append(records, r)
	}
	return records
}

// believed is the number of columns that hold what was believed.
func believed(s *safex.System) int { return 3*len(s.State) + len(s.Limits) + 3 }

// Episodes reads the complete episodes and, last, the one under way, of the run folder dir. The state after
// the last step of each is that of the task; with disturbances it is not known, and left out. Of a forecast there is
// what steps.csv holds; of fits nothing.
func Episodes(s *safex.System, dir string) (episodes []safex.Episode, err error) {
	path := filepath.Join(dir, stepsFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannot("read", path, err)
	}
	r := csv.NewReader(bytes.NewReader(text))
	want, err := r.Read()
	if err != nil || !slices.Equal(want, header(s)) {
		return nil, fmt.Errorf("run: %s does not begin with the header of task %q: it is of another task, of another version of safex, or damaged", path, s.Name)
	}
	nx, nu, nl := len(s.State), len(s.Action), len(s.Limits)
	for line := 2; ; line++ {
		record, err := r.Read()
		if err == io.EOF {
			for i := range episodes {
				e := &episodes[i]
				if len(s.Disturbances) > 0 {
					break
				}
				n := len(e.Actions) - 1
				next, _, _ := s.Step(e.States[n], e.Actions[n])
				e.States = append(e.States, next)
			}
			return episodes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("run: %s: %w", path, err)
		}
		v := make([]float64, len(record))
		for k, cell := range record {
			if cell == "" {
				v[k] = math.NaN()
			} else if v[k], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("run: %s, line %d: %q is no number", path, line, cell)
			}
		}
		number := int(v[0])
		if last := len(episodes) - 1; last < 0 && (number != 0 || v[1] != 0) || last >= 0 &&
			!(number == last && v[1] == float64(len(episodes[last].Actions)) || number == last+1 && v[1] == 0) {
			return nil, fmt.Errorf("run: %s, line %d: episode %s, step %s does not follow the line before", path, line, record[0], record[1])
		}
		for k := range v {
			if from := 3 + nx + nu + nl; k >= from && k < from+believed(s) {
				continue // empty in the random phase
			}
			if v[k]-v[k] != 0 {
				return nil, fmt.Errorf("run: %s, line %d: %s is %q, want a number", path, line, want[k], record[k])
			}
		}
		if n := len(episodes); n == 0 || episodes[n-1].Number != number {
			e := safex.Episode{Number: number, Phase: safex.Planned}
			if number == 0 {
				e.Phase = safex.Explore
			}
			episodes = append(episodes, e)
		}
		e := &episodes[len(episodes)-1]
		take := func(n int) (part []float64) { part, v = v[:n:n], v[n:]; return part }
		take(2)
		e.States = append(e.States, take(nx))
		e.Actions = append(e.Actions, take(nu))
		e.Rewards = append(e.Rewards, take(1)[0])
		e.Excess = append(e.Excess, take(nl))
		f := safex.Forecast{Mean: take(nx), Worst: take(nl), Doubt: take(nx), Noise: take(nx), Beta: take(1)[0], Asked: take(1)[0], Outside: take(1)[0] != 0}
		if e.Phase == safex.Planned {
			e.Forecasts = append(e.Forecasts, f)
		}
		if s.Noisy() {
			e.Real = append(e.Real, take(nx))
		}
	}
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
		if err := plainly(json.Unmarshal(line, &s)); err != nil {
			return nil, fmt.Errorf("run: %s, line %d is damaged: %w", path, len(sums)+1, err)
		}
		if s.Episode != len(sums) || s.Phase != safex.Explore && s.Phase != safex.Planned {
			return nil, fmt.Errorf("run: %s, line %d is damaged: it is not of episode %d", path, len(sums)+1, len(sums))
		}
		sums = append(sums, s)
	}
	return sums, nil
}
