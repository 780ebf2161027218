package plan

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// MinMax plays a game between two population searches. By turns, one searches the model errors η in [-1, 1] that break the best
// action series u found so far, and the other the actions that cost least under the worst errors found so far,
//
//	min_u max_η λ b(C(u, η) - d) - r̄(u),
//
// where C is the excess of x' = μ + β σ ⊙ η, and r̄ the reward under the mean, on average over Particles or, with Optimism,
// under errors that are searched together with the actions (Curi et al., 2020):
//
//	min_{u, η°} max_η λ b(C(u, η) - d) - r̄(u, η°),   x' = μ + β° σ ⊙ η° in r̄.
//
// The errors come first, and the best actions of the last turn are executed. They were not attacked themselves: they kept the
// limits under the errors that broke those before. What breaks them most of these is Plan.Eta.
type MinMax struct {
	Horizon   int      // steps
	Beta      Schedule // how many epistemic deviations the model may err by; a Calibrated model brings its own
	Optimism  Schedule // how many of them the reward may be better by, β°; 0 for no optimism
	Objective safex.Objective
	Search    opt.Minimizer // over the actions and, with Optimism, the errors η° before those of each step
	Inner     opt.Minimizer // over the errors; it maximizes the mean excess of the actions that it meets, before the barrier
	Particles int           // draws, as in Nominal, whose reward is averaged, 0 to 1e4; 0 is the mean, and a must with Optimism

	Alternations int     // turns of both, 1 to 1e4
	Fixed        int     // best series of each search that the other meets, 1 to 1e4; fewer if the search has fewer Elites
	Mean         bool    // the costs under the errors that are met are averaged, as published; otherwise the largest counts
	KeepStd      float64 // a search starts with its last deviations of the turn before, times KeepStd; 0 starts it with its own

	// Warm hands what is fixed to the next search of its side as candidates, and to the first search of the next step, with its
	// mean, a step later. Otherwise nothing but the mean goes on to the next turn, and a step starts from 0.
	Warm bool
}

// DefaultMinMax returns a game that fits into the time of a step.
func DefaultMinMax() MinMax {
	search, inner := opt.DefaultICEM(), opt.DefaultICEM()
	search.Iterations, search.Samples, search.Elites = 2, 64, 8
	inner.Iterations, inner.Samples, inner.Elites = 2, 64, 8
	return MinMax{
		Horizon: 20, Beta: Constant(2), Objective: safex.Objective{FeasibleFirst: true}, Search: search, Inner: inner,
		Alternations: 3, Fixed: 3, Warm: true,
	}
}

// DefaultOptMinMax is DefaultMinMax with an optimism of one deviation.
func DefaultOptMinMax() MinMax {
	p := DefaultMinMax()
	p.Optimism = Constant(1)
	return p
}

// Check reports the first setting that is out of range.
func (p MinMax) Check() error {
	if err := checkPlan(p.Horizon, p.Objective); err != nil {
		return err
	}
	if err := p.Beta.Check(); err != nil {
		return fmt.Errorf("plan: Beta: %w", err)
	}
	if err := p.Optimism.Check(); err != nil {
		return fmt.Errorf("plan: Optimism: %w", err)
	}
	if err := checkParticles(p.Particles, 0); err != nil {
		return err
	}
	switch {
	case p.Particles > 0 && p.Optimism != Constant(0):
		return fmt.Errorf("plan: Particles is %d with Optimism %v: the reward has errors of its own then, want 0", p.Particles, p.Optimism)
	case p.Alternations < 1 || p.Alternations > 1e4 || p.Fixed < 1 || p.Fixed > 1e4:
		return fmt.Errorf("plan: Alternations is %d and Fixed %d, want 1 to 1e4", p.Alternations, p.Fixed)
	case !(p.KeepStd >= 0) || math.IsInf(p.KeepStd, 1):
		return fmt.Errorf("plan: KeepStd is %v, want a number of at least 0", p.KeepStd)
	}
	if err := checkSearch(p.Inner); err != nil {
		return fmt.Errorf("plan: Inner: %w", err)
	}
	return checkSearch(p.Search)
}

// minMax is the state of a call of MinMax.Plan.
type minMax struct {
	MinMax
	query
	beta, optimism float64   // in force
	draws          num.Batch // nil for the mean
	attacked       bool      // a search for errors was completed, or none is needed
	actions        side      // their series have η° and the action of each step
	errors         side
	rewards, met   productRollout
}

// side is one of the two searches.
type side struct {
	dims  int
	mean  []float64 // of the elites of the turn before: where the next starts
	std   []float64 // with which it ended; nil at first
	fixed num.Batch // the best of them, no two alike; nil before there are any
	many  []float64 // how many of the elites each is
}

// Plan implements safex.Planner. A plan that is cut short is the plan of the last turn that was completed, and not feasible before a
// search for errors was.
func (p MinMax) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	g := &minMax{MinMax: p, query: newQuery(sq, p.Horizon+len(sq.Pending)), beta: betaInForce(p.Beta, sq), optimism: p.Optimism.At(sq.Episode)}
	g.draws = g.drawn(p.Particles, src.Child("draws"))
	g.begin()
	found, nans, stopped := g.play(ctx, src)
	if err := usable(found, stopped); err != nil {
		return nil, err
	}
	_, actions := g.split(batchOf(found.X))
	plan, err := g.finish(context.WithoutCancel(ctx), actions.Point(0), g.errors.fixed, g.beta, nans)
	if err == nil && bad(plan.Expected.Return()) { // cut short before there was a better one
		err = stopped
	}
	if err != nil {
		return nil, err
	}
	plan.Feasible = plan.Feasible && g.attacked
	if p.Warm {
		plan.Counterexamples, plan.Elites, plan.Means = g.errors.series(), g.actions.series(), [][]float64{g.actions.mean, g.errors.mean}
	}
	return plan, stopped
}

// begin sets both sides to 0, or to where the step before left them.
func (g *minMax) begin() {
	g.errors.dims, g.actions.dims = g.nx, g.nu
	if g.optimism > 0 {
		g.actions.dims += g.nx
	}
	for _, s := range []*side{&g.errors, &g.actions} {
		s.mean = make([]float64, g.horizon*s.dims)
	}
	g.actions.fix([][]float64{g.actions.mean}, 1)
	if last := g.Previous; g.Warm && last != nil && len(last.Means) == 2 {
		g.actions.inherit(last.Means[0], last.Elites, g.Fixed)
		g.errors.inherit(last.Means[1], last.Counterexamples, g.Fixed)
	}
}

// inherit takes over a mean and elites of the step before, a step later. Those of other dimensions say nothing.
func (s *side) inherit(mean []float64, elites [][]float64, fixed int) {
	if len(mean) != len(s.mean) {
		return
	}
	s.mean = later(mean, s.dims)
	var shifted [][]float64
	for _, e := range elites {
		if len(e) == len(s.mean) {
			shifted = append(shifted, later(e, s.dims))
		}
	}
	s.fix(shifted, fixed)
}

// later is a series a step later; its last step is repeated.
func later(series []float64, dims int) []float64 {
	return slices.Concat(series[dims:], series[len(series)-dims:])
}

// fix takes the best n elites. Those that are alike count as one, of that weight. Without elites nothing changes.
func (s *side) fix(elites [][]float64, n int) {
	if len(elites) == 0 {
		return
	}
	var distinct [][]float64
	s.many = nil
	for _, e := range elites[:min(n, len(elites))] {
		i := slices.IndexFunc(distinct, func(d []float64) bool { return slices.Equal(d, e) })
		if i < 0 {
			i, distinct, s.many = len(distinct), append(distinct, e), append(s.many, 0)
		}
		s.many[i]++
	}
	s.fixed = batchOf(distinct...)
}

// series are the fixed elites, best first.
func (s *side) series() (all [][]float64) {
	for i := range s.fixed.Len() {
		all = append(all, s.fixed.Point(i))
	}
	return all
}

// play lets the two searches take turns, and returns the best actions of the last turn. It does not search errors if there are no
// limits that they could break, or if β is 0, so that there are none.
func (g *minMax) play(ctx context.Context, src rng.Stream) (found *opt.Result, nans int, stopped error) {
	harmless := g.nl == 0 || g.beta == 0
	g.attacked = harmless
	for turn := range g.Alternations {
		if !harmless {
			before := g.errors
			r, err := g.turn(ctx, &g.errors, g.Inner, g.hurt, src.Child("errors").At(turn))
			if found == nil && r != nil { // where the actions stand was attacked at least
				found = &opt.Result{X: g.actions.fixed.Point(0)}
			}
			if err != nil {
				if g.attacked { // those of half a search may be milder than those that found has met
					g.errors = before
				}
				return found, nans, err
			}
			g.attacked = true
		}
		r, err := g.turn(ctx, &g.actions, g.Search, g.score, src.Child("actions").At(turn))
		if r != nil {
			nans += r.NaNs
		}
		if r != nil && (err == nil || turn == 0) {
			found = r
		}
		if err != nil {
			return found, nans, err
		}
	}
	return found, nans, nil
}

// turn is one search of a side.
func (g *minMax) turn(ctx context.Context, s *side, search opt.Minimizer, score func(ctx context.Context, values []float64, x num.Batch) error, src rng.Stream) (*opt.Result, error) {
	p := opt.Problem{Steps: g.horizon, Dims: s.dims, Start: s.mean}
	if g.KeepStd > 0 && s.std != nil {
		p.Std = slices.Clone(s.std)
		for d := range p.Std {
			p.Std[d] *= g.KeepStd
		}
	}
	known := s.series()
	p.Func = func(values []float64, x num.Batch) error {
		if g.Warm {
			for i, e := range known[:min(len(known), x.Len()-1)] {
				x.SetPoint(x.Len()-1-i, e) // the first lanes are those that the search starts from
			}
			known = nil
		}
		return score(ctx, values, x)
	}
	r, err := search.Minimize(ctx, p, src)
	if r == nil || len(r.Elites) == 0 {
		return r, err
	}
	s.std = r.Std
	s.fix(r.Elites, g.Fixed)
	s.mean = make([]float64, len(s.mean))
	for _, e := range r.Elites {
		for d, v := range e {
			s.mean[d] += v / float64(len(r.Elites))
		}
	}
	return r, err
}

// hurt scores errors by how much they break the actions that they meet. To leave the real numbers is worst, which here is best.
func (g *minMax) hurt(ctx context.Context, values []float64, x num.Batch) error {
	_, actions := g.split(g.actions.fixed)
	if err := g.cross(ctx, &g.met, actions, x, g.beta); err != nil {
		return err
	}
	n := actions.Len()
	for e := range values {
		sum := 0.0
		for i, many := range g.actions.many {
			sum += many * g.price(g.Objective, &g.met.out, e*n+i)
		}
		if values[e] = -sum; math.IsNaN(sum) {
			values[e] = math.Inf(-1)
		}
	}
	return nil
}

// score scores actions by their cost under the errors that they meet.
func (g *minMax) score(ctx context.Context, values []float64, x num.Batch) error {
	own, actions := g.split(x)
	reward := make([]float64, len(values))
	if own != nil {
		if err := g.Rollout.Roll(ctx, &g.rewards.out, g.candidates(actions, own, g.optimism), nil); err != nil {
			return err
		}
	} else if err := g.cross(ctx, &g.rewards, actions, g.draws, 1); err != nil {
		return err
	}
	n := len(values)
	for lane := range g.rewards.out.Reward.Len() {
		reward[lane%n] += meanReward(&g.rewards.out, lane) / float64(max(1, g.Particles))
	}
	met := &g.rewards.out // of the mean, which is all that there is to meet without errors
	if g.errors.fixed != nil || own != nil || g.draws != nil {
		if err := g.cross(ctx, &g.met, actions, g.errors.fixed, g.beta); err != nil {
			return err
		}
		met = &g.met.out
	}
	for i := range values {
		sum, weight, worst := 0.0, 0.0, math.Inf(-1)
		for e := range max(1, len(g.errors.many)) {
			many := 1.0
			if g.errors.many != nil {
				many = g.errors.many[e]
			}
			cost := g.Objective.Cost(reward[i], g.price(g.Objective, met, e*n+i))
			sum, weight, worst = sum+many*cost, weight+many, max(worst, cost)
		}
		if values[i] = worst; g.Mean {
			values[i] = sum / weight
		}
	}
	return nil
}

var _ safex.Planner = MinMax{}
