package plan

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Exploration is what a planner maximizes to learn, besides the reward that its model expects or in place of it. Limits are kept
// as without it. The zero value explores nothing.
type Exploration struct {
	// Information is the share w of the information gain in what is maximized, at most 1,
	//
	//	(1 - w) · r̄ + w · meanₜ Σ_d log(1 + σ_d²/ς_d²),
	//
	// where r̄ is the mean reward of a step and σ the epistemic deviation at each step (OPAX: Sukhija et al., 2023; under limits
	// ActSafe: As et al., 2025). Each term stays in its unit, so w weighs reward against nats. A schedule that ends at 0 explores
	// first, and then lives on what was learned.
	Information Schedule
	Noise       float64 // ς in Scales of each dimension, above 0 with Information: deviations far below are not worth a visit

	// Optimism is κ°: the reward, and the epistemic deviation that counts as information, are those of x' = μ + κ° σ ⊙ η°, where the errors η° in
	// [-1, 1] are searched together with the actions (H-UCRL: Curi et al., 2020). A step of the search then has the dimensions of
	// the state before those of the actions. 0 is off.
	Optimism Schedule

	// Thompson takes the reward of one member of the model, drawn anew for each episode (Osband et al., 2016). The model must have
	// members, as an ensemble does.
	Thompson bool
}

// DefaultExploration explores nothing; its Noise is there for who turns Information on.
func DefaultExploration() Exploration { return Exploration{Noise: 0.01} }

// check reports the first setting that is out of range, or that cannot be with so many draws.
func (e Exploration) check(particles int) error {
	for _, s := range []struct {
		name string
		Schedule
	}{{"Information", e.Information}, {"Optimism", e.Optimism}} {
		if err := s.Check(); err != nil {
			return fmt.Errorf("plan: Exploration.%s: %w", s.name, err)
		}
	}
	off := Constant(0)
	switch w := e.Information; {
	case w.From > 1 || w.Shape != Steady && w.To > 1:
		return fmt.Errorf("plan: Exploration.Information is %v, want a share of at most 1", w)
	case w != off && !(e.Noise > 0 && !math.IsInf(e.Noise, 1)):
		return fmt.Errorf("plan: Exploration.Noise is %v with Exploration.Information %v, want a number above 0", e.Noise, w)
	case e.Optimism != off && e.Thompson:
		return fmt.Errorf("plan: Exploration.Thompson with Exploration.Optimism %v: a member has no epistemic deviation to be optimistic about, choose one", e.Optimism)
	case e.Optimism != off && particles > 0:
		return fmt.Errorf("plan: Particles is %d with Exploration.Optimism %v: the reward has errors of its own then, want 0", particles, e.Optimism)
	}
	return nil
}

// objective is what a call of Plan maximizes.
type objective struct {
	query
	information, optimism float64       // in force
	noise                 []float64     // ς of each dimension, in its unit
	member                int           // from 1; 0 without Thompson
	alone                 safex.Rollout // of the member
	out                   safex.Rolled
	up                    safex.Rolled // of slope
}

// newObjective draws a member from src if it needs one and the last plan brings none.
func (q query) newObjective(e Exploration, src rng.Stream) (*objective, error) {
	z := &objective{query: q, information: e.Information.At(q.Episode), optimism: e.Optimism.At(q.Episode)}
	for _, v := range q.System.State {
		z.noise = append(z.noise, e.Noise*v.Scale)
	}
	if !e.Thompson {
		return z, nil
	}
	if q.Members < 1 {
		return nil, fmt.Errorf("plan: Exploration.Thompson draws a member of the model, and this model has none: use an ensemble")
	}
	if q.Previous != nil {
		z.member = q.Previous.Member
	}
	if z.member < 1 || z.member > q.Members {
		z.member = 1 + src.Rand().IntN(q.Members)
	}
	var err error
	z.alone, err = q.Member(z.member - 1)
	return z, err
}

// dims is how many numbers a step of the series that are searched has.
func (z *objective) dims() int {
	if z.optimism > 0 {
		return z.nx + z.nu
	}
	return z.nu
}

// start is the last plan a step later, without errors if it has none; nil without a last plan.
func (z *objective) start() []float64 {
	warm := z.warm()
	if z.optimism == 0 || warm == nil {
		return warm
	}
	if means := z.Previous.Means; len(means) == 1 && len(means[0]) == z.horizon*z.dims() {
		return later(means[0], z.dims())
	}
	return z.join(nil, batchOf(warm)).Point(0)
}

// hand gives the next plan what it needs to go on from a series.
func (z *objective) hand(p *safex.Plan, series []float64) {
	p.Member = z.member
	if z.optimism > 0 {
		p.Means = [][]float64{series}
	}
}

// epistemic tells whether the epistemic deviation of a rollout under the mean, or under draws, is asked for.
func (z *objective) epistemic() bool { return z.information > 0 && z.optimism == 0 }

// rewards are what is maximized, for each lane of a rollout of the actions under the mean, or under draws. own are the errors
// η°, nil without optimism. It does not stop when ctx is over: a population that was begun is completed.
func (z *objective) rewards(ctx context.Context, actions, own num.Batch, believed *safex.Rolled) ([]float64, error) {
	of, uncertain := believed, believed
	if z.optimism > 0 || z.alone != nil {
		if err := z.imagine(context.WithoutCancel(ctx), &z.out, actions, own, nil); err != nil {
			return nil, err
		}
		of = &z.out
	}
	if z.optimism > 0 {
		uncertain = of
	}
	rewards := make([]float64, believed.Reward.Len())
	for lane := range rewards {
		rewards[lane] = meanReward(of, lane%of.Reward.Len())
		if w := z.information; w > 0 {
			rewards[lane] = (1-w)*rewards[lane] + w*z.gain(uncertain, lane%uncertain.Reward.Len())
		}
	}
	return rewards, nil
}

// imagine rolls actions out as the reward is: under their errors η°, by the member, or under the mean.
func (z *objective) imagine(ctx context.Context, dst *safex.Rolled, actions, own num.Batch, up *safex.Scalarisation) error {
	c := z.candidates(actions, own, z.optimism)
	if z.alone != nil {
		return z.alone.Roll(ctx, dst, c, up)
	}
	c.Epistemic = z.information > 0
	return z.Rollout.Roll(ctx, dst, c, up)
}

// gain is the information gain per step of lane i.
func (z *objective) gain(r *safex.Rolled, i int) (sum float64) {
	for c, column := range r.Epistemic {
		v := column[i] / z.noise[c%z.nx]
		sum += math.Log1p(v * v)
	}
	return sum / float64(z.horizon)
}

// slope is the gradient of the summed reward with respect to the series.
func (z *objective) slope(ctx context.Context, actions, own num.Batch) (num.Batch, error) {
	if err := z.imagine(ctx, &z.up, actions, own, &safex.Scalarisation{Reward: 1, Sharpness: steep}); err != nil {
		return nil, err
	}
	if own == nil {
		return z.up.GradAction, nil
	}
	return z.join(z.up.GradEta, z.up.GradAction), nil
}
