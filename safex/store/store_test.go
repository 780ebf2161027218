package store_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

func TestSet(t *testing.T) {
	s := quick.Spec(t)
	for _, a := range []string{"learner=probabilistic", "MaxSpeed=5", "task.SpeedClip=6", "planner.Beta=3.5", "planner.Objective.Barrier=quadratic", "planner.Objective.FeasibleFirst=false", "learner.Hidden=128, 64", "learner.Activation=tanh"} {
		if err := s.Set(a); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	e := s.Learner.(*ensemble.Ensemble)
	p, pes := s.Task.(*tasks.Pendulum), s.Planner.(*plan.Pessimistic)
	if p.MaxSpeed != 5 || p.SpeedClip != 6 || pes.Beta != plan.Constant(3.5) || pes.Objective.Barrier.String() != "quadratic" || pes.Objective.FeasibleFirst || e.Hidden[0] != 128 || e.Activation != "tanh" {
		t.Errorf("set to %+v, %+v, %+v", p, pes, e)
	}
	for a, want := range map[string]string{
		"MaxSpeed":                            "want field=value",
		"MaxSped=5":                           `Pendulum has no field "MaxSped": did you mean MaxSpeed?`,
		"MaxSpeed=fast":                       `"fast" is not a number`,
		"MaxSpeed=NaN":                        `"NaN" is not a number`,
		"planner.Search.Samples=x":            `"x" is not a whole number`,
		"planner.Search=3":                    `there is no search "3"`,
		"planner.Search=imec":                 "did you mean icem?",
		"planner=pesimistic":                  "did you mean pessimistic?",
		"engine=steam":                        `there is no engine "steam"`,
		"learner=lineal":                      "did you mean linear?",
		"episodes=many":                       `"many" is not a whole number`,
		"seed=-1":                             "is not a whole number from 0 on",
		"prior=2":                             "name a field of it",
		"planner.Inner=cem":                   `Pessimistic has no field "Inner"`,
		"planner.Beta.X=3":                    "nothing below the field before X",
		"planner.Objective.Barrier=log":       `no barrier "log"`,
		"learner.Hidden=a":                    "a list of whole numbers",
		"prior.Mass=2":                        `model "probabilistic" has no prior`,
		"calibration.Miss=0.1":                "there is no calibration",
		"plannr.Beta=3":                       `Pendulum has no field "plannr"`,
		"planner.Objective.FeasibleFirst=yup": "true or false",
	} {
		if err := s.Set(a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", a, err, want)
		}
	}
}

func TestNames(t *testing.T) {
	for task, want := range map[string]string{"pendulm": "did you mean pendulum?", "zzzzzzzzzzz": "there are pendulum, pitch, carpark, rccar, cartpole"} {
		if _, err := experiment.Named(task); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", task, err, want)
		}
	}
}

// run.yaml gives the settings back, whatever the planner and the model.
func TestSpecRoundTrip(t *testing.T) {
	names, calibrations := experiment.Planners.Names(), experiment.Calibrations.Names()
	models, _ := experiment.Models()
	for i := range len(models) * len(calibrations) {
		name, model, calibration := names[i%len(names)], models[i/len(calibrations)], calibrations[i%len(calibrations)]
		if model == "true" && calibration == "temperature" { // refused
			continue
		}
		s, err := experiment.Named("pendulum", "planner="+name, "learner="+model, "calibration="+calibration, "MaxSpeed=5.25", "seed=9223372036854775809")
		if err != nil {
			t.Fatal(err)
		}
		if s.Prior != nil {
			err = s.Set("prior.Mass=0.75")
		}
		if s.Calibration != nil {
			err = errors.Join(err, s.Set("calibration.HoldOut=7"))
		}
		s.Disturbances = []safex.Disturbance{{Kind: safex.Impulse, On: "omega", Size: 1, From: 3}}
		s.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "omega", Size: 0.1, Within: true}, {Kind: safex.ObservationNoise, On: "theta", Size: 0.01}}
		dir := filepath.Join(t.TempDir(), name+"-"+model+"-"+calibration)
		if err := errors.Join(err, store.Create(dir, s)); err != nil {
			t.Fatal(err)
		}
		got, err := store.ReadSpec(dir)
		if err != nil || !experiment.Same(got, s) || got.PlannerName() != name || got.ModelName() != model || got.CalibrationName() != calibration || got.Seed != 1<<63+1 {
			t.Errorf("%s, %s, %s: read back %+v, %v", name, model, calibration, got, err)
		}
	}
}

// The first setting that differs is named, however deep it is.
func TestDifference(t *testing.T) {
	networks := func() *experiment.Spec { return quick.Spec(t, "learner=probabilistic", "learner.Hidden=8") }
	if name, _, _, err := experiment.Difference(networks(), networks()); name != "" || err != nil {
		t.Errorf("the same differ in %q, error %v", name, err)
	}
	for set, want := range map[string]string{
		"planner.Search.Samples=17": "Planner.Search.Samples 16 17", "learner.Hidden=8,8": "Learner.Hidden [8] [8,8]", "MaxSpeed=5": "Task.MaxSpeed 6 5",
	} {
		s := networks()
		if err := s.Set(set); err != nil {
			t.Fatal(err)
		}
		if name, was, is, err := experiment.Difference(networks(), s); name+" "+was+" "+is != want || err != nil {
			t.Errorf("%s: %s from %s to %s, error %v, want %s", set, name, was, is, err, want)
		}
	}
	s := networks()
	s.Seed = 1<<63 + 1
	if name, _, is, err := experiment.Difference(networks(), s); name != "Seed" || is != "9223372036854775809" || err != nil {
		t.Errorf("%s is %s, error %v", name, is, err)
	}
	s.Set("learner=linear")
	if name, _, _, err := experiment.Difference(networks(), s); name != "Learner.Type" || err != nil {
		t.Errorf("%s differs, error %v", name, err)
	}
}

// Whatever is learned and however it is calibrated, a run that is stopped within an episode and resumed takes the steps of one
// that was never stopped.
func TestResumeModels(t *testing.T) {
	pairs := []struct{ model, calibration string }{
		{"linear", "none"}, {"linear", "temperature"}, {"linear", "conformal"}, {"linear", "adaptive"}, {"prior+linear", "adaptive"}, {"gp", "none"}, {"prior+gp", "adaptive"}, {"sparse-gp", "adaptive"}, {"prior+sparse-gp", "none"}, {"deterministic", "none"}, {"probabilistic", "adaptive"}, {"probabilistic", "conformal"},
	}
	if testing.Short() {
		pairs = pairs[len(pairs)-1:]
	}
	for _, c := range pairs {
		t.Run(c.model+" "+c.calibration, func(t *testing.T) {
			settings := func() *experiment.Spec {
				s := quick.Spec(t)
				if err := s.Set("learner=" + c.model); err != nil {
					t.Fatal(err)
				}
				if e, ok := s.Learner.(*ensemble.Ensemble); ok {
					e.Hidden, e.MinSteps, e.MaxSteps = []int{8}, 30, 30
				}
				if s.Prior != nil {
					if err := s.Set("prior.Mass=0.8"); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.Set("calibration=" + c.calibration); err != nil {
					t.Fatal(err)
				}
				if c.calibration == "conformal" {
					if err := s.Set("calibration.Miss=0.2"); err != nil {
						t.Fatal(err)
					}
				}
				return s
			}
			whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
			for _, err := range store.Train(context.Background(), whole, settings()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			r, err := store.Start(parts, settings())
			if err != nil {
				t.Fatal(err)
			}
			for stop := 0; r.Done() < r.Total(); stop++ {
				ctx, cancel := context.WithCancel(context.Background())
				taken := 0
				for range r.Steps(ctx) {
					if taken++; taken == 5 {
						cancel()
					}
				}
				cancel()
				if r, err = store.Resume(parts); err != nil {
					t.Fatal(err)
				}
				if stop > 20 {
					t.Fatal("it does not go on")
				}
			}
			a, errA := os.ReadFile(filepath.Join(whole, "steps.csv"))
			b, errB := os.ReadFile(filepath.Join(parts, "steps.csv"))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("a run in parts took other steps, %v, %v", errA, errB)
			}
			if models, _ := filepath.Glob(filepath.Join(parts, "model", "model-*")); len(models) != 1 {
				t.Errorf("models %v are kept, want the last alone", models)
			}
		})
	}
}

// Two runs of one seed write identical steps.csv, and so does one that is stopped by its context and resumed.
func TestSameSeedSameSteps(t *testing.T) {
	steps := func(dir string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "steps.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dirs := []string{filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "c")}
	for _, dir := range dirs[:2] {
		for _, err := range store.Train(context.Background(), dir, quick.Spec(t)) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if !bytes.Equal(steps(dirs[0]), steps(dirs[1])) {
		t.Error("the same seed wrote two different steps.csv")
	}
	r, err := store.Start(dirs[2], quick.Spec(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	taken := 0
	for _, err := range r.Steps(ctx) {
		if taken++; taken == 14 {
			cancel()
		}
		if taken > 15 {
			t.Fatalf("step %d after the end of the context, error %v", taken, err)
		}
	}
	n := 0
	for e, err := range store.Train(context.Background(), dirs[2], quick.Spec(t)) {
		if err != nil || e.Number != n {
			t.Fatalf("episode %d instead of %d, error %v", e.Number, n, err)
		}
		n++
	}
	if n != 3 || !bytes.Equal(steps(dirs[0]), steps(dirs[2])) {
		t.Errorf("%d episodes; a stopped and resumed run wrote another steps.csv", n)
	}
	for _, name := range []string{"learning", "safety-001", "safety-002"} {
		if _, err := os.Stat(filepath.Join(dirs[2], "figures", name+".png")); err != nil {
			t.Error(err)
		}
	}

	// A complete run is only read; one of other settings is refused.
	for e, err := range store.Train(context.Background(), dirs[0], quick.Spec(t)) {
		if err != nil || len(e.Actions) == 0 {
			t.Errorf("episode %d: error %v", e.Number, err)
		}
	}
	other := quick.Spec(t)
	other.Seed = 2
	for _, err := range store.Train(context.Background(), dirs[0], other) {
		if err == nil || !strings.Contains(err.Error(), "other settings") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := store.Start(dirs[0], quick.Spec(t)); err == nil || !strings.Contains(err.Error(), "holds a run") {
		t.Errorf("error %v", err)
	}
}

// A run of another build is refused, since its bits would differ.
func TestResumeRefusesOtherBuild(t *testing.T) {
	s := quick.Spec(t)
	s.Build = "0.0.1 go1.20"
	dir := filepath.Join(t.TempDir(), "old")
	if _, err := store.Start(dir, s); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resume(dir); err == nil || !strings.Contains(err.Error(), "was made by safex 0.0.1 go1.20") {
		t.Errorf("error %v", err)
	}
}

// Nothing is made for settings that cannot run.
func TestStartChecksFirst(t *testing.T) {
	for set, want := range map[string]string{"Mass=0": "Mass is 0, want above 0", "Dt=0": "Dt is 0", "SpeedClip=-1": "SpeedClip is -1", "planner.Search.Samples=9000000000000000000": "to 1e6", "learner.HoldOut=11": "want at least learner.HoldOut = 11", "StartBand=7": "a start state is beyond limit", "MaxSpeed=-1": "beyond limit",
		"planner.Horizon=0": "Horizon is 0", "planner.Search.Std=0": "Std 0", "planner.Adversary.Starts=0": "Starts 0", "learner.Members=1": "Members is 1", "learner.Points=0": "Points 0", "calibration.Raise=1": "Raise is 1"} {
		s := quick.Spec(t)
		if set == "learner.HoldOut=11" || set == "learner.Members=1" {
			s = quick.Spec(t, quick.Networks...)
		}
		if err := s.Set(set); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "run")
		if _, err := store.Start(dir, s); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", set, err, want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the folder was made all the same", set)
		}
	}
}

// A run folder has one process at a time.
func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, quick.Spec(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		other, err := store.Resume(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range other.Steps(context.Background()) {
			if err == nil || !strings.Contains(err.Error(), "in use by another process") {
				t.Errorf("error %v", err)
			}
		}
		break
	}
	if r, err = store.Resume(dir); err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Files of a run that were changed or lost are refused; a figure that was lost is drawn again.
func TestDamagedRuns(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(context.Background(), whole, quick.Spec(t)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		file, old, new string
		want           string
	}{
		"null learner":       {"run.yaml", "Learner:", "Learner: null\nX:", "X"},
		"another task":       {"run.yaml", "Mass: 1", "Mass: 2", "is another than the one that was run: it had"},
		"lost episode":       {"episodes.jsonl", `"episode":1`, `"episode":2`, "line 2 is damaged"},
		"empty episodes":     {"episodes.jsonl", "", "", "do not agree on episode 0"},
		"lost row":           {"steps.csv", "\n1,3,", "\n1,4,", "does not follow the line before"},
		"one cell more":      {"steps.csv", "\n1,3,", "\n1,3,NaN,", "wrong number of fields"},
		"no number":          {"steps.csv", "\n1,0,", "\n1,0,NaN\n1,0,", "wrong number of fields"},
		"header":             {"steps.csv", "cos", "cosine", "does not begin with the header"},
		"state file emptied": {"model/state.bin", "", "", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, c.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(text), c.old, c.new, 1)
			if c.old == "" {
				changed = c.new
			}
			if changed == string(text) {
				t.Fatalf("nothing to change in %s", c.file)
			}
			if err := os.WriteFile(path, []byte(changed), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Resume(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	lost := filepath.Join(whole, "model", "state.bin")
	if err := os.Rename(lost, lost+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resume(whole); err == nil || !strings.Contains(err.Error(), "has no model/state.bin") {
		t.Errorf("error %v", err)
	}
	if err := os.Rename(lost+".away", lost); err != nil {
		t.Fatal(err)
	}
	figure := filepath.Join(whole, "figures", "safety-001.png")
	if err := os.Remove(figure); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resume(whole); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(figure); err != nil {
		t.Error("the lost figure was not drawn again")
	}
}

// Settings that no run could be read back from, or go through, are refused before there is a folder.
func TestSettingsThatCannotBe(t *testing.T) {
	for want, spoil := range map[string]func(s *experiment.Spec){
		"explore 4: want at least":    func(s *experiment.Spec) { s.SetAll("learner=gp", "calibration=conformal", "explore=4") },
		"want 2 to 1e6":               func(s *experiment.Spec) { s.SetAll("calibration=adaptive", "calibration.HoldOut=9000000000000000000") },
		"can have 5 scores, and":      func(s *experiment.Spec) { s.SetAll("calibration=conformal", "calibration.Miss=0.01") },
		"needs no Prior":              func(s *experiment.Spec) { s.SetAll("learner=prior+gp"); s.Learner = rollout.Oracle{} },
		"Learner and Engine are":      func(s *experiment.Spec) { s.Engine = nil },
		"knows no planner of type st": func(s *experiment.Spec) { s.Planner = stubborn{plan.DefaultUnsafe()} },
		"Features of linear.Linear": func(s *experiment.Spec) {
			l := linear.Default()
			l.Features = func(x, u num.Vec) num.Vec { return x }
			s.Learner = l
		},
		"is no struct of settings": func(s *experiment.Spec) { s.Planner = list{} },
	} {
		s := quick.Spec(t)
		spoil(s)
		dir := filepath.Join(t.TempDir(), "run")
		if _, err := store.Start(dir, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: a folder was made", want)
		}
	}
}

// A stubborn planner is in no registry, and a list is no struct.
type (
	stubborn struct{ plan.Nominal }
	list     []int
)

func (list) Plan(context.Context, safex.Query, rng.Stream) (*safex.Plan, error) { return nil, nil }

// The β that a model asks for is the one that plans defend, whether it is a setting, a bound or a calibration.
func TestBetaReachesThePlan(t *testing.T) {
	for name, c := range map[string]struct {
		set  []string
		want func(beta float64) bool
	}{
		"planner":     {nil, func(b float64) bool { return b == 2 }},
		"setting":     {[]string{"learner.Beta=3"}, func(b float64) bool { return b == 3 }},
		"bound":       {[]string{"learner.Norm=1.5"}, func(b float64) bool { return b > 3 }},
		"calibration": {[]string{"calibration.Start=3.5"}, func(b float64) bool { return b > 0 && b != 2 }},
	} {
		s := quick.Spec(t)
		if err := s.Set("learner=gp"); err != nil {
			t.Fatal(err)
		}
		if name == "calibration" {
			if err := s.Set("calibration=adaptive"); err != nil {
				t.Fatal(err)
			}
		}
		for _, a := range append(c.set, "learner.Fit=false") {
			if err := s.Set(a); err != nil {
				t.Fatal(err)
			}
		}
		s.Episodes = 1
		for e, err := range store.Train(context.Background(), filepath.Join(t.TempDir(), "run"), s) {
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range e.Forecasts {
				if !c.want(f.Beta) || name != "planner" && f.AskedBeta != f.Beta {
					t.Fatalf("%s: plans defend β = %v, and %v was asked for", name, f.Beta, f.AskedBeta)
				}
			}
		}
	}
}

// All engines take the same way, and the fused one takes models that are no networks too.
func TestEngines(t *testing.T) {
	steps := map[string]safex.Episode{}
	for _, name := range experiment.Engines.Names() {
		s := quick.Spec(t, "engine="+name, "episodes=1")
		if got := experiment.Engines.NameOf(s.Engine); got != name {
			t.Errorf("the engine %s goes by %s", name, got)
		}
		for e, err := range store.Train(context.Background(), filepath.Join(t.TempDir(), name), s) {
			if err != nil {
				t.Fatal(err)
			}
			steps[name] = e
		}
	}
	b := steps["fused"]
	if !reflect.DeepEqual(steps["auto"].States, b.States) {
		t.Error("auto did not take the fused engine")
	}
	for _, other := range []string{"graph", "stepwise"} {
		for d, v := range steps[other].Forecasts[0].Mean {
			if math.Abs(v-b.Forecasts[0].Mean[d]) > 1e-5 {
				t.Errorf("dimension %d: the engine %s foresees %v, the fused one %v", d, other, v, b.Forecasts[0].Mean[d])
			}
		}
	}
	for _, model := range []string{"linear", "prior+linear", "true"} {
		for _, err := range store.Train(context.Background(), filepath.Join(t.TempDir(), "run"), quick.Spec(t, "engine=fused", "learner="+model)) {
			if err != nil {
				t.Errorf("%s: %v", model, err)
			}
		}
	}
}

// A search and an adversary are chosen by name, set by their fields, and read back from run.yaml.
func TestChoices(t *testing.T) {
	for _, search := range experiment.Searches.Names() {
		s := quick.Spec(t, "planner.Search="+search, "planner.Search.Samples=64", "planner.Adversary=cem", "planner.Adversary.Search=mppi", "planner.Adversary.Search.Samples=33")
		again, err := s.Clone()
		if err != nil {
			t.Fatal(err)
		}
		if p := again.Planner.(*plan.Pessimistic); experiment.Searches.NameOf(p.Search) != search || !reflect.DeepEqual(s.Planner, again.Planner) {
			t.Errorf("%s reads back as %+v", search, again.Planner)
		}
		if _, err := again.Compile(); err != nil {
			t.Errorf("%s: %v", search, err)
		}
	}
	s := quick.Spec(t)
	if err := s.Set("planner.Search.Colors=0, 2"); err != nil || s.Planner.(*plan.Pessimistic).Search.(*opt.ICEM).Colors[1] != 2 {
		t.Errorf("%v, %+v", err, s.Planner)
	}
}

// What cannot work together is refused before anything is written; and all other models and calibrations take their first steps.
func TestModelsAndCalibrations(t *testing.T) {
	models, _ := experiment.Models()
	calibrations := experiment.Calibrations.Names()
	for _, model := range models {
		for _, calibration := range calibrations {
			if strings.HasPrefix(model, "prior+") && model != "prior+linear" {
				continue // the same learners, of what a prior misses
			}
			s := quick.Spec(t)
			if err := errors.Join(s.Set("learner="+model), s.Set("calibration="+calibration)); err != nil {
				t.Fatalf("%s, %s: %v", model, calibration, err)
			}
			if e, ok := s.Learner.(*ensemble.Ensemble); ok {
				e.Hidden, e.MinSteps, e.MaxSteps = []int{8}, 10, 10
			}
			s.Episodes, s.RandomSteps = 1, 100
			dir := filepath.Join(t.TempDir(), "run")
			var failed error
			for _, err := range store.Train(context.Background(), dir, s) {
				failed = err
			}
			_, nothing := os.Stat(dir)
			if refused := model == "true" && calibration == "temperature"; refused != (failed != nil) || refused && nothing == nil {
				t.Errorf("%s, %s: error %v; there is a folder: %v", model, calibration, failed, nothing == nil)
			}
		}
	}
}
