package tasks

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// picture shows the rod, the torque as an arrow in the direction in which it turns, and a map of angle and speed on which a dot moves between the
// limits, to the side to which the rod leans. Angles of the rod are drawn twice as large, but not above 1.4 rad.
func (p SafeMPC) picture() *safex.Picture {
	l, middle := p.Length, 2.6*p.Length
	wide, high := 0.75*l/p.MaxLean, 0.75*l/max(p.MaxSpeed, p.UprightSpeed) // of the map, for a rad and a rad/s
	at := func(θ, ω float64) [2]float64 {
		return [2]float64{middle - wide*min(max(θ, -1.3*p.MaxLean), 1.3*p.MaxLean), l/2 + min(max(high*ω, -l), l)}
	}
	corners := [][2]float64{at(0, p.UprightSpeed), at(p.MaxLean, -p.MaxSpeed), at(0, -p.UprightSpeed), at(-p.MaxLean, p.MaxSpeed)}
	return &safex.Picture{
		Left: -1.3 * l, Right: 3.7 * l, Bottom: -0.6 * l, Top: 1.6 * l,
		Draw: func(x, u []float64) []safex.Shape {
			θ, torque := min(max(2*x[0], -1.4), 1.4), min(max(u[0], -1), 1)
			tip := θ + math.Pi/2 + 1.2*torque
			head := l * min(0.13, 0.6*math.Abs(torque))
			here := at(x[0], x[1])
			shapes := []safex.Shape{
				safex.Line(safex.Rewarded, [2]float64{0, 0}, [2]float64{0, 1.1 * l}), safex.Disk(safex.Rewarded, middle, l/2, 0.04*l),
				safex.Arc(safex.Command, 0, 0, 0.5*l, θ+math.Pi/2, tip),
				safex.Area(safex.Command, [2]float64{-head, 0}, [2]float64{head, 0}, [2]float64{0, math.Copysign(2*head, torque)}).
					Place(0.5*l*math.Cos(tip), 0.5*l*math.Sin(tip), tip),
				safex.Box(safex.Body, -0.045*l, 0, 0.045*l, 0.9*l).Place(0, 0, θ), safex.Disk(safex.Body, -0.9*l*math.Sin(θ), 0.9*l*math.Cos(θ), 0.1*l),
				safex.Disk(safex.Detail, 0, 0, 0.075*l),
				safex.Line(safex.Ground, at(-1.3*p.MaxLean, 0), at(1.3*p.MaxLean, 0)),
			}
			for i, a := range corners {
				shapes = append(shapes, safex.Line(safex.Forbidden, a, corners[(i+1)%len(corners)]))
			}
			return append(shapes, safex.Disk(safex.Body, here[0], here[1], 0.07*l))
		},
	}
}
