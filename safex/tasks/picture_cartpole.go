package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the cart and the pole on the track, whose ends are forbidden, the force as an arrow, and the
// pole's place when all is done.
func (p CartPole) picture() *safex.Picture {
	length, half := 2*p.HalfLength, math.Abs(p.MaxPosition)+0.8
	top, bottom := length+0.2, -length-0.2
	return &safex.Picture{
		Left: -half, Right: half, Bottom: bottom, Top: top,
		Draw: func(x, u []float64) []safex.Shape {
			push := min(max(u[0], -1), 1)
			shapes := []safex.Shape{
				safex.Box(safex.Forbidden, -half, bottom, -p.MaxPosition, top), safex.Box(safex.Forbidden, p.MaxPosition, bottom, half, top),
				safex.Line(safex.Forbidden, [2]float64{-p.MaxPosition, bottom}, [2]float64{-p.MaxPosition, top}),
				safex.Line(safex.Forbidden, [2]float64{p.MaxPosition, bottom}, [2]float64{p.MaxPosition, top}),
				safex.Box(safex.Ground, -half, -0.03, half, 0.03),
				safex.Line(safex.Rewarded, [2]float64{0, 0}, [2]float64{0, length}), safex.Disk(safex.Rewarded, 0, length, 0.06),
			}
			for _, part := range []safex.Shape{
				safex.Box(safex.Body, -0.25, -0.13, 0.25, 0.13),
				safex.Box(safex.Detail, -0.04, 0, 0.04, length).Place(0, 0, -math.Atan2(x[2], x[3])),
				safex.Disk(safex.Detail, 0, 0, 0.07),
				safex.Arrow(safex.Command, [2]float64{math.Copysign(0.25, push), 0}, [2]float64{math.Copysign(0.25, push) + 0.8*push, 0}, 0.08),
			} {
				shapes = append(shapes, part.Place(x[0], 0, 0))
			}
			return shapes
		},
	}
}
