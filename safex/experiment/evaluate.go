package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// An Evaluation is a task that the agent is asked to do after each episode with what it has learned by then, and from which it learns nothing: zero-shot, as when it
// explores without a reward and then swings up. It has the states, the actions and the dynamics of the Task of its Spec, on the same real system, under the
// same disturbances; its reward, its limits, its start and its number of steps are its own. The run takes the same steps with it as without.
type Evaluation struct {
	Task    safex.Maker   // nil is the Task of the Spec
	Planner safex.Planner // nil is the Planner of the Spec, with nothing that explores
}

// Words of Set for an Evaluation.
const (
	evaluateWord = "evaluate"
	sameTask     = "same" // the task of the run
)

// evaluated is what kept holds of an Evaluation.
type evaluated struct {
	Task    safex.Maker   `json:",omitzero"`
	Traits  traits        `json:",omitempty"`
	Planner safex.Planner `json:",omitzero"`
}

// keepEvaluation is the Evaluation with the fingerprint of its task.
func (s *Spec) keepEvaluation() (*evaluated, error) {
	e := s.Evaluate
	if e == nil {
		return nil, nil
	}
	k := &evaluated{Task: e.Task, Planner: e.Planner}
	if e.Task == nil {
		return k, nil
	}
	system, err := s.evaluation().System()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", evaluateWord, err)
	}
	k.Traits = traitsOf(system)
	return k, nil
}

// takeEvaluation is the reverse. It refuses another task than the one that was kept.
func (s *Spec) takeEvaluation(k *evaluated) error {
	if k == nil {
		return nil
	}
	s.Evaluate = &Evaluation{Task: k.Task, Planner: k.Planner}
	if k.Task == nil {
		return nil
	}
	system, err := s.evaluation().System()
	if err != nil {
		return fmt.Errorf("%s: %w", evaluateWord, err)
	}
	if err := k.Traits.differ(traitsOf(system)); err != nil {
		return fmt.Errorf("%s: task %q is another than the one that was run: %w", evaluateWord, system.Name, err)
	}
	return nil
}

// evaluation is the task of the Evaluation, with the real system of the run in it, what disturbs that, and what the agent is told of it.
func (s *Spec) evaluation() safex.Task {
	own := s.real()
	if s.Evaluate.Task == nil {
		return own
	}
	t := s.Evaluate.Task.Task()
	if own.Plant != nil {
		t.Next, t.Plant = nil, own.Plant
	}
	t.Disturbances, t.Expected = own.Disturbances, own.Expected
	return t
}

// Evaluation is what the agent of a run on system is asked to do after each episode; nil of a Spec without. The error names what is not of the same system.
func (s *Spec) Evaluation(system *safex.System) (*train.Evaluation, error) {
	if s.Evaluate == nil {
		return nil, nil
	}
	task := s.evaluation()
	task.Expected = slices.Concat(task.Expected, s.Expected)
	e, err := Disturbed(task, s.Disturbances)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", evaluateWord, err)
	}
	if err := alike(system, e); err != nil {
		return nil, fmt.Errorf("%s: %w: an evaluation is another task of the same system", evaluateWord, err)
	}
	p := s.evaluationPlanner()
	if c, ok := p.(Checker); ok {
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", evaluateWord, err)
		}
	}
	if f, ok := s.Filter.(interface{ CheckSystem(*safex.System) error }); ok {
		if err := f.CheckSystem(e); err != nil {
			return nil, fmt.Errorf("%s: %w, or choose %s=%s", evaluateWord, err, filterPart, Off)
		}
	}
	return &train.Evaluation{System: e, Planner: p}, nil
}

// alike reports the first thing in which the systems of two tasks differ.
func alike(a, b *safex.System) error {
	differ := func(what, of, is string) error {
		return fmt.Errorf("%s %s in task %q and %s in %q", what, of, a.Name, is, b.Name)
	}
	for _, part := range []struct {
		what string
		a, b []safex.Var
	}{{"the state", a.State, b.State}, {"the action", a.Action, b.Action}} {
		if len(part.a) != len(part.b) {
			return differ(part.what+" has", fmt.Sprintf("%d dimensions", len(part.a)), fmt.Sprint(len(part.b)))
		}
		for d, v := range part.a {
			if w := part.b[d]; v.Name != w.Name || v.Unit != w.Unit {
				return differ(fmt.Sprintf("dimension %d of %s is", d+1, part.what), fmt.Sprintf("%s [%s]", v.Name, v.Unit), fmt.Sprintf("%s [%s]", w.Name, w.Unit))
			}
		}
	}
	if !reflect.DeepEqual(a.Angles, b.Angles) {
		return differ("the angles are", fmt.Sprint(a.Angles), fmt.Sprint(b.Angles))
	}
	if a.Dt != b.Dt {
		return differ("a step is", fmt.Sprintf("%v s", a.Dt), fmt.Sprintf("%v s", b.Dt))
	}
	if a.Outside() {
		return nil
	}
	for d, v := range a.State {
		if a.Dynamics.Digest(d) != b.Dynamics.Digest(d) {
			return fmt.Errorf("%s moves by one formula in task %q and by another in %q", v.Name, a.Name, b.Name)
		}
	}
	return nil
}

// evaluationPlanner is the planner of the Evaluation.
func (s *Spec) evaluationPlanner() safex.Planner {
	if p := s.Evaluate.Planner; p != nil {
		return p
	}
	p := fresh(s.Planner)
	at := reflect.ValueOf(p).Elem()
	if at.Kind() != reflect.Struct { // without settings
		return s.Planner
	}
	for i := range at.NumField() {
		if f := at.Field(i); f.Type() == reflect.TypeFor[plan.Exploration]() && f.CanSet() {
			f.Set(reflect.ValueOf(plan.DefaultExploration()))
		}
	}
	return p
}

// useEvaluation chooses what is evaluated: the task of the run, another by its name, or nothing.
func (s *Spec) useEvaluation(name string) error {
	switch name {
	case None, Off, "false", "":
		s.Evaluate = nil
		return nil
	case sameTask, On, "true":
		s.Evaluate = &Evaluation{}
		return nil
	}
	m, err := Tasks.New(name)
	if err != nil {
		return fmt.Errorf("%s: %w; %s is that of the run", evaluateWord, err, sameTask)
	}
	if s.Task != nil && name == s.TaskName() { // its parameters are those of the run
		m = nil
	}
	s.Evaluate = &Evaluation{Task: m}
	return nil
}

// setEvaluation sets a field of the planner of the Evaluation, or a parameter of its task.
func (s *Spec) setEvaluation(path, value string) error {
	if s.Evaluate == nil {
		return fmt.Errorf("--set %s.%s: nothing is evaluated: choose %s=%s first", evaluateWord, path, evaluateWord, sameTask)
	}
	e := *s.Evaluate
	root, rest, below := strings.Cut(path, ".")
	switch {
	case root == plannerPart && !below:
		p, err := Planners.New(value)
		if err != nil {
			return err
		}
		if t, ok := p.(safex.Tunable); ok {
			p = held(t.Tuned(s.evaluation().Tuning))
		}
		e.Planner = p
	case root == plannerPart:
		c, err := s.Clone() // nothing below is shared with the run
		if err != nil {
			return err
		}
		e.Planner = c.evaluationPlanner()
		if err := setIn(&e.Planner, rest, value); err != nil {
			return err
		}
	default:
		if root == taskPart && below {
			path = rest
		}
		m := e.Task
		if m == nil {
			m = s.Task
		}
		if _, bare := held(m).(*safex.Task); bare {
			return fmt.Errorf("--set %s.%s: task %q has no parameters: make it a struct of parameters with a method Task", evaluateWord, path, m.Task().Name)
		}
		e.Task = fresh(m)
		if err := setIn(&e.Task, path, value); err != nil {
			return err
		}
	}
	s.Evaluate = &e
	return nil
}
