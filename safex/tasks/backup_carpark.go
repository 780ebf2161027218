package tasks

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is the braking distance: the states from which the car can stop 1 cm before the wall, with brake and friction,
//
//	x + v²/2a ≤ Wall - 0.01,   a = MaxAccel + KineticFriction Gravity,
//
// where only a speed towards the wall counts. With AbsoluteExcess that holds of both walls. The action stops the car, and within 2
// cm of the edge drives it away from the wall, so that a step from the edge ends 5 mm inside with the default parameters: (MaxAccel
// - StaticFriction Gravity) Dt², or a Dt²/2 if that is less.
//
// Start and goal are inside, and so is any speed between them that leaves the way to brake. There is no backup if the motor cannot
// move the car, or if both walls are nearer than a few steps.
func (p CarPark) backup() *safex.Backup {
	const gap, room = 0.01, 0.02 // m
	kinetic := p.KineticFriction * p.Gravity
	brake := p.MaxAccel + kinetic
	quick := 2 * brake * p.Dt // m/s, at which the car leaves a wall without being driven
	if !(p.MaxAccel > max(kinetic, p.StaticFriction*p.Gravity)) || p.AbsoluteExcess && !(p.Wall > gap+2*room+2.5*quick*p.Dt) {
		return nil
	}
	beyond := func(x, v num.Expr) num.Expr { return stopped(x, v, brake).Sub(p.Wall - gap) }
	return &safex.Backup{
		Name: "braking distance",
		Outside: func(x num.Vec) num.Vec {
			out := num.Vec{beyond(x[0], x[1])}
			if p.AbsoluteExcess {
				out = append(out, beyond(x[0].Neg(), x[1].Neg()))
			}
			return out
		},
		Act: func(x num.Vec) num.Vec {
			u := sign(x[1]).Mul(kinetic).Sub(x[1].Div(p.Dt)).Div(p.MaxAccel).Clamp(-1, 1) // stops in this step, if it can
			leave := func(x, v num.Expr, away float64) {
				u = num.Where(beyond(x, v).Add(room).Less(0), u, num.Where(v.Less(-quick), u, away))
			}
			leave(x[0], x[1], -1)
			if p.AbsoluteExcess {
				leave(x[0].Neg(), x[1].Neg(), 1)
			}
			return num.Vec{u}
		},
	}
}

// stopped is where something comes to rest that is at x, moves at v, and brakes by a. It is x if v is negative.
func stopped(x, v num.Expr, a float64) num.Expr { return x.Add(v.Max(0).Square().Div(2 * a)) }
