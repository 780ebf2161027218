package viability_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/viability"
)

// A point that is pushed along a line with at most a, and must stay within 1 of 0, can be kept there if it can stop before: v²/2a ≤ 1 - x.
func TestBraking(t *testing.T) {
	const a, dt = 1.0, 0.1
	s, err := safex.Task{
		Name: "cart", Dt: dt, Steps: 10, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "x", Scale: 0.5}, {Name: "v", Scale: 0.5}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Mul(a * dt))
			return num.Vec{x[0].Add(v.Mul(dt)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	c := viability.DefaultSettings()
	c.Cells, c.Block = 201, 1
	k, err := viability.Compute(context.Background(), s, &viability.Exact{System: s}, c)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(1).Rand()
	in, missed := 0, 0
	for range 20000 {
		x := []float64{2*r.Float64() - 1, 4*r.Float64() - 2}
		stops := x[0]+max(0, x[1])*max(0, x[1])/2/a <= 1 && x[0]-min(0, x[1])*min(0, x[1])/2/a >= -1
		switch got := k.Contains(x); {
		case got && x[0]+max(0, x[1])*max(0, x[1])/2/a > 1+0.06: // a step before it brakes
			t.Fatalf("%v is said to stop, and cannot", x)
		case got:
			in++
		case stops:
			missed++
		}
	}
	if in < 5*missed {
		t.Errorf("%d states are in the kernel, and %d that can stop are not", in, missed)
	}
	// Nothing leaves it.
	for range 2000 {
		x := []float64{2*r.Float64() - 1, 4*r.Float64() - 2}
		for range 50 {
			u := k.Backup(x)
			if u == nil {
				break
			}
			var excess []float64
			if x, _, excess = s.Step(x, u); excess[0] > 0 || !k.Contains(x) {
				t.Fatalf("it leaves the kernel to %v, excess %v", x, excess)
			}
		}
	}
}

// Most of the states of the pendulum with |ω| ≤ 6 can be kept so for ever, and near the limit those that fall cannot.
func TestPendulum(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	c := viability.DefaultSettings()
	c.Cells, c.Block = 201, 2
	began := time.Now()
	k, err := viability.Compute(context.Background(), s, &viability.Exact{System: s}, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("share %.3f in %v", k.Share(), time.Since(began))
	if k.Share() < 0.5 || k.Share() > 0.85 {
		t.Errorf("share %.3f", k.Share())
	}
	r := rng.New(2).Rand()
	for range 3000 {
		θ := math.Pi * (2*r.Float64() - 1)
		x := []float64{math.Cos(θ), math.Sin(θ), 12*r.Float64() - 6}
		for range 60 {
			u := k.Backup(x)
			if u == nil {
				break
			}
			var excess []float64
			if x, _, excess = s.Step(x, u); excess[0] > 0 || !k.Contains(x) {
				t.Fatalf("it leaves the kernel to %v, excess %v", x, excess)
			}
		}
	}
}
