package safex_test

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// A task is a struct of functions on numbers that are not known yet.
func ExampleTask() {
	ferry := safex.Task{
		Name: "ferry", Dt: 0.5, Steps: 60, Start: safex.StartAt(20, 0),
		State: []safex.Var{
			{Name: "distance", Unit: "m", Scale: 10},
			{Name: "speed", Unit: "m/s", Scale: 1},
		},
		Action: []safex.Var{{Name: "thrust", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Sub(x[1].Mul(0.1)).Mul(0.5))
			return num.Vec{x[0].Sub(v.Mul(0.5)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Abs().Neg() },
		Limits: []safex.Limit{{
			Name: "wake", Unit: "m/s", Max: 2,
			Of: func(x, u, next num.Vec) num.Expr { return next[1] },
		}},
	}
	s, err := ferry.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	next, reward, excess := s.Step([]float64{20, 1.9}, []float64{1})
	fmt.Printf("next %.4g, reward %.4g, excess of wake %.3g m/s\n", next, reward, excess[0])
	// Output: next [18.85 2.305], reward -18.85, excess of wake 0.305 m/s
}
