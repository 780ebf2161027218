package experiment_test

import (
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Every choice of every registry comes back from run.yaml as it was.
func TestSpecComesBack(t *testing.T) {
	models, _ := experiment.Models()
	for _, task := range experiment.Tasks.Names() {
		for _, planner := range experiment.Planners.Names() {
			for _, model := range models {
				s, err := experiment.Named(task)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.SetAll("planner="+planner, "learner="+model); err != nil {
					t.Fatal(err)
				}
				if s.TaskName() != task || s.PlannerName() != planner || s.ModelName() != model {
					t.Errorf("%s, %s, %s goes by %s, %s, %s", task, planner, model, s.TaskName(), s.PlannerName(), s.ModelName())
				}
				text, err := s.YAML()
				if err != nil {
					t.Fatal(err)
				}
				again, err := experiment.FromYAML(text)
				if err != nil {
					t.Fatalf("%s, %s, %s: %v\n%s", task, planner, model, err, text)
				}
				if !experiment.Same(s, again) {
					name, a, b, err := experiment.Difference(s, again)
					t.Errorf("%s, %s, %s: %s was %s, and came back as %s (%v)", task, planner, model, name, a, b, err)
				}
			}
		}
	}
}

// A run of version 0.9 whose networks repelled each other is read, and goes by the name of what is no longer offered.
func TestNoLongerOffered(t *testing.T) {
	for name, model := range map[string]string{"fsvgd": "deterministic", "probabilistic-fsvgd": "probabilistic"} {
		s, err := experiment.Named("pendulum", "learner="+model, "learner.SVGD.On=true", "learner.Batches=shared")
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.YAML()
		if err != nil {
			t.Fatal(err)
		}
		now := "        On: true\n"
		if !strings.Contains(string(text), now) {
			t.Fatalf("no repulsion in\n%s", text)
		}
		old := strings.Replace(string(text), now, now+"        Extra: 32\n        Reach: 1\n        Prior: 0.2\n", 1)
		again, err := experiment.FromYAML([]byte(old))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Compile(); err != nil || again.ModelName() != name || !again.Learner.(*ensemble.Ensemble).SVGD.On {
			t.Errorf("%s goes by %s, error %v", name, again.ModelName(), err)
		}
		if err := s.Set("learner=" + name); err == nil {
			t.Errorf("%s is offered", name)
		}
	}
}
