package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is braking. With k = 3g/2l and b, nine tenths of the acceleration 3 MaxTorque/(m l²) of the motor, a pendulum that turns
// anticlockwise and brakes by b keeps
//
//	½ ω² + k cos θ + b θ,   θ in (-π, π],
//
// and is fastest where sin θ = b/k, on its way down. The set holds the states that are not faster than 0.99 MaxSpeed and would not
// be there, and the mirror images of these. ω is that of half a step later, ω + Dt (k sin θ - b)/2, with which the steps of
// semi-implicit Euler keep the sum to second order in Dt; what they leave is taken off.
//
// Every angle at rest is inside, also upright, and so are start and goal and the way up between them. A step from the edge ends
// 0.01 rad/s inside with the default parameters, as the motor is stronger than is counted on. There is no backup if braking does
// not keep a fall from upright well below MaxSpeed, which takes 5.6 rad/s with the other default parameters, or if a step may turn
// more than a radian.
func (p Pendulum) backup() *safex.Backup {
	k, motor := 1.5*p.Gravity/p.Length, 3*p.MaxTorque/(p.Mass*p.Length*p.Length)
	if !(motor > 0 && p.MaxSpeed > 0 && p.MaxSpeed*p.Dt <= 1) {
		return nil
	}
	brake, most := 0.9*motor, 0.99*p.MaxSpeed
	sum := func(θ float64) float64 { return k*math.Cos(θ) + brake*θ }
	bound, falls := math.Inf(1), brake < k // else the motor holds the pendulum at every angle
	if falls {
		top := math.Asin(brake / k) // beyond which it falls
		bound = most*most/2 + sum(math.Pi-top) - k*most*most*p.Dt*p.Dt/16
		if !(bound > 1.02*sum(top)) {
			return nil
		}
	}
	return &safex.Backup{
		Name: "braking",
		Outside: func(x num.Vec) num.Vec {
			cos, sin, ω := x[0], x[1], x[2]
			out := num.Vec{ω.Sub(most), ω.Neg().Sub(most)}
			if !falls {
				return out
			}
			turning := func(θ, sin, ω num.Expr) num.Expr { // anticlockwise; in rad/s near MaxSpeed
				ω = ω.Add(sin.Mul(k).Sub(brake).Mul(p.Dt / 2)).Max(0)
				return ω.Square().Div(2).Add(cos.Mul(k)).Add(θ.Mul(brake)).Sub(bound).Div(p.MaxSpeed)
			}
			θ := num.Atan2(sin, cos)
			return append(out, turning(θ, sin, ω), turning(θ.Neg(), sin.Neg(), ω.Neg()))
		},
		Act: func(x num.Vec) num.Vec { return num.Vec{x[2].Div(-motor*p.Dt).Clamp(-1, 1)} },
	}
}
