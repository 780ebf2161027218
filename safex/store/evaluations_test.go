package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// contents are the files of a run folder that say what happened.
func contents(t *testing.T, dir string, names ...string) (all [][]byte) {
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// whole takes a run to its end.
func whole(t *testing.T, dir string, s *experiment.Spec) (live []safex.Episode) {
	for e, err := range store.Train(t.Context(), dir, s) {
		if err != nil {
			t.Fatal(err)
		}
		live = append(live, e)
	}
	return live
}

// A run takes the same steps with evaluations as without, whatever they are of; what they came to is read back, and in no other number.
func TestEvaluationsChangeNothing(t *testing.T) {
	for name, more := range map[string][]string{
		"same":     {"evaluate=same", "planner.Exploration.Information=1"},
		"another":  {"evaluate=pendulum", "evaluate.Effort=0.1", "evaluate.Steps=5", "evaluate.MaxSpeed=7", "evaluate.planner.Horizon=3", "planner.Exploration.Information=1"},
		"filtered": {"evaluate=same", "filter=on", "planner.Exploration.Information=1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, alone := filepath.Join(t.TempDir(), "run"), filepath.Join(t.TempDir(), "run")
			s := quick.Spec(t, more...)
			whole(t, dir, s)
			bare, err := s.Clone()
			if err != nil {
				t.Fatal(err)
			}
			bare.Evaluate = nil
			whole(t, alone, bare)
			if a, b := contents(t, dir, "steps.csv"), contents(t, alone, "steps.csv"); !reflect.DeepEqual(a, b) {
				t.Error("the run takes other steps")
			}
			r, err := store.Open(dir)
			if err != nil || !r.Complete() {
				t.Fatalf("error %v", err)
			}
			steps := 8
			if name == "another" {
				steps = 5
			}
			if len(r.Evaluations) != 3 || len(r.Evaluated) != 3 || r.Steps() != 10+2*8 {
				t.Fatalf("%d evaluations, %d steps", len(r.Evaluations), r.Steps())
			}
			for i, e := range r.Evaluations {
				sum := r.Evaluated[i]
				if e.Number != i || sum.Episode != i || len(e.Actions) != steps || sum.Steps != steps || sum.Return != e.Return() || e.Phase != safex.PlannedPhase || len(e.Forecasts) != steps {
					t.Errorf("evaluation %d: %+v", i, sum)
				}
			}
			set, err := report.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			run := set.Methods[0].Runs[0]
			if len(run.Evaluations) != 3 || run.Evaluations[0].Learned != 10 || run.Evaluations[2].Learned != 26 || run.Steps() != 26 {
				t.Errorf("a report has %+v", run.Evaluations)
			}
		})
	}
}

// A run that is stopped at any step, and so also in an evaluation, goes on to the same bits, and is complete when its last evaluation is made.
func TestResumeEvaluations(t *testing.T) {
	assignments := []string{"evaluate=pendulum", "evaluate.Effort=0.1", "filter=on"}
	s := quick.Spec(t, assignments...)
	out := t.TempDir()
	want := filepath.Join(out, "want")
	whole(t, want, s)
	files := []string{"steps.csv", "evaluations.csv"}
	job := study.Job{Dir: study.Path(s, ""), Spec: s}
	dir := filepath.Join(out, filepath.FromSlash(job.Dir))
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	within, owed := 0, 0
	if _, err := store.Start(dir, s); err != nil {
		t.Fatal(err)
	}
	left, before := 3, 0
	for tries := 0; ; tries++ {
		if tries == 400 {
			t.Fatal("it does not come to an end")
		}
		r, err := store.Resume(dir)
		if err != nil {
			t.Fatal(err)
		}
		var failed error
		for _, err := range r.Steps(&countdown{Context: context.Background(), left: left}) {
			if err != nil {
				failed = err
			}
		}
		saved, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if state := job.State(out); saved.Complete() != (failed == nil) || (state.Phase == study.Done) != (failed == nil) {
			t.Fatalf("complete %v, %s, with the error %v", saved.Complete(), state.Phase, failed)
		}
		if failed == nil {
			break
		}
		if !errors.Is(failed, context.Canceled) {
			t.Fatal(failed)
		}
		if strings.Contains(failed.Error(), "evaluation after episode") {
			if within++; saved.Steps() == s.Total() {
				owed++
			}
		}
		if now := saved.Steps() + len(saved.Evaluated); now > before {
			left, before = 3, now
		} else { // a fit asks many times, and an evaluation is made in one go
			left = left*3/2 + 1
		}
	}
	if within == 0 || owed == 0 {
		t.Errorf("stopped in %d evaluations, %d of them the last: want some", within, owed)
	}
	for i, text := range contents(t, dir, files...) {
		if !bytes.Equal(text, contents(t, want, files[i])[0]) {
			t.Errorf("%s is another", files[i])
		}
	}
}

// A countdown is a context that is over when it was asked so many times whether it is.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A summary that was written before its run was, as after a crash in between, is made again; files that do not agree are said to.
func TestEvaluationsThatDoNotAgree(t *testing.T) {
	s := quick.Spec(t, "evaluate=same")
	dir := filepath.Join(t.TempDir(), "run")
	whole(t, dir, s)
	path := filepath.Join(dir, "evaluations.jsonl")
	text := contents(t, dir, "evaluations.jsonl")[0]
	lines := bytes.SplitAfter(text, []byte("\n"))
	for what, c := range map[string]struct {
		text []byte
		says string
	}{
		"return":  {bytes.Replace(text, []byte(`"return":-`), []byte(`"return":-1`), 1), "do not agree on the evaluation after episode 0"},
		"order":   {bytes.Join([][]byte{lines[1], lines[0]}, nil), "line 2 is damaged"},
		"garbled": {[]byte("{\n"), "line 1 is damaged"},
	} {
		if err := os.WriteFile(path, c.text, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Open(dir); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", what, err, c.says)
		}
	}
	if err := os.WriteFile(path, bytes.Join(lines[:2], nil), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := store.Resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range r.Steps(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := store.EvaluationSummaries(dir); err != nil || len(got) != 3 {
		t.Errorf("%d evaluations, error %v", len(got), err)
	}
}

// An evaluation on a plant, whose random phase takes more than one episode, follows the last of these and each that is planned.
func TestEvaluationsOnAPlant(t *testing.T) {
	s := outside(t, "ends", 0, "explore=20", "evaluate=same")
	dir := filepath.Join(t.TempDir(), "run")
	whole(t, dir, s)
	r, err := store.Open(dir)
	if err != nil || !r.Complete() {
		t.Fatalf("error %v", err)
	}
	if len(r.Evaluated) != 3 || r.Evaluated[0].Episode != 2 || r.Evaluated[2].Episode != 4 {
		t.Fatalf("%+v", r.Evaluated)
	}
	for i, e := range r.Evaluations {
		if e.End != safex.Terminated || len(e.Actions) != 7 {
			t.Errorf("evaluation %d has ended as %q after %d steps", i, e.End, len(e.Actions))
		}
	}
}
