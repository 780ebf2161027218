package opt_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// toDoor is how far ten pushes leave a sledge from a door 2 m ahead, and how hard they were. A lane of x is a candidate.
func toDoor(values []float64, x num.Batch) error {
	for i := range values {
		place, speed, effort := 0.0, 0.0, 0.0
		for _, push := range x {
			speed += 0.3*push[i] - 0.1*speed
			place += 0.5 * speed
			effort += push[i] * push[i]
		}
		values[i] = (place-2)*(place-2) + speed*speed + 0.01*effort
	}
	return nil
}

// Searches ten pushes in [-1, 1] that bring a sledge to a door, and to rest there.
func ExampleICEM() {
	search := opt.DefaultICEM()
	search.Iterations, search.Samples = 20, 100
	r, err := search.Minimize(context.Background(), opt.Problem{Func: toDoor, Steps: 10, Dims: 1}, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("at the door: %v, by pushing (%v) and then braking (%v)\n", r.F < 0.1, r.X[1] > 0, r.X[8] < 0)
	// Output: at the door: true, by pushing (true) and then braking (true)
}

// Goes on from the result of another search, as a planner does in every step: the first population holds it, so the result is
// never worse.
func ExampleProblem_start() {
	search := opt.DefaultICEM()
	search.Iterations, search.Samples = 3, 50
	p := opt.Problem{Func: toDoor, Steps: 10, Dims: 1}
	before := 0.0
	for step := range 3 {
		r, err := search.Minimize(context.Background(), p, rng.New(1).At(step))
		if err != nil {
			fmt.Println(err)
			return
		}
		if step > 0 {
			fmt.Println("no worse than before:", r.F <= before)
		}
		p.Start, before = r.X, r.F
	}
	// Output:
	// no worse than before: true
	// no worse than before: true
}

// Takes any method where a Minimizer is asked for. Their settings are fields, and their defaults a function.
func ExampleMinimizer() {
	gentle := opt.DefaultMPPI()
	gentle.Temperature, gentle.Color = 2, 1
	for _, m := range []opt.Minimizer{opt.DefaultCEM(), opt.DefaultICEM(), gentle} {
		r, err := m.Minimize(context.Background(), opt.Problem{Func: toDoor, Steps: 10, Dims: 1}, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T at the door: %v\n", m, r.F < 0.5)
	}
	// Output:
	// opt.CEM at the door: true
	// opt.ICEM at the door: true
	// opt.MPPI at the door: true
}
