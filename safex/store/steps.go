package store

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex"
)

// A column of steps.csv, with the place of its number in step t of an episode: what writes a table, and what reads it.
type column struct {
	name     string
	at       func(e *safex.Episode, t int) *float64 // nil of one that get and set have; returns nil where there is no number
	get      func(e *safex.Episode, t int) float64
	set      func(e *safex.Episode, t int, v float64)
	text     func(e *safex.Episode, t int) *safex.Cover // of one that holds a word
	says     func(e *safex.Episode, t int) string       // of one that holds a word on the episode, as hear reads it; nil of others
	hear     func(e *safex.Episode, text string)
	believed bool // empty where nothing was believed, and not a number at times
	again    bool // the line before has the same number, of its next state
}

// columns are those of a step: state and action, the reward and the signed excess that followed, the next state; what was believed: the
// mean of the next state, the largest excess of each limit over the horizon under the worst model errors that were found, the epistemic and
// aleatoric deviations of the next state, how many of the former the box around the mean reaches, how many a calibrated model asked for, how many the box of a filter reaches,
// whether the step is out of the distribution that the model learned from (1) or not (0), whether the plan kept every limit, by what the step is proved to be safe, whether the plan was late and
// cut short by a deadline, and how many candidates came out as NaN; whether the step is the first that is planned by the model of another fit. Of noise that the task declares
// there is by how much it may be off what was believed. With a delay that the task declares, actions are those that took
// effect, and those that were sent come after that. If the agent sees the state through noise, the real states
// come last. Of a step before the first plan the columns of what was believed are empty, unless a filter judged it by a prior; one that is covered
// without any belief has no mean, no deviations and no worst excess.
func columns(s *safex.System) (all []column) {
	each := func(prefix string, vs []safex.Var, of func(e *safex.Episode, t int) []float64, believed bool) {
		for d, v := range vs {
			again := prefix == "true_" || prefix == "" && len(all) < len(s.State)
			all = append(all, column{name: prefix + v.Name, believed: believed, again: again, at: func(e *safex.Episode, t int) *float64 {
				if row := of(e, t); row != nil || !believed {
					return &row[d]
				}
				return nil
			}})
		}
	}
	limits := make([]safex.Var, len(s.Limits))
	for k, l := range s.Limits {
		limits[k].Name = l.Name
	}
	forecast := func(of func(f *safex.Forecast) []float64) func(e *safex.Episode, t int) []float64 {
		return func(e *safex.Episode, t int) []float64 { return of(&e.Forecasts[t]) }
	}
	flag := func(name string, of func(f *safex.Forecast) *bool) {
		all = append(all, column{name: name, believed: true,
			get: func(e *safex.Episode, t int) float64 { return number(*of(&e.Forecasts[t])) },
			set: func(e *safex.Episode, t int, v float64) { *of(&e.Forecasts[t]) = v != 0 },
		})
	}
	each("", s.State, func(e *safex.Episode, t int) []float64 { return e.States[t] }, false)
	each("", s.Action, func(e *safex.Episode, t int) []float64 { return e.Actions[t] }, false)
	all = append(all, column{name: "reward", at: func(e *safex.Episode, t int) *float64 { return &e.Rewards[t] }})
	each("excess_", limits, func(e *safex.Episode, t int) []float64 { return e.Excess[t] }, false)
	each("next_", s.State, func(e *safex.Episode, t int) []float64 { return e.States[t+1] }, false)
	each("mean_", s.State, forecast(func(f *safex.Forecast) []float64 { return f.Mean }), true)
	each("worst_", limits, forecast(func(f *safex.Forecast) []float64 { return f.Worst }), true)
	each("epistemic_", s.State, forecast(func(f *safex.Forecast) []float64 { return f.Epistemic }), true)
	each("aleatoric_", s.State, forecast(func(f *safex.Forecast) []float64 { return f.Aleatoric }), true)
	all = append(all,
		column{name: "beta", believed: true, at: func(e *safex.Episode, t int) *float64 { return &e.Forecasts[t].Beta }},
		column{name: "asked_beta", believed: true, at: func(e *safex.Episode, t int) *float64 { return &e.Forecasts[t].AskedBeta }},
		column{name: "cover_beta", believed: true, at: func(e *safex.Episode, t int) *float64 { return &e.Forecasts[t].CoverBeta }})
	flag("out_of_distribution", func(f *safex.Forecast) *bool { return &f.OutOfDistribution })
	flag("feasible", func(f *safex.Forecast) *bool { return &f.Feasible })
	all = append(all, column{name: "cover", believed: true, text: func(e *safex.Episode, t int) *safex.Cover { return &e.Forecasts[t].Cover }})
	flag("late", func(f *safex.Forecast) *bool { return &f.Late })
	flag("cut", func(f *safex.Forecast) *bool { return &f.Cut })
	all = append(all, column{name: "nans", believed: true,
		get: func(e *safex.Episode, t int) float64 { return float64(e.Forecasts[t].NaNs) },
		set: func(e *safex.Episode, t int, v float64) { e.Forecasts[t].NaNs = int(v) },
	}, column{name: "fit",
		get: func(e *safex.Episode, t int) float64 {
			return number(slices.ContainsFunc(e.Fits, func(f safex.Fit) bool { return f.Step == t }))
		},
		set: func(e *safex.Episode, t int, v float64) {
			if v != 0 {
				e.Fits = append(e.Fits, safex.Fit{Step: t})
			}
		},
	})
	if s.Outside() {
		all = append(all, endings()...)
	}
	if noisy(s) {
		each("noise_", s.State, forecast(func(f *safex.Forecast) []float64 { return f.Noise }), true)
	}
	if k := s.Delay(); k > 0 {
		for d, v := range s.Action {
			all = append(all, column{name: "sent_" + v.Name,
				get: func(e *safex.Episode, t int) float64 { return e.Sent(t)[d] },
				set: func(e *safex.Episode, t int, v float64) { e.Pending[k-1][d] = v },
			})
		}
	}
	if s.Noisy() {
		each("true_", s.State, func(e *safex.Episode, t int) []float64 { return e.Real[t] }, false)
		each("next_true_", s.State, func(e *safex.Episode, t int) []float64 { return e.Real[t+1] }, false)
	}
	return all
}

// noisy tells whether the task declares noise.
func noisy(s *safex.System) bool { return s.NoiseBox() != nil || s.SeenBox() != nil }

// phaseColumn is the one that says who chose the actions of an episode: the random phase may have taken several.
const phaseColumn = "phase"

// endings are the columns of a plant: who chose the actions and, in the last step of an episode that ended early, how it ended and why.
func endings() []column {
	last := func(e *safex.Episode, t int, text string) string {
		if t+1 < len(e.Actions) {
			return ""
		}
		return text
	}
	return []column{
		{name: phaseColumn, says: func(e *safex.Episode, t int) string { return string(e.Phase) }, hear: func(*safex.Episode, string) {}},
		{name: "end", says: func(e *safex.Episode, t int) string { return last(e, t, string(e.End)) }, hear: func(e *safex.Episode, text string) { e.End = safex.End(text) }},
		{name: "why", says: func(e *safex.Episode, t int) string { return last(e, t, e.Why) }, hear: func(e *safex.Episode, text string) { e.Why = text }},
	}
}

// number is 1 of what is so, and 0 of what is not.
func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// header is the first row of steps.csv.
func header(all []column) []string {
	h := []string{"episode", "step"}
	for _, c := range all {
		h = append(h, c.name)
	}
	return h
}

// rows are those of an episode.
func rows(all []column, e safex.Episode) (records [][]string) {
	for t := range e.Actions {
		r := []string{strconv.Itoa(e.Number), strconv.Itoa(t)}
		for _, c := range all {
			cell := ""
			switch {
			case c.says != nil:
				cell = c.says(&e, t)
			case c.believed && t >= len(e.Forecasts):
			case c.text != nil:
				cell = string(*c.text(&e, t))
			case c.at != nil:
				if v := c.at(&e, t); v != nil {
					cell = strconv.FormatFloat(*v, 'g', -1, 64)
				}
			default:
				cell = strconv.FormatFloat(c.get(&e, t), 'g', -1, 64)
			}
			r = append(r, cell)
		}
		records = append(records, r)
	}
	return records
}

// grow makes room in an episode for its step t, for a forecast if somebody looked at it, and for what that believes if it does.
func grow(s *safex.System, e *safex.Episode, t int, looked, believed bool) {
	nx, nl := len(s.State), len(s.Limits)
	for len(e.States) < t+2 {
		e.States = append(e.States, make([]float64, nx))
	}
	if s.Noisy() {
		for len(e.Real) < t+2 {
			e.Real = append(e.Real, make([]float64, nx))
		}
	}
	if k := s.Delay(); k > 0 { // what was sent in step t comes last
		for len(e.Pending) < k+1 {
			e.Pending = append(e.Pending, make([]float64, len(s.Action)))
		}
		e.Pending = e.Pending[1:]
	}
	e.Actions, e.Rewards = append(e.Actions, make([]float64, len(s.Action))), append(e.Rewards, 0)
	e.Excess = append(e.Excess, make([]float64, nl))
	if !looked {
		return
	}
	var f safex.Forecast
	if believed {
		f = safex.Forecast{Mean: make([]float64, nx), Worst: make([]float64, nl), Epistemic: make([]float64, nx), Aleatoric: make([]float64, nx)}
		if noisy(s) {
			f.Noise = make([]float64, nx)
		}
	}
	e.Forecasts = append(e.Forecasts, f)
}

// unexplored are the episodes of a run without random steps before its first step: the random phase has no line.
var unexplored = []safex.Episode{{Phase: safex.RandomPhase}}

// explored are the episodes that readSteps reads of a run of which these are the summaries: a random phase without steps that is over is there, also if it
// is all that there is.
func explored(episodes []safex.Episode, sums []Summary) []safex.Episode {
	if len(episodes) == 0 && len(sums) > 0 && sums[0].Steps == 0 {
		return slices.Clone(unexplored)
	}
	return episodes
}

// readSteps reads steps.csv of the run folder dir: the complete episodes and, last, the one under way. They are those that were live, but for
// the times of plans and fits, which are 0.
func readSteps(s *safex.System, dir string) (episodes []safex.Episode, err error) {
	return readTable(s, filepath.Join(dir, stepsFile), false)
}

// readTable reads a table of the episodes of a run, or of its evaluations: planned episodes, each with the number of the one that it follows.
func readTable(s *safex.System, path string, evaluations bool) (episodes []safex.Episode, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannot("read", path, err)
	}
	all := columns(s)
	cover := 2 + slices.IndexFunc(all, func(c column) bool { return c.text != nil })
	mean := 2 + slices.IndexFunc(all, func(c column) bool { return c.believed })
	phase := slices.IndexFunc(all, func(c column) bool { return c.name == phaseColumn && c.says != nil })
	r := csv.NewReader(bytes.NewReader(text))
	want, err := r.Read()
	if err != nil || !slices.Equal(want, header(all)) {
		return nil, fmt.Errorf("store: %s does not begin with the header of task %q: it is of another task, of another version of safex, or damaged", path, s.Name)
	}
	for line := 2; ; line++ {
		record, err := r.Read()
		if err == io.EOF {
			return episodes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("store: %s: %w", path, err)
		}
		v := make([]float64, len(record))
		for k, cell := range record {
			if cell == "" || k >= 2 && (all[k-2].text != nil || all[k-2].hear != nil) {
				v[k] = math.NaN()
			} else if v[k], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("store: %s, line %d: %q is no number", path, line, cell)
			}
		}
		number := int(v[0])
		if len(episodes) == 0 && number == 1 && !evaluations {
			episodes = slices.Clone(unexplored)
		}
		last := len(episodes) - 1
		goesOn := last >= 0 && number == episodes[last].Number && v[1] == float64(len(episodes[last].Actions))
		begins := v[1] == 0 && (number == len(episodes) || evaluations && number >= 0 && (last < 0 || number > episodes[last].Number))
		if !goesOn && !begins {
			return nil, fmt.Errorf("store: %s, line %d: episode %s, step %s does not follow the line before", path, line, record[0], record[1])
		}
		if !goesOn {
			e := safex.Episode{Number: number, Phase: safex.PlannedPhase}
			if number == 0 && !evaluations {
				e.Phase = safex.RandomPhase
			}
			if phase >= 0 {
				e.Phase = safex.Phase(record[2+phase])
			}
			if e.Phase != safex.RandomPhase && (e.Phase != safex.PlannedPhase || number == 0 && !evaluations) {
				return nil, fmt.Errorf("store: %s, line %d: the phase of episode %d is %q: a line was changed", path, line, number, e.Phase)
			}
			episodes = append(episodes, e)
		}
		e := &episodes[len(episodes)-1]
		if e.End != "" || phase >= 0 && safex.Phase(record[2+phase]) != e.Phase {
			return nil, fmt.Errorf("store: %s, line %d: episode %s is over, or of another phase: a line was changed", path, line, record[0])
		}
		t := len(e.Actions)
		planned, believed := e.Phase == safex.PlannedPhase, record[mean] != ""
		looked := planned || believed || record[cover] != ""
		if t > 0 && looked != (e.Forecasts != nil) {
			return nil, fmt.Errorf("store: %s, line %d: before the first plan either every step has a cover or none: a line was changed", path, line)
		}
		grow(s, e, t, looked, planned || believed)
		for k, c := range all {
			v := v[2+k]
			switch {
			case c.believed && (t >= len(e.Forecasts) || c.at != nil && c.at(e, t) == nil):
				continue
			case c.hear != nil:
				c.hear(e, record[2+k])
				continue
			case c.text != nil:
				word := safex.Cover(record[2+k])
				if word != "" && !slices.Contains(safex.Covers(), word) {
					return nil, fmt.Errorf("store: %s, line %d: %s is %q, want one of %v or nothing", path, line, c.name, word, safex.Covers())
				}
				*c.text(e, t) = word
				continue
			case !c.believed && v-v != 0:
				return nil, fmt.Errorf("store: %s, line %d: %s is %q, want a number", path, line, c.name, record[2+k])
			case c.at == nil:
				c.set(e, t, v)
				continue
			}
			to := c.at(e, t)
			if c.again && t > 0 && *to != v {
				return nil, fmt.Errorf("store: %s, line %d: %s is %s, and the line before led to %v: one of them was changed", path, line, c.name, record[2+k], *to)
			}
			*to = v
		}
	}
}
