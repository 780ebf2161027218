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
	Horizon     int // steps
	Objective   safex.Objective
	Search      opt.Minimizer // over the actions
	Particles   int           // draws, whose costs are averaged, 0 to 1e4; 0 is the mean of the model alone
	Exploration Exploration
	Refine      Refinement // without Particles
}

// DefaultSafe returns the planner that keeps the limits under the mean.
func DefaultSafe() Nominal {
	return Nominal{
		Horizon: 20, Objective: safex.Objective{FeasibleFirst: true}, Search: opt.DefaultICEM(),
		Exploration: DefaultExploration(), Refine: DefaultRefinement(),
	}
}

// DefaultUnsafe returns the planner that ignores the limits.
func DefaultUnsafe() Nominal {
	p := DefaultSafe()
	p.Objective = safex.Objective{}
	return p
}

// DefaultBarrier returns the planner that keeps away from the limits by a log barrier, under the mean: a reward that is near a limit is
// worth less, by a price of safex.Objective. Doubt does not count. With ten times that price the car never drives up to the wall of the car park, whose
// reward is flat far from the goal.
func DefaultBarrier() Nominal {
	p := DefaultSafe()
	p.Objective.LogBarrier = 0.01
	return p
}

// Check reports the first setting that is out of range.
func (p Nominal) Check() error {
	if err := checkPlan(p.Horizon, p.Objective); err != nil {
		return err
	}
	if err := checkParticles(p.Particles, 0); err != nil {
		return err
	}
	if err := p.Exploration.check(p.Particles); err != nil {
		return err
	}
	if err := p.Refine.check(p.Particles); err != nil {
		return err
	}
	return checkSearch(p.Search)
}

// Plan implements safex.Planner. With Particles, Plan.Worst is the worst of the draws.
func (p Nominal) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := newQuery(sq, p.Horizon+len(sq.Pending))
	draws := q.drawn(p.Particles, src.Child("draws"))
	return q.under(ctx, sampledSearch{
		search: p.Search, draws: draws, tradeoff: p.Objective, exploration: p.Exploration, refine: p.Refine,
		cost: func(o safex.Objective, r *safex.Rolled, rewards []float64, i, n int) (sum float64) {
			for lane := i; lane < len(rewards); lane += n {
				sum += o.Cost(rewards[lane], q.price(o, r, lane))
			}
			return sum * float64(n) / float64(len(rewards))
		},
	}, src)
}

// sampledSearch searches the actions that cost least under draws, or under the mean if there are none.
// Draw d of candidate i of n is lane d·n + i.
type sampledSearch struct {
	*objective
	search      opt.Minimizer
	draws       num.Batch
	first       int // the limits are kept under the draws from this one on
	tradeoff    safex.Objective
	exploration Exploration
	refine      Refinement
	penalty     float64 // of an epistemic deviation; see PETS
	cost        func(o safex.Objective, r *safex.Rolled, rewards []float64, i, n int) float64

	met  productRollout
	bent safex.Rolled // of slopes
}

// under runs a sampledSearch.
func (q query) under(ctx context.Context, v sampledSearch, src rng.Stream) (*safex.Plan, error) {
	var err error
	if v.objective, err = q.newObjective(v.exploration, src.Child("explore")); err != nil {
		return nil, err
	}
	v.met.epistemic = v.epistemic() || v.penalty > 0
	nans := 0
	found, stopped := v.search.Minimize(ctx, opt.Problem{
		Steps: q.horizon, Dims: v.dims(), Start: v.start(),
		Func: func(values []float64, x num.Batch) error {
			if err := v.score(ctx, v.tradeoff, values, x); err != nil {
				return err
			}
			lanes := make([]int, len(values))
			for i := range lanes {
				lanes[i] = i
			}
			n, err := v.refine.improve(ctx, &v, v.tradeoff, values, x, lanes)
			nans += n
			return err
		},
	}, src.Child("actions"))
	if err := usable(found, stopped); err != nil {
		return nil, err
	}
	judges := make(num.Batch, len(v.draws))
	for d, column := range v.draws {
		judges[d] = column[v.first:]
	}
	_, actions := q.split(batchOf(found.X))
	plan, err := q.finish(context.WithoutCancel(ctx), actions.Point(0), judges, 1, found.NaNs+nans)
	if err != nil {
		return nil, err
	}
	plan.Eta, plan.Beta = nil, 0 // a draw is no error that anyone looked for
	v.hand(plan, found.X)
	return plan, stopped
}

// try implements refinable.
func (v *sampledSearch) try(ctx context.Context, values []float64, x num.Batch) error {
	return v.score(ctx, v.tradeoff, values, x)
}

// score scores a population by an objective.
func (v *sampledSearch) score(ctx context.Context, o safex.Objective, values []float64, x num.Batch) error {
	own, actions := v.split(x)
	if err := v.cross(ctx, &v.met, actions, v.draws, 1); err != nil {
		return err
	}
	rewards, err := v.rewards(ctx, actions, own, &v.met.out)
	if err != nil {
		return err
	}
	for i := range values {
		values[i] = v.cost(o, &v.met.out, rewards, i, len(values))
	}
	return nil
}

// slopes implements refinable.
func (v *sampledSearch) slopes(ctx context.Context, x num.Batch) (reward, excess num.Batch, worst []float64, err error) {
	own, actions := v.split(x)
	if reward, err = v.slope(ctx, actions, own); err != nil || !v.looks(v.tradeoff) {
		return reward, nil, nil, err
	}
	if excess, worst, err = v.excessSlope(ctx, &v.bent, actions, nil, 0); own != nil && err == nil {
		excess = v.join(nil, excess)
	}
	return reward, excess, worst, err
}

var _ safex.Planner = Nominal{}
