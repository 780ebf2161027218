package fused_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// trolley is a mass of 1 kg in front of a wall.
var trolley = safex.Task{
	Name: "trolley", Dt: 0.2, Steps: 40, Start: safex.StartAt(0, 0),
	State:  []safex.Var{{Name: "place", Unit: "m", Scale: 1}, {Name: "speed", Unit: "m/s", Scale: 1}},
	Action: []safex.Var{{Name: "push", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		v := x[1].Add(u[0].Mul(0.2))
		return num.Vec{x[0].Add(v.Mul(0.2)), v}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
}

// learned is a rollout of what an episode of random pushes tells about the trolley.
func learned(s *safex.System) (safex.Rollout, error) {
	episode, err := s.Simulate(s.RandomPolicy(false, rng.New(1)), rng.New(1))
	if err != nil {
		return nil, err
	}
	data := &safex.Data{}
	for t, u := range episode.Actions {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	l := linear.Default()
	l.Noise = 0.02
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		return nil, err
	}
	return fused.New().Rollout(s, m)
}

// Takes the same pushes through time under three model errors: as the model expects, and as far as it believes possible to either
// side in each step.
func ExampleEngine() {
	s, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	roll, err := learned(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := safex.Candidates{State: []float64{0, 0}, Beta: 2}
	for range 5 { // steps
		c.Actions = append(c.Actions, []float64{1, 1, 1}) // of three lanes
		c.Eta = append(c.Eta, []float64{0, -1, 1}, []float64{0, -1, 1})
	}
	var r safex.Rolled
	if err := roll.Roll(context.Background(), &r, c, nil); err != nil {
		fmt.Println(err)
		return
	}
	last := r.States[len(s.State)*4]
	fmt.Printf("expected at %.1f m, possible from %.1f to %.1f m\n", last[0], last[1], last[2])
	// Output: expected at 0.6 m, possible from 0.4 to 0.8 m
}

// Asks which model errors push the trolley toward the wall, by gradients.
func ExampleEngine_gradients() {
	s, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	roll, err := learned(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := safex.Candidates{State: []float64{0, 0}, Beta: 2, Actions: num.NewBatch(5, 1), Eta: num.NewBatch(5*2, 1)}
	var r safex.Rolled
	if err := roll.Roll(context.Background(), &r, c, &safex.Scalarisation{Excess: 1, Sharpness: 20}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("an early error of the speed counts more than a late one:", r.GradEta[1][0] > r.GradEta[7][0])
	// Output: an early error of the speed counts more than a late one: true
}
