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

// Nominal believes the model: it maximizes reward, and keeps the limits if Objective prices them, as if the model's mean were
// true or, with Particles, on average over draws of what may be true.
//
// In a draw, x' = μ + σ ⊙ ε at every step, where σ is the epistemic deviation and ε is standard normal. Every candidate of a
// plan meets the same draws. The aleatoric deviation is not drawn.
type Nominal struct {
	Horizon   int // steps
	Objective safex.Objective
	Search    opt.Minimizer // over the actions
	Particles int           // draws, whose costs are averaged, 0 to 1e4; 0 is the mean of the model alone
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
	if err := checkParticles(p.Particles, 0); err != nil {
		return err
	}
	return checkSearch(p.Search)
}

// Plan implements safex.Planner. With Particles, Plan.Worst is the worst of the draws.
func (p Nominal) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := newQuery(sq, p.Horizon)
	draws := q.drawn(p.Particles, src.Child("draws"))
	return q.under(ctx, p.Search, draws, 0, func(r *safex.Rolled, i, n int) (sum float64) {
		lanes := r.Reward.Len()
		for lane := i; lane < lanes; lane += n {
			sum += p.Objective.Cost(meanReward(r, lane), q.price(p.Objective, r, lane))
		}
		return sum * float64(n) / float64(lanes)
	}, src)
}

// under searches for the actions that cost least by what becomes of them under draws, or under the mean if there are none.
// Draw d of candidate i of n is lane d·n + i. The limits are kept under the draws from first on.
func (q query) under(ctx context.Context, search opt.Minimizer, draws num.Batch, first int, cost func(r *safex.Rolled, i, n int) float64, src rng.Stream) (*safex.Plan, error) {
	var met crossing
	found, stopped := search.Minimize(ctx, opt.Problem{
		Steps: q.horizon, Dims: q.nu, Start: q.warm(),
		Func: func(values []float64, x num.Batch) error {
			if err := q.cross(ctx, &met, x, draws, 1); err != nil {
				return err
			}
			for i := range values {
				values[i] = cost(&met.out, i, len(values))
			}
			return nil
		},
	}, src.Child("actions"))
	if err := usable(found, stopped); err != nil {
		return nil, err
	}
	judges := make(num.Batch, len(draws))
	for d, column := range draws {
		judges[d] = column[first:]
	}
	plan, err := q.finish(context.WithoutCancel(ctx), found.X, judges, 1, found.NaNs)
	if err != nil {
		return nil, err
	}
	plan.Eta, plan.Beta = nil, 0 // a draw is no error that anyone looked for
	return plan, stopped
}

var _ safex.Planner = Nominal{}
