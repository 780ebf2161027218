package tasks

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// SafeMPC is the inverted pendulum on which SafeMPC explores (Koller et al., 2018), with the numbers of its version that plans by the
// cross-entropy method (github.com/oscarkey/safe-exploration). It must stay near upright, and what it may lean depends on how fast it comes
// back: its limits are the four sides of a parallelogram in angle and speed.
type SafeMPC struct {
	Gravity        float64 // m/s²
	Mass           float64 // kg
	Length         float64 // m
	Friction       float64 // N m s
	MaxTorque      float64 // N m, of the motor at action 1
	MaxLean        float64 // rad, of the corner of the limits that leans most
	MaxSpeed       float64 // rad/s, at that corner, on the way back
	UprightSpeed   float64 // rad/s, of the corner that is upright
	StartDeviation float64 // rad and rad/s, of the start in each dimension
	Effort         float64 // price of a squared action
	Dt             float64 // s
	Steps          int     // of an episode
}

// DefaultSafeMPC returns the published numbers. The effort is ours: the published agent has no reward, and looks for information alone.
func DefaultSafeMPC() SafeMPC {
	return SafeMPC{
		Gravity: 9.82, Mass: 0.15, Length: 0.5, MaxTorque: 1, MaxLean: 20 * math.Pi / 180, MaxSpeed: 1.2, UprightSpeed: 0.8,
		StartDeviation: 0.05, Effort: 0.02, Dt: 0.05, Steps: 50,
	}
}

// Check reports the first parameter that makes no sense.
func (p SafeMPC) Check() error {
	if err := positive("safempc", quantity{"Mass", p.Mass}, quantity{"Length", p.Length}, quantity{"MaxTorque", p.MaxTorque}, quantity{"MaxLean", p.MaxLean},
		quantity{"UprightSpeed", p.UprightSpeed}, quantity{"Dt", p.Dt}); err != nil {
		return err
	}
	return atLeast0("safempc", quantity{"Friction", p.Friction}, quantity{"MaxSpeed", p.MaxSpeed}, quantity{"StartDeviation", p.StartDeviation}, quantity{"Effort", p.Effort})
}

// steep and flat are the slopes of the sides of the limits: the speeds that a lean of a radian counts as.
func (p SafeMPC) steep() float64 { return (p.MaxSpeed + p.UprightSpeed) / p.MaxLean }
func (p SafeMPC) flat() float64  { return (p.MaxSpeed - p.UprightSpeed) / p.MaxLean }

// Rates are the derivatives of z = (θ, ω) under the action u, with the torque τ and the moment of inertia m l² of a point at the end of the rod:
//
//	θ̇ = ω,   ω̇ = g/l sin θ + (τ - Friction ω)/(m l²).
func (p SafeMPC) Rates(z, u num.Vec) num.Vec {
	inertia := p.Mass * p.Length * p.Length
	α := z[0].Sin().Mul(p.Gravity / p.Length).Add(u[0].Clamp(-1, 1).Mul(p.MaxTorque / inertia))
	if p.Friction > 0 {
		α = α.Sub(z[1].Mul(p.Friction / inertia))
	}
	return num.Vec{z[1], α}
}

// Task returns the control problem. Its state is the angle θ, which is 0 upright, and the speed ω; a step is one of the classical
// Runge–Kutta method on Rates. With V = UprightSpeed and the corners (MaxLean, -MaxSpeed) and (0, V) and their mirror images, the limits are
//
//	|ω + (MaxSpeed + V)/MaxLean θ| ≤ V,   |ω + (MaxSpeed - V)/MaxLean θ| ≤ V
//
// of the state after a step. An episode starts at a normal deviate of StartDeviation in each dimension, and one that is outside of the limits
// is drawn again. The reward of a step is -(θ² + 0.1 ω² + Effort u²) of the state after it. Its backup is a regulator.
func (p SafeMPC) Task() safex.Task {
	side := func(name string, slope float64) safex.Limit {
		return safex.Limit{
			Name: name, Unit: "rad/s", Max: p.UprightSpeed,
			Of: func(x, u, next num.Vec) num.Expr { return next[1].Add(next[0].Mul(slope)).Abs() },
		}
	}
	t := safex.Task{
		Name: "safempc",
		State: []safex.Var{
			{Name: "theta", Symbol: "θ", Unit: "rad", Scale: 0.1},
			{Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 0.5},
		},
		Action: []safex.Var{{Name: "torque", Symbol: "torque / max", Scale: 0.3, RandomAmplitude: 0.02}},
		Dt:     p.Dt,
		Steps:  p.Steps,
		Start: func(x []float64, r *rand.Rand) {
			for range 1000 {
				x[0], x[1] = p.StartDeviation*r.NormFloat64(), p.StartDeviation*r.NormFloat64()
				if math.Abs(x[1]+p.steep()*x[0]) < 0.95*p.UprightSpeed && math.Abs(x[1]+p.flat()*x[0]) < 0.95*p.UprightSpeed {
					return
				}
			}
			x[0], x[1] = 0, 0
		},
		Next: func(x, u num.Vec) num.Vec {
			return RK4.step(func(z num.Vec) num.Vec { return p.Rates(z, u) }, x, p.Dt)
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			return next[0].Square().Add(next[1].Square().Mul(0.1)).Add(u[0].Clamp(-1, 1).Square().Mul(p.Effort)).Neg()
		},
		Limits: []safex.Limit{side("lean", p.steep()), side("turn", p.flat())},
		Goal: &safex.Goal{
			Name: "angle", Unit: "rad", Max: 0.1, Steps: 10,
			Of: func(x num.Vec) num.Expr { return x[0].Abs() },
		},
		Picture: p.picture(),
		Tuning:  safex.Tuning{Horizon: 8, Std: 0.3, Color: 1},
	}
	t.Backup = p.backup(t)
	return t
}
