package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the aircraft from the side in front of the horizon, and the sector that its nose must not enter.
// Its length is 2. All angles from the horizon are drawn twice as large, or they could hardly be seen, but not
// above 1 rad; the elevator is drawn at 0.7 rad for action 1.
func (p Pitch) picture() *safex.Picture {
	seen := func(angle float64) float64 { return min(max(2*angle, -1), 1) }
	return &safex.Picture{
		Left: -1.5, Right: 1.9, Bottom: -1.2, Top: 1.2,
		Draw: func(x, u []float64) []safex.Shape {
			elevator := safex.Area(safex.Command, [2]float64{0.03, -0.045}, [2]float64{0.03, 0.045}, [2]float64{-0.36, 0}).Place(-0.98, 0.06, -0.7*min(max(u[0], -1), 1))
			limit, target := seen(p.MaxPitch), seen(p.Target)
			shapes := []safex.Shape{
				safex.Sector(safex.Forbidden, 0, 0, 1.1, 1.45, limit, limit+0.9),
				safex.Line(safex.Ground, [2]float64{-1.5, 0}, [2]float64{1.9, 0}),
				safex.Line(safex.Forbidden, [2]float64{1.02, 0}, [2]float64{1.53, 0}).Place(0, 0, limit),
				safex.Disk(safex.Rewarded, 1.62*math.Cos(target), 1.62*math.Sin(target), 0.05),
			}
			for _, part := range []safex.Shape{
				safex.Line(safex.Detail, [2]float64{1, 0}, [2]float64{1.45, 0}),
				safex.Area(safex.Body, [2]float64{-1, 0.05}, [2]float64{-0.68, 0.1}, [2]float64{-0.92, 0.46}, [2]float64{-1.08, 0.46}),
				safex.Area(safex.Body, [2]float64{1, 0}, [2]float64{0.94, 0.06}, [2]float64{0.8, 0.12}, [2]float64{0.6, 0.15}, [2]float64{-0.6, 0.14},
					[2]float64{-1.03, 0.1}, [2]float64{-1.03, 0.04}, [2]float64{-0.5, -0.1}, [2]float64{0.7, -0.11}, [2]float64{0.92, -0.06}),
				safex.Area(safex.Detail, [2]float64{0.92, 0.075}, [2]float64{0.8, 0.12}, [2]float64{0.7, 0.135}, [2]float64{0.7, 0.075}),
				safex.Area(safex.Detail, [2]float64{0.3, -0.04}, [2]float64{0.22, 0}, [2]float64{-0.32, 0.02}, [2]float64{-0.24, -0.05}),
				elevator,
			} {
				shapes = append(shapes, part.Place(0, 0, seen(x[2])))
			}
			return shapes
		},
	}
}
