package safex_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A state is what its names say, and what cannot be one is named.
func TestStateOf(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	for name, given := range map[string]map[string]float64{
		"sine and cosine": {"cos": math.Cos(2), "sin": math.Sin(2), "omega": -1}, "angle": {"theta": 2, "omega": -1},
	} {
		if x, err := s.StateOf(given); err != nil || !slices.Equal(x, []float64{math.Cos(2), math.Sin(2), -1}) {
			t.Errorf("%s: %v, %v", name, x, err)
		}
	}
	for want, given := range map[string]map[string]float64{
		"the state has no cos, sin, omega":               {},
		"the state has no sin":                           {"cos": 1, "omega": 0},
		`no dimension "speed": want those of cos, sin, `: {"theta": 1, "omega": 0, "speed": 0},
		"are both given":                                 {"theta": 1, "omega": 0, "cos": 1},
		"no sine and cosine":                             {"sin": 1, "cos": 1, "omega": 0},
		"omega is NaN":                                   {"theta": 1, "omega": math.NaN()},
	} {
		if _, err := s.StateOf(given); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v: %v, want %q", given, err, want)
		}
	}
}
