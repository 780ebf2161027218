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

const caution = `name: caution
tasks: [pitch]
planners: [pessimistic]
models: [linear]
seeds: [1]
episodes: 2
explore: 12
set: {Steps: 8, planner.Horizon: 4, planner.Search.Samples: 16, planner.Search.Elites: 4}
disturb: ["process q 0.001"]
sweep:
  method: halving
  trials: 3
  over:
    planner.Beta: {from: 0.5, to: 4}
    adversary: [sign-gradient, linear]
  halving: {rungs: 2, keep: 0.34}
`

// A sweep is planned, run, looked at, and run again; what it prints of the best trial trains it.
func TestSweep(t *testing.T) {
	file, dir := filed(t, caution), filepath.Join(t.TempDir(), "of caution")
	out, _, err := do(nil, "sweep", file, "--dry", "--out", dir)
	if err != nil || strings.Count(out, "trial-0") != 3 || strings.Count(out, " planner.Beta=") != 3 || !strings.Contains(out, "rung 1 of 2: 3 trials of 1 seeds, after 1 episodes\nrung 2 of 2: 1 trials of 1 seeds, after 2 episodes\n") {
		t.Errorf("error %v, planned\n%s", err, out)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("--dry made the folder")
	}
	out, errs, err := do(nil, "sweep", file, "--out", dir, "--workers", "2")
	if err != nil || strings.Count(out, ": done, 20 of 20 steps") != 3 || strings.Count(out, ": done, 28 of 28 steps") != 1 || !strings.Contains(out, "Kept in "+filepath.Join(dir, "sweep.json")) {
		t.Fatalf("error %v, printed\n%s", err, out)
	}
	if lines := strings.Count(errs, "\n"); lines > 1 { // the hint of a build without SIMD is one
		t.Errorf("a sweep without a terminal printed to standard error:\n%s", errs)
	}
	_, table, _ := strings.Cut(out, "\n\n")
	if again, _, err := do(nil, "sweep", file, "--out", dir); err != nil || strings.TrimPrefix(again, "\n") != table {
		t.Errorf("error %v, again\n%swant\n%s", err, again, table)
	}
	out, _, err = do(nil, "sweep", file, "--out", dir, "--json")
	var best study.Outcome
	if line, _, _ := strings.Cut(out, "\n"); err != nil || strings.Count(out, "\n") != 3 || json.Unmarshal([]byte(line), &best) != nil || best.Rank != 1 || best.Episodes != 2 || best.Return == nil {
		t.Errorf("error %v, outcomes\n%s", err, out)
	}
	if out, _, err := do(nil, "status", dir); err != nil || strings.Count(out, " done") != 3 {
		t.Errorf("error %v, status\n%s", err, out)
	}
	if out, _, err := do(nil, "report", dir); err != nil || !strings.Contains(out, best.Trial) {
		t.Errorf("error %v, report\n%s", err, out)
	}

	var line string
	for l := range strings.Lines(table) {
		if _, rest, ok := strings.Cut(l, " train "); ok {
			line = "train " + strings.TrimSpace(rest)
		}
	}
	alone := filepath.Join(t.TempDir(), "alone")
	shell := exec.Command("sh", "-c", "printf '%s\\n' "+line)
	words, err := shell.Output()
	if err != nil {
		t.Skip("no shell to take the line apart")
	}
	if _, _, err := do(nil, append(strings.Split(strings.TrimSpace(string(words)), "\n"), "--out", alone)...); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var specs []*experiment.Spec
	for _, path := range []string{alone, filepath.Join(dir, "pitch", "pessimistic-linear-"+best.Trial, "1")} {
		s, err := store.ReadSpec(path)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, s)
	}
	if name, is, want, err := experiment.Difference(specs[0], specs[1]); name != "" || err != nil {
		t.Errorf("%s has %s %s, want %s (%v)", line, name, is, want, err)
	}
}

// The help names the commands that take the folder of a sweep, and no others.
func TestSweepHelp(t *testing.T) {
	out, _, err := do(nil, "sweep", "--help")
	if err != nil || !strings.Contains(out, "safex status, report and figures take its") || strings.Contains(out, "resume") {
		t.Errorf("error %v, printed\n%s", err, out)
	}
}

// Each mistake is one sentence, and a run that fails is said.
func TestSweepErrors(t *testing.T) {
	file := filed(t, caution)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"sweep"}, "sweep takes one SWEEP.yaml, as in: safex sweep caution.yaml"},
		{[]string{"sweep", filed(t, quick)}, "it has no part sweep"},
		{[]string{"run", file}, `line 10: the study has no key "sweep"`},
		{[]string{"sweep", file, "--workers", "-1"}, "workers -1: want at least 1"},
		{[]string{"sweep", filed(t, strings.Replace(caution, "Beta:", "Bta:", 1))}, "did you mean Beta? "},
		{[]string{"sweep", file, "--out", filepath.Join(file, "x")}, "not a directory"},
	} {
		_, errs, err := do(nil, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(sentence(err), "\n") {
			t.Errorf("safex %s: error %v, want one line with %q; %s", strings.Join(c.args, " "), err, c.want, errs)
		}
	}
	s, err := study.ReadSweep(file)
	if err != nil {
		t.Fatal(err)
	}
	s.Trials.Method, s.Trials.Halving = "halton", nil
	s.Study.UseEpisodes(1)
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "failed")
	if err := jobs[1].Make(dir); err != nil {
		t.Fatal(err)
	}
	if err := store.Write(filepath.Join(dir, jobs[1].Dir), "model/state.bin", []byte("half")); err != nil {
		t.Fatal(err)
	}
	out, errs, err := do(nil, "sweep", file, "--out", dir)
	if err != nil || strings.Count(errs, "state.bin: damaged: its checksum is wrong; see "+filepath.Join(dir, jobs[1].Dir, "log.txt")) != 1 ||
		!strings.Contains(out, "–     trial-02") || !strings.Contains(out, "1 of 3 trials have a run that is not complete, and come last.") {
		t.Errorf("error %v, printed\n%s\nsaid\n%s", err, out, errs)
	}
}

// A sweep that is interrupted saves all runs, and says how to go on.
func TestInterruptSweep(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals to send")
	}
	file, dir := filed(t, strings.Replace(caution, "episodes: 2", "episodes: 20", 1)), filepath.Join(t.TempDir(), "caution")
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	c := exec.Command(path, "sweep", file, "--out", dir)
	c.Env = append(os.Environ(), asSafex+"=1")
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the last rung is under way", func() bool {
		outcomes, _ := study.Outcomes(dir)
		return outcomes != nil
	})
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 1 || !strings.Contains(errs.String(), "stopped in rung 2 of 2 with 2 of 3 runs complete; all is saved, go on with: ") || !strings.Contains(errs.String(), "sweep "+file+" --out="+dir) {
		t.Errorf("exit code %d, said %s", code, errs.String())
	}
	if out, _, err := do(nil, "sweep", file, "--out", dir); err != nil || !strings.Contains(out, "172 of 172 steps") {
		t.Errorf("error %v, printed\n%s", err, out)
	}
}
