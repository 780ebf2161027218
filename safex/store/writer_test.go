package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// quick is an agent whose episodes take a moment.
func quick(t testing.TB, ds ...safex.Disturbance) (train.Agent, *ensemble.Ensemble) {
	return told(t, nil, ds...)
}

// told is a quick agent that expects something.
func told(t testing.TB, es []safex.Expectation, ds ...safex.Disturbance) (train.Agent, *ensemble.Ensemble) {
	p := tasks.DefaultPendulum()
	p.Steps = 12
	task := p.Task()
	task.Disturbances, task.Expected = ds, es
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	e := ensemble.Default()
	e.Hidden, e.MaxSteps, e.MinSteps = []int{8}, 30, 30
	pl := plan.DefaultPessimistic()
	search := opt.DefaultICEM()
	search.Samples, search.Elites, search.Iterations = 16, 4, 2
	pl.Horizon, pl.Search, pl.AttackedCandidates = 4, search, 3
	return train.Agent{System: s, Learner: e, Engine: rollout.NewGoMLX(), Planner: pl, RandomSteps: 10, LearnEvery: 5, Seed: 1}, &e
}

// finish runs to the end of episode n, saving after each step for which save says so.
func finish(t *testing.T, a train.Agent, w *writer, s *train.State, n int, save func(step int) bool) {
	step := 0
	for st, err := range a.Steps(context.Background(), s, n) {
		if err != nil {
			t.Fatal(err)
		}
		if step++; st.Over || save(step) {
			if err := w.save(a.System, st); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func read(t *testing.T, dir, name string) []byte {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A run that ends at any save, and goes on from its folder, writes the same steps.csv.
func TestResumeIsBitIdentical(t *testing.T) { resumes(t, nil) }

// Through noise, delay and a push as well, though what the agent sees is not where the system is.
func TestResumeIsBitIdenticalDisturbed(t *testing.T) {
	resumes(t, nil, safex.Disturbance{Kind: safex.ObservationNoise, On: "theta", Size: 0.05}, safex.Disturbance{Kind: safex.ProcessNoise, On: "omega", Size: 0.05},
		safex.Disturbance{Kind: safex.Delay, Size: 2}, safex.Disturbance{Kind: safex.Periodic, On: "torque", Size: 0.3, Period: 0.7})
}

// And where the agent is told of noise and delay: what was sent before a stop takes effect after it.
func TestResumeIsBitIdenticalTold(t *testing.T) {
	resumes(t, []safex.Expectation{{Kind: safex.ObservationNoise, On: "theta", Size: 0.01}, {Kind: safex.ProcessNoise, On: "omega", Size: 0.02, Within: true}, {Kind: safex.Delay, Size: 2}},
		safex.Disturbance{Kind: safex.ObservationNoise, On: "theta", Size: 0.01}, safex.Disturbance{Kind: safex.Delay, Size: 2})
}

func resumes(t *testing.T, es []safex.Expectation, ds ...safex.Disturbance) {
	a, e := told(t, es, ds...)
	whole := filepath.Join(t.TempDir(), "whole")
	finish(t, a, newWriter(whole, a.System, e), &train.State{}, 2, func(int) bool { return false })
	want := read(t, whole, stepsFile)
	stops := []int{3, 10, 11, 17, 22, 23, 30}
	if testing.Short() {
		stops = []int{11, 23}
	}
	for _, stop := range stops {
		dir := filepath.Join(t.TempDir(), "stopped")
		w, s, step := newWriter(dir, a.System, e), &train.State{}, 0
		for st, err := range a.Steps(context.Background(), s, 2) {
			if err != nil {
				t.Fatal(err)
			}
			if step++; st.Over || step == stop {
				if err := w.save(a.System, st); err != nil {
					t.Fatal(err)
				}
			}
			if step == stop+2 { // two steps are lost, as by a kill
				break
			}
		}
		// A newer model that was only half written is not that of the state: the
		// one before is used, and the half is removed.
		for _, name := range []string{"model/model-99-999.json", "model/model-99-1000.json"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(`{"Kind":"ense`), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		again, _ := told(t, es, ds...)
		w, s, err := resume(dir, again.System, e, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Data.Len(); got > stop+2 || got < min(stop, 10) {
			t.Errorf("stopped at %d, resumed at %d", stop, got)
		}
		finish(t, again, w, s, 2, func(int) bool { return true })
		if !bytes.Equal(read(t, dir, stepsFile), want) {
			t.Errorf("stopped at %d: steps.csv differs from that of a run that was not", stop)
		}
		sums, err := Summaries(dir)
		if err != nil || len(sums) != 3 || sums[2].Episode != 2 {
			t.Errorf("stopped at %d: %d summaries, error %v", stop, len(sums), err)
		}
		models, _ := filepath.Glob(filepath.Join(dir, "model", "model-*"))
		if len(models) != 1 {
			t.Errorf("stopped at %d: models %v are left, want one", stop, models)
		}
	}
}

// What was written comes back as it was live, but for times: with noise, delays, infeasible plans and candidates that are NaN too.
func TestEpisodesComeBack(t *testing.T) {
	const header = "episode,step,cos,sin,omega,torque,reward,excess_speed,next_cos,next_sin,next_omega,mean_cos,mean_sin,mean_omega,worst_speed," +
		"epistemic_cos,epistemic_sin,epistemic_omega,aleatoric_cos,aleatoric_sin,aleatoric_omega,beta,asked_beta,cover_beta,out_of_distribution,feasible,cover,late,cut,nans,fit"
	comesBack(t, header, nil)
	comesBack(t, header+",sent_torque", []safex.Expectation{{Kind: safex.Delay, Size: 3}}, safex.Disturbance{Kind: safex.Delay, Size: 2})
	comesBack(t, header, nil, safex.Disturbance{Kind: safex.ProcessNoise, On: "omega", Size: 0.5}, safex.Disturbance{Kind: safex.Delay, Size: 2})
	comesBack(t, header+",true_cos,true_sin,true_omega,next_true_cos,next_true_sin,next_true_omega", nil,
		safex.Disturbance{Kind: safex.ObservationNoise, On: "omega", Size: 0.05})
}

func comesBack(t *testing.T, header string, es []safex.Expectation, ds ...safex.Disturbance) {
	a, e := told(t, es, ds...)
	dir := t.TempDir()
	w := newWriter(dir, a.System, e)
	var want []safex.Episode
	for s, err := range a.Steps(context.Background(), &train.State{}, 2) {
		if err != nil {
			t.Fatal(err)
		}
		if n := len(s.Episode.Forecasts); n > 0 { // what is rare must come back too
			f := &s.Episode.Forecasts[n-1]
			f.Feasible, f.NaNs, f.OutOfDistribution, f.Late, f.Cut = n%3 != 0, n%4, n%5 == 0, n%2 == 0, n%6 == 0
			if n == 3 {
				f.Worst[0] = math.NaN()
			}
			if n == 4 {
				f.Worst[0] = math.Inf(1)
			}
		}
		under := s.Episode.Number == 2 && len(s.Episode.Actions) == 7
		if s.Over && s.Episode.Number < 2 || under {
			live := s.Episode
			live.Forecasts = slices.Clone(live.Forecasts)
			want = append(want, live)
			if err := w.save(a.System, s); err != nil {
				t.Fatal(err)
			}
		}
		if under {
			break
		}
	}
	if got := strings.SplitN(string(read(t, dir, stepsFile)), "\n", 2)[0]; got != header {
		t.Errorf("header %s", got)
	}
	got, sums, err := Read(a.System, dir)
	if err != nil || len(got) != 3 || len(sums) != 2 {
		t.Fatalf("%d episodes, %d summaries, error %v", len(got), len(sums), err)
	}
	for i := range got {
		for k := range want[i].Forecasts {
			want[i].Forecasts[k].Millis = 0
		}
		for k := range want[i].Fits {
			want[i].Fits[k].Seconds = 0
		}
		if g, w := fmt.Sprintf("%+v", got[i]), fmt.Sprintf("%+v", want[i]); g != w { // where NaN is NaN
			t.Errorf("episode %d came back as\n%s\nwant\n%s", i, g, w)
		}
		if i < len(sums) && len(sums[i].Worst) != 1 {
			t.Errorf("episode %d: worst %v", i, sums[i].Worst)
		}
	}
}

// A summary counts late plans, and one of a version that did not is read.
func TestLatePlans(t *testing.T) {
	a, _ := quick(t)
	e := safex.Episode{Number: 1, Phase: safex.PlannedPhase, Forecasts: []safex.Forecast{{}, {Late: true}, {Late: true, Cut: true}}}
	if sum := Summarize(a.System, e); sum.Late != 2 || sum.Infeasible != 3 {
		t.Errorf("%d late plans of 2, %d infeasible ones of 3", sum.Late, sum.Infeasible)
	}
	dir := t.TempDir()
	if err := Write(dir, episodesFile, []byte(`{"episode":0,"phase":"explore","steps":10,"return":-1,"violations":0,"worst":{},"beta":0,"plan_ms_p50":0,"plan_ms_p99":0,"fit_s":0,"nan_candidates":0,"infeasible_plans":0}`+"\n")); err != nil {
		t.Fatal(err)
	}
	if sums, err := Summaries(dir); err != nil || len(sums) != 1 || sums[0].Late != 0 || sums[0].Steps != 10 {
		t.Errorf("%+v, error %v", sums, err)
	}
}

// spec is that of a run that nobody makes.
func spec(t testing.TB) *experiment.Spec {
	s, err := experiment.Named("pendulum", "learner=linear")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run.yaml can be rewritten, and keeps its time; what it may not hold is refused.
func TestWriteSpec(t *testing.T) {
	dir, s := filepath.Join(t.TempDir(), "a", "b"), spec(t)
	if err := Create(dir, s); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, SpecFile)
	began := time.Unix(1e9, 0)
	if err := os.Chtimes(path, began, began); err != nil {
		t.Fatal(err)
	}
	s.Episodes = 33
	if err := WriteSpec(dir, s); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadSpec(dir); err != nil || got.Episodes != 33 {
		t.Errorf("read back %+v, %v", got, err)
	}
	if text, when, err := Text(dir); err != nil || !when.Equal(began) || !bytes.Contains(text, []byte("Episodes: 33")) {
		t.Errorf("%s of %v, %v", text, when, err)
	}
	text := string(read(t, dir, SpecFile))
	for old, c := range map[string]struct{ new, want string }{
		"Episodes:":              {"Episods:", `unknown field "Episods"`},
		"Episodes: 33":           {"Episodes: many", "Episodes is a string, want a whole number"},
		"Type: plan.Pessimistic": {"Type: plan.Pesimistic", "Planner: this program knows no planner of type plan.Pesimistic: did you mean plan.Pessimistic?"},
		"Horizon: 22":            {"Horizon: 2.5", "Planner.Horizon is number 2.5, want a whole number"},
		"Samples: 96":            {"Sample: 96", `unknown field "Sample" of Planner.Search`},
		"Length: 1":              {"Length: 2", `task "pendulum" is another than the one that was run: it had`},
		"Build: 0":               {"Build: [", "line 1"},
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("run.yaml has no %s\n%s", old, text)
		}
		if err := Write(dir, SpecFile, []byte(strings.Replace(text, old, c.new, 1))); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSpec(dir); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", c.new, err, c.want)
		}
	}
	if err := Write(dir, SpecFile, []byte("Build: 0.4.0 go1.27\nTask: pendulum\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSpec(dir); err == nil || !strings.Contains(err.Error(), "it was made by safex 0.4.0, and this is "+experiment.Version) {
		t.Errorf("an old run: error %v", err)
	}
	if _, err := ReadSpec(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no run folder") {
		t.Errorf("error %v", err)
	}
}

// A folder that holds something is refused, and one that cannot be made leaves nothing behind.
func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, "mine.txt", []byte("keep")); err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, spec(t)); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("error %v", err)
	}
	file := filepath.Join(dir, "mine.txt")
	if err := Create(filepath.Join(file, "run"), spec(t)); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a folder below a file: error %v", err)
	}
	for writes := range 2 {
		t.Run(fmt.Sprint("full after ", writes), func(t *testing.T) {
			full(t, writes)
			deep := filepath.Join(dir, "x", "y")
			if err := Create(deep, spec(t)); err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("error %v", err)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("left behind %v", entries)
			}
		})
	}
}

// full makes every write after the first n fail for want of space, until the test ends.
func full(t *testing.T, n int) {
	old := disk.WriteFile
	disk.WriteFile = func(path string, data []byte) error {
		if n--; n < 0 {
			return &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
		}
		return old(path, data)
	}
	t.Cleanup(func() { disk.WriteFile = old })
}

// A disk that fills up at any write of a save leaves a folder to go on from.
func TestFullDisk(t *testing.T) {
	a, e := quick(t)
	whole := filepath.Join(t.TempDir(), "whole")
	finish(t, a, newWriter(whole, a.System, e), &train.State{}, 1, func(int) bool { return false })
	for writes := range 8 {
		t.Run(fmt.Sprint(writes), func(t *testing.T) {
			dir := t.TempDir()
			w := newWriter(dir, a.System, e)
			s := &train.State{}
			for range a.Steps(context.Background(), s, 0) {
			}
			if err := w.save(a.System, s); err != nil {
				t.Fatal(err)
			}
			t.Run("full", func(t *testing.T) {
				full(t, writes)
				step := 0
				for st := range a.Steps(context.Background(), s, 1) {
					if step++; step%6 == 0 {
						if err := w.save(a.System, st); err != nil {
							if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "the disk is full; make room") {
								t.Errorf("error %v", err)
							}
							return
						}
					}
				}
				if writes < 8 {
					t.Errorf("%d writes filled no disk", writes)
				}
			})
			w, s, err := resume(dir, a.System, e, 0)
			if err != nil {
				t.Fatal(err)
			}
			finish(t, a, w, s, 1, func(int) bool { return false })
			if !bytes.Equal(read(t, dir, stepsFile), read(t, whole, stepsFile)) {
				t.Error("steps.csv differs from that of a run whose disk was never full")
			}
		})
	}
}

// Damage is named.
func TestDamage(t *testing.T) {
	a, e := quick(t)
	dir := t.TempDir()
	finish(t, a, newWriter(dir, a.System, e), &train.State{}, 1, func(int) bool { return false })
	models, _ := filepath.Glob(filepath.Join(dir, "model", "model-*"))
	for _, c := range []struct{ path, want string }{
		{filepath.Join(dir, stateFile), "damaged: its checksum is wrong"}, {models[0], "damaged"},
	} {
		text := must(os.ReadFile(c.path))
		if err := os.WriteFile(c.path, text[:len(text)/2], 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := resume(dir, a.System, e, 0); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("half of %s: error %v", c.path, err)
		}
		if err := os.WriteFile(c.path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := resume(dir, a.System, e, 0); err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A run that ends within its very first save, at any of its writes, starts again from its beginning.
func TestFirstSave(t *testing.T) {
	a, e := quick(t)
	whole := filepath.Join(t.TempDir(), "whole")
	finish(t, a, newWriter(whole, a.System, e), &train.State{}, 1, func(int) bool { return false })
	for writes := range 3 {
		dir := filepath.Join(t.TempDir(), "run")
		if err := Create(dir, spec(t)); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(writes), func(t *testing.T) {
			full(t, writes)
			s := &train.State{}
			for range a.Steps(context.Background(), s, 0) {
			}
			if err := newWriter(dir, a.System, e).save(a.System, s); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("error %v", err)
			}
		})
		w, s, err := resume(dir, a.System, e, 0)
		if err != nil || s.Data != nil {
			t.Fatalf("after %d writes: error %v", writes, err)
		}
		finish(t, a, w, s, 1, func(int) bool { return true })
		if !bytes.Equal(read(t, dir, stepsFile), read(t, whole, stepsFile)) {
			t.Errorf("after %d writes: steps.csv differs", writes)
		}
	}
}

// A folder in whose making a process was killed can be made again, and what such a process left is removed when the run saves.
func TestLeftBehind(t *testing.T) {
	a, e := quick(t)
	dir := t.TempDir()
	left := []string{".run.yaml123", ".steps.csv4", "model/.model-1-2.json5", "model/.state.bin6", "figures/.learning.png7", "model/model-99-999.json"}
	if err := os.WriteFile(filepath.Join(dir, left[0]), []byte("Na"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, spec(t)); err != nil {
		t.Fatal(err)
	}
	for _, name := range left[1:] {
		if err := Write(dir, name, []byte("half")); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(dir, "model/lock", nil); err != nil {
		t.Fatal(err)
	}
	finish(t, a, newWriter(dir, a.System, e), &train.State{}, 1, func(int) bool { return false })
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{SpecFile, stepsFile, episodesFile, stateFile, lockFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// One process has the lock, others see that it has, and looking takes it from nobody.
func TestBusy(t *testing.T) {
	dir := t.TempDir()
	if Busy(dir) {
		t.Error("a folder without a lock is busy")
	}
	if err := Fail(dir, "it broke"); err != nil || Failure(dir) != "it broke" {
		t.Errorf("failure %q, error %v", Failure(dir), err)
	}
	if GoOn(dir); Failure(dir) != "" {
		t.Errorf("failure %q of a run that goes on", Failure(dir))
	}
	unlock, err := Lock(dir)
	if err != nil || !Busy(dir) {
		t.Errorf("error %v, busy %v", err, Busy(dir))
	}
	if _, err := Lock(dir); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second lock: error %v", err)
	}
	unlock()
	if Busy(dir) {
		t.Error("a folder whose lock was given back is busy")
	}
	stop, looked := make(chan bool), make(chan bool)
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			default:
				Busy(dir)
			}
		}
	}()
	for range 100 {
		unlock, err := Lock(dir)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
	close(stop)
	<-looked
}
