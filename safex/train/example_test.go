package train_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A task of one's own is learned as those of package tasks are: a ferry comes to the pier without
// making a wake.
func ExampleAgent() {
	ferry := safex.Task{
		Name: "ferry", Dt: 0.5, Steps: 60, Start: safex.StartAt(20, 0),
		State:  []safex.Var{{Name: "distance", Unit: "m", Scale: 10}, {Name: "speed", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "thrust", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Sub(x[1].Mul(0.1)).Mul(0.5))
			return num.Vec{x[0].Sub(v.Mul(0.5)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Abs().Neg() },
		Limits: []safex.Limit{{Name: "wake", Unit: "m/s", Max: 2, Of: func(x, u, next num.Vec) num.Expr { return next[1] }}},
	}
	system, err := ferry.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	learner := ensemble.Default()
	learner.Hidden = []int{16, 16} // enough for two states
	agent := train.Agent{
		System: system, Learner: learner, Engine: fused.New(), Planner: plan.DefaultPessimistic(),
		RandomSteps: 20, LearnEvery: 30, Seed: 1,
	}
	for ep, err := range agent.Episodes(context.Background(), 1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("episode %d (%s): %d violations in %d steps\n", ep.Number, ep.Phase, ep.Violations(), len(ep.Actions))
	}
	// Output:
	// episode 0 (explore): 0 violations in 20 steps
	// episode 1 (plan): 0 violations in 60 steps
}

// trolley is a mass in front of a wall, which it should come close to.
var trolley = safex.Task{
	Name: "trolley", Dt: 0.1, Steps: 60, Start: safex.StartAt(0, 0),
	State:  []safex.Var{{Name: "place", Unit: "m", Scale: 1}, {Name: "speed", Unit: "m/s", Scale: 1}},
	Action: []safex.Var{{Name: "push", Scale: 0.6, RandomAmplitude: 0.3}},
	Next: func(x, u num.Vec) num.Vec {
		v := x[1].Add(u[0].Mul(0.1))
		return num.Vec{x[0].Add(v.Mul(0.1)), v}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(0.9).Abs().Neg() },
	Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
}

// Plans with settings of one's own: a model whose epistemic deviation is exact, fitted anew every ten steps, and a planner that looks 1.5 s ahead,
// against errors of three deviations at first and of two from the eleventh episode on.
func ExampleAgent_settings() {
	system, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	planner := plan.DefaultPessimistic()
	planner.Horizon, planner.Beta = 15, plan.Linear(3, 2, 10)
	agent := train.Agent{
		System: system, Learner: linear.Default(), Engine: fused.New(), Planner: planner, RandomSteps: 20, LearnEvery: 10, Seed: 1,
	}
	for ep, err := range agent.Episodes(context.Background(), 2) {
		if err != nil {
			fmt.Println(err)
			return
		}
		place := ep.States[len(ep.Actions)][0]
		fmt.Printf("episode %d: %d violations, near the goal: %v\n", ep.Number, ep.Violations(), place > 0.7)
	}
	// Output:
	// episode 0: 0 violations, near the goal: false
	// episode 1: 0 violations, near the goal: true
	// episode 2: 0 violations, near the goal: true
}

// Looks at every step, and stops as soon as the first planned episode is near the goal. The State is all that a later call of
// Steps needs to go on.
func ExampleAgent_Steps() {
	system, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	agent := train.Agent{
		System: system, Learner: linear.Default(), Engine: fused.New(), Planner: plan.DefaultSafe(), RandomSteps: 20, LearnEvery: 10, Seed: 1,
	}
	state := &train.State{}
	for s, err := range agent.Steps(context.Background(), state, 1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if at := len(s.Episode.Actions); s.Episode.States[at][0] > 0.7 {
			break
		}
	}
	fmt.Printf("stopped in episode %d, before its end: %v\n", state.Episode.Number, !state.Over)
	fmt.Println("transitions so far are those of both episodes:", state.Data.Len() == 20+len(state.Episode.Actions))
	// Output:
	// stopped in episode 1, before its end: true
	// transitions so far are those of both episodes: true
}
