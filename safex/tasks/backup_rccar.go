package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is the braking distance, straight on: with the wheels straight, turn and slip end with the lag Relaxation, so that the car
// goes on in the direction θ + Relaxation ω. With a, nine tenths of Motor/Mass, and b = MotorDrag²/Mass, a speed v along the car
// needs the way
//
//	(v - a/b ln(1 + b v/a))/b + 0.6 v Dt,
//
// in which the last term is for a stop that takes a whole step. The set holds the states from which that way, and the car itself,
// end 1 cm before each wall, and as much more as the car can slide in the meantime: 1.1 Relaxation (|v⊥| + Relaxation |v ω|), with
// v⊥ the speed across. Both v⊥ and ω are at most those of a turn at full speed. The car brakes and stands. A step from the edge
// ends inside by the more the faster the car goes, and at rest nothing is to spare but that centimetre.
//
// Start and goal are inside; the ways between them are those on which the car can stop before the wall ahead, where one that steers
// might also turn away. With observation noise the throttle is 0 below five deviations of the speed that is seen, and the way is
// longer by what the car rolls then. There is no backup with a delay, as a state does not know the actions under way, nor without
// drag, nor if the substeps are longer than 2 Relaxation.
func (p RCCar) backup() *safex.Backup {
	const gap = 0.01 // m
	motor, drag := p.Motor/p.Mass, p.MotorDrag*p.MotorDrag/p.Mass
	if !(motor > 0 && drag > 0) || p.ActionDelay > 0 || p.MaxSteering > 1.5 || p.Dt > 2*p.Relaxation*float64(p.Substeps) {
		return nil
	}
	brake := 0.9 * motor
	turn := motor / drag * math.Tan(p.MaxSteering) / (p.FrontLength + p.RearLength) // rad/s, at full speed
	idle := 5 * p.ObservationNoise * 0.1 * math.Exp(-2.5)                           // m/s
	stop := drag / (math.Exp(drag*p.Dt) - 1) / motor                                // throttle that takes off 1 m/s in a step
	along := func(x num.Vec) num.Expr { return x[3].Mul(x[4]).Add(x[2].Mul(x[5])) }
	way := func(v num.Expr) num.Expr { // of a speed of at least 0
		braked := v.Sub(v.Mul(drag / brake).Add(1).Log().Mul(brake / drag)).Div(drag)
		return braked.Add(v.Mul(0.6 * p.Dt)).Add(v.Min(2 * idle).Div(drag))
	}
	return &safex.Backup{
		Name: "braking distance",
		Outside: func(x num.Vec) (out num.Vec) {
			sin, cos, ω := x[2], x[3], x[6]
			v, across := along(x), cos.Mul(x[5]).Sub(sin.Mul(x[4]))
			φ := ω.Mul(p.Relaxation) // by which it still turns
			far := way(v.Max(0)).Sub(way(v.Neg().Max(0)))
			end := num.Vec{
				x[0].Add(cos.Mul(φ.Cos()).Sub(sin.Mul(φ.Sin())).Mul(far)),
				x[1].Add(sin.Mul(φ.Cos()).Add(cos.Mul(φ.Sin())).Mul(far)),
			}
			room := v.Mul(φ).Abs().Add(across.Abs()).Mul(1.1 * p.Relaxation).Add(gap)
			for _, at := range []num.Vec{x, end} {
				out = append(out,
					num.Lit(p.MinX).Sub(at[0]).Add(room), at[0].Sub(p.MaxX).Add(room),
					num.Lit(p.MinY).Sub(at[1]).Add(room), at[1].Sub(p.MaxY).Add(room))
			}
			return append(out, across.Abs().Sub(turn*p.RearLength), ω.Abs().Sub(turn)) // m/s, rad/s
		},
		Act: func(x num.Vec) num.Vec {
			v := along(x)
			return num.Vec{num.Lit(0), v.Abs().Sub(idle).Max(0).Mul(stop).Min(1).Mul(sign(v)).Neg()}
		},
	}
}
