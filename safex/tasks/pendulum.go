// Package tasks has the control tasks, one file each.
package tasks

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Pendulum is a rod on a motor too weak to lift it in one push. It must swing up and stay
// up without ever turning faster than MaxSpeed.
type Pendulum struct {
	Gravity   float64 // m/s²
	Mass      float64 // kg
	Length    float64 // m
	MaxTorque float64 // N m, of the motor at action 1
	SpeedClip float64 // rad/s, beyond which the real pendulum does not turn
	MaxSpeed  float64 // rad/s, the safety limit
	Effort    float64 // price of a squared N m
	StartBand float64 // rad and rad/s: half the width of the start around hanging still
	Dt        float64 // s
	Steps     int     // of an episode
}

// DefaultPendulum returns the pendulum of the OpenAI Gym with a speed limit of 6 rad/s.
func DefaultPendulum() Pendulum {
	return Pendulum{
		Gravity: 10, Mass: 1, Length: 1, MaxTorque: 2, SpeedClip: 12,
		MaxSpeed: 6, Effort: 0.001, StartBand: 0.1, Dt: 0.05, Steps: 200,
	}
}

// Check reports the first parameter that makes no sense.
func (p Pendulum) Check() error {
	if err := positive("pendulum", quantity{"Mass", p.Mass}, quantity{"Length", p.Length}, quantity{"SpeedClip", p.SpeedClip}, quantity{"Dt", p.Dt}); err != nil {
		return err
	}
	return atLeast0("pendulum", quantity{"MaxTorque", p.MaxTorque}, quantity{"Effort", p.Effort}, quantity{"StartBand", p.StartBand})
}

// Task returns the control problem. Its state is (cos θ, sin θ, ω) with θ = 0 upright; the
// dynamics are semi-implicit Euler,
//
//	ω' = clip(ω + (3g/2l · sin θ + 3/(m l²) · u) dt, ±SpeedClip),   θ' = θ + ω' dt,
//
// and the reward of a step is -(θ² + 0.1 ω² + Effort u²) of the state before it, with θ in
// (-π, π] and the torque u in N m. Its backup is to brake; start and goal are inside, and the ways up on which braking
// keeps the limit.
func (p Pendulum) Task() safex.Task {
	torque := func(u num.Vec) num.Expr { return u[0].Clamp(-1, 1).Mul(p.MaxTorque) }
	return safex.Task{
		Name: "pendulum",
		State: []safex.Var{
			{Name: "cos", Symbol: "cos θ", Scale: 0.7},
			{Name: "sin", Symbol: "sin θ", Scale: 0.7},
			{Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 4},
		},
		Action: []safex.Var{{Name: "torque", Symbol: "torque / max", Scale: 0.6}},
		Angles: []safex.Angle{{Name: "theta", Sin: 1, Cos: 0}},
		Dt:     p.Dt,
		Steps:  p.Steps,
		Start: func(x []float64, r *rand.Rand) {
			θ := math.Pi + p.StartBand*(2*r.Float64()-1)
			x[0], x[1], x[2] = math.Cos(θ), math.Sin(θ), p.StartBand*(2*r.Float64()-1)
		},
		Next: func(x, u num.Vec) num.Vec {
			θ, ω := num.Atan2(x[1], x[0]), x[2]
			α := θ.Sin().Mul(1.5 * p.Gravity / p.Length).Add(torque(u).Mul(3 / (p.Mass * p.Length * p.Length)))
			ω = ω.Add(α.Mul(p.Dt)).Clamp(-p.SpeedClip, p.SpeedClip)
			θ = θ.Add(ω.Mul(p.Dt))
			return num.Vec{θ.Cos(), θ.Sin(), ω}
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			θ, ω := num.Atan2(x[1], x[0]), x[2]
			return θ.Square().Add(ω.Square().Mul(0.1)).Add(torque(u).Square().Mul(p.Effort)).Neg()
		},
		Limits: []safex.Limit{{
			Name: "speed", Unit: "rad/s", Max: p.MaxSpeed,
			Of: func(x, u, next num.Vec) num.Expr { return next[2].Abs() },
		}},
		Goal: &safex.Goal{ // the published one
			Name: "angle", Unit: "rad", Max: 0.1, Steps: 10,
			Of: func(x num.Vec) num.Expr { return num.Atan2(x[1], x[0]).Abs() },
		},
		Backup:  p.backup(),
		Picture: p.picture(),
		Tuning:  safex.Tuning{Horizon: 22, Std: 1.5, Color: 2}, // with these, planning with the oracle dynamics did best
	}
}
