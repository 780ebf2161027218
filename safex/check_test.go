package safex_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// A slip in a formula is found with its line, before any training.
func ExampleCheck() {
	kettle := safex.Task{
		Name: "kettle", Dt: 1, Steps: 60, Start: safex.StartAt(20),
		State:  []safex.Var{{Name: "temperature", Unit: "°C", Scale: 30}},
		Action: []safex.Var{{Name: "heat", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			heat := u[0].Add(1).Mul(2)
			return num.Vec{x[0].Add(heat).Sub(x[0].Sub(25).Sqrt())} // meant Abs().Sqrt()
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(80).Abs().Neg() },
		Limits: []safex.Limit{{Name: "boiling", Unit: "°C", Max: 99, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}
	fmt.Print(safex.Check(kettle))
	// Output:
	// task "kettle" has a problem
	//   problem  step 0 of an episode: the next temperature is NaN (sqrt at check_test.go:22) at temperature 20, heat -0.6428
}

// Each mistake is found and named, and a good task is let through.
func TestCheck(t *testing.T) {
	good := safex.Check(ferry())
	if !good.OK() || len(good.Warnings) > 0 || len(good.Facts) != 2 || !strings.Contains(good.String(), `task "ferry" can be used`) {
		t.Errorf("of a good task: %s", good)
	}
	calls := 0.0
	for _, c := range []struct {
		name    string
		spoil   func(*safex.Task)
		problem bool
		want    string
	}{
		{"dimension", func(t *safex.Task) { t.Next = func(x, u num.Vec) num.Vec { return x[:1] } }, true, "Next returns 1 dimensions, State names 2"},
		{"index", func(t *safex.Task) { t.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0], x[2]} } }, true, "Next panics: runtime error: index out of range"},
		{"index of a limit", func(t *safex.Task) {
			t.Limits[0].Of = func(x, u, next num.Vec) num.Expr { return next[2] }
		}, true, `limit "wake" panics: runtime error: index out of range`},
		{"all at once", func(t *safex.Task) { t.Dt, t.Steps = 0, 0 }, true, "Steps is 0, want 1 to 1e7"},
		{"NaN", func(t *safex.Task) {
			next := t.Next
			t.Next = func(x, u num.Vec) num.Vec {
				n := next(x, u)
				return num.Vec{n[0], n[1].Add(x[0].Sub(18).Sqrt().Mul(0))}
			}
		}, true, "(sqrt at check_test.go:"},
		{"start beyond a limit", func(t *safex.Task) { t.Start = safex.StartAt(20, 3) }, true, `a start state is beyond limit "wake" by 1 m/s`},
		{"some starts beyond a limit", func(t *safex.Task) {
			t.Start = func(x []float64, r *rand.Rand) { x[0], x[1] = 20, 2.1*r.Float64() }
		}, true, `a start state is beyond limit "wake" by`},
		{"start out of its own range", func(t *safex.Task) { t.State[0].Min, t.State[0].Max = 0, 10 }, true, "Start: distance is 20, outside its own range of 0 to 10"},
		{"start of the wrong size", func(t *safex.Task) { t.Start = func(x []float64, _ *rand.Rand) { x[2] = 1 } }, true, "Start panics: runtime error: index out of range"},
		{"far from 0", func(t *safex.Task) {
			t.Start = safex.StartAt(4e12, 0)
		}, false, "distance reaches 4e+12, where numbers differ by 0.00049 m at least, and its Scale is 10"},
		{"a limit without a Scale", func(t *safex.Task) {
			t.Limits[0].Max, t.Limits[0].Of = 1e-6, func(x, u, next num.Vec) num.Expr { return next[1].Mul(1e-7) }
		}, false, `limit "wake" is about 1e-06 m/s and has no Scale`},
		{"a raw angle", func(t *safex.Task) {
			t.State = []safex.Var{{Name: "angle", Scale: 1}, {Name: "speed", Scale: 1}}
			t.Next = func(x, u num.Vec) num.Vec {
				return num.Vec{x[0].Add(u[0].Add(x[0].Mul(2).Sin().Mul(0.1))).Add(0.3), x[1]}
			}
			t.Reward = func(x, u, next num.Vec) num.Expr { return next[0].Cos() }
			t.Start, t.Steps = safex.StartAt(0, 0), 60
		}, false, "and Next takes its sine or cosine: a learner does not know that a turn of 2π changes nothing; keep its cosine and sine in the state"},
		{"a wrapped angle", func(t *safex.Task) {
			t.State = []safex.Var{{Name: "angle", Scale: 1}, {Name: "speed", Scale: 1}}
			t.Next = func(x, u num.Vec) num.Vec {
				turned := x[0].Add(u[0].Mul(0.1)).Add(0.3)
				return num.Vec{turned.Sub(turned.Div(2 * math.Pi).Round().Mul(2 * math.Pi)), x[1]}
			}
			t.Start, t.Steps = safex.StartAt(0, 0), 60
		}, false, "in a step, as an angle does that is wrapped: a learner would have to learn the jump; keep its cosine and sine in the state"},
		{"an action of a state", func(t *safex.Task) { t.State[0].RandomCenter = 0.5 }, true, "RandomCenter is 0.5, want an action in [-1, 1], or 0"},
		{"leaves its own range", func(t *safex.Task) { t.State[0].Min, t.State[0].Max = 19, 21 }, false, "of an episode: distance is"},
		{"no angle", func(t *safex.Task) { t.Angles = []safex.Angle{{Name: "theta", Sin: 0, Cos: 1}} }, true, "which are no sine and cosine of the angle theta"},
		{"ignores the action", func(t *safex.Task) {
			t.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0].Sub(x[1].Mul(0.5)), x[1].Mul(0.9)} }
		}, true, "Next ignores the action thrust: no next state depends on it"},
		{"multiplies it by 0", func(t *safex.Task) {
			t.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0].Sub(x[1].Mul(0.5)), x[1].Add(u[0].Mul(x[1]))} }
		}, true, "Next ignores the action thrust: it changed no next state"},
		{"another function each time", func(t *safex.Task) {
			t.Next = func(x, u num.Vec) num.Vec {
				calls++
				return num.Vec{x[0].Add(calls * 1e-3), x[1].Add(u[0])}
			}
		}, true, "Next is another function each time"},
		{"random reward", func(t *safex.Task) {
			t.Reward = func(x, u, next num.Vec) num.Expr { return next[0].Mul(rand.Float64()) }
		}, true, "Reward or a limit is another function each time"},
		{"random start", func(t *safex.Task) { t.Start = func(x []float64, _ *rand.Rand) { x[0], x[1] = 20+rand.Float64(), 0 } }, true, "for the same random numbers: draw from the *rand.Rand"},
		{"constant limit", func(t *safex.Task) { t.Limits[0].Of = func(x, u, next num.Vec) num.Expr { return num.Lit(1) } }, true, `limit "wake" is a constant`},
		{"late limit", func(t *safex.Task) { t.Limits[0].Of = func(x, u, next num.Vec) num.Expr { return x[1] } }, false, "looks at the state before the step alone"},
		{"no limits", func(t *safex.Task) { t.Limits = nil }, false, "there are no limits"},
		{"constant reward", func(t *safex.Task) { t.Reward = func(x, u, next num.Vec) num.Expr { return num.Lit(1) } }, false, "Reward is a constant"},
		{"constant state", func(t *safex.Task) {
			next := t.Next
			t.Next = func(x, u num.Vec) num.Vec { return num.Vec{num.Lit(20), next(x, u)[1]} }
		}, false, "the next distance is a constant"},
		{"scale too large", func(t *safex.Task) { t.State[1].Scale = 1e4 }, false, "learners would hardly see it"},
		{"scale too small", func(t *safex.Task) { t.State[0].Scale = 0.1 }, false, "Scale not its typical size?"},
		{"tight limit", func(t *safex.Task) { t.Limits[0].Max = 0.1 }, false, `broke limit "wake" in`},
		{"NaN nearby", func(t *safex.Task) {
			t.Reward = func(x, u, next num.Vec) num.Expr { // a hole in the plane of the state
				return x[0].Sub(21.5).Square().Add(x[1].Sub(1.9).Square()).Sub(0.5).Sqrt()
			}
		}, false, "it was not met, but an agent that is still learning may think of it"},
		{"goal of no steps", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Of: func(x num.Vec) num.Expr { return x[0] }}
		}, true, `Goal "pier": want a Name`},
		{"index of a goal", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Steps: 1, Of: func(x num.Vec) num.Expr { return x[2] }}
		}, true, "Goal panics: runtime error: index out of range"},
		{"constant goal", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Steps: 1, Of: func(x num.Vec) num.Expr { return num.Lit(1) }}
		}, true, "Goal is a constant: no action leads there"},
		{"random goal", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Steps: 1, Of: func(x num.Vec) num.Expr { return x[0].Mul(rand.Float64()) }}
		}, true, "Goal is another function each time"},
		{"NaN at the start", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Steps: 1, Of: func(x num.Vec) num.Expr { return x[1].Sub(1).Sqrt() }}
		}, true, "step 0 of an episode: Goal is NaN (sqrt at check_test.go:"},
		{"NaN of a goal nearby", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Steps: 1, Of: func(x num.Vec) num.Expr {
				return x[0].Sub(21.5).Square().Add(x[1].Sub(1.9).Square()).Sub(0.5).Sqrt()
			}}
		}, false, "Goal is NaN (sqrt at check_test.go:"},
		{"disturbance", func(t *safex.Task) { t.Disturbances = []safex.Disturbance{{Kind: safex.Impulse, On: "wind"}} }, true, `the task has no "wind"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := ferry()
			c.spoil(&task)
			r := safex.Check(task)
			found := r.Warnings
			if c.problem {
				found = r.Problems
			}
			if !strings.Contains(strings.Join(found, "\n"), c.want) || r.OK() == c.problem {
				t.Errorf("problem %v, want %q in\n%s", c.problem, c.want, r)
			}
		})
	}
}

// A task that leaves the real numbers in an episode is told apart from one that does at once.
func TestCheckEpisode(t *testing.T) {
	task := ferry()
	task.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0].Sub(0.5), u[0].Add(x[0].Sub(10).Log().Mul(1e-6))} }
	r := safex.Check(task)
	if r.OK() || !strings.Contains(r.Problems[0], "of an episode: the next speed is -Inf (log at check_test.go:") {
		t.Errorf("%s", r)
	}
}

// A room may be heated and not cooled: random actions around the harmless one keep its limit, where those around 0 break it.
func TestRandomCenter(t *testing.T) {
	room := safex.Task{
		Name: "room", Dt: 60, Steps: 60, Start: safex.StartAt(0),
		State:  []safex.Var{{Name: "warmth", Unit: "K", Scale: 5}},
		Action: []safex.Var{{Name: "heat", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			return num.Vec{x[0].Mul(0.99).Add(u[0].Add(1).Mul(0.1))}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Sub(3).Abs().Neg() },
		Limits: []safex.Limit{{Name: "hot", Unit: "K", Max: 4, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}
	const broken = "random steps from the start broke limit"
	if text := safex.Check(room).String(); !strings.Contains(text, broken) || !strings.Contains(text, "RandomCenter") {
		t.Errorf("around half the power: %s", text)
	}
	room.Action[0].RandomAmplitude, room.Action[0].RandomCenter = 0.3, -1
	if text := safex.Check(room).String(); strings.Contains(text, broken) {
		t.Errorf("around none: %s", text)
	}
	s, err := room.System()
	if err != nil {
		t.Fatal(err)
	}
	for _, draw := range []float64{-1, -0.5, 0, 1} {
		if got, want := s.Gentle(0, draw), max(-1, -1+0.3*draw); got != want {
			t.Errorf("the draw %v is the action %v, want %v", draw, got, want)
		}
	}
}
