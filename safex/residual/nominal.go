package residual

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Nominal is what is believed of a system before anything is learned: the dynamics of prior, and by how much they may be wrong. deviation is the
// epistemic deviation of each dimension of the next state, in its unit, and the same everywhere. It counts by itself: a dimension of 0 is believed to
// the last digit, though it may depend on another that is not, as an angle does on a speed. It panics if there is not one number of at
// least 0 for each dimension.
func Nominal(prior *safex.System, deviation []float64) safex.Model {
	if len(deviation) != len(prior.State) || slices.ContainsFunc(deviation, func(v float64) bool { return !(v >= 0) || math.IsInf(v, 1) }) {
		panic(fmt.Sprintf("residual: a deviation of %v for a prior %q of %d state dimensions", deviation, prior.Name, len(prior.State)))
	}
	return &nominal{prior.Dynamics, slices.Clone(deviation)}
}

// nominal is a prior that is believed, up to a deviation. It is immutable.
type nominal struct {
	prior     *num.Program
	deviation []float64 // [nx]
}

// Predict implements safex.Model.
func (m *nominal) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(m.prior.Out, x.Len())
	m.prior.EvalBatch(dst.Mean, slices.Concat(x, u))
	for d, v := range m.deviation {
		for i := range dst.Epistemic[d] {
			dst.Epistemic[d][i] = v
		}
		clear(dst.Aleatoric[d])
	}
	return nil
}

// Form implements safex.Formed.
func (m *nominal) Form() *safex.Form { return &safex.Form{Prior: m.prior, Floor: m.deviation} }

// Architecture implements gx.Belief.
func (m *nominal) Architecture() string {
	return fmt.Sprintf("prior %s with a deviation of %v", m.prior.Fingerprint(), m.deviation)
}

// Parameters implements gx.Belief: there are none, as there is one such belief in a run.
func (m *nominal) Parameters() []*tensors.Tensor { return nil }

// Step implements gx.Belief.
func (m *nominal) Step(_ []*Node, xu *Node) (mean, epistemic *Node) {
	mean = gx.Apply(m.prior, xu)
	column := make([][]float64, len(m.deviation))
	for d, v := range m.deviation {
		column[d] = []float64{v}
	}
	return mean, Add(ZerosLike(mean), Const(mean.Graph(), column))
}

var (
	_ safex.Formed = (*nominal)(nil)
	_ gx.Belief    = (*nominal)(nil)
)
