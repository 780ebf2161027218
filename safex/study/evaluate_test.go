package study

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/store"
)

// A sweep can rank by what evaluations return, after the episodes of its rung, and counts the violating steps of both; runs whose last evaluation is
// missing are not complete.
func TestSweepOfEvaluations(t *testing.T) {
	text := strings.Replace(sweepHead, "episodes: 9", "episodes: 2\nevaluate: same", 1) +
		"sweep: {trials: 2, over: {planner.Beta: {from: 1, to: 2}}, objective: {maximize: evaluation}}\n"
	s, err := parseSweep([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "x")
	for _, err := range s.Run(context.Background(), out, 1, Here) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := reached(t, out); len(all) != 2 {
		t.Fatalf("%d outcomes", len(all))
	}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		dir := j.folder(out)
		sums, err := store.EvaluationSummaries(dir)
		if err != nil || len(sums) != 3 {
			t.Fatalf("%d evaluations, error %v", len(sums), err)
		}
		if state := j.State(out); state.Phase != Done {
			t.Errorf("%s is %s", j.Dir, state.Phase)
		}
		r := s.Trials.Objective.seed(dir, 2)
		if r.Return == nil || *r.Return != sums[2].Return {
			t.Errorf("%s came to %v, want %v", j.Dir, r.Return, sums[2].Return)
		}
		if before := s.Trials.Objective.seed(dir, 1); before.Return == nil || *before.Return != sums[1].Return {
			t.Errorf("after an episode %s came to %v, want %v", j.Dir, before.Return, sums[1].Return)
		}
	}
	// Without its last evaluation a run is not done, and goes on.
	dir := jobs[0].folder(out)
	path := filepath.Join(dir, "evaluations.jsonl")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	violating := strings.Replace(lines[0], `"violations":0`, `"violations":2`, 1)
	if err := os.WriteFile(path, []byte(violating+lines[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	if state := jobs[0].State(out); state.Phase != Stopped {
		t.Errorf("it is %s, want %s", state.Phase, Stopped)
	}
	if r := s.Trials.Objective.seed(dir, 2); r.Return != nil || !strings.Contains(r.Failure, "unfinished, 1 of 2 episodes") || r.Violations != 2 {
		t.Errorf("it came to %+v", r)
	}
	if err := os.WriteFile(path, []byte(lines[0]+lines[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Here(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	if state := jobs[0].State(out); state.Phase != Done {
		t.Errorf("it is %s, want %s", state.Phase, Done)
	}
}

// What nobody evaluates cannot be maximized, and the nearest word is named.
func TestSweepOfNoEvaluations(t *testing.T) {
	s := sweeping(t, "sweep: {trials: 2, over: {planner.Beta: {from: 1, to: 2}}, objective: {maximize: evaluation}}\n")
	if _, err := s.Rungs(); err == nil || !strings.Contains(err.Error(), "nothing is evaluated: add evaluate: same") {
		t.Errorf("error %v", err)
	}
	if _, err := parseSweep([]byte(sweepHead + "sweep: {trials: 2, over: {planner.Beta: {from: 1, to: 2}}, objective: {maximize: evaluations}}\n")); err == nil || !strings.Contains(err.Error(), "evaluation?") {
		t.Errorf("error %v", err)
	}
}
