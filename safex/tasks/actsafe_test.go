package tasks_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// gym takes two steps of the pendulum of the OpenAI Gym with an action, by angle and speed and its own formulas, and returns the reward of the second.
func gym(θ, ω, u float64) (float64, float64, float64) {
	reward := 0.0
	for range 2 {
		off := math.Mod(math.Mod(θ+math.Pi, 2*math.Pi)+2*math.Pi, 2*math.Pi) - math.Pi
		reward = -(off*off + 0.1*ω*ω) - 0.02*u*u
		ω = min(8, max(-8, ω+0.05*(3*9.81/2*math.Sin(θ)+3*2*u)))
		θ += 0.05 * ω
	}
	return θ, ω, reward
}

// A step of ActSafe is two of the Gym, held at one action, and its reward that of the second, whether it turns fast or slowly, also where the speed is clipped.
func TestActSafeIsTheProtocol(t *testing.T) {
	s, err := tasks.DefaultActSafe().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(1).Rand()
	clipped := 0
	for range 20000 {
		θ, ω, u := math.Pi*(2*r.Float64()-1), 8*(2*r.Float64()-1), 2*r.Float64()-1
		next, reward, excess := s.Step([]float64{math.Cos(θ), math.Sin(θ), ω}, []float64{u})
		wantθ, wantω, want := gym(θ, ω, u)
		if d := math.Hypot(next[0]-math.Cos(wantθ), next[1]-math.Sin(wantθ)); d > 1e-12 || math.Abs(next[2]-wantω) > 1e-12 {
			t.Fatalf("from θ %v, ω %v with %v: %v, want θ %v, ω %v", θ, ω, u, next, wantθ, wantω)
		}
		if math.Abs(reward-want) > 1e-9 {
			t.Fatalf("from θ %v, ω %v with %v: the reward is %v, want %v", θ, ω, u, reward, want)
		}
		if math.Abs(excess[0]-(math.Abs(wantω)-6)) > 1e-12 {
			t.Fatalf("excess %v at %v rad/s", excess[0], wantω)
		}
		if math.Abs(wantω) == 8 {
			clipped++
		}
	}
	if clipped == 0 {
		t.Error("no speed was clipped")
	}
}

// Full torque from rest turns at 1.5824 rad/s at most: the largest speed of several published episodes (explore_max_abs_thdot of episode 0), in which
// an agent that knew nothing did just that. And hanging still costs π² a step.
func TestActSafeConstantTorque(t *testing.T) {
	s, err := tasks.DefaultActSafe().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ torque, fastest, first float64 }{{1, 1.5824, -math.Pi*math.Pi - 0.02 - 0.1*0.3*0.3}, {0, 0, -math.Pi * math.Pi}} {
		x, err := s.DrawStart(rng.New(7))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(x, []float64{-1, 0, 0}) {
			t.Errorf("it starts at %v", x)
		}
		fastest := 0.0
		for step := range s.Steps {
			next, reward, _ := s.Step(x, []float64{c.torque})
			if step == 0 && math.Abs(reward-c.first) > 0.11 { // between the two steps it has turned by 0.015 rad
				t.Errorf("with torque %v the first reward is %v, want about %v", c.torque, reward, c.first)
			}
			x, fastest = next, max(fastest, math.Abs(next[2]))
		}
		if math.Abs(fastest-c.fastest) > 5e-5 {
			t.Errorf("with torque %v it turns at %v rad/s, want %v", c.torque, fastest, c.fastest)
		}
	}
}

func TestActSafeChecksItsParameters(t *testing.T) {
	p := tasks.DefaultActSafe()
	p.Dt = 0
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "actsafe: Dt is 0, want above 0") {
		t.Errorf("error %v", err)
	}
}
