package study

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// serve does what the tasks of an array would that has just been submitted: it makes the runs of the lines that sbatch was told, and works on them. It
// returns how many there were.
func serve(t *testing.T, f fake, out string, work Worker) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(out, runsFile))
	if err != nil {
		t.Fatal(err)
	}
	runs, served := strings.Split(strings.TrimSpace(string(text)), "\n"), 0
	jobs, err := kept(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range f.calls("sbatch") {
		list, _, _ := strings.Cut(strings.TrimPrefix(call, "--parsable --array="), " ")
		for _, i := range unfolded(t, list, 0) {
			k := slices.IndexFunc(jobs, func(j Job) bool { return j.Dir == runs[i] })
			if k < 0 {
				t.Fatalf("%s is no run of %d", runs[i], len(jobs))
			}
			served++
			if err := jobs[k].Make(out); err != nil {
				t.Fatal(err)
			}
			if err := work(context.Background(), jobs[k].folder(out)); err != nil {
				if err := store.Fail(jobs[k].folder(out), err.Error()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return served
}

// A sweep in Slurm comes to what it comes to without, rung by rung; what is queued is waited for, and what was cancelled is submitted again.
func TestSubmitSweep(t *testing.T) {
	s := sweeping(t, sweepFile)
	s.Study.Seeds = Seeds{1}
	_, want := climb(t, s, t.TempDir(), 1, Here)
	f, out, ctx := fakeSlurm(t, all...), filepath.Join(t.TempDir(), "out"), context.Background()
	prog := program(t, "#!/bin/sh\n")
	submit := func(rung, runs, done, active int, over bool) {
		t.Helper()
		got, err := s.Submit(ctx, out, DefaultSlurm(), prog, "task")
		if err != nil || got.Rung != rung || got.Rungs != 2 || got.Runs != runs || got.Done != done || got.Active != active || got.Over != over || got.Failed != nil {
			t.Fatalf("%+v, error %v, want rung %d, %d submitted, %d done, %d active, over %v", got, err, rung, runs, done, active, over)
		}
	}
	submit(1, 4, 0, 0, false)
	f.queue("100 0 0 PENDING - Priority", "100 1 0 PENDING - Priority", "100 2 0 RUNNING n1 None", "100 3 0 PENDING - Priority")
	submit(1, 0, 0, 4, false)
	jobs, err := kept(out)
	if err != nil {
		t.Fatal(err)
	}
	f.calls("")
	for _, j := range jobs[1:] {
		if err := Task(ctx, out, j.Dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.queue("100 0 0 CANCELLED - None", "100 1 0 COMPLETED n1 None", "100 2 0 COMPLETED n1 None", "100 3 0 COMPLETED n1 None")
	submit(1, 1, 3, 0, false)
	if n := serve(t, f, out, Here); n != 1 {
		t.Errorf("served %d runs", n)
	}
	f.queue()
	submit(2, 2, 0, 0, false)
	if all, err := Outcomes(out); err != nil || len(all) != 4 || all[0].Episodes != 2 {
		t.Errorf("after the first rung %+v, error %v", all, err)
	}
	if n := serve(t, f, out, Here); n != 2 {
		t.Errorf("served %d runs", n)
	}
	for range 2 {
		submit(2, 0, 0, 0, true)
		if _, got := reached(t, out); got != want {
			t.Errorf("it came to\n%s\nwant\n%s", got, want)
		}
	}
	if calls := f.calls("sbatch"); calls != nil {
		t.Errorf("sbatch %q", calls)
	}
}

// A run that fails in Slurm leaves its trial behind, and one that its time limit stopped does not. If too few trials are left, and on the last rung by
// the next call, what failed is tried again.
func TestSubmitSweepFailures(t *testing.T) {
	s := sweeping(t, nine+"1")
	s.Study.Seeds = Seeds{1}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	failing := errors.New("as asked")
	come := func(l *experiment.Spec, episode int) (float64, int, error) {
		if l.LearnEvery == jobs[4].Spec.LearnEvery {
			return 0, 0, failing
		}
		return noise(l, episode), 0, nil
	}
	_, want := climb(t, s, t.TempDir(), 1, comes(come))
	f, out, ctx := fakeSlurm(t, all...), filepath.Join(t.TempDir(), "out"), context.Background()
	prog, late := program(t, "#!/bin/sh\n"), true
	work := func(ctx context.Context, dir string) error {
		if strings.Contains(dir, "trial-02") && late {
			late = false
			return errors.New(OutOfTime + "; all is saved")
		}
		return comes(come)(ctx, dir)
	}
	var got SweepSubmitted
	for _, c := range []struct {
		rung, runs, failed int
		over               bool
	}{{1, 9, 0, false}, {1, 2, 0, false}, {2, 3, 1, false}, {3, 1, 0, false}, {3, 0, 0, true}} {
		var err error
		if got, err = s.Submit(ctx, out, DefaultSlurm(), prog); err != nil || got.Rung != c.rung || got.Runs != c.runs || len(got.Failed) != c.failed || got.Over != c.over {
			t.Fatalf("%+v, error %v, want %+v", got, err, c)
		}
		if n := serve(t, f, out, work); n != c.runs {
			t.Fatalf("served %d runs, want %d", n, c.runs)
		}
	}
	if _, came := reached(t, out); came != want {
		t.Errorf("it came to\n%s\nwant\n%s", came, want)
	}

	// The last one fails.
	s = sweeping(t, "sweep:\n  trials: 2\n  over: {learn-every: [1, 2]}")
	s.Study.Seeds = Seeds{1}
	out = filepath.Join(t.TempDir(), "out")
	broken := true
	work = comes(func(s *experiment.Spec, episode int) (float64, int, error) {
		if s.LearnEvery == 2 && broken {
			return 0, 0, failing
		}
		return 1, 0, nil
	})
	for _, c := range []struct {
		runs, failed int
		over         bool
	}{{2, 0, false}, {0, 1, true}, {1, 1, false}, {0, 0, true}, {0, 0, true}} {
		got, err := s.Submit(ctx, out, DefaultSlurm(), prog)
		if err != nil || got.Runs != c.runs || len(got.Failed) != c.failed || got.Over != c.over {
			t.Fatalf("%+v, error %v, want %+v", got, err, c)
		}
		if c.failed > 0 && got.Failed[0].Failure != "as asked" {
			t.Errorf("failed %+v", got.Failed)
		}
		if c.failed > 0 {
			broken = false
		}
		serve(t, f, out, work)
	}

	// All fail, and are tried again.
	broken, out = true, filepath.Join(t.TempDir(), "out")
	for _, failed := range []int{0, 2, 2} {
		got, err := s.Submit(ctx, out, DefaultSlurm(), prog)
		if err != nil || got.Runs != 2 || len(got.Failed) != failed {
			t.Fatalf("%+v, error %v, want %d failed", got, err, failed)
		}
		serve(t, f, out, func(context.Context, string) error { return failing })
	}
	// Where there is no cluster nothing is written.
	f.complains("scontrol", "scontrol: fatal: Could not establish a configuration source\n")
	nowhere := filepath.Join(t.TempDir(), "out")
	if _, err := s.Submit(ctx, nowhere, DefaultSlurm(), prog); err == nil || !strings.Contains(err.Error(), "is this a machine of a cluster with Slurm") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(nowhere); err == nil {
		t.Error("a folder was made")
	}
	f.complains("scontrol", "")
	release, err := hold(out, sweepLock)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := s.Submit(ctx, out, DefaultSlurm(), prog); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("error %v", err)
	}
}
