package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is to level off, and to brake the climb or the fall. The tilt θ follows ψ = θ + RateLag ω, which turns at the very rate
// that is commanded, as θ̇ = (ψ - θ)/RateLag: where both are within MaxTilt they stay there. Tilted no further, the rotors brake a
// climb by a = g ThrustRange at least, and a fall by b = g ((1 + ThrustRange) cos MaxTilt - 1). With nine tenths of each, the set
// holds the states of
//
//	|θ|, |ψ| ≤ MaxTilt - 0.01,   z + (vz + s)²/2a ≤ Ceiling - 0.01,   z - (s - vz)²/2b ≥ Floor + 0.01,
//
// with s = 0.1 m/s, where only a speed towards the end counts; where a step brakes by more than 0.4 m/s, s is a quarter of that.
// The action also goes slowly back to the middle of the height, at 2 s from its ends, so that a step from the edge ends about Dt s
// inside, 5 mm with the default parameters, and 0.05 rad inside the bound on the tilt.
//
// Start and goal are inside, and the flights between them that leave the way to brake; sideways speed does not count. There is no
// backup if the rotors cannot brake a fall at MaxTilt, if the steps are longer than 2 RateLag, or if the room is lower than 0.22 m.
func (p Quadrotor) backup() *safex.Backup {
	const gap, lean = 0.01, 0.01 // m, rad
	tilt := p.MaxTilt - lean
	fall := 0.9 * p.Gravity * min(p.ThrustRange, 1+(p.ThrustRange-1)*math.Cos(tilt)) // m/s², at the least thrust
	rise := 0.9 * p.Gravity * ((1+p.ThrustRange)*math.Cos(tilt) - 1)                 // at the most
	slow := max(0.1, max(fall, rise)*p.Dt/4)
	half := (p.Ceiling-p.Floor)/2 - gap
	if !(fall > 0 && rise > 0 && p.RateRange > 0 && tilt > 0 && tilt < math.Pi/2 && p.Dt <= 2*p.RateLag && half > 0.1) {
		return nil
	}
	ahead := func(x num.Vec) num.Expr { return x[2].Add(x[5].Mul(p.RateLag)) }
	return &safex.Backup{
		Name: "level off and brake",
		Outside: func(x num.Vec) num.Vec {
			z, vz, θ, ψ := x[1], x[4], x[2], ahead(x)
			return num.Vec{
				stopped(z, vz.Add(slow), fall).Sub(p.Ceiling - gap), stopped(z.Neg(), vz.Neg().Add(slow), rise).Add(p.Floor + gap),
				θ.Sub(tilt), θ.Neg().Sub(tilt), ψ.Sub(tilt), ψ.Neg().Sub(tilt),
			}
		},
		Act: func(x num.Vec) num.Vec {
			vz := x[1].Sub((p.Ceiling + p.Floor) / 2).Mul(-2 * slow / half) // after the step, if that can be
			lift := vz.Sub(x[4]).Div(p.Gravity * p.Dt).Add(1)
			return num.Vec{lift.Div(x[2].Cos()).Sub(1).Div(p.ThrustRange).Clamp(-1, 1), ahead(x).Div(-p.RateRange*p.Dt).Clamp(-1, 1)}
		},
	}
}
