package bench

import (
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// The continuous cart-pole of mbrl-lib: where a trial is over, how long it is at most, and the return that counts as solved. Every
// step brings 1, the one that ends the trial too, so that the return is the number of steps.
const (
	balanceTrack = 2.4
	balanceAngle = 12 * 2 * math.Pi / 360
	balanceSteps = 200
	solved       = 180
)

// balance is the same system, by the same step of Euler's method: a pole that stands on a cart, in the numbers of Barto, Sutton and
// Anderson (1983) and the equations of Florian (2007). Trials end at what are its two limits here. A reward of 1 for each step
// tells no two plans apart that keep them, so that the planner gets a smooth one in its place; what is counted is
// the steps of the trial, as for its peer.
func balance() safex.Task {
	const gravity, mass, lever, half, force, dt = 9.8, 1.1, 0.05, 0.5, 10.0, 0.02 // lever is the pole's mass times half its length
	return safex.Task{
		Name: "balance", Dt: dt, Steps: balanceSteps,
		State: []safex.Var{
			{Name: "x", Unit: "m", Scale: 0.5}, {Name: "v", Unit: "m/s", Scale: 0.5},
			{Name: "theta", Symbol: "θ", Unit: "rad", Scale: 0.1}, {Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 0.5},
		},
		Action: []safex.Var{{Name: "push", Symbol: "force / max", Scale: 0.6}},
		Start: func(x []float64, r *rand.Rand) {
			for i := range x {
				x[i] = 0.05 * (2*r.Float64() - 1)
			}
		},
		Next: func(x, u num.Vec) num.Vec {
			sin, cos, ω := x[2].Sin(), x[2].Cos(), x[3]
			f := u[0].Clamp(-1, 1).Mul(force).Add(ω.Square().Mul(sin).Mul(lever)).Div(mass)
			α := sin.Mul(gravity).Sub(f.Mul(cos)).Div(num.Lit(4.0 / 3).Sub(cos.Square().Mul(0.1 / mass)).Mul(half))
			a := f.Sub(α.Mul(cos).Mul(lever / mass))
			return num.Vec{x[0].Add(x[1].Mul(dt)), x[1].Add(a.Mul(dt)), x[2].Add(ω.Mul(dt)), ω.Add(α.Mul(dt))}
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			return num.Lit(1).Sub(next[0].Div(balanceTrack).Square()).Sub(next[2].Div(balanceAngle).Square())
		},
		Limits: []safex.Limit{
			{Name: "track", Unit: "m", Max: balanceTrack, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }},
			{Name: "angle", Unit: "rad", Max: balanceAngle, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[2].Abs() }},
		},
	}
}

// fallen tells whether a trial ends in a state.
func fallen(x []float64) bool { return math.Abs(x[0]) > balanceTrack || math.Abs(x[2]) > balanceAngle }
