package experiment_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// evaluating is a Spec with assignments.
func evaluating(t *testing.T, assignments ...string) *experiment.Spec {
	t.Helper()
	s, err := experiment.Named("pendulum", assignments...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The planner of an evaluation is that of the run without what explores, as the run has it in the end, and the task that of the run with other parameters; what is set of
// either is not set of the run.
func TestEvaluationBeginsWithTheRun(t *testing.T) {
	s := evaluating(t, "evaluate.planner.Robust=4", "evaluate.Effort=0.1", "evaluate.planner.Search.Samples=32", "planner.Horizon=12", "planner.Exploration.Information=1", "evaluate=same", "Mass=0.9", "MaxSpeed=5")
	system, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Evaluation(system)
	if err != nil {
		t.Fatal(err)
	}
	p, run := e.Planner.(*plan.Pessimistic), s.Planner.(*plan.Pessimistic)
	if p.Horizon != 12 || p.Robust != 4 || p.Exploration != plan.DefaultExploration() {
		t.Errorf("it plans by %+v", p)
	}
	if run.Robust != 0 || run.Exploration.Information != plan.Constant(1) || reflect.DeepEqual(run.Search, p.Search) {
		t.Errorf("the run plans by %+v", run)
	}
	task, of := s.Evaluate.Task.(*tasks.Pendulum), s.Task.(*tasks.Pendulum)
	if task.Mass != 0.9 || task.MaxSpeed != 5 || task.Effort != 0.1 || of.Effort != 0.001 {
		t.Errorf("its task is %+v, and that of the run %+v", task, of)
	}
	again, err := s.Clone()
	if err != nil || !experiment.Same(s, again) || !reflect.DeepEqual(again.Evaluate, s.Evaluate) {
		t.Errorf("error %v: %+v is read back as %+v", err, s.Evaluate, again.Evaluate)
	}
	text, err := s.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := experiment.FromYAML(text); err != nil || !experiment.Same(s, back) {
		t.Errorf("run.yaml: error %v", err)
	}
	for _, none := range []string{"evaluate=none", "evaluate=off"} {
		if err := s.Set(none); err != nil || s.Evaluate != nil {
			t.Errorf("%s: error %v", none, err)
		}
	}
	if e, err := s.Evaluation(system); e != nil || err != nil {
		t.Errorf("without an evaluation there is %v, error %v", e, err)
	}
}

// A run without an evaluation is kept as it always was.
func TestNoEvaluationIsNotKept(t *testing.T) {
	text, err := evaluating(t).YAML()
	if err != nil || strings.Contains(string(text), "Evaluate") {
		t.Errorf("error %v: %s", err, text)
	}
	if text, err = evaluating(t, "evaluate=same").YAML(); err != nil || !strings.Contains(string(text), "Evaluate: {}") {
		t.Errorf("error %v: %s", err, text)
	}
}

// What is not a task of the same system is refused with the first difference, and what cannot be set with what can.
func TestEvaluationsThatCannotBe(t *testing.T) {
	other := tasks.DefaultPendulum().Task()
	for what, c := range map[string]struct {
		change func(task *safex.Task)
		says   string
	}{
		"more states": {func(task *safex.Task) { task.State = append(task.State, safex.Var{Name: "more", Scale: 1}) }, "the state has 3 dimensions in task \"pendulum\" and 4 in \"other\""},
		"names":       {func(task *safex.Task) { task.State[2].Name = "speed" }, "dimension 3 of the state is omega [rad/s] in task \"pendulum\" and speed [rad/s] in \"other\""},
		"units":       {func(task *safex.Task) { task.State[2].Unit = "1/min" }, "omega [1/min] in \"other\""},
		"actions":     {func(task *safex.Task) { task.Action[0].Name = "push" }, "dimension 1 of the action is torque"},
		"angles":      {func(task *safex.Task) { task.Angles = nil }, "the angles are"},
		"steps":       {func(task *safex.Task) { task.Dt = 0.1 }, "a step is 0.05 s in task \"pendulum\" and 0.1 s in \"other\""},
		"dynamics": {func(task *safex.Task) {
			next := task.Next
			task.Next = func(x, u num.Vec) num.Vec { v := next(x, u); v[2] = v[2].Mul(0.99); return v }
		}, "omega moves by one formula"},
	} {
		task := other
		task.Name, task.Goal, task.Backup = "other", nil, nil
		task.State, task.Action = append([]safex.Var{}, other.State...), append([]safex.Var{}, other.Action...)
		c.change(&task)
		if what == "more states" {
			next := task.Next
			task.Next = func(x, u num.Vec) num.Vec { return append(next(x[:3], u), x[3]) }
			task.Start = safex.StartAt(-1, 0, 0, 0)
		}
		s := evaluating(t, "filter=off")
		s.Evaluate = &experiment.Evaluation{Task: task}
		if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "an evaluation is another task of the same system") {
			t.Errorf("%s: error %v, want %q", what, err, c.says)
		}
	}
	for assignment, says := range map[string]string{
		"evaluate=pendulumm":      `there is no task "pendulumm"`,
		"evaluate.Effort=1":       "nothing is evaluated: choose evaluate=same first",
		"evaluate.planner=safest": "nothing is evaluated",
	} {
		s := evaluating(t)
		if err := s.Set(assignment); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want %q", assignment, err, says)
		}
	}
	s := evaluating(t, "evaluate=same")
	for assignment, says := range map[string]string{
		"evaluate.Efort=1":           `has no field "Efort"`,
		"evaluate.planner.Horizn=3":  `has no field "Horizn"`,
		"evaluate.planner=safest":    `"safest"`,
		"evaluate.planner.Horizon=x": `"x" is not a whole number`,
	} {
		if err := s.Set(assignment); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want %q", assignment, err, says)
		}
	}
	if err := s.Set("evaluate.planner.Horizon=0"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compile(); err == nil || !strings.HasPrefix(err.Error(), "evaluate: ") {
		t.Errorf("error %v", err)
	}
}
