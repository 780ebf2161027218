package tasks

import (
	"fmt"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Quadrotor is a small quadrotor in a vertical plane, in a room. It must fly to a goal close under the
// ceiling without touching ceiling or floor, and without tilting too far. The equations are those
// of the planar quadrotor of safe-control-gym (Yuan et al., 2022), which have thrust and gravity alone,
// with a linear drag. The commands are thrust and body rate, as is usual for learned flight
// (Kaufmann, Bauersfeld and Scaramuzza, 2022): the rotors' moment is left to a rate loop on board,
// which answers with the lag RateLag. Neither the mass nor the inertia matter then.
type Quadrotor struct {
	Gravity      float64 // m/s²
	ThrustRange  float64 // share of the weight by which action 1 changes the thrust, up or down
	RateRange    float64 // rad/s, the turn rate that action 1 asks for
	RateLag      float64 // s, with which the turn rate follows
	Drag         float64 // 1/s: the braking acceleration is Drag times the velocity
	Floor        float64 // m, the safety limits on the height
	Ceiling      float64 // m
	MaxTilt      float64 // rad, the safety limit on the tilt to either side
	GoalX        float64 // m
	GoalZ        float64 // m, the height of the goal
	Effort       float64 // price of the squared action
	StartZ       float64 // m, the height of the start, at x = 0
	StartBand    float64 // half the width of the start around hovering there, in m, rad, m/s and rad/s
	RandomThrust float64 // amplitude of the random thrust that an agent begins with, in (0, 1]
	RandomRate   float64 // that of the turn rate
	Dt           float64 // s
	Steps        int     // of an episode
}

// DefaultQuadrotor returns a room of 2 m, of which 0.2 m at the floor and the ceiling are forbidden,
// and a goal 0.15 m below the limit.
func DefaultQuadrotor() Quadrotor {
	return Quadrotor{
		Gravity: 9.81, ThrustRange: 0.5, RateRange: 3, RateLag: 0.05, Drag: 0.3,
		Floor: 0.2, Ceiling: 1.8, MaxTilt: 0.4, GoalX: 1.5, GoalZ: 1.65, Effort: 0.01,
		StartZ: 1, StartBand: 0.02, RandomThrust: 0.04, RandomRate: 0.08, Dt: 0.05, Steps: 200,
	}
}

// Check reports the first parameter that makes no sense.
func (p Quadrotor) Check() error {
	if err := positive("quadrotor", quantity{"Gravity", p.Gravity}, quantity{"RateLag", p.RateLag}, quantity{"MaxTilt", p.MaxTilt}, quantity{"Dt", p.Dt}); err != nil {
		return err
	}
	if !(p.Floor < p.StartZ && p.StartZ < p.Ceiling) {
		return fmt.Errorf("quadrotor: Floor %v, StartZ %v and Ceiling %v must rise", p.Floor, p.StartZ, p.Ceiling)
	}
	if err := amplitude("quadrotor", quantity{"RandomThrust", p.RandomThrust}, quantity{"RandomRate", p.RandomRate}); err != nil {
		return err
	}
	return atLeast0("quadrotor", quantity{"ThrustRange", p.ThrustRange}, quantity{"RateRange", p.RateRange}, quantity{"Drag", p.Drag}, quantity{"Effort", p.Effort}, quantity{"StartBand", p.StartBand})
}

// Rates are the derivatives of the state z = (x, z, θ, vx, vz, ω) under the action u: with the thrust
// T = g (1 + ThrustRange u₀) in units of the mass,
//
//	ẋ = vx,   ż = vz,   θ̇ = ω,   v̇x = T sin θ - Drag vx,   v̇z = T cos θ - g - Drag vz,   ω̇ = (RateRange u₁ - ω) / RateLag.
func (p Quadrotor) Rates(z, u num.Vec) num.Vec {
	θ, vx, vz, ω := z[2], z[3], z[4], z[5]
	thrust := u[0].Clamp(-1, 1).Mul(p.ThrustRange).Add(1).Mul(p.Gravity)
	rate := u[1].Clamp(-1, 1).Mul(p.RateRange)
	return num.Vec{
		vx, vz, ω,
		thrust.Mul(θ.Sin()).Sub(vx.Mul(p.Drag)),
		thrust.Mul(θ.Cos()).Sub(p.Gravity).Sub(vz.Mul(p.Drag)),
		rate.Sub(ω).Div(p.RateLag),
	}
}

// Task returns the control problem. Its state is the position (x, z), the tilt θ, clockwise and 0 upright, and
// their derivatives; a step is one of the classical Runge–Kutta method on Rates. The reward of a step is
//
//	-((x - GoalX)² + (z - GoalZ)² + 0.1 (vx² + vz²) + 0.1 θ² + Effort |u|²)
//
// of the state after it. Its backup is to level off and brake the climb or the fall; start and goal are inside.
func (p Quadrotor) Task() safex.Task {
	return safex.Task{
		Name: "quadrotor",
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 1}, {Name: "z", Unit: "m", Scale: 0.5},
			{Name: "theta", Symbol: "θ", Unit: "rad", Scale: 0.3},
			{Name: "vx", Unit: "m/s", Scale: 1}, {Name: "vz", Unit: "m/s", Scale: 1},
			{Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 1.5},
		},
		Action: []safex.Var{
			{Name: "thrust", Symbol: "thrust / max", Scale: 0.6, RandomAmplitude: p.RandomThrust},
			{Name: "rate", Symbol: "rate / max", Scale: 0.6, RandomAmplitude: p.RandomRate},
		},
		Dt:    p.Dt,
		Steps: p.Steps,
		Start: func(x []float64, r *rand.Rand) {
			for d := range x {
				x[d] = p.StartBand * (2*r.Float64() - 1)
			}
			x[1] += p.StartZ
		},
		Next: func(x, u num.Vec) num.Vec {
			return RK4.step(func(z num.Vec) num.Vec { return p.Rates(z, u) }, x, p.Dt)
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			effort := u[0].Clamp(-1, 1).Square().Add(u[1].Clamp(-1, 1).Square())
			return next[0].Sub(p.GoalX).Square().Add(next[1].Sub(p.GoalZ).Square()).
				Add(next[3].Square().Add(next[4].Square()).Mul(0.1)).Add(next[2].Square().Mul(0.1)).
				Add(effort.Mul(p.Effort)).Neg()
		},
		Limits: []safex.Limit{
			{Name: "ceiling", Unit: "m", Max: p.Ceiling, Scale: 0.3, Of: func(x, u, next num.Vec) num.Expr { return next[1] }},
			{Name: "floor", Unit: "m", Max: -p.Floor, Scale: 0.3, Of: func(x, u, next num.Vec) num.Expr { return next[1].Neg() }},
			{Name: "tilt", Unit: "rad", Max: p.MaxTilt, Scale: 0.3, Of: func(x, u, next num.Vec) num.Expr { return next[2].Abs() }},
		},
		Goal: &safex.Goal{
			Name: "distance", Unit: "m", Max: 0.1, Steps: 10,
			Of: func(x num.Vec) num.Expr { return x[0].Sub(p.GoalX).Square().Add(x[1].Sub(p.GoalZ).Square()).Sqrt() },
		},
		Backup:  p.backup(),
		Picture: p.picture(),
		Tuning:  safex.Tuning{Horizon: 12, Std: 0.7, Color: 2}, // with these, planning with the oracle dynamics did best
	}
}
