package bench

import (
	"fmt"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// chain is the name of tasks of any number of states and limits, on which a Series against either is measured.
const chain = "chain"

// chained is a chain of masses with springs between them, the first of which is pushed: a position and a speed for each, as many
// limits as there shall be, each on another mix of both, and a start at rest.
func chained(states, limits int) safex.Task {
	const dt, stiffness, damping, reach = 0.05, 4, 0.5, 2
	masses := states / 2
	t := safex.Task{
		Name: chain, Dt: dt, Steps: 200, Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Start: func(x []float64, _ *rand.Rand) { clear(x) },
		Next: func(x, u num.Vec) num.Vec {
			next := make(num.Vec, states)
			for i := range masses {
				at, v := x[2*i], x[2*i+1]
				a := v.Mul(-damping).Sub(at)
				if i == 0 {
					a = a.Add(u[0].Clamp(-1, 1).Mul(3))
				} else {
					a = a.Add(x[2*i-2].Sub(at).Mul(stiffness))
				}
				if i+1 < masses {
					a = a.Add(x[2*i+2].Sub(at).Mul(stiffness))
				}
				v = v.Add(a.Mul(dt))
				next[2*i], next[2*i+1] = at.Add(v.Mul(dt)), v
			}
			return next
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[states-2].Sub(1).Square().Neg() },
	}
	for i := range masses {
		t.State = append(t.State, safex.Var{Name: fmt.Sprintf("x%d", i), Scale: 1}, safex.Var{Name: fmt.Sprintf("v%d", i), Scale: 1})
	}
	for k := range limits {
		t.Limits = append(t.Limits, safex.Limit{
			Name: fmt.Sprintf("reach%d", k), Max: reach,
			Of: func(x, u, next num.Vec) num.Expr {
				i := k % masses
				return next[2*i].Add(next[2*i+1].Mul(0.1 * float64(k/masses))).Abs()
			},
		})
	}
	return t
}

// spec is the default run of a recipe's task, with settings.
func (r recipe) spec(assignments ...string) (*experiment.Spec, error) {
	if r.task != chain {
		return experiment.Named(r.task, assignments...)
	}
	s := experiment.Default(chained(r.states, r.limits))
	return s, s.SetAll(assignments...)
}
