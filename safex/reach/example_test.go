package reach_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
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

// proverOf knows what an episode of random pushes tells about the trolley.
func proverOf(s *safex.System) (*reach.Prover, error) {
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
	return reach.New(s, m)
}

// Proves that a trolley which pushes and then brakes stays in front of its wall, whatever the model is wrong about, and that pushing on
// has no such proof.
func ExampleProver_Tube() {
	s, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := proverOf(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pushes := range [][][]float64{{{1}, {1}, {1}, {-1}, {-1}, {-1}}, {{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}}} {
		tube, err := p.Tube(context.Background(), reach.Plan{State: []float64{0, 0}, Actions: pushes, Beta: 2})
		if err != nil {
			fmt.Println(err)
			return
		}
		last := len(pushes) - 1
		lo, hi := tube.Sets[last].Range(0)
		fmt.Printf("ends between %.1f and %.1f m: proved %t, the first %d steps\n", lo, hi, tube.Holds(nil), tube.Prefix(nil))
	}
	// Output:
	// ends between 0.1 and 0.6 m: proved true, the first 6 steps
	// ends between 0.8 and 2.0 m: proved false, the first 5 steps
}

// Asks which of two cells in front of the wall can be kept from it in the next step, by braking, and whatever the model is wrong about.
func ExampleProver_Box() {
	s, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := proverOf(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	var b reach.Bounds
	brake := num.Batch{{-1, -1}}
	p.Box(&b, num.Batch{{0.7, 0.7}, {0.5, 1.5}}, num.Batch{{0.8, 0.8}, {0.6, 1.6}}, brake, brake) // two lanes
	for i := range 2 {
		fmt.Println("at most 1 m:", b.Hi[0][i]+2*b.Doubt[0][i] <= 1)
	}
	// Output:
	// at most 1 m: true
	// at most 1 m: false
}
