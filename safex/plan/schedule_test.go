package plan_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/plan"
)

// The published values of the sigmoid, and the ends of the linear schedule.
func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		s       plan.Schedule
		episode int
		want    float64
	}{
		{plan.Constant(2), 1, 2}, {plan.Constant(2), 100, 2},
		{plan.Linear(1, 3, 10), 1, 1}, {plan.Linear(1, 3, 10), 6, 2}, {plan.Linear(1, 3, 10), 50, 3},
		{plan.Sigmoid(1, 3, 10), 1, 1.1907}, {plan.Sigmoid(1, 3, 10), 5, 1.4454}, {plan.Sigmoid(1, 3, 10), 10, 2},
		{plan.Sigmoid(1, 3, 10), 20, 2.8483}, {plan.Sigmoid(1, 3, 10), 30, 2.9866},
		{plan.Sigmoid(1, 3, 20), 1, 1.0172}, {plan.Sigmoid(1, 3, 20), 50, 2.9989},
	} {
		if got := c.s.At(c.episode); math.Abs(got-c.want) > 5e-5 {
			t.Errorf("%v is %v in episode %d, want %v", c.s, got, c.episode, c.want)
		}
		frozen := c.s
		frozen.Frozen = true
		if got := frozen.At(c.episode); got != c.s.At(1) {
			t.Errorf("%v is %v in episode %d", frozen, got, c.episode)
		}
		if c.s.Shape == plan.Steady {
			frozen = c.s
		}
		for _, s := range []plan.Schedule{c.s, frozen} {
			var again plan.Schedule
			if text, err := s.MarshalText(); err != nil || again.UnmarshalText(text) != nil || again != s {
				t.Errorf("%v reads back as %v, %v", s, again, err)
			}
			var from plan.Schedule
			if data, err := json.Marshal(s); err != nil || json.Unmarshal(data, &from) != nil || from != s {
				t.Errorf("%v reads back as %v, %v", s, from, err)
			}
		}
	}
	for text, want := range map[string]string{
		"": "no schedule", "two": "no schedule", "NaN": "no schedule", "-1": "at least 0", "linear 1 to 3": "no schedule",
		"linear 1 by 3 in 10": "no schedule", "linear 1 to 3 around 10": "no schedule", "linear 1 to 3 in 0": "episodes", "sigmoid 1 to -3 around 10": "at least 0",
		"sigmoid 1 to 3 around 10 thawed": "no schedule", "2 frozen": "no schedule",
	} {
		var s plan.Schedule
		if err := s.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
