package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the car from the side, its bumper at x, a flag at the goal, and what is beyond the wall.
func (p CarPark) picture() *safex.Picture {
	left, right := min(0, p.Wall)-2, p.Wall+0.6
	if p.AbsoluteExcess {
		left = -math.Abs(p.Wall) - 0.6
	}
	const top = 1.1
	return &safex.Picture{
		Left: left, Right: right, Bottom: -0.2, Top: top,
		Draw: func(x, u []float64) []safex.Shape {
			goal, push := p.Wall-p.GoalGap, min(max(u[0], -1), 1)
			shapes := []safex.Shape{
				safex.Box(safex.Forbidden, p.Wall, 0, right, top),
				safex.Box(safex.Ground, left, -0.2, right, 0),
				safex.Box(safex.Rewarded, goal-p.Tolerance, -0.08, goal+p.Tolerance, 0),
				safex.Line(safex.Rewarded, [2]float64{goal, 0}, [2]float64{goal, 0.95}),
				safex.Area(safex.Rewarded, [2]float64{goal, 0.95}, [2]float64{goal - 0.28, 0.85}, [2]float64{goal, 0.75}),
				safex.Box(safex.Ground, p.Wall, 0, p.Wall+0.12, 0.8),
				safex.Line(safex.Forbidden, [2]float64{p.Wall, 0}, [2]float64{p.Wall, top}),
			}
			if p.AbsoluteExcess {
				shapes = append(shapes, safex.Box(safex.Forbidden, left, 0, -p.Wall, top),
					safex.Line(safex.Forbidden, [2]float64{-p.Wall, 0}, [2]float64{-p.Wall, top}))
			}
			for _, part := range []safex.Shape{
				safex.Area(safex.Body, [2]float64{0, 0.12}, [2]float64{0, 0.28}, [2]float64{-0.22, 0.36}, [2]float64{-0.36, 0.54},
					[2]float64{-0.7, 0.54}, [2]float64{-0.84, 0.36}, [2]float64{-0.92, 0.34}, [2]float64{-0.92, 0.12}),
				safex.Area(safex.Detail, [2]float64{-0.28, 0.36}, [2]float64{-0.38, 0.49}, [2]float64{-0.5, 0.49}, [2]float64{-0.5, 0.36}),
				safex.Area(safex.Detail, [2]float64{-0.54, 0.36}, [2]float64{-0.54, 0.49}, [2]float64{-0.68, 0.49}, [2]float64{-0.77, 0.36}),
				safex.Disk(safex.Detail, -0.2, 0.11, 0.11), safex.Disk(safex.Detail, -0.72, 0.11, 0.11),
				safex.Arrow(safex.Command, [2]float64{-0.53, 0.72}, [2]float64{-0.53 + 0.8*push, 0.72}, 0.07),
			} {
				shapes = append(shapes, part.Place(x[0], 0, 0))
			}
			return shapes
		},
	}
}
