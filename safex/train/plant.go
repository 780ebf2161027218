package train

import (
	"context"
	"fmt"
	"reflect"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// open opens the plant, if the real system is one and it is not open. An episode under way goes on there if the plant gives the same answers
// again; else it is over.
func (a Agent) open(ctx context.Context, s *State, src rng.Stream) error {
	if !a.System.Outside() || s.plant != nil {
		return nil
	}
	p, err := a.System.Plant.Open(ctx, a.System)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	s.plant = p
	if s.Data == nil || s.Over {
		return nil
	}
	switch same, err := a.again(ctx, s, src); {
	case err != nil:
		return err
	case !same && len(s.Episode.Actions) == 0: // nothing has happened in it
		return a.begin(ctx, s, s.Episode.Number, s.Episode.Phase, src)
	case !same:
		s.Over, s.Episode.End, s.Episode.Why = true, safex.Truncated, stopped
	}
	return nil
}

// stopped is why an episode ended in which a run was stopped.
const stopped = "the run was stopped, and the plant does not repeat itself"

// again takes the plant through the episode under way, and tells whether it came to where the episode is.
func (a Agent) again(ctx context.Context, s *State, src rng.Stream) (bool, error) {
	if !safex.Repeats(s.plant) {
		return false, nil
	}
	e := s.Episode
	fail := func(at int, err error) (bool, error) {
		return false, fmt.Errorf("train: episode %d, step %d, taken again: %w", e.Number, at, err)
	}
	stream := src.Child("real").At(e.Number)
	t, err := a.System.BeginPlant(ctx, s.plant, stream)
	if err != nil {
		return fail(0, err)
	}
	for at := range e.Actions {
		answer, err := a.System.AdvancePlant(ctx, s.plant, &t, e.Sent(at), stream)
		if err != nil {
			return fail(at, err)
		}
		if answer.End != "" {
			return false, nil
		}
	}
	return reflect.DeepEqual(t.States, e.States) && reflect.DeepEqual(t.Real, e.Real), nil
}

// release closes the plant.
func (s *State) release() {
	if s.plant != nil {
		s.plant.Close()
		s.plant = nil
	}
}

// done tells whether episode n after the random phase is over.
func (a Agent) done(s *State, n int) bool {
	return s.Over && !a.exploring(s) && s.Episode.Number >= n+s.earlier()
}

// earlier is how many episodes before the first that is planned there were besides the random phase that every run has: it is not by their number that schedules
// go, so that a Plant which ends random episodes early leaves a schedule where it is.
func (s *State) earlier() int { return max(s.Explorations-1, 0) }

// exploring tells whether steps before the first plan are left to take.
func (a Agent) exploring(s *State) bool {
	return s.Episode.Phase != safex.PlannedPhase && a.explored(s) < a.RandomSteps
}

// explored is how many steps were taken, while none is planned yet.
func (a Agent) explored(s *State) int {
	if s.Data == nil {
		return 0
	}
	return s.Data.Len() - a.before()
}
