package store_test

import (
	"context"
	"fmt"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/store"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// switches are what the published planners, and the agents around them, did otherwise: where, and what is put right.
var switches = []struct {
	what, task, planner, path string
	published, corrected      string
	search                    bool // the corrected planner has it if it searches by cem
}{
	{"warm start of the actions", "pendulum", "safe", "planner.Search.Warm", "false", "true", true},
	{"warm start of a game", "pendulum", "minmax", "planner.Warm", "false", "true", false},
	{"β over the episodes", "pendulum", "minmax", "planner.Beta", "sigmoid 1 to 3 around 10 frozen", "sigmoid 1 to 3 around 10", false},
	{"first deviation of each search of actions", "pendulum", "minmax", "planner.Search.Std", "5", "0.7", true},
	{"first deviation of each search of errors", "pendulum", "minmax", "planner.Inner.Std", "5", "0.7", true},
	{"deviation kept from turn to turn", "pendulum", "minmax", "planner.KeepStd", "0", "2", false},
	{"costs under the errors that are met", "pendulum", "minmax", "planner.Mean", "true", "false", false},
	{"excess over the horizon", "pendulum", "safe", "planner.Objective.Count", "true", "false", false},
	{"limits before reward", "pendulum", "safe", "planner.Objective.FeasibleFirst", "false", "true", false},
	{"draws of the reward", "pendulum", "minmax", "planner.Particles", "10", "0", false},
	{"draws of the cost", "pendulum", "pestraj", "planner.Separate", "true", "false", false},
	{"what is executed", "pendulum", "unsafe", "planner.Search.Mean", "false", "true", true},
	{"noise of the planner in each episode", "pendulum", "unsafe", "repeat-noise", "true", "false", false},
	{"integrator of the car", "rccar", "minmax", "Integrator", "Accumulating", "RK4", false},
	{"gradient steps of a fit", "pendulum", "minmax", "learner.MaxSteps", "10", "2000", false},
	{"moments of AdamW", "pendulum", "minmax", "learner.Forget", "true", "false", false},
	{"kernel of the repulsion", "pendulum", "minmax", "learner.SVGD.Bandwidth", "0.2", "0", false},
	{"aleatoric deviation in the calibration", "pendulum", "minmax", "calibration.Aleatoric", "true", "false", false},
	{"what calibrates", "pendulum", "minmax", "calibration.Fresh", "true", "false", false},
}

// value is the text of a setting.
func value(t *testing.T, s *experiment.Spec, path string) string {
	root, rest, dotted := strings.Cut(path, ".")
	parts := map[string]any{"planner": s.Planner, "learner": s.Learner, "calibration": s.Calibration, "agent": s}
	at := reflect.ValueOf(s.Task)
	switch {
	case path == "repeat-noise":
		return fmt.Sprint(s.RepeatNoise)
	case dotted:
		at = reflect.ValueOf(parts[root])
	default:
		rest = path
	}
	for _, name := range strings.Split(rest, ".") {
		for at.Kind() == reflect.Pointer || at.Kind() == reflect.Interface {
			at = at.Elem()
		}
		if at = at.FieldByName(name); !at.IsValid() {
			t.Fatalf("there is no %s", path)
		}
	}
	return fmt.Sprint(at.Interface())
}

// The preset has every switch as published, each can be put right alone, and each can be published alone.
func TestSwitches(t *testing.T) {
	readme, err := os.ReadFile("../../notebooks/planners.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range switches {
		if field := c.path[strings.LastIndex(c.path, ".")+1:]; !strings.Contains(string(readme), field+"=") && !strings.Contains(string(readme), "."+field+"`") && !strings.Contains(string(readme), "`"+field+"`") {
			t.Errorf("%s: planners.md does not say that %s sets it", c.what, c.path)
		}
		s, err := experiment.Named(c.task, "planner="+c.planner)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.UsePreset("reference"); err != nil {
			t.Fatal(err)
		}
		if got := value(t, s, c.path); got != c.published {
			t.Errorf("%s: %s of the preset is %s, want %s", c.what, c.path, got, c.published)
		}
		alone := func(s *experiment.Spec, to string) {
			before, err := encode.JSON(s)
			if err != nil {
				t.Fatal(err)
			}
			was := value(t, s, c.path)
			if err := s.Set(c.path + "=" + to); err != nil {
				t.Errorf("%s: %v", c.what, err)
			}
			if got := value(t, s, c.path); got != to {
				t.Errorf("%s: set to %s it is %s", c.what, to, got)
			}
			if _, err := s.Compile(); err != nil {
				t.Errorf("%s: %s is refused: %v", c.what, to, err)
			}
			if err := s.Set(c.path + "=" + was); err != nil {
				t.Fatal(err)
			}
			if after, err := encode.JSON(s); err != nil || string(after) != string(before) {
				t.Errorf("%s: set and set back, something else has changed", c.what)
			}
		}
		alone(s, c.corrected)

		d, err := experiment.Named(c.task, "planner="+c.planner)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.SetAll("learner=probabilistic", "calibration=temperature"); err != nil {
			t.Fatal(err)
		}
		if c.search {
			if err := d.Set("planner.Search=cem"); err != nil {
				t.Fatal(err)
			}
			if c.planner == "minmax" || c.planner == "optminmax" {
				if err := d.Set("planner.Inner=cem"); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := value(t, d, c.path); got == c.published && c.path != "planner.KeepStd" && c.path != "planner.Search.Mean" && !strings.HasPrefix(c.path, "learner.SVGD") {
			t.Errorf("%s: %s is as published by default", c.what, c.path)
		}
		alone(d, c.published)
	}
}

// The published settings of each task and planner, as their tables have them.
func TestPreset(t *testing.T) {
	for _, c := range []struct {
		task, planner string
		want          map[string]string
	}{
		{"pendulum", "unsafe", map[string]string{"planner.Horizon": "20", "planner.Particles": "10", "planner.Objective": "{false 0 relu 0 false 0}", "planner.Search.Iterations": "10", "planner.Search.Samples": "500", "planner.Search.Elites": "50"}},
		{"pendulum", "safe", map[string]string{"planner.Particles": "0", "planner.Objective": "{false 1 relu 0 true 0}", "learner.Hidden": "[128 128]", "learner.LearningRate": "0.001", "learner.Noise": "0.0001", "learner.Members": "5"}},
		{"pendulum", "pestraj", map[string]string{"planner.Particles": "10", "planner.Separate": "true"}},
		{"pendulum", "minmax", map[string]string{"planner.Search.Iterations": "5", "planner.Inner.Iterations": "5", "planner.Alternations": "10", "planner.Fixed": "5", "planner.Optimism": "0", "agent.Episodes": "50", "agent.RandomSteps": "100", "agent.LearnEvery": "0", "SpeedClip": "12", "MaxSpeed": "6"}},
		{"pendulum", "optminmax", map[string]string{"planner.Beta": "sigmoid 1 to 3 around 10 frozen", "planner.Optimism": "sigmoid 1 to 3 around 10 frozen", "planner.Particles": "0"}},
		{"pitch", "safe", map[string]string{"planner.Horizon": "5", "planner.Particles": "10", "planner.Objective": "{false 0.01 relu 0 true 0}", "agent.Episodes": "30", "learner.LearningRate": "0.0005"}},
		{"pitch", "minmax", map[string]string{"planner.Search.Iterations": "10", "planner.Inner.Iterations": "10", "planner.Beta": "sigmoid 1 to 3 around 10 frozen"}},
		{"pitch", "optminmax", map[string]string{"planner.Beta": "sigmoid 1 to 3 around 20 frozen", "planner.Optimism": "1"}},
		{"rccar", "minmax", map[string]string{"planner.Search.Iterations": "10", "planner.Inner.Iterations": "5", "planner.Beta": "sigmoid 1 to 3 around 20 frozen", "learner.Hidden": "[256 256]", "agent.RandomSteps": "200", "PlainSlip": "true"}},
	} {
		s, err := experiment.Named(c.task, "planner="+c.planner)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.UsePreset("reference"); err != nil {
			t.Fatal(err)
		}
		for path, want := range c.want {
			if got := value(t, s, path); got != want {
				t.Errorf("%s, %s: %s is %s, want %s", c.task, c.planner, path, got, want)
			}
		}
		if again, err := s.Clone(); err != nil || !experiment.Same(s, again) {
			t.Errorf("%s, %s: reads back as %+v, %v", c.task, c.planner, again, err)
		}
		if _, err := s.Compile(); err != nil {
			t.Errorf("%s, %s: %v", c.task, c.planner, err)
		}
	}
	for want, c := range map[string][2]string{
		`planner "pessimistic" was not published`:  {"pendulum", "pessimistic"},
		`task "carpark" has no published settings`: {"carpark", "safe"},
	} {
		s, err := experiment.Named(c[0], "planner="+c[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := s.UsePreset("reference"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if s := quick.Spec(t); s.UsePreset("") != nil || !experiment.Same(s, quick.Spec(t)) || s.UsePreset("refrence") == nil {
		t.Error("no preset changes something, or a wrong one is taken")
	}
}

// A planner that repeats its noise draws in every episode what it drew in the first.
func TestRepeatNoise(t *testing.T) {
	actions := map[bool][][][]float64{} // of two episodes
	for _, repeat := range []bool{false, true} {
		s := quick.Of(t, "unsafe")
		s.Set("learner=true") // which does not change from one episode to the next
		if err := s.Set(fmt.Sprint("repeat-noise=", repeat)); err != nil {
			t.Fatal(err)
		}
		if err := s.Set("StartBand=0"); err != nil {
			t.Fatal(err)
		}
		for e, err := range store.Train(context.Background(), filepath.Join(t.TempDir(), "run"), s) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Number > 0 {
				actions[repeat] = append(actions[repeat], e.Actions)
			}
		}
	}
	if a := actions[true]; !reflect.DeepEqual(a[0], a[1]) {
		t.Errorf("the noise is repeated, and the actions are %v", a)
	}
	if a := actions[false]; reflect.DeepEqual(a[0], a[1]) {
		t.Errorf("the noise is not repeated, and the actions are %v", a)
	}
	if err := quick.Spec(t).Set("repeat-nois=true"); err == nil || !strings.Contains(err.Error(), "no field") {
		t.Errorf("error %v", err)
	}
}
