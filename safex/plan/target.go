package plan

import (
	"context"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// TargetOf is one plan to be attacked: actions from where q stands, under errors of up to beta epistemic deviations in every step.
func TargetOf(q safex.Query, actions [][]float64, beta float64) Target {
	return Target{Query: q, Plans: batchOf(slices.Concat(actions...)), Beta: beta}
}

// Alone is plan i of t without the others.
func (t Target) Alone(i int) Target {
	t.Plans = batchOf(t.Plans.Point(i))
	return t
}

// Under is the worst excess of the first plan of t under each of some errors, shaped as Perturbations.Eta, in units of the limit's Scale: at most 0
// keeps every limit. A nil eta is the one that is no error.
func (t Target) Under(ctx context.Context, eta num.Batch) ([]float64, error) {
	one := t.Plans.Point(0)
	if eta != nil {
		t.Plans = batchOf(slices.Repeat([][]float64{one}, eta.Len())...)
	} else {
		t.Plans = batchOf(one)
	}
	var rolled safex.Rolled
	return t.Roll(ctx, &rolled, eta)
}

// Each is the worst excess of each plan of t if all of them meet one and the same error, a lane of Perturbations.Eta, in units of the limit's Scale. A nil
// eta is the one that is no error.
func (t Target) Each(ctx context.Context, eta []float64) ([]float64, error) {
	var all num.Batch
	if eta != nil {
		all = batchOf(slices.Repeat([][]float64{eta}, t.Plans.Len())...)
	}
	var rolled safex.Rolled
	return t.Roll(ctx, &rolled, all)
}

// An Attacked is what an adversary did to one plan.
type Attacked struct {
	Eta    []float64        // the worst error that it found, as a lane of Perturbations.Eta
	Excess float64          // of the plan under that, in units of the limit's Scale: above 0 breaks the plan
	Way    safex.Trajectory // where the plan leads under that
	Mean   safex.Trajectory // and under no error
}

// Attack lets an adversary attack the first plan of t. What it finds is a lower bound of the worst case.
func (t Target) Attack(ctx context.Context, a Adversary, src rng.Stream) (*Attacked, error) {
	t = t.Alone(0)
	var found Perturbations
	if err := a.Attack(ctx, &found, t, src); err != nil {
		return nil, err
	}
	d := &Attacked{Eta: found.Eta.Point(0), Excess: found.Excess[0]}
	one := t.Plans.Point(0)
	t.Plans = batchOf(one, one)
	eta := batchOf(d.Eta, make([]float64, len(d.Eta)))
	var rolled safex.Rolled
	if _, err := t.Roll(ctx, &rolled, eta); err != nil {
		return nil, err
	}
	c := newQuery(t.Query, t.steps()).candidates(t.Plans, eta, t.Beta)
	d.Way, d.Mean = rolled.Trajectory(t.System, c, 0), rolled.Trajectory(t.System, c, 1)
	return d, nil
}
