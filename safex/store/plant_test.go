package store_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// pendulum is the task of that name, in Python alone. What it is told to do wrong it does once, and then at random with
// the chance that it is given.
const pendulum = `
import math, os, random, sys, time
import safex_plant

wrong, chance = sys.argv[1], float(sys.argv[2])

class Pendulum:
    state, action, dt, repeats = ["cos", "sin", "omega"], ["torque"], 0.05, wrong != "machine"

    def reset(self, seed):
        r = random.Random(seed)
        self.angle, self.speed, self.steps = math.pi + r.uniform(-0.1, 0.1), r.uniform(-0.1, 0.1), 0
        return self.see()

    def see(self):
        return math.cos(self.angle), math.sin(self.angle), self.speed

    def step(self, u):
        self.steps += 1
        first = chance > 0 and self.steps == 5 and not os.path.exists(__file__ + ".failed")
        if first:
            open(__file__ + ".failed", "w").close()
        if first or random.random() < chance:
            if wrong == "killed":
                os.kill(os.getpid(), 9)
            elif wrong == "stalled":
                time.sleep(60)
            elif wrong == "garbled":
                safex_plant._OUT.write("{]\n")
            elif wrong == "nan":
                return float("nan"), 0, 0
        self.speed += (15 * math.sin(self.angle) + 6 * u[0]) * 0.05
        self.angle += self.speed * 0.05
        if wrong == "ends" and self.steps == 7:
            raise safex_plant.End(self.see(), terminated=True, why="the rod,\n as it were,\t\"broke\" " + 300 * "!")
        return self.see()

safex_plant.serve(Pendulum())
`

// outside is a Spec of the pendulum in Python; the test is skipped where there is none.
func outside(t *testing.T, wrong string, chance float64, assignments ...string) *experiment.Spec {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"safex_plant.py": plant.Python, "pendulum.py": pendulum} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	command := fmt.Sprintf("plant=%s '%s' %s %v", python, filepath.Join(dir, "pendulum.py"), wrong, chance)
	return quick.Spec(t, append([]string{command, "plant.Timeout=2"}, assignments...)...)
}

// finish goes on with a run until it is complete, however often its plant fails.
func finish(t *testing.T, dir string, failures *int, sentences map[string]bool) {
	for tries := 0; ; tries++ {
		if tries == 200 {
			t.Fatal("it does not come to an end")
		}
		r, err := store.Resume(dir)
		if err != nil {
			t.Fatal(err)
		}
		failed := false
		for _, err := range r.Steps(context.Background()) {
			if err != nil {
				failed = true
				*failures++
				sentences[err.Error()] = true
				if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "episode") {
					t.Errorf("%q is no sentence that says where", err)
				}
			}
		}
		if !failed {
			return
		}
	}
}

// A plant in Python that is killed, stalls, garbles its answers or answers with a NaN, at random, loses nothing: the run is kept, says what happened, and
// goes on, in the end to the same steps as with one that never failed, as it repeats itself.
func TestPlantFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts many processes, and waits for some")
	}
	const more = "episodes=8"
	whole := outside(t, "well", 0, more)
	dir := filepath.Join(t.TempDir(), "well")
	r, err := store.Start(dir, whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	want, err := store.Open(dir)
	if err != nil || !want.Complete() {
		t.Fatalf("error %v", err)
	}
	for wrong, says := range map[string]string{"killed": "killed", "stalled": "did not answer a step within 2 s", "garbled": "its answer to a step", "nan": "cos is NaN"} {
		t.Run(wrong, func(t *testing.T) {
			t.Parallel()
			s := outside(t, wrong, 0.02, more)
			dir := filepath.Join(t.TempDir(), wrong)
			if _, err := store.Start(dir, s); err != nil {
				t.Fatal(err)
			}
			failures, sentences := 0, map[string]bool{}
			finish(t, dir, &failures, sentences)
			got, err := store.Open(dir)
			if err != nil || !got.Complete() {
				t.Fatalf("error %v", err)
			}
			for i := range want.Episodes {
				if !reflect.DeepEqual(got.Episodes[i].States, want.Episodes[i].States) || !reflect.DeepEqual(got.Episodes[i].Actions, want.Episodes[i].Actions) {
					t.Errorf("after %d failures episode %d is another than without", failures, i)
				}
			}
			for sentence := range sentences {
				if !strings.Contains(sentence, says) {
					t.Errorf("%q, want %q", sentence, says)
				}
			}
			if t.Logf("%d failures", failures); failures == 0 {
				t.Error("it never failed: the test shows nothing")
			}
		})
	}
}

// A run whose episodes the plant ends early is a whole citizen: complete, read back as it was live, counted by a study's state and by a report, and its plans can be
// made again.
func TestPlantEndsEarly(t *testing.T) {
	s := outside(t, "ends", 0, "explore=20")
	out := t.TempDir()
	dir := filepath.Join(out, filepath.FromSlash(study.Path(s, "")))
	r, err := store.Start(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	var live []safex.Episode
	for e, err := range r.Episodes(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, e)
	}
	saved, err := store.Open(dir)
	if err != nil || !saved.Complete() {
		t.Fatalf("error %v, complete %v", err, saved.Complete())
	}
	if len(live) != 3+s.Episodes || len(saved.Episodes) != len(live) {
		t.Fatalf("%d episodes, and %d are kept: want three of 7, 7 and 6 random steps, and %d", len(live), len(saved.Episodes), s.Episodes)
	}
	for i, e := range live {
		back := saved.Episodes[i]
		if e.End != back.End || e.Why != back.Why || e.Phase != back.Phase || !reflect.DeepEqual(e.States, back.States) {
			t.Errorf("episode %d was %s, %q (%s), and is read back as %s, %q (%s)", i, e.Phase, e.End, e.Why, back.Phase, back.End, back.Why)
		}
		if early := len(e.Actions) == 7; early != (e.End == safex.Terminated) || early != strings.Contains(e.Why, "broke") {
			t.Errorf("episode %d of %d steps has ended as %q: %q", i, len(e.Actions), e.End, e.Why)
		}
	}
	if state := (study.Job{Dir: study.Path(s, ""), Spec: s}).State(out); state.Phase != study.Done || state.Steps != state.Total || state.Steps != saved.Steps() || state.Episodes != s.Episodes {
		t.Errorf("its state is %+v", state)
	}
	set, err := report.Read(out)
	if err != nil || len(set.Methods) != 1 || !set.Methods[0].Finished(&set.Methods[0].Runs[0]) {
		t.Errorf("a report of it: %+v, error %v", set, err)
	}
	kept := filepath.Join(t.TempDir(), "kept.json")
	if err := set.Save(kept); err != nil {
		t.Fatal(err)
	}
	if back, err := report.Read(kept); err != nil || !reflect.DeepEqual(back.Methods[0].Runs, set.Methods[0].Runs) {
		t.Errorf("the report is read back as %+v, error %v", back, err)
	}
	again, err := retake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.ChooseAll()
	made := 0
	for step, err := range again.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if step.Query != nil {
			made++
		}
	}
	if made != 7*s.Episodes || again.Plans() != made {
		t.Errorf("%d plans were made again", made)
	}
	text, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil || !strings.Contains(string(text), "plant.Process") || !strings.Contains(string(text), "next by a plant") {
		t.Errorf("run.yaml does not say what the real system was: %v\n%s", err, text)
	}
}

// A machine, which does not repeat itself, goes on with the next episode.
func TestPlantMachine(t *testing.T) {
	s := outside(t, "machine", 0)
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := s.RandomSteps + 5
	for st, err := range r.Steps(ctx) {
		if err == nil && st.Data.Len() == stop {
			cancel()
		}
	}
	failures := 0
	finish(t, dir, &failures, map[string]bool{})
	saved, err := store.Open(dir)
	if err != nil || !saved.Complete() || failures > 0 {
		t.Fatalf("error %v, %d failures", err, failures)
	}
	if e := saved.Episodes[1]; e.End != safex.Truncated || len(e.Actions) != 5 || !strings.Contains(e.Why, "stopped") {
		t.Errorf("the episode that was cut short has %d steps, and ended as %q: %q", len(e.Actions), e.End, e.Why)
	}
	if n := len(saved.Episodes); n != 1+s.Episodes {
		t.Errorf("%d episodes", n)
	}
}

// Settings that do not go with a plant are refused before it is asked anything.
func TestPlantSettings(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"learner=true", "model true needs them: choose another model"},
		{"plant=", ""},
		{"plant.Timeout=0", "Timeout is 0"},
	} {
		s := quick.Spec(t, "plant=no_such_program")
		if err := s.Set(c.set); err != nil {
			t.Fatal(err)
		}
		_, err := s.Compile()
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.set, err, c.want)
		}
	}
	if err := quick.Spec(t).Set("plant.Timeout=3"); err == nil || !strings.Contains(err.Error(), "name a command first") {
		t.Errorf("a setting of no plant: %v", err)
	}
	s := quick.Spec(t, "plant=no_such_program")
	s.Disturbances = []safex.Disturbance{{Kind: safex.ProcessNoise, On: "omega", Size: 0.1}}
	if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), "whose state nobody can change from here") {
		t.Errorf("noise on the state of a plant: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, quick.Spec(t, "plant=no_such_program"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Steps(context.Background()) {
		if err == nil || !strings.Contains(err.Error(), "cannot be started") {
			t.Errorf("a program that is not there: %v", err)
		}
	}
}
