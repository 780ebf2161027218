package rollout_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// trolley is a mass of 1 kg in front of a wall, which it should come close to.
var trolley = safex.Task{
	Name: "trolley", Dt: 0.2, Steps: 40, Start: safex.StartAt(0, 0),
	State:  []safex.Var{{Name: "place", Unit: "m", Scale: 1}, {Name: "speed", Unit: "m/s", Scale: 1}},
	Action: []safex.Var{{Name: "push", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		v := x[1].Add(u[0].Mul(0.2))
		return num.Vec{x[0].Add(v.Mul(0.2)), v}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(0.9).Abs().Neg() },
	Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
}

// Takes two series of pushes through the oracle dynamics, side by side, and asks how the sum of rewards changes with each push.
func ExampleGoMLX() {
	s, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	roll, err := rollout.NewGoMLX().Rollout(s, rollout.OracleModel(s))
	if err != nil {
		fmt.Println(err)
		return
	}
	push := num.Batch{{1, 0}, {1, 0}, {0, 0}, {-1, 0}} // a column for each of four steps, a lane for each of two series
	var r safex.Rolled
	if err := roll.Roll(context.Background(), &r, safex.Candidates{State: []float64{0, 0}, Actions: push}, &safex.Scalarisation{Reward: 1, Sharpness: 1}); err != nil {
		fmt.Println(err)
		return
	}
	last := len(s.State) * (len(push) - 1)
	fmt.Printf("places at the end: %.2f m and %.2f m\n", r.States[last][0], r.States[last][1])
	fmt.Println("an early push gains more than a late one:", r.GradAction[0][1] > r.GradAction[3][1])
	// Output:
	// places at the end: 0.24 m and 0.00 m
	// an early push gains more than a late one: true
}

// Plans with the oracle dynamics, to see what planning alone reaches: it comes close to the wall, and does not touch it.
func ExampleKnown() {
	s, err := trolley.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	agent := train.Agent{System: s, Learner: rollout.Oracle{}, Engine: fused.New(), Planner: plan.DefaultSafe(), RandomSteps: 1, Seed: 1}
	for episode, err := range agent.Episodes(context.Background(), 1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if episode.Phase == safex.PlannedPhase {
			place := episode.States[s.Steps][0]
			fmt.Printf("%d violations; near the goal: %v\n", episode.Violations(), place > 0.8 && place < 1)
		}
	}
	// Output: 0 violations; near the goal: true
}

// push believes that a cart moves by a tenth of its push, with a deviation of 1 cm in every step.
type push struct{}

func (push) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(1, x.Len())
	for i := range x[0] {
		dst.Mean[0][i], dst.Epistemic[0][i], dst.Aleatoric[0][i] = x[0][i]+0.1*u[0][i], 0.01, 0
	}
	return nil
}

// Any model can be planned with: all that it needs is Predict.
func ExampleAuto() {
	system, err := safex.Task{
		Name: "cart", Dt: 0.1, Steps: 20, Start: safex.StartAt(0.5),
		State:  []safex.Var{{Name: "x", Unit: "m", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Mul(0.1))} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	roll, err := rollout.NewAuto().Rollout(system, push{})
	if err != nil {
		fmt.Println(err)
		return
	}
	planner := plan.DefaultPessimistic() // of 20 steps, in each of which the model may err by two deviations
	p, err := planner.Plan(context.Background(), safex.Query{System: system, Rollout: roll, State: []float64{0.5}, Episode: 1}, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("feasible: %v\n", p.Feasible)
	fmt.Printf("after 20 steps the cart is at %.1f m, and at worst at %.1f m\n", p.Expected.States[20][0], p.Worst.States[20][0])
	// Output:
	// feasible: true
	// after 20 steps the cart is at 0.6 m, and at worst at 1.0 m
}
