package tasks

import (
	"sync"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/lqr"
)

// backup is the regulator, looked for once for the parameters: that takes some milliseconds, and a study asks for its tasks again and again.
func (p Pitch) backup(t safex.Task) *safex.Backup {
	if b, ok := regulators.Load(p); ok {
		return b.(*safex.Backup)
	}
	b, _ := regulators.LoadOrStore(p, p.regulator(t))
	return b.(*safex.Backup)
}

// regulators are the backups of parameters for which there was one before.
var regulators sync.Map

// regulator is a linear-quadratic regulator of t that levels the aircraft 0.2 rad below MaxPitch: the states that it takes, below
// MaxPitch, in 8 steps to the ellipsoid in which it keeps them, cut to what the elevator can do. As the dynamics are linear the
// ellipsoid is one. A step from the edge ends 0.2 mrad below the limit that it was going for, or 1 % inside the ellipsoid.
//
// The start is inside, and so is a climb from there to less than a mrad below the limit, at all pitch rates from which the elevator
// can stop it. There is no backup without an elevator.
func (p Pitch) regulator(t safex.Task) *safex.Backup {
	const below, attack, rate, pitch = 0.2, 2, 0.005, 0.2 // rad and rad/s; deviations as bad as one of the elevator by all it has
	square := func(v float64) float64 { return 1 / (v * v) }
	g, err := lqr.New(t.Next, []float64{0, 0, p.MaxPitch - below}, []float64{0}, []float64{square(attack), square(rate), square(pitch)}, []float64{1})
	if err != nil {
		return nil
	}
	b, err := g.Backup("regulator", t, 8)
	if err != nil {
		return nil
	}
	return b
}
