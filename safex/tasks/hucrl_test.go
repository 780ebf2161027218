package tasks_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// tolerated is the published tolerance: a Gaussian of the distance in margins that is 0.1 at one.
func tolerated(x, lo, hi, margin float64) float64 {
	d := max(0, math.Abs(x-(lo+hi)/2)-(hi-lo)/2) / margin
	scale := math.Sqrt(-2 * math.Log(0.1))
	return math.Exp(-0.5 * d * scale * d * scale)
}

// A step of HUCRL is ten of the published ones under one action, and its reward what they are paid.
func TestHUCRLIsTheProtocol(t *testing.T) {
	s := compile(t, tasks.DefaultHUCRL())
	r := rng.New(1).Rand()
	paid := 0
	for i := range 1000 {
		θ, ω, u := math.Pi*(2*r.Float64()-1), 9*(2*r.Float64()-1), 2*r.Float64()-1
		if i%2 == 0 { // near what is paid for
			θ, ω = 0.1*θ, 0.1*ω
		}
		next, reward, _ := s.Step([]float64{math.Cos(θ), math.Sin(θ), ω}, []float64{u})
		want, wantθ, wantω := 0.0, θ, ω
		for range 10 {
			want += tolerated(math.Cos(wantθ), 0.95, 1, 0.1)*tolerated(wantω, -0.5, 0.5, 0.5) + 0.1*(tolerated(u, -0.1, 0.1, 0.1)-1)
			wantθ, wantω = fine(wantθ, wantω, u, 1.0/80, 9.81, 0.3, 0.5, 0.005)
		}
		if d := math.Hypot(next[0]-math.Cos(wantθ), next[1]-math.Sin(wantθ)); d > 1e-5 || math.Abs(next[2]-wantω) > 1e-5 {
			t.Fatalf("from θ %v, ω %v with %v: %v, want θ %v, ω %v", θ, ω, u, next, wantθ, wantω)
		}
		if math.Abs(reward-want) > 0.05 { // of 10: the cubic is off by about a milliradian
			t.Fatalf("from θ %v, ω %v with %v: the reward is %v, want %v", θ, ω, u, reward, want)
		}
		if want > 0.5 {
			paid++
		}
	}
	if paid < 50 {
		t.Errorf("%d of 1000 steps were paid for", paid)
	}
}

// Who does nothing gets nothing, and who stands upright 400, as an episode is 400 published steps.
func TestHUCRLStands(t *testing.T) {
	s := compile(t, tasks.DefaultHUCRL())
	hang, err := s.Simulate(func(int, []float64) []float64 { return []float64{0} }, rng.New(1))
	if err != nil || math.Abs(hang.Return()) > 1e-12 {
		t.Errorf("error %v, return %v", err, hang.Return())
	}
	if _, reward, _ := s.Step([]float64{1, 0, 0}, []float64{0}); math.Abs(reward*float64(s.Steps)-400) > 1e-9 {
		t.Errorf("standing upright is paid %v a step", reward)
	}
	p := tasks.DefaultHUCRL()
	p.Substeps = 0
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "hucrl: Substeps is 0, want above 0") {
		t.Errorf("error %v", err)
	}
}
