package safex

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Policy chooses the action of step t in the state x that the agent sees.
type Policy func(t int, x []float64) []float64

// RandomPolicy draws each action from its range, or from the part of it that RandomAmplitude and RandomCenter name, if gentle.
func (s *System) RandomPolicy(gentle bool, src rng.Stream) Policy {
	return func(t int, _ []float64) []float64 {
		u, r := make([]float64, len(s.Action)), src.At(t).Rand()
		for k := range u {
			u[k] = 2*r.Float64() - 1
			if gentle {
				u[k] = s.Gentle(k, u[k])
			}
		}
		return u
	}
}

// ColouredPolicy draws each action from first-order autoregressive noise: of the given deviation, below 1 in correlation from one
// step to the next, cut to [-1, 1]. It is for one episode.
func (s *System) ColouredPolicy(correlation, deviation float64, src rng.Stream) Policy {
	if !(correlation >= 0 && correlation < 1) || !(deviation >= 0) {
		panic(fmt.Sprintf("safex: noise of correlation %v and deviation %v, want at least 0 and below 1, and at least 0", correlation, deviation))
	}
	r, z := src.Rand(), make([]float64, len(s.Action))
	for k := range z {
		z[k] = r.NormFloat64()
	}
	return func(int, []float64) []float64 {
		u := make([]float64, len(z))
		for k := range z {
			u[k] = min(max(deviation*z[k], -1), 1)
			z[k] = correlation*z[k] + math.Sqrt(1-correlation*correlation)*r.NormFloat64()
		}
		return u
	}
}

// ConstantPolicy always takes the action u; without one it does nothing.
func (s *System) ConstantPolicy(u ...float64) Policy {
	if u == nil {
		u = make([]float64, len(s.Action))
	}
	return func(int, []float64) []float64 { return u }
}

// Simulate takes the real system through an episode under a policy, from a start drawn from src. It fails
// if an action has the wrong dimension or is beyond [-1, 1], and if the task leaves the real numbers; the
// episode holds the steps before that.
func (s *System) Simulate(p Policy, src rng.Stream) (Episode, error) {
	if p == nil {
		return Episode{}, fmt.Errorf("safex: task %q: Simulate without a policy", s.Name)
	}
	if err := s.Unknown("Simulate"); err != nil {
		return Episode{}, err
	}
	x, err := s.DrawStart(src.Child("start"))
	if err != nil {
		return Episode{}, fmt.Errorf("safex: task %q: %w", s.Name, err)
	}
	e := Episode{Phase: RandomPhase, Trajectory: s.Begin(x, src.Child("real"))}
	for t := range s.Steps {
		u := p(t, slices.Clone(e.States[t]))
		if len(u) != len(s.Action) {
			return e, fmt.Errorf("safex: task %q, step %d: the policy's action has %d dimensions, want %d", s.Name, t, len(u), len(s.Action))
		}
		for k, v := range u {
			if !(v >= -1 && v <= 1) {
				return e, fmt.Errorf("safex: task %q, step %d: the policy's %s is %v, want it in [-1, 1]", s.Name, t, s.Action[k].Name, v)
			}
		}
		if err := s.Advance(&e.Trajectory, u, src.Child("real")); err != nil {
			return e, fmt.Errorf("safex: task %q, step %d: %w", s.Name, t, err)
		}
	}
	return e, nil
}

// Follow is where actions lead the dynamics of the task from the state x, whatever they meet: disturbances are left out, as in a plan.
func (s *System) Follow(x []float64, actions [][]float64) Trajectory {
	t := Trajectory{States: [][]float64{x}}
	for i, u := range actions {
		next, reward, excess := s.Step(t.States[i], u)
		t.Append(u, next, reward, excess)
	}
	return t
}

// Gather takes n episodes of the real system under ColouredPolicy, without any planner, each with streams of its own: the transitions that a model is shown
// before anything is planned.
func (s *System) Gather(n int, correlation, deviation float64, src rng.Stream) (*Data, error) {
	data := &Data{}
	for k := range n {
		at := src.At(k)
		e, err := s.Simulate(s.ColouredPolicy(correlation, deviation, at.Child("noise")), at)
		if err != nil {
			return nil, err
		}
		data.AppendEpisode(e.Trajectory)
	}
	return data, nil
}
