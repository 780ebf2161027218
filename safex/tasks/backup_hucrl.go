package tasks

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is braking: near MaxSpeed friction and motor together are stronger than gravity, so that no pendulum that brakes gets there. The set
// holds all speeds up to 0.995 MaxSpeed. There is no backup if gravity is stronger there, or if it may gain more than a quarter of MaxSpeed in a step.
func (p HUCRL) backup() *safex.Backup {
	inertia, pull := p.Mass*p.Length*p.Length, p.Gravity/p.Length
	motor, friction := p.MaxTorque/inertia, p.Friction/inertia
	most := 0.995 * p.MaxSpeed
	if !(motor+friction*(most-2*pull*p.Dt) > 1.05*pull && pull*p.Dt < most/4 && motor > 0) {
		return nil
	}
	return &safex.Backup{
		Name:    "braking",
		Outside: func(x num.Vec) num.Vec { return num.Vec{x[2].Sub(most), x[2].Neg().Sub(most)} },
		Act:     func(x num.Vec) num.Vec { return num.Vec{x[2].Div(-motor*p.Dt).Clamp(-1, 1)} },
	}
}
