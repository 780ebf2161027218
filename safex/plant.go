package safex

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Plant is a real system that answers from outside: a simulator, another process, a machine. The reward and the limits are formulas of the
// Task; the dynamics are whatever answers. Its methods are called one at a time, each waiting for the one before.
type Plant interface {
	// Reset begins an episode, and returns the state that it starts in. seed is for all that is random in the episode: with the same one a
	// simulator starts in the same state, and draws the same numbers.
	Reset(ctx context.Context, seed uint32) (state []float64, err error)
	// Step applies an action in [-1, 1] for Dt seconds, and returns what came of it. It must not keep u.
	Step(ctx context.Context, u []float64) (Answer, error)
	// Close lets go of the system. It may be called after an error, and more than once.
	Close() error
}

// An Answer is what came of a step of a Plant.
type Answer struct {
	State []float64 // of each dimension of the Task's State, in its unit
	End   End       // "" where the episode goes on
	Why   string    // it ended, in words; may be empty
}

// An End is how an episode ended before its Steps were taken.
type End string

const (
	Terminated End = "terminated" // by the system: there is nothing after that state, as after a fall
	Truncated  End = "truncated"  // from outside: the system could have gone on
)

// A PlantMaker opens the Plant of a Task. Settings that it exports are kept with a run, as those of its other parts are.
type PlantMaker interface {
	// Open connects to the system, and reports one that is not what s describes. It is called once for each time that a run is begun or gone on with.
	Open(ctx context.Context, s *System) (Plant, error)
}

// PlantFunc makes a PlantMaker of a function.
type PlantFunc func(ctx context.Context, s *System) (Plant, error)

// Open implements PlantMaker.
func (f PlantFunc) Open(ctx context.Context, s *System) (Plant, error) { return f(ctx, s) }

// A Repeater is a Plant that may give the same answers again, to the bit, to the same seed and the same actions. An episode that was cut short
// goes on where it was, once its actions were taken again. A machine does not, and should not: that episode is over, and the next begins.
type Repeater interface{ Repeats() bool }

// Repeats tells whether p gives the same answers again.
func Repeats(p Plant) bool {
	r, ok := p.(Repeater)
	return ok && r.Repeats()
}

// Outside tells whether the real system is a Plant. Dynamics is nil then.
func (s *System) Outside() bool { return s.Plant != nil }

// Unknown is an error of what needs the formulas of a system that is a Plant; nil of one that has them. what needs them is a noun.
func (s *System) Unknown(what string) error {
	if !s.Outside() {
		return nil
	}
	return fmt.Errorf("task %q is a plant, whose formulas nobody knows, and %s needs them", s.Name, what)
}

// BeginPlant begins an episode of p with the seed of src, and checks the state that it starts in: see CheckPoint and CheckStart. Noise of what the agent
// sees of it is drawn from src.
func (s *System) BeginPlant(ctx context.Context, p Plant, src rng.Stream) (Trajectory, error) {
	x, err := p.Reset(ctx, src.Child("plant").Rand().Uint32())
	if err != nil {
		return Trajectory{}, err
	}
	if err := s.answered(x); err != nil {
		return Trajectory{}, err
	}
	if err := s.CheckStart(x); err != nil {
		return Trajectory{}, err
	}
	return s.Begin(slices.Clone(x), src), nil
}

// AdvancePlant takes p a step further with the action u in [-1, 1], and appends it to t, which BeginPlant started. What disturbs actions and what the
// agent sees is drawn from src, the same stream at every step. It fails if p does, and if its answer is none of the task's states; t is as before then.
func (s *System) AdvancePlant(ctx context.Context, p Plant, t *Trajectory, u []float64, src rng.Stream) (a Answer, err error) {
	err = s.advance(t, u, src, func(_, command []float64) ([]float64, error) {
		for k, v := range command { // what disturbs it may be beyond what a plant takes
			command[k] = max(-1, min(1, v))
		}
		if a, err = p.Step(ctx, command); err != nil {
			return nil, err
		}
		if err := s.answered(a.State); err != nil {
			return nil, err
		}
		if a.End != "" && a.End != Terminated && a.End != Truncated {
			return nil, fmt.Errorf("the plant says that the episode has %q, want %q, %q or nothing", a.End, Terminated, Truncated)
		}
		return slices.Clone(a.State), nil
	})
	a.Why = oneLine(a.Why)
	return a, err
}

// oneLine is what somebody else has said, as a table can hold it: a line of no more than 200 characters.
func oneLine(text string) string {
	const most = 200
	line := []rune(strings.Join(strings.Fields(text), " "))
	if len(line) > most {
		line = append(line[:most], '…')
	}
	return string(line)
}

// TryPlant takes p through an episode of so many steps at most, under gentle random actions: see Gentle. It returns the way and the last answer.
func (s *System) TryPlant(ctx context.Context, p Plant, steps int, src rng.Stream) (t Trajectory, last Answer, err error) {
	if t, err = s.BeginPlant(ctx, p, src); err != nil {
		return t, last, err
	}
	act := s.RandomPolicy(true, src.Child("act"))
	for at := range min(steps, s.Steps) {
		if last, err = s.AdvancePlant(ctx, p, &t, act(at, nil), src); err != nil || last.End != "" {
			return t, last, err
		}
	}
	return t, last, nil
}

// answered reports a state of a plant that cannot be. A state beyond its own range can: a range is what is said of the system, and a plant is the
// system.
func (s *System) answered(x []float64) error {
	const where = "the plant's answer"
	if len(x) != len(s.State) {
		return fmt.Errorf("%s is a state of %d numbers, and that of task %q has %d", where, len(x), s.Name, len(s.State))
	}
	for d, v := range x {
		if bad(v) {
			return fmt.Errorf("%s: %s is %v", where, s.State[d].Name, v)
		}
	}
	return s.tryAngles(where, x)
}
