package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the quadrotor in its room, the air that each rotor blows down, the goal, and around the quadrotor
// the tilts that are forbidden, with its mast as the needle. It is drawn 0.5 m wide; of the air, a fifth
// of each rotor's range stands for the turn rate that is asked for.
func (p Quadrotor) picture() *safex.Picture {
	left, right := min(0, p.GoalX)-0.9, max(0, p.GoalX)+0.9
	bottom, top := p.Floor-0.25, p.Ceiling+0.3
	return &safex.Picture{
		Left: left, Right: right, Bottom: bottom, Top: top,
		Draw: func(x, u []float64) []safex.Shape {
			thrust, rate := p.ThrustRange*min(max(u[0], -1), 1), min(max(u[1], -1), 1)
			shapes := []safex.Shape{
				safex.Box(safex.Forbidden, left, bottom, right, p.Floor), safex.Box(safex.Forbidden, left, p.Ceiling, right, top),
				safex.Line(safex.Forbidden, [2]float64{left, p.Floor}, [2]float64{right, p.Floor}), safex.Line(safex.Forbidden, [2]float64{left, p.Ceiling}, [2]float64{right, p.Ceiling}),
				safex.Disk(safex.Rewarded, p.GoalX, p.GoalZ, 0.035), safex.Arc(safex.Rewarded, p.GoalX, p.GoalZ, 0.08, 0, 2*math.Pi),
			}
			for _, side := range []float64{-1, 1} {
				limit := math.Pi/2 - side*p.MaxTilt
				shapes = append(shapes,
					safex.Sector(safex.Forbidden, x[0], x[1], 0.12, 0.26, limit, limit-side*0.5),
					safex.Line(safex.Forbidden, [2]float64{0.1, 0}, [2]float64{0.29, 0}).Place(x[0], x[1], limit))
			}
			for _, part := range []safex.Shape{
				safex.Box(safex.Command, -0.21, -0.02-0.2*(1+thrust+0.2*rate), -0.17, 0),
				safex.Box(safex.Command, 0.17, -0.02-0.2*(1+thrust-0.2*rate), 0.21, 0),
				safex.Box(safex.Body, -0.25, -0.015, 0.25, 0.015), safex.Box(safex.Body, -0.07, -0.04, 0.07, 0.045),
				safex.Box(safex.Detail, -0.28, 0.03, -0.1, 0.045), safex.Box(safex.Detail, 0.1, 0.03, 0.28, 0.045),
				safex.Line(safex.Detail, [2]float64{-0.19, 0}, [2]float64{-0.19, 0.04}), safex.Line(safex.Detail, [2]float64{0.19, 0}, [2]float64{0.19, 0.04}),
				safex.Line(safex.Detail, [2]float64{0, 0.04}, [2]float64{0, 0.26}),
			} {
				shapes = append(shapes, part.Place(x[0], x[1], -x[2]))
			}
			return shapes
		},
	}
}
