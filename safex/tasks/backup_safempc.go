package tasks

import (
	"math"
	"slices"
	"sync"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/lqr"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// backup is the published fallback, a linear-quadratic regulator about upright with the weights 2 and 1 of angle and speed and 25 of the torque in
// N m, and the set all that the limits leave, less a hundredth of UprightSpeed. That set is a parallelogram, and near upright a step of the
// regulator is all but linear: from its edge it ends a twentieth of UprightSpeed inside at least. That is tried along the edge, in a millisecond, once
// for the parameters; there is no backup if it is not so.
func (p SafeMPC) backup(t safex.Task) *safex.Backup {
	if b, ok := fallbacks.Load(p); ok {
		return b.(*safex.Backup)
	}
	b, _ := fallbacks.LoadOrStore(p, p.fallback(t))
	return b.(*safex.Backup)
}

// fallbacks are the backups of parameters for which there was one before.
var fallbacks sync.Map

func (p SafeMPC) fallback(t safex.Task) *safex.Backup {
	g, err := lqr.New(t.Next, []float64{0, 0}, []float64{0}, []float64{2, 1}, []float64{25 * p.MaxTorque * p.MaxTorque})
	if err != nil {
		return nil
	}
	most := 0.99 * p.UprightSpeed
	outside := func(x num.Vec) num.Vec {
		lean, turn := x[1].Add(x[0].Mul(p.steep())), x[1].Add(x[0].Mul(p.flat()))
		return num.Vec{lean.Sub(most), lean.Neg().Sub(most), turn.Sub(most), turn.Neg().Sub(most)} // rad/s
	}
	after := num.Trace(2, func(x num.Vec) num.Vec { return outside(t.Next(x, g.Act(x))) })
	out := make([]float64, 4)
	corners := [][2]float64{{0, 1}, {1, -p.MaxSpeed / p.UprightSpeed}, {0, -1}, {-1, p.MaxSpeed / p.UprightSpeed}} // in MaxLean and UprightSpeed
	for i, a := range corners {
		b := corners[(i+1)%len(corners)]
		for share := 0.0; share <= 1; share += 1.0 / 32 {
			at := func(d int) float64 { return 0.99 * (a[d] + share*(b[d]-a[d])) }
			after.Eval(out, []float64{p.MaxLean * at(0), p.UprightSpeed * at(1)})
			if v := slices.Max(out); !(v <= -p.UprightSpeed/20) || math.IsInf(v, 0) {
				return nil
			}
		}
	}
	return &safex.Backup{Name: "regulator", Outside: outside, Act: g.Act}
}
