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
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/plantest"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Every planner that has a name keeps the laws.
func TestPlannerLaws(t *testing.T) {
	names := experiment.Planners.Names()
	for _, name := range names {
		planner := func(set ...string) safex.Planner {
			s, err := experiment.Named("pendulum", "planner="+name)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range append(set, "planner.Horizon=10") {
				if err := s.Set(a); err != nil {
					t.Fatal(err)
				}
			}
			return s.Planner
		}
		laws := plantest.Laws{Blind: name == "unsafe", Priced: name == "barrier", Draws: name == "pestraj"}
		switch planner().(type) {
		case *plan.PETS:
			laws.Draws = true
		case *plan.Pessimistic:
			laws.Wider = planner("planner.Beta=4")
		case *plan.MinMax:
			laws.Wider, laws.Slack = planner("planner.Beta=4"), 0.03
		}
		t.Run(name, func(t *testing.T) { plantest.Run(t, planner(), laws) })
	}
}

// A run of any planner that is stopped within an episode and resumed takes the steps of one that was never stopped.
func TestResumePlanners(t *testing.T) {
	names := experiment.Planners.Names()
	if testing.Short() {
		names = []string{"minmax"} // which hands most on from step to step
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			settings := func() *experiment.Spec {
				s := quick.Of(t, name)
				if err := s.Set("learner=linear"); err != nil {
					t.Fatal(err)
				}
				if strings.HasSuffix(name, "minmax") {
					for _, a := range []string{"planner.Inner.Samples=16", "planner.Inner.Elites=4", "planner.Inner.Iterations=2", "planner.KeepStd=2"} {
						if err := s.Set(a); err != nil {
							t.Fatal(err)
						}
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
					if taken++; taken == 7 {
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

// The planners of a task have its Tuning, whatever search they use, and only the preset has the published one.
func TestTuning(t *testing.T) {
	for _, e := range experiment.Tasks.Entries() {
		task, want := e.Name, e.Make().Task().Tuning
		if want == (safex.Tuning{}) {
			continue
		}
		for _, planner := range []string{"pessimistic", "safe", "unsafe"} {
			for _, search := range []string{"icem", "mppi"} {
				s, err := experiment.Named(task, "planner="+planner)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Set("planner.Search=" + search); err != nil {
					t.Fatal(err)
				}
				for field, value := range map[string]any{"Horizon": want.Horizon, "Search.Std": want.Std, "Search.Color": want.Color} {
					if reflect.ValueOf(value).IsZero() { // which leaves it to the planner
						continue
					}
					at := reflect.ValueOf(s.Planner).Elem()
					for _, name := range strings.Split(field, ".") {
						if at.Kind() == reflect.Interface {
							at = at.Elem().Elem()
						}
						at = at.FieldByName(name)
					}
					if got := at.Interface(); got != value {
						t.Errorf("%s, %s, %s: %s is %v, want %v", task, planner, search, field, got, value)
					}
				}
			}
		}
	}
}
