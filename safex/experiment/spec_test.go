package experiment_test

import (
	"testing"

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
