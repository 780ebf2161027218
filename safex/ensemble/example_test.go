package ensemble_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// door is a heavy door with a motor, which is damped by its closer.
var door = safex.Task{
	Name: "door", Dt: 0.2, Steps: 100, Start: safex.StartAt(0, 0),
	State:  []safex.Var{{Name: "angle", Unit: "rad", Scale: 1}, {Name: "speed", Unit: "rad/s", Scale: 1}},
	Action: []safex.Var{{Name: "motor", Scale: 0.6}},
	Next: func(x, u num.Vec) num.Vec {
		v := x[1].Add(u[0].Sub(x[1]).Sub(x[0].Sin()).Mul(0.2))
		return num.Vec{x[0].Add(v.Mul(0.2)), v}
	},
	Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(1).Abs().Neg() },
}

// moved are the transitions of an episode of random actions.
func moved(s *safex.System) (*safex.Data, error) {
	episode, err := s.Simulate(s.RandomPolicy(false, rng.New(1)), rng.New(1))
	if err != nil {
		return nil, err
	}
	data := &safex.Data{}
	for t, u := range episode.Actions {
		data.Append(episode.States[t], u, episode.States[t+1])
	}
	return data, nil
}

// small are five networks that learn in a moment.
func small() ensemble.Ensemble {
	e := ensemble.Default()
	e.Hidden, e.MinSteps, e.MaxSteps = []int{16, 16}, 200, 400
	return e
}

// Learns a door that hardly moved so far: where it was the members agree, and where it never was they do not.
func ExampleEnsemble() {
	s, err := door.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := moved(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := small().Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	x, u := num.Batch{{0, 2}, {0, -2}}, num.Batch{{0, 0}} // two points: closed and at rest, and wide open and falling shut
	var p safex.Prediction
	if err := m.Predict(&p, x, u); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("less certain where it never was:", p.Epistemic[1][1] > 3*p.Epistemic[1][0])
	// Output: less certain where it never was: true
}

// Keeps a model on disk: what is read back predicts the same bits.
func ExampleEnsemble_Save() {
	s, err := door.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data, err := moved(s)
	if err != nil {
		fmt.Println(err)
		return
	}
	e := small()
	m, err := e.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	file, err := e.Save(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	back, err := e.Load(s, file)
	if err != nil {
		fmt.Println(err)
		return
	}
	var p, q safex.Prediction
	if err := errors.Join(m.Predict(&p, data.X, data.U), back.Predict(&q, data.X, data.U)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the same bits:", reflect.DeepEqual(p, q))
	// Output: the same bits: true
}
