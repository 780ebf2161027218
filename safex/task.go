package safex

import (
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Task is a control problem. It is plain data and functions; System checks and
// compiles it. The functions are called once, on unknown numbers, to trace them.
type Task struct {
	Name   string
	State  []Var   // what the agent sees, and what Next maps
	Action []Var   // the agent acts in [-1, 1]; Next scales to physical units
	Dt     float64 // seconds in a step, above 0
	Steps  int     // in an episode, at least 1

	// Start draws an initial state into x. It must not keep x.
	Start func(x []float64, r *rand.Rand)
	// Next is the true dynamics. The agent learns them; it never calls Next.
	Next func(x, u num.Vec) num.Vec
	// Reward of a step, known to the agent. More is better.
	Reward func(x, u, next num.Vec) num.Expr
	// Limits that every step must respect, known to the agent.
	Limits []Limit
}

// A Var describes one dimension of a state or an action.
type Var struct {
	Name   string  // of columns in files: lower-case ASCII letters, digits and _
	Symbol string  // on axes, as in "ω"; Name if empty
	Unit   string  // on axes, as in "rad/s"; none if empty
	Scale  float64 // typical size in Unit, above 0: learners divide by it
}

// A Limit keeps a quantity of each step at or below Max.
type Limit struct {
	Name string // of columns in files: lower-case ASCII letters, digits and _
	Unit string // of Of and Max
	// Of is the quantity, as in |ω| of the next state.
	Of  func(x, u, next num.Vec) num.Expr
	Max float64
	// Scale is the size of an excess that matters, in Unit; 0 means 1. Planners
	// divide by it, so that limits of different units can be weighed.
	Scale float64
}

// Label is the text of an axis, as in "ω [rad/s]".
func (v Var) Label() string {
	s := v.Symbol
	if s == "" {
		s = v.Name
	}
	if v.Unit != "" {
		s += " [" + v.Unit + "]"
	}
	return s
}

// StartAt always starts at x0.
func StartAt(x0 ...float64) func(x []float64, r *rand.Rand) {
	return func(x []float64, _ *rand.Rand) { copy(x, x0) }
}
