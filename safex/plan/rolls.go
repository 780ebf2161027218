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

// query is a safex.Query with the dimensions that every planner needs.
type query struct {
	safex.Query
	nx, nu, nl, horizon int
	each                []float64 // of eachExcess
}

// maxHorizon keeps unrolled rollouts to what can be compiled.
const maxHorizon = 1000

// checkPlan reports what is wrong with what every planner has.
func checkPlan(horizon int, o safex.Objective) error {
	if horizon < 1 || horizon > maxHorizon {
		return fmt.Errorf("plan: Horizon is %d, want 1 to %d", horizon, maxHorizon)
	}
	if err := o.Check(); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	return nil
}

func checkParticles(n, least int) error {
	if n < least || n > 1e4 {
		return fmt.Errorf("plan: Particles is %d, want %d to 1e4", n, least)
	}
	return nil
}

// checkSearch reports what is wrong with a search, if it can tell.
func checkSearch(m opt.Minimizer) error {
	if m == nil {
		return fmt.Errorf("plan: there is no Search: want one, such as opt.DefaultICEM()")
	}
	if c, ok := m.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

func newQuery(q safex.Query, horizon int) query {
	if q.System == nil || q.Rollout == nil || len(q.State) != len(q.System.State) {
		panic(fmt.Sprintf("plan: a query needs a System, a Rollout and a State of its dimensions, got %d", len(q.State)))
	}
	return query{Query: q, nx: len(q.System.State), nu: len(q.System.Action), nl: len(q.System.Limits), horizon: horizon}
}

// candidates are the actions, and the errors of eta if it is not nil, from where the query stands.
func (q query) candidates(actions, eta num.Batch, beta float64) safex.Candidates {
	return safex.Candidates{State: q.State, LastAction: q.LastAction, Actions: actions, Eta: eta, Beta: beta}
}

// usable is nil if a search found a candidate to execute, and otherwise why it did not.
func usable(found *opt.Result, stopped error) error {
	switch {
	case found == nil:
		return stopped
	case math.IsInf(found.F, 1):
		return fmt.Errorf("plan: each of the best of %d candidates came out as NaN or Inf: the model or the task has left the real numbers", found.Evaluations)
	}
	return nil
}

// warm is the rest of the last plan's actions, its last one repeated; nil without a last plan.
func (q query) warm() []float64 {
	if q.Previous == nil || len(q.Previous.Actions) == 0 {
		return nil
	}
	flat := make([]float64, 0, q.horizon*q.nu)
	for t := range q.horizon {
		flat = append(flat, q.Previous.Actions[min(t+1, len(q.Previous.Actions)-1)]...)
	}
	return flat
}

// split takes series of errors and actions for each step apart. Series of actions alone have no errors.
func (q query) split(x num.Batch) (errors, actions num.Batch) {
	dims := len(x) / q.horizon
	if dims == q.nu {
		return nil, x
	}
	for d, column := range x {
		if d%dims < q.nx {
			errors = append(errors, column)
		} else {
			actions = append(actions, column)
		}
	}
	return errors, actions
}

// join is the inverse of split, for errors of 0 if they are nil.
func (q query) join(errors, actions num.Batch) (x num.Batch) {
	if errors == nil {
		errors = num.NewBatch(q.horizon*q.nx, actions.Len())
	}
	for t := range q.horizon {
		x = append(x, errors[t*q.nx:(t+1)*q.nx]...)
		x = append(x, actions[t*q.nu:(t+1)*q.nu]...)
	}
	return x
}

// drawn are errors whose numbers are standard normal; nil for none.
func (q query) drawn(n int, src rng.Stream) num.Batch {
	if n == 0 {
		return nil
	}
	b, r := num.NewBatch(q.horizon*q.nx, n), src.Rand()
	for _, column := range b {
		for e := range column {
			column[e] = r.NormFloat64()
		}
	}
	return b
}

// held are drawn errors that hold over the horizon: each has the numbers of its first step at every step.
func (q query) held(n int, src rng.Stream) num.Batch {
	first := q
	first.horizon = 1
	return slices.Repeat(first.drawn(n, src), q.horizon)
}

// A productRollout has every plan under every error: lane e·plans + p of out is plan p under error e.
type productRollout struct {
	epistemic bool // is asked for
	c         safex.Candidates
	out       safex.Rolled
}

// cross rolls plans out under errors, or under the mean if errors is nil.
func (q query) cross(ctx context.Context, dst *productRollout, plans, errors num.Batch, beta float64) error {
	if errors == nil {
		c := q.candidates(plans, nil, 0)
		c.Epistemic = dst.epistemic
		return q.Rollout.Roll(ctx, &dst.out, c, nil)
	}
	n, m := plans.Len(), errors.Len()
	if dst.c.Actions.Len() != n*m {
		dst.c.Actions, dst.c.Eta = num.NewBatch(q.horizon*q.nu, n*m), num.NewBatch(q.horizon*q.nx, n*m)
	}
	for d, column := range plans {
		for e := range m {
			copy(dst.c.Actions[d][e*n:], column)
		}
	}
	for d, column := range errors {
		for lane := range dst.c.Eta[d] {
			dst.c.Eta[d][lane] = column[lane/n]
		}
	}
	dst.c = q.candidates(dst.c.Actions, dst.c.Eta, beta)
	dst.c.Epistemic = dst.epistemic
	return q.Rollout.Roll(ctx, &dst.out, dst.c, nil)
}

// meanReward is the reward per step of lane i.
func meanReward(r *safex.Rolled, i int) (sum float64) {
	for _, column := range r.Reward {
		sum += column[i]
	}
	return sum / float64(len(r.Reward))
}

// worstExcess is by how much lane i breaks its limits, in units of their Scale: the largest excess over steps
// and limits; of a limit with a budget left, the excess that it spends beyond that. At most 0 is safe, -Inf
// is without limits, and NaN if any is NaN.
func (q query) worstExcess(r *safex.Rolled, i int) float64 {
	worst := math.Inf(-1)
	for k := range q.nl {
		most, spent := math.Inf(-1), 0.0
		for t := range q.horizon {
			e := r.Excess[t*q.nl+k][i]
			if math.IsNaN(e) {
				return e
			}
			if e > most {
				most = e
			}
			if e > 0 {
				spent += e
			}
		}
		if left := q.left(k); left > 0 {
			most = max(most, spent) - left
		}
		worst = max(worst, most)
	}
	return worst
}

// eachExcess is the largest excess of each limit in lane i over the horizon, in units of its Scale; a NaN is worst of all. It is
// valid until the next call.
func (q *query) eachExcess(r *safex.Rolled, i int) []float64 {
	if len(q.each) != q.nl {
		q.each = make([]float64, q.nl)
	}
	for k := range q.each {
		q.each[k] = math.Inf(-1)
		for t := range q.horizon {
			q.each[k] = max(q.each[k], r.Excess[t*q.nl+k][i])
		}
	}
	return q.each
}

// left is what is left of the budget of limit k, in units of its Scale.
func (q query) left(k int) float64 {
	if q.Left == nil {
		return 0
	}
	return q.Left[k] / q.System.LimitScale(k)
}

// price is what an objective takes for the excess of lane i: worstExcess or, if it counts, how many steps break a
// limit with its budget spent. Both are above 0 for the same lanes.
func (q query) price(o safex.Objective, r *safex.Rolled, i int) float64 {
	worst := q.worstExcess(r, i)
	if !o.Count || q.nl == 0 || bad(worst) {
		return worst
	}
	broken, spent := 0, make([]float64, q.nl)
	for t := range q.horizon {
		breaks := false
		for k := range spent {
			e := max(r.Excess[t*q.nl+k][i], 0)
			spent[k] += e
			breaks = breaks || e > 0 && spent[k] > q.left(k)
		}
		if breaks {
			broken++
		}
	}
	return float64(broken)
}

func bad(v float64) bool { return v-v != 0 }

// finish rolls the chosen actions out under the mean and under errors, takes the worst, and makes a Plan of them.
func (q query) finish(ctx context.Context, actions []float64, errors num.Batch, beta float64, nans int) (*safex.Plan, error) {
	plan := &safex.Plan{Actions: rowsOf(actions, q.nu), Beta: beta, NaNs: nans}
	n := errors.Len()
	c := q.candidates(num.NewBatch(len(actions), 1+n), nil, beta)
	for i := range 1 + n {
		c.Actions.SetPoint(i, actions)
	}
	if n > 0 {
		c.Eta = num.NewBatch(q.horizon*q.nx, 1+n)
		for d, column := range errors {
			copy(c.Eta[d][1:], column)
		}
	}
	var out safex.Rolled
	if err := q.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return nil, err
	}
	worst, most := 0, math.Inf(-1)
	plan.Bound = slices.Repeat([]float64{math.Inf(-1)}, q.nl)
	for lane := range 1 + n {
		q.raise(plan, q.eachExcess(&out, lane))
	}
	for lane := 1; lane <= n; lane++ {
		if e := q.worstExcess(&out, lane); worst == 0 || !math.IsNaN(most) && !(e <= most) { // of equals the first
			worst, most = lane, e
		}
	}
	if worst > 0 {
		plan.Eta = rowsOf(c.Eta.Point(worst), q.nx)
	}
	plan.Expected, plan.Worst = out.Trajectory(q.System, c, 0), out.Trajectory(q.System, c, worst)
	plan.Feasible = plan.Worst.Violations(q.Left...) == 0
	return q.Hold(plan)
}

// raise takes excesses of each limit, in units of its Scale, into the plan's Bound.
func (q query) raise(plan *safex.Plan, each []float64) {
	for k, e := range each {
		plan.Bound[k] = max(plan.Bound[k], e*q.System.LimitScale(k))
	}
}

// batchOf has a lane for each series; nil of none.
func batchOf(series ...[]float64) num.Batch {
	if len(series) == 0 {
		return nil
	}
	b := num.NewBatch(len(series[0]), len(series))
	for i, s := range series {
		b.SetPoint(i, s)
	}
	return b
}

// rowsOf takes a flat series apart into its steps.
func rowsOf(flat []float64, dim int) (rows [][]float64) {
	for ; len(flat) > 0; flat = flat[dim:] {
		rows = append(rows, flat[:dim:dim])
	}
	return rows
}
