package train_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rollout"
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
	agent := train.Agent{
		System: system, Learner: ensemble.Default(), Engine: rollout.NewGoMLX(), Planner: plan.DefaultPessimistic(),
		Explore: 20, LearnEvery: 30, Seed: 1,
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
