package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/offline"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// swings writes a log of two episodes of the pendulum under coloured noise, of so many rows each, with the torque in Nm in a column of its own.
func swings(t *testing.T, rows int) string {
	t.Helper()
	p := tasks.DefaultPendulum()
	p.Steps = rows
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("episode,time,cos,sin,omega,torque,motor\n")
	for k := range 2 {
		src := rng.New(2).At(k)
		e, err := s.Simulate(s.ColouredPolicy(0.9, 0.3, src.Child("act")), src)
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range e.Actions {
			x := e.States[i]
			fmt.Fprintf(&b, "%d,%v,%v,%v,%v,%v,%v\n", k, float64(i)*s.Dt, x[0], x[1], x[2], u[0], 2*u[0])
		}
	}
	return fileOf(t, "swings.csv", b.String())
}

func fileOf(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// import says what a log has and writes it anew, fit learns from it, plan plans with what was learned, and train begins with it.
func TestLogs(t *testing.T) {
	log, dir := swings(t, 40), t.TempDir()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	physical := fileOf(t, "bench.csv", strings.Replace(strings.Replace(string(text), "torque", "command", 1), "motor", "torque", 1))
	clean := filepath.Join(dir, "clean.csv")
	out, _, err := do(nil, "import", physical, "--task", "pendulum", "--range", "torque=-2:2", "--out", clean)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"were passed over: command.", "78 transitions (3.9 s) of 80 rows, in 2 episodes and 2 trajectories without a gap.", "omega [rad/s]", "speed [rad/s]", "0 of 78", "Written to " + clean} {
		if !strings.Contains(out, want) {
			t.Errorf("import does not say %q in\n%s", want, out)
		}
	}
	if out, _, err = do(nil, "import", clean, "--task", "pendulum", "--json"); err != nil {
		t.Fatal(err)
	}
	var sum struct {
		Transitions, Episodes int
		Notes                 []string
	}
	if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Transitions != 78 || sum.Episodes != 2 || len(sum.Notes) != 0 {
		t.Errorf("%v: %s", err, out)
	}
	fits := filepath.Join(dir, "fit")
	small := []string{"--set", "learner.Points=12", "--set", "learner.FitPoints=20", "--set", "learner.Evaluations=5", "--set", "planner.Horizon=4", "--set", "planner.Search.Samples=16", "--set", "planner.Search.Elites=4"}
	out, errs, err := do(nil, append([]string{"fit", clean, "--task", "pendulum", "--folds", "2", "--horizon", "6", "--out", fits}, small...)...)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"sparse-gp (calibration adaptive) of pendulum from 78 transitions in 2 episodes: 2 folds of whole episodes", "RMSE of 6", "of 78 transitions (", "Kept in " + fits} {
		if !strings.Contains(out, want) {
			t.Errorf("fit does not say %q in\n%s%s", want, out, errs)
		}
	}
	for _, file := range []string{offline.SpecFile, offline.ModelFile, offline.ReportFile, offline.FigureFile} {
		if info, err := os.Stat(filepath.Join(fits, file)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if out, _, err = do(nil, append([]string{"fit", clean, "--task", "pendulum", "--folds", "2", "--horizon", "6", "--json"}, small...)...); err != nil {
		t.Fatal(err)
	}
	var report offline.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Box.Of != 78 || len(report.Dimensions) != 3 || len(report.Dimensions[0].Ahead) != 6 {
		t.Errorf("%v: %s", err, out)
	}
	for _, state := range []string{"", "theta=3.14,omega=0", "cos=-1,sin=0,omega=0.1"} {
		if out, _, err = do(nil, "plan", fits, "--state", state); err != nil || !strings.Contains(out, "then omega [rad/s]") || !strings.Contains(out, "Largest excess of speed") || !strings.Contains(out, "By the filter its first step is: ") {
			t.Errorf("plan from %q: %v\n%s", state, err, out)
		}
	}
	if out, _, err = do(nil, "plan", fits, "--set", "planner.Horizon=3", "--set", "filter=off", "--json"); err != nil {
		t.Fatal(err)
	}
	var plan planned
	if err := json.Unmarshal([]byte(out), &plan); err != nil || len(plan.Actions) != 3 || len(plan.Expected) != 4 || len(plan.Bound) != 1 || plan.Cover != "" {
		t.Errorf("%v: %s", err, out)
	}
	run := filepath.Join(dir, "run")
	if out, errs, err = do(nil, train(run, "--log", clean, "--explore", "0")...); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "0 of 8 steps beyond a limit") || !strings.Contains(out, "78 logged transitions come before the first step.") {
		t.Errorf("train says\n%s%s", out, errs)
	}
	for command, want := range map[string][]string{
		"card":   {"8 planned steps", "began with transitions that were recorded elsewhere", "clean.csv"},
		"report": {"pessimistic, logged", "began with transitions that were recorded elsewhere", "clean.csv"},
		"status": {"began with transitions that were recorded elsewhere", "clean.csv"},
	} {
		out, _, err := do(nil, command, run)
		for _, w := range want {
			if err != nil || !strings.Contains(out, w) {
				t.Errorf("%s: %v, and not %q in\n%s", command, err, w, out)
			}
		}
	}
	// What is there is not written over.
	for _, args := range [][]string{{"import", physical, "--task", "pendulum", "--out", clean}, append([]string{"fit", clean, "--task", "pendulum", "--out", fits}, small...)} {
		if _, _, err := do(nil, args...); err == nil || !strings.Contains(err.Error(), "choose another") {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// What is asked wrongly is said in one line.
func TestLogErrors(t *testing.T) {
	log := swings(t, 40)
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	constant := fileOf(t, "still.csv", "cos,sin,omega,torque\n1,0,0,0.1\n1,0,0.01,0.1\n1,0,0.02,0.1\n1,0,0.03,0.1\n1,0,0.04,0.1\n")
	beyond := fileOf(t, "beyond.csv", strings.Replace(strings.Replace(string(text), "torque", "command", 1), "motor", "torque", 1)+"2,0,1,0,0,3,3\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"import"}, "import takes logs, as in: safex import swings.csv --task pendulum"},
		{[]string{"import", log}, "add --task, as in --task pendulum"},
		{[]string{"import", log, "--task", "pendulm"}, "did you mean pendulum?"},
		{[]string{"import", log + "-none", "--task", "pendulum"}, "no such file"},
		{[]string{"import", log, "--task", "rccar"}, "it has no column x, y, vx, vy, steer, throttle"},
		{[]string{"import", log, "--task", "pendulum", "--range", "torque"}, "--range torque: want an action and what -1 and 1 are, as in torque=-2:2"},
		{[]string{"import", log, "--task", "pendulum", "--range", "motor=-2:2"}, `there is a range for "motor", which is no action`},
		{[]string{"import", beyond, "--task", "pendulum"}, "as by safex import --range torque=-3:3"},
		{[]string{"import", constant, "--task", "pendulum"}, "trust the log (--trust)"},
		{[]string{"import", log, "--task", "pendulum", "--set", "Dt=0.02"}, "its sampling time is wrong"},
		{[]string{"fit"}, "fit takes logs"},
		{[]string{"fit", log}, "add --task"},
		{[]string{"fit", log + "-none", "--task", "pendulum"}, "cannot be read"},
		{[]string{"fit", log, "--task", "pendulum", "--folds", "1"}, "folds 1: want 2 to 1000"},
		{[]string{"fit", log, "--task", "pendulum", "--model", "liner"}, "did you mean linear?"},
		{[]string{"plan"}, "plan takes one FIT"},
		{[]string{"plan", t.TempDir()}, "holds no fit that safex fit --out has kept"},
		{[]string{"train", "pendulum", "--explore", "0"}, "explore can be 0 where there is a log"},
		{[]string{"train", "pendulum", "--log", log + "-none"}, "cannot be read"},
		{[]string{"train", "pendulum", "--log", constant}, "trust the log (--trust)"},
	} {
		_, _, err := do(nil, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(sentence(err), "\n") {
			t.Errorf("safex %s: error %v, want one line with %q", strings.Join(c.args, " "), err, c.want)
		}
	}
	if out, _, err := do(nil, "import", constant, "--task", "pendulum", "--trust"); err != nil || !strings.Contains(out, "Column sin is constant, 0 in all rows") {
		t.Errorf("trusted: %v\n%s", err, out)
	}
}
