package safex

import (
	"fmt"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Task is a control problem. It is plain data and functions; System checks and
// compiles it. The functions are called once, on unknown numbers, to trace them.
//
// States, rewards and limits are computed in float64, for the real system and in plans alike; networks compute in float32, on
// numbers near 1: each variable less the Center of its System, which is where episodes start, and divided by its Scale. So units and
// origins are of no account, and a Scale is the size of what a variable does, not of where it is: 5 K for a room at 293 K. Actions are
// in [-1, 1], around 0; RandomAmplitude and RandomCenter say which of them are harmless at first. Check says where numbers set a bound.
type Task struct {
	Name   string
	State  []Var   // what the agent sees, and what Next maps
	Action []Var   // the agent acts in [-1, 1]; Next scales to physical units
	Dt     float64 // seconds in a step, above 0
	Steps  int     // in an episode, at least 1

	// Start draws an initial state into x, and sets every dimension. It must not keep x.
	Start func(x []float64, r *rand.Rand)
	// Next is the true dynamics. The agent learns them; it never calls Next. It is nil if the real system is a Plant.
	Next func(x, u num.Vec) num.Vec
	// Plant opens the real system where it is not Next; nil if it is. The Plant says where an episode starts, and Start draws states like those.
	Plant PlantMaker
	// Reward of a step, known to the agent. More is better.
	Reward func(x, u, next num.Vec) num.Expr
	// Limits that every step must respect, known to the agent.
	Limits []Limit
	// Goal is where the task is done; nil if it never is. It is for those who count runs: an agent looks at Reward alone.
	Goal *Goal
	// Backup is where the system can be kept within the limits for ever, and how; nil if that is not known before learning.
	Backup *Backup

	// Angles are the angles whose sine and cosine the state holds. Disturbances turn them.
	Angles []Angle
	// Disturbances act on the real system. The agent does not know them.
	Disturbances []Disturbance
	// Expected is what the agent knows of the real system besides: noise and delay. It disturbs nothing.
	Expected []Expectation
	// Picture draws the task; nil if it has none.
	Picture *Picture
	// Tuning is how planners suit the task. The zero value leaves them their own settings.
	Tuning Tuning
}

// A Var describes one dimension of a state or an action.
type Var struct {
	Name   string  // of columns in files: lower-case ASCII letters, digits and _
	Symbol string  // on axes, as in "ω"; Name if empty
	Unit   string  // on axes, as in "rad/s"; none if empty
	Scale  float64 // typical size of what it does, in Unit, above 0: learners divide by it
	// Harmless, of a state, is an error of what a model says of the next one that is too small to matter to any limit, in Unit; 0 if none is known to
	// be. A calibration that answers for every step passes over errors up to that: they make its box no wider, and no narrower either.
	Harmless float64
	// Min and Max, of a state, are the range that it can have in reality; both 0 if it has none that matters.
	Min, Max float64
	// RandomAmplitude, of an action, is the amplitude of the random actions that an agent begins with, in (0, 1]: what is
	// known to be harmless near the start. 0 means 1, the whole range.
	RandomAmplitude float64
	// RandomCenter, of an action, is the value in [-1, 1] that those random actions lie around: the harmless one, as -1 of a heater
	// that gives 0 at -1 and all its power at 1. They are cut to [-1, 1].
	RandomCenter float64
}

// An Angle names an angle whose sine and cosine the state has.
type Angle struct {
	Name     string // lower-case ASCII letters, digits and _; no Var has it
	Sin, Cos int    // dimensions of the state
}

// A Limit keeps a quantity of each step at or below Max. The quantity is either Of or Rate.
type Limit struct {
	Name string // of columns in files: lower-case ASCII letters, digits and _
	Unit string // of Of, Rate and Max
	// Of is a quantity of a step, as in |ω| of the next state, or |u|.
	Of func(x, u, next num.Vec) num.Expr
	// Rate is a quantity of two actions, as in |u - last|, where last is the action of the step before, 0 before
	// the first of an episode.
	Rate func(last, u num.Vec) num.Expr
	Max  float64
	// Budget is how much excess an episode may spend: the sum over its steps of what is beyond Max, in Unit.
	// A step violates the limit if it goes beyond Max with the budget spent. 0 is none.
	Budget float64
	// Scale is the size of an excess that matters, in Unit; 0 means 1. Planners
	// divide by it, so that limits of different units can be weighed.
	Scale float64
}

// A Goal is a quantity of the state that is at or below Max where the task is done.
type Goal struct {
	Name string // lower-case ASCII letters, digits and _
	Unit string // of Of and Max
	// Of is a quantity of a state, as in |θ|.
	Of  func(x num.Vec) num.Expr
	Max float64
	// Steps is how many steps, at the end of an episode, must lead to such a state for the episode to have reached the goal; at least 1.
	Steps int
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
	return func(x []float64, _ *rand.Rand) {
		if len(x0) != len(x) {
			panic(fmt.Sprintf("StartAt names %d numbers, State %d dimensions", len(x0), len(x)))
		}
		copy(x, x0)
	}
}
