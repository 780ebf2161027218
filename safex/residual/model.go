package residual

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// model is a prior and a belief about what it misses. It is immutable.
type model struct {
	safex.Model // of the difference
	prior       *num.Program
}

// Predict implements safex.Model.
func (m *model) Predict(dst *safex.Prediction, x, u num.Batch) error {
	if err := m.Model.Predict(dst, x, u); err != nil {
		return err
	}
	m.add(dst, x, u)
	return nil
}

// add puts the prior in the place of the state, to which the Learner adds.
func (m *model) add(dst *safex.Prediction, x, u num.Batch) {
	prior := num.NewBatch(len(x), x.Len())
	m.prior.EvalBatch(prior, slices.Concat(x, u))
	for d, column := range dst.Mean {
		for i := range column {
			column[i] = prior[d][i] + (column[i] - x[d][i])
		}
	}
}

// Members implements safex.Membered model.
func (m *model) Members() int { return safex.MembersOf(m.Model) }

// PredictMember implements safex.Membered model.
func (m *model) PredictMember(dst *safex.Prediction, member []int, x, u num.Batch) error {
	c, ok := m.Model.(safex.Membered)
	if !ok {
		return fmt.Errorf("residual: a %T has no members", m.Model)
	}
	if err := c.PredictMember(dst, member, x, u); err != nil {
		return err
	}
	m.add(dst, x, u)
	return nil
}

// Member implements safex.Splittable: the prior, and member i of the model of the difference.
func (m *model) Member(i int) (safex.Model, error) {
	inner, err := safex.MemberOf(m.Model, i)
	if err != nil {
		return nil, err
	}
	return &model{inner, m.prior}, nil
}

// Beta implements safex.Calibrated.
func (m *model) Beta() float64 { return safex.BetaOf(m.Model) }

// Form implements safex.Formed. The prior of a prior is nobody's form.
func (m *model) Form() *safex.Form {
	inner := safex.FormOf(m.Model)
	if inner == nil || inner.Prior != nil {
		return nil
	}
	f := *inner
	f.Prior = m.prior
	return &f
}

// Architecture implements gx.Belief.
func (m *model) Architecture() string {
	b, ok := gx.Of(m.Model)
	if !ok {
		return ""
	}
	return fmt.Sprintf("prior %s and %s", m.prior.Fingerprint(), b.Architecture())
}

// Parameters implements gx.Belief.
func (m *model) Parameters() []*tensors.Tensor { return m.Model.(gx.Belief).Parameters() }

// Step implements gx.Belief.
func (m *model) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	mean, epistemic = m.Model.(gx.Belief).Step(p, xu)
	x := Slice(xu, AxisRange(0, m.prior.Out), AxisRange())
	return Add(gx.Apply(m.prior, xu), Sub(mean, x)), epistemic
}

// Noise implements gx.Noisy. It is 0 of a model of the difference that has none.
func (m *model) Noise(p []*Node, xu *Node) *Node {
	if n, ok := m.Model.(gx.Noisy); ok {
		return n.Noise(p, xu)
	}
	return ZerosLike(Slice(xu, AxisRange(0, m.prior.Out), AxisRange()))
}

var (
	_ safex.Calibrated = (*model)(nil)
	_ safex.Formed     = (*model)(nil)
	_ safex.Splittable = (*model)(nil)
	_ gx.Noisy         = (*model)(nil)
)
