package safex_test

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Describes a room of 15 °C that must not get warmer than 23 °C, a step for each minute. The functions are written once, on numbers
// that are not known yet: the simulation, the planners and the formulas of a report all use the same ones.
func ExampleTask() {
	room := safex.Task{
		Name: "room", Dt: 60, Steps: 120, Start: safex.StartAt(15),
		State:  []safex.Var{{Name: "temperature", Unit: "°C", Scale: 5}},
		Action: []safex.Var{{Name: "heater", Scale: 0.6, RandomAmplitude: 0.5, RandomCenter: -0.5}}, // off at -1, and at full power at 1
		Next: func(x, u num.Vec) num.Vec {
			heat, loss := u[0].Add(1).Mul(0.1), x[0].Sub(5).Mul(0.01)
			return num.Vec{x[0].Add(heat).Sub(loss)}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(22).Abs().Neg() },
		Limits: []safex.Limit{{Name: "warmth", Unit: "°C", Max: 23, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}
	system, err := room.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	next, reward, excess := system.Step([]float64{22}, []float64{1})
	fmt.Printf("from 22 °C at full power to %.2f °C: reward %.2f, %.2f °C from the limit\n", next[0], reward, -excess[0])
	// Output: from 22 °C at full power to 22.03 °C: reward -0.03, 0.97 °C from the limit
}

// Tells an agent what its heater is like: its coil, whose limit it must keep, is a quantity that only the heater knows and measures, and so a state like any other, of
// which the agent learns how it moves; the measurement is noisy; and power, which goes from 0 at -1 to all at 1, arrives two minutes late.
func ExampleExpectation() {
	boiler := safex.Task{
		Name: "boiler", Dt: 60, Steps: 120, Start: safex.StartAt(15, 15),
		State:  []safex.Var{{Name: "water", Unit: "°C", Scale: 20}, {Name: "coil", Unit: "°C", Scale: 20}},
		Action: []safex.Var{{Name: "power", Scale: 0.6, RandomAmplitude: 0.2, RandomCenter: -0.8}},
		Next: func(x, u num.Vec) num.Vec {
			power, flow := u[0].Add(1).Mul(2), x[1].Sub(x[0]).Mul(0.05)
			return num.Vec{x[0].Add(flow), x[1].Add(power).Sub(flow)}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(60).Abs().Neg() },
		Limits: []safex.Limit{{Name: "coil", Unit: "°C", Max: 95, Of: func(x, u, next num.Vec) num.Expr { return next[1] }}},
	}
	for _, text := range []string{"observation coil within 0.5", "delay 2"} {
		var e safex.Expectation
		if err := e.UnmarshalText([]byte(text)); err != nil {
			fmt.Println(err)
			return
		}
		boiler.Expected = append(boiler.Expected, e)
	}
	system, err := boiler.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("actions take effect %d steps late; the coil is within %v °C of what is seen\n", system.Delay(), system.SeenBox()[1])
	e, err := system.Simulate(system.ConstantPolicy(1), rng.New(1))
	fmt.Printf("full power, sent from the first step on, is %v in the first three\n", e.Actions[:3])
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// actions take effect 2 steps late; the coil is within 0.5 °C of what is seen
	// full power, sent from the first step on, is [[0] [0] [1]] in the first three
}

// cellar is a room with a heater, which the examples below look at.
var cellar = safex.Task{
	Name: "cellar", Dt: 60, Steps: 240, Start: safex.StartAt(15),
	State:  []safex.Var{{Name: "temperature", Unit: "°C", Scale: 5}},
	Action: []safex.Var{{Name: "heater", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		return num.Vec{x[0].Add(u[0].Add(1).Mul(0.1)).Sub(x[0].Sub(5).Mul(0.01))}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(22).Abs().Neg() },
	Limits: []safex.Limit{{Name: "warmth", Unit: "°C", Max: 23, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
}

// Takes the real system through an episode under a policy of one's own, and under full power.
func ExampleSystem_Simulate() {
	s, err := cellar.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	thermostat := func(t int, x []float64) []float64 {
		if x[0] < 22 {
			return []float64{1}
		}
		return []float64{-1}
	}
	for _, p := range []safex.Policy{thermostat, s.ConstantPolicy(1)} {
		episode, err := s.Simulate(p, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%d steps, %d beyond the limit\n", len(episode.Actions), episode.Violations())
	}
	// Output:
	// 240 steps, 0 beyond the limit
	// 240 steps, 80 beyond the limit
}

// Reads a disturbance from its text form: after an hour someone leaves an oven on. What kept the limit without it keeps it no more.
func ExampleDisturbance() {
	var oven safex.Disturbance
	if err := oven.UnmarshalText([]byte("step temperature 0.002 from 3600")); err != nil { // °C each second
		fmt.Println(err)
		return
	}
	for _, disturbances := range [][]safex.Disturbance{nil, {oven}} {
		task := cellar
		task.Disturbances = disturbances
		s, err := task.System()
		if err != nil {
			fmt.Println(err)
			return
		}
		episode, err := s.Simulate(s.ConstantPolicy(0.5), rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(disturbances, "keeps the limit:", episode.Violations() == 0)
	}
	// Output:
	// [] keeps the limit: true
	// [step temperature 0.002 from 3600] keeps the limit: false
}
