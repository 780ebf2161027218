package rollout

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// OracleModel is the model that has the true dynamics of s: without error, and with deviations of 0. It shows what planning
// alone can reach.
func OracleModel(s *safex.System) safex.Model { return oracle{s} }

type oracle struct{ *safex.System }

// Predict implements safex.Model.
func (t oracle) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(len(t.State), x.Len())
	t.Dynamics.EvalBatch(dst.Mean, slices.Concat(x, u))
	for _, b := range []num.Batch{dst.Epistemic, dst.Aleatoric} {
		for _, column := range b {
			clear(column)
		}
	}
	return nil
}

// Form implements safex.Formed.
func (t oracle) Form() *safex.Form { return &safex.Form{Prior: t.Dynamics} }

// Architecture implements gx.Belief.
func (t oracle) Architecture() string { return fmt.Sprintf("oracle of %p", t.System) }

// Parameters implements gx.Belief.
func (t oracle) Parameters() []*tensors.Tensor { return nil }

// Step implements gx.Belief.
func (t oracle) Step(_ []*Node, xu *Node) (mean, epistemic *Node) {
	mean = gx.Apply(t.Dynamics, xu)
	return mean, ZerosLike(mean)
}

var (
	_ safex.Formed = oracle{}
	_ gx.Belief    = oracle{}
)
