package plan

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// PesTraj plans for the worst of some draws of what may be true: it maximizes the reward of the average draw, and the excess
// that counts is the worst draw's. The draws are made as by Nominal. That none of them breaks a limit says little of the worst
// that the model believes possible: independent draws of each step seldom go the same way.
type PesTraj struct {
	Horizon     int // steps
	Objective   safex.Objective
	Search      opt.Minimizer // over the actions
	Particles   int           // draws, 1 to 1e4
	Separate    bool          // take the reward from as many draws more, as published; otherwise one draw gives both
	Exploration Exploration   // without Optimism
}

// DefaultPesTraj returns as many draws as fit into the time of a step.
func DefaultPesTraj() PesTraj {
	return PesTraj{Horizon: 20, Objective: safex.Objective{FeasibleFirst: true}, Search: opt.DefaultICEM(), Particles: 8, Exploration: DefaultExploration()}
}

// Check reports the first setting that is out of range.
func (p PesTraj) Check() error {
	if err := checkPlan(p.Horizon, p.Objective); err != nil {
		return err
	}
	if err := checkParticles(p.Particles, 1); err != nil {
		return err
	}
	if err := p.Exploration.check(p.Particles); err != nil {
		return err
	}
	return checkSearch(p.Search)
}

// Plan implements safex.Planner. Plan.Worst is the worst of the draws.
func (p PesTraj) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := newQuery(sq, p.Horizon+len(sq.Pending))
	draws, first := p.Particles, 0 // of those that give the excess
	if p.Separate {
		draws, first = 2*p.Particles, p.Particles
	}
	return q.under(ctx, sampledSearch{
		search: p.Search, draws: q.drawn(draws, src.Child("draws")), first: first, tradeoff: p.Objective, exploration: p.Exploration,
		cost: func(o safex.Objective, r *safex.Rolled, rewards []float64, i, n int) float64 {
			reward, worst := 0.0, q.price(o, r, first*n+i)
			for d := range p.Particles {
				reward += rewards[d*n+i]
				worst = max(worst, q.price(o, r, (first+d)*n+i))
			}
			return o.Cost(reward/float64(p.Particles), worst)
		},
	}, src)
}

var _ safex.Planner = PesTraj{}
