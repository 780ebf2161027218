package train

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// plan asks the Planner, which has the time has after began; 0 is as long as it takes. It tells whether the plan was cut short.
func (a Agent) plan(ctx context.Context, q safex.Query, began time.Time, has time.Duration, src rng.Stream) (p *safex.Plan, cut bool, err error) {
	if p, cut, err = a.ask(ctx, q, began, has, src); err == nil {
		p, err = q.Hold(p)
	}
	return p, cut, err
}

// ask is plan, of which the first actions may be others than those that are pending.
func (a Agent) ask(ctx context.Context, q safex.Query, began time.Time, has time.Duration, src rng.Stream) (p *safex.Plan, cut bool, err error) {
	if has == 0 {
		p, err = a.Planner.Plan(ctx, q, src)
		return p, false, err
	}
	within, cancel := safex.WithDeadline(ctx, began.Add(has))
	defer cancel()
	p, err = a.Planner.Plan(within, q, src)
	if !errors.Is(err, context.DeadlineExceeded) || within.Err() == nil {
		return p, false, err
	}
	if p != nil && len(p.Actions) > 0 {
		return p, true, nil
	}
	if q.Previous == nil || len(q.Previous.Actions) == 0 {
		return nil, true, fmt.Errorf("the Planner had no plan by the Deadline of %v, and there is none before it to go on with: give it more time, or less to do", has)
	}
	p, err = rest(ctx, q)
	return p, true, err
}

// rest is the plan before without its first step, and with its last action repeated. It says what the model believes of that, under the
// mean and under the error that hurt that plan most, and is never feasible: nobody has attacked it from here.
func rest(ctx context.Context, q safex.Query) (*safex.Plan, error) {
	p := *q.Previous
	p.Actions, p.NaNs, p.Feasible = later(p.Actions), 0, false
	c := safex.Candidates{State: q.State, LastAction: q.LastAction, Actions: column(slices.Concat(p.Actions...))}
	if len(p.Eta) == len(p.Actions) {
		p.Eta = later(p.Eta)
		c.Beta, c.Eta = p.Beta, num.NewBatch(len(p.Eta)*len(p.Eta[0]), 2) // under none, and under it
		for d, v := range slices.Concat(p.Eta...) {
			c.Eta[d][1] = v
		}
		for k, at := range c.Actions {
			c.Actions[k] = append(at, at[0])
		}
	}
	var out safex.Rolled
	if err := q.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return nil, err
	}
	p.Expected = out.Trajectory(q.System, c, 0)
	p.Worst = out.Trajectory(q.System, c, c.Actions.Len()-1)
	p.Bound = p.Expected.WorstExcess(len(q.System.Limits))
	for k, e := range p.Worst.WorstExcess(len(p.Bound)) {
		p.Bound[k] = max(p.Bound[k], e)
	}
	p.Counterexamples = nil
	for _, eta := range q.Previous.Counterexamples {
		if nx := len(q.State); len(eta) == len(p.Actions)*nx {
			p.Counterexamples = append(p.Counterexamples, slices.Concat(eta[nx:], eta[len(eta)-nx:]))
		}
	}
	return &p, nil // Elites and Means are a step old: where a search starts from, and of no other account
}

// later are steps without the first, and with the last repeated.
func later(steps [][]float64) [][]float64 {
	return append(slices.Clone(steps[1:]), steps[len(steps)-1])
}
