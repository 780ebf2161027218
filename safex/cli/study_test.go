package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// asSafex, in the environment of this test's executable, makes it the command.
const asSafex = "SAFEX_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asSafex) != "" || len(os.Args) > 1 && os.Args[1] == "work" { // of a run of a study that a test runs
		Main()
		return
	}
	os.Exit(m.Run())
}

const quick = `name: quick
tasks: [pitch]
planners: [safe, pessimistic]
models: [linear]
seeds: 1-2
episodes: 1
explore: 12
set: {Steps: 8, planner.Horizon: 4, planner.Search.Samples: 16, planner.Search.Elites: 4}
`

// filed is a file with text.
func filed(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "quick.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A study is planned, run, looked at, and made longer; one of its runs can be resumed by itself.
func TestRun(t *testing.T) {
	file, dir := filed(t, quick), filepath.Join(t.TempDir(), "quick")
	out, _, err := do(nil, "run", file, "--dry", "--out", dir)
	if err != nil || !strings.Contains(out, "# 4 runs, 80 steps") || strings.Count(out, "Horizon: 4") != 2 || !strings.Contains(out, filepath.Join(dir, "pitch", "safe-linear", "2")+": 20 steps") {
		t.Errorf("error %v, planned\n%s", err, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("--dry made the folder")
	}
	out, errs, err := do(nil, "run", file, "--out", dir, "--tensorboard")
	if err != nil || strings.Count(out, ": done, 20 of 20 steps, 0 beyond a limit, last return -") != 4 || !strings.Contains(out, "4 runs, 0 of 80 steps beyond a limit. Kept in "+dir) {
		t.Errorf("error %v, printed\n%s", err, out)
	}
	if lines := strings.Count(errs, "\n"); lines > 1 { // the hint of a build without SIMD is one
		t.Errorf("a study without a terminal printed to standard error:\n%s", errs)
	}
	one := filepath.Join(dir, "pitch", "safe-linear", "1")
	for _, name := range []string{"log.txt", "run.yaml", "steps.csv", "figures/learning.png", "tensorboard"} {
		if _, err := os.Stat(filepath.Join(one, name)); err != nil {
			t.Error(err)
		}
	}
	if out, _, err := do(nil, "resume", one); err != nil || !strings.Contains(out, "0 of 20 steps") {
		t.Errorf("error %v, resumed\n%s", err, out)
	}
	long := filed(t, quick+"overrides:\n  - episodes: 3\n")
	if _, _, err := do(nil, "run", long, "--out", dir, "--episodes", "2", "--seeds", "1", "--workers", "1"); err != nil {
		t.Error(err)
	}
	if out, _, err := do(nil, "status", dir); err != nil || strings.Count(out, "28/28") != 2 || !strings.Contains(out, "done") {
		t.Errorf("error %v, status\n%s", err, out)
	}
	out, _, err = do(nil, "status", dir, "--json")
	var s study.State
	if line, _, _ := strings.Cut(out, "\n"); err != nil || json.Unmarshal([]byte(line), &s) != nil || s.Phase != study.Done || s.Steps != 28 || s.Return == nil {
		t.Errorf("error %v, status\n%s", err, out)
	}
}

// How many runs another build has completed is said once.
func TestRunOtherBuild(t *testing.T) {
	file, dir := filed(t, quick), filepath.Join(t.TempDir(), "quick")
	if _, _, err := do(nil, "run", file, "--out", dir, "--seeds", "1"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"safe-linear", "pessimistic-linear"} {
		path := filepath.Join(dir, "pitch", name, "1", "run.yaml")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(text), experiment.Build(), "0.0.1", 1)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, errs, err := do(nil, "run", file, "--out", dir)
	if err != nil || strings.Count(errs, "2 of 4 runs are complete by another build of safex") != 1 || strings.Count(out, ": done") != 2 || !strings.Contains(out, "4 runs, 0 of 80 steps") {
		t.Errorf("error %v, printed\n%s\nsaid\n%s", err, out, errs)
	}
	if out, _, err := do(nil, "status", dir); err != nil || strings.Count(out, "done, by safex 0.0.1") != 2 {
		t.Errorf("error %v, status\n%s", err, out)
	}
}

// Each mistake is one sentence, and all settings that cannot run are told at once.
func TestRunErrors(t *testing.T) {
	file := filed(t, quick)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"run"}, "run takes one STUDY.yaml, as in: safex run quick.yaml"},
		{[]string{"run", file + ".none"}, "no such file"},
		{[]string{"run", filed(t, "nam: x")}, "line 1: the study has no key \"nam\": did you mean name?"},
		{[]string{"run", file, "--seeds", "2-1"}, "--seeds: seeds 2-1: the first is above the last"},
		{[]string{"run", file, "--episodes", "-1"}, "episodes -1"},
		{[]string{"run", file, "--workers", "-1"}, "workers -1: want at least 1"},
		{[]string{"run", file, "--wandb=a/b"}, "project \"a/b\""},
		{[]string{"run", file, "--out", filepath.Join(file, "x")}, "not a directory"},
		{[]string{"status"}, "status takes one DIR, as in: safex status runs/quick"},
		{[]string{"status", t.TempDir()}, "is no folder of a study"},
		{[]string{"work", t.TempDir()}, "is no run folder"},
	} {
		_, errs, err := do(nil, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(sentence(err), "\n") {
			t.Errorf("safex %s: error %v, want one line with %q; %s", strings.Join(c.args, " "), err, c.want, errs)
		}
	}
	bad := filed(t, strings.ReplaceAll(quick, "[safe, pessimistic]", "[saf, pesimistic]"))
	if _, errs, err := do(nil, "run", bad); err == nil || !strings.Contains(errs, "did you mean safe?") || !strings.Contains(err.Error(), "did you mean pessimistic?") {
		t.Errorf("said %s, error %v", errs, err)
	}
	dir := filepath.Join(t.TempDir(), "failed")
	s, err := study.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs[1].Make(dir); err != nil {
		t.Fatal(err)
	}
	if err := store.Write(filepath.Join(dir, jobs[1].Dir), "model/state.bin", []byte("half")); err != nil {
		t.Fatal(err)
	}
	out, errs, err := do(nil, "run", file, "--out", dir)
	log := filepath.Join(dir, jobs[1].Dir, "log.txt")
	if err == nil || !strings.Contains(err.Error(), "1 of 4 runs failed") || !strings.Contains(err.Error(), "go on with: ") || strings.Count(out, ": done") != 3 ||
		!strings.Contains(errs, "state.bin: damaged: its checksum is wrong; see "+log) {
		t.Errorf("error %v, printed\n%s\nsaid\n%s", err, out, errs)
	}
	if out, _, err := do(nil, "status", dir); err != nil || !strings.Contains(out, "failed: store: ") {
		t.Errorf("error %v, status\n%s", err, out)
	}
}

// A study that is interrupted saves all runs, and the same command goes on.
func TestInterruptRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	file, dir := filed(t, strings.ReplaceAll(quick, "episodes: 1", "episodes: 20")), filepath.Join(t.TempDir(), "quick")
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	c := exec.Command(path, "run", file, "--out", dir)
	c.Env = append(os.Environ(), asSafex+"=1")
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "a random phase is saved", func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "pitch", "*", "1", "episodes.jsonl"))
		return len(found) > 0
	})
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 1 || !strings.Contains(errs.String(), "of 4 runs complete; all is saved, go on with: ") || !strings.Contains(errs.String(), "run "+file+" --out="+dir) {
		t.Errorf("exit code %d, said %s", code, errs.String())
	}
	states, err := study.Status(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Phase == study.Running || s.Phase == study.Failed {
			t.Errorf("%+v after the interrupt", s)
		}
	}
	if _, _, err := do(nil, "run", file, "--out", dir); err != nil {
		t.Error(err)
	}
}
