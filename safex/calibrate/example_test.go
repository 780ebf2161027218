package calibrate_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// buoy drifts in wind and waves, which no model foresees.
var buoy = safex.Task{
	Name: "buoy", Dt: 1, Steps: 200, Start: safex.StartAt(0),
	State:        []safex.Var{{Name: "place", Unit: "m", Scale: 1}},
	Action:       []safex.Var{{Name: "motor", Scale: 0.6}},
	Next:         func(x, u num.Vec) num.Vec { return num.Vec{x[0].Mul(0.9).Add(u[0].Mul(0.3))} },
	Reward:       func(x, u, next num.Vec) num.Expr { return next[0].Abs().Neg() },
	Disturbances: []safex.Disturbance{{Kind: safex.ProcessNoise, On: "place", Size: 0.05}},
}

// drift are the transitions of an episode of random actions.
func drift(s *safex.System, seed uint64) (*safex.Data, error) {
	episode, err := s.Simulate(s.RandomPolicy(false, rng.New(seed)), rng.New(seed))
	if err != nil {
		return nil, err
	}
	data := &safex.Data{}
	for t, u := range episode.Actions {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	return data, nil
}

// inside counts the transitions that a box of beta deviations around the mean of m holds.
func inside(m safex.Model, beta float64, data *safex.Data) (n int, err error) {
	var p safex.Prediction
	if err := m.Predict(&p, data.X, data.U); err != nil {
		return 0, err
	}
	for i, next := range data.Next[0] {
		if off := next - p.Mean[0][i]; max(off, -off) <= beta*p.Epistemic[0][i] {
			n++
		}
	}
	return n, nil
}

// Wraps a learner that does not know of the waves. Its box of 2 deviations holds next to nothing of what comes; the calibrated one
// says itself how wide it has to be, by held-out steps, and holds most of it.
func ExampleConformal() {
	s, err := buoy.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	seen, err := drift(s, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fresh, err := drift(s, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range []safex.Learner{linear.Default(), calibrate.DefaultConformal().With(linear.Default())} {
		m, err := l.Learn(context.Background(), s, seen, nil, rng.New(1))
		if err != nil {
			fmt.Println(err)
			return
		}
		beta := safex.BetaOf(m)
		if beta == 0 {
			beta = 2
		}
		n, err := inside(m, beta, fresh)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%T holds 9 of 10 new steps: %v\n", l, 10*n >= 9*fresh.Len())
	}
	// Output:
	// linear.Linear holds 9 of 10 new steps: false
	// calibrate.Conformal holds 9 of 10 new steps: true
}

// Tells how a model was calibrated.
func ExampleOf() {
	s, err := buoy.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := drift(s, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	c := calibrate.DefaultConformal()
	c.Miss = 0.1
	m, err := c.With(linear.Default()).Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	if how, ok := calibrate.Of(m); ok {
		fmt.Printf("%d held-out steps, of which the box promises to hold %.0f %%\n", len(how.Scores), 100*how.Level)
	}
	// Output: 40 held-out steps, of which the box promises to hold 90 %
}

// Widens the box as steps fall outside it: a storm comes up, and adaptive conformal inference answers.
func ExampleAdaptive() {
	s, err := buoy.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := drift(s, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, c := context.Background(), calibrate.DefaultAdaptive().With(linear.Default())
	calm, err := c.Learn(ctx, s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 10 {
		data.Append([]float64{0}, []float64{0}, []float64{0.5})
	}
	storm, err := c.Update(ctx, s, data, calm)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a wider box:", safex.BetaOf(storm) > safex.BetaOf(calm))
	// Output: a wider box: true
}
