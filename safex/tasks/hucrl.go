package tasks

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// HUCRL is the pendulum on which the authors of H-UCRL (Curi et al., 2020) compared optimistic with greedy planning: a point on a rod that is
// paid for standing still upright and for nothing else, and that pays for torque. It starts at rest, hanging. It has no limit but the speed at which
// the published episodes are over, and which nothing comes near.
//
// Published steps are of 1/80 s, and an agent acts in each; here an action is held for Substeps of them.
type HUCRL struct {
	Gravity    float64 // m/s²
	Mass       float64 // kg
	Length     float64 // m
	Friction   float64 // N m s
	MaxTorque  float64 // N m, of the motor at action 1
	ActionCost float64 // price of a published step with an action above about 0.2
	MaxSpeed   float64 // rad/s, the limit
	Dt         float64 // s, of a step: Substeps of the published ones
	Substeps   int     // of a step
	Steps      int     // of an episode
}

// DefaultHUCRL returns the published numbers, with actions of an eighth of a second: 400 published steps are 40.
func DefaultHUCRL() HUCRL {
	return HUCRL{
		Gravity: 9.81, Mass: 0.3, Length: 0.5, Friction: 0.005, MaxTorque: 1, ActionCost: 0.1, MaxSpeed: 200,
		Dt: 0.125, Substeps: 10, Steps: 40,
	}
}

// Check reports the first parameter that makes no sense.
func (p HUCRL) Check() error {
	if err := positive("hucrl", quantity{"Mass", p.Mass}, quantity{"Length", p.Length}, quantity{"Dt", p.Dt}, quantity{"Substeps", float64(p.Substeps)}); err != nil {
		return err
	}
	return atLeast0("hucrl", quantity{"Friction", p.Friction}, quantity{"MaxTorque", p.MaxTorque}, quantity{"ActionCost", p.ActionCost})
}

// rates are those of a rod with a point at its end.
func (p HUCRL) rates(z, u num.Vec) num.Vec {
	return SafeMPC{Gravity: p.Gravity, Mass: p.Mass, Length: p.Length, Friction: p.Friction, MaxTorque: p.MaxTorque}.Rates(z, u)
}

// tolerated is 1 where x is in [lo, hi], and 10^(-d²/margin²) at a distance d from there (Tassa et al., 2018, with a Gaussian that is 0.1 at the margin).
func tolerated(x num.Expr, lo, hi, margin float64) num.Expr {
	d := x.Sub((lo + hi) / 2).Abs().Sub((hi - lo) / 2).Max(0)
	return d.Square().Mul(-math.Ln10 / (margin * margin)).Exp()
}

// Task returns the control problem. Its state is (cos θ, sin θ, ω) with θ = 0 upright; a step is Substeps of the classical Runge–Kutta
// method on the rates of SafeMPC. The reward of a published step is
//
//	T(cos θ; 0.95 to 1, 0.1) T(ω; ±0.5, 0.5) + ActionCost (T(u; ±0.1, 0.1) - 1)
//
// of the state before it, where T(x; range, margin) is 1 in the range and 10^(-d²/margin²) at a distance d from it. That of a step is the sum
// over its Substeps, so that returns are those of the published steps. The states within follow from those before and after, whatever the
// dynamics, by the cubic in time that has both angles and both speeds.
func (p HUCRL) Task() safex.Task {
	t := safex.Task{
		Name: "hucrl",
		State: []safex.Var{
			{Name: "cos", Symbol: "cos θ", Scale: 0.7},
			{Name: "sin", Symbol: "sin θ", Scale: 0.7},
			{Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 4},
		},
		Action: []safex.Var{{Name: "torque", Symbol: "torque / max", Scale: 0.6}},
		Angles: []safex.Angle{{Name: "theta", Sin: 1, Cos: 0}},
		Dt:     p.Dt,
		Steps:  p.Steps,
		Start:  func(x []float64, _ *rand.Rand) { x[0], x[1], x[2] = -1, 0, 0 },
		Next: func(x, u num.Vec) num.Vec {
			z := num.Vec{num.Atan2(x[1], x[0]), x[2]}
			for range p.Substeps {
				z = RK4.step(func(z num.Vec) num.Vec { return p.rates(z, u) }, z, p.Dt/float64(p.Substeps))
			}
			return num.Vec{z[0].Cos(), z[0].Sin(), z[1]}
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			n := float64(p.Substeps)
			turned := num.Atan2(next[1].Mul(x[0]).Sub(next[0].Mul(x[1])), next[0].Mul(x[0]).Add(next[1].Mul(x[1])))
			sum := tolerated(u[0].Clamp(-1, 1), -0.1, 0.1, 0.1).Sub(1).Mul(p.ActionCost * n)
			for k := range p.Substeps {
				s := float64(k) / n
				δ := turned.Mul(s * s * (3 - 2*s)).Add(x[2].Mul(p.Dt * s * (1 - s) * (1 - s))).Sub(next[2].Mul(p.Dt * s * s * (1 - s)))
				ω := turned.Mul(6 * s * (1 - s) / p.Dt).Add(x[2].Mul((1 - s) * (1 - 3*s))).Sub(next[2].Mul(s * (2 - 3*s)))
				cos := x[0].Mul(δ.Cos()).Sub(x[1].Mul(δ.Sin()))
				sum = sum.Add(tolerated(cos, 0.95, 1, 0.1).Mul(tolerated(ω, -0.5, 0.5, 0.5)))
			}
			return sum
		},
		Limits: []safex.Limit{{
			Name: "speed", Unit: "rad/s", Max: p.MaxSpeed,
			Of: func(x, u, next num.Vec) num.Expr { return next[2].Abs() },
		}},
		Goal: &safex.Goal{
			Name: "angle", Unit: "rad", Max: 0.3, Steps: 4,
			Of: func(x num.Vec) num.Expr { return num.Atan2(x[1], x[0]).Abs() },
		},
		Picture: Pendulum{Length: p.Length, MaxSpeed: p.MaxSpeed}.picture(),
		Tuning:  safex.Tuning{Horizon: 18, Std: 0.7, Color: 1},
	}
	t.Backup = p.backup()
	return t
}
