package bench

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// recipe is what a model depends on.
type recipe struct {
	task           string
	members, width int
	activation     string
	batch, steps   int    // of each member in a gradient step, and gradient steps at most
	kind           string // of the model, by its name in package lab; "" is probabilistic, and of gp the task and the data count alone
	data           int    // transitions; 0 is as many as others
	states, limits int    // of a chain
}

// drawn is the number of gradient steps of models that are only rolled: weights as they were drawn, nearly.
const drawn = 1

// transitions are as many as a model learns from.
const transitions = 500

// recipe is a model with the settings' members and batches.
func (b *bench) recipe(task string, width int, activation string, steps int) recipe {
	return recipe{task: task, members: b.Members, width: width, activation: activation, batch: b.FitBatch, steps: steps}
}

// learner is the learner of a recipe, with more settings.
func (r recipe) learner(more ...string) (safex.Codec, error) {
	if r.kind == gp {
		s, err := r.spec(append([]string{"learner=gp"}, more...)...)
		if err != nil {
			return nil, err
		}
		return s.Compose()
	}
	s, err := r.spec(append([]string{
		"learner=probabilistic", fmt.Sprintf("learner.Members=%d", r.members), fmt.Sprintf("learner.Hidden=%d,%d", r.width, r.width), "learner.Activation=" + r.activation,
		fmt.Sprintf("learner.Batch=%d", r.batch), fmt.Sprintf("learner.MaxSteps=%d", r.steps),
	}, more...)...)
	if err != nil {
		return nil, err
	}
	return s.Compose()
}

// model learns the model of a recipe, once.
func (b *bench) model(ctx context.Context, r recipe) (*safex.System, safex.Model, error) {
	system, data, err := b.task(r)
	if err != nil || b.models[r] != nil {
		return system, b.models[r], err
	}
	l, err := r.learner()
	if err != nil {
		return nil, nil, err
	}
	m, err := l.Learn(ctx, system, data, nil, b.src.Child("learn"))
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %s: %w", r.task, err)
	}
	b.models[r] = m
	return system, m, nil
}

// task is the task of a recipe, and transitions of it, made once.
func (b *bench) task(r recipe) (*safex.System, *safex.Data, error) {
	of := recipe{task: r.task, states: r.states, limits: r.limits, data: r.data}
	if b.systems[of] != nil {
		return b.systems[of], b.data[of], nil
	}
	spec, err := r.spec()
	if err != nil {
		return nil, nil, err
	}
	s, err := spec.Task.Task().System()
	if err != nil {
		return nil, nil, err
	}
	gather := wander
	if r.task == pendulum {
		gather = everywhere
	}
	n := transitions
	if r.data > 0 {
		n = r.data
	}
	data, err := gather(s, n, b.src.Child("data"))
	if err != nil {
		return nil, nil, fmt.Errorf("bench: %w", err)
	}
	b.systems[of], b.data[of] = s, data
	return s, data, nil
}

// everywhere draws transitions over the pendulum's whole state space.
func everywhere(s *safex.System, n int, src rng.Stream) (*safex.Data, error) {
	data, r := &safex.Data{}, src.Rand()
	for range n {
		θ, ω, u := math.Pi*(2*r.Float64()-1), 6*(2*r.Float64()-1), 2*r.Float64()-1
		x := []float64{math.Cos(θ), math.Sin(θ), ω}
		next, _, _ := s.Step(x, []float64{u})
		data.Append(x, []float64{u}, next)
	}
	return data, nil
}

// wander takes the beginnings of episodes under coloured noise.
func wander(s *safex.System, n int, src rng.Stream) (*safex.Data, error) {
	const begins, correlation, deviation = 50, 0.9, 0.4
	data := &safex.Data{}
	for k := 0; data.Len() < n; k++ {
		e, err := s.Simulate(s.ColouredPolicy(correlation, deviation, src.At(k).Child("noise")), src.At(k))
		if err != nil {
			return nil, err
		}
		data.Begin()
		for t, u := range e.Actions[:min(begins, len(e.Actions))] {
			data.Append(e.States[t], u, e.States[t+1])
		}
	}
	return data, nil
}

// products are the multiplications of an evaluation: the weights of all members, but for those of a noise that is not doubted.
func products(m safex.Model) (n int) {
	f := safex.FormOf(m)
	if f == nil || f.Layers == nil {
		return 0
	}
	for k, d := range f.Layers.Dense {
		out := d.Out
		if k == len(f.Layers.Dense)-1 && f.Layers.Noise && !f.Doubted {
			out /= 2
		}
		n += f.Layers.Members * d.In * out
	}
	return n
}

// bind binds a model to the first engine that can run it.
func (b *bench) bind(s *safex.System, m safex.Model) (engine string, r safex.Rollout, err error) {
	var refused error
	for i, e := range b.engines {
		if r, err = e.Rollout(s, m); err == nil {
			return b.Engines[i], r, nil
		}
		if refused == nil {
			refused = err
		}
	}
	return "", nil, refused
}
