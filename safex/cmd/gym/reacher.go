package main

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// Reacher is Gymnasium's Reacher-v5: an arm of two links brings its tip to a target, and turns no joint too fast.
type Reacher struct {
	Plant    plant.Process
	MaxSpeed float64 // rad/s of each joint
	Elbow    float64 // rad that the second joint may bend; it has a stop at 3
	TargetX  float64 // m
	TargetY  float64
	Steps    int
}

// DefaultReacher has a target to the side of the arm.
func DefaultReacher() Reacher {
	return Reacher{Plant: plant.DefaultProcess("python3 safex/cmd/gym/reacher.py"), MaxSpeed: 5, Elbow: 2.5, TargetX: 0.05, TargetY: 0.15, Steps: 100}
}

// Task returns the control problem.
func (r Reacher) Task() safex.Task {
	task := safex.Task{
		Name: "reacher",
		State: []safex.Var{
			{Name: "cos_1", Symbol: "cos θ₁", Scale: 0.7}, {Name: "sin_1", Symbol: "sin θ₁", Scale: 0.7},
			{Name: "cos_2", Symbol: "cos θ₂", Scale: 0.7}, {Name: "sin_2", Symbol: "sin θ₂", Scale: 0.7},
			{Name: "omega_1", Symbol: "ω₁", Unit: "rad/s", Scale: 3}, {Name: "omega_2", Symbol: "ω₂", Unit: "rad/s", Scale: 3},
		},
		Action: []safex.Var{
			{Name: "torque_1", Symbol: "torque 1 / max", Scale: 0.6, RandomAmplitude: 0.03}, {Name: "torque_2", Symbol: "torque 2 / max", Scale: 0.6, RandomAmplitude: 0.03},
		},
		Angles: []safex.Angle{{Name: "theta_1", Sin: 1, Cos: 0}, {Name: "theta_2", Sin: 3, Cos: 2}},
		Dt:     0.02,
		Steps:  r.Steps,
		Plant:  r.Plant,
		Start: func(x []float64, g *rand.Rand) {
			for k := range 2 {
				θ := 0.05 * (2*g.Float64() - 1)
				x[2*k], x[2*k+1], x[4+k] = math.Cos(θ), math.Sin(θ), 0
			}
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			far := r.distance(next).Neg()
			return far.Mul(10).Sub(u[0].Square().Add(u[1].Square()).Mul(0.01))
		},
		Goal:   &safex.Goal{Name: "distance", Unit: "m", Max: 0.02, Steps: 10, Of: r.distance},
		Tuning: safex.Tuning{Horizon: 20, Std: 0.6, Color: 1},
	}
	for k, name := range []string{"speed_1", "speed_2"} {
		task.Limits = append(task.Limits, safex.Limit{
			Name: name, Unit: "rad/s", Max: r.MaxSpeed, Of: func(x, u, next num.Vec) num.Expr { return next[4+k].Abs() },
		})
	}
	task.Limits = append(task.Limits, safex.Limit{
		Name: "elbow", Unit: "rad", Max: r.Elbow, Of: func(x, u, next num.Vec) num.Expr { return num.Atan2(next[3], next[2]).Abs() },
	})
	return task
}

// distance is how far the tip is from the target, in m.
func (r Reacher) distance(x num.Vec) num.Expr {
	const upper, lower = 0.1, 0.11             // m, the links
	both := x[0].Mul(x[2]).Sub(x[1].Mul(x[3])) // cosine of the sum of the angles
	sum := x[1].Mul(x[2]).Add(x[0].Mul(x[3]))
	dx := x[0].Mul(upper).Add(both.Mul(lower)).Sub(r.TargetX)
	dy := x[1].Mul(upper).Add(sum.Mul(lower)).Sub(r.TargetY)
	return dx.Square().Add(dy.Square()).Add(1e-6).Sqrt()
}
