package plan

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// An Adversary looks for the model error that breaks a plan most. What it finds is a lower bound of the worst case: to
// find nothing proves nothing. Implementations are plain structs of settings.
type Adversary interface {
	// Attack finds an error for each plan of t, and writes them to dst, which it grows as needed. No error at all is
	// among those that it tries, and which others it tries for a plan does not depend on the other plans.
	Attack(ctx context.Context, dst *Perturbations, t Target, src rng.Stream) error
	// Check reports the first setting that is out of range.
	Check() error
}

// A Target is what an Adversary attacks: plans from where a planner stands.
type Target struct {
	safex.Query
	Plans num.Batch // column t·nu+k is action k at step t, in [-1, 1]; a lane is a plan
	Beta  float64   // how many epistemic deviations η = 1 means, at least 0; it is in place of the Beta of the Query

	// Robust is the number of steps in which the model may err; later errors are 0. 0 is all steps.
	Robust int
}

// trim makes errors 0 in the steps after Robust.
func (t Target) trim(eta num.Batch) {
	if t.Robust > 0 {
		for _, column := range eta[min(t.Robust*len(t.System.State), len(eta)):] {
			clear(column)
		}
	}
}

// Roll takes plan i under error i of eta, shaped as Perturbations.Eta, through time in lane i of dst; a nil eta is no error. It
// returns what Perturbations.Excess is of these errors. Errors after Robust are made 0.
func (t Target) Roll(ctx context.Context, dst *safex.Rolled, eta num.Batch) (excess []float64, err error) {
	t.trim(eta)
	q := newQuery(t.Query, t.steps())
	if err := t.Query.Rollout.Roll(ctx, dst, q.candidates(t.Plans, eta, t.Beta), nil); err != nil {
		return nil, err
	}
	for i := range t.Plans.Len() {
		excess = append(excess, q.worstExcess(dst, i))
	}
	return excess, nil
}

// steps is the horizon. It panics if the Target has no steps or no dimensions.
func (t Target) steps() int {
	nu := len(t.System.Action)
	if len(t.Plans) == 0 || len(t.Plans)%nu != 0 {
		panic(fmt.Sprintf("plan: a target with %d columns of actions for %d dimensions", len(t.Plans), nu))
	}
	return len(t.Plans) / nu
}

// Perturbations are model errors, and what they do to the plans of a Target.
type Perturbations struct {
	Eta    num.Batch // column t·nx+d is the error of dimension d at step t, in [-1, 1]; a lane is a plan's
	Excess []float64 // the worst over steps and limits, in units of the limit's Scale; a NaN is worst of all
	// Each in column k is the largest excess of limit k over the horizon under all errors that were tried, in its Scale; a NaN is
	// worst of all. It is not that under Eta, which breaks the plan most as a whole.
	Each num.Batch

	room *attackState // of the last Attack, which the next may use again
}

// reset makes room for n plans that were not attacked yet.
func (d *Perturbations) reset(columns, limits, n int) {
	blank(&d.Eta, columns, n)
	blank(&d.Each, limits, n)
	for _, column := range d.Each {
		for i := range column {
			column[i] = math.Inf(-1)
		}
	}
	if len(d.Excess) != n {
		d.Excess = make([]float64, n)
	}
	for i := range d.Excess {
		d.Excess[i] = math.Inf(-1)
	}
}

// blank makes b n points of the given dimension, all 0.
func blank(b *num.Batch, dim, n int) {
	if len(*b) != dim || b.Len() != n {
		*b = num.NewBatch(dim, n)
		return
	}
	for _, column := range *b {
		clear(column)
	}
}

// raise remembers for plan i what an error did to each limit.
func (d *Perturbations) raise(i int, each []float64) {
	for k, e := range each {
		d.Each[k][i] = max(d.Each[k][i], e)
	}
}

// take remembers for plan i the error in a lane of eta if it is worse than what is known.
func (d *Perturbations) take(i int, eta num.Batch, lane int, excess float64) {
	if math.IsNaN(d.Excess[i]) || excess <= d.Excess[i] {
		return
	}
	d.Excess[i] = excess
	for c, column := range eta {
		d.Eta[c][i] = column[lane]
	}
}

// attackState is the state of a call of Attack: some errors at a time for each plan, side by side.
type attackState struct {
	query
	Target
	dst    *Perturbations
	each   int              // errors of each plan
	c      safex.Candidates // lane i·each+j is error j of plan i
	alone  safex.Candidates // of try
	out    safex.Rolled
	excess []float64 // of the last roll, by lane
}

func newAttackState(dst *Perturbations, t Target) *attackState {
	if dst.room == nil {
		dst.room = &attackState{}
	}
	a := dst.room
	a.query, a.Target, a.dst = newQuery(t.Query, t.steps()), t, dst
	dst.reset(a.horizon*a.nx, a.nl, t.Plans.Len())
	return a
}

// errors makes room for a number of errors of each plan, all 0.
func (a *attackState) errors(each int) {
	n := each * a.Plans.Len()
	a.each = each
	blank(&a.c.Actions, len(a.Plans), n)
	blank(&a.c.Eta, a.horizon*a.nx, n)
	a.c = a.candidates(a.c.Actions, a.c.Eta, a.Beta)
	for d, column := range a.Plans {
		for lane := range a.c.Actions[d] {
			a.c.Actions[d][lane] = column[lane/each]
		}
	}
}

// roll tries the errors, with a gradient if up is not nil.
func (a *attackState) roll(ctx context.Context, up *safex.Scalarisation) error {
	a.trim(a.c.Eta)
	if err := a.Target.Rollout.Roll(ctx, &a.out, a.c, up); err != nil {
		return err
	}
	a.excess = a.excess[:0]
	for lane := range a.c.Eta.Len() {
		e := a.worstExcess(&a.out, lane)
		a.excess = append(a.excess, e)
		a.dst.take(lane/a.each, a.c.Eta, lane, e)
		a.dst.raise(lane/a.each, a.eachExcess(&a.out, lane))
	}
	return nil
}

// try rolls errors of plan i alone, a lane each. Those after Robust are made 0.
func (a *attackState) try(ctx context.Context, i int, eta num.Batch) error {
	a.trim(eta)
	n := eta.Len()
	if len(a.alone.Actions) != len(a.Plans) || a.alone.Actions.Len() != n {
		a.alone.Actions = num.NewBatch(len(a.Plans), n)
	}
	a.alone = a.candidates(a.alone.Actions, eta, a.Beta)
	for d, column := range a.alone.Actions {
		for lane := range column {
			column[lane] = a.Plans[d][i]
		}
	}
	if err := a.Target.Rollout.Roll(ctx, &a.out, a.alone, nil); err != nil {
		return err
	}
	a.excess = a.excess[:0]
	for lane := range n {
		e := a.worstExcess(&a.out, lane)
		a.excess = append(a.excess, e)
		a.dst.take(i, eta, lane, e)
		a.dst.raise(i, a.eachExcess(&a.out, lane))
	}
	return nil
}
