package safex

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Trajectory is what happened, or what is expected to.
type Trajectory struct {
	States  [][]float64 // what the agent saw; one more than Actions
	Real    [][]float64 // what was, if the agent saw it through noise; nil if States are real
	Actions [][]float64 // that took effect in each step, by the Delay that the task declares; 0 before the first
	Rewards []float64
	Excess  [][]float64 // for each step and limit, in the limit's unit: at most 0 is safe
	Pending [][]float64 // sent, and to take effect in the steps that follow, the next first: as many as the Delay; nil without one
}

// Return is the sum of the rewards.
func (t Trajectory) Return() (sum float64) {
	for _, r := range t.Rewards {
		sum += r
	}
	return sum
}

// Broken tells for each step and limit whether the step goes beyond the limit with its budget spent; budget is
// System.Budgets, or what was left of them before the first step, and without it every budget is 0. A NaN is
// beyond. It panics if there are budgets, but not one for each limit.
func (t Trajectory) Broken(budget ...float64) (broken [][]bool) {
	spent := make([]float64, len(budget))
	for _, step := range t.Excess {
		if budget != nil && len(budget) != len(step) {
			panic(fmt.Sprintf("safex: a trajectory of %d limits and %d budgets", len(step), len(budget)))
		}
		row := make([]bool, len(step))
		for k, e := range step {
			row[k] = !(e <= 0)
			if budget != nil && e == e {
				const rounding = 1e-9 // of the sum
				spent[k] += max(e, 0)
				row[k] = e > 0 && spent[k] > budget[k]*(1+rounding)
			}
		}
		broken = append(broken, row)
	}
	return broken
}

// Violations counts the steps that break a limit; see Broken.
func (t Trajectory) Violations(budget ...float64) (n int) {
	for _, step := range t.Broken(budget...) {
		if slices.Contains(step, true) {
			n++
		}
	}
	return n
}

// Left is what the steps so far leave of each budget; nil of nil.
func (t Trajectory) Left(budget []float64) []float64 {
	left := slices.Clone(budget)
	for _, step := range t.Excess {
		for k := range left {
			left[k] = max(0, left[k]-max(step[k], 0))
		}
	}
	return left
}

// WorstExcess is the largest excess of each of nl limits: -Inf without steps, NaN if one was NaN.
func (t Trajectory) WorstExcess(nl int) []float64 {
	worst := make([]float64, nl)
	for k := range worst {
		worst[k] = math.Inf(-1)
		for _, step := range t.Excess {
			worst[k] = max(worst[k], step[k])
		}
	}
	return worst
}

// Append adds a step to a trajectory that has its first state.
func (t *Trajectory) Append(u, next []float64, reward float64, excess []float64) {
	t.States = append(t.States, next)
	t.Actions = append(t.Actions, u)
	t.Rewards = append(t.Rewards, reward)
	t.Excess = append(t.Excess, excess)
}

// Sent is the action that was sent in step i, of those so far: the one that takes effect after the Delay that the task declares. It panics if there is none.
func (t Trajectory) Sent(i int) []float64 {
	if i += len(t.Pending); i < len(t.Actions) {
		return t.Actions[i]
	}
	return t.Pending[i-len(t.Actions)]
}

// A Phase says who chose the actions of an episode.
type Phase string

const (
	RandomPhase  Phase = "explore" // before the first plan: drawn at random, or by who acts first
	PlannedPhase Phase = "plan"    // by the Planner
)

// An Episode is one trip through the real System.
type Episode struct {
	Number int // 0 is the random phase
	Phase  Phase
	Trajectory
	Forecasts []Forecast // what was believed before each step; nil in the random phase, unless a Filter judged its steps
	Fits      []Fit      // made during the episode
	End       End        // of one that a Plant, or a stop, ended before its Steps; "" of others
	Why       string     // it ended so, in words
}

// Underway tells whether steps of a planned episode of s are left to take.
func (e *Episode) Underway(s *System) bool { return e.End == "" && len(e.Actions) < s.Steps }

// A Forecast is what a Plan said about the step that followed, and how it was made.
type Forecast struct {
	Mean              []float64 // of the next state; nil, as the deviations and Worst are, of a step that was covered without a belief
	Epistemic         []float64 // epistemic deviation of the next state
	Aleatoric         []float64 // aleatoric deviation of the next state
	Noise             []float64 // what declared noise may add to that, to either side of the box: see System.SeenNoise; nil if the task declares none
	OutOfDistribution bool      // Epistemic is, in some dimension, larger than at every transition that the last fit learned from
	Worst             []float64 // Plan.Bound: largest excess of each limit over the horizon, under all errors that were tried, in the limit's unit
	Beta              float64   // how many deviations the box around Mean reaches; 0 without an adversary
	AskedBeta         float64   // how many of them a Calibrated model asked for, heard or not; 0 of any other
	Feasible          bool      // the plan kept every limit
	Cover             Cover     // of the step, by a Filter; "" without one
	CoverBeta         float64   // how many deviations the box reaches that the Filter judged the step by; 0 without one
	NaNs              int       // candidates that came out as NaN
	Millis            float64   // spent on the plan
	Late              bool      // the plan took as long as the Agent's Deadline or longer, by the clock; every plan that was Cut did
	Jitter            float64   // ms by which the action was later than it was due, in real time; 0 otherwise
	Missed            bool      // it was, as it was not ready
	Cut               bool      // the Deadline came first: the plan is the best so far or, if there was none, the rest of the plan before
}

// BoxBeta is how many epistemic deviations the box of the step reaches: that which a Filter judged it by, or that of the planner, or what a
// Calibrated model asked for; 0 if there is none.
func (f Forecast) BoxBeta() float64 { return cmp.Or(f.CoverBeta, f.Beta, f.AskedBeta) }

// A Fit records one call of the Learner.
type Fit struct {
	Step    int     // steps of the episode before the first that its model planned
	Seconds float64 // by the clock; of one in the background, with what its first plan would else have waited for
}
