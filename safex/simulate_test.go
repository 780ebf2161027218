package safex_test

import (
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// What is gathered are episodes, each as it is simulated alone, in whatever number.
func TestGather(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.Gather(2, 0.9, 0.4, rng.New(3))
	if err != nil {
		t.Fatal(err)
	}
	if rows := two.Episodes(); len(rows) != 2 || two.Len() != 2*s.Steps {
		t.Fatalf("%d transitions in episodes %v", two.Len(), rows)
	}
	at := rng.New(3).At(1)
	second, err := s.Simulate(s.ColouredPolicy(0.9, 0.4, at.Child("noise")), at)
	if err != nil {
		t.Fatal(err)
	}
	want := &safex.Data{}
	want.AppendEpisode(second.Trajectory)
	for i := range want.Len() {
		if got := two.Next.Point(s.Steps + i); !slices.Equal(got, want.Next.Point(i)) {
			t.Fatalf("step %d of episode 1 goes to %v, want %v", i, got, want.Next.Point(i))
		}
	}
}
