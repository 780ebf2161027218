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
	Rewarded              // where reward is
	Command               // the action
)

// Line is a line through points.
func Line(r Role, points ...[2]float64) Shape { return Shape{Role: r, Points: points} }

// Area is a filled polygon.
func Area(r Role, points ...[2]float64) Shape { return Shape{Role: r, Points: points, Filled: true} }

// Box is a filled rectangle.
func Box(r Role, left, bottom, right, top float64) Shape {
	return Area(r, [2]float64{left, bottom}, [2]float64{right, bottom}, [2]float64{right, top}, [2]float64{left, top})
}

// Arrow is a filled arrow from one point to another. Its shaft has the given width, its head three times that; one
// too short for its head is smaller.
func Arrow(r Role, from, to [2]float64, width float64) Shape {
	length := math.Hypot(to[0]-from[0], to[1]-from[1])
	w := min(width, length/3)
	neck := length - 2.5*w
	a := Area(r, [2]float64{0, -w / 2}, [2]float64{neck, -w / 2}, [2]float64{neck, -1.5 * w}, [2]float64{length, 0},
		[2]float64{neck, 1.5 * w}, [2]float64{neck, w / 2}, [2]float64{0, w / 2})
	return a.Place(from[0], from[1], math.Atan2(to[1]-from[1], to[0]-from[0]))
}

// Arc is a line along a circle around (x, y), between two angles in rad, anticlockwise from the right.
func Arc(r Role, x, y, radius, from, to float64) Shape {
	return Shape{Role: r, Points: around(x, y, radius, from, to)}
}

// Sector is the filled part of a ring around (x, y) between two radii and two angles in rad, anticlockwise from the
// right. With the inner radius 0 it is a slice.
func Sector(r Role, x, y, inner, outer, from, to float64) Shape {
	return Shape{Role: r, Filled: true, Points: append(around(x, y, outer, from, to), around(x, y, inner, to, from)...)}
}

// around are points of a circle.
func around(x, y, radius, from, to float64) (points [][2]float64) {
	const pieces = 36
	for i := range pieces + 1 {
		sin, cos := math.Sincos(from + (to-from)*float64(i)/pieces)
		points = append(points, [2]float64{x + radius*cos, y + radius*sin})
	}
	return points
}

// Disk is a filled circle around (x, y).
func Disk(r Role, x, y, radius float64) Shape {
	return Shape{Role: r, Filled: true, Points: around(x, y, radius, 0, 2*math.Pi)}
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
