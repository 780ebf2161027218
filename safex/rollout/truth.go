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

// Truth is the model that knows the dynamics of s: without error and without deviation. It shows what planning
// alone can reach.
func Truth(s *safex.System) safex.Model { return truth{s} }

type truth struct{ *safex.System }

// Predict implements safex.Model.
func (t truth) Predict(dst *safex.Prediction, x, u num.Batch) error {
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
func (t truth) Form() *safex.Form { return &safex.Form{Prior: t.Dynamics} }

// Architecture implements gx.Belief.
func (t truth) Architecture() string { return fmt.Sprintf("truth of %p", t.System) }

// Parameters implements gx.Belief.
func (t truth) Parameters() []*tensors.Tensor { return nil }

// Step implements gx.Belief.
func (t truth) Step(_ []*Node, xu *Node) (mean, epistemic *Node) {
	mean = gx.Apply(t.Dynamics, xu)
	return mean, ZerosLike(mean)
}

var (
	_ safex.Formed = truth{}
	_ gx.Belief    = truth{}
)
