package plan_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// trolley is a mass of 1 kg in front of a wall, paid for coming near it.
var trolley = safex.Task{
	Name: "trolley", Dt: 0.2, Steps: 40, Start: safex.StartAt(0, 0),
	State:  []safex.Var{{Name: "place", Unit: "m", Scale: 1}, {Name: "speed", Unit: "m/s", Scale: 1}},
	Action: []safex.Var{{Name: "push", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		v := x[1].Add(u[0].Mul(0.2))
		return num.Vec{x[0].Add(v.Mul(0.2)), v}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
}

// learned asks for a plan of a trolley at rest, by a model of an episode of random pushes.
func learned() (q safex.Query, err error) {
	s, err := trolley.System()
	if err != nil {
		return q, err
	}
	episode, err := s.Simulate(s.RandomPolicy(false, rng.New(1)), rng.New(1))
	if err != nil {
		return q, err
	}
	data := &safex.Data{}
	for t, u := range episode.Actions {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	l := linear.Default()
	l.Noise = 0.02
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		return q, err
	}
	roll, err := fused.New().Rollout(s, m)
	return safex.Query{System: s, Rollout: roll, State: []float64{0, 0}, Episode: 1}, err
}

// Plans a second and a half by a learned model. The planner that believes it goes right up to the wall; the pessimistic one leaves
// room for the worst that the model still believes possible.
func ExamplePessimistic() {
	q, err := learned()
	if err != nil {
		fmt.Println(err)
		return
	}
	believing, careful := plan.DefaultSafe(), plan.DefaultPessimistic()
	believing.Horizon, careful.Horizon = 8, 8
	careful.Beta = plan.Constant(3)
	for _, p := range []safex.Planner{believing, careful} {
		a, err := p.Plan(context.Background(), q, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		end := a.Expected.States[8][0]
		fmt.Printf("%T: keeps the limit as far as it looks: %v, and leaves 0.2 m of room: %v\n", p, a.Feasible, end < 0.8)
	}
	// Output:
	// plan.Nominal: keeps the limit as far as it looks: true, and leaves 0.2 m of room: false
	// plan.Pessimistic: keeps the limit as far as it looks: true, and leaves 0.2 m of room: true
}

// Attacks a plan: an adversary looks for the model error, within two deviations in each step, that breaks the limits most.
func ExampleAdversary() {
	q, err := learned()
	if err != nil {
		fmt.Println(err)
		return
	}
	p := plan.DefaultSafe()
	p.Horizon = 8
	a, err := p.Plan(context.Background(), q, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	target := plan.Target{Query: q, Plans: num.Batch(a.Actions), Beta: 2} // a lane is a plan: here is one
	for _, adversary := range []plan.Adversary{plan.DefaultParticles(), plan.DefaultSignGradient()} {
		var found plan.Perturbations
		if err := adversary.Attack(context.Background(), &found, target, rng.New(1)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T breaks the limit by 10 cm: %v\n", adversary, found.Excess[0] > 0.1)
	}
	// Output:
	// plan.Particles breaks the limit by 10 cm: false
	// plan.SignGradient breaks the limit by 10 cm: true
}

// Reads a schedule as it stands in a file of settings.
func ExampleSchedule() {
	var beta plan.Schedule
	if err := beta.UnmarshalText([]byte("linear 1 to 3 in 10")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(beta.At(1), beta.At(6), beta.At(11), beta.At(100))
	fmt.Println(plan.Sigmoid(1, 3, 10), "is in between then:", plan.Sigmoid(1, 3, 10).At(10))
	// Output:
	// 1 2 3 3
	// sigmoid 1 to 3 around 10 is in between then: 2
}

// Drives the real system by a planner, without an agent: each plan starts from the one before, and its first action is executed.
func ExamplePessimistic_Plan() {
	q, err := learned()
	if err != nil {
		fmt.Println(err)
		return
	}
	p, src := plan.DefaultPessimistic(), rng.New(1)
	p.Horizon = 8
	ride := q.System.Begin([]float64{0, 0}, src.Child("real"))
	for t := range 20 {
		q.State = ride.States[t]
		if q.Previous, err = p.Plan(context.Background(), q, src.Child("plan").At(t)); err != nil {
			fmt.Println(err)
			return
		}
		if err := q.System.Advance(&ride, q.Previous.Actions[0], src.Child("real")); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Printf("%d violations, near the wall: %v\n", ride.Violations(), ride.States[20][0] > 0.8)
	// Output: 0 violations, near the wall: true
}
