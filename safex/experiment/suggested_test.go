package experiment_test

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A learner comes with the calibration that it suggests, unless one was chosen by its name, in whatever order.
func TestSuggestedCalibration(t *testing.T) {
	if s := experiment.Default(tasks.DefaultPendulum()); s.ModelName() != "sparse-gp" || s.CalibrationName() != "adaptive" {
		t.Errorf("by default there are %s and %s", s.ModelName(), s.CalibrationName())
	}
	for _, c := range []struct {
		assignments []string
		want        string
	}{
		{nil, "adaptive"},
		{[]string{"learner=sparse-gp"}, "adaptive"},
		{[]string{"learner=prior+sparse-gp"}, "adaptive"},
		{[]string{"learner=probabilistic"}, "none"},
		{[]string{"learner=prior+gp"}, "none"},
		{[]string{"learner=true"}, "none"},
		{[]string{"learner=linear", "learner=sparse-gp"}, "adaptive"},
		{[]string{"calibration=none"}, "none"},
		{[]string{"calibration=none", "learner=sparse-gp"}, "none"},
		{[]string{"learner=sparse-gp", "calibration=none"}, "none"},
		{[]string{"calibration=none", "learner=linear", "learner=sparse-gp"}, "none"},
		{[]string{"calibration=conformal", "learner=sparse-gp"}, "conformal"},
		{[]string{"learner=probabilistic", "calibration=adaptive"}, "adaptive"},
		{[]string{"calibration=adaptive", "learner=probabilistic"}, "adaptive"},
		{[]string{"calibration.Miss=0.1", "calibration=adaptive", "learner=gp"}, "adaptive"},
	} {
		s, err := experiment.Named("pendulum", c.assignments...)
		if err != nil {
			t.Errorf("%v: %v", c.assignments, err)
			continue
		}
		if got := s.CalibrationName(); got != c.want || (s.Calibration == nil) != (c.want == "none") {
			t.Errorf("%v: calibration %s, want %s", c.assignments, got, c.want)
		}
	}
	for model, want := range map[string]string{"sparse-gp": "adaptive", "prior+sparse-gp": "adaptive", "gp": "none", "probabilistic": "none", "prior+linear": "none", "true": "none", "fsvgd": "none"} {
		if got := experiment.SuggestedFor(model); got != want {
			t.Errorf("%s suggests %s, want %s", model, got, want)
		}
	}
	// The settings of the one that is suggested can be set, and are fresh with each learner.
	s, err := experiment.Named("pendulum", "calibration.Miss=0.2")
	if err != nil || s.Calibration.(*calibrate.Adaptive).Miss != 0.2 {
		t.Fatalf("calibration %+v, error %v", s.Calibration, err)
	}
	if err := s.Set("learner=sparse-gp"); err != nil || s.Calibration.(*calibrate.Adaptive).Miss != calibrate.DefaultAdaptive().Miss {
		t.Errorf("with a fresh learner the calibration is %+v, error %v", s.Calibration, err)
	}
}

// What was chosen by its name stays chosen in a copy, and in what run.yaml gives back, which may have been chosen too.
func TestChosenCalibrationStays(t *testing.T) {
	for _, c := range []struct {
		assignments   []string
		next          string // learner of the copy
		copied, given string // calibration then
	}{
		{nil, "probabilistic", "none", "adaptive"},
		{nil, "sparse-gp", "adaptive", "adaptive"},
		{[]string{"calibration=none"}, "sparse-gp", "none", "none"},
		{[]string{"calibration=none"}, "prior+sparse-gp", "none", "none"},
		{[]string{"calibration=adaptive"}, "probabilistic", "adaptive", "adaptive"},
		{[]string{"calibration=conformal"}, "sparse-gp", "conformal", "conformal"},
		{[]string{"learner=probabilistic"}, "sparse-gp", "adaptive", "none"},
		{[]string{"learner=probabilistic", "calibration=temperature"}, "sparse-gp", "temperature", "temperature"},
	} {
		s, err := experiment.Named("pendulum", c.assignments...)
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.YAML()
		if err != nil {
			t.Fatal(err)
		}
		copied, err := s.Clone()
		if err != nil || !experiment.Same(s, copied) {
			t.Fatalf("%v: the copy is another, error %v", c.assignments, err)
		}
		given, err := experiment.FromYAML(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := given.Clone()
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []struct {
			what string
			of   *experiment.Spec
			want string
		}{{"copy", copied, c.copied}, {"run.yaml", given, c.given}, {"copy of run.yaml", again, c.given}} {
			if err := o.of.Set("learner=" + c.next); err != nil || o.of.CalibrationName() != o.want {
				t.Errorf("%v, %s: with %s the calibration is %s, want %s, error %v", c.assignments, o.what, c.next, o.of.CalibrationName(), o.want, err)
			}
		}
	}
	s, err := experiment.Named("pendulum", "planner=minmax")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.UsePreset("reference"); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("learner=sparse-gp"); err != nil || s.CalibrationName() != "temperature" {
		t.Errorf("the calibration of a preset becomes %s, error %v", s.CalibrationName(), err)
	}
}

// The name of a run has its calibration where that is not the one that its learner suggests.
func TestMethodNames(t *testing.T) {
	for _, c := range []struct {
		assignments []string
		want        string
	}{
		{nil, "pessimistic-sparse-gp"},
		{[]string{"calibration=adaptive"}, "pessimistic-sparse-gp"},
		{[]string{"calibration=none"}, "pessimistic-sparse-gp-uncalibrated"},
		{[]string{"calibration=conformal"}, "pessimistic-sparse-gp-conformal"},
		{[]string{"learner=prior+sparse-gp"}, "pessimistic-prior+sparse-gp"},
		{[]string{"learner=prior+sparse-gp", "calibration=none", "background=true"}, "pessimistic-prior+sparse-gp-uncalibrated-background"},
		{[]string{"learner=probabilistic"}, "pessimistic-probabilistic"},
		{[]string{"learner=probabilistic", "calibration=none"}, "pessimistic-probabilistic"},
		{[]string{"learner=probabilistic", "calibration=adaptive"}, "pessimistic-probabilistic-adaptive"},
		{[]string{"learner=true", "planner=safe", "filter=off"}, "safe-true-unfiltered"},
	} {
		s, err := experiment.Named("pendulum", c.assignments...)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Method(); got != c.want {
			t.Errorf("%v is called %s, want %s", c.assignments, got, c.want)
		}
	}
}
