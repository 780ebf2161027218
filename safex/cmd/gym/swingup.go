package main

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// Swingup is the cartpole swingup of the DeepMind Control Suite (Tassa et al., 2018): the pole hangs, and is to be swung up and held, for the suite's reward, while the
// cart stays on a rail that is shorter than its own.
type Swingup struct {
	Plant plant.Process
	Rail  float64 // m from the middle that the cart may go: the limit of ActSafe (As et al., 2025)
	Steps int
}

// DefaultSwingup has the rail of ActSafe, and the suite's 10 s.
func DefaultSwingup() Swingup {
	return Swingup{Plant: plant.DefaultProcess("python3 safex/cmd/gym/swingup.py"), Rail: 0.5, Steps: 250}
}

// Task returns the control problem. The reward of a step is that of the suite after it, at most 1, for each of the 4 steps of the suite in it. The goal is where the suite's
// sparse reward asks the pole to be.
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
			θ := math.Pi + 0.01*r.NormFloat64()
			x[0], x[1], x[2], x[3], x[4] = 0.01*r.NormFloat64(), math.Cos(θ), math.Sin(θ), 0, 0
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			near := func(v num.Expr, margin float64) num.Expr { // 1 at 0, and a tenth where v is the margin
				return v.Square().Mul(math.Log(0.1) / (margin * margin)).Exp()
			}
			upright := next[1].Add(1).Div(2)
			centered, slow := near(next[0], 2).Add(1).Div(2), near(next[4], 5).Add(1).Div(2)
			small := u[0].Clamp(-1, 1).Square().Neg().Add(5).Div(5)
			return upright.Mul(small).Mul(slow).Mul(centered).Mul(4)
		},
		Limits: []safex.Limit{{
			Name: "rail", Unit: "m", Max: s.Rail, Scale: 0.1,
			Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() },
		}},
		Goal: &safex.Goal{
			Name: "upright", Unit: "rad", Max: 0.1, Steps: 10,
			Of: func(x num.Vec) num.Expr { return num.Atan2(x[2], x[1]).Abs() },
		},
		Tuning: safex.Tuning{Horizon: 30, Std: 1, Color: 2},
	}
}
