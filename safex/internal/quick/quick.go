// Package quick has experiments for tests, whose runs take a second or two.
package quick

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Spec is a pendulum of eight steps in two episodes after ten random steps, small in all that it has, with more assignments.
func Spec(t testing.TB, more ...string) *experiment.Spec {
	t.Helper()
	return Of(t, "pessimistic", append([]string{"planner.AttackedCandidates=3"}, more...)...)
}

// Networks are assignments that give a Spec small networks, without calibration.
var Networks = []string{"learner=probabilistic", "learner.Hidden=8", "learner.MaxSteps=30", "learner.MinSteps=30"}

// Of is Spec with another planner.
func Of(t testing.TB, planner string, more ...string) *experiment.Spec {
	t.Helper()
	s, err := experiment.Named("pendulum",
		"planner="+planner, "Steps=8", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4", "planner.Search.Iterations=2",
		"learner.Points=12", "learner.FitPoints=20", "learner.Evaluations=5", "episodes=2", "explore=10", "learn-every=4", "filter=off")
	if err == nil {
		err = s.SetAll(more...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}
