package attack

import (
	"context"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// What is said of one plan is what its adversaries find in it, one that is named twice is asked once, and the sum counts what each misses.
func TestCompare(t *testing.T) {
	dir := finished(t, quick.Spec(t, quick.Networks...))
	r, err := retake.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Choose(); err != nil {
		t.Fatal(err)
	}
	names := []string{"particles-uniform Samples=3", "sign-gradient", "sign-gradient"}
	var outcomes []PlanOutcome
	for s, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Executed == nil {
			continue
		}
		target := s.Target(2)
		out, err := Compare(context.Background(), target, rng.New(1), names...)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := target.Attack(context.Background(), plan.DefaultSignGradient(), rng.New(1))
		if err != nil || out.Beta != 2 || out.Excess[1] != alone.Excess || out.Excess[2] != alone.Excess || out.Rollouts[0] != 4 || out.Rollouts[2] != out.Rollouts[1] || out.Mean > out.Excess[0] {
			t.Errorf("%+v, and alone %v; %v", out, alone.Excess, err)
		}
		outcomes = append(outcomes, out)
	}
	gaps := GapsOf(names[:2], outcomes)
	if len(gaps) != 2 || gaps[0].Plans != len(outcomes) || gaps[0].Rollouts != 4 || strings.Contains(GapTable(gaps), "episode") {
		t.Errorf("of %d plans:\n%s", len(outcomes), GapTable(gaps))
	}
	if _, err := Compare(context.Background(), plan.Target{}, rng.New(1), "sign"); err == nil || !strings.Contains(err.Error(), "sign-gradient") {
		t.Errorf("an adversary that there is not: %v", err)
	}
}
