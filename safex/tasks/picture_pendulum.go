package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the rod, the torque as an arrow in the direction in which it turns, and a gauge of the speed
// whose needle turns the way the rod does. The gauge ends at 1.5 MaxSpeed.
func (p Pendulum) picture() *safex.Picture {
	l, dial := p.Length, 2.15*p.Length
	bearing := func(ω float64) float64 { return math.Pi/2 + 2.3*min(max(ω/(1.5*p.MaxSpeed), -1), 1) }
	return &safex.Picture{
		Left: -1.25 * l, Right: 3.05 * l, Bottom: -1.25 * l, Top: 1.25 * l,
		Draw: func(x, u []float64) []safex.Shape {
			θ, ω, torque := math.Atan2(x[1], x[0]), x[2], min(max(u[0], -1), 1)
			rod := θ + math.Pi/2
			tip := rod + 1.6*torque
			head := l * min(0.13, 0.6*math.Abs(torque))
			shapes := []safex.Shape{
				safex.Line(safex.Rewarded, [2]float64{0, 0}, [2]float64{0, l}), safex.Disk(safex.Rewarded, 0, l, 0.05*l),
				safex.Arc(safex.Command, 0, 0, 0.5*l, rod, tip),
				safex.Area(safex.Command, [2]float64{-head, 0}, [2]float64{head, 0}, [2]float64{0, math.Copysign(2*head, torque)}).
					Place(0.5*l*math.Cos(tip), 0.5*l*math.Sin(tip), tip),
				safex.Box(safex.Body, -0.045*l, 0, 0.045*l, 0.9*l).Place(0, 0, θ), safex.Disk(safex.Body, -0.9*l*math.Sin(θ), 0.9*l*math.Cos(θ), 0.1*l),
				safex.Disk(safex.Detail, 0, 0, 0.075*l),
				safex.Sector(safex.Ground, dial, 0, 0.6*l, 0.75*l, bearing(-p.MaxSpeed), bearing(p.MaxSpeed)),
			}
			for _, side := range []float64{-1, 1} {
				limit := bearing(side * p.MaxSpeed)
				shapes = append(shapes,
					safex.Sector(safex.Forbidden, dial, 0, 0.6*l, 0.75*l, limit, bearing(math.Inf(int(side)))),
					safex.Line(safex.Forbidden, [2]float64{0.55 * l, 0}, [2]float64{0.8 * l, 0}).Place(dial, 0, limit))
			}
			return append(shapes,
				safex.Area(safex.Body, [2]float64{0, -0.04 * l}, [2]float64{0.66 * l, 0}, [2]float64{0, 0.04 * l}).Place(dial, 0, bearing(ω)),
				safex.Disk(safex.Detail, dial, 0, 0.075*l))
		},
	}
}
