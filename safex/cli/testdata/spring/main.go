// Command spring explores a mass on a spring with a damper, which must not swing beyond 1 m.
package main

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/cli"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Spring are the parameters, in kg, N/m and N s/m. Each can be given by --set, as in --set Mass=2.
type Spring struct{ Mass, Stiffness, Damping float64 }

// Task implements safex.Maker.
func (p *Spring) Task() safex.Task {
	const dt = 0.1
	return safex.Task{
		Name: "spring", Dt: dt, Steps: 50, Start: safex.StartAt(0.2, 0),
		State:  []safex.Var{{Name: "x", Unit: "m", Scale: 0.5}, {Name: "v", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "force", Scale: 0.6, RandomAmplitude: 0.5}},
		Next: func(x, u num.Vec) num.Vec {
			force := u[0].Mul(3).Sub(x[0].Mul(p.Stiffness)).Sub(x[1].Mul(p.Damping))
			v := x[1].Add(force.Mul(dt / p.Mass))
			return num.Vec{x[0].Add(v.Mul(dt)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(0.9).Square().Neg() },
		Limits: []safex.Limit{{Name: "reach", Unit: "m", Max: 1, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }}},
	}
}

func main() { cli.Main(&Spring{Mass: 1, Stiffness: 2, Damping: 0.3}) }
