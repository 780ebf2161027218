package attack

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/plan"
)

// A Scenario is a plan and a model error, with all that it takes to see what the error does to the plan.
type Scenario struct {
	Spec          *experiment.Spec // of the run
	Model         []byte           // as its learner saves it
	Episode, Step int              // at which the plan was executed
	Adversary     string           // that found the error
	State         []float64        // where the plan starts
	LastAction    []float64        `json:",omitempty"` // executed in the step before
	Left          []float64        `json:",omitempty"` // of the budget of each limit, in its unit
	Beta          float64          // how many epistemic deviations η = 1 means
	Actions, Eta  [][]float64
	Excess        float64 // the worst over steps and limits, in units of the limit's Scale; null is NaN
}

// Save writes the scenario to a file, whole or not at all.
func (s *Scenario) Save(path string) error {
	text, err := encode.Indented(s)
	if err != nil {
		return err
	}
	return disk.Write(path, text)
}

// ReadScenario reads what Save wrote.
func ReadScenario(path string) (*Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var s Scenario
	if err := encode.Decode(text, &s); err != nil {
		return nil, fmt.Errorf("%s holds no scenario of safex attack: %w", path, err)
	}
	if s.Spec == nil {
		return nil, fmt.Errorf("%s holds no scenario of safex attack: it has no settings", path)
	}
	return &s, nil
}

// tolerance is by how much the excess of a scenario may differ when it is replayed.
const tolerance = 1e-6

// Replay takes the plan of a scenario through time under its error, and returns what happens. It fails if the worst excess is
// not the one that was found.
func (s *Scenario) Replay(ctx context.Context) (*safex.System, safex.Trajectory, error) {
	var tr safex.Trajectory
	system, err := s.Spec.Compile()
	if err != nil {
		return nil, tr, err
	}
	nx, nu, nl := len(system.State), len(system.Action), len(system.Limits)
	ragged := func(rows [][]float64, dim int) bool {
		return slices.ContainsFunc(rows, func(r []float64) bool { return len(r) != dim })
	}
	if len(s.State) != nx || len(s.Actions) == 0 || len(s.Eta) != len(s.Actions) || ragged(s.Actions, nu) || ragged(s.Eta, nx) ||
		s.LastAction != nil && len(s.LastAction) != nu || s.Left != nil && len(s.Left) != nl || !(s.Beta >= 0) {
		return nil, tr, fmt.Errorf("the scenario does not fit task %q: it was changed", s.Spec.TaskName())
	}
	learner, err := s.Spec.Compose()
	if err != nil {
		return nil, tr, err
	}
	m, err := learner.Load(system, s.Model)
	if err != nil {
		return nil, tr, err
	}
	r, err := s.Spec.Engine.Rollout(system, m)
	if err != nil {
		return nil, tr, err
	}
	q := safex.Query{System: system, Rollout: r, State: s.State, Episode: s.Episode, LastAction: s.LastAction, Left: s.Left, Pending: s.Actions[:min(system.Delay(), len(s.Actions))]}
	if err := q.Expect(m); err != nil {
		return nil, tr, err
	}
	t := plan.Target{
		Query: q,
		Plans: column(slices.Concat(s.Actions...)), Beta: s.Beta,
	}
	var out safex.Rolled
	excess, err := t.Roll(ctx, &out, column(slices.Concat(s.Eta...)))
	if err != nil {
		return nil, tr, err
	}
	tr = out.Trajectory(system, safex.Candidates{State: s.State, Actions: t.Plans}, 0)
	if found := s.Excess; excess[0] != found && !(math.Abs(excess[0]-found) <= tolerance) && !(math.IsNaN(excess[0]) && math.IsNaN(found)) {
		return system, tr, fmt.Errorf("the worst excess comes out as %v, and %v was found: the scenario was made by safex %s on another kind of processor, or it was changed", excess[0], found, s.Spec.Build)
	}
	return system, tr, nil
}
