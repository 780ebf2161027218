// Package figures draws the figures of studies: what runs returned and how safe they were, from run folders, whether complete or under
// way, and from small files of results. Nothing is trained for it, and the same data give the same bytes.
package figures

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// A Gallery is what figures are made from, and how.
type Gallery struct {
	own       []safex.Maker
	Set       *report.Set // runs; nil if there are none
	Published []Published // what others reached
	Peers     []Peer      // what others reached in evaluations
	Fallbacks []Fallback  // what others fell back for
	Others    []Other     // of safex control, coverage and attack
	Band      Band
	Reached   []Threshold // returns that have to be reached, the last one that is of a task counts; nil is DefaultReached
	Episode   int         // number of the one that is drawn, by itself or with a kernel; -1 is the last complete one

	folders []string // of runs
}

// A Band says what is around the curve of a method.
type Band string

// The bands.
const (
	IQM    Band = "iqm"    // 95 % stratified bootstrap interval around the interquartile mean
	MinMax Band = "minmax" // all seeds around their mean, as published
)

// bands are all of them.
var bands = []string{string(IQM), string(MinMax)}

// A Threshold is a return that has to be reached.
type Threshold struct {
	Task  string  // "" is any
	Share float64 // of the way from the lowest to the highest return of any episode of the task, above 0 and below 1; 0 is Value
	Value float64
}

// DefaultReached is -400 on the pendulum and -0.9 on pitch, which with the oracle dynamics every start comes to, if not by much, and 90 % of the
// way on other tasks.
func DefaultReached() []Threshold {
	return []Threshold{{Share: 0.9}, {Task: "pendulum", Value: -400}, {Task: "pitch", Value: -0.9}}
}

// UseReached adds a threshold, as in "-400", "pendulum=-400" or "90%".
func (g *Gallery) UseReached(text string) error {
	var t Threshold
	value := text
	if task, rest, ok := strings.Cut(text, "="); ok {
		if names := experiment.Tasks.Names(); !slices.Contains(names, task) {
			return fmt.Errorf("there is no task %q: %s", task, experiment.Instead(task, names))
		}
		t.Task, value = task, rest
	}
	number, percent := strings.CutSuffix(value, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Errorf("reached %q: want a return or a share, as in -400, pendulum=-400 or 90%%", text)
	case percent && !(v > 0 && v < 100):
		return fmt.Errorf("reached %q: want a share above 0%% and below 100%%", text)
	case percent:
		t.Share = v / 100
	default:
		t.Value = v
	}
	if g.Reached == nil {
		g.Reached = DefaultReached()
	}
	g.Reached = append(g.Reached, t)
	return nil
}

// Check reports the first setting that is out of range.
func (g *Gallery) Check() error {
	if !slices.Contains(bands, string(g.Band)) {
		return fmt.Errorf("there is no band %q: %s", g.Band, experiment.Instead(string(g.Band), bands))
	}
	if g.Episode < -1 {
		return fmt.Errorf("episode %d: want 0, which is the random phase, or more", g.Episode)
	}
	return nil
}

// A kind of figure.
type kind struct {
	name, about string
	draw        func(g *Gallery) (*fig.Figure, error)
}

// kinds are the figures that are made from runs.
var kinds = []kind{
	{"learning", "returns while learning, and violating steps per run, a row for each task", (*Gallery).learning},
	{"lambda", "the same of the variants lambda-…", (*Gallery).lambda},
	{"beta", "the same of the variants beta-…, with β over the episodes", (*Gallery).beta},
	{"tradeoff", "how soon a return is reached against violating steps, a panel for each group of variants", (*Gallery).tradeoff},
	{"histogram", "violating steps of an episode, as a histogram for each method", (*Gallery).histogram},
	{"tubes", "how often boxes, tubes of plans and tubes of backups hold in each episode, of runs that safex card --tubes was asked about", (*Gallery).tubes},
	{"frontier", "how many plans stay in their tube against returns, of the variants of a group, likewise", (*Gallery).frontier},
	{"violations", "mean violating steps in each episode, for each method", (*Gallery).violations},
	{FallbackName, "failures and what was explored against the share of steps that a fallback executed, beside what others published", (*Gallery).fallback},
	{EvaluationName, "what evaluations returned by the steps learned from, and violating steps per run", (*Gallery).evaluation},
}

// Kinds lists the names of the figures that are made from runs, and a line about each.
func Kinds() (names, about []string) {
	for _, k := range kinds {
		names, about = append(names, k.name), append(about, k.about)
	}
	return append(names, ReturnsName, KernelName, EpisodeName), append(about, "returns alone, a panel for each study, where it is asked for",
		"where the limits can be kept, by the last model of a run with a filter, and the way of an episode, of a run folder", "all that happened in an episode, of a run folder")
}

// Names are the figures that can be drawn from what is there: those of runs, then other results by the names of their files.
func (g *Gallery) Names() (names []string) {
	for _, k := range kinds {
		if _, err := k.draw(g); err == nil {
			names = append(names, k.name)
		}
	}
	for _, o := range g.Others {
		if _, err := o.figure(); err == nil {
			names = append(names, o.Name)
		}
	}
	if _, err := g.judged(); err == nil { // without the kernel itself, which takes its time
		names = append(names, KernelName)
	}
	return names
}

// Draw draws a figure by its name. The error names the nearest name, or says in a sentence what is missing.
func (g *Gallery) Draw(name string) (*fig.Figure, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	all, _ := Kinds()
	for _, o := range g.Others {
		if all = append(all, o.Name); o.Name == name {
			return o.figure()
		}
	}
	switch name {
	case ReturnsName:
		return g.returnsAlone()
	case EpisodeName:
		return g.episode()
	case KernelName:
		return g.kernel()
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil, fmt.Errorf("there is no figure %q: %s", name, experiment.Instead(name, all))
	}
	return kinds[i].draw(g)
}

// Draw draws a figure by its name from run folders, folders that hold some, and files: in a notebook, while they run.
//
//	nb.Show(nb.Must(gallery.Draw("learning", "runs/quick")))
func Draw(name string, paths ...string) (*fig.Figure, error) {
	g, err := Open(paths...)
	if err != nil {
		return nil, err
	}
	return g.Draw(name)
}

// stream is what the bootstrap of a method draws from.
func stream(m *method) rng.Stream {
	src := rng.New(1).Child("figures").Child(m.Study).Child(m.Task).Child(m.Planner).Child(m.Model).Child(m.Calibrate).Child(m.Variant)
	if m.Filter != "" { // others keep their bits
		src = src.Child(m.Filter)
	}
	return src
}

// estimate is a number of runs with its interval. That of a single run has none.
func estimate(statistic func([]float64) float64, values []float64, src rng.Stream) stats.Estimate {
	e := stats.DefaultBootstrap().Estimate(func(strata [][]float64) float64 { return statistic(strata[0]) }, [][]float64{values}, src)
	if len(values) == 1 {
		e.Lo, e.Hi = e.Value, e.Value
	}
	return e
}
