package tasks_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A quadrotor hovers without commands, climbs with thrust, and goes to where it tilts; mirrored, it flies the mirror
// image.
func TestQuadrotorFlies(t *testing.T) {
	p := tasks.DefaultQuadrotor()
	s := compile(t, p)
	fly := func(x []float64, n int, u ...float64) []float64 {
		for range n {
			x, _, _ = s.Step(x, u)
		}
		return x
	}
	for d, v := range fly([]float64{0, 1, 0, 0, 0, 0}, 100, 0, 0) {
		if want := []float64{0, 1, 0, 0, 0, 0}[d]; v != want {
			t.Errorf("hovering, %s became %v", s.State[d].Name, v)
		}
	}
	if x := fly([]float64{0, 1, 0, 0, 0, 0}, 10, 0.1, 0); !(x[1] > 1 && x[4] > 0) || x[0] != 0 {
		t.Errorf("with more thrust it is at %v", x)
	}
	// The speed under constant thrust tends to thrust over drag.
	if x := fly([]float64{0, 1, 0, 0, 0, 0}, 1000, 0.1, 0); math.Abs(x[4]-0.1*p.ThrustRange*p.Gravity/p.Drag) > 1e-3 {
		t.Errorf("it climbs at %v m/s", x[4])
	}
	// The turn rate follows its command with the lag, so that after a long while the tilt is behind by RateLag.
	x := fly([]float64{0, 1, 0, 0, 0, 0}, 20, 0, 0.1)
	if want := 0.1 * p.RateRange * (20*p.Dt - p.RateLag); math.Abs(x[2]-want) > 1e-3 || math.Abs(x[5]-0.1*p.RateRange) > 1e-6 {
		t.Errorf("the tilt is %v, want %v, at the rate %v", x[2], want, x[5])
	}
	if !(x[0] > 0 && x[3] > 0) {
		t.Errorf("tilted to the right it is at %v", x)
	}
	y := fly([]float64{0, 1, 0, 0, 0, 0}, 20, 0, -0.1)
	for d, sign := range []float64{-1, 1, -1, -1, 1, -1} {
		if x[d] != sign*y[d] {
			t.Errorf("%v mirrors to %v", x, y)
			break
		}
	}
}

// Without thrust and drag it falls as everything does, exactly; and steps are of order 4.
func TestQuadrotorOrder(t *testing.T) {
	p := tasks.DefaultQuadrotor()
	p.Drag, p.ThrustRange = 0, 1
	s := compile(t, p)
	x := []float64{0, 1, 0.3, 0.5, 1, 0}
	for range 20 {
		x, _, _ = s.Step(x, []float64{-1, 0})
	}
	for d, want := range []float64{0.5, 1 + 1 - p.Gravity/2, 0.3, 0.5, 1 - p.Gravity, 0} {
		if math.Abs(x[d]-want) > 1e-12 {
			t.Errorf("after a second of free fall %s is %v, want %v", s.State[d].Name, x[d], want)
		}
	}
	end := func(dt float64) float64 {
		p := tasks.DefaultQuadrotor()
		p.Dt, p.RateLag = dt, 0.5 // slow enough that all steps resolve it
		s := compile(t, p)
		x := []float64{0, 1, 0.3, 0.5, -0.2, 2}
		for range int(math.Round(1.6 / dt)) {
			x, _, _ = s.Step(x, []float64{0.4, -0.6})
		}
		return x[0]
	}
	exact := end(0.0005)
	if ratio := (end(0.2) - exact) / (end(0.1) - exact); math.Abs(ratio-16) > 4 {
		t.Errorf("half the step leaves 1/%.1f of the error, want 1/16", ratio)
	}
}

// Each of its limits is a bound that can be broken by itself.
func TestQuadrotorLimits(t *testing.T) {
	s := compile(t, tasks.DefaultQuadrotor())
	for k, x := range [][]float64{{0, 1.85, 0, 0, 0, 0}, {0, 0.15, 0, 0, 0, 0}, {0, 1, -0.45, 0, 0, 0}} {
		_, _, excess := s.Step(x, []float64{0, 0})
		for i, e := range excess {
			if (e > 0) != (i == k) {
				t.Errorf("at %v the excess is %v, want only %s broken", x, excess, s.Limits[k].Name)
			}
		}
		if _, ok := s.Bound(k); !ok {
			t.Errorf("%s is not seen as a bound", s.Limits[k].Name)
		}
	}
}

// The car's observation noise has the published deviations, and its delay is one.
func TestRCCarNoise(t *testing.T) {
	p := tasks.ReferenceRCCar()
	p.ActionDelay = 2
	s := compile(t, p)
	var texts []string
	for _, d := range s.Disturbances {
		texts = append(texts, d.String())
	}
	got := strings.Join(texts, ", ")
	for _, want := range []string{"observation x 0.00111", "observation y 0.00111", "observation theta 0.00183", "observation vx 0.00820", "observation vy 0.00820", "observation omega 0.0367", "delay 2"} {
		if !strings.Contains(got, want) {
			t.Errorf("disturbances %s, want %s", got, want)
		}
	}
	if ds := tasks.DefaultRCCar().Task().Disturbances; len(ds) > 0 {
		t.Errorf("by default there is %v", ds)
	}
}

// The random actions that an agent begins with keep every limit of every task: in 300 runs of 100 steps. Of safempc those of the backup do, as it falls without.
func TestFirstPhaseIsSafe(t *testing.T) {
	for _, name := range tasks.Names() {
		m, _ := tasks.New(name)
		s := compile(t, m)
		for seed := range 300 {
			src, x := rng.New(uint64(seed)), make([]float64, len(s.State))
			s.Start(x, src.Child("start").Rand())
			tr := s.Begin(x, src)
			r := src.Child("act").Rand()
			for range 100 {
				u := make([]float64, len(s.Action))
				for k := range u {
					u[k] = s.Gentle(k, 2*r.Float64()-1)
				}
				if name == "safempc" {
					u = s.Backup.Action(tr.States[len(tr.States)-1])
				}
				if err := s.Advance(&tr, u, src); err != nil {
					t.Fatal(err)
				}
			}
			if n := tr.Violations(); n > 0 {
				t.Errorf("%s, seed %d: %d violations", name, seed, n)
			}
		}
	}
}
