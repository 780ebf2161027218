package main

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// SCGCartPole is the cart-pole of safe-control-gym (Yuan et al., 2022), which brings the cart to the middle and must neither lean nor turn the pole too far. Dynamics,
// start, reward and limits are those of the repository's experiments/arxiv/cartpole_constraint, with one difference: a regulator on board holds the pole, and the
// action is a force on top of its own. Plans have no feedback, and a pole that falls within a quarter of a second cannot be planned without it for the 2 s
// that the cart needs.
type SCGCartPole struct {
	Plant   plant.Process
	MaxLean float64 // rad, of the pole to either side
	MaxTurn float64 // rad/s
	Steps   int
}

// DefaultSCGCartPole has the limits and the 5 s of the repository.
func DefaultSCGCartPole() SCGCartPole {
	return SCGCartPole{Plant: plant.DefaultProcess("python3 safex/cmd/gym/safe_control_gym.py cartpole"), MaxLean: 0.2, MaxTurn: 0.2, Steps: 50}
}

// Task returns the control problem. Its state is the place x and the speed v of the cart, the angle θ of the pole, which is 0 upright, and its turn rate ω. The
// reward of a step is exp(-(5 x² + θ² + 0.01 u²)), at most 1.
func (p SCGCartPole) Task() safex.Task {
	return safex.Task{
		Name: "scg_cartpole",
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 0.3}, {Name: "v", Unit: "m/s", Scale: 0.5},
			{Name: "theta", Symbol: "θ", Unit: "rad", Scale: 0.1}, {Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 0.2},
		},
		Action: []safex.Var{{Name: "force", Symbol: "force / 10 N", Scale: 0.2, RandomAmplitude: 0.02}},
		Dt:     0.1,
		Steps:  p.Steps,
		Plant:  p.Plant,
		Start: func(x []float64, r *rand.Rand) {
			for d, half := range []float64{0.3, 0.05, 0.1, 0.05} {
				x[d] = half * (2*r.Float64() - 1)
			}
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			return next[0].Square().Mul(5).Add(next[2].Square()).Add(u[0].Square().Mul(0.01)).Neg().Exp()
		},
		Limits: []safex.Limit{
			{Name: "lean", Unit: "rad", Max: p.MaxLean, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[2].Abs() }},
			{Name: "turn", Unit: "rad/s", Max: p.MaxTurn, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[3].Abs() }},
		},
		Goal: &safex.Goal{
			Name: "middle", Unit: "m", Max: 0.05, Steps: 10,
			Of: func(x num.Vec) num.Expr { return x[0].Abs() },
		},
		Backup: p.backup(),
		Tuning: safex.Tuning{Horizon: 25, Std: 0.2, Color: 1},
	}
}

// backup is to turn the pole, at 2/s and no faster than 0.6 MaxTurn, to a lean that brakes the cart and leads it back. With the regulator on board a small lean goes by
//
//	ω̇ = -9.1 θ - 5.9 ω - 14.7 u,
//
// which the action solves for the turn rate at the end of the step. The set holds the states of
//
//	|θ|, |θ + Dt ω| ≤ MaxLean - gap,   |ω| ≤ MaxTurn - gap.
func (p SCGCartPole) backup() *safex.Backup {
	const gap, dt, stiff, damp, force = 0.02, 0.1, 9.1, 5.9, 14.7
	share := (1 - math.Exp(-damp*dt)) / damp // s, for which an acceleration at the start of a step counts
	lean, turn := p.MaxLean-gap, p.MaxTurn-gap
	return &safex.Backup{
		Name: "balance",
		Outside: func(x num.Vec) num.Vec {
			θ, ω := x[2], x[3]
			return num.Vec{θ.Abs().Sub(lean), θ.Add(ω.Mul(dt)).Abs().Sub(lean), ω.Abs().Sub(turn)}
		},
		Act: func(x num.Vec) num.Vec {
			θ, ω := x[2], x[3]
			back := x[0].Add(x[1].Mul(1.5)).Mul(-0.06).Clamp(-p.MaxLean/2, p.MaxLean/2)
			want := back.Sub(θ).Mul(2).Clamp(-0.6*p.MaxTurn, 0.6*p.MaxTurn)
			return num.Vec{want.Sub(ω).Div(share).Add(θ.Add(ω.Mul(dt/2)).Mul(stiff)).Add(ω.Mul(damp)).Div(-force).Clamp(-1, 1)}
		},
	}
}
