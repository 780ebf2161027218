package experiment

import (
	"errors"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/plan"
)

// Checker is what can say what is wrong with its settings.
type Checker interface{ Check() error }

// check reports the first setting that is missing or out of range.
func (s *Spec) check() error {
	switch {
	case s.Task == nil || s.Planner == nil || s.Learner == nil || s.Engine == nil:
		return errors.New("Task, Planner, Learner and Engine are required: begin with experiment.Default")
	case s.Episodes < 0 || s.RandomSteps < 0 || s.RandomSteps < 1 && len(s.Logs) == 0 || s.LearnEvery < 0:
		return fmt.Errorf("episodes %d, explore %d and learn-every %d: want at least 0, 1 and 0; explore can be 0 where there is a log", s.Episodes, s.RandomSteps, s.LearnEvery)
	case s.Deadline < 0:
		return fmt.Errorf("deadline %v: want a time that a plan has, as 50ms, or 0 for as long as it takes", s.Deadline)
	case s.Episodes > 1e6 || s.RandomSteps > 1e7:
		return fmt.Errorf("episodes %d and explore %d: want at most 1e6 and 1e7", s.Episodes, s.RandomSteps)
	}
	for _, part := range []any{s.Task, s.Plant, s.Planner, s.Prior, s.Filter} {
		if c, ok := part.(Checker); ok {
			if err := c.Check(); err != nil {
				return err
			}
		}
	}
	if s.Prior != nil && s.Oracle() {
		return errors.New("the model true needs no Prior: leave one of them out")
	}
	if s.ExploreBy != RandomExplorer && s.ExploreBy != BackupExplorer {
		return fmt.Errorf("explore-by %q: %s", s.ExploreBy, Instead(string(s.ExploreBy), explorers))
	}
	if err := s.checkDeviation(); err != nil {
		return err
	}
	l, err := s.Compose()
	if err != nil {
		return err
	}
	if c, ok := l.(Checker); ok {
		if err := c.Check(); err != nil {
			return err
		}
	}
	if err := s.members(); err != nil {
		return err
	}
	return s.uncalibratable()
}

// checkDeviation reports why the filter cannot judge random steps by the prior.
func (s *Spec) checkDeviation() error {
	if s.PriorDeviation == nil {
		return nil
	}
	if s.Prior == nil {
		return fmt.Errorf("prior-deviation says how wrong a prior may be, and model %q has none: choose a model %s…, or leave it out", s.ModelName(), prior)
	}
	if s.Filter == nil {
		return fmt.Errorf("prior-deviation is what a filter judges random steps by, and there is none: choose %s=%s, or leave it out", filterPart, On)
	}
	task, believed := s.Task.Task(), s.Prior.Task()
	if len(believed.State) != len(task.State) || len(believed.Action) != len(task.Action) {
		return fmt.Errorf("prior %q has %d state and %d action dimensions, and task %q has %d and %d", believed.Name, len(believed.State), len(believed.Action), task.Name, len(task.State), len(task.Action))
	}
	if n := len(s.PriorDeviation); n != len(task.State) {
		return fmt.Errorf("prior-deviation has %d numbers, and the state of task %q has %d dimensions: want one for each", n, task.Name, len(task.State))
	}
	for d, v := range s.PriorDeviation {
		if !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Errorf("prior-deviation of %s is %v, want at least 0", task.State[d].Name, v)
		}
	}
	return nil
}

// members reports a planner that draws a member of a model that has none.
func (s *Spec) members() error {
	var exploration plan.Exploration
	switch p := held(s.Planner).(type) {
	case *plan.Nominal:
		exploration = p.Exploration
	case *plan.Pessimistic:
		exploration = p.Exploration
	case *plan.PesTraj:
		exploration = p.Exploration
	}
	if _, ok := held(s.Learner).(*ensemble.Ensemble); exploration.Thompson && !ok {
		return errors.New("planner.Exploration.Thompson draws a member of the model, and this one has none: choose an ensemble, as probabilistic")
	}
	return nil
}

// uncalibratable reports a calibration that scales an epistemic deviation of 0: no factor makes a box of it.
func (s *Spec) uncalibratable() error {
	if _, scales := held(s.Calibration).(*calibrate.Temperature); scales && s.Oracle() {
		return errors.New("calibration temperature scales the epistemic deviation of the model, which is 0 for the model true: choose conformal or adaptive, which measure its error, or none")
	}
	return nil
}

// enough checks that the random steps are enough for the first fit, and the run for what its calibration promises.
func (s *Spec) enough(system *safex.System) error {
	every, miss, episode := 0, 0.0, false
	switch c := held(s.Calibration).(type) {
	case *calibrate.Temperature:
		every = c.HoldOut
	case *calibrate.Conformal:
		every, miss, episode = c.HoldOut, c.Miss, c.Episode
	case *calibrate.Adaptive:
		every = c.HoldOut
	}
	first, err := s.logged(system)
	if err != nil {
		return err
	}
	first += s.RandomSteps
	scored := 0
	if every > 0 && !episode {
		scored = (first + every - 1) / every
		if first < every {
			return fmt.Errorf("explore %d: want at least calibration.HoldOut = %d random steps or logged ones, so that there is something to calibrate with", s.RandomSteps, every)
		}
	}
	if e, ok := held(s.Learner).(*ensemble.Ensemble); ok && first-scored < e.HoldOut {
		return fmt.Errorf("explore %d: want at least learner.HoldOut = %d random steps or logged ones besides those that calibrate, so that the first fit has something to learn from and to stop by", s.RandomSteps, e.HoldOut)
	}
	if miss > 0 {
		scores, what := (first+s.Episodes*system.Steps)/every, "steps"
		if episode {
			scores, what = (s.Episodes+1)/every, "episodes"
		}
		if want := int(math.Ceil(1/miss-1e-9)) - 1; scores < want {
			return fmt.Errorf("calibration.Miss %v: the run can have %d scores, and a promise takes %d: raise Miss, lower calibration.HoldOut or train for more %s", miss, scores, want, what)
		}
	}
	return nil
}
