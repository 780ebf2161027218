package study

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// An Objective ranks trials. Those that keep Within in each run come first, by what they Maximize; then the others, by their violating steps,
// and then by what they Maximize; trials with a run that is not complete, or has a NaN there, come last.
type Objective struct {
	Maximize string `json:"maximize"` // return, of planned episodes, or evaluation, the return of evaluations: its interquartile mean over the seeds
	Of       string `json:"of"`       // episodes, or evaluations, of a run: last, best, or mean of all
	Within   int    `json:"within"`   // violating steps of a run, from the first random step on; where evaluations are maximized, theirs count too
}

// of are the values of Of, each with what it makes of returns.
var of = []struct {
	name string
	of   func(returns []float64) float64
}{
	{"last", func(returns []float64) float64 { return returns[len(returns)-1] }},
	{"best", slices.Max[[]float64]},
	{"mean", func(returns []float64) float64 {
		sum := 0.0
		for _, v := range returns {
			sum += v
		}
		return sum / float64(len(returns))
	}},
}

// What an Objective maximizes.
const (
	maximizeReturn     = "return"
	maximizeEvaluation = "evaluation"
)

// DefaultObjective is the return of the last episode, without a violating step.
func DefaultObjective() Objective { return Objective{Maximize: maximizeReturn, Of: of[0].name} }

// Check reports the first setting out of range.
func (o Objective) Check() error {
	var names []string
	for _, f := range of {
		names = append(names, f.name)
	}
	switch {
	case o.Maximize != maximizeReturn && o.Maximize != maximizeEvaluation:
		return fmt.Errorf("objective: there is no %q to maximize: %s", o.Maximize, experiment.Instead(o.Maximize, []string{maximizeReturn, maximizeEvaluation}))
	case !slices.Contains(names, o.Of):
		return fmt.Errorf("objective: there is no return of %q: %s", o.Of, experiment.Instead(o.Of, names))
	case o.Within < 0:
		return fmt.Errorf("objective: within %d: want at least 0 violating steps", o.Within)
	}
	return nil
}

// An Outcome is what a trial came to.
type Outcome struct {
	Trial      string            `json:"trial"`
	Rank       int               `json:"rank"` // from 1 on, the same for trials that are as good; 0 of one that is not complete
	Settings   map[string]string `json:"settings"`
	Episodes   int               `json:"episodes"` // after which it was compared
	Feasible   bool              `json:"feasible"` // each run was within the Objective's violating steps
	Violations int               `json:"violations"`
	Return     *float64          `json:"return"` // interquartile mean over seeds; nil of a trial that is not complete
	Lo         *float64          `json:"lo"`     // its 95 % interval, by bootstrap: too narrow for few seeds, and nil for one
	Hi         *float64          `json:"hi"`
	Failure    string            `json:"failure,omitempty"` // why it is not complete
	Runs       []SeedOutcome     `json:"runs"`
}

// A SeedOutcome is what a run of a trial came to.
type SeedOutcome struct {
	Seed       uint64   `json:"seed"`
	Violations int      `json:"violations"`
	Return     *float64 `json:"return"` // nil if it is not complete, or a NaN
	Failure    string   `json:"failure,omitempty"`
	failed     bool     // it will not be complete by itself
}

// outcome is that of a trial whose runs are jobs, in the folder out of its study, after so many episodes. What runs did later does not
// count.
func (o Objective) outcome(out string, jobs []Job, episodes int, src rng.Stream) Outcome {
	sum := Outcome{Trial: jobs[0].Variant, Episodes: episodes, Feasible: true}
	var returns []float64
	for _, j := range jobs {
		r := o.seed(j.folder(out), episodes)
		r.Seed = j.Spec.Seed
		sum.Runs = append(sum.Runs, r)
		sum.Violations += r.Violations
		sum.Feasible = sum.Feasible && r.Violations <= o.Within
		if r.Failure == "" {
			returns = append(returns, *r.Return)
		} else if sum.Failure == "" {
			sum.Failure = fmt.Sprintf("seed %d: %s", r.Seed, r.Failure)
		}
	}
	if sum.Failure == "" {
		e := stats.DefaultBootstrap().IQM([][]float64{returns}, src.Child(sum.Trial).At(episodes))
		if sum.Return = &e.Value; len(returns) > 1 {
			sum.Lo, sum.Hi = &e.Lo, &e.Hi
		}
	}
	return sum
}

// seed is what the run in dir came to.
func (o Objective) seed(dir string, episodes int) (r SeedOutcome) {
	sums, err := store.Summaries(dir)
	sums = sums[:min(len(sums), 1+episodes)] // number 0 is the random phase
	var returns []float64
	for _, s := range sums {
		r.Violations += s.Violations
		if s.Episode > 0 {
			returns = append(returns, s.Return)
		}
	}
	done := len(returns)
	if o.Maximize == maximizeEvaluation {
		returns = nil
		evaluated, e := store.EvaluationSummaries(dir)
		for _, s := range evaluated {
			if s.Episode <= episodes {
				r.Violations += s.Violations
				returns = append(returns, s.Return)
			}
		}
		if err == nil {
			err = e
		}
		if n := len(evaluated); n == 0 || evaluated[n-1].Episode < episodes {
			done = min(done, episodes-1)
		}
	}
	switch failure := store.Failure(dir); {
	case failure != "":
		r.Failure, r.failed = failure, true
		return r
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		r.Failure = err.Error()
		return r
	case done < episodes:
		r.Failure = fmt.Sprintf("unfinished, %d of %d episodes", done, episodes)
		return r
	}
	for _, f := range of {
		if f.name != o.Of {
			continue
		}
		if v := f.of(returns); v-v == 0 {
			r.Return = &v
		} else {
			r.Failure, r.failed = fmt.Sprintf("its return is %v", v), true
		}
	}
	return r
}

// compare is below 0 if a is better than b, and 0 if they are as good.
func compare(a, b Outcome) int {
	if c := first(a.Return != nil, b.Return != nil); c != 0 || a.Return == nil {
		return c
	}
	if c := first(a.Feasible, b.Feasible); c != 0 {
		return c
	}
	if c := cmp.Compare(a.Violations, b.Violations); c != 0 && !a.Feasible {
		return c
	}
	return cmp.Compare(*b.Return, *a.Return)
}

// first is below 0 if a alone holds, and above 0 if b alone does.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// rank orders all from the best on, those that are as good as they come, and gives them their Rank.
func rank(all []Outcome) {
	slices.SortStableFunc(all, compare)
	for i := range all {
		switch o := &all[i]; {
		case o.Return == nil:
			o.Rank = 0
		case i > 0 && compare(all[i-1], *o) == 0:
			o.Rank = all[i-1].Rank
		default:
			o.Rank = 1 + i
		}
	}
}
