package safex

import "math"

// A Trajectory is what happened, or what is expected to.
type Trajectory struct {
	States  [][]float64 // one more than Actions
	Actions [][]float64
	Rewards []float64
	Excess  [][]float64 // for each step and limit, in the limit's unit: at most 0 is safe
}

// Return is the sum of the rewards.
func (t Trajectory) Return() (sum float64) {
	for _, r := range t.Rewards {
		sum += r
	}
	return sum
}

// Violations counts the steps beyond any limit. A NaN is beyond.
func (t Trajectory) Violations() (n int) {
	for _, step := range t.Excess {
		for _, e := range step {
			if !(e <= 0) {
				n++
				break
			}
		}
	}
	return n
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

// A Phase says who chose the actions of an episode.
type Phase string

const (
	Explore Phase = "explore" // drawn at random
	Planned Phase = "plan"    // by the Planner
)

// An Episode is one trip through the real System.
type Episode struct {
	Number int // 0 is the random phase
	Phase  Phase
	Trajectory
	Forecasts []Forecast // what was believed before each step; nil in the random phase
	Fits      []Fit      // made during the episode
}

// A Forecast is what a Plan said about the step that followed, and how it was made.
type Forecast struct {
	Mean     []float64 // of the next state
	Worst    []float64 // largest excess of each limit over the horizon of Plan.Worst, in the limit's unit
	Beta     float64
	Feasible bool    // the plan kept every limit
	NaNs     int     // candidates that came out as NaN
	Millis   float64 // spent on the plan
}

// A Fit records one call of the Learner.
type Fit struct {
	Step    int // steps of the episode before the fit
	Seconds float64
}
