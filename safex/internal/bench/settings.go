// Package bench measures how fast safex is on this machine: rollouts, fits and plans, beside what its cores can do
// at most.
package bench

import (
	"fmt"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Settings are what is measured, and for how long. All rollouts, gradients and fits are of the pendulum's dimensions; an
// empty list leaves out what it is of. Models are ensembles with two hidden layers of one width.
type Settings struct {
	Seed    uint64   // of every random number; how often plans ask the model depends on nothing else
	Engines []string // by their names in package lab; plans take the first that can run the model

	Widths        []int    // of rollouts and gradients
	Activations   []string // of rollouts and gradients; the first is that of fits, plans and series
	Members       int      // at least 2
	Horizon       int      // of rollouts and gradients; planners have their own
	Batch         int      // candidates of a rollout
	GradientBatch int      // candidates of a gradient

	FitWidths []int
	FitBatch  int // transitions of each member in a gradient step
	FitSteps  int // gradient steps of each fit that is timed

	Plans      []Pair
	PlanWidths []int
	PlanCount  int // plans that are timed, for each row
	PlanWarm   int // plans before, which are not
	Learned    int // gradient steps, at most, of the models that are planned with

	Series      []Series
	Doublings   int   // of each Series but those against data
	Transitions []int // of a Series against data, at least two that rise
	SeriesCount int   // plans that are timed, for each row of a Series
	Samples     int   // candidates of the first population, from which a Series of plans goes up

	Command  string        // the program safex, whose start and memory are measured
	Starts   int           // of the command that are timed; 0 for none
	Episodes int           // of the run whose memory is measured; 0 for none
	Look     time.Duration // at the memory, one after the other

	Turns  int           // repetitions at least; medians are taken over them
	Turn   time.Duration // of a repetition, at least: what is faster is called again and again
	Slice  time.Duration // repetitions go on until it has passed
	Within time.Duration // of everything; each kind of row has its share of it, and those that do not fit are left out. 0 is no limit
}

// A Pair is a task and a planner, by their names in package lab.
type Pair struct{ Task, Planner string }

// A Series lets one quantity grow while all others stay, mostly twice as large from row to row. It is of rollouts, of plans or, against
// data, of fits from nothing; of the pendulum or, against limits and dimensions, of a chain of masses.
type Series struct {
	What    string // rollout, plan or fit
	Against string // samples, horizon, members, width, limits, dimensions or data; the samples of a rollout are its Batch
	Model   string // probabilistic or gp, against data; else ""
}

// auto is the engine that is always one of the others, and stepwise the one for models that no other can run.
const auto, stepwise = "auto", "stepwise"

// Kinds of rows.
const (
	rollouts  = "rollout"
	gradients = "gradient"
	fits      = "fit"
	plans     = "plan"
	peaks     = "peak"
	starts    = "start"
	memories  = "memory"
)

// Models of a Series against data.
const gp, probabilistic = "gp", "probabilistic"

// quantities are what a Series can be against.
var quantities = []string{"samples", "horizon", "members", "width", "limits", "dimensions"}

// data is what a Series with a Model is against.
const data = "data"

// DefaultSettings measure everything, in minutes: each planner on each task, and each Series.
func DefaultSettings() Settings {
	s := Quick()
	s.Activations = append(s.Activations, "tanh")
	s.PlanWidths = []int{64, 128}
	s.PlanCount, s.PlanWarm, s.Learned, s.SeriesCount = 100, 10, 1000, 100
	s.Turns, s.Turn, s.Slice, s.Within = 5, 50*time.Millisecond, time.Second, 0
	planners := experiment.Planners.Names()
	s.Plans, s.Series = nil, nil
	for _, task := range experiment.Tasks.Names() {
		for _, planner := range planners {
			s.Plans = append(s.Plans, Pair{task, planner})
		}
	}
	for _, what := range []string{rollouts, plans} {
		for _, against := range quantities {
			s.Series = append(s.Series, Series{What: what, Against: against})
		}
	}
	return s
}

// Quick measures the same on fewer tasks and with fewer repetitions, in less than a minute.
func Quick() Settings {
	s := Settings{
		Seed: 1, Widths: []int{64, 128, 256}, Activations: []string{"swish", "relu"}, Members: 5, Horizon: 20, Batch: 2500, GradientBatch: 500,
		FitWidths: []int{64, 128}, FitBatch: 64, FitSteps: 200,
		PlanWidths: []int{64}, PlanCount: 30, PlanWarm: 5, Learned: 500,
		Doublings: 2, SeriesCount: 10, Samples: 128,
		Turns: 3, Turn: 20 * time.Millisecond, Slice: 300 * time.Millisecond, Within: 55 * time.Second,
	}
	s.Engines = experiment.Engines.Names()
	s.Engines = slices.DeleteFunc(s.Engines, func(name string) bool { return name == auto || name == stepwise })
	planners := experiment.Planners.Names()
	for _, planner := range planners {
		s.Plans = append(s.Plans, Pair{pendulum, planner})
	}
	s.Plans = append(s.Plans, Pair{"rccar", pessimistic})
	for _, against := range quantities {
		s.Series = append(s.Series, Series{What: rollouts, Against: against})
	}
	s.Series = append(s.Series, Series{What: plans, Against: "samples"}, Series{What: plans, Against: "horizon"})
	return s
}

// Scale measures how costs grow, over larger ranges than DefaultSettings: plans, rollouts and fits as one quantity grows, the start of the
// command, which is a program safex, and the memory of a run of a thousand short episodes. It takes some minutes.
func Scale(command string) Settings {
	s := Quick()
	s.Widths, s.FitWidths, s.Plans, s.Series = nil, nil, nil, nil
	s.PlanWidths, s.Doublings, s.SeriesCount, s.Learned = []int{32}, 3, 30, 200
	s.Transitions = []int{1000, 3000, 10000, 30000, 100000}
	s.Command, s.Starts, s.Episodes, s.Look, s.Within = command, 20, 1000, 500*time.Millisecond, 0
	s.Turns, s.Slice = 7, time.Second
	for _, what := range []string{rollouts, plans} {
		for _, against := range quantities {
			s.Series = append(s.Series, Series{What: what, Against: against})
		}
	}
	s.Series = append(s.Series, Series{fits, data, probabilistic}, Series{fits, data, gp}, Series{rollouts, data, gp})
	return s
}

// QuickScale measures the same over smaller ranges, in a minute or two.
func QuickScale(command string) Settings {
	s := Scale(command)
	s.Doublings, s.SeriesCount, s.Transitions, s.Episodes = 2, 10, []int{1000, 3000, 10000}, 200
	return s
}

// The task of all rows but those of Plans, and the planner of Series.
const pendulum, pessimistic = "pendulum", "pessimistic"

// Select keeps one engine, and plans of one task or planner alone; "" is any. The error names the nearest name.
func (s *Settings) Select(engine, task, planner string) error {
	if engine != "" {
		if _, err := experiment.Engines.New(engine); err != nil {
			return err
		}
		s.Engines = []string{engine}
	}
	if task == "" && planner == "" {
		return nil
	}
	tasks, planners := experiment.Tasks.Names(), []string{planner}
	if task != "" {
		tasks = []string{task}
	}
	if planner == "" {
		planners = experiment.Planners.Names()
	}
	s.Widths, s.FitWidths, s.Series, s.Plans, s.Starts, s.Episodes = nil, nil, nil, nil, 0, 0
	for _, t := range tasks {
		for _, p := range planners {
			if _, err := experiment.Named(t, "planner="+p); err != nil {
				return err
			}
			s.Plans = append(s.Plans, Pair{t, p})
		}
	}
	return nil
}

// Check reports the first setting that is out of range.
func (s Settings) Check() error {
	for _, name := range s.Engines {
		if _, err := experiment.Engines.New(name); err != nil {
			return err
		}
	}
	for _, p := range s.Plans {
		if _, err := experiment.Named(p.Task, "planner="+p.Planner); err != nil {
			return err
		}
	}
	for _, v := range s.Series {
		if v.Against == data {
			if v.What != rollouts && v.What != fits || v.Model != gp && v.Model != probabilistic {
				return fmt.Errorf("bench: a Series of %q of %q against data: want rollout or fit, of gp or probabilistic", v.What, v.Model)
			}
			if len(s.Transitions) < 2 || !slices.IsSorted(s.Transitions) || twice(s.Transitions) || s.Transitions[0] < 2 {
				return fmt.Errorf("bench: a Series against data of Transitions %v, want at least two that rise from 2", s.Transitions)
			}
		} else if v.What != rollouts && v.What != plans || !slices.Contains(quantities, v.Against) || v.Model != "" {
			return fmt.Errorf("bench: a Series of %q against %q: want rollout or plan, against one of %v", v.What, v.Against, quantities)
		}
	}
	for _, activation := range s.Activations {
		if !slices.Contains([]string{"swish", "relu", "tanh"}, activation) {
			return fmt.Errorf("bench: no activation %q: want swish, relu or tanh", activation)
		}
	}
	least := func(n int, all []int) bool { return len(all) == 0 || slices.Min(all) >= n }
	switch {
	case twice(s.Engines) || twice(s.Widths) || twice(s.Activations) || twice(s.FitWidths) || twice(s.Plans) || twice(s.PlanWidths) || twice(s.Series):
		return fmt.Errorf("bench: a list names something twice: name it once")
	case len(s.Engines) == 0 || len(s.Activations) == 0:
		return fmt.Errorf("bench: Engines %v and Activations %v, want at least one of each", s.Engines, s.Activations)
	case !least(1, s.Widths) || !least(1, s.FitWidths) || !least(1, s.PlanWidths):
		return fmt.Errorf("bench: Widths %v, FitWidths %v and PlanWidths %v, want at least 1", s.Widths, s.FitWidths, s.PlanWidths)
	case len(s.Series) > 0 && (len(s.PlanWidths) == 0 || s.Doublings < 1 || s.Doublings > 10):
		return fmt.Errorf("bench: a Series of %d doublings at PlanWidths %v, want 1 to 10, and a width to start from", s.Doublings, s.PlanWidths)
	case s.Members < 2 || s.Horizon < 1 || s.Batch < 1 || s.GradientBatch < 1 || s.Samples < 2:
		return fmt.Errorf("bench: Members %d, Horizon %d, Batch %d, GradientBatch %d and Samples %d, want at least 2, 1, 1, 1 and 2", s.Members, s.Horizon, s.Batch, s.GradientBatch, s.Samples)
	case s.FitBatch < 1 || s.FitSteps < 1 || s.Learned < 1:
		return fmt.Errorf("bench: FitBatch %d, FitSteps %d and Learned %d, want at least 1", s.FitBatch, s.FitSteps, s.Learned)
	case s.PlanCount < 1 || s.PlanWarm < 0 || s.SeriesCount < 1:
		return fmt.Errorf("bench: PlanCount %d, PlanWarm %d and SeriesCount %d, want at least 1, 0 and 1", s.PlanCount, s.PlanWarm, s.SeriesCount)
	case s.Starts < 0 || s.Episodes < 0 || (s.Starts > 0 || s.Episodes > 0) && s.Command == "" || s.Episodes > 0 && (s.Look <= 0 || s.Episodes < windows):
		return fmt.Errorf("bench: Starts %d and Episodes %d of the command %q, looked at every %v, want at least 0, of a program, and 0 or at least %d episodes", s.Starts, s.Episodes, s.Command, s.Look, windows)
	case s.Turns < 1 || s.Turn < 0 || s.Slice < 0 || s.Within < 0:
		return fmt.Errorf("bench: Turns %d, Turn %v, Slice %v and Within %v, want at least 1 and 0", s.Turns, s.Turn, s.Slice, s.Within)
	}
	return nil
}

// twice tells whether something is in a list twice.
func twice[T comparable](list []T) bool {
	seen := map[T]bool{}
	for _, v := range list {
		if seen[v] {
			return true
		}
		seen[v] = true
	}
	return false
}

// Count is how many rows there will be, at most.
func (s Settings) Count() int {
	n := 1 + 2*len(s.Widths)*len(s.Activations)*len(s.Engines) + len(s.FitWidths) + len(s.Plans)*len(s.PlanWidths)
	for _, v := range s.Series {
		if v.Against == data {
			n += len(s.Transitions)
		} else {
			n += s.Doublings + 1
		}
	}
	if s.Starts > 0 {
		n += 2
	}
	if s.Episodes > 0 {
		n += windows
	}
	return n
}
