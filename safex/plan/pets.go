package plan

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// PETS plans with trajectories that the model believes possible (Chua et al., 2018), and keeps limits as its constrained successors do, which
// OmniSafe has as CCEPETS, RCEPETS and CAPPETS. It maximizes the reward of the average trajectory. What a trajectory breaks is its worst excess over
// steps and limits in units of their Scale, at least 0. A plan costs
//
//	CCE  meanₚ max(0, worst excess of p)           constrained cross-entropy (Wen and Topcu, 2018)
//	RCE  maxₚ  max(0, worst excess of p)           robust cross-entropy (Liu et al., 2020)
//	CAP  meanₚ max(0, worst excess of p + κ u)     conservative and adaptive penalty (Ma et al., 2022)
//
// where u = ‖σ ⊘ Scale‖ is the model's doubt in each step. The elites of the search are those of Algorithm 1 of CCE: if there are enough plans that
// cost no more than the Budget, the best of them by reward, and else those that cost least; which is what safex.Objective.FeasibleFirst makes of them.
// Where the Budget is 0, CCE and RCE accept the same plans, and differ in what they make of those that break a limit. The papers sum
// the costs of the steps; Objective.Count does, for costs of 1.
//
// A trajectory has one error for its whole length, as TS∞ has one network: in trajectory p, x' = μ + σ ⊙ εₚ at every step, where σ is the epistemic
// deviation and εₚ is standard normal. So it goes with any model, and a calibrated one is believed as it is calibrated. The papers draw networks of an
// ensemble. Every candidate of a plan meets the same trajectories. That none of them breaks a limit is no proof.
type PETS struct {
	Horizon   int // steps
	Objective safex.Objective
	Search    opt.Minimizer // over the actions
	Particles int           // trajectories, 1 to 1e4
	Worst     bool          // the worst of them counts, as in RCE; otherwise the average, as in CCE
	Penalty   Penalty       // of doubt, as in CAP; none otherwise
}

// A Penalty is κ of CAP, which grows and shrinks with what it led to (Ma et al., 2022): in the first planned episode it is Start, and
//
//	κ ← max(0, κ + Gain · (violating steps of the episode - Allowed))
//
// after each, which is integral control. The zero value is no penalty. It is a function of what is recorded: see safex.Query.Violations.
type Penalty struct {
	Start   float64 // excess, in Scales of a limit, that a doubt of one Scale of the state counts as; at least 0
	Gain    float64 // by how much a violating step raises it, at least 0
	Allowed float64 // violating steps of an episode that change nothing, at least 0; fewer lower it
}

// DefaultCCE returns constrained cross-entropy with as many trajectories as fit into the time of a step.
func DefaultCCE() PETS {
	return PETS{Horizon: 20, Objective: safex.Objective{FeasibleFirst: true}, Search: opt.DefaultICEM(), Particles: 8}
}

// DefaultRCE returns DefaultCCE for the worst trajectory.
func DefaultRCE() PETS {
	p := DefaultCCE()
	p.Worst = true
	return p
}

// DefaultCAP returns DefaultCCE with a penalty that begins with the authors' κ of 1, and that ten violating steps double.
func DefaultCAP() PETS {
	p := DefaultCCE()
	p.Penalty = Penalty{Start: 1, Gain: 0.1}
	return p
}

// Check reports the first setting that is out of range.
func (p PETS) Check() error {
	if err := checkPlan(p.Horizon, p.Objective); err != nil {
		return err
	}
	if err := checkParticles(p.Particles, 1); err != nil {
		return err
	}
	if p.Objective.LogBarrier > 0 {
		return fmt.Errorf("plan: Objective.LogBarrier is %v: trajectories that keep the limits cost 0, however near they are; leave it 0", p.Objective.LogBarrier)
	}
	for _, s := range []struct {
		name string
		v    float64
	}{{"Start", p.Penalty.Start}, {"Gain", p.Penalty.Gain}, {"Allowed", p.Penalty.Allowed}} {
		if !(s.v >= 0) || math.IsInf(s.v, 1) {
			return fmt.Errorf("plan: Penalty.%s is %v, want a number of at least 0", s.name, s.v)
		}
	}
	return checkSearch(p.Search)
}

// After is κ after planned episodes with so many violating steps each.
func (p Penalty) After(violations []int) float64 {
	κ := p.Start
	for _, n := range violations {
		κ = max(0, κ+p.Gain*(float64(n)-p.Allowed))
	}
	return κ
}

// Plan implements safex.Planner. Plan.Worst is the worst of the trajectories, without a penalty.
func (p PETS) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := newQuery(sq, p.Horizon+len(sq.Pending))
	κ := p.Penalty.After(q.Violations)
	return q.under(ctx, sampledSearch{
		search: p.Search, draws: q.held(p.Particles, src.Child("draws")), tradeoff: p.Objective, penalty: κ,
		cost: func(o safex.Objective, r *safex.Rolled, rewards []float64, i, n int) float64 {
			reward, mean, worst := 0.0, 0.0, 0.0
			for lane := i; lane < len(rewards); lane += n {
				reward += rewards[lane]
				q.penalize(r, lane, κ)
				broken := max(0, q.price(o, r, lane))
				mean, worst = mean+broken, max(worst, broken)
			}
			cost := mean / float64(p.Particles)
			if p.Worst {
				cost = worst
			}
			return o.Cost(reward/float64(p.Particles), cost)
		},
	}, src)
}

// penalize adds κ times the doubt of each step of a lane to its excesses.
func (q query) penalize(r *safex.Rolled, lane int, κ float64) {
	if κ == 0 {
		return
	}
	for t := range q.horizon {
		square := 0.0
		for d, v := range q.System.State {
			doubt := r.Epistemic[t*q.nx+d][lane] / v.Scale
			square += doubt * doubt
		}
		for _, column := range r.Excess[t*q.nl : (t+1)*q.nl] {
			column[lane] += κ * math.Sqrt(square)
		}
	}
}

var _ safex.Planner = PETS{}
