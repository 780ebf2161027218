package tasks

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Pitch is the pitch of an aircraft, linearised about level flight. It must be raised to the
// level from below and never exceed it: the target itself is the limit.
type Pitch struct {
	MaxElevator     float64 // rad, of the elevator at action 1
	Target          float64 // rad, the pitch to approach
	MaxPitch        float64 // rad, the safety limit
	Effort          float64 // price of a squared rad of elevator
	StartPitch      float64 // rad, the middle of the start
	StartBand       float64 // rad and rad/s: half the width of the start in each dimension
	RandomAmplitude float64 // amplitude of the random actions that an agent begins with, in (0, 1]
	Dt              float64 // s
	Steps           int     // of an episode
}

// DefaultPitch returns the aircraft of the reference, which starts 0.2 rad below the level.
func DefaultPitch() Pitch {
	return Pitch{MaxElevator: 1.4, Effort: 0.02, StartPitch: -0.2, StartBand: 0.001, RandomAmplitude: 0.2, Dt: 0.05, Steps: 200}
}

// ReferencePitch returns the published one, whose random actions have the whole range and break the
// limit in every third run.
func ReferencePitch() Pitch {
	p := DefaultPitch()
	p.RandomAmplitude = 1
	return p
}

// Check reports the first parameter that makes no sense.
func (p Pitch) Check() error {
	if err := positive("pitch", quantity{"Dt", p.Dt}); err != nil {
		return err
	}
	if err := amplitude("pitch", quantity{"RandomAmplitude", p.RandomAmplitude}); err != nil {
		return err
	}
	return atLeast0("pitch", quantity{"MaxElevator", p.MaxElevator}, quantity{"Effort", p.Effort}, quantity{"StartBand", p.StartBand})
}

// Task returns the control problem. Its state is the angle of attack α, the pitch rate q and the pitch θ;
//
//	α̇ = -0.313 α + 56.7 q + 0.232 u,   q̇ = -0.0139 α - 0.426 q + 0.0203 u,   θ̇ = 56.7 q
//
// with the elevator u held over a step, which is solved exactly. The reward of a step is
// -2 (θ - Target)² - Effort u² of the state before it. Its backup is a regulator that levels it 0.2 rad below the limit; the start is
// inside, and the climb from there to less than a mrad below the limit.
func (p Pitch) Task() safex.Task {
	a, b := p.zeroOrderHold()
	elevator := func(u num.Vec) num.Expr { return u[0].Clamp(-1, 1).Mul(p.MaxElevator) }
	t := safex.Task{
		Name: "pitch",
		State: []safex.Var{
			{Name: "alpha", Symbol: "α", Unit: "rad", Scale: 0.2},
			{Name: "q", Symbol: "q", Unit: "rad/s", Scale: 0.005},
			{Name: "theta", Symbol: "θ", Unit: "rad", Scale: 0.2},
		},
		Action: []safex.Var{{Name: "elevator", Symbol: "elevator / max", Scale: 0.6, RandomAmplitude: p.RandomAmplitude}},
		Dt:     p.Dt,
		Steps:  p.Steps,
		Start: func(x []float64, r *rand.Rand) {
			for k := range x {
				x[k] = p.StartBand * (2*r.Float64() - 1)
			}
			x[2] += p.StartPitch
		},
		Next: func(x, u num.Vec) num.Vec {
			next := make(num.Vec, 3)
			for i := range next {
				next[i] = elevator(u).Mul(b[i])
				for j := range x {
					if a.At(i, j) != 0 {
						next[i] = next[i].Add(x[j].Mul(a.At(i, j)))
					}
				}
			}
			return next
		},
		Reward: func(x, u, next num.Vec) num.Expr {
			return x[2].Sub(p.Target).Square().Mul(-2).Sub(elevator(u).Square().Mul(p.Effort))
		},
		Limits: []safex.Limit{{
			Name: "pitch", Unit: "rad", Max: p.MaxPitch, Scale: 0.2,
			Of: func(x, u, next num.Vec) num.Expr { return next[2] },
		}},
		Goal: &safex.Goal{ // the published one
			Name: "pitch", Unit: "rad", Max: 0.025, Steps: 20,
			Of: func(x num.Vec) num.Expr { return x[2].Sub(p.Target).Abs() },
		},
		Picture: p.picture(),
		Tuning:  safex.Tuning{Horizon: 12, Std: 0.4, Color: 2}, // with these, planning with the oracle dynamics did best
	}
	t.Backup = p.backup(t)
	return t
}

// zeroOrderHold solves the linear dynamics over a step exactly: the matrix exponential of the dynamics
// with the input as a constant state.
func (p Pitch) zeroOrderHold() (a mat.Matrix, b []float64) {
	const speed = 56.7
	var e mat.Dense
	generator := mat.NewDense(4, 4, []float64{
		-0.313, speed, 0, 0.232,
		-0.0139, -0.426, 0, 0.0875 * 0.232,
		0, speed, 0, 0,
		0, 0, 0, 0,
	})
	generator.Scale(p.Dt, generator)
	e.Exp(generator)
	return e.Slice(0, 3, 0, 3), mat.Col(nil, 3, e.Slice(0, 3, 0, 4))
}
