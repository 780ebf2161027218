package tasks_test

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Makes every task by its name, as commands do.
func ExampleNew() {
	for _, name := range tasks.Names() {
		maker, _ := tasks.New(name)
		s, err := maker.Task().System()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %d states, %d actions, limit on %s\n", s.Name, len(s.State), len(s.Action), s.Limits[0].Name)
	}
	// Output:
	// pendulum: 3 states, 1 actions, limit on speed
	// pitch: 3 states, 1 actions, limit on pitch
	// carpark: 2 states, 1 actions, limit on wall
	// rccar: 7 states, 2 actions, limit on walls
	// cartpole: 5 states, 1 actions, limit on track
	// quadrotor: 6 states, 2 actions, limit on ceiling
	// actsafe: 3 states, 1 actions, limit on speed
	// safempc: 2 states, 1 actions, limit on lean
	// hucrl: 3 states, 1 actions, limit on speed
}

// Changes a parameter of a task: pushed along with its motion, the pendulum turns too fast, and with half the torque it does not.
func ExampleDefaultPendulum() {
	for _, torque := range []float64{2, 1} { // N m
		p := tasks.DefaultPendulum()
		p.MaxTorque, p.Steps = torque, 60
		s, err := p.Task().System()
		if err != nil {
			fmt.Println(err)
			return
		}
		along := func(t int, x []float64) []float64 { return []float64{math.Copysign(1, x[2])} }
		episode, err := s.Simulate(along, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("with %v N m it keeps the limit: %v\n", torque, episode.Violations() == 0)
	}
	// Output:
	// with 2 N m it keeps the limit: false
	// with 1 N m it keeps the limit: true
}
