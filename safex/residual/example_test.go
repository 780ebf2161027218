package residual_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// gate is a mass of 1 kg on a spring that gets stiffer, with a motor of the given strength in N.
func gate(motor float64) safex.Task {
	return safex.Task{
		Name: "gate", Dt: 0.2, Steps: 20, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "position", Unit: "m", Scale: 1}, {Name: "speed", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "force", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			pull := x[0].Add(x[0].Mul(x[0]).Mul(x[0]))
			v := x[1].Add(u[0].Mul(motor).Sub(pull).Mul(0.2))
			return num.Vec{x[0].Add(v.Mul(0.2)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Square().Neg() },
	}
}

// Believes that a motor has 1.5 N, where it has 2. What is left to learn is linear, and 20 steps are enough for it; without the
// prior, the spring is to be learned too, which is not linear.
func ExampleResidual() {
	s, err := gate(2).System()
	if err != nil {
		fmt.Println(err)
		return
	}
	nominal, err := gate(1.5).System()
	if err != nil {
		fmt.Println(err)
		return
	}
	episode, err := s.Simulate(s.RandomPolicy(false, rng.New(1)), rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	data := &safex.Data{}
	for t, u := range episode.Actions {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	x, u := []float64{1, 0}, []float64{0.5}
	truth, _, _ := s.Step(x, u)
	for _, l := range []safex.Learner{linear.Default(), residual.Residual{Prior: nominal, Learner: linear.Default()}} {
		m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		var p safex.Prediction
		if err := m.Predict(&p, num.Batch{{x[0]}, {x[1]}}, num.Batch{u}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T: speed %.2f m/s, in truth %.2f m/s\n", l, p.Mean[1][0], truth[1])
	}
	// Output:
	// linear.Linear: speed -0.11 m/s, in truth -0.20 m/s
	// residual.Residual: speed -0.20 m/s, in truth -0.20 m/s
}
