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

// Actions lead where the same actions led an episode that nothing disturbed, with the same rewards and excesses.
func TestFollow(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Simulate(s.ColouredPolicy(0.9, 0.8, rng.New(2)), rng.New(2))
	if err != nil {
		t.Fatal(err)
	}
	const from = 50
	way := s.Follow(e.States[from], e.Actions[from:])
	for i := range way.Actions {
		if !slices.Equal(way.States[i+1], e.States[from+i+1]) || way.Rewards[i] != e.Rewards[from+i] || !slices.Equal(way.Excess[i], e.Excess[from+i]) {
			t.Fatalf("step %d leads to %v, %v, %v, want %v, %v, %v", i, way.States[i+1], way.Rewards[i], way.Excess[i], e.States[from+i+1], e.Rewards[from+i], e.Excess[from+i])
		}
	}
	if len(way.States) != s.Steps-from+1 {
		t.Errorf("%d states", len(way.States))
	}
}
