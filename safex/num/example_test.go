package num_test

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// spring is half a second of a mass of 1 kg on a spring and a damper: position and speed, then the force on it.
func spring(v num.Vec) num.Vec {
	x, speed, force := v[0], v[1], v[2]
	speed = speed.Add(force.Sub(x.Mul(2)).Sub(speed.Mul(0.4)).Mul(0.5))
	return num.Vec{x.Add(speed.Mul(0.5)), speed}
}

// Writes the arithmetic down once. The program then computes it on numbers, and prints it as a formula.
func ExampleTrace() {
	p := num.Trace(3, spring)
	next := make([]float64, p.Out)
	p.Eval(next, []float64{1, 0, 0.5})
	fmt.Printf("from 1 m at rest to %.3f m and %.2f m/s\n", next[0], next[1])
	fmt.Println(p.LaTeX([]string{"x", "v", "F"}, []string{"x'", "v'"}))
	// Output:
	// from 1 m at rest to 0.625 m and -0.75 m/s
	// \begin{aligned}
	// a_{1} &= v + 0.5 (F - 2 x - 0.4 v) \\
	// x' &= x + 0.5 a_{1} \\
	// v' &= a_{1}
	// \end{aligned}
}

// Evaluates many points at once: a column for each dimension, a lane for each point.
func ExampleProgram_EvalBatch() {
	p := num.Trace(3, spring)
	points, next := num.NewBatch(p.In, 1000), num.NewBatch(p.Out, 1000)
	for i := range 1000 {
		points.SetPoint(i, []float64{float64(i) / 1000, 0, 0})
	}
	p.EvalBatch(next, points)
	fmt.Printf("point 500 goes to %.2f m\n", next[0][500])
	// Output: point 500 goes to 0.25 m
}

// Encloses what a program may give. Intervals take every appearance of a number for another unknown, and affine forms know that
// it is the same one.
func ExampleProgram_EvalAffine() {
	p := num.Trace(1, func(x num.Vec) num.Vec { return num.Vec{x[0].Sub(x[0].Mul(0.25))} })
	box := []num.Interval{{Lo: 1, Hi: 2}}
	wide := make([]num.Interval, 1)
	p.EvalInterval(wide, box)
	x, symbols := num.Forms(box)
	tight := make([]num.Affine, 1)
	p.EvalAffine(tight, x, symbols)
	fmt.Printf("x - x/4 of x in [1, 2] is in [%.2f, %.2f] by intervals, and in [%.2f, %.2f] by affine forms\n",
		wide[0].Lo, wide[0].Hi, tight[0].Range.Lo, tight[0].Range.Hi)
	// Output: x - x/4 of x in [1, 2] is in [0.50, 1.75] by intervals, and in [0.75, 1.50] by affine forms
}

// Decides by numbers that are not known yet, where Go's own if does not compile: static friction holds what is pushed too little.
func ExampleWhere() {
	p := num.Trace(1, func(force num.Vec) num.Vec {
		const friction = 2 // N
		return num.Vec{num.Where(force[0].Abs().Less(friction), 0, force[0])}
	})
	for _, force := range []float64{1.5, 2.5} {
		var left [1]float64
		p.Eval(left[:], []float64{force})
		fmt.Println(force, "N leave", left[0], "N")
	}
	// Output:
	// 1.5 N leave 0 N
	// 2.5 N leave 2.5 N
}
