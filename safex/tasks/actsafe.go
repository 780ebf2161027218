package tasks

import (
	"math/rand/v2"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// ActSafe is the pendulum on which the authors of ActSafe (As et al., 2025) compared safe exploration with Gaussian processes, step for
// step: that of the OpenAI Gym with another gravity, and each action held for two steps of it. It starts at rest, hanging, in every episode.
type ActSafe struct {
	Gravity   float64 // m/s²
	MaxTorque float64 // N m, of the motor at action 1
	SpeedClip float64 // rad/s, beyond which the real pendulum does not turn
	MaxSpeed  float64 // rad/s, the safety limit
	Effort    float64 // price of a squared action
	Dt        float64 // s, of a step: twice that of the integrator
	Steps     int     // of an episode
}

// DefaultActSafe returns the published protocol.
func DefaultActSafe() ActSafe {
	return ActSafe{Gravity: 9.81, MaxTorque: 2, SpeedClip: 8, MaxSpeed: 6, Effort: 0.02, Dt: 0.1, Steps: 50}
}

// Check reports the first parameter that makes no sense.
func (p ActSafe) Check() error {
	if err := positive("actsafe", quantity{"SpeedClip", p.SpeedClip}, quantity{"Dt", p.Dt}); err != nil {
		return err
	}
	return atLeast0("actsafe", quantity{"MaxTorque", p.MaxTorque}, quantity{"Effort", p.Effort})
}

// Task returns the control problem. Its state is (cos θ, sin θ, ω) with θ = 0 upright. A step is two of Pendulum, of half of Dt each, and
// the reward that of the second,
//
//	-(θ² + 0.1 ω²) - Effort u²
//
// in the state between the two, with the action u in [-1, 1]. That state follows from those before and after, whatever the dynamics: as
// each half ends at an angle of its own last speed, θ is that after less half of Dt times the speed there, and ω the rest of the way by
// the other half. The limit is on the speed after a step, as published; nobody looks at the one between.
func (p ActSafe) Task() safex.Task {
	half := Pendulum{
		Gravity: p.Gravity, Mass: 1, Length: 1, MaxTorque: p.MaxTorque, SpeedClip: p.SpeedClip,
		MaxSpeed: p.MaxSpeed, Dt: p.Dt / 2, Steps: p.Steps,
	}
	t := half.Task()
	step := t.Next
	t.Name, t.Dt = "actsafe", p.Dt
	t.Action = slices.Clone(t.Action)
	t.Action[0].RandomAmplitude = 0.5 // more of it swings beyond the limit now and then
	t.Start = func(x []float64, _ *rand.Rand) { x[0], x[1], x[2] = -1, 0, 0 }
	t.Next = func(x, u num.Vec) num.Vec { return step(step(x, u), u) }
	t.Reward = func(x, u, next num.Vec) num.Expr {
		back := next[2].Mul(p.Dt / 2)
		cos, sin := back.Cos(), back.Sin()
		cos, sin = next[0].Mul(cos).Add(next[1].Mul(sin)), next[1].Mul(cos).Sub(next[0].Mul(sin)) // in between
		θ := num.Atan2(sin, cos)
		ω := num.Atan2(sin.Mul(x[0]).Sub(cos.Mul(x[1])), cos.Mul(x[0]).Add(sin.Mul(x[1]))).Mul(2 / p.Dt)
		return θ.Square().Add(ω.Square().Mul(0.1)).Add(u[0].Clamp(-1, 1).Square().Mul(p.Effort)).Neg()
	}
	if b := t.Backup; b != nil { // an action brakes for two steps of the integrator
		b.Act = func(x num.Vec) num.Vec { return num.Vec{x[2].Div(-3*p.MaxTorque*p.Dt).Clamp(-1, 1)} }
	}
	t.Tuning = safex.Tuning{Horizon: 20, Std: 1.5, Color: 2} // the horizon is the published one
	return t
}
