package safex_test

import (
	"context"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// walkers are two members who go up and down by 1 a step, with a noise of 0.1 and a doubt of 1.
type walkers struct{}

func (walkers) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(1, x.Len())
	for i, v := range x[0] {
		dst.Mean[0][i], dst.Epistemic[0][i], dst.Aleatoric[0][i] = v, 1, 0.1
	}
	return nil
}

func (walkers) Members() int { return 2 }

func (w walkers) PredictMember(dst *safex.Prediction, member []int, x, u num.Batch) error {
	w.Predict(dst, x, u)
	for i, k := range member {
		dst.Mean[0][i] += float64(2*k - 1)
		dst.Epistemic[0][i] = 0
	}
	return nil
}

// loner is no committee.
type loner struct{}

func (loner) Predict(dst *safex.Prediction, x, u num.Batch) error {
	return walkers{}.Predict(dst, x, u)
}

// After T steps the variance is known: 0, T ς², T (σ² + ς²), T (1 + ς²) for a new member at each step, and
// T² + T ς² for one that stays.
func TestPropagation(t *testing.T) {
	s, err := safex.Task{
		Name: "walk", Dt: 1, Steps: 1, Start: safex.StartAt(0),
		State: []safex.Var{{Name: "x", Scale: 1}}, Action: []safex.Var{{Name: "u", Scale: 1}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0])} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	const n, steps = 4000, 9
	x, u := num.NewBatch(1, n), num.NewBatch(steps, n)
	for how, want := range map[safex.Propagation]float64{
		safex.ByMean: 0, safex.ByNoisyMean: steps * 0.01, safex.ByDistribution: steps * 1.01, safex.TS1: steps * 1.01, safex.TSInf: steps*steps + steps*0.01,
	} {
		states, err := how.Propagate(context.Background(), s, walkers{}, x, u, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		var square float64
		for _, v := range states[steps-1] {
			square += v * v / n
		}
		// The relative deviation of a variance from n draws is √(2/n) = 2 %, less for TSInf.
		if math.Abs(square-want) > 0.1*want {
			t.Errorf("%v: a variance of %v after %d steps, want %v", how, square, steps, want)
		}
		few := num.NewBatch(1, 3)
		some, err := how.Propagate(context.Background(), s, walkers{}, few, num.NewBatch(steps, 3), rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		for k := range some {
			if !reflect.DeepEqual(some[k], states[k][:3]) {
				t.Errorf("%v: a lane depends on how many there are", how)
			}
		}
		text, _ := how.MarshalText()
		var back safex.Propagation
		if err := back.UnmarshalText(text); err != nil || back != how {
			t.Errorf("%v came back as %v, %v", how, back, err)
		}
	}
	if _, err := safex.TS1.Propagate(context.Background(), s, loner{}, x, u, rng.New(1)); err == nil || !strings.Contains(err.Error(), "has none") {
		t.Errorf("members of a loner: error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := safex.ByMean.Propagate(ctx, s, loner{}, x, u, rng.New(1)); err != context.Canceled {
		t.Errorf("cancelled: error %v", err)
	}
}
