package reach_test

import (
	"context"
	"fmt"
	"math"

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

// Asks from which of two sets of states in front of the wall a trolley stays behind it in the next step, by braking, and whatever the model is wrong about.
func ExampleImager_Images() {
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
	wide := [][]float64{{0.05, 0}, {0, 0.05}} // half the width along each axis
	from := []reach.Patch{{Center: []float64{0.75, 0.55}, Gen: wide}, {Center: []float64{0.75, 1.55}, Gen: wide}}
	to := make([]reach.Image, len(from))
	p.Imager(2).Images(to, from, [][]float64{{-1}})
	for _, m := range to {
		most := m.Center[0] + m.Off[0] + 2*m.Deviation[0]
		for _, g := range append(m.Gen, m.Bend...) {
			most += math.Abs(g[0])
		}
		fmt.Println("at most 1 m:", most <= 1)
	}
	// Output:
	// at most 1 m: true
	// at most 1 m: false
}
