package train_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Logged transitions come before the first step, are left as they are, and are no steps; with them there need be no random ones.
func TestLogged(t *testing.T) {
	a, _ := agent(t, cart())
	first := &safex.Data{}
	first.Begin()
	for e, err := range a.Episodes(context.Background(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		first.AppendEpisode(e.Trajectory)
	}
	n := first.Len()
	if n == 0 {
		t.Fatal("there is no random step")
	}
	for _, random := range []int{0, 3} {
		a.Logged, a.RandomSteps = first, random
		s := &train.State{}
		for s, err := range a.Steps(context.Background(), s, 1) {
			if err != nil {
				t.Fatal(err)
			}
			steps := len(s.Episode.Actions)
			if s.Episode.Number > 0 {
				steps += random
			}
			if s.Data.Len() != n+steps || first.Len() != n {
				t.Fatalf("%d transitions after %d steps, and %d logged ones", s.Data.Len(), steps, first.Len())
			}
			if (s.Episode.Number == 0) != (s.Episode.Phase == safex.RandomPhase) {
				t.Fatalf("episode %d is %s", s.Episode.Number, s.Episode.Phase)
			}
			if s.Episode.Number == 1 && len(s.Episode.Actions) == 1 && s.Fitted != n+random {
				t.Errorf("the first fit is to %d transitions, want %d", s.Fitted, n+random)
			}
		}
		if s.Data.X[0][0] != first.X[0][0] || s.Data.Next[0][n-1] != first.Next[0][n-1] || len(s.Data.Episodes()) < 2 {
			t.Error("the logged transitions are not the first, or go on in the run")
		}
	}
	a.Logged, a.RandomSteps = nil, 0
	for _, err := range a.Episodes(context.Background(), 1) {
		if err == nil || !strings.Contains(err.Error(), "without random steps there must be Logged transitions") {
			t.Errorf("nothing to learn from: %v", err)
		}
	}
	a.Logged = &safex.Data{X: num.Batch{{1}, {1}}, U: num.Batch{{1}}, Next: num.Batch{{1}, {1}}}
	for _, err := range a.Episodes(context.Background(), 1) {
		if err == nil || !strings.Contains(err.Error(), "the Logged transitions have 2 and 1 dimensions") {
			t.Errorf("of another task: %v", err)
		}
	}
}
