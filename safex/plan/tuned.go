package plan

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/opt"
)

// tuned puts into a planner's settings what t says of them.
func tuned(t safex.Tuning, horizon *int, search *opt.Minimizer) {
	if t.Horizon > 0 {
		*horizon = t.Horizon
	}
	if c, ok := (*search).(opt.Coloured); ok && t.Std > 0 {
		*search = c.WithNoise(t.Std, t.Color)
	}
}

// Tuned implements safex.Tunable.
func (p Nominal) Tuned(t safex.Tuning) safex.Planner {
	tuned(t, &p.Horizon, &p.Search)
	return p
}

// Tuned implements safex.Tunable.
func (p Pessimistic) Tuned(t safex.Tuning) safex.Planner {
	tuned(t, &p.Horizon, &p.Search)
	if t.Horizon > 0 {
		p.Robust = t.Robust
	}
	return p
}

// Tuned implements safex.Tunable.
func (p PesTraj) Tuned(t safex.Tuning) safex.Planner {
	tuned(t, &p.Horizon, &p.Search)
	return p
}

// Tuned implements safex.Tunable.
func (p MinMax) Tuned(t safex.Tuning) safex.Planner {
	tuned(t, &p.Horizon, &p.Search)
	return p
}

// Tuned implements safex.Tunable.
func (p PETS) Tuned(t safex.Tuning) safex.Planner {
	tuned(t, &p.Horizon, &p.Search)
	return p
}

// Label tells planners of one type apart: unsafe has no price for an excess, barrier one for being near.
func (p Nominal) Label() string {
	switch {
	case p.Objective == (safex.Objective{}):
		return "unsafe"
	case p.Objective.LogBarrier > 0:
		return "barrier"
	}
	return "safe"
}

// Label tells planners of one type apart: cap has a price for doubt, rce looks at the worst trajectory.
func (p PETS) Label() string {
	switch {
	case p.Penalty != (Penalty{}):
		return "cap"
	case p.Worst:
		return "rce"
	}
	return "cce"
}

// Label tells planners of one type apart: optminmax hopes for an error in its favour.
func (p MinMax) Label() string {
	if p.Optimism != (Schedule{}) {
		return "optminmax"
	}
	return "minmax"
}
