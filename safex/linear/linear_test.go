package linear_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

func TestLaws(t *testing.T) {
	modeltest.Run(t, linear.Default(), modeltest.Laws{Exact: true})
	quadratic := linear.Default()
	quadratic.Degree = 2
	modeltest.Run(t, quadratic, modeltest.Laws{Exact: true})
}

// A linear system is learned from a few steps, as well as the numbers allow.
func TestLearnsPitch(t *testing.T) {
	s, err := tasks.DefaultPitch().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Simulate(s.RandomPolicy(false, rng.New(1)), rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	data := &safex.Data{}
	for i, u := range e.Actions[:60] {
		data.Append(e.States[i], u, e.States[i+1])
	}
	l := linear.Default()
	l.Noise = 1e-5
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	x, u := num.NewBatch(3, 1), num.NewBatch(1, 1)
	for _, point := range [][]float64{{0.1, 0.002, -0.1, 0.5}, {-0.3, -0.004, 0.2, -1}} {
		x.SetPoint(0, point[:3])
		u[0][0] = point[3]
		var p safex.Prediction
		if err := m.Predict(&p, x, u); err != nil {
			t.Fatal(err)
		}
		want, _, _ := s.Step(point[:3], point[3:])
		for d, v := range s.State {
			if miss := math.Abs(p.Mean[d][0]-want[d]) / v.Scale; miss > 1e-4 || miss > 6*p.Epistemic[d][0]/v.Scale+1e-9 {
				t.Errorf("%s: %v, want %v; off by %v deviations", v.Name, p.Mean[d][0], want[d], miss*v.Scale/p.Epistemic[d][0])
			}
		}
	}
}

// The posterior of a single weight is known in closed form.
func TestClosedForm(t *testing.T) {
	s, err := safex.Task{
		Name: "one", Dt: 1, Steps: 1, Start: safex.StartAt(0),
		State: []safex.Var{{Name: "x", Scale: 2}}, Action: []safex.Var{{Name: "u", Scale: 1}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0])} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	l := linear.Linear{Features: func(x, u num.Vec) num.Vec { return num.Vec{u[0]} }, Prior: 3, Noise: 0.5}
	data := &safex.Data{}
	var uu, uy float64
	for _, v := range [][2]float64{{0.5, 0.9}, {-1, -0.7}, {0.25, 0.1}} {
		data.Append([]float64{0}, []float64{v[0]}, []float64{v[1]})
		uu, uy = uu+v[0]*v[0], uy+v[0]*v[1]/2
	}
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	variance := 1 / (uu/0.25 + 1.0/9)
	var p safex.Prediction
	if err := m.Predict(&p, num.Batch{{1}}, num.Batch{{0.8}}); err != nil {
		t.Fatal(err)
	}
	if want := 1 + 2*variance*uy/0.25*0.8; math.Abs(p.Mean[0][0]-want) > 1e-12 {
		t.Errorf("mean %v, want %v", p.Mean[0][0], want)
	}
	if want := 2 * 0.8 * math.Sqrt(variance); math.Abs(p.Epistemic[0][0]-want) > 1e-12 || p.Aleatoric[0][0] != 1 {
		t.Errorf("deviations %v and %v, want %v and 1", p.Epistemic[0][0], p.Aleatoric[0][0], want)
	}
}

func TestErrors(t *testing.T) {
	s, data := modeltest.Pendulum(t, 20)
	for want, l := range map[string]linear.Linear{
		"Prior is 0, want above 0":   {Degree: 1, Noise: 1},
		"Degree is 3, want 1 or 2":   {Degree: 3, Prior: 1, Noise: 1},
		"Noise is NaN, want above 0": {Prior: 1, Noise: math.NaN()},
		"Features panics":            {Prior: 1, Noise: 1, Features: func(x, u num.Vec) num.Vec { return num.Vec{x[7]} }},
		"Features returns none":      {Prior: 1, Noise: 1, Features: func(x, u num.Vec) num.Vec { return nil }},
		"of transition 0 is NaN":     {Prior: 1, Noise: 1, Features: func(x, u num.Vec) num.Vec { return num.Vec{x[0].Sub(10).Sqrt()} }},
	} {
		if _, err := l.Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
