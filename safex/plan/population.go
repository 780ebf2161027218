package plan

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Population is a population search over η, a plan at a time. With opt.CEM it is the inner maximization of the published
// min-max planners.
type Population struct {
	Search opt.Minimizer // over η

	// Count searches for the number of steps that break a limit, as published, in place of the worst excess. It sees no
	// difference between errors that break none. The worst excess that it came across counts all the same.
	Count bool
}

// DefaultPopulation returns CEM with its defaults.
func DefaultPopulation() Population { return Population{Search: opt.DefaultCEM()} }

// ReferencePopulation returns the published inner maximization: 5 populations, drawn five times as wide as half the box, of
// which steps that break a limit are counted.
func ReferencePopulation() Population {
	cem := opt.ReferenceCEM()
	cem.Iterations = 5
	return Population{Search: cem, Count: true}
}

// Check implements Adversary.
func (p Population) Check() error { return checkSearch(p.Search) }

// Attack implements Adversary.
func (p Population) Attack(ctx context.Context, dst *Perturbations, t Target, src rng.Stream) error {
	a := newAttackState(dst, t)
	for i := range t.Plans.Len() {
		if err := a.try(ctx, i, num.NewBatch(a.horizon*a.nx, 1)); err != nil {
			return err
		}
		_, err := p.Search.Minimize(ctx, opt.Problem{
			Steps: a.horizon, Dims: a.nx,
			Func: func(values []float64, eta num.Batch) error {
				if err := a.try(ctx, i, eta); err != nil {
					return err
				}
				for lane := range values {
					values[lane] = -a.price(safex.Objective{Count: p.Count}, &a.out, lane)
				}
				return nil
			},
		}, src) // the same of each plan
		if err != nil {
			return err
		}
	}
	return nil
}

var _ Adversary = Population{}
