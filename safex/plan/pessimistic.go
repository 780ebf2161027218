package plan

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Pessimistic plans for the worst dynamics that the model still believes possible: the limits
// must hold under every model error of up to Beta epistemic deviations in each dimension, at
// each step. The reward is the mean's, if Exploration does not say otherwise.
//
// Each population is scored under the worst errors found so far, the counterexamples. Its best candidates are then attacked, and
// the errors that are found become counterexamples for the candidates that follow and for the plan of the next step. The executed
// plan is always one that was attacked.
//
// Where no plan is found that keeps the limits under the whole box, one is made for a third of it, again for a third of that where more than one deviation was left, and at
// last for the mean: of plans that break them, the one that does so least in the worst corner may be the most dangerous, as what is known best is seldom what is safe.
// Such a plan is not Feasible, and its Worst and Bound are those under the whole box. It takes three times as long of two deviations, five times of twenty, and ten at most.
//
// Over a long horizon, errors in every step add up to more than a system meets whose plan is made anew in each step. With a Robust
// horizon (Lucia et al., 2013) the model may err in the first steps only: from there on the limits must hold under the mean, to the
// end of the plan. It should be as long as the system takes to come to rest.
type Pessimistic struct {
	Horizon                   int      // steps, after those whose actions are pending
	Robust                    int      // steps in which the model may err, at most Horizon, besides those whose actions are pending; 0 is all; see below
	Beta                      Schedule // how many epistemic deviations the model may err by; a Calibrated model brings its own
	Objective                 safex.Objective
	Search                    opt.Minimizer // over the actions
	Adversary                 Adversary
	AttackedCandidates        int // best candidates of each population that are attacked at a time, 1 to 1e4
	PopulationCounterexamples int // errors found so far that the whole population is scored under
	KeptCounterexamples       int // errors found so far that attacked candidates are scored under, and that the next plan inherits

	// Effort is how many rollouts the attacks of a search for a plan may take for each candidate of its populations, at least 0; one with a gradient counts as two. 0 is no
	// bound: where most candidates break, a plan then takes longer than others. A population leaves what it does not need to those that follow, and an attack
	// that is under way when the effort is spent is completed. What was not attacked by then comes after what was, but of each population some are attacked in
	// any case, AttackedCandidates at most, and so are the actions that are executed. An attack takes KeptCounterexamples, and what the Adversary takes, 28 by
	// default. One that takes more needs more Effort, and so do populations of fewer candidates.
	Effort float64

	Exploration Exploration
	Refine      Refinement // of attacked candidates, whose excess is that under the worst error that is known
}

// DefaultPessimistic returns the settings of the pendulum.
func DefaultPessimistic() Pessimistic {
	return Pessimistic{
		Horizon: 20, Beta: Constant(2), Objective: safex.Objective{FeasibleFirst: true}, Search: opt.DefaultICEM(),
		Adversary: DefaultSignGradient(), AttackedCandidates: 6, PopulationCounterexamples: 2, KeptCounterexamples: 12, Effort: 4.25,
		Exploration: DefaultExploration(), Refine: DefaultRefinement(),
	}
}

// Check reports the first setting that is out of range.
func (p Pessimistic) Check() error {
	if err := checkPlan(p.Horizon, p.Objective); err != nil {
		return err
	}
	if err := p.Beta.Check(); err != nil {
		return fmt.Errorf("plan: Beta: %w", err)
	}
	switch {
	case p.Robust < 0 || p.Robust > p.Horizon:
		return fmt.Errorf("plan: Robust is %d, want 0 for all steps, or 1 to Horizon %d", p.Robust, p.Horizon)
	case p.AttackedCandidates < 1 || p.AttackedCandidates > 1e4:
		return fmt.Errorf("plan: AttackedCandidates is %d, want 1 to 1e4", p.AttackedCandidates)
	case p.PopulationCounterexamples < 0 || p.KeptCounterexamples < p.PopulationCounterexamples || p.KeptCounterexamples > 1e4:
		return fmt.Errorf("plan: PopulationCounterexamples is %d and KeptCounterexamples %d, want at least 0, and at least as many kept, up to 1e4", p.PopulationCounterexamples, p.KeptCounterexamples)
	case !(p.Effort >= 0) || math.IsInf(p.Effort, 1):
		return fmt.Errorf("plan: Effort is %v rollouts for each candidate, want a number above 0, or 0 for as many as it takes", p.Effort)
	case p.Adversary == nil:
		return fmt.Errorf("plan: there is no Adversary: want one, such as DefaultSignGradient()")
	}
	if err := p.Adversary.Check(); err != nil {
		return err
	}
	if err := p.Exploration.check(0); err != nil {
		return err
	}
	if err := p.Refine.check(0); err != nil {
		return err
	}
	return checkSearch(p.Search)
}

// worstCaseSearch is the state of a call of Plan.
type worstCaseSearch struct {
	Pessimistic
	*objective
	beta            float64 // in force
	src             rng.Stream
	round           int
	counterexamples [][]float64 // errors, the last found first
	mean            safex.Rolled
	rewards         []float64           // of the candidates of mean
	met             safex.Rolled        // of meet
	faced           Perturbations       // of the counterexamples
	found           Perturbations       // of the Adversary
	bent            safex.Rolled        // of slopes
	attacked        []attackedCandidate // of the last population that was scored to its end
	counted         *counted            // rollouts of this plan
	before          int                 // of them, those before the attacks on the population
	left            float64             // of them, what those attacks may take; see Effort
	ranked          *opt.Result         // the best of the first population, before any was attacked
	nans            int                 // of steps of the refinement
}

// attackedCandidate is one that was attacked, and the worst error found for it.
type attackedCandidate struct {
	actions, eta []float64
	excess       float64   // in units of the limit's Scale
	price        float64   // of the excess, by the objective
	each         []float64 // Perturbations.Each
	struck       bool      // by the Adversary
}

// Plan implements safex.Planner.
func (p Pessimistic) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if p.Horizon += len(sq.Pending); p.Robust > 0 { // what nobody can change comes before what is planned
		p.Robust += len(sq.Pending)
	}
	count := &counted{Rollout: sq.Rollout}
	sq.Rollout = count
	q := newQuery(sq, p.Horizon)
	z, err := q.newObjective(p.Exploration, src.Child("explore"))
	if err != nil {
		return nil, err
	}
	g := &worstCaseSearch{Pessimistic: p, objective: z, counted: count, beta: betaInForce(p.Beta, sq), src: src.Child("attack"), counterexamples: q.inherited(p.Robust)}
	found, worst, stopped, err := g.search(ctx, src.Child("actions"))
	if err != nil {
		return nil, err
	}
	nans := found.NaNs + g.nans
	if p.Objective.FeasibleFirst && g.beta > 0 && q.nl > 0 && stopped == nil && !g.holds(&worst) {
		var more int
		if found, more, stopped, err = g.retreat(ctx, found, src.Child("less")); err != nil {
			return nil, err
		}
		nans += more
		_, chosen := q.split(batchOf(found.X))
		if worst, err = g.attack(context.WithoutCancel(ctx), chosen.Point(0)); err != nil {
			return nil, err
		}
	}
	ctx = context.WithoutCancel(ctx)
	_, chosen := q.split(batchOf(found.X))
	actions := chosen.Point(0)
	var errors num.Batch
	if worst.eta != nil {
		errors = batchOf(worst.eta)
	}
	plan, err := q.finish(ctx, actions, errors, g.beta, nans)
	if err != nil {
		return nil, err
	}
	q.raise(plan, worst.each)
	plan.Feasible = plan.Feasible && (worst.struck || q.nl == 0) // what was not attacked is not feasible
	plan.Counterexamples = g.counterexamples
	z.hand(plan, found.X)
	return plan, stopped
}

const (
	share  = 0.3 // of the box for which a plan is made where there is none for all of it, and of that where there is none again
	shares = 8   // at most, so that a model that doubts without end does not plan without end; 15 000 deviations are less than one after so many
)

// less are the deviations for which plans are made, in turn, where there is none for beta of them: a share of what was tried before as long as that is more than one
// deviation, and the mean at last. A calibrated model that has erred asks for many at once, of which a share can be as far from possible as all: what it is sure of
// is to count for something then too.
func less(beta float64) (betas []float64) {
	for more := true; more; more = beta > 1 && len(betas) < shares {
		beta *= share
		betas = append(betas, beta)
	}
	return append(betas, 0)
}

// retreat looks for actions that keep the limits under a share of the box, and else for those that break them least under the mean. If it is stopped, it is what was
// found before.
func (g *worstCaseSearch) retreat(ctx context.Context, found *opt.Result, src rng.Stream) (best *opt.Result, nans int, stopped, err error) {
	for i, beta := range less(g.beta) {
		part, draws := *g, src.At(i)
		part.beta, part.src, part.left, part.attacked, part.nans = beta, draws.Child("attack"), 0, nil, 0
		other, worst, stopped, err := part.search(ctx, draws.Child("actions"))
		if err != nil && ctx.Err() != nil {
			stopped, err = ctx.Err(), nil
		}
		if err != nil || stopped != nil {
			return found, nans, stopped, err
		}
		nans += other.NaNs + part.nans
		if found = other; part.holds(&worst) {
			break
		}
	}
	return found, nans, nil, nil
}

// search looks for the best actions, and for what hurts them most.
func (g *worstCaseSearch) search(ctx context.Context, src rng.Stream) (found *opt.Result, worst attackedCandidate, stopped, err error) {
	found, stopped = g.Search.Minimize(ctx, opt.Problem{
		Steps: g.Horizon, Dims: g.dims(), Start: g.start(),
		Func: func(values []float64, x num.Batch) error { return g.score(ctx, values, x) },
	}, src)
	if found == nil {
		found = g.ranked
	}
	if err := usable(found, stopped); err != nil {
		return nil, worst, nil, err
	}
	_, chosen := g.split(batchOf(found.X))
	actions := chosen.Point(0)
	worst = g.worstOf(actions)
	if !worst.struck && g.nl > 0 && stopped == nil { // the search returned one that it scored long ago, or that was known to break
		worst, err = g.attack(context.WithoutCancel(ctx), actions)
	}
	return found, worst, stopped, err
}

// betaInForce is how many deviations a planner defends: what the model asks for, or what is scheduled; the lesser of both if a Filter answers for the rest.
func betaInForce(s Schedule, q safex.Query) float64 {
	own := s.At(q.Episode)
	switch {
	case q.Beta <= 0:
		return own
	case q.Filtered:
		return min(q.Beta, own)
	}
	return q.Beta
}

// inherited are the last plan's counterexamples, a step later; errors of the last step that may err are repeated. 0 are all steps.
func (q query) inherited(robust int) (counterexamples [][]float64) {
	if q.Previous == nil {
		return nil
	}
	for _, eta := range q.Previous.Counterexamples {
		if len(eta) != q.horizon*q.nx {
			return nil
		}
		last := len(eta)
		if robust > 0 {
			last = robust * q.nx
		}
		counterexamples = append(counterexamples, slices.Concat(eta[q.nx:last], eta[last-q.nx:]))
	}
	return counterexamples
}

// score is the objective of the search: it ranks the population, attacks the best, and refines the best of these.
func (g *worstCaseSearch) score(ctx context.Context, values []float64, x num.Batch) error {
	before := g.attacked
	g.attacked = nil
	lanes, err := g.rank(ctx, values, x)
	if err == nil {
		var n int
		n, err = g.Refine.improve(ctx, g, g.Objective, values, x, lanes)
		g.nans += n
	}
	if err != nil {
		g.attacked = before
	}
	return err
}

// try implements refinable. Of series that were not attacked nothing is known.
func (g *worstCaseSearch) try(ctx context.Context, values []float64, x num.Batch) error {
	lanes, err := g.rank(ctx, values, x)
	for i := range values {
		if _, found := slices.BinarySearch(lanes, i); !found && !math.IsNaN(values[i]) {
			values[i] = math.Inf(1)
		}
	}
	return err
}

// slopes implements refinable. The excess is that under the worst error that is known for a candidate.
func (g *worstCaseSearch) slopes(ctx context.Context, x num.Batch) (reward, excess num.Batch, worst []float64, err error) {
	own, actions := g.split(x)
	if reward, err = g.slope(ctx, actions, own); err != nil || !g.looks(g.Objective) {
		return reward, nil, nil, err
	}
	errors := num.NewBatch(g.horizon*g.nx, x.Len())
	for i := range x.Len() {
		if f := g.worstOf(actions.Point(i)); f.eta != nil {
			errors.SetPoint(i, f.eta)
		}
	}
	if excess, worst, err = g.excessSlope(ctx, &g.bent, actions, errors, g.beta); own != nil && err == nil {
		excess = g.join(nil, excess)
	}
	return reward, excess, worst, err
}

// rank scores a population under the mean and the counterexamples, then attacks the best. It returns the lanes, in order, whose
// values count what the attack found: all, if there are no limits.
func (g *worstCaseSearch) rank(ctx context.Context, values []float64, x num.Batch) (lanes []int, err error) {
	own, actions := g.split(x)
	c := g.candidates(actions, nil, 0)
	c.Epistemic = g.epistemic()
	if err := g.Rollout.Roll(ctx, &g.mean, c, nil); err != nil {
		return nil, err
	}
	if g.rewards, err = g.objective.rewards(ctx, actions, own, &g.mean); err != nil {
		return nil, err
	}
	prices := make([]float64, len(values))
	for i := range prices {
		prices[i] = g.price(g.Objective, &g.mean, i)
		values[i] = g.Objective.Cost(g.rewards[i], prices[i])
	}
	if g.nl == 0 {
		for i := range values {
			lanes = append(lanes, i)
		}
		return lanes, nil
	}
	if g.ranked == nil {
		g.ranked = first(values, x)
	}
	g.left += g.Effort * float64(len(values))
	g.before = g.counted.rollouts
	if err := g.meet(ctx, values, prices, actions); err != nil {
		return nil, err
	}
	lanes, err = g.attackBest(ctx, values, prices, actions)
	g.left -= g.taken()
	return lanes, err
}

// taken is how many rollouts the attacks on the population took so far.
func (g *worstCaseSearch) taken() float64 { return float64(g.counted.rollouts - g.before) }

// over tells whether the effort is spent.
func (g *worstCaseSearch) over() bool { return g.Effort > 0 && g.taken() >= g.left }

// meet scores candidates under the counterexamples, one at a time and a quarter of the population at a time: those that are the best by what they are known to
// cost, which errors only raise. It stops once the best quarter has met them all, as the rest can only become worse than it seems, or the effort is spent.
func (g *worstCaseSearch) meet(ctx context.Context, values, prices []float64, x num.Batch) error {
	all := g.counterexamples[:min(g.PopulationCounterexamples, len(g.counterexamples))]
	order, met := make([]int, len(values)), make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	quarter := (len(order) + 3) / 4
	for !g.over() {
		slices.SortStableFunc(order, func(a, b int) int { return compare(values[a], values[b]) })
		if !slices.ContainsFunc(order[:quarter], func(i int) bool { return met[i] < len(all) }) {
			break
		}
		var lanes []int
		var errors [][]float64
		for _, i := range order {
			if met[i] < len(all) && len(lanes) < quarter {
				lanes, errors = append(lanes, i), append(errors, all[met[i]])
				met[i]++
			}
		}
		if err := g.Rollout.Roll(ctx, &g.met, g.candidates(picked(x, lanes), batchOf(errors...), g.beta), nil); err != nil {
			return err
		}
		for lane, i := range lanes {
			prices[i] = max(prices[i], g.price(g.Objective, &g.met, lane))
			values[i] = g.Objective.Cost(g.rewards[i], prices[i])
		}
	}
	return nil
}

// picked are some lanes of x.
func picked(x num.Batch, lanes []int) num.Batch {
	p := num.NewBatch(len(x), len(lanes))
	for d, column := range x {
		for j, i := range lanes {
			p[d][j] = column[i]
		}
	}
	return p
}

// first is the best of a population, in case that the search is stopped before it is attacked.
func first(values []float64, x num.Batch) *opt.Result {
	best, r := 0, &opt.Result{Evaluations: len(values)}
	for i, v := range values {
		if compare(v, values[best]) < 0 {
			best = i
		}
		if math.IsNaN(v) {
			r.NaNs++
		}
	}
	r.X, r.F = x.Point(best), values[best]
	if math.IsNaN(r.F) {
		r.F = math.Inf(1)
	}
	return r
}

// attackBest attacks the best candidates until the best of all is one that was attacked, or the effort is spent. It returns the lanes, in order, whose values
// count what was found.
//
// Candidates meet the counterexamples first. The adversary, which costs more, is for those that hold, and for the best if none does: errors that it finds
// are then of use where the search goes next.
func (g *worstCaseSearch) attackBest(ctx context.Context, values, prices []float64, x num.Batch) ([]int, error) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	faced, struck, holds := map[int]*attackedCandidate{}, map[int]*attackedCandidate{}, false
	var met []*attackedCandidate // all of faced, in the order in which they were
	for {
		slices.SortStableFunc(order, func(a, b int) int { return compare(values[a], values[b]) })
		if struck[order[0]] != nil || g.over() && len(struck) > 0 {
			break
		}
		var lanes []int
		var found []*attackedCandidate
		facing := faced[order[0]] == nil && !(g.over() && len(faced) > 0)
		for _, i := range order {
			switch f := faced[i]; {
			case len(lanes) == g.AttackedCandidates:
			case facing && f == nil:
				faced[i] = &attackedCandidate{actions: x.Point(i), excess: math.Inf(-1)}
				lanes, found, met = append(lanes, i), append(found, faced[i]), append(met, faced[i])
			case !facing && f != nil && !f.struck && (len(lanes) == 0 || g.holds(f)):
				lanes, found, struck[i] = append(lanes, i), append(found, f), f
			}
		}
		attack := g.face
		if !facing {
			attack = g.strike
		}
		if err := attack(ctx, found); err != nil {
			return nil, err
		}
		if err := g.appraise(ctx, found); err != nil {
			return nil, err
		}
		for j, i := range lanes {
			prices[i] = max(prices[i], found[j].price)
			values[i] = g.Objective.Cost(g.rewards[i], prices[i])
			holds = holds || found[j].struck && g.holds(found[j])
		}
		g.keep(met) // those that break too, although nobody strikes them: what breaks them is what the bank is for
	}
	known := struck
	if !holds { // of those that break, what they are known to break by is as good
		known = faced
	}
	// What is not known comes after the best of what is, in its own order.
	best := math.Inf(1)
	for i := range known {
		if compare(values[i], best) < 0 {
			best = values[i]
		}
	}
	least := best
	for _, i := range order {
		if known[i] == nil && values[i] <= best {
			least = math.Nextafter(least, math.Inf(1))
			values[i] = least
		}
	}
	lanes := slices.Sorted(maps.Keys(known))
	for _, i := range lanes {
		g.attacked = append(g.attacked, *known[i])
	}
	return lanes, nil
}

// holds tells whether a candidate keeps the limits under all errors that it met, as far as the Objective asks for that.
func (g *worstCaseSearch) holds(f *attackedCandidate) bool {
	return !g.Objective.FeasibleFirst || f.price <= g.Objective.Budget
}

// attack finds the worst error for a plan, the counterexamples among them, and keeps it if it is new.
func (g *worstCaseSearch) attack(ctx context.Context, actions []float64) (worst attackedCandidate, err error) {
	found := []*attackedCandidate{{actions: actions, excess: math.Inf(-1)}}
	if err := g.face(ctx, found); err != nil {
		return worst, err
	}
	if err := g.strike(ctx, found); err != nil {
		return worst, err
	}
	g.keep(found)
	err = g.appraise(ctx, found)
	return *found[0], err
}

// target is what to attack.
func (g *worstCaseSearch) target(found []*attackedCandidate) Target {
	t := Target{Query: g.Query, Plans: num.NewBatch(g.horizon*g.nu, len(found)), Beta: g.beta, Robust: g.Robust}
	for i, f := range found {
		t.Plans.SetPoint(i, f.actions)
	}
	return t
}

// take takes what is worse for each candidate than what was found before.
func take(found []*attackedCandidate, d *Perturbations) {
	for i, f := range found {
		f.each = most(f.each, d.Each.Point(i))
		if !math.IsNaN(f.excess) && !(d.Excess[i] <= f.excess) { // a NaN is worst
			f.eta, f.excess = d.Eta.Point(i), d.Excess[i]
		}
	}
}

// face tries the counterexamples on candidates.
func (g *worstCaseSearch) face(ctx context.Context, found []*attackedCandidate) error {
	if len(g.counterexamples) == 0 {
		return nil
	}
	a := newAttackState(&g.faced, g.target(found))
	a.errors(len(g.counterexamples))
	for lane := range a.c.Eta.Len() {
		a.c.Eta.SetPoint(lane, g.counterexamples[lane%len(g.counterexamples)])
	}
	if err := a.roll(ctx, nil); err != nil {
		return err
	}
	take(found, &g.faced)
	return nil
}

// strike lets the Adversary attack candidates.
func (g *worstCaseSearch) strike(ctx context.Context, found []*attackedCandidate) error {
	if err := g.Adversary.Attack(ctx, &g.found, g.target(found), g.src.At(g.round)); err != nil {
		return err
	}
	g.round++
	take(found, &g.found)
	for _, f := range found {
		f.struck = true
	}
	return nil
}

// appraise sets the price of the excess of each attacked candidate. An Objective that counts steps prices the steps under the worst error found, which is rolled out again.
func (g *worstCaseSearch) appraise(ctx context.Context, found []*attackedCandidate) error {
	if !g.Objective.Count {
		for _, f := range found {
			f.price = f.excess
		}
		return nil
	}
	c := g.candidates(g.target(found).Plans, num.NewBatch(g.horizon*g.nx, len(found)), g.beta)
	for i, f := range found {
		if f.eta != nil {
			c.Eta.SetPoint(i, f.eta)
		}
	}
	var out safex.Rolled
	if err := g.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return err
	}
	for i, f := range found {
		f.price = g.price(g.Objective, &out, i)
	}
	return nil
}

// keep puts the errors that hurt candidates most in front of the counterexamples found before, those first that hurt most.
func (g *worstCaseSearch) keep(found []*attackedCandidate) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b *attackedCandidate) int { return -cmp.Compare(a.excess, b.excess) })
	var kept [][]float64
	for _, d := range found {
		if d.eta != nil && !math.IsNaN(d.excess) && !slices.ContainsFunc(kept, func(k []float64) bool { return slices.Equal(k, d.eta) }) {
			kept = append(kept, d.eta)
		}
	}
	for _, eta := range g.counterexamples {
		if !slices.ContainsFunc(kept, func(k []float64) bool { return slices.Equal(k, eta) }) {
			kept = append(kept, eta)
		}
	}
	g.counterexamples = kept[:min(g.KeptCounterexamples, len(kept))]
}

// worstOf is what attacks found for the chosen actions; without an error if they were never attacked.
func (g *worstCaseSearch) worstOf(actions []float64) (worst attackedCandidate) {
	var each []float64
	struck := false
	for _, f := range g.attacked { // the same actions may have been attacked twice
		if !slices.Equal(f.actions, actions) {
			continue
		}
		each, struck = most(each, f.each), struck || f.struck
		if worst.eta == nil || f.excess > worst.excess {
			worst = f
		}
	}
	worst.each, worst.struck = each, struck
	return worst
}

// most is the larger of each pair of excesses, a NaN if one is; a is b before there is any.
func most(a, b []float64) []float64 {
	if a == nil {
		return slices.Clone(b)
	}
	for k, e := range b {
		a[k] = max(a[k], e)
	}
	return a
}

// compare orders costs, NaN last.
func compare(a, b float64) int {
	switch {
	case math.IsNaN(a) || math.IsNaN(b):
		return -cmp.Compare(a, b) // NaN is less than any number to cmp
	}
	return cmp.Compare(a, b)
}

var _ safex.Planner = Pessimistic{}
