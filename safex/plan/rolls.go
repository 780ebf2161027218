package plan

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
)

// query is a safex.Query with the dimensions that every planner needs.
type query struct {
	safex.Query
	nx, nu, nl, horizon int
}

// maxHorizon keeps unrolled rollouts to what can be compiled.
const maxHorizon = 1000

func checkHorizon(steps int) error {
	if steps < 1 || steps > maxHorizon {
		return fmt.Errorf("plan: Horizon is %d, want 1 to %d", steps, maxHorizon)
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
	return query{q, len(q.System.State), len(q.System.Action), len(q.System.Limits), horizon}
}

// candidates are the actions, and the errors of eta if it is not nil, from where the query stands.
func (q query) candidates(actions, eta num.Batch, beta float64) safex.Candidates {
	return safex.Candidates{State: q.State, Last: q.LastAction, Actions: actions, Eta: eta, Beta: beta}
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
	if q.Last == nil || len(q.Last.Actions) == 0 {
		return nil
	}
	flat := make([]float64, 0, q.horizon*q.nu)
	for t := range q.horizon {
		flat = append(flat, q.Last.Actions[min(t+1, len(q.Last.Actions)-1)]...)
	}
	return flat
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
			most, spent = max(most, e), spent+max(e, 0)
		}
		if left := q.left(k); left > 0 {
			most = max(most, spent) - left
		}
		worst = max(worst, most)
	}
	return worst
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

// finish rolls the chosen actions out under the mean and under eta, and makes a Plan of them.
func (q query) finish(ctx context.Context, actions, eta []float64, beta float64, nans int) (*safex.Plan, error) {
	plan := &safex.Plan{Actions: rowsOf(actions, q.nu), Beta: beta, NaNs: nans}
	c := q.candidates(num.NewBatch(len(actions), 2), num.NewBatch(q.horizon*q.nx, 2), beta)
	for i := range 2 {
		c.Actions.SetPoint(i, actions)
	}
	if eta != nil {
		c.Eta.SetPoint(1, eta)
		plan.Eta = rowsOf(eta, q.nx)
	}
	var out safex.Rolled
	if err := q.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return nil, err
	}
	plan.Expected, plan.Worst = q.trajectory(&out, 0, plan.Actions), q.trajectory(&out, 1, plan.Actions)
	plan.Feasible = plan.Worst.Violations(q.Left...) == 0
	return plan, nil
}

// trajectory is lane i of r.
func (q query) trajectory(r *safex.Rolled, i int, actions [][]float64) safex.Trajectory {
	tr := safex.Trajectory{States: [][]float64{q.State}}
	for t, u := range actions {
		next, excess := make([]float64, q.nx), make([]float64, q.nl)
		for d := range next {
			next[d] = r.States[t*q.nx+d][i]
		}
		for k := range excess {
			excess[k] = r.Excess[t*q.nl+k][i] * q.System.LimitScale(k)
		}
		tr.Append(u, next, r.Reward[t][i], excess)
	}
	return tr
}

// rowsOf takes a flat series apart into its steps.
func rowsOf(flat []float64, dim int) (rows [][]float64) {
	for ; len(flat) > 0; flat = flat[dim:] {
		rows = append(rows, flat[:dim:dim])
	}
	return rows
}
