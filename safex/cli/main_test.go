package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/bench"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// do runs the command in the test's process.
func do(stdin io.Reader, args ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	c := command()
	c.SetArgs(args)
	c.SetIn(stdin)
	c.SetOut(&out)
	c.SetErr(&errs)
	err = c.ExecuteContext(context.Background())
	return out.String(), errs.String(), err
}

// tiny are flags of a run that takes a second.
var tiny = []string{
	"--episodes", "1", "--explore", "10", "--learn-every", "4", "--set", "Steps=8", "--set", "planner.Horizon=4",
	"--set", "planner.Search.Samples=16", "--set", "planner.Search.Elites=4", "--set", "learner.Points=12",
	"--set", "learner.FitPoints=20", "--set", "learner.Evaluations=5",
}

func train(out string, more ...string) []string {
	return append(append([]string{"train", "pendulum", "--filter", "off", "--out", out}, tiny...), more...)
}

// until waits for what. Its minutes are far beyond what a busy machine takes, so that they bound a hang alone.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for five minutes until %s", what)
		}
	}
}

func TestTrain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out, errs, err := do(nil, train(dir)...)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "violations") || !strings.Contains(lines[1], "explore") || !strings.Contains(lines[2], "plan") || !strings.Contains(lines[3], "0 of 18 steps beyond a limit") {
		t.Errorf("printed\n%s", out)
	}
	if lines := strings.Count(errs, "\n"); lines > 1 { // the hint of a build without SIMD is one
		t.Errorf("a run without a terminal printed to standard error:\n%s", errs)
	}
	for _, f := range []string{"run.yaml", "episodes.jsonl", "steps.csv", "model/state.bin", "figures/learning.png", "figures/safety-001.png"} {
		if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := do(nil, train(dir)...); err == nil || !strings.Contains(err.Error(), "holds a run") {
		t.Errorf("a second run in the same folder: error %v", err)
	}
	if out, _, err := do(nil, "report", "--markdown", dir); err != nil || !strings.Contains(out, "| pendulum | pessimistic | 1 | 1 of 1 | 95.0 % | 0 of 18 (0 % to 18.5 %) | – | speed -") {
		t.Errorf("report: %v\n%s", err, out)
	}
	if out, _, err := do(nil, "resume", dir); err != nil || !strings.Contains(out, "0 of 18 steps") {
		t.Errorf("resume of a complete run: %v\n%s", err, out)
	}
}

// Plans with a deadline have a column of late ones, also in status, and one that is too short for any plan is named.
func TestTrainDeadline(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	late := func(out string) bool {
		first, _, _ := strings.Cut(out, "\n")
		return slices.Contains(strings.Fields(first), "late")
	}
	out, _, err := do(nil, train(dir, "--deadline", "10m")...)
	if err != nil || !late(out) {
		t.Errorf("error %v, printed\n%s", err, out)
	}
	if status, _, err := do(nil, "status", dir); err != nil || !late(status) {
		t.Errorf("error %v, status printed\n%s", err, status)
	}
	if out, _, err := do(nil, train(filepath.Join(t.TempDir(), "run"))...); err != nil || late(out) {
		t.Errorf("without a deadline: error %v, printed\n%s", err, out)
	}
	if _, _, err := do(nil, train(filepath.Join(t.TempDir(), "run"), "--deadline", "1ns")...); err == nil || !strings.Contains(err.Error(), "no plan by the Deadline of 1ns") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a deadline of a nanosecond: error %v", err)
	}
}

// The folder of a run says how it is calibrated, if that is not what its model suggests.
func TestTrainCalibration(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		flags            []string
		dir, calibration string
	}{
		{nil, "pendulum-pessimistic-1", "adaptive"},
		{[]string{"--calibrate", "none"}, "pendulum-pessimistic-uncalibrated-1", "none"},
		{[]string{"--set", "calibration=temperature"}, "pendulum-pessimistic-temperature-1", "temperature"},
		{[]string{"--calibrate", "adaptive", "--seed", "2"}, "pendulum-pessimistic-2", "adaptive"},
		{[]string{"--model", "linear", "--calibrate", "adaptive"}, "pendulum-pessimistic-linear-adaptive-1", "adaptive"},
		{[]string{"--model", "sparse-gp", "--calibrate", "none"}, "pendulum-pessimistic-sparse-gp-uncalibrated-1", "none"},
	} {
		args := append([]string{"train", "pendulum", "--episodes", "0", "--explore", "6"}, c.flags...)
		if _, _, err := do(nil, args...); err != nil {
			t.Errorf("%v: %v", c.flags, err)
		}
		s, err := store.ReadSpec(filepath.Join("runs", c.dir))
		if err != nil {
			t.Fatal(err)
		}
		if got := s.CalibrationName(); got != c.calibration {
			t.Errorf("%v: calibration %s, want %s", c.flags, got, c.calibration)
		}
	}
}

// A run that learns in the background has a folder of its own, also where it goes on.
func TestTrainBackground(t *testing.T) {
	t.Chdir(t.TempDir())
	flags := append([]string{"train", "pendulum", "--background"}, tiny...)
	if out, _, err := do(nil, flags...); err != nil || !strings.Contains(out, filepath.Join("runs", "pendulum-pessimistic-background-1")) {
		t.Fatalf("error %v, printed\n%s", err, out)
	}
	s, err := store.ReadSpec(filepath.Join("runs", "pendulum-pessimistic-background-1"))
	if err != nil || !s.Background {
		t.Errorf("error %v, in the background: %v", err, s.Background)
	}
	if _, _, err := do(nil, "resume", filepath.Join("runs", "pendulum-pessimistic-background-1")); err != nil {
		t.Error(err)
	}
	if _, _, err := do(nil, "attack", filepath.Join("runs", "pendulum-pessimistic-background-1")); err == nil || !strings.Contains(err.Error(), "in the background") {
		t.Errorf("attacked: error %v", err)
	}
}

// Runs with a filter have columns of covered steps, also in status and in a report; a folder of their own says so.
func TestTrainFilter(t *testing.T) {
	t.Chdir(t.TempDir())
	flags := append([]string{"train", "pendulum", "--set", "filter.Cells=21"}, tiny...)
	out, _, err := do(nil, flags...)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join("runs", "pendulum-pessimistic-1")
	sums, err := store.Summaries(dir)
	if err != nil || len(sums) != 2 || sums[1].ByPlan+sums[1].ByBackup+sums[1].Uncovered != 8 {
		t.Fatalf("error %v, summaries %+v", err, sums)
	}
	lines := strings.Split(out, "\n")
	want := fmt.Sprintf(" %7d %9d %9d ", sums[1].ByPlan, sums[1].ByBackup, sums[1].Uncovered)
	if !strings.Contains(lines[0], " infeasible by plan by backup uncovered  plan ms ") || !strings.Contains(lines[1], "       0         0         0 ") || !strings.Contains(lines[2], want) || len(lines[0]) != len(lines[2]) {
		t.Errorf("printed\n%s", out)
	}
	if status, _, err := do(nil, "status", dir); err != nil || !strings.HasPrefix(status, strings.Join(lines[:3], "\n")+"\n") {
		t.Errorf("error %v, status printed\n%s", err, status)
	}
	want = fmt.Sprintf("| pendulum | pessimistic, filtered | %.1f, %.1f | %d of 8 | %d, %d, %d |", sums[1].PlanP50, sums[1].PlanP99, sums[1].Infeasible, sums[1].ByPlan, sums[1].ByBackup, sums[1].Uncovered)
	if text, _, err := do(nil, "report", "--markdown", dir); err != nil || !strings.Contains(text, want) || !strings.Contains(text, "Safety card: pendulum, pessimistic, filtered") {
		t.Errorf("no %q, error %v, reported\n%s", want, err, text)
	}
	if drawn, _, err := do(nil, "figures", dir); err != nil || !strings.HasSuffix(drawn, filepath.Join(dir, "drawn", "kernel.png")+"\n") {
		t.Errorf("error %v, drew\n%s", err, drawn)
	}
	if list, _, err := do(nil, "list"); err != nil || !strings.Contains(list, "\nFilters, for --filter\n  off ") {
		t.Errorf("error %v, listed\n%s", err, list)
	}
}

// Each mistake is one sentence that says what to do, and leaves nothing behind.
func TestErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"train"}, "train takes one TASK, as in: safex train pendulum"},
		{[]string{"train", "pendulm"}, `there is no task "pendulm": did you mean pendulum?`},
		{[]string{"train", "pendulum", "--planner", "saf"}, `there is no planner "saf": did you mean safe?`},
		{[]string{"train", "pendulum", "--model", "liner"}, `there is no model "liner": did you mean linear?`},
		{[]string{"train", "pendulum", "--model", "linear", "--set", "learner.Hidden=3"}, `Linear has no field "Hidden"`},
		{[]string{"train", "pendulum", "--model", "linear", "--set", "learner.Degree=3"}, "Degree is 3, want 1 or 2"},
		{[]string{"train", "pendulum", "--model", "linear", "--set", "learner.Features=x"}, "it can only be set in Go"},
		{[]string{"train", "pendulum", "--calibrate", "conform"}, `there is no calibration "conform": did you mean conformal?`},
		{[]string{"train", "pendulum", "--calibrate", "adaptive", "--set", "calibration.Raise=1"}, "Raise is 1, want above 1"},
		{[]string{"train", "pendulum", "--calibrate", "conformal", "--set", "calibration.Learner=x"}, "it can only be set in Go"},
		{[]string{"train", "pendulum", "--calibrate", "none", "--set", "calibration.Rate=0"}, "there is no calibration: choose one first"},
		{[]string{"train", "pendulum", "--model", "prior+linear", "--set", "prior.Mass=0"}, "Mass is 0"},
		{[]string{"train", "pendulum", "--model", "gp", "--set", "prior.Mass=1"}, `model "gp" has no prior`},
		{[]string{"train", "pendulum", "--engine", "fuse"}, `there is no engine "fuse": did you mean fused?`},
		{[]string{"bench", "--engine", "fuse"}, `there is no engine "fuse": did you mean fused?`},
		{[]string{"bench", "--task", "pendulm"}, `there is no task "pendulm": did you mean pendulum?`},
		{[]string{"bench", "--planner", "saf"}, `there is no planner "saf": did you mean safe?`},
		{[]string{"bench", "pendulum"}, `unknown command "pendulum" for "safex bench"`},
		{[]string{"bench", "--quick", "--out", filepath.Join(file, "bench.json")}, "not a directory"},
		{[]string{"bench", "--peers", "--python", file + "-none", "--out", filepath.Join(file, "peers.json")}, "not a directory"},
		{[]string{"bench", "--peers", "--engine", "graph"}, "leave out --engine"},
		{[]string{"bench", "--peers", "--scale"}, "leave out --scale"},
		{[]string{"bench", "--show", file + "-none"}, "there is no"},
		{[]string{"bench", "--show", file}, "holds nothing of safex bench --out"},
		{[]string{"bench", "--scale", "--task", "pitch"}, "leave out --task"},
		{[]string{"bench", "--python", "python3"}, "add --peers"},
		{[]string{"card"}, "card takes one RUN"},
		{[]string{"card", t.TempDir()}, "is no run folder"},
		{[]string{"coverage", "pendulm"}, "did you mean pendulum?"},
		{[]string{"coverage", "--seeds", "0"}, "seeds 0"},
		{[]string{"coverage", "--miss", "1"}, "miss 1"},
		{[]string{"coverage", "--held", "18"}, "held 18: want at least 19 episodes"},
		{[]string{"coverage", "pitch", "pitch"}, "named twice"},
		{[]string{"coverage", "--model", "prior+gp"}, "is exact here"},
		{[]string{"train", "pendulum", "--calibrate", "conformal", "--set", "calibration.Episode=true"}, "can have 2 scores, and a promise takes 19"},
		{[]string{"coverage", "--show", file}, "holds no outcomes of safex coverage"},
		{[]string{"coverage", "--show", file + ".json"}, "no such file"},
		{[]string{"train", "pendulum", "--set", "MaxSpede=3"}, "did you mean MaxSpeed?"},
		{[]string{"train", "pendulum", "--set", "MaxSpeed"}, "want field=value"},
		{[]string{"train", "pendulum", "--seed", "-1"}, "invalid argument"},
		{[]string{"train", "pendulum", "--episodes", "-1"}, "episodes -1"},
		{[]string{"train", "pendulum", "--set", "StartBand=7"}, "a start state is beyond limit"},
		{[]string{"train", "pendulum", "--out", filepath.Join(file, "run")}, "not a directory"},
		{[]string{"attack"}, "attack takes one RUN, as in: safex attack runs/pendulum-safe-1"},
		{[]string{"attack", t.TempDir()}, "is no run folder"},
		{[]string{"attack", "--show", file}, "holds no outcomes of safex attack"},
		{[]string{"attack", "--replay", file}, "holds no scenario of safex attack"},
		{[]string{"attack", "--replay", file + ".json"}, "no such file"},
		{[]string{"control", "pendulm"}, "did you mean pendulum?"},
		{[]string{"control", "--planner", "saf"}, "did you mean safe?"},
		{[]string{"control", "--preset", "referense"}, `there is no preset "referense"`},
		{[]string{"control", "--engine", "fuse"}, "did you mean fused?"},
		{[]string{"control", "--search", "cme"}, `there is no search "cme"`},
		{[]string{"control", "pitch", "pitch"}, "named twice"},
		{[]string{"control", "--seeds", "0"}, "seeds 0"},
		{[]string{"control", "--steps", "0"}, "Steps is 0"},
		{[]string{"control", "pitch", "--set", "MaxSpeed=3"}, `Pitch has no field "MaxSpeed"`},
		{[]string{"control", "pendulum", "--vary", "MaxSpeed"}, "want field=values"},
		{[]string{"control", "pendulum", "--vary", "MaxSped=1"}, "did you mean MaxSpeed?"},
		{[]string{"control", "pendulum", "--vary", "planner.Horizon=4,0"}, "Horizon is 0"},
		{[]string{"control", "pendulum", "--seeds", "1", "--steps", "1", "--figure", "x.png"}, "--figure is of one task and --vary"},
		{[]string{"control", "--vary", "Steps=1,2", "--figure", "x.png"}, "--figure is of one task and --vary"},
		{[]string{"control", "--show", file}, "holds no outcomes of safex control"},
		{[]string{"control", "--show", file + ".json"}, "no such file"},
		{[]string{"control", "pitch", "--seeds", "1", "--steps", "1", "--out", filepath.Join(file, "c.json")}, "not a directory"},
		{[]string{"trian"}, "unknown command"},
		{[]string{"resume", t.TempDir()}, "is no run folder"},
		{[]string{"report"}, "report wants run folders"},
		{[]string{"simulate", "pendulum", "--set", "planner.Beta=3"}, "has no field"},
		{[]string{"simulate", "pendulum", "--noise"}, `task "pendulum" has no disturbances: add one, as in --disturb "process omega 0.1"`},
		{[]string{"simulate", "pendulum", "--disturb", "delay 1"}, "undisturbed unless --noise is given too"},
		{[]string{"simulate", "pendulum", "--noise", "--disturb", "impulse omeg 1"}, `the task has no "omeg", but cos, sin, omega, torque, theta`},
		{[]string{"train", "pendulum", "--disturb", "storm omega 1"}, `there is no kind "storm"`},
		{[]string{"train", "pendulum", "--disturb", "process sin 1"}, "disturb theta"},
		{[]string{"train", "pendulum", "--expect", "impulse omega 1"}, `--expect: expectation "impulse omega 1": impulse is nothing that an agent can be told; want "process ON DEVIATION"`},
		{[]string{"train", "pendulum", "--expect", "process sin 1"}, "name theta"},
		{[]string{"train", "pendulum", "--expect", "process torque 1"}, "torque is an action: name the variables of the state that noise on it moves"},
		{[]string{"train", "pendulum", "--expect", "delay 2"}, "actions take effect 2 steps late, and what a filter falls back on answers the state that is met: expect no delay, or choose filter=off"},
		{[]string{"train", "rccar", "--expect", "process vx 0.01"}, "set filter.Set=task, or choose filter=off"},
		{[]string{"check", "pendulum", "--set", "StartBand=7"}, `task "pendulum": a start state is beyond limit "speed"`},
		{[]string{"check", "quadrotr"}, "did you mean quadrotor?"},
	} {
		_, _, err := do(strings.NewReader(""), c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(sentence(err), "\n") {
			t.Errorf("safex %s: error %v, want one line with %q", strings.Join(c.args, " "), err, c.want)
		}
	}
	// A symbolic link to nowhere is not ours to remove.
	dangling := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("nowhere", dangling); err == nil {
		if _, _, err := do(nil, train(dangling)...); err == nil || !strings.Contains(err.Error(), "is not an empty folder") {
			t.Errorf("error %v", err)
		}
		if _, err := os.Lstat(dangling); err != nil {
			t.Error("the link is gone")
		}
	}
	if _, err := os.Stat("runs"); err == nil {
		t.Error("a refused run left a folder")
	}
}

// simulate agrees with the published transitions, whatever the order of the columns.
func TestSimulate(t *testing.T) {
	f, err := os.Open("../tasks/testdata/pendulum.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, _, err := do(f, "simulate", "pendulum", "--set", "MaxSpeed=5", "--set", "SpeedClip=6")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	published := csv.NewReader(f)
	published.Comment = '#'
	want, err := published.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(got) != len(want) || strings.Join(got[0], ",") != "next_cos,next_sin,next_omega,reward,excess_speed" {
		t.Fatalf("%d rows for %d, error %v, header %v", len(got), len(want), err, got[0])
	}
	clipped := 0
	for i := 1; i < len(want); i++ {
		if want[i][10] != "6.0" { // made with another clip
			continue
		}
		clipped++
		for k, column := range []int{6, 7, 8, 9} {
			a, b := number(t, got[i][k]), number(t, want[i][column])
			if math.Abs(a-b) > 1e-5*max(1, math.Abs(b)) {
				t.Fatalf("row %d, %s: %v, published %v", i, got[0][k], a, b)
			}
		}
		if a, b := number(t, got[i][4]), math.Abs(number(t, got[i][2]))-5; math.Abs(a-b) > 1e-12 {
			t.Fatalf("row %d: excess %v, want %v", i, a, b)
		}
	}
	if clipped == 0 {
		t.Error("no row was compared")
	}
	for in, want := range map[string]string{
		"":                                      "standard input is empty",
		"cos,sin,omega\n1,0,0\n":                `has no column "torque"`,
		"cos,sin,omega,torque\n1,0,fast,0\n":    `line 2: omega is "fast", want a number`,
		"cos,sin,omega,torque\n1,0\n":           "wrong number of fields",
		"cos,sin,omega,torque\n1,0,NaN,0\n":     `line 2: omega is "NaN", want a number`,
		"cos,sin,omega,torque,cos\n1,0,0,0,1\n": `names "cos" twice`,
	} {
		if _, _, err := do(strings.NewReader(in), "simulate", "pendulum"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", in, err, want)
		}
	}
	if out, _, err := do(strings.NewReader("torque, omega ,x,sin,cos\n0.5,1,9,0,1\n"), "simulate", "pendulum"); err != nil || !strings.Contains(out, "\n0.99") {
		t.Errorf("columns in another order: %v\n%s", err, out)
	}
}

// With --noise the rows are an episode: disturbances act, are the same for the same seed, and do not move what is judged.
// A state that cannot be and an action beyond its range are refused by their line, and a byte-order mark is no part of the text.
func TestSimulateRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"cos,sin,omega,torque\n-1,0,0,1\n-1,0,0,5\n":   "simulate: line 3: torque is 5, want it in [-1, 1]",
		"cos,sin,omega,torque\n-1,0,0,-1.001\n":        "simulate: line 2: torque is -1.001, want it in [-1, 1]",
		"# a comment\ncos,sin,omega,torque\n1,1,0,0\n": "simulate: line 3: sin and cos are 1 and 1, which are no sine and cosine of the angle theta",
	} {
		if out, _, err := do(strings.NewReader(in), "simulate", "pendulum"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v after %q, want %q", in, err, out, want)
		}
	}
	want, _, err := do(strings.NewReader("cos,sin,omega,torque\n-1,0,0,1\n"), "simulate", "pendulum")
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range []string{"cos,", "\"cos\",", "# a comment\ncos,"} {
		got, _, err := do(strings.NewReader("\ufeff"+head+"sin,omega,torque\n-1,0,0,1\n"), "simulate", "pendulum")
		if err != nil || got != want {
			t.Errorf("after a byte-order mark %q gives %q, want %q; error %v", head, got, want, err)
		}
	}
}

func TestSimulateNoise(t *testing.T) {
	const rows = "x,y,sin,cos,vx,vy,omega,steer,throttle\n1,-1,0,-1,0,0,0,0.5,1\n1,-1,0,-1,0,0,0,0.5,1\n"
	get := func(args ...string) [][]string {
		out, _, err := do(strings.NewReader(rows), append([]string{"simulate", "rccar", "--preset", "reference"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil || len(records) != 3 {
			t.Fatalf("%d records, error %v", len(records), err)
		}
		return records
	}
	clean, noisy, again, other := get(), get("--noise"), get("--noise"), get("--noise", "--seed", "2")
	if !reflect.DeepEqual(clean[1], clean[2]) || !reflect.DeepEqual(noisy, again) {
		t.Error("the same is not the same")
	}
	for k := range 7 {
		if noisy[1][k] == noisy[2][k] || noisy[1][k] == other[1][k] || noisy[1][k] == clean[1][k] {
			t.Errorf("%s: %s, %s, seed 2 %s, without noise %s", noisy[0][k], noisy[1][k], noisy[2][k], other[1][k], clean[1][k])
		}
	}
	for _, k := range []int{7, 8} { // reward and excess are those of what really happened
		if noisy[1][k] != clean[1][k] {
			t.Errorf("%s is %s through the noise, %s without", noisy[0][k], noisy[1][k], clean[1][k])
		}
	}
	if late := get("--noise", "--set", "ActionDelay=1", "--set", "ObservationNoise=0"); number(t, late[1][4]) != 0 || late[2][4] != clean[1][4] {
		t.Errorf("with a delay of one step the car goes at %s and %s, without at %s", late[1][4], late[2][4], clean[1][4])
	}
}

// A disturbed run keeps its disturbances and the real states.
func TestTrainDisturbed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, train(dir, "--disturb", "observation theta 0.02", "--disturb", "process omega 0.02")...); err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil || !strings.Contains(string(settings), "observation theta 0.02") {
		t.Errorf("error %v, run.yaml\n%s", err, settings)
	}
	steps, err := os.ReadFile(filepath.Join(dir, "steps.csv"))
	if err != nil || !strings.Contains(string(steps), ",true_cos,true_sin,true_omega,next_true_cos,next_true_sin,next_true_omega\n") {
		t.Errorf("error %v, header %.200s", err, steps)
	}
	if out, _, err := do(nil, "report", "--markdown", dir); err != nil || !strings.Contains(out, "| pendulum | pessimistic | 1 |") {
		t.Errorf("error %v, report\n%s", err, out)
	}
}

// A run keeps what its agent was told, goes on with it, and has columns for it.
func TestTrainTold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, train(dir, "--filter", "off", "--disturb", "delay 2", "--expect", "delay 2", "--expect", "process omega within 0.1")...); err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil || !strings.Contains(string(settings), "Expected:\n    - delay 2\n    - process omega within 0.1\n") {
		t.Errorf("error %v, run.yaml\n%s", err, settings)
	}
	steps, err := os.ReadFile(filepath.Join(dir, "steps.csv"))
	if err != nil || !strings.Contains(string(steps), ",noise_cos,noise_sin,noise_omega,sent_torque\n") {
		t.Errorf("error %v, header %.300s", err, steps)
	}
	for _, args := range [][]string{{"resume", dir, "--episodes", "2"}, {"report", "--markdown", dir}, {"certify", dir, "--all"}, {"attack", dir}, {"card", dir}} {
		if args[0] == "resume" {
			args = args[:2]
		}
		if _, _, err := do(nil, args...); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// A run learns what --model names, goes on with it, and says so in the report.
func TestTrainModel(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, "train", "pitch", "--filter", "off", "--model", "linear", "--episodes", "1", "--explore", "12", "--set", "Steps=8", "--set", "learner.Noise=0.002",
		"--set", "planner.Horizon=4", "--set", "planner.Search.Samples=16", "--set", "planner.Search.Elites=4", "--out", dir); err != nil {
		t.Fatal(err)
	}
	settings, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil || !strings.Contains(string(settings), "Type: linear.Linear") || !strings.Contains(string(settings), "Noise: 0.002") {
		t.Errorf("error %v, run.yaml\n%s", err, settings)
	}
	if _, _, err := do(nil, "resume", dir); err != nil {
		t.Error(err)
	}
	if out, _, err := do(nil, "report", "--markdown", dir); err != nil || !strings.Contains(out, "| pitch | pessimistic, linear | 1 |") {
		t.Errorf("error %v, report\n%s", err, out)
	}
	if out, _, err := do(nil, "card", dir); err != nil || !strings.Contains(out, "Beliefs about 8 planned steps of pitch") {
		t.Errorf("error %v, card\n%s", err, out)
	}
	file := filepath.Join(t.TempDir(), "coverage.json")
	measured, _, err := do(nil, "coverage", "pitch", "--model", "linear", "--seeds", "1", "--held", "19", "--tested", "2", "--planned", "0", "--out", file)
	if err != nil || !strings.Contains(measured, "| pitch | 1 |") || !strings.Contains(measured, "| – |") {
		t.Errorf("error %v, coverage\n%s", err, measured)
	}
	if shown, _, err := do(nil, "coverage", "--show", file); err != nil || shown != measured {
		t.Errorf("error %v, shown\n%s", err, shown)
	}
}

// Every task passes its check.
func TestCheck(t *testing.T) {
	for _, name := range experiment.Tasks.Names() {
		if out, _, err := do(nil, "check", name); err != nil || !strings.Contains(out, "can be used") {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// bench --peers says who is left out, and keeps it too.
func TestPeers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "peers.json")
	out, errs, err := do(nil, "bench", "--peers", "--python", file+"-none", "--out", file)
	if err != nil || strings.Contains(errs, "left out") || strings.Count(out, " is left out: there is no Python as ") != 3 {
		t.Errorf("error %v, %s%s", err, errs, out)
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if shown, _, err := do(nil, "bench", "--show", file); err != nil || shown != out {
		t.Errorf("error %v, shown\n%s, printed\n%s", err, shown, out)
	}
	if out, _, err := do(nil, "bench", "--peers", "--json", "--python", file+"-none"); err != nil || strings.Count(out, "is left out") != strings.Count(string(kept), "is left out") {
		t.Errorf("error %v, prints\n%s, keeps\n%s", err, out, kept)
	}
}

// bench prints what it keeps, says nothing else, and ends with what there is when it is stopped.
func TestBench(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bench.json")
	flags := []string{"bench", "--quick", "--engine", "fused", "--task", "pendulum", "--planner", "safe"}
	out, errs, err := do(nil, append(flags, "--json", "--out", file)...)
	if err != nil {
		t.Fatal(err)
	}
	var rows []bench.Row
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 2 || rows[0].What != "peak" || rows[1].Planner != "safe" || rows[1].Engine != "fused" {
		t.Errorf("error %v, printed\n%s", err, out)
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != out {
		t.Errorf("error %v, kept\n%s", err, kept)
	}
	if lines := strings.Count(errs, "\n"); lines > 1 { // the hint of a build without SIMD is one
		t.Errorf("without a terminal it printed to standard error:\n%s", errs)
	}
	out, _, err = do(nil, flags...)
	if err != nil || !strings.HasPrefix(out, "safex "+experiment.Build()) || !strings.Contains(out, " GFLOP/s: ") || !strings.Contains(out, "pendulum     safe") {
		t.Errorf("error %v, printed\n%s", err, out)
	}
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	c := command()
	var nothing bytes.Buffer
	c.SetArgs(flags)
	c.SetOut(&nothing)
	c.SetErr(&nothing)
	if err := c.ExecuteContext(stop); err == nil || !strings.Contains(err.Error(), "stopped after 0 of 2 rows") {
		t.Errorf("error %v, printed\n%s", err, nothing.String())
	}
}

func number(t *testing.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestListAndVersion(t *testing.T) {
	out, _, err := do(nil, "list")
	if err != nil || !strings.Contains(out, "speed at most 6 rad/s") || !strings.Contains(out, " steps of 0.06667 s\n") || !strings.Contains(out, "tilt at most 0.4 rad") || !strings.Contains(out, "observation  ON SIZE") || !strings.Contains(out, "pessimistic") {
		t.Errorf("list: %v\n%s", err, out)
	}
	if out, _, err := do(nil, "version"); err != nil || !strings.Contains(out, "SIMD: ") || !strings.Contains(out, runtime.Version()) {
		t.Errorf("version: %v\n%s", err, out)
	}
	if out, _, err := do(nil, "help"); err != nil || !strings.Contains(out, "safex train pendulum") {
		t.Errorf("help: %v\n%s", err, out)
	}
}

// An interrupted process saves, says how to go on, and ends with 1; the resumed run ends with the steps of
// one that was never stopped. A killed one goes on from its last save.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	bin := filepath.Join(t.TempDir(), "safex")
	if out, err := exec.Command("go", "build", "-o", bin, "../cmd/safex").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	whole := filepath.Join(t.TempDir(), "whole")
	long := []string{"--set", "Steps=600"} // so that a signal comes in time when the machine is busy elsewhere
	if out, err := exec.Command(bin, train(whole, long...)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(whole, "steps.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM, os.Kill} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			c := exec.Command(bin, train(dir, long...)...)
			var errs bytes.Buffer
			c.Stderr = &errs
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			until(t, "the random phase is saved", func() bool {
				_, err := os.Stat(filepath.Join(dir, "episodes.jsonl"))
				return err == nil
			})
			if err := c.Process.Signal(signal); err != nil {
				t.Fatalf("the run was over too soon: %v", err)
			}
			err := c.Wait()
			if code := c.ProcessState.ExitCode(); signal != os.Kill && code != 1 {
				t.Errorf("exit code %d, error %v: %s", code, err, errs.String())
			}
			if signal != os.Kill && !strings.Contains(errs.String(), "all is saved, go on with: safex resume "+dir) {
				t.Errorf("said %q", errs.String())
			}
			if temporary, _ := filepath.Glob(filepath.Join(dir, ".*")); signal != os.Kill && len(temporary) > 0 {
				t.Errorf("left %v", temporary)
			}
			if out, err := exec.Command(bin, "resume", dir).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			got, err := os.ReadFile(filepath.Join(dir, "steps.csv"))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("the resumed run took other steps (%v)", err)
			}
		})
	}
}

// The folder of a run tells how far it is and how to go on, as a study does; and tables tell a quantity with its sign, its unit and
// digits that matter.
func TestStatusOfARun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, train(dir)...); err != nil {
		t.Fatal(err)
	}
	out, _, err := do(nil, "status", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	last := lines[len(lines)-1]
	if err != nil || !strings.Contains(lines[0], "excess of speed [rad/s]") || !strings.HasSuffix(last, "steps, complete") {
		t.Errorf("of a complete run: %s, error %v", out, err)
	}
	var done, total int
	if n, err := fmt.Sscanf(last, "%d of %d steps", &done, &total); n != 2 || err != nil || done != total || done == 0 {
		t.Errorf("%d of %d steps: %q", done, total, last)
	}
	if _, _, err := do(nil, "status", dir, "--json"); err == nil || !strings.Contains(err.Error(), "episodes.jsonl") {
		t.Errorf("error %v", err)
	}
	path := filepath.Join(dir, "steps.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(path, []byte(strings.Join(rows[:len(rows)-3], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "episodes.jsonl") // whose last line is not yet there
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	lines = strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(path, []byte(strings.Join(lines[:len(lines)-2], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, _, err := do(nil, "status", dir); err != nil || !strings.Contains(out, fmt.Sprintf("%d of %d steps, stopped: go on with ", total-2, total)) {
		t.Errorf("of a run under way: %s, error %v", out, err)
	}
}
