package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// first takes a step before the first plan.
func (a Agent) first(ctx context.Context, s *State, src rng.Stream) error {
	began := time.Now()
	u, err := a.draw(s, src)
	if err != nil {
		return err
	}
	var plan *safex.Plan
	var forecast safex.Forecast
	switch covered := a.known(s, u); {
	case a.Prior != nil:
		plan = &safex.Plan{Actions: [][]float64{u}}
		if covered {
			plan.Cover = safex.CoverBackup
		}
		if plan, forecast, err = a.judge(context.WithoutCancel(ctx), s, plan, began); err != nil {
			return err
		}
		u = plan.Actions[0]
	case covered:
		forecast.Cover, forecast.Feasible = safex.CoverBackup, true
	default:
		forecast.Cover = safex.CoverNone
	}
	left := a.RandomSteps - a.explored(s)
	late, missed := a.wait(s)
	forecast.Jitter, forecast.Missed = late.Seconds()*1e3, missed
	if err := a.act(ctx, s, u, len(s.Episode.Actions)+left, src); err != nil {
		return err
	}
	if a.Filter != nil && (a.First != nil || a.Prior != nil) { // else nobody looks at random steps
		s.Previous, s.Episode.Forecasts = plan, append(s.Episode.Forecasts, forecast)
	}
	return nil
}

// draw is what First does, or a random action.
func (a Agent) draw(s *State, src rng.Stream) ([]float64, error) {
	at := len(s.Episode.Actions)
	if a.First == nil {
		r := src.Child("explore").At(a.explored(s)).Rand()
		u := make([]float64, len(a.System.Action))
		for k := range u {
			u[k] = a.System.Gentle(k, 2*r.Float64()-1)
		}
		return u, nil
	}
	u := slices.Clone(a.First(at, slices.Clone(s.Episode.States[at])))
	if len(u) != len(a.System.Action) || slices.ContainsFunc(u, func(v float64) bool { return !(v >= -1 && v <= 1) }) {
		return nil, fmt.Errorf("train: episode %d, step %d: First does %v, want %d numbers in [-1, 1]", s.Episode.Number, at, u, len(a.System.Action))
	}
	return u, nil
}

// known tells whether First does what the task has declared to keep every limit for ever, from a state of which it has: no belief is needed
// for that. It was declared of actions that take effect at once, without noise.
func (a Agent) known(s *State, u []float64) bool {
	b, x := a.System.Backup, s.Episode.States[len(s.Episode.Actions)]
	return a.First != nil && b != nil && len(a.System.Expected) == 0 && b.Contains(x) && slices.Equal(u, b.Action(x))
}

// judge is what the Filter makes, by the Prior, of a plan that has an action and nothing else, and what is then believed of the step. A plan that has a
// Cover is not changed.
func (a Agent) judge(ctx context.Context, s *State, p *safex.Plan, began time.Time) (*safex.Plan, safex.Forecast, error) {
	fail := func(err error) (*safex.Plan, safex.Forecast, error) {
		return nil, safex.Forecast{}, fmt.Errorf("train: episode %d, step %d: %w", s.Episode.Number, len(s.Episode.Actions), err)
	}
	if s.rollout == nil {
		r, err := a.Engine.Rollout(a.System, a.Prior)
		if err != nil {
			return fail(err)
		}
		s.rollout = r
	}
	if err := a.bindGuard(s, a.Prior); err != nil {
		return fail(err)
	}
	q, err := a.query(s, a.Prior)
	if err != nil {
		return fail(err)
	}
	p.Beta = safex.DeviationsOf(s.guard, q.Beta, 0)
	if err := a.expect(ctx, q, p); err != nil {
		return fail(err)
	}
	if p.Cover == "" {
		kept, err := s.guard.Keep(ctx, q, p)
		if err != nil {
			return fail(err)
		}
		p = kept
	}
	f, err := a.forecast(s, a.Prior, q, p, began)
	return p, f, err
}

// sharp is the Sharpness by which the limit that binds is told from others.
const sharp = 100

// expect completes a plan of one action with where it leads by the mean of a belief, and by the error in its box that the slope of the
// limits says hurts most: the corner that a random action, which nobody has attacked, is held against.
func (a Agent) expect(ctx context.Context, q safex.Query, p *safex.Plan) error {
	eta := make([]float64, len(q.State))
	c := safex.Candidates{State: q.State, LastAction: q.LastAction, Actions: column(p.Actions[0]), Eta: column(eta), Beta: p.Beta}
	var r safex.Rolled
	if err := q.Rollout.Roll(ctx, &r, c, &safex.Scalarisation{Excess: 1, Sharpness: sharp}); err != nil {
		return err
	}
	for d, slope := range r.GradEta {
		switch {
		case slope[0] > 0:
			eta[d] = 1
		case slope[0] < 0:
			eta[d] = -1
		}
	}
	p.Expected, p.Eta = r.Trajectory(a.System, c, 0), [][]float64{eta}
	c.Eta = column(eta)
	if err := q.Rollout.Roll(ctx, &r, c, nil); err != nil {
		return err
	}
	p.Worst = r.Trajectory(a.System, c, 0)
	p.Bound = p.Worst.WorstExcess(len(a.System.Limits))
	for k, e := range p.Expected.Excess[0] {
		p.Bound[k] = max(p.Bound[k], e)
	}
	p.Feasible = p.Worst.Violations(q.Left...) == 0 && p.Expected.Violations(q.Left...) == 0
	return nil
}
