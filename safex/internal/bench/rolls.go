package bench

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// scalarisation is what gradients are of: the adversary's.
var scalarisation = &safex.Scalarisation{Excess: 1, Sharpness: 20}

// beta is how many epistemic deviations the model errs by in rollouts.
const beta = 2

// rolls measures rollouts and gradients, engine beside engine, and looks for a higher peak after each width.
func (b *bench) rolls(ctx context.Context) error {
	for _, width := range b.Widths {
		for _, activation := range b.Activations {
			s, m, err := b.model(ctx, b.recipe(pendulum, width, activation, drawn))
			if err != nil {
				return err
			}
			for _, of := range []Row{{What: rollouts, Batch: b.Batch}, {What: gradients, Batch: b.GradientBatch}} {
				of.Task, of.Hidden, of.Activation, of.Members, of.Horizon = pendulum, width, activation, b.Members, b.Horizon
				var rows []Row
				var runs []func() error
				for i, e := range b.engines {
					r, err := e.Rollout(s, m)
					if err != nil {
						return fmt.Errorf("bench: engine %s: %w", b.Engines[i], err)
					}
					of.Engine = b.Engines[i]
					rows, runs = append(rows, of), append(runs, b.roll(ctx, s, r, of))
				}
				seconds, turns, err := b.repeat(ctx, runs...)
				if err != nil {
					return err
				}
				for i, row := range rows {
					row.rate(seconds[i], turns, products(m))
					if err := b.add(row); err != nil {
						return err
					}
				}
			}
		}
		if err := b.peak(ctx); err != nil {
			return err
		}
	}
	return nil
}

// roll is a function that takes random candidates with random model errors through the rollout or the gradient of a row.
func (b *bench) roll(ctx context.Context, s *safex.System, r safex.Rollout, of Row) func() error {
	src := b.src.Child("candidates")
	start, err := s.DrawStart(src.Child("start"))
	if err != nil {
		return func() error { return err }
	}
	in := safex.Candidates{
		State: start, Actions: uniform(of.Horizon*len(s.Action), of.Batch, src.Child("actions")),
		Eta: uniform(of.Horizon*len(s.State), of.Batch, src.Child("errors")), Beta: beta,
	}
	var up *safex.Scalarisation
	if of.What == gradients {
		up = scalarisation
	}
	var out safex.Rolled
	return func() error { return r.Roll(ctx, &out, in, up) }
}

// uniform draws numbers in [-1, 1].
func uniform(dim, n int, src rng.Stream) num.Batch {
	b, r := num.NewBatch(dim, n), src.Rand()
	for _, column := range b {
		for i := range column {
			column[i] = 2*r.Float64() - 1
		}
	}
	return b
}

// rate is what the seconds of a rollout or gradient come to.
func (r *Row) rate(seconds float64, turns, products int) {
	passes := 1
	if r.What == gradients {
		passes = 2
	}
	r.Repetitions = turns
	r.EvalsPerS = float64(r.Batch*r.Horizon) / seconds
	r.GFLOPs = r.EvalsPerS * float64(passes*2*products) / 1e9
}
