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
	// Attack finds an error for each plan of t, and writes them to dst, which it grows as needed. The errors
	// that it may have tried for a plan do not depend on the other plans.
	Attack(ctx context.Context, dst *Doubts, t Target, src rng.Stream) error
	// Check reports the first setting that is out of range.
	Check() error
}

// A Target is what an Adversary attacks: plans from where a planner stands.
type Target struct {
	safex.Query
	Plans num.Batch // column t·nu+k is action k at step t, in [-1, 1]; a lane is a plan
	Width float64   // how many epistemic deviations η = 1 means, at least 0
}

// Doubts are model errors, and what they do to the plans of a Target.
type Doubts struct {
	Eta    num.Batch // column t·nx+d is the error of dimension d at step t, in [-1, 1]; a lane is a plan's
	Excess []float64 // the worst over steps and limits, in units of the limit's Scale; a NaN is worst of all
}

// reset makes room for n plans that were not attacked yet.
func (d *Doubts) reset(columns, n int) {
	d.Eta, d.Excess = num.NewBatch(columns, n), make([]float64, n)
	for i := range d.Excess {
		d.Excess[i] = math.Inf(-1)
	}
}

// take remembers for plan i the error in a lane of eta if it is worse than what is known.
func (d *Doubts) take(i int, eta num.Batch, lane int, excess float64) {
	if math.IsNaN(d.Excess[i]) || excess <= d.Excess[i] {
		return
	}
	d.Excess[i] = excess
	for c, column := range eta {
		d.Eta[c][i] = column[lane]
	}
}

// assault is a call of Attack: some errors at a time for each plan, side by side.
type assault struct {
	query
	Target
	dst    *Doubts
	each   int              // errors of each plan
	c      safex.Candidates // lane i·each+j is error j of plan i
	out    safex.Rolled
	excess []float64 // of the last roll, by lane
}

// newAssault panics if the Target has no steps or no dimensions.
func newAssault(dst *Doubts, t Target) *assault {
	nu := len(t.System.Action)
	if len(t.Plans) == 0 || len(t.Plans)%nu != 0 {
		panic(fmt.Sprintf("plan: a target with %d columns of actions for %d dimensions", len(t.Plans), nu))
	}
	a := &assault{query: newQuery(t.Query, len(t.Plans)/nu), Target: t, dst: dst}
	dst.reset(a.horizon*a.nx, t.Plans.Len())
	return a
}

// errors makes room for a number of errors of each plan.
func (a *assault) errors(each int) {
	if a.each = each; a.c.Eta.Len() == each*a.Plans.Len() {
		return
	}
	a.c = a.candidates(num.NewBatch(len(a.Plans), each*a.Plans.Len()), num.NewBatch(a.horizon*a.nx, each*a.Plans.Len()), a.Width)
	for d, column := range a.Plans {
		for lane := range a.c.Actions[d] {
			a.c.Actions[d][lane] = column[lane/each]
		}
	}
}

// roll tries the errors, with a gradient if up is not nil.
func (a *assault) roll(ctx context.Context, up *safex.Ascent) error {
	if err := a.Target.Rollout.Roll(ctx, &a.out, a.c, up); err != nil {
		return err
	}
	a.excess = a.excess[:0]
	for lane := range a.c.Eta.Len() {
		e := a.worstExcess(&a.out, lane)
		a.excess = append(a.excess, e)
		a.dst.take(lane/a.each, a.c.Eta, lane, e)
	}
	return nil
}
