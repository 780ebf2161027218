package tasks

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is the braking distance of the centre of mass, of which the pole knows nothing: with y = x + r sin θ, r = m l/M and the
// whole mass M, ÿ is the force over M however the pole swings, and the cart is never further than r from y. With a, nine tenths of
// MaxForce/M, and s = 0.1 m/s, the set holds the states of
//
//	y + (ẏ + s)²/2a ≤ Y = MaxPosition - r - 0.01,
//
// where only a speed towards the end of the track counts, and the same of its other end. Steps of Dt follow a pole that turns no
// faster than about W = 0.8/Dt, at most 20 rad/s; so a third condition bounds its energy by that of W at the bottom, E. With e =
// (4/3 - (m/M) cos² θ) ω²/2 + (g/l) cos θ,
//
//	e + (w/2l) ω sin θ cos θ + (W/l) |ẏ - ẏ°| ≤ E,   ẏ° = w sin θ - (s + w) y/Y,
//
// as braking by a speed costs W/l of that energy at most. The action goes for the speed ẏ°: slowly to the middle of the track, and
// with w = 0.1 m/s, or less of a weak motor, to and fro with the pole so that it loses energy. A step from the edge ends 2.5 mm
// inside with the default parameters, and half a hundredth of E inside the third.
//
// Start and goal are inside, and every swing that leaves the way to brake. There is no backup on a track shorter than 0.1 m to
// either side, of a pole heavier than half the cart, or if the steps are too long for one that falls from upright.
func (p CartPole) backup() *safex.Backup {
	const gap = 0.01 // m
	mass := p.CartMass + p.PoleMass
	arm := p.PoleMass * p.HalfLength / mass
	brake := 0.9 * p.MaxForce / mass
	reach := p.MaxPosition - arm - gap
	fast := min(20, 0.8/p.Dt)          // rad/s, of the pole
	sway := min(0.1, 0.15*brake/fast)  // m/s
	slow := max(0.1, brake*p.Dt/4)     // m/s
	height := p.Gravity / p.HalfLength // energies are those of the pole over m l²
	energy := fast*fast*(4.0/3-p.PoleMass/mass)/2 - height
	if !(brake > 0 && reach > 0.1 && p.PoleMass <= p.CartMass/2 && energy > 1.5*height) {
		return nil
	}
	middle := func(x num.Vec) (y, v num.Expr) { return x[0].Add(x[2].Mul(arm)), x[1].Add(x[4].Mul(x[3]).Mul(arm)) }
	should := func(y, sin num.Expr) num.Expr { return sin.Mul(sway).Sub(y.Mul((slow + sway) / reach)) }
	return &safex.Backup{
		Name: "braking distance",
		Outside: func(x num.Vec) num.Vec {
			sin, cos, ω := x[2], x[3], x[4]
			y, v := middle(x)
			e := num.Lit(4.0 / 3).Sub(cos.Square().Mul(p.PoleMass / mass)).Mul(ω.Square()).Div(2).Add(cos.Mul(height))
			e = e.Add(ω.Mul(sin).Mul(cos).Mul(sway / p.HalfLength / 2)).Add(v.Sub(should(y, sin)).Abs().Mul(fast / p.HalfLength))
			return num.Vec{
				stopped(y, v.Add(slow), brake).Sub(reach), stopped(y.Neg(), v.Neg().Add(slow), brake).Sub(reach), // m
				e.Div(energy).Sub(1), // share of E
			}
		},
		Act: func(x num.Vec) num.Vec {
			y, v := middle(x)
			sin := num.Atan2(x[2], x[3]).Add(x[4].Mul(p.Dt)).Sin() // after the step, about
			return num.Vec{should(y, sin).Sub(v).Mul(mass/(p.Dt*p.MaxForce)).Clamp(-1, 1)}
		},
	}
}
