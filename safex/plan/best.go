package plan

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Best is the strongest adversary here, to measure the others by: a long population search and sign-gradient ascent from
// many starts, then a climb over the vertices from the worst of both. It takes far more rollouts than a planner has.
type Best struct {
	Population Population
	Gradient   SignGradient
	Vertices   VertexSearch // its Starts count besides the worst of the two
}

// DefaultBest returns 50 populations of 500, 32 starts of 10 gradients, and 2 vertices to climb from besides.
func DefaultBest() Best {
	cem := opt.DefaultCEM()
	cem.Iterations = 50
	return Best{Population{Search: cem}, SignGradient{Starts: 32, Steps: 10, Sharpness: 20, Sharpen: 3}, DefaultVertexSearch()}
}

// Check implements Adversary.
func (b Best) Check() error {
	for _, part := range []struct {
		name string
		Adversary
	}{{"Population", b.Population}, {"Gradient", b.Gradient}, {"Vertices", b.Vertices}} {
		if err := part.Check(); err != nil {
			return fmt.Errorf("plan: %s: %w", part.name, err)
		}
	}
	return nil
}

// Attack implements Adversary.
func (b Best) Attack(ctx context.Context, dst *Perturbations, t Target, src rng.Stream) error {
	a := newAttackState(dst, t)
	var found Perturbations
	for _, part := range []struct {
		name string
		Adversary
	}{{"population", b.Population}, {"gradient", b.Gradient}, {"corners", b.Vertices}} { // the names of their random streams
		if err := part.Attack(ctx, &found, t, src.Child(part.name)); err != nil {
			return err
		}
		for i, e := range found.Excess {
			dst.take(i, found.Eta, i, e)
			dst.raise(i, found.Each.Point(i))
		}
	}
	for i := range t.Plans.Len() {
		start := dst.Eta.Point(i)
		for d, v := range start {
			if start[d] = 1; v < 0 {
				start[d] = -1
			}
		}
		if err := b.Vertices.climb(ctx, a, i, start); err != nil {
			return err
		}
	}
	return nil
}

var _ Adversary = Best{}
