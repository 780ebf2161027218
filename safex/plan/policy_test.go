package plan_test

import (
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A policy is asked for the step of the episode and the state, and plans what it says.
func TestPolicy(t *testing.T) {
	s, err := tasks.DefaultCarPark().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	roll, err := rollout.NewAuto().Rollout(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	q := safex.Query{System: s, Rollout: roll, State: []float64{1, 2}, Past: safex.Trajectory{Actions: make([][]float64, 3)}}
	said := []float64{0.5}
	p := plan.Policy{Act: func(at int, x []float64) []float64 {
		if at != 3 || x[1] != 2 {
			t.Errorf("it is asked for step %d in the state %v", at, x)
		}
		return said
	}}
	got, err := p.Plan(t.Context(), q, rng.New(1))
	if err != nil || len(got.Actions) != 1 || got.Actions[0][0] != 0.5 || !got.Feasible || !(got.Expected.States[1][0] > 1) {
		t.Errorf("plan %+v, error %v", got, err)
	}
	for want, wrong := range map[string]plan.Policy{
		"no Act":     {},
		"2 actions":  {Act: func(int, []float64) []float64 { return []float64{0, 0} }},
		"in [-1, 1]": {Act: func(int, []float64) []float64 { return []float64{2} }},
	} {
		if _, err := wrong.Plan(t.Context(), q, rng.New(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
