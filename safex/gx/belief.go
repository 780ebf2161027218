package gx

import (
	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"
)

// A Belief is a model that can write itself into a graph, so that whole rollouts can be
// compiled and differentiated.
type Belief interface {
	// Architecture names what Step builds. Beliefs of one architecture build equal graphs,
	// and differ in their Parameters alone. It is "" of a model that cannot write itself after all, as one around another that
	// cannot; see Of.
	Architecture() string
	// Parameters are the values of p in Step, in its order. They have been through Share, and
	// callers must not change them.
	Parameters() []*tensors.Tensor
	// Step adds the belief about the next states to the graph. xu is [nx+nu, B]: the states
	// over the actions, a column for each point. The results are [nx, B], in units of the state. All are in float64, whatever a
	// model computes in: a state far from 0 keeps its digits, and what changes it is added to them.
	// The epistemic deviation must have a gradient wherever the members of an ensemble agree.
	Step(p []*Node, xu *Node) (mean, epistemic *Node)
}

// A Noisy Belief also writes the aleatoric deviation into a graph, [nx, B], in units of the state. One that is no Noisy has none.
type Noisy interface {
	Belief
	Noise(p []*Node, xu *Node) *Node
}

// Of is m if it is a Belief that can write itself into a graph, and ok is false otherwise.
func Of(m any) (b Belief, ok bool) {
	b, ok = m.(Belief)
	return b, ok && b.Architecture() != ""
}
