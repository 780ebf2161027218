package store

import (
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Every column of steps.csv is a variable's, or one that no variable may be named as; so no two are named alike.
func TestColumnsDoNotCollide(t *testing.T) {
	task := tasks.DefaultPendulum().Task()
	task.Disturbances = []safex.Disturbance{{Kind: safex.ObservationNoise, On: "omega", Size: 0.1}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	var variables []string
	for _, v := range slices.Concat(s.State, s.Action) {
		variables = append(variables, v.Name)
	}
	names := header(columns(s))
	for _, c := range names {
		if slices.Contains(variables, c) == safex.OwnColumn(c) {
			t.Errorf("column %q is a variable's: %v, and the table's own: %v", c, slices.Contains(variables, c), safex.OwnColumn(c))
		}
	}
	if !slices.Contains(names, "true_omega") {
		t.Errorf("the columns %v lack those of a state that is seen through noise", names)
	}
}
