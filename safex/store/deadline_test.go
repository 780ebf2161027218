package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A deadline is a text in run.yaml, absent without one, and reaches the agent; the run goes on from where it stopped, and its plans
// cannot be attacked, as nobody can make them again.
func TestDeadline(t *testing.T) {
	s := quick.Of(t, "pessimistic")
	if err := s.Set("deadline=10m"); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	r, err := store.Start(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	for st, err := range r.Steps(ctx) {
		if err != nil {
			break
		}
		if len(st.Episode.Forecasts) == 3 {
			cancel()
		}
	}
	cancel()
	text, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil || !strings.Contains(string(text), "\nDeadline: 10m0s\n") {
		t.Errorf("error %v, run.yaml is\n%s", err, text)
	}
	if r, err = store.Resume(dir); err != nil {
		t.Fatal(err)
	}
	if agent, _, err := r.Spec.Agent(r.System); err != nil || agent.Deadline != 10*time.Minute || !experiment.Same(r.Spec, s) {
		t.Errorf("the deadline is %v, and %v after it was read, error %v", agent.Deadline, r.Spec.Deadline, err)
	}
	for _, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, sum := range r.Complete() {
		if sum.Late > 0 {
			t.Errorf("%d late plans of 10 minutes", sum.Late)
		}
	}
	s = quick.Of(t, "pessimistic")
	if text, err := s.YAML(); err != nil || strings.Contains(string(text), "Deadline") {
		t.Errorf("without a deadline the settings are\n%s, error %v", text, err)
	}
	for set, want := range map[string]string{"deadline=50": "no duration, as in 50ms", "dedline=5ms": "no field"} {
		if err := s.Set(set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", set, err, want)
		}
	}
	s.Deadline = -1
	if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), "deadline -1ns") {
		t.Errorf("error %v", err)
	}
}
