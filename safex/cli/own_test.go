package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// own builds the program of testdata/spring in a module of its own, outside of this one, with a change to its text.
func own(t *testing.T, old, now string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	text := read("testdata/spring/main.go")
	if !strings.Contains(text, old) {
		t.Fatalf("the program has no %s", old)
	}
	_, requires, _ := strings.Cut(read(filepath.Join(root, "go.mod")), "\ngo ")
	for name, text := range map[string]string{
		"main.go": strings.Replace(text, old, now, 1), "go.sum": read(filepath.Join(root, "go.sum")),
		"go.mod": "module example.com/spring\n\ngo " + requires +
			"\nrequire github.com/rischiboy/safe_exploration v0.0.0\n\nreplace github.com/rischiboy/safe_exploration => " + root + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "build", "-mod=mod", "-o", "spring", ".")
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return filepath.Join(dir, "spring")
}

// A program outside of this module, with a task of its own, is the whole command: it trains, is killed, goes on to the same bits, runs a
// study in processes of its own, reports, attacks and draws; and one whose task is another is told so.
func TestOwnProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program")
	}
	program, dir := own(t, "", ""), t.TempDir()
	call := func(program string, args ...string) (string, error) {
		c := exec.Command(program, args...)
		c.Dir = dir
		out, err := c.CombinedOutput()
		return string(out), err
	}
	must := func(want string, args ...string) {
		t.Helper()
		if out, err := call(program, args...); err != nil || !strings.Contains(out, want) {
			t.Fatalf("spring %s: %v\n%s\nwant %q", strings.Join(args, " "), err, out, want)
		}
	}
	train := func(out string) []string {
		return []string{"train", "spring", "--episodes", "2", "--explore", "30", "--set", "learner.Points=24", "--set", "learner.FitPoints=30", "--set", "Damping=0.4", "--out", out}
	}
	must(`task "spring" can be used`, "check", "spring")
	must("--set   Mass, Stiffness, Damping", "list")
	must("of 130 steps beyond a limit", train("whole")...)

	killed := exec.Command(program, train("killed")...)
	killed.Dir = dir
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(filepath.Join(dir, "killed", "steps.csv")); err == nil && bytes.Count(text, []byte("\n")) > 1 {
			break
		}
	}
	killed.Process.Signal(syscall.SIGKILL)
	killed.Wait()
	must("of 130 steps beyond a limit", "resume", "killed")
	steps := func(run string) string {
		text, err := os.ReadFile(filepath.Join(dir, run, "steps.csv"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if steps("whole") != steps("killed") {
		t.Error("a run that was killed and went on took other steps")
	}
	must("130 of 130 steps, complete", "status", "killed")
	must("all steps of an episode", "card", "whole")
	must("plans can be broken", "attack", "whole", "--adversary", "vertices", "--reference", "vertices")
	must("proved of the model", "certify", "whole", "--adversary", "vertices")
	must("worst excess", "attack", "--replay", filepath.Join("whole", "scenario.json"))

	if err := os.WriteFile(filepath.Join(dir, "study.yaml"), []byte("name: springs\ntasks: [spring]\nplanners: [safe, pessimistic]\nmodels: [linear]\nseeds: 1-2\nepisodes: 1\nexplore: 20\nset: {Mass: 2}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	must("4 runs, ", "run", "study.yaml", "--workers", "2")
	must("spring/safe-linear/2", "status", "runs/springs")
	must("pessimistic, linear", "report", "runs/springs", "--save", "springs.json")
	must("learning.png", "figures", "runs/springs")
	must("learning.png", "figures", "springs.json", "--out", "kept")
	must("| spring | safe |", "control", "spring", "--seeds", "2")

	other := own(t, "u[0].Mul(3)", "u[0].Mul(4)")
	want := `task "spring" is another than the one that was run: it had "state x: [m], scale 0.5, next by `
	if out, err := call(other, "resume", "killed"); err == nil || !strings.Contains(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("%v: %s, want %q", err, out, want)
	}
	if _, _, err := do(nil, "report", filepath.Join(dir, "whole")); err == nil || !strings.Contains(err.Error(), "this program knows no task of type main.Spring") {
		t.Errorf("the command without the task: %v", err)
	}
}

// The program of the README is the one that is built and tested.
func TestREADME(t *testing.T) {
	program, err := os.ReadFile("testdata/spring/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(program), "package main")
	if !strings.Contains(string(readme), "package main"+text) {
		t.Error("the README does not show the program of testdata/spring")
	}
}
