package main

import (
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// InvertedPendulum is Gymnasium's InvertedPendulum-v5: a cart carries an upright pole to a place on its rail. The pole falls by itself, so that what comes before the
// first plan is several short episodes, each of which the plant ends before the pole leans too far.
type InvertedPendulum struct {
	Plant  plant.Process
	Rail   float64 // m from the middle that the cart may go
	Lean   float64 // rad that the pole may lean
	Target float64 // m from the middle where the cart is wanted
	Steps  int
}

// DefaultInvertedPendulum has a target near the end of the rail.
func DefaultInvertedPendulum() InvertedPendulum {
	return InvertedPendulum{Plant: plant.DefaultProcess("python3 safex/cmd/gym/inverted_pendulum.py"), Rail: 0.8, Lean: 0.2, Target: 0.7, Steps: 100}
}

// Task returns the control problem.
func (p InvertedPendulum) Task() safex.Task {
	return safex.Task{
		Name: "inverted_pendulum",
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 0.4}, {Name: "angle", Symbol: "θ", Unit: "rad", Scale: 0.1},
			{Name: "v", Unit: "m/s", Scale: 0.6}, {Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 0.6},
		},
		Action: []safex.Var{{Name: "force", Symbol: "force / max", Scale: 0.6, RandomAmplitude: 0.1}},
		Dt:     0.04,
		Steps:  p.Steps,
		Plant:  p.Plant,
		Start: func(x []float64, r *rand.Rand) {
			for d := range x {
				x[d] = 0.01 * (2*r.Float64() - 1)
			}
		},
		Reward: func(x, u, next num.Vec) num.Expr { // 1 at best, so that an episode that ends early is worth less, and 0 where the plant is about to end it
			return num.Lit(1).Sub(next[0].Sub(p.Target).Square()).Sub(next[1].Square().Mul(100)).Sub(u[0].Square().Mul(0.01))
		},
		Limits: []safex.Limit{
			{Name: "rail", Unit: "m", Max: p.Rail, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }},
			{Name: "lean", Unit: "rad", Max: p.Lean, Scale: 0.05, Of: func(x, u, next num.Vec) num.Expr { return next[1].Abs() }},
		},
		Goal: &safex.Goal{
			Name: "target", Unit: "m", Max: 0.05, Steps: 10,
			Of: func(x num.Vec) num.Expr { return x[0].Sub(p.Target).Abs() },
		},
		Tuning: safex.Tuning{Horizon: 20, Std: 0.6, Color: 1},
	}
}
