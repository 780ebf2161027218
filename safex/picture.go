package safex

import "math"

// A Picture says what a Task looks like.
type Picture struct {
	// What is seen, in the units of Draw: metres, mostly.
	Left, Right, Bottom, Top float64
	// Draw returns what is to be seen in the state x under the action u, from back to front. It must keep neither.
	Draw func(x, u []float64) []Shape
}

// A Shape is a line or an area of a Picture.
type Shape struct {
	Role   Role
	Points [][2]float64
	Filled bool // an area; else a line
}

// A Role says what a Shape stands for. It decides the colour.
type Role int

// The roles.
const (
	Body      Role = iota // what moves
	Detail                // a part of it
	Ground                // what does not move
	Forbidden             // beyond a limit
	Goal                  // where reward is
	Command               // the action
)

// Line is a line through points.
func Line(r Role, points ...[2]float64) Shape { return Shape{Role: r, Points: points} }

// Area is a filled polygon.
func Area(r Role, points ...[2]float64) Shape { return Shape{Role: r, Points: points, Filled: true} }

// Disk is a filled circle around (x, y).
func Disk(r Role, x, y, radius float64) Shape {
	const corners = 36
	s := Shape{Role: r, Filled: true}
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		s.Points = append(s.Points, [2]float64{x + radius*cos, y + radius*sin})
	}
	return s
}

// Place turns a shape by an angle, in rad and anticlockwise, about the origin, then moves it by (x, y).
func (s Shape) Place(x, y, angle float64) Shape {
	sin, cos := math.Sincos(angle)
	placed := Shape{Role: s.Role, Filled: s.Filled, Points: make([][2]float64, len(s.Points))}
	for i, p := range s.Points {
		placed.Points[i] = [2]float64{x + cos*p[0] - sin*p[1], y + sin*p[0] + cos*p[1]}
	}
	return placed
}
