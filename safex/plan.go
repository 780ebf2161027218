package safex

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Planner chooses actions. Implementations are plain structs of settings, which Plan does
// not change.
type Planner interface {
	// Plan answers q. A cancelled ctx returns the best Plan so far, if there is one, and ctx's error, not much later than after a
	// rollout. Such a Plan is as whole as any other, and not Feasible if its worst error was not looked for.
	Plan(ctx context.Context, q Query, src rng.Stream) (*Plan, error)
}

// A Query is what a Planner is asked at each step.
type Query struct {
	System   *System
	Rollout  Rollout // of the Model in force
	State    []float64
	Episode  int   // of those that are planned, from 1; schedules depend on it
	Previous *Plan // of the step before, to start from; nil at the first step

	// Beta is how many epistemic deviations a Calibrated model asks for; 0 leaves a planner its own. With a Filter behind it, a planner need not
	// defend more than its own: the Filter answers for the rest.
	Beta       float64
	Filtered   bool
	LastAction []float64 // executed in the step before, for limits on rates; nil, which is 0, at the first step
	// Pending are the actions of the first steps of every plan, which were sent before and take effect now, as many as the Delay of the System. Rollout has them in
	// place of what a plan begins with: see Expect.
	Pending [][]float64
	Past    Trajectory // the episode so far, which ends in State; States and Actions may be empty
	Left    []float64  // what is left of the budget of each limit, in its unit; nil if none has one
	// Violations are how many steps broke a limit in each planned episode before this one, as the agent saw them: what a planner may adapt to from
	// episode to episode. It is counted from the transitions, so that a run that is resumed has the same.
	Violations []int

	Members int                          // of the Model in force, if it is Membered; 0 of others
	Member  func(i int) (Rollout, error) // of member i alone; see BindMembers
}

// A Plan is a sequence of actions and what the Planner expects of it.
type Plan struct {
	Actions  [][]float64 // in [-1, 1], one for each step of the horizon; the first is to be executed, or sent if it is not Pending: see Query.Command
	Eta      [][]float64 // the model error that hurts Actions most, of all that were tried; nil if none was
	Beta     float64     // how many epistemic deviations Eta is measured in
	Expected Trajectory  // under the mean
	Worst    Trajectory  // under Eta, or the worst draw of a planner that draws; Expected if there is neither
	Feasible bool        // Worst keeps every limit
	// Bound is the largest excess of each limit over the horizon under all errors, or draws, that Actions met, in the limit's unit,
	// and NaN if one was. Eta breaks Actions most as a whole: of a limit that is not the binding one it may say little.
	Bound []float64
	NaNs  int // candidates that came out as NaN or Inf; none is ever chosen

	// Known are the errors that a pessimistic planner found on the way, for the plan of
	// the next step to answer, worst first: one flat H·nx series each.
	Counterexamples [][]float64

	// Elites are the best series of its search over actions, and Means where its searches ended, that a planner hands
	// to itself at the next step. What their columns are is the planner's affair.
	Elites, Means [][]float64

	Cover Cover // of the first action, by a Filter; "" without one
	// CoverBeta is how many epistemic deviations the box reaches that Cover is about; 0 without a Filter.
	CoverBeta float64
	Tail      []Feedback // what comes after the first action of a plan that is CoverPlanned, for a Filter to fall back on; a backup can take over after it

	Member int // of the Model, from 1, whose reward a planner maximizes that draws one for each episode; 0 of others
}
