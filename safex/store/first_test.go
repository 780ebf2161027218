package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// prior is what is believed of a pendulum that is lighter than it is, in a box that holds the truth.
var prior = []string{"learner=prior+linear", "prior.Mass=0.8", "prior-deviation=0.002,0.002,0.04", "filter=on"}

// firsts are ways to begin of which something is known.
var firsts = map[string][]string{
	"prior":            prior,
	"prior and kernel": append(slices.Clone(prior), "filter.Set=kernel", "filter.Cells=121"),
	// The angle turns with the speed and is not known to the last digit: from the second step on the filter trusts no random action.
	"wrong prior":            append(slices.Clone(prior), "prior-deviation=0,0,0.04"),
	"wrong prior and kernel": append(slices.Clone(prior), "prior-deviation=0,0,0.04", "filter.Set=kernel", "filter.Cells=121"),
	"prior and backup":       append(slices.Clone(prior), "explore-by=backup"),
	"backup":                 {"learner=prior+linear", "prior.Mass=0.8", "filter=on", "explore-by=backup"},
	"backup and kernel":      {"learner=prior+linear", "prior.Mass=0.8", "filter=on", "filter.Set=kernel", "filter.Cells=121", "explore-by=backup"},
}

// first is a run that begins so: 30 steps and an episode.
func first(t *testing.T, assignments []string) *experiment.Spec {
	return quick.Spec(t, append(slices.Clone(assignments), "explore=30", "episodes=1")...)
}

// A run whose user knows something has no step that is not covered, from the first on, and no violation. Its folder says so, as it was live. After a
// backup alone, which hardly moves, a model knows too little to have a kernel.
func TestCoveredFromTheFirstStepOn(t *testing.T) {
	for name, assignments := range firsts {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			var live []safex.Episode
			for e, err := range store.Train(t.Context(), dir, first(t, assignments)) {
				if err != nil {
					t.Fatal(err)
				}
				e.Forecasts, e.Fits = slices.Clone(e.Forecasts), slices.Clone(e.Fits)
				for i := range e.Forecasts { // times are not kept
					e.Forecasts[i].Millis = 0
				}
				for i := range e.Fits {
					e.Fits[i].Seconds = 0
				}
				live = append(live, e)
			}
			r, err := store.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(r.Episodes, live) {
				t.Errorf("episodes came back as\n%+v\nwant\n%+v", r.Episodes, live)
			}
			covers := map[safex.Cover]int{}
			for i, sum := range r.Summaries {
				if sum.Violations != 0 || (i == 0 || name != "backup and kernel") && (sum.Uncovered != 0 || sum.ByPlan+sum.ByBackup != sum.Steps) {
					t.Errorf("episode %d: %+v", i, sum)
				}
				for _, f := range r.Episodes[i].Forecasts {
					covers[f.Cover]++
				}
				if _, err := os.Stat(filepath.Join(dir, "figures", []string{"safety-000.png", "safety-001.png"}[i])); err != nil {
					t.Error(err)
				}
			}
			if random, trusted := r.Summaries[0].ByPlan, name == "prior" || name == "prior and kernel"; trusted && random < 20 || !trusted && random > 1 {
				t.Errorf("%d of 30 random steps are executed as they were drawn", random)
			}
			t.Log(covers)
		})
	}
}

// A run that begins with what its user knows, and is stopped or killed again and again, takes the same steps, and writes the same rows of them.
func TestResumeFirst(t *testing.T) {
	for name, assignments := range firsts {
		if name != "prior" && (testing.Short() || name != "prior and kernel" && name != "backup") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			whole, parts := filepath.Join(folder, "whole"), filepath.Join(folder, "parts")
			for _, err := range store.Train(t.Context(), whole, first(t, assignments)) {
				if err != nil {
					t.Fatal(err)
				}
			}
			r, err := store.Start(parts, first(t, assignments))
			if err != nil {
				t.Fatal(err)
			}
			for n := 1; r.Done() < r.Total(); n++ {
				ctx, cancel := context.WithCancel(t.Context())
				taken, saved := 0, n%3 > 0
				for _, err := range r.Steps(ctx) {
					if err != nil && ctx.Err() == nil {
						t.Fatal(err)
					}
					if taken++; taken == 1+n%4 && saved {
						cancel()
					} else if taken == 2 && !saved { // as by a kill: two steps are lost
						break
					}
				}
				cancel()
				if r, err = store.Resume(parts); err != nil {
					t.Fatal(err)
				}
			}
			a, errA := os.ReadFile(filepath.Join(whole, "steps.csv"))
			b, errB := os.ReadFile(filepath.Join(parts, "steps.csv"))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("a run in parts took other steps, %v, %v", errA, errB)
			}
		})
	}
}

// Of random steps whose user knows nothing there are no more files and columns than before, with a filter or without, and a prior changes no random
// number: where a step is proved as it was drawn, it is the same.
func TestNothingKnownFirst(t *testing.T) {
	rows := func(assignments ...string) (cells [][]string) {
		dir := filepath.Join(t.TempDir(), "run")
		for _, err := range store.Train(t.Context(), dir, quick.Spec(t, append(assignments, "episodes=0")...)) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "figures", "safety-000.png")); (err == nil) != (len(assignments) > 2) {
			t.Errorf("%v: a figure of random steps, %v", assignments, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "steps.csv"))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
			cells = append(cells, strings.Split(line, ","))
		}
		return cells
	}
	plain, filtered, known := rows("learner=linear"), rows("learner=linear", "filter=on"), rows(prior...)
	if !reflect.DeepEqual(plain, filtered) {
		t.Error("a filter that judges no random step changes what is kept of them")
	}
	for i := range plain {
		if !slices.Equal(plain[i][:11], known[i][:11]) {
			t.Errorf("row %d: with a prior %v, without %v", i, known[i][:11], plain[i][:11])
		}
		if i > 0 && (strings.Join(plain[i][11:len(plain[i])-1], "") != "" || slices.Contains(known[i], "")) {
			t.Errorf("row %d: something was believed of %v, or nothing of %v", i, plain[i], known[i])
		}
	}
}

// Rows of which one says that somebody looked at a random step, and another that nobody did, are refused.
func TestMixedFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(t.Context(), dir, first(t, prior)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "steps.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	cells := strings.Split(lines[5], ",")
	for i := 11; i < len(cells)-1; i++ {
		cells[i] = ""
	}
	lines[5] = strings.Join(cells, ",")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(dir); err == nil || !strings.Contains(err.Error(), "line 6: before the first plan either every step has a cover or none") {
		t.Errorf("error %v", err)
	}
}
