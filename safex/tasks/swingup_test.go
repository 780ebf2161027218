package tasks_test

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// slow is a pendulum of a step, that no speed clip but the test's own holds back.
func slow(t *testing.T, dt float64) *safex.System {
	p := tasks.DefaultPendulum()
	p.Dt, p.SpeedClip = dt, 1e9
	return system(t, p)
}

// swung is the pendulum at the angle φ from hanging, anticlockwise, turning at ω, after a step of the action u.
func swung(s *safex.System, φ, ω, u float64) (float64, float64) {
	next, _, _ := s.Step([]float64{-math.Cos(φ), -math.Sin(φ), ω}, []float64{u})
	return φ + next[2]*s.Dt, next[2]
}

// climbs tells whether a pendulum that never turns faster than most can come up: from some phase around hanging, where
// it turns at that speed, with as much torque as the limit leaves it.
func climbs(s *safex.System, most float64) bool {
	const phases = 200
	for k := range phases {
		φ, ω := 0.6*(float64(k)/phases-0.5), most
		for ω > 0 {
			if φ >= math.Pi {
				return true
			}
			if next, v := swung(s, φ, ω, 1); v <= most {
				φ, ω = next, v
			} else {
				φ, ω = φ+most*s.Dt, most // with less torque
			}
		}
	}
	return false
}

// creeps tells the same as climbs, with any torque at any step. Of the states at a phase, to 1 mrad, it follows the fastest, from which
// the others can be reached by less torque.
func creeps(s *safex.System, most float64) bool {
	const width = 1e-3
	fastest := map[int][2]float64{}
	keep := func(states map[int][2]float64, φ, ω float64) {
		at := int(math.Floor(φ / width))
		if old, ok := states[at]; ω > 0 && ω <= most && (!ok || ω > old[1]) {
			states[at] = [2]float64{φ, ω}
		}
	}
	for φ := -0.3; φ < 0.3; φ += width {
		keep(fastest, φ, most)
	}
	for range 100 {
		after := map[int][2]float64{}
		for _, x := range fastest {
			if x[0] >= math.Pi {
				return true
			}
			_, v := swung(s, x[0], x[1], 1)
			if _, low := swung(s, x[0], x[1], -1); low <= most && most <= v {
				keep(after, x[0]+most*s.Dt, most)
			}
			for _, u := range []float64{1, 0.99, 0.97, 0.9, 0.8, 0.6, 0.3, 0, -0.5, -1} {
				φ, ω := swung(s, x[0], x[1], u)
				keep(after, φ, ω)
			}
		}
		fastest = after
	}
	return false
}

// slowest is the least speed limit at which the pendulum climbs.
func slowest(s *safex.System) float64 {
	lo, hi := 4.0, 6.0
	for hi-lo > 1e-5 {
		if mid := (lo + hi) / 2; climbs(s, mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

// No torques swing the pendulum up under a speed limit of 5.18 rad/s. In continuous time, full torque holds the speed up to the phase
// φ₀ where gravity balances it, sin φ₀ = MaxTorque / (m g l / 2), and gravity takes more than the torque gives from there to π - φ₀:
//
//	ω²/2 = ∫ (3g/2l · sin φ - 3/(m l²) · MaxTorque) dφ = 3g/l · cos φ₀ - 3/(m l²) · MaxTorque (π - 2 φ₀).
//
// Steps of semi-implicit Euler need less, by the square of the step.
func TestPendulumSlowestSwingUp(t *testing.T) {
	p := tasks.DefaultPendulum()
	gravity, torque := 1.5*p.Gravity/p.Length, 3*p.MaxTorque/(p.Mass*p.Length*p.Length)
	φ0 := math.Asin(torque / gravity)
	exact := math.Sqrt(2 * (2*gravity*math.Cos(φ0) - torque*(math.Pi-2*φ0)))
	if math.Abs(exact-5.2123) > 1e-4 {
		t.Errorf("in continuous time it takes %.5f rad/s", exact)
	}
	coarse, fine := slowest(slow(t, p.Dt)), slowest(slow(t, p.Dt/2))
	if ratio := (exact - coarse) / (exact - fine); !(ratio > 3.5 && ratio < 4.5) {
		t.Errorf("%v rad/s in steps of %v s and %v in half of it, which are %.2f times as far from %v; want 4", coarse, p.Dt, fine, ratio, exact)
	}
	if !(coarse > 5.19 && coarse < 5.2) {
		t.Errorf("in steps of %v s it takes %v rad/s, want 5.19 to 5.20", p.Dt, coarse)
	}
	if s := slow(t, p.Dt); creeps(s, coarse-0.01) || !creeps(s, coarse+0.01) {
		t.Errorf("with any torque it comes up at %v rad/s: %v, at %v: %v; want false and true", coarse-0.01, creeps(s, coarse-0.01), coarse+0.01, creeps(s, coarse+0.01))
	}
}
