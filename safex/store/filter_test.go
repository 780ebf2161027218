package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A run with a filter that is stopped again and again takes the same steps, also where a model is updated between fits, by the last of which the
// filter judges.
func TestResumeFiltered(t *testing.T) {
	pairs := []struct{ model, calibration string }{{"prior+gp", "none"}, {"gp", "adaptive"}, {"sparse-gp", "adaptive"}, {"linear", "none"}, {"prior+linear", "adaptive"}, {"probabilistic", "none"}}
	if testing.Short() {
		pairs = pairs[:1]
	}
	for _, c := range pairs {
		t.Run(c.model+" "+c.calibration, func(t *testing.T) {
			folder := t.TempDir()
			whole, parts := filepath.Join(folder, "whole"), filepath.Join(folder, "parts")
			start := func(dir string) *store.Run {
				s := quick.Spec(t)
				if err := s.SetAll("learner="+c.model, "calibration="+c.calibration, "filter=on", "filter.Set=kernel", "filter.Cells=101", "explore=60", "learn-every=0", "planner.Beta=0.5"); err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(c.model, "gp") { // every step is news
					if err := s.SetAll("learner.Novel=0", "explore=20"); err != nil {
						t.Fatal(err)
					}
				}
				if c.model == "probabilistic" {
					if err := s.SetAll("learner.Hidden=8", "learner.MaxSteps=30", "learner.MinSteps=30"); err != nil {
						t.Fatal(err)
					}
				}
				r, err := store.Start(dir, s)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			r := start(whole)
			for _, err := range r.Steps(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			both := false // a model and the fit that it was updated from are kept
			for r = start(parts); r.Done() < r.Total(); {
				ctx, cancel := context.WithCancel(t.Context())
				taken, before := 0, r.Done()
				for _, err := range r.Steps(ctx) {
					if err != nil && ctx.Err() == nil {
						t.Fatal(err)
					}
					if taken++; taken == 5 {
						cancel()
					}
				}
				cancel()
				var err error
				kept, _ := filepath.Glob(filepath.Join(parts, "model", "model-*"))
				both = both || len(kept) == 2
				if r, err = store.Resume(parts); err != nil {
					t.Fatal(err)
				}
				if r.Done() == before {
					t.Fatalf("it does not go on after %d steps of %d, %d taken", before, r.Total(), taken)
				}
			}
			a, errA := os.ReadFile(filepath.Join(whole, "steps.csv"))
			b, errB := os.ReadFile(filepath.Join(parts, "steps.csv"))
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				t.Errorf("a run in parts took other steps, %v, %v", errA, errB)
			}
			p, err := store.Open(parts)
			if err != nil {
				t.Fatal(err)
			}
			counts := map[safex.Cover]int{}
			for _, e := range p.Episodes {
				for _, f := range e.Forecasts {
					counts[f.Cover]++
				}
			}
			if counts[""] > 0 || len(counts) == 0 {
				t.Errorf("steps by cover are %v, want each of them to have one", counts)
			}
			if strings.HasSuffix(c.model, "gp") && !both {
				t.Error("no stop was between a fit and the next, after an update")
			}
			t.Log(counts)
		})
	}
}

// The model of a folder is that of its last save: with a filter the fit that it judges by, which the model may have been updated since.
func TestModel(t *testing.T) {
	for _, filter := range []string{"off", "on"} {
		s := quick.Spec(t)
		if err := s.SetAll("learner=gp", "learner.Novel=0", "explore=20", "learn-every=0", "filter="+filter); err != nil {
			t.Fatal(err)
		}
		if s.Filter != nil {
			if err := s.Set("filter.Cells=21"); err != nil {
				t.Fatal(err)
			}
		}
		dir := filepath.Join(t.TempDir(), "run")
		r, err := store.Start(dir, s)
		if err != nil {
			t.Fatal(err)
		}
		kept := func() safex.Model {
			p, err := store.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			m, err := p.Model()
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		if m := kept(); m != nil {
			t.Errorf("before the first step there is a model %T", m)
		}
		believed := func(m safex.Model) (p safex.Prediction) {
			x, u := num.NewBatch(len(r.System.State), 1), num.NewBatch(len(r.System.Action), 1)
			x.SetPoint(0, r.System.Center)
			if err := m.Predict(&p, x, u); err != nil {
				t.Fatal(err)
			}
			return p
		}
		var last *train.State
		r.Watch = func(s *train.State) { last = s }
		for _, err := range r.Steps(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
		}
		want, other := last.Model, last.Base
		if s.Filter != nil {
			want, other = last.Base, last.Model
		}
		if got := believed(kept()); !reflect.DeepEqual(got, believed(want)) {
			t.Errorf("filter %s: the model believes %v, want %v", filter, got, believed(want))
		}
		if other != nil && reflect.DeepEqual(believed(want), believed(other)) {
			t.Error("nothing was updated: the test says nothing")
		}
		if err := os.RemoveAll(filepath.Join(dir, "model")); err != nil {
			t.Fatal(err)
		}
		p, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := p.Model(); m != nil || err == nil || !strings.Contains(err.Error(), "cannot read") {
			t.Errorf("without its folder: model %v, error %v", m, err)
		}
	}
}
