package gp_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// sledge glides in snow, which brakes it the more the faster it is.
var sledge = safex.Task{
	Name: "sledge", Dt: 0.5, Steps: 30, Start: safex.StartAt(0),
	State:  []safex.Var{{Name: "speed", Unit: "m/s", Scale: 1}},
	Action: []safex.Var{{Name: "push", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		return num.Vec{x[0].Add(u[0].Sub(x[0].Mul(x[0].Abs())).Mul(0.5))}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
}

// rides are the transitions of an episode that pushes forward alone.
func rides(s *safex.System) (*safex.Data, error) {
	episode, err := s.Simulate(func(t int, _ []float64) []float64 { return []float64{float64(t%4) / 4} }, rng.New(1))
	if err != nil {
		return nil, err
	}
	data := &safex.Data{}
	for t, u := range episode.Actions {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	return data, nil
}

// Learns a sledge that was only pushed forward: the model knows what happens there, and is uncertain of what happens backward.
func ExampleGP() {
	s, err := sledge.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := rides(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := gp.Default().Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	x, u := num.Batch{{0.6, -0.8}}, num.Batch{{0.5, -1}} // two points
	var p safex.Prediction
	if err := m.Predict(&p, x, u); err != nil {
		fmt.Println(err)
		return
	}
	for i, deviation := range p.Epistemic[0] {
		fmt.Printf("knows what comes after %v m/s within 0.02 m/s: %v\n", x[0][i], deviation < 0.02)
	}
	// Output:
	// knows what comes after 0.6 m/s within 0.02 m/s: true
	// knows what comes after -0.8 m/s within 0.02 m/s: false
}

// Takes in what happened since the fit, which costs little: the uncertainty about a place falls when it has been there.
func ExampleGP_Update() {
	s, err := sledge.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := rides(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, g := context.Background(), gp.Default()
	before, err := g.Learn(ctx, s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	x, u := []float64{-0.8}, []float64{-1}
	next, _, _ := s.Step(x, u)
	data.Append(x, u, next)
	after, err := g.Update(ctx, s, data, before)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range []safex.Model{before, after} {
		var p safex.Prediction
		if err := m.Predict(&p, num.Batch{{-0.7}}, num.Batch{{-0.9}}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("uncertain of the next speed by more than 0.02 m/s: %v\n", p.Epistemic[0][0] > 0.02)
	}
	// Output:
	// uncertain of the next speed by more than 0.02 m/s: true
	// uncertain of the next speed by more than 0.02 m/s: false
}

// Learns a sledge by a process of all dimensions, which takes in all data by way of some: rollouts of it are as quick as those of networks.
func ExampleSparse() {
	s, err := sledge.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := rides(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := gp.DefaultSparse().Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	x, u := num.Batch{{0.6, -0.8}}, num.Batch{{0.5, -1}} // two points
	var p safex.Prediction
	if err := m.Predict(&p, x, u); err != nil {
		fmt.Println(err)
		return
	}
	for i, deviation := range p.Epistemic[0] {
		fmt.Printf("knows what comes after %v m/s within 0.02 m/s: %v\n", x[0][i], deviation < 0.02)
	}
	// Output:
	// knows what comes after 0.6 m/s within 0.02 m/s: true
	// knows what comes after -0.8 m/s within 0.02 m/s: false
}
