// Package fused takes beliefs through time in one pass over blocks of lanes: the model and its epistemic deviation, the model error, the
// task's reward and limits, and the way back for gradients, in vectors. It computes what package rollout's graph does, faster,
// for models with a safex.Form: ensembles of networks, linear regressions and Gaussian processes, calibrated or not, on a prior or
// not, and a prior alone. Networks compute in float32; the state, the task's own functions and all other models in float64, as in the
// graph: so a state may be anywhere and in any unit, and what is said of a step is what the task says of it.
package fused

import (
	"fmt"
	"sync"

	"github.com/rischiboy/safe_exploration/safex"
)

// Engine is a safex.Engine in vector code. It is safe for concurrent use.
type Engine struct {
	jobs sync.Pool // *job
}

// New returns an Engine.
func New() *Engine { return &Engine{} }

// Rollout implements safex.Engine. It packs the model's numbers, once for all calls of Roll. It fails if m has no Form, or one
// that this package does not know.
func (e *Engine) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	f := safex.FormOf(m)
	if f == nil {
		return nil, fmt.Errorf("fused: a %T has no form: use the graph engine", m)
	}
	b, err := newBelief(f, len(s.State), len(s.Action))
	if err != nil {
		return nil, err
	}
	return &bound{engine: e, system: s, belief: b, outcome: s.Outcome}, nil
}

var (
	_ safex.Engine  = (*Engine)(nil)
	_ safex.Rollout = (*bound)(nil)
)
