package main

import (
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// SCGQuadrotor is the planar quadrotor of safe-control-gym (Yuan et al., 2022), which is to fly a circle that leads out of the box in which it must stay. Circle, reward
// and limits are those of the repository's experiments/arxiv/quadrotor_constraint, and the dynamics those of its quadrotor with a controller of the lean on board. It
// starts in the middle of the box, as at its floor, where the repository starts, the first random step may go below.
type SCGQuadrotor struct {
	Plant   plant.Process
	MaxSide float64 // m, of x to either side
	MaxZ    float64 // m
	Steps   int
}

// DefaultSCGQuadrotor has the limits and the 5 s of the repository.
func DefaultSCGQuadrotor() SCGQuadrotor {
	return SCGQuadrotor{Plant: plant.DefaultProcess("python3 safex/cmd/gym/safe_control_gym.py quadrotor"), MaxSide: 0.4, MaxZ: 0.9, Steps: 50}
}

// Task returns the control problem. Its state is the place x, the height z and the lean θ, each with its speed, in the repository's order, and the cosine and the
// sine of the phase of the circle, c and s. The reward of a step is exp(-((x + s/2)² + (z - (1 - c)/2)²)), at most 1, where the quadrotor is on the circle.
func (p SCGQuadrotor) Task() safex.Task {
	const low, high, hover = 0.079, 0.47628, (9.8 - 3.68) / 18.112984649321753 // N
	return safex.Task{
		Name: "scg_quadrotor",
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 0.2}, {Name: "vx", Unit: "m/s", Scale: 0.5},
			{Name: "z", Unit: "m", Scale: 0.2}, {Name: "vz", Unit: "m/s", Scale: 0.5},
			{Name: "theta", Symbol: "θ", Unit: "rad", Scale: 0.1}, {Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 0.7},
			{Name: "cos", Scale: 0.7}, {Name: "sin", Scale: 0.7},
		},
		Action: []safex.Var{
			{Name: "thrust", Symbol: "thrust / range", Scale: 0.3, RandomCenter: 2*(hover-low)/(high-low) - 1, RandomAmplitude: 0.02},
			{Name: "lean", Symbol: "lean / 0.4 rad", Scale: 0.3, RandomAmplitude: 0.02},
		},
		Angles: []safex.Angle{{Name: "circle", Sin: 7, Cos: 6}},
		Dt:     0.1,
		Steps:  p.Steps,
		Plant:  p.Plant,
		Start: func(x []float64, r *rand.Rand) {
			clear(x)
			x[0], x[2], x[6] = 0.02*(2*r.Float64()-1), 0.45+0.02*(2*r.Float64()-1), 1
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			dx, dz := next[0].Add(next[7].Mul(0.5)), next[2].Sub(0.5).Add(next[6].Mul(0.5))
			return dx.Square().Add(dz.Square()).Neg().Exp()
		},
		Limits: []safex.Limit{
			{Name: "side", Unit: "m", Max: p.MaxSide, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }},
			{Name: "ceiling", Unit: "m", Max: p.MaxZ, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[2] }},
			{Name: "floor", Unit: "m", Max: 0.01, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[2].Neg() }},
		},
		Tuning: safex.Tuning{Horizon: 15, Std: 0.4, Color: 1},
	}
}
