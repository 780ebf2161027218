package main

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// Swingup is a cart-pole in MuJoCo, with the masses and the motor of the DeepMind Control Suite's: the pole hangs, and is to be swung up and held while the
// cart stays on its rail.
type Swingup struct {
	Plant plant.Process
	Rail  float64 // m from the middle that the cart may go: the limit of ActSafe (As et al., 2025)
	Steps int
}

// DefaultSwingup has the rail of ActSafe.
func DefaultSwingup() Swingup {
	return Swingup{Plant: plant.DefaultProcess("python3 safex/cmd/gym/swingup.py"), Rail: 0.5, Steps: 150}
}

// Task returns the control problem.
func (s Swingup) Task() safex.Task {
	return safex.Task{
		Name: "swingup",
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 0.3}, {Name: "cos", Symbol: "cos θ", Scale: 0.7}, {Name: "sin", Symbol: "sin θ", Scale: 0.7},
			{Name: "v", Unit: "m/s", Scale: 1}, {Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 4},
		},
		Action: []safex.Var{{Name: "force", Symbol: "force / 10 N", Scale: 0.6, RandomAmplitude: 0.02}},
		Angles: []safex.Angle{{Name: "theta", Sin: 2, Cos: 1}},
		Dt:     0.04,
		Steps:  s.Steps,
		Plant:  s.Plant,
		Start: func(x []float64, r *rand.Rand) {
			θ := math.Pi + 0.05*(2*r.Float64()-1)
			x[0], x[1], x[2], x[3], x[4] = 0.02*(2*r.Float64()-1), math.Cos(θ), math.Sin(θ), 0, 0
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			return next[1].Sub(1).Sub(next[0].Square()).Sub(next[4].Square().Mul(0.01)).Sub(u[0].Square().Mul(0.01))
		},
		Limits: []safex.Limit{{
			Name: "rail", Unit: "m", Max: s.Rail, Scale: 0.1,
			Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() },
		}},
		Goal: &safex.Goal{
			Name: "upright", Unit: "rad", Max: 0.2, Steps: 10,
			Of: func(x num.Vec) num.Expr { return num.Atan2(x[2], x[1]).Abs() },
		},
		Tuning: safex.Tuning{Horizon: 30, Std: 1, Color: 2},
	}
}
