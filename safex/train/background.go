package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// fitted is what comes of a fit.
type fitted struct {
	model   safex.Model
	learned int       // transitions
	reach   []float64 // see State
	seconds float64

	// What planning with the model takes, as of a State; nil where it is made when first needed.
	rollout safex.Rollout
	members int
	member  func(i int) (safex.Rollout, error)
	guard   safex.Guard
}

// fit calls the Learner.
func (a Agent) fit(ctx context.Context, data *safex.Data, before safex.Model, src rng.Stream) (*fitted, error) {
	began := time.Now()
	m, err := a.Learner.Learn(ctx, a.System, data, before, src)
	if err != nil {
		return nil, err
	}
	r, err := reach(m, data)
	return &fitted{model: m, learned: data.Len(), reach: r, seconds: time.Since(began).Seconds()}, err
}

// ready makes all that the first plan with f would else wait for, if it is for a box of as many deviations as planned.
func (a Agent) ready(ctx context.Context, f *fitted, planned float64) (err error) {
	began := time.Now()
	if f.rollout, err = a.Engine.Rollout(a.System, f.model); err != nil {
		return err
	}
	f.members, f.member = safex.BindMembers(a.Engine, a.System, f.model)
	if a.Filter != nil {
		if f.guard, err = a.Filter.Guard(a.System, f.model); err != nil {
			return err
		}
		if p, ok := f.guard.(safex.Preparer); ok {
			err = p.Prepare(ctx, safex.BetaOf(f.model), planned)
		}
	}
	f.seconds += time.Since(began).Seconds()
	return err
}

// take makes f what is believed.
func (s *State) take(f *fitted) {
	s.Model, s.Base, s.Reach, s.rollout, s.members, s.member, s.guard = f.model, nil, f.reach, f.rollout, f.members, f.member, f.guard
	if s.Guarded {
		s.Base = f.model
	}
	s.Fits, s.Fitted, s.Updated, s.Learning, s.ahead = s.Fits+1, f.learned, f.learned, 0, nil
}

// fitting is a fit in the background.
type fitting struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the fit is over, and what follows is set
	fitted *fitted
	err    error
}

// start begins a fit to the transitions so far. There must be none under way.
func (a Agent) start(ctx context.Context, s *State, src rng.Stream) {
	ctx, cancel := context.WithCancel(ctx)
	f, data, before, planned := &fitting{cancel: cancel, done: make(chan struct{})}, snapshot(s.Data), s.Model, s.planned
	src = src.Child("learn").At(s.Fits)
	s.fitting, s.Learning = f, data.Len()
	go func() {
		defer close(f.done)
		if f.fitted, f.err = a.fit(ctx, data, before, src); f.err == nil {
			f.err = a.ready(ctx, f.fitted, planned)
		}
	}()
}

// snapshot is d as it is now. It shares the memory of d, which only ever grows.
func snapshot(d *safex.Data) *safex.Data {
	now := func(b num.Batch) (c num.Batch) {
		for _, column := range b {
			c = append(c, slices.Clip(column))
		}
		return c
	}
	return &safex.Data{X: now(d.X), U: now(d.U), Next: now(d.Next), Starts: slices.Clip(d.Starts)}
}

// takeIn makes the model of the fit in the background what is believed if it is ready, and waits for it if it must be. It is nil if there is none.
func (s *State) takeIn(ctx context.Context, must bool) (*fitted, error) {
	f := s.fitting
	if f == nil {
		return nil, nil
	}
	if must {
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	select {
	case <-f.done:
	default:
		return nil, nil
	}
	f.cancel()
	s.fitting = nil
	if f.err != nil {
		return nil, fmt.Errorf("fit to %d transitions in the background: %w", s.Learning, f.err)
	}
	s.take(f.fitted)
	return f.fitted, nil
}

// settle takes in the fit in the background at the end of a run. No step needs it: a cancelled ctx gives it up.
func (s *State) settle(ctx context.Context) error {
	_, err := s.takeIn(ctx, true)
	if ctx.Err() != nil {
		s.drop()
		err = nil
	}
	s.Learning = 0
	if err != nil {
		return fmt.Errorf("train: after episode %d: %w", s.Episode.Number, err)
	}
	return nil
}

// drop ends the fit in the background, if there is one, and waits until it has ended.
func (s *State) drop() {
	if s.fitting != nil {
		s.fitting.cancel()
		<-s.fitting.done
		s.fitting = nil
	}
}
