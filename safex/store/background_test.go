package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// A run that learns in the background and is stopped while a fit is made goes on from there: no step is lost, the fit is begun again, and what is read
// back is what was live. Its folders say what it is, and its plans cannot be attacked, as nobody can make them again.
func TestBackground(t *testing.T) {
	s := quick.Spec(t, "background=true", "learner=probabilistic", "learner.Hidden=8", "learner.MinSteps=400", "learner.MaxSteps=400", "calibration=adaptive", "filter=on", "filter.Set=kernel", "filter.Cells=9", "filter.Tube=false")
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := store.Start(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	stopped, fits := 0, 0
	for st, err := range r.Steps(ctx) {
		if err != nil {
			break
		}
		if st.Learning > 0 {
			stopped, fits = st.Data.Len(), st.Fits
			cancel()
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil || !strings.Contains(string(text), "\nBackground: true\n") || stopped == 0 {
		t.Errorf("stopped after %d steps, error %v, run.yaml is\n%s", stopped, err, text)
	}
	if r, err = store.Resume(dir); err != nil {
		t.Fatal(err)
	}
	if r.Done() != stopped || !experiment.Same(r.Spec, s) {
		t.Errorf("%d steps are kept of %d", r.Done(), stopped)
	}
	began := false
	for st, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if st.Data.Len() == stopped+1 {
			began = st.Learning > 0 || st.Fits > fits
		}
	}
	if !began {
		t.Error("the fit that was cut short is not begun again")
	}
	saved, err := store.Open(dir)
	if err != nil || !saved.Complete() {
		t.Fatalf("error %v, complete: %v", err, saved.Complete())
	}
	if m, err := saved.Model(); m == nil || err != nil {
		t.Errorf("the last model is %v, error %v", m, err)
	}
	if data := saved.Data(); data.Len() != s.Total() {
		t.Errorf("%d transitions, want %d", data.Len(), s.Total())
	}
	if _, err := retake.Open(dir); err == nil || !strings.Contains(err.Error(), "learned in the background") {
		t.Errorf("the plans were made again: error %v", err)
	}
	if at, want := study.Path(s, ""), "pendulum/pessimistic-probabilistic-adaptive-background/1"; at != want {
		t.Errorf("its folder in a study is %s, want %s", at, want)
	}
	s.Background = false
	if text, err := s.YAML(); err != nil || strings.Contains(string(text), "Background") || strings.Contains(s.Method(), "background") {
		t.Errorf("without, the settings of %s are\n%s, error %v", s.Method(), text, err)
	}
	if err := s.Set("background=soon"); err == nil || !strings.Contains(err.Error(), `"soon" is not true or false`) {
		t.Errorf("error %v", err)
	}
}
