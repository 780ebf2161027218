package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// What is explored, and how candidates are refined, can be set, and is read back from run.yaml.
func TestSetExploration(t *testing.T) {
	for planner, set := range map[string][]string{
		"pessimistic": {"planner.Exploration.Information=linear 0.5 to 0 in 5", "planner.Exploration.Noise=0.02", "planner.Exploration.Optimism=2", "planner.Refine.Candidates=4"},
		"safe":        {"planner.Exploration.Information=0.3", "planner.Exploration.Thompson=true", "planner.Refine.Candidates=3", "planner.Refine.Rounds=5"},
		"pestraj":     {"planner.Exploration.Information=1", "planner.Exploration.Thompson=true"},
	} {
		s, err := experiment.Named("pendulum", "planner="+planner)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range set {
			if err := s.Set(a); err != nil {
				t.Fatalf("%s: %v", a, err)
			}
		}
		dir := filepath.Join(t.TempDir(), planner)
		if err := store.Create(dir, s); err != nil {
			t.Fatal(err)
		}
		got, err := store.ReadSpec(dir)
		if err != nil || !experiment.Same(got, s) {
			t.Errorf("%s: read back %+v, %v", planner, got, err)
			continue
		}
		switch p := got.Planner.(type) {
		case *plan.Pessimistic:
			want := plan.Exploration{Information: plan.Linear(0.5, 0, 5), Noise: 0.02, Optimism: plan.Constant(2)}
			if p.Exploration != want || p.Refine != (plan.Refinement{Candidates: 4, Rounds: 2}) {
				t.Errorf("set to %+v and %+v", p.Exploration, p.Refine)
			}
		case *plan.Nominal:
			want := plan.Exploration{Information: plan.Constant(0.3), Noise: 0.01, Thompson: true}
			if p.Exploration != want || p.Refine != (plan.Refinement{Candidates: 3, Rounds: 5}) {
				t.Errorf("set to %+v and %+v", p.Exploration, p.Refine)
			}
		}
	}
	s := quick.Spec(t)
	if err := s.Set("planner.Exploration.Information=1.5"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), "Exploration.Information is 1.5") {
		t.Errorf("error %v", err)
	}
}

// A run that draws a member for each episode, or hopes, and refines, takes the same steps when it is stopped and resumed.
func TestResumeExploration(t *testing.T) {
	for name, set := range map[string][]string{
		"thompson": append(quick.Networks, "planner.Exploration.Thompson=true", "planner.Exploration.Information=linear 0.5 to 0 in 2", "planner.Refine.Candidates=2"),
		"optimism": {"planner.Exploration.Optimism=1", "planner.Refine.Candidates=2"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := func() *experiment.Spec {
				s := quick.Spec(t)
				for _, a := range set {
					if err := s.Set(a); err != nil {
						t.Fatal(err)
					}
				}
				return s
			}
			whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
			for _, err := range store.Train(context.Background(), whole, settings()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			r, err := store.Start(parts, settings())
			if err != nil {
				t.Fatal(err)
			}
			for stops := 0; r.Done() < r.Total() && stops < 20; stops++ {
				ctx, cancel := context.WithCancel(context.Background())
				taken := 0
				for range r.Steps(ctx) {
					if taken++; taken == 5 {
						cancel()
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

// A model without members has none to draw, which is said before the first step.
func TestThompsonNeedsMembers(t *testing.T) {
	s := quick.Spec(t)
	if err := s.Set("learner=linear"); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("planner.Exploration.Thompson=true"); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(context.Background(), dir, s) {
		if err == nil || !strings.Contains(err.Error(), "and this one has none: choose an ensemble") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a run was begun")
	}
	if err := s.Set("learner=prior+probabilistic"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compile(); err != nil {
		t.Error(err)
	}
}
