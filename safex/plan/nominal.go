// Package plan has the planners: model predictive control with a learned model, which plans
// a horizon at every step and executes its first action.
package plan

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Nominal believes the mean of the model: it maximizes reward, and keeps the limits if
// Objective prices them, as if the mean were true.
type Nominal struct {
	Horizon   int // steps
	Objective safex.Objective
	Search    opt.Minimizer // over the actions
}

// DefaultSafe returns the planner that keeps the limits under the mean.
func DefaultSafe() Nominal {
	return Nominal{Horizon: 20, Objective: safex.Objective{FeasibleFirst: true}, Search: opt.DefaultICEM()}
}

// DefaultUnsafe returns the planner that ignores the limits.
func DefaultUnsafe() Nominal {
	p := DefaultSafe()
	p.Objective = safex.Objective{}
	return p
}

// Check reports the first setting that is out of range.
func (p Nominal) Check() error {
	if err := checkHorizon(p.Horizon); err != nil {
		return err
	}
	return checkSearch(p.Search)
}

// Plan implements safex.Planner.
func (p Nominal) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := newQuery(sq, p.Horizon)
	var out safex.Rolled
	found, stopped := p.Search.Minimize(ctx, opt.Problem{
		Steps: p.Horizon, Dims: q.nu, Start: q.warm(),
		Func: func(values []float64, x num.Batch) error {
			if err := q.Rollout.Roll(ctx, &out, q.candidates(x, nil, 0), nil); err != nil {
				return err
			}
			for i := range values {
				values[i] = p.Objective.Cost(meanReward(&out, i), q.price(p.Objective, &out, i))
			}
			return nil
		},
	}, src.Child("actions"))
	if err := usable(found, stopped); err != nil {
		return nil, err
	}
	plan, err := q.finish(context.WithoutCancel(ctx), found.X, nil, 0, found.NaNs)
	if err != nil {
		return nil, err
	}
	return plan, stopped
}

var _ safex.Planner = Nominal{}
