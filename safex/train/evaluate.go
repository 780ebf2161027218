package train

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// An Evaluation is a task that an Agent is asked to do with what it has learned on another one. Nothing is learned from it.
type Evaluation struct {
	System  *safex.System // with the states, the actions and the dynamics of the Agent's
	Planner safex.Planner
}

// Ready tells whether the State is one that an Evaluation can follow: an episode is over, and the steps before the first plan are taken.
func (a Agent) Ready(s *State) bool { return s.Over && s.Data != nil && !a.exploring(s) }

// Evaluate plans an episode of e on the real system after an episode of the State is over, with the model that the next one would begin with: it knows every
// transition so far, and is not changed by what happens. It has the number of the episode that it follows. Its random numbers are its own, so that
// the run goes on with the same bits as without it, and the State is as before: a fit that is made here is not made again when the run goes on at once.
// A Plant is reset for it; in the Background nothing is fitted for it.
// An error leaves nothing behind, and a later call comes to the same bits.
func (a Agent) Evaluate(ctx context.Context, s *State, e Evaluation) (safex.Episode, error) {
	number := s.Episode.Number
	fail := func(err error) (safex.Episode, error) {
		return safex.Episode{}, fmt.Errorf("train: evaluation after episode %d: %w", number, err)
	}
	if err := a.check(); err != nil {
		return fail(err)
	}
	if !a.Ready(s) {
		return fail(fmt.Errorf("no episode is over that was planned, or comes before the first plan"))
	}
	t := &State{
		Episode: safex.Episode{Number: number},
		Data:    snapshot(s.Data), Model: s.Model, Base: s.Base, Guarded: s.Guarded, Fits: s.Fits, Fitted: s.Fitted, Updated: s.Updated, Reach: s.Reach, Explorations: s.Explorations,
		ahead: s.ahead, aheadOf: s.aheadOf, plant: s.plant,
	}
	t.Data.Begin() // as the next episode does
	learner := a
	learner.Background, learner.Realtime = false, false // waited for
	before := s.Fits
	if err := learner.know(ctx, t, rng.New(a.Seed)); err != nil {
		return fail(err)
	}
	if t.Fits > before {
		s.ahead, s.aheadOf = &fitted{model: t.Model, learned: t.Fitted, reach: t.Reach, seconds: t.Episode.Fits[0].Seconds}, before
	}
	if a.System.Outside() && t.plant == nil {
		p, err := a.System.Plant.Open(context.WithoutCancel(ctx), a.System)
		if err != nil {
			return fail(err)
		}
		defer p.Close()
		t.plant = p
	}
	t.Episode.Number = number + 1
	a.count(t) // all that is over, by the limits of the agent
	t.countedFor = number
	a.System, a.Planner = e.System, e.Planner
	t.rollout, t.guard, t.member = nil, nil, nil
	if err := a.bind(t); err != nil {
		return fail(err)
	}
	src := rng.New(a.Seed).Child("evaluate")
	if err := a.begin(ctx, t, number, safex.PlannedPhase, src); err != nil {
		return fail(err)
	}
	t.Data = &safex.Data{} // nobody learns from it
	t.Data.Begin()
	for !t.Over {
		if err := ctx.Err(); err != nil {
			return fail(err)
		}
		if err := a.planned(ctx, t, src); err != nil {
			return fail(err)
		}
	}
	return t.Episode, nil
}
