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
// each step. Reward is that of the mean, if Explore does not say otherwise.
//
// The population meets the worst errors found so far; its best are then attacked, and every
// error that the attack finds is kept for the candidates that follow and for the plan of the
// next step. The executed plan is always one that was attacked.
//
// Errors of every step of a long horizon add up to more than a system that is planned for anew in each step will meet. With a Robust
// horizon (Lucia et al., 2013), those after it are 0: the limits must hold to the end of the plan, but from there on under the mean. It
// should be as long as the system takes to come to rest.
type Pessimistic struct {
	Horizon   int      // steps
	Robust    int      // steps in which the model may err, at most Horizon, or 0 for all; see below
	Beta      Schedule // how many epistemic deviations the model may err by; a Calibrated model brings its own
	Objective safex.Objective
	Search    opt.Minimizer // over the actions
	Adversary Adversary
	Finalists int // best candidates of each population that are attacked, 1 to 1e4
	Met       int // known errors that the whole population meets
	Remember  int // known errors that the finalists meet, and that the next plan inherits
	Explore   Exploration
	Refine    Refinement // of finalists, whose excess is that under the worst error that is known
}

// DefaultPessimistic returns the settings of the pendulum.
func DefaultPessimistic() Pessimistic {
	return Pessimistic{
		Horizon: 20, Beta: Constant(2), Objective: safex.Objective{FeasibleFirst: true}, Search: opt.DefaultICEM(),
		Adversary: DefaultSignGradient(), Finalists: 6, Met: 2, Remember: 12,
		Explore: DefaultExploration(), Refine: DefaultRefinement(),
	}
}

// Check reports the first setting that is out of range.
func (p Pessimistic) Check() error {
	if err := checkHorizon(p.Horizon); err != nil {
		return err
	}
	if err := p.Beta.Check(); err != nil {
		return fmt.Errorf("plan: Beta: %w", err)
	}
	switch {
	case p.Robust < 0 || p.Robust > p.Horizon:
		return fmt.Errorf("plan: Robust is %d, want 0 for all steps, or 1 to Horizon %d", p.Robust, p.Horizon)
	case p.Finalists < 1 || p.Finalists > 1e4:
		return fmt.Errorf("plan: Finalists is %d, want 1 to 1e4", p.Finalists)
	case p.Met < 0 || p.Remember < p.Met || p.Remember > 1e4:
		return fmt.Errorf("plan: Met is %d and Remember %d, want at least 0 and Met to 1e4", p.Met, p.Remember)
	case p.Adversary == nil:
		return fmt.Errorf("plan: there is no Adversary: want one, such as DefaultSignGradient()")
	}
	if err := p.Adversary.Check(); err != nil {
		return err
	}
	if err := p.Explore.check(0); err != nil {
		return err
	}
	if err := p.Refine.check(0); err != nil {
		return err
	}
	return checkSearch(p.Search)
}

// game is what a call of Plan knows so far.
type game struct {
	Pessimistic
	*quest
	beta     float64 // in force
	src      rng.Stream
	round    int
	known    [][]float64 // errors, the last found first
	mean     safex.Rolled
	rewards  []float64 // of the candidates of mean
	met      crossing
	faced    Doubts       // of the known errors
	found    Doubts       // of the Adversary
	bent     safex.Rolled // of slopes
	attacked []finalist   // of the last population that was scored to its end
	ranked   *opt.Result  // the best of the first population, before any was attacked
	nans     int          // of steps of the refinement
}

// finalist is a candidate that was attacked, and the worst error found for it.
type finalist struct {
	actions, eta []float64
	excess       float64   // in units of the limit's Scale
	price        float64   // of the excess, by the objective
	each         []float64 // Doubts.Each
}

// Plan implements safex.Planner.
func (p Pessimistic) Plan(ctx context.Context, sq safex.Query, src rng.Stream) (*safex.Plan, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	q := newQuery(sq, p.Horizon)
	z, err := q.quest(p.Explore, src.Child("explore"))
	if err != nil {
		return nil, err
	}
	g := &game{Pessimistic: p, quest: z, beta: width(p.Beta, sq), src: src.Child("attack"), known: q.inherited(p.Robust)}
	found, stopped := p.Search.Minimize(ctx, opt.Problem{
		Steps: p.Horizon, Dims: z.dims(), Start: z.start(),
		Func: func(values []float64, x num.Batch) error { return g.score(ctx, values, x) },
	}, src.Child("actions"))
	if found == nil {
		found = g.ranked
	}
	if err := usable(found, stopped); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	_, chosen := q.split(batchOf(found.X))
	actions := chosen.Point(0)
	worst := g.worstOf(actions)
	if worst.eta == nil && q.nl > 0 && stopped == nil { // the search returned one that it scored long ago
		last, err := g.attack(ctx, [][]float64{actions})
		if err != nil {
			return nil, err
		}
		worst = last[0]
	}
	var errors num.Batch
	if worst.eta != nil {
		errors = batchOf(worst.eta)
	}
	plan, err := q.finish(ctx, actions, errors, g.beta, found.NaNs+g.nans)
	if err != nil {
		return nil, err
	}
	q.raise(plan, worst.each)
	plan.Feasible = plan.Feasible && (worst.eta != nil || q.nl == 0) // what was not attacked is not feasible
	plan.Known = g.known
	z.hand(plan, found.X)
	return plan, stopped
}

// width is how many deviations a planner defends: what the model asks for, or what is scheduled.
func width(s Schedule, q safex.Query) float64 {
	if q.Beta > 0 {
		return q.Beta
	}
	return s.At(q.Episode)
}

// inherited are the last plan's known errors, a step later; errors of the last step that may err are repeated. 0 are all steps.
func (q query) inherited(robust int) (known [][]float64) {
	if q.Last == nil {
		return nil
	}
	for _, eta := range q.Last.Known {
		if len(eta) != q.horizon*q.nx {
			return nil
		}
		last := len(eta)
		if robust > 0 {
			last = robust * q.nx
		}
		known = append(known, slices.Concat(eta[q.nx:last], eta[last-q.nx:]))
	}
	return known
}

// score is the objective of the search: it ranks the population, attacks the best, and refines the best of these.
func (g *game) score(ctx context.Context, values []float64, x num.Batch) error {
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

// try implements climber. Of series that were not attacked nothing is known.
func (g *game) try(ctx context.Context, values []float64, x num.Batch) error {
	lanes, err := g.rank(ctx, values, x)
	for i := range values {
		if _, found := slices.BinarySearch(lanes, i); !found && !math.IsNaN(values[i]) {
			values[i] = math.Inf(1)
		}
	}
	return err
}

// slopes implements climber. The excess is that under the worst error that is known for a candidate.
func (g *game) slopes(ctx context.Context, x num.Batch) (reward, excess num.Batch, worst []float64, err error) {
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

// rank scores a population under the mean and the known errors, then attacks the best. It returns the lanes, in order, whose
// values count what the attack found: all, if there are no limits.
func (g *game) rank(ctx context.Context, values []float64, x num.Batch) (lanes []int, err error) {
	own, actions := g.split(x)
	c := g.candidates(actions, nil, 0)
	c.Epistemic = g.epistemic()
	if err := g.Rollout.Roll(ctx, &g.mean, c, nil); err != nil {
		return nil, err
	}
	if g.rewards, err = g.quest.rewards(ctx, actions, own, &g.mean); err != nil {
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
	if err := g.meet(ctx, values, prices, actions); err != nil {
		return nil, err
	}
	return g.attackBest(ctx, values, prices, actions)
}

// meet holds the known errors against the best candidates under the mean, a quarter of the population at a time, until a
// quarter is known to be better than all that have not met them: an error makes no candidate better.
func (g *game) meet(ctx context.Context, values, prices []float64, x num.Batch) error {
	met := g.known[:min(g.Met, len(g.known))]
	if len(met) == 0 {
		return nil
	}
	errors := batchOf(met...)
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(values[a], values[b]) })
	quarter := (len(order) + 3) / 4
	for done := 0; done < len(order); {
		lanes := order[done:min(done+quarter, len(order))]
		if err := g.cross(ctx, &g.met, picked(x, lanes), errors, g.beta); err != nil {
			return err
		}
		for lane := range len(lanes) * len(met) {
			i := lanes[lane%len(lanes)]
			prices[i] = max(prices[i], g.price(g.Objective, &g.met.out, lane))
		}
		for _, i := range lanes {
			values[i] = g.Objective.Cost(g.rewards[i], prices[i])
		}
		done += len(lanes)
		settled := 0
		for _, i := range order[:done] {
			if done < len(order) && compare(values[i], values[order[done]]) <= 0 {
				settled++
			}
		}
		if settled >= quarter {
			break
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

// waves is how often a population's next best are attacked, should all before them break.
const waves = 3

// attackBest attacks the best candidates until the best of all is one that was attacked. It returns the lanes of all that were,
// in order.
func (g *game) attackBest(ctx context.Context, values, prices []float64, x num.Batch) ([]int, error) {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	byValue := func(a, b int) int { return compare(values[a], values[b]) }
	finalists := map[int]finalist{}
	for range waves {
		slices.SortStableFunc(order, byValue)
		if _, attacked := finalists[order[0]]; attacked {
			break
		}
		var lanes []int
		var plans [][]float64
		for _, i := range order {
			if _, attacked := finalists[i]; !attacked && len(lanes) < g.Finalists {
				lanes, plans = append(lanes, i), append(plans, x.Point(i))
			}
		}
		found, err := g.attack(ctx, plans)
		if err != nil {
			return nil, err
		}
		for j, i := range lanes {
			finalists[i] = found[j]
			prices[i] = max(prices[i], found[j].price)
			values[i] = g.Objective.Cost(g.rewards[i], prices[i])
		}
	}
	// What was not attacked comes after the best of what was, in its own order.
	slices.SortStableFunc(order, byValue)
	best := math.Inf(1)
	for i := range finalists {
		if compare(values[i], best) < 0 {
			best = values[i]
		}
	}
	least := best
	for _, i := range order {
		if _, attacked := finalists[i]; !attacked && values[i] <= best {
			least = math.Nextafter(least, math.Inf(1))
			values[i] = least
		}
	}
	lanes := slices.Sorted(maps.Keys(finalists))
	for _, i := range lanes {
		g.attacked = append(g.attacked, finalists[i])
	}
	return lanes, nil
}

// attack finds the worst error for each of some plans, the known ones among them, and remembers those that are new.
func (g *game) attack(ctx context.Context, plans [][]float64) ([]finalist, error) {
	t := Target{Query: g.Query, Plans: num.NewBatch(g.horizon*g.nu, len(plans)), Width: g.beta, Robust: g.Robust}
	found := make([]finalist, len(plans))
	for i, p := range plans {
		t.Plans.SetPoint(i, p)
		found[i] = finalist{actions: p, excess: math.Inf(-1)}
	}
	take := func(d *Doubts) {
		for i := range found {
			found[i].each = most(found[i].each, d.Each.Point(i))
			if f := &found[i]; !math.IsNaN(f.excess) && !(d.Excess[i] <= f.excess) { // a NaN is worst
				f.eta, f.excess = d.Eta.Point(i), d.Excess[i]
			}
		}
	}
	if len(g.known) > 0 {
		a := newAssault(&g.faced, t)
		a.errors(len(g.known))
		for lane := range a.c.Eta.Len() {
			a.c.Eta.SetPoint(lane, g.known[lane%len(g.known)])
		}
		if err := a.roll(ctx, nil); err != nil {
			return nil, err
		}
		take(&g.faced)
	}
	if err := g.Adversary.Attack(ctx, &g.found, t, g.src.At(g.round)); err != nil {
		return nil, err
	}
	g.round++
	take(&g.found)
	g.remember(found)
	return found, g.appraise(ctx, found, t.Plans)
}

// appraise sets the price of each finalist's excess. One that is counted is that of the worst error found, rolled out again.
func (g *game) appraise(ctx context.Context, found []finalist, plans num.Batch) error {
	if !g.Objective.Count {
		for i := range found {
			found[i].price = found[i].excess
		}
		return nil
	}
	c := g.candidates(plans, num.NewBatch(g.horizon*g.nx, len(found)), g.beta)
	for i, f := range found {
		if f.eta != nil {
			c.Eta.SetPoint(i, f.eta)
		}
	}
	var out safex.Rolled
	if err := g.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return err
	}
	for i := range found {
		found[i].price = g.price(g.Objective, &out, i)
	}
	return nil
}

// remember puts the errors that hurt most in front of those known before.
func (g *game) remember(found []finalist) {
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b finalist) int { return -cmp.Compare(a.excess, b.excess) })
	var known [][]float64
	for _, d := range found {
		if !math.IsNaN(d.excess) && !slices.ContainsFunc(known, func(k []float64) bool { return slices.Equal(k, d.eta) }) {
			known = append(known, d.eta)
		}
	}
	for _, eta := range g.known {
		if !slices.ContainsFunc(known, func(k []float64) bool { return slices.Equal(k, eta) }) {
			known = append(known, eta)
		}
	}
	g.known = known[:min(g.Remember, len(known))]
}

// worstOf is what attacks found for the chosen actions; without an error if they were never attacked.
func (g *game) worstOf(actions []float64) (worst finalist) {
	var each []float64
	for _, f := range g.attacked { // the same actions may have been attacked twice
		if !slices.Equal(f.actions, actions) {
			continue
		}
		each = most(each, f.each)
		if worst.eta == nil || f.excess > worst.excess {
			worst = f
		}
	}
	worst.each = each
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
