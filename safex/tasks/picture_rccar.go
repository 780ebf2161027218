package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the car from above with its steered front wheels, the throttle as an arrow, its centre of mass,
// which is what must stay inside the walls, and the pose to reach.
func (p RCCar) picture() *safex.Picture {
	const margin = 0.25
	left, right := min(p.MinX, p.MaxX)-margin, max(p.MinX, p.MaxX)+margin
	bottom, top := min(p.MinY, p.MaxY)-margin, max(p.MinY, p.MaxY)+margin
	return &safex.Picture{
		Left: left, Right: right, Bottom: bottom, Top: top,
		Draw: func(x, u []float64) []safex.Shape {
			steer, throttle := p.MaxSteering*min(max(u[0], -1), 1), min(max(u[1], -1), 1)
			heading := math.Atan2(x[2], x[3])
			shapes := []safex.Shape{
				safex.Box(safex.Forbidden, left, bottom, p.MinX, top), safex.Box(safex.Forbidden, p.MaxX, bottom, right, top),
				safex.Box(safex.Forbidden, left, bottom, right, p.MinY), safex.Box(safex.Forbidden, left, p.MaxY, right, top),
				safex.Line(safex.Forbidden, [2]float64{p.MinX, p.MinY}, [2]float64{p.MaxX, p.MinY}, [2]float64{p.MaxX, p.MaxY}, [2]float64{p.MinX, p.MaxY}, [2]float64{p.MinX, p.MinY}),
				safex.Arc(safex.Rewarded, 0, 0, p.Bound, 0, 2*math.Pi), safex.Arrow(safex.Rewarded, [2]float64{-0.08, 0}, [2]float64{0.22, 0}, 0.03),
			}
			front, rear, half := p.FrontLength, -p.RearLength, 0.085
			bumper := front + 0.1
			if throttle < 0 {
				bumper = rear - 0.08
			}
			wheel := safex.Box(safex.Detail, -0.045, -0.02, 0.045, 0.02)
			steered := safex.Box(safex.Command, -0.045, -0.02, 0.045, 0.02)
			for _, part := range []safex.Shape{
				wheel.Place(rear, half, 0), wheel.Place(rear, -half, 0), steered.Place(front, half, steer), steered.Place(front, -half, steer),
				safex.Area(safex.Body, [2]float64{rear - 0.06, -0.065}, [2]float64{front + 0.02, -0.065}, [2]float64{front + 0.08, -0.035},
					[2]float64{front + 0.08, 0.035}, [2]float64{front + 0.02, 0.065}, [2]float64{rear - 0.06, 0.065}),
				safex.Box(safex.Detail, front-0.1, -0.05, front-0.04, 0.05),
				safex.Disk(safex.Detail, 0, 0, 0.018),
				safex.Arrow(safex.Command, [2]float64{bumper, 0}, [2]float64{bumper + 0.25*throttle, 0}, 0.035),
			} {
				shapes = append(shapes, part.Place(x[0], x[1], heading))
			}
			return shapes
		},
	}
}
