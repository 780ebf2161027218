package safex_test

import (
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// A task is printed with the symbols of its variables, a prime on what is next, and its limits with their units.
func TestSystemLaTeX(t *testing.T) {
	task := safex.Task{
		Name: "wheel",
		State: []safex.Var{
			{Name: "sin", Symbol: "sin θ", Scale: 1}, {Name: "omega", Symbol: "ω", Unit: "rad/s", Scale: 1},
			{Name: "vx", Unit: "m/s", Scale: 1}, {Name: "oil_left", Scale: 1},
		},
		Action: []safex.Var{{Name: "torque", Symbol: "torque / max", Scale: 1}},
		Dt:     0.1, Steps: 10,
		Start: func(x []float64, _ *rand.Rand) { clear(x) },
		Next: func(x, u num.Vec) num.Vec {
			return num.Vec{x[0].Add(x[1].Mul(0.1)), x[1].Sub(u[0].Mul(0.2)), x[2], x[3].Div(2)}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Square().Neg() },
		Limits: []safex.Limit{
			{Name: "speed", Unit: "rad/s²", Max: 6, Of: func(x, u, next num.Vec) num.Expr { return next[1].Abs() }},
			{Name: "jerk", Max: 0.5, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }},
		},
	}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	want := `\begin{aligned}
\sin \theta' &= \sin \theta + 0.1 \omega \\
\omega' &= \omega - 0.2 \mathrm{torque} \\
v_{x}' &= v_{x} \\
\mathrm{oil\_left}' &= \frac{\mathrm{oil\_left}}{2} \\
r &= -(\sin \theta')^{2} \\
\lvert \omega' \rvert &\le 6\ \mathrm{rad/s^2} \\
\lvert \mathrm{torque} - {\mathrm{torque}}_{\mathrm{last}} \rvert &\le 0.5
\end{aligned}`
	if got := s.LaTeX(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
