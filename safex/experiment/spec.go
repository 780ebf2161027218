// Package experiment says in one value what a run is: a task, the agent that explores it, for how long and with which seed. Its parts are
// values of Go, which a program assigns, or chooses by name as the command, study files and sweeps do.
//
//	s := experiment.Default(tasks.DefaultPendulum())
//	s.Episodes = 3
//	beta := plan.DefaultPessimistic()
//	beta.Beta = plan.Constant(4)
//	s.Planner = beta
//	err := s.Set("learner=gp")
//
// A Spec is what run.yaml of a run folder holds: each part with the name of its type, all its settings, and a fingerprint of the task.
package experiment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A Spec is everything that a run depends on.
type Spec struct {
	Build       string               // of safex that runs it: bits are the same within one
	Task        safex.Maker          // what is explored: a safex.Task, or its parameters
	Plant       safex.PlantMaker     // the real system, in place of the Task's own formulas or plant; nil is those
	Planner     safex.Planner        // how the agent plans
	Learner     safex.Codec          // what it learns
	Prior       safex.Maker          // the parameters that are believed; the Learner learns what they miss; nil is none
	Calibration calibrate.Calibrator // of the model's epistemic deviation; nil is none
	Filter      safex.Filter         // what is executed where a plan is not proved to be safe; nil executes every plan
	Engine      safex.Engine         // what takes the model through time
	Episodes    int                  // after the random phase, 0 to 1e6
	RandomSteps int                  // random steps before the first plan, 1 to 1e7, or 0 where there are Logs
	LearnEvery  int                  // steps from one fit to the next; 0 fits at the start of each episode alone
	Deadline    Duration             // of a plan, by the clock; 0 is as long as it takes. With one, steps depend on the machine
	Realtime    bool                 // actions keep the period of the task, by the clock: see train.Agent
	Background  bool                 // fits are made while the agent goes on, and steps depend on the machine: see train.Agent
	Seed        uint64               // of every random number
	RepeatNoise bool                 // the planner draws the same random numbers in every episode, as published

	// PriorDeviation is how wrong the Prior may be: the epistemic deviation of each dimension of the next state, in its unit, before anything is
	// learned. The Filter judges random steps by it, in a box of as many deviations as its own; nil leaves them as they come. A dimension counts by
	// itself: 0 is for one that the Prior knows to the last digit, which no angle is that turns with a speed of which there is doubt.
	PriorDeviation []float64
	// ExploreBy is who acts before the first plan.
	ExploreBy Explorer

	Disturbances []safex.Disturbance // besides the task's own
	Expected     []safex.Expectation // likewise: what the agent is told of noise and delay

	Evaluate *Evaluation // what is asked of the agent after each episode, and not learned from; nil is nothing

	Logs      []Log // transitions that were recorded elsewhere, which the agent has from its first fit on; they are no steps of the run
	TrustLogs bool  // logs that are readable and yet probably not what the task means are taken as they are

	named bool // the Calibration was chosen by its name, and stays when a Learner is
}

// An Explorer acts before the first plan.
type Explorer string

const (
	RandomExplorer Explorer = ""       // acts at random
	BackupExplorer Explorer = "backup" // does what the task declares to keep every limit, whatever is known of it
)

// Default is pessimistic planning with sparse Gaussian processes whose boxes answer for themselves, with the horizon and the noise that the task asks for, and ten episodes
// after 100 random steps. A task that declares a Backup has a Filter.
func Default(task safex.Maker) *Spec {
	s := &Spec{Build: Build(), Task: held(task), Episodes: 10, RandomSteps: 100, LearnEvery: 50, Seed: 1}
	s.Planner, s.Learner, s.Engine = first(Planners), first(Learners), first(Engines)
	s.Calibration = suggested(s.Learner)
	s.tune()
	if s.Task.Task().Backup != nil {
		s.Filter = filtering()
	}
	return s
}

// A Suggesting learner names the calibration that its models have if none is chosen. Those of others have none.
type Suggesting interface{ Calibration() string }

// suggested is that calibration; nil is none.
func suggested(l safex.Codec) calibrate.Calibrator {
	if s, ok := l.(Suggesting); ok {
		if c, err := Calibrations.New(s.Calibration()); err == nil {
			return c
		}
	}
	return nil
}

// SuggestedFor is the name of the calibration that a model has if none is chosen, by the name of that model, with a prior or without.
func SuggestedFor(model string) string {
	l, err := Learners.New(strings.TrimPrefix(model, prior))
	if err != nil {
		return None
	}
	return Calibrations.NameOf(suggested(l))
}

// first are fresh settings of the first entry.
func first[T any](r *Registry[T]) T { return held(r.Entries()[0].Make()) }

// Named is Default of a task by its name, with assignments as SetAll makes them. The error names the nearest name.
func Named(task string, assignments ...string) (*Spec, error) {
	m, err := Tasks.New(task)
	if err != nil {
		return nil, err
	}
	s := Default(m)
	return s, s.SetAll(assignments...)
}

// tune tunes the Planner to the Task.
func (s *Spec) tune() {
	if t, ok := s.Planner.(safex.Tunable); ok {
		s.Planner = held(t.Tuned(s.Task.Task().Tuning))
	}
}

// prior before the name of a learner is a prior of the task's dynamics, and that learner for what it misses.
const prior = "prior+"

// oracle is the name of the learner whose model is the true dynamics. It needs no learning, nor a prior.
const oracle = "true"

// Models lists the names of the learners, with and without a prior, and a line about each.
func Models() (names, about []string) {
	entries := Learners.Entries()
	for _, e := range entries {
		names, about = append(names, e.Name), append(about, e.About)
	}
	for _, e := range entries {
		if e.Name != oracle {
			names, about = append(names, prior+e.Name), append(about, "the task's dynamics with its default parameters, or those of prior.FIELD, and "+e.Name+" for what they miss")
		}
	}
	return names, about
}

// TaskName is the name of the task.
func (s *Spec) TaskName() string { return s.Task.Task().Name }

// PlannerName is the name that the Planner goes by.
func (s *Spec) PlannerName() string { return Planners.NameOf(s.Planner) }

// ModelName is the name that the Learner goes by, with a prior as in prior+gp.
func (s *Spec) ModelName() string {
	name := Learners.NameOf(s.Learner)
	if s.Prior != nil {
		name = prior + name
	}
	return name
}

// CalibrationName is the name that the Calibration goes by, None if there is none.
func (s *Spec) CalibrationName() string { return Calibrations.NameOf(s.Calibration) }

// FilterName is the name that the Filter goes by, Off if there is none.
func (s *Spec) FilterName() string { return Filters.NameOf(s.Filter) }

// Method is what runs that differ in their seed alone have in common, as in pessimistic-gp-conformal or pessimistic-gp-background.
func (s *Spec) Method() string {
	name := s.PlannerName() + "-" + s.ModelName()
	return name + s.CalibrationMark() + s.FilterMark() + s.BackgroundMark() + s.PlantMark() + s.LogMark()
}

// PlantMark is what the name of a run says of its real system: -plant where it is a Plant in place of the Task's own, else nothing.
func (s *Spec) PlantMark() string {
	if s.Plant != nil {
		return "-" + plantPart
	}
	return ""
}

// CalibrationMark is what the name of a run says of its Calibration: nothing where it is the one that the Learner suggests, else its name, or -uncalibrated.
func (s *Spec) CalibrationMark() string {
	switch name := s.CalibrationName(); {
	case name == Calibrations.NameOf(suggested(s.Learner)):
		return ""
	case name == None:
		return "-" + Uncalibrated
	default:
		return "-" + name
	}
}

// BackgroundMark is what the name of a run says of its fits: -background where they are made there, -realtime where all keeps a period, else nothing.
func (s *Spec) BackgroundMark() string {
	if s.Realtime {
		return "-" + realtimeWord
	}
	if s.Background {
		return "-" + backgroundWord
	}
	return ""
}

// FilterMark is what the name of a run says of its Filter: nothing where it has what Default gives its task, else -filtered or -unfiltered.
func (s *Spec) FilterMark() string {
	switch defended := s.Task.Task().Backup != nil; {
	case s.Filter != nil && !defended:
		return "-" + Filtered
	case s.Filter == nil && defended:
		return "-un" + Filtered
	}
	return ""
}

// Oracle tells whether the agent has the oracle's dynamics, which are the true ones.
func (s *Spec) Oracle() bool { return Learners.NameOf(s.Learner) == oracle }

// Total is the number of steps of the whole run.
func (s *Spec) Total() int { return s.RandomSteps + s.Episodes*s.Task.Task().Steps }

// Clone is a copy that shares nothing that Set changes.
func (s *Spec) Clone() (*Spec, error) {
	text, err := encode.JSON(s)
	if err != nil {
		return nil, err
	}
	c, err := Decode(text, s.own()...)
	if err == nil {
		c.named, c.Logs = s.named, slices.Clone(s.Logs)
	}
	return c, err
}

// own are the tasks of s, which may be the program's own.
func (s *Spec) own() []safex.Maker {
	own := []safex.Maker{s.Task}
	if s.Evaluate != nil && s.Evaluate.Task != nil {
		own = append(own, s.Evaluate.Task)
	}
	return own
}

// Compile checks the settings, and compiles the task with all disturbances.
func (s *Spec) Compile() (*safex.System, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	task := s.real()
	task.Expected = slices.Concat(task.Expected, s.Expected)
	system, err := Disturbed(task, s.Disturbances)
	if err != nil {
		return nil, err
	}
	if err := s.unknown(system); err != nil {
		return nil, err
	}
	if f, ok := s.Filter.(interface{ CheckSystem(*safex.System) error }); ok {
		if err := f.CheckSystem(system); err != nil {
			return nil, fmt.Errorf("%w, or choose %s=%s", err, filterPart, Off)
		}
	}
	if s.ExploreBy == BackupExplorer && system.Backup == nil {
		return nil, fmt.Errorf("explore-by backup: task %q declares no Backup: leave it out, or declare one", system.Name)
	}
	if err := s.enough(system); err != nil {
		return nil, err
	}
	_, err = s.Evaluation(system)
	return system, err
}

// real is the Task with the real system in it.
func (s *Spec) real() safex.Task {
	t := s.Task.Task()
	if s.Plant != nil {
		t.Next, t.Plant = nil, s.Plant
	}
	return t
}

// unknown reports parts that need formulas which nobody knows.
func (s *Spec) unknown(system *safex.System) error {
	if s.Oracle() {
		if err := system.Unknown("model " + oracle); err != nil {
			return fmt.Errorf("%w: choose another model", err)
		}
	}
	return nil
}

// Disturbed compiles t with more disturbances than its own.
func Disturbed(t safex.Task, ds []safex.Disturbance) (*safex.System, error) {
	t.Disturbances = slices.Concat(t.Disturbances, ds)
	return t.System()
}

// Compose is the learner of a run: Learner, on the difference to Prior if there is one, calibrated.
func (s *Spec) Compose() (safex.Codec, error) {
	if s.Learner == nil {
		return nil, errors.New("there is no Learner")
	}
	l := s.Learner
	if s.Prior != nil {
		nominal, err := s.priorSystem()
		if err != nil {
			return nil, err
		}
		l = residual.Residual{Prior: nominal, Learner: l}
	}
	if s.Calibration != nil {
		l = s.Calibration.With(l)
	}
	return l, nil
}

// priorSystem is the Prior, compiled.
func (s *Spec) priorSystem() (*safex.System, error) {
	nominal, err := s.Prior.Task().System()
	if err == nil {
		err = nominal.Unknown("a prior")
	}
	if err != nil {
		return nil, fmt.Errorf("prior: %w", err)
	}
	return nominal, nil
}

// Agent is the agent of a run, and its learner.
func (s *Spec) Agent(system *safex.System) (train.Agent, safex.Codec, error) {
	l, err := s.Compose()
	a := train.Agent{
		System: system, Learner: l, Engine: s.Engine, Planner: s.Planner,
		RandomSteps: s.RandomSteps, LearnEvery: s.LearnEvery, Seed: s.Seed, RepeatNoise: s.RepeatNoise, Deadline: time.Duration(s.Deadline), Background: s.Background, Realtime: s.Realtime, Filter: s.Filter,
	}
	if s.ExploreBy == BackupExplorer {
		a.First = func(_ int, x []float64) []float64 { return system.Backup.Action(x) }
	}
	if first, e := s.ReadLogs(system); e != nil {
		return a, l, e
	} else if first != nil {
		a.Logged = first.Data
	}
	if err == nil && s.PriorDeviation != nil {
		var nominal *safex.System
		if nominal, err = s.priorSystem(); err == nil {
			a.Prior = residual.Nominal(nominal, s.PriorDeviation)
		}
	}
	return a, l, err
}
