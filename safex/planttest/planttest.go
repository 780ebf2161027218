// Package planttest has the laws of a plant, for tests of one's own.
package planttest

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Steps is how many steps of an episode are taken.
const Steps = 20

// Laws holds the plant of a task to its laws, under gentle random actions. The plant is opened three times.
func Laws(t *testing.T, task safex.Task) {
	t.Helper()
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	if !s.Outside() {
		t.Fatalf("task %q has no plant", s.Name)
	}
	t.Run("answers", func(t *testing.T) { answers(t, s) })
	t.Run("repeats", func(t *testing.T) { repeats(t, s) })
	t.Run("closes", func(t *testing.T) { closes(t, s) })
}

// open is the plant, which is closed with the test.
func open(t *testing.T, s *safex.System) safex.Plant {
	t.Helper()
	p, err := s.Plant.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// episode is one of p, and how it ended.
func episode(t *testing.T, s *safex.System, p safex.Plant, number int) (safex.Trajectory, safex.Answer) {
	t.Helper()
	way, last, err := s.TryPlant(t.Context(), p, Steps, rng.New(1).Child("planttest").At(number))
	if err != nil {
		t.Fatal(err)
	}
	return way, last
}

// answers: a state has all dimensions, in real numbers, at every step, and is the caller's: no later step changes it.
func answers(t *testing.T, s *safex.System) {
	p := open(t, s)
	x, err := p.Reset(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	kept := slices.Clone(x)
	a, err := p.Step(t.Context(), make([]float64, len(s.Action)))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(x, kept) {
		t.Errorf("a step changed the state that the reset returned from %v to %v", kept, x)
	}
	for _, state := range [][]float64{x, a.State} {
		if len(state) != len(s.State) || slices.ContainsFunc(state, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			t.Errorf("a state is %v, want %d numbers", state, len(s.State))
		}
	}
	for i := range 2 {
		episode(t, s, p, i)
	}
}

// repeats: what says so gives the same answers to the same seed and actions, also when it was opened again, and after another episode.
func repeats(t *testing.T, s *safex.System) {
	p := open(t, s)
	if !safex.Repeats(p) {
		t.Skip("it does not say that it repeats itself")
	}
	first, how := episode(t, s, p, 0)
	episode(t, s, p, 1)
	for _, again := range []safex.Plant{p, open(t, s)} {
		way, ended := episode(t, s, again, 0)
		if ended.End != how.End || !slices.EqualFunc(way.States, first.States, slices.Equal) {
			t.Errorf("it says that it repeats itself, and another way came of the same seed and actions:\n%v\n%v", first.States, way.States)
		}
	}
}

// closes: once or twice is the same, in an episode or not, and after a context that is over.
func closes(t *testing.T, s *safex.System) {
	p := open(t, s)
	if _, err := p.Reset(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p.Step(ctx, make([]float64, len(s.Action))) // which may or may not be done
	for range 2 {
		if err := p.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}
