package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// swing writes a log of an episode of the pendulum under coloured noise, of so many rows, and returns its file.
func swing(t *testing.T, name string, rows int, seed uint64) string {
	t.Helper()
	p := tasks.DefaultPendulum()
	p.Steps = rows
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	src := rng.New(seed)
	e, err := s.Simulate(s.ColouredPolicy(0.9, 0.5, src.Child("act")), src)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("time,cos,sin,omega,torque\n")
	for i, u := range e.Actions {
		x := e.States[i]
		fmt.Fprintf(&b, "%v,%v,%v,%v,%v\n", float64(i)*s.Dt, x[0], x[1], x[2], u[0])
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// files are all of a run but those of times and of the clock, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"run.yaml", "steps.csv", "model/*.json", "model/*.csv"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(path, dir)] = string(text)
		}
	}
	return all
}

// A run with logs plans from its first step on, in a first episode that is number 1 after a random phase of no steps; it needs no file outside
// its folder, and one that is stopped after any step goes on to the same bits. With random steps it has both.
func TestLogs(t *testing.T) {
	for _, explore := range []int{0, 5} {
		a, b := swing(t, "a.csv", 40, 1), swing(t, "b.csv", 21, 2)
		settings := func() *experiment.Spec {
			return quick.Spec(t, fmt.Sprint("explore=", explore), "log="+a+","+b)
		}
		whole := filepath.Join(t.TempDir(), "whole")
		var live []safex.Episode
		for e, err := range store.Train(t.Context(), whole, settings()) {
			if err != nil {
				t.Fatal(err)
			}
			live = append(live, e)
		}
		stopped := filepath.Join(t.TempDir(), "stopped")
		s := settings()
		r, err := store.Start(stopped, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{a, b} {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		starts := 0
		for {
			ctx, cancel := context.WithCancel(t.Context())
			n, over := 0, true
			for st, err := range r.Steps(ctx) {
				if errors.Is(err, context.Canceled) {
					over = false
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if want := 39 + 20 + steps(st, explore); st.Data.Len() != want {
					t.Fatalf("%d transitions in episode %d, step %d: want %d", st.Data.Len(), st.Episode.Number, len(st.Episode.Actions), want)
				}
				if n++; n == 2 {
					cancel()
				}
			}
			cancel()
			if over {
				break
			}
			if starts++; starts > 30 {
				t.Fatal("it does not end")
			}
			if r, err = store.Resume(stopped); err != nil {
				t.Fatal(err)
			}
			if done := r.Done(); done < starts*2-2 || done > starts*2 {
				t.Errorf("%d steps done after %d starts of two", done, starts)
			}
		}
		if x, y := files(t, whole), files(t, stopped); !reflect.DeepEqual(x, y) {
			t.Errorf("explore %d: a run that was stopped has other files: %v and %v", explore, keys(x), keys(y))
		}
		saved, err := store.Open(stopped)
		if err != nil {
			t.Fatal(err)
		}
		if len(saved.Episodes) != 3 || len(saved.Episodes[0].Actions) != explore || len(saved.Episodes[1].Actions) != 8 || !saved.Complete() || saved.Steps() != explore+16 {
			t.Errorf("explore %d: %d episodes, %d steps", explore, len(saved.Episodes), saved.Steps())
		}
		if len(live) != 3 || len(saved.Summaries) != 3 || saved.Summaries[0].Steps != explore || saved.Summaries[1].Violations != 0 {
			t.Errorf("explore %d: %d episodes live, summaries %+v", explore, len(live), saved.Summaries)
		}
		if f := live[1].Forecasts; len(f) != 8 || live[1].Fits[0].Step != 0 {
			t.Errorf("explore %d: the first episode has %d forecasts and fits %v: want planning from step 0", explore, len(f), live[1].Fits)
		}
	}
}

// steps are those of a run up to a State.
func steps(s *train.State, explore int) int {
	n := len(s.Episode.Actions)
	if s.Episode.Number > 0 {
		n += explore + 8*(s.Episode.Number-1)
	}
	return n
}

func keys(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// The same settings go on in their folder, also while nothing has been done, and with another log they do not; a log in the folder that was changed is named, and
// so is one that is missing.
func TestLogsOfAFolder(t *testing.T) {
	a := swing(t, "a.csv", 40, 1)
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, quick.Spec(t, "explore=0", "log="+a))
	if err != nil {
		t.Fatal(err)
	}
	for s, err := range r.Steps(t.Context()) { // the random phase alone
		if err != nil || !s.Over || s.Episode.Number != 0 || len(s.Episode.Actions) != 0 {
			t.Fatalf("%v: %+v", err, s.Episode)
		}
		break
	}
	saved, err := store.Open(dir)
	if err != nil || len(saved.Episodes) != 1 || len(saved.Summaries) != 1 || saved.Steps() != 0 {
		t.Fatalf("%v: %+v", err, saved)
	}
	n := 0
	for _, err := range store.Train(t.Context(), dir, quick.Spec(t, "explore=0", "log="+a)) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d episodes, want the random phase of no steps and two", n)
	}
	for _, err := range store.Train(t.Context(), dir, quick.Spec(t, "explore=0", "log="+swing(t, "a.csv", 40, 9))) {
		if err == nil || !strings.Contains(err.Error(), "holds a run of other settings: Logs") {
			t.Errorf("another log: %v", err)
		}
	}
	kept := filepath.Join(dir, "model", "log-1.csv")
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept, append(text, "\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resume(dir); err == nil || !strings.Contains(err.Error(), "it is not the log a.csv that the run began with: it was changed: put the log back there") {
		t.Errorf("a log that was changed: %v", err)
	}
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resume(dir); err == nil || !strings.Contains(err.Error(), "log-1.csv") {
		t.Errorf("a log that is missing: %v", err)
	}
}

// What a process leaves that was killed between the logs and the settings is no run, and hinders none; nothing is left of a run that cannot begin.
func TestLogsWithoutARun(t *testing.T) {
	a := swing(t, "a.csv", 40, 1)
	dir := filepath.Join(t.TempDir(), "run")
	if err := os.MkdirAll(filepath.Join(dir, "model"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model", "log-1.csv"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Start(dir, quick.Spec(t, "explore=0", "log="+a)); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct{ set, want string }{
		"none":       {"log=", "explore can be 0 where there is a log"},
		"too short":  {"log=" + swing(t, "short.csv", 2, 1), ""},
		"of nothing": {"log=" + write(t, "other.csv", "a,b\n1,2\n"), "other.csv: it has no column cos"},
	} {
		dir := filepath.Join(t.TempDir(), "refused")
		_, err := store.Start(dir, quick.Spec(t, "explore=0", "calibration=conformal", "calibration.Miss=0.1", c.set))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s: the folder is there", name)
		}
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A plant has logs too, which are all that is known of it before its first planned step; nobody knows its formulas.
func TestLogsOfAPlant(t *testing.T) {
	a := swing(t, "a.csv", 60, 1)
	dir := filepath.Join(t.TempDir(), "run")
	n := 0
	for e, err := range store.Train(t.Context(), dir, outside(t, "well", 0, "explore=0", "log="+a)) {
		if err != nil {
			t.Fatal(err)
		}
		if want := 8 * min(n, 1); e.Number != n || len(e.Actions) != want || len(e.Forecasts) != want || e.Violations() != 0 {
			t.Errorf("episode %d, the one after %d: %d steps, %d forecasts, %d violations", e.Number, n-1, len(e.Actions), len(e.Forecasts), e.Violations())
		}
		n++
	}
	saved, err := store.Open(dir)
	if err != nil || !saved.Complete() || n != 3 {
		t.Errorf("%v: %d episodes", err, n)
	}
	again, err := retake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again.ChooseAll()
	plans := 0
	for s, err := range again.Steps(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Planned != nil {
			plans++
		}
	}
	if plans != 16 {
		t.Errorf("%d plans made again, want 16", plans)
	}
	if _, err := store.Start(filepath.Join(t.TempDir(), "other"), outside(t, "well", 0, "explore=0", "log="+write(t, "deg.csv", degrees(t, a)))); err == nil || !strings.Contains(err.Error(), "column omega is probably in degrees") {
		t.Errorf("a log in degrees: %v", err)
	}
}

// degrees is the text of a log of swing with the turn rate in degrees.
func degrees(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		cells := strings.Split(line, ",")
		if v, err := strconv.ParseFloat(cells[3], 64); i > 0 && err == nil {
			cells[3] = fmt.Sprint(v * 57.29578)
		}
		fmt.Fprintln(&b, strings.Join(cells, ","))
	}
	return b.String()
}

// With the default agent, an agent that knows a log and nothing else keeps the limit from its first step on, and every step is proved.
func TestLogsKeepLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("it plans for 60 steps with the default agent")
	}
	for seed := range 3 {
		s, err := experiment.Named("pendulum", "explore=0", "episodes=1", "Steps=60", "log="+swing(t, "a.csv", 200, 1), fmt.Sprint("seed=", seed+1))
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range store.Train(t.Context(), filepath.Join(t.TempDir(), "run"), s) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Violations() > 0 || e.Number == 1 && len(e.Forecasts) != 60 {
				t.Errorf("seed %d, episode %d: %d violations in %d planned steps", s.Seed, e.Number, e.Violations(), len(e.Forecasts))
			}
			for i, f := range e.Forecasts {
				if f.Cover == safex.CoverNone {
					t.Errorf("seed %d, episode %d, step %d: nothing is proved", s.Seed, e.Number, i)
				}
			}
		}
	}
}

// A full disk, when a run begins, leaves nothing behind, and the same call begins it once there is room.
func TestLogsOnAFullDisk(t *testing.T) {
	s := quick.Spec(t, "explore=0", "log="+swing(t, "a.csv", 40, 1))
	whole := disk.WriteFile
	defer func() { disk.WriteFile = whole }()
	for _, file := range []string{"log-1.csv", "run.yaml", "state.bin"} {
		dir := filepath.Join(t.TempDir(), "runs", "run")
		disk.WriteFile = func(path string, data []byte) error {
			if filepath.Base(path) == file {
				return syscall.ENOSPC
			}
			return whole(path, data)
		}
		if _, err := store.Start(dir, s); err == nil || !strings.Contains(err.Error(), "the disk is full; make room and go on") {
			t.Errorf("%s: %v", file, err)
		}
		if _, err := os.Stat(filepath.Dir(dir)); err == nil {
			t.Errorf("%s: something is left", file)
		}
		disk.WriteFile = whole
		if _, err := store.Start(dir, s); err != nil {
			t.Errorf("%s, with room: %v", file, err)
		}
	}
}
