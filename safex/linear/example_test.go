package linear_test

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// swing is a mass of 1 kg on a spring that gets stiffer as it is stretched.
var swing = safex.Task{
	Name: "swing", Dt: 0.2, Steps: 60, Start: safex.StartAt(0, 0),
	State:  []safex.Var{{Name: "position", Unit: "m", Scale: 1}, {Name: "speed", Unit: "m/s", Scale: 1}},
	Action: []safex.Var{{Name: "force", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		pull := x[0].Add(x[0].Mul(x[0]).Mul(x[0]))
		v := x[1].Add(u[0].Mul(2).Sub(pull).Mul(0.2))
		return num.Vec{x[0].Add(v.Mul(0.2)), v}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0].Square().Neg() },
}

// random are the first n transitions of an episode of random actions.
func random(s *safex.System, n int) (*safex.Data, error) {
	episode, err := s.Simulate(s.RandomPolicy(false, rng.New(1)), rng.New(1))
	if err != nil {
		return nil, err
	}
	data := &safex.Data{}
	for t, u := range episode.Actions[:n] {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	return data, nil
}

// Learns from random steps, and asks the model for the speed after a push of all force: the uncertainty about it falls with more steps.
func ExampleLinear() {
	s, err := swing.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	var deviations []float64
	for _, n := range []int{3, 60} {
		data, err := random(s, n)
		if err != nil {
			fmt.Println(err)
			return
		}
		m, err := linear.Default().Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		var p safex.Prediction
		if err := m.Predict(&p, num.Batch{{0}, {0}}, num.Batch{{1}}); err != nil { // a batch of one point
			fmt.Println(err)
			return
		}
		deviations = append(deviations, p.Epistemic[1][0])
	}
	fmt.Println("more certain after 60 steps than after 3:", deviations[1] < deviations[0]/2)
	// Output: more certain after 60 steps than after 3: true
}

// Gives the regression a feature that physics suggests, the cube of the position: it then finds the spring, which no plane fits.
func ExampleLinear_features() {
	s, err := swing.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := random(s, 60)
	if err != nil {
		fmt.Println(err)
		return
	}
	cubic := linear.Default()
	cubic.Features = func(x, u num.Vec) num.Vec { return num.Vec{num.Lit(1), x[0], x[1], u[0], x[0].Mul(x[0]).Mul(x[0])} }
	for _, l := range []linear.Linear{linear.Default(), cubic} {
		m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		var p safex.Prediction
		if err := m.Predict(&p, num.Batch{{1}, {0}}, num.Batch{{0}}); err != nil {
			fmt.Println(err)
			return
		}
		truth, _, _ := s.Step([]float64{1, 0}, []float64{0})
		fmt.Printf("with the cube %t: off by %.0f %%\n", l.Features != nil, 100*math.Abs(p.Mean[1][0]/truth[1]-1))
	}
	// Output:
	// with the cube false: off by 18 %
	// with the cube true: off by 0 %
}
