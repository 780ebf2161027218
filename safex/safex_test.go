package safex_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// ferry is a task of two states: it must come to the pier without making a wake.
func ferry() safex.Task {
	return safex.Task{
		Name: "ferry", Dt: 0.5, Steps: 60, Start: safex.StartAt(20, 0),
		State:  []safex.Var{{Name: "distance", Unit: "m", Scale: 10}, {Name: "speed", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "thrust", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Sub(x[1].Mul(0.1)).Mul(0.5))
			return num.Vec{x[0].Sub(v.Mul(0.5)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Abs().Neg() },
		Limits: []safex.Limit{{Name: "wake", Unit: "m/s", Max: 2, Of: func(x, u, next num.Vec) num.Expr { return next[1] }}},
	}
}

func TestSystem(t *testing.T) {
	s, err := ferry().System()
	if err != nil {
		t.Fatal(err)
	}
	next, reward, excess := s.Step([]float64{20, 1}, []float64{1})
	if v := 1 + 0.5*(1-0.1); next[1] != v || next[0] != 20-0.5*v || reward != -math.Abs(next[0]) || excess[0] != v-2 {
		t.Errorf("stepped to %v, reward %v, excess %v", next, reward, excess)
	}
	if b, ok := s.Bound(0); !ok || b != (safex.Bound{State: 1, Upper: true}) {
		t.Errorf("Bound is %v, %v", b, ok)
	}
	s.Limits[0].Of = func(x, u, next num.Vec) num.Expr { return next[1].Sub(x[1]) }
	if b, ok := s.Bound(0); ok {
		t.Errorf("a rate is no bound on a state, got %v", b)
	}
}

// Each mistake in a task is one sentence that names it.
func TestSystemErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*safex.Task)
		want  string
	}{
		{"name", func(t *safex.Task) { t.Name = "The Ferry" }, "Name must be lower-case"},
		{"no state", func(t *safex.Task) { t.State = nil }, "State names 0 dimensions"},
		{"scale", func(t *safex.Task) { t.State[1].Scale = 0 }, `variable "speed": Scale is 0, want its typical size in "m/s"`},
		{"duplicate", func(t *safex.Task) { t.Action[0].Name = "speed" }, `two variables or angles are named "speed"`},
		{"dt", func(t *safex.Task) { t.Dt = 0 }, "Dt is 0 s"},
		{"steps", func(t *safex.Task) { t.Steps = 0 }, "Steps is 0"},
		{"no reward", func(t *safex.Task) { t.Reward = nil }, "Start, Next and Reward are required"},
		{"Next and a Plant", func(t *safex.Task) {
			t.Plant = safex.PlantFunc(func(context.Context, *safex.System) (safex.Plant, error) { return nil, nil })
		}, "Next and Plant are both set"},
		{"dimension", func(t *safex.Task) { t.Next = func(x, u num.Vec) num.Vec { return x[:1] } }, "Next returns 1 dimensions, State names 2"},
		{"index", func(t *safex.Task) { t.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0], x[2]} } }, "Next panics: runtime error: index out of range"},
		{"NaN dynamics", func(t *safex.Task) {
			t.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0], x[0].Div(x[1].Sub(x[1]))} }
		}, "first step: speed is +Inf (div at safex_test.go:"},
		{"NaN reward", func(t *safex.Task) {
			t.Reward = func(x, u, next num.Vec) num.Expr { return x[0].Neg().Sqrt() }
		}, "first step: the reward is NaN (sqrt at safex_test.go:"},
		{"start", func(t *safex.Task) { t.Start = safex.StartAt(20, 3) }, `a start state is beyond limit "wake" by 1 m/s (at most 2 is safe)`},
		{"NaN start", func(t *safex.Task) { t.Start = func(x []float64, _ *rand.Rand) { x[0] = math.NaN() } }, "Start: distance is NaN"},
		{"NaN goal", func(t *safex.Task) {
			t.Goal = &safex.Goal{Name: "pier", Steps: 1, Of: func(x num.Vec) num.Expr { return x[0].Neg().Sqrt() }}
		}, "first step: Goal is NaN (sqrt at safex_test.go:"},
		{"goal without Of", func(t *safex.Task) { t.Goal = &safex.Goal{Name: "pier", Steps: 1} }, `Goal "pier": want a Name`},
		{"negative Harmless", func(t *safex.Task) { t.State[1].Harmless = -0.1 }, `variable "speed": Harmless is -0.1, want an error of a state`},
		{"infinite Harmless", func(t *safex.Task) { t.State[0].Harmless = math.Inf(1) }, `variable "distance": Harmless is +Inf`},
		{"NaN Harmless", func(t *safex.Task) { t.State[0].Harmless = math.NaN() }, `variable "distance": Harmless is NaN`},
		{"Harmless action", func(t *safex.Task) { t.Action[0].Harmless = 0.1 }, `variable "thrust": Harmless is 0.1, want an error of a state`},
		{"limit without Of", func(t *safex.Task) { t.Limits[0].Of = nil }, `limit "wake": want either Of or Rate`},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := ferry()
			c.spoil(&task)
			_, err := task.System()
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, c.want)
			}
		})
	}
}

// What is harmless is a part of the task, and says nothing where nothing is.
func TestHarmlessFingerprint(t *testing.T) {
	of := func(harmless float64) string {
		task := ferry()
		task.State[1].Harmless = harmless
		s, err := task.System()
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.Fingerprint())
	}
	none, some := of(0), of(0.25)
	if strings.Contains(none, "harmless") || strings.Count(some, ", errors harmless to 0.25") != 1 || some == of(0.5) {
		t.Errorf("without what is harmless the task is\n%s\nand with it\n%s", none, some)
	}
}

// A barrier is 0 up to 0, rising and convex beyond.
func TestBarrierLaws(t *testing.T) {
	for b := safex.Relu; b <= safex.Huber; b++ {
		const h = 0.25
		for x := -5.0; x <= 5; x += h {
			y, up, upper := b.Of(x), b.Of(x+h), b.Of(x+2*h)
			switch {
			case x <= 0 && y != 0:
				t.Errorf("%v of %v is %v, want 0", b, x, y)
			case x >= 0 && !(up > y):
				t.Errorf("%v does not rise at %v", b, x)
			case upper-up < up-y-1e-12:
				t.Errorf("%v is not convex at %v", b, x)
			}
		}
		var again safex.Barrier
		if text, _ := b.MarshalText(); again.UnmarshalText(text) != nil || again != b {
			t.Errorf("%v does not survive its own text", b)
		}
	}
	if err := new(safex.Barrier).UnmarshalText([]byte("reluu")); err == nil {
		t.Error("reluu is a barrier")
	}
}

func TestObjective(t *testing.T) {
	first := safex.Objective{FeasibleFirst: true}
	// The worst reward within the limits beats the best beyond them, by however little.
	if !(first.Cost(-1e6, 0) < first.Cost(1e6, 1e-6)) {
		t.Error("a violation was bought with reward")
	}
	for _, reward := range []float64{1e-300, 1, 1e9, 1e30, 1e280} {
		for _, excess := range []float64{5e-324, 1e-30, 1e-12, 1, 1e30, 1e308} {
			if !(first.Cost(-reward, 0) < first.Cost(reward, excess)) {
				t.Errorf("a violation of %v was bought with a reward of %v", excess, reward)
			}
			if more := min(excess*(1+1e-9), math.MaxFloat64); more > excess && !(first.Cost(reward, excess) < first.Cost(reward, more)) {
				t.Errorf("of two excesses near %v, the larger one costs no more", excess)
			}
		}
		if !(first.Cost(reward, 0) < first.Cost(0, 0)) {
			t.Errorf("within the limits, a reward of %v costs no less than none", reward)
		}
	}
	if !math.IsNaN(first.Cost(1e281, 0)) {
		t.Error("a reward has a cost that no excess could exceed")
	}
	if !(first.Cost(0, 1) < first.Cost(100, 1.001)) {
		t.Error("of two infeasible candidates, the worse one won")
	}
	if got := (safex.Objective{Weight: 10, Barrier: safex.Relu, Budget: 1}).Cost(3, 1.5); got != 10*0.5-3 {
		t.Errorf("penalty cost %v", got)
	}
	if got := (safex.Objective{}).Cost(3, 100); got != -3 {
		t.Errorf("an objective without a price charges %v", got)
	}
	if got := first.Cost(3, math.Inf(-1)); got != -3 {
		t.Errorf("without limits the cost is %v", got)
	}
	for _, o := range []safex.Objective{{}, first, {Weight: 1}} {
		if !math.IsNaN(o.Cost(math.NaN(), 0)) || !math.IsNaN(o.Cost(0, math.NaN())) {
			t.Errorf("%v prices a NaN", o)
		}
	}
}

// A log barrier takes more the nearer a plan is to a limit, charges those that break one as before, and takes nothing where there is none.
func TestLogBarrier(t *testing.T) {
	o := safex.Objective{FeasibleFirst: true, LogBarrier: 0.5, Budget: 0.25}
	if got, want := o.Cost(3, -1.75), 0.5*-math.Log(2)-3; math.Abs(got-want) > 1e-15 {
		t.Errorf("two Scales before the limit the cost is %v, want %v", got, want)
	}
	last := math.Inf(-1)
	for _, excess := range []float64{-100, -1, 0, 0.1, 0.249, 0.25, 0.25 + 1e-9, 0.3, 10} {
		c := o.Cost(3, excess)
		if !(c > last) || math.IsInf(c, 1) {
			t.Errorf("with an excess of %v the cost is %v, and %v with less", excess, c, last)
		}
		last = c
	}
	if o.Cost(1e280, 0.2500001) != (safex.Objective{FeasibleFirst: true, Budget: 0.25}).Cost(1e280, 0.2500001) {
		t.Error("the barrier changes what breaks a limit")
	}
	if got := o.Cost(3, math.Inf(-1)); got != -3 {
		t.Errorf("without limits the cost is %v", got)
	}
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		o.LogBarrier = bad
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), "LogBarrier") {
			t.Errorf("a barrier of %v: error %v", bad, err)
		}
	}
}

// Violations are steps, not limits; a NaN is one.
func TestViolations(t *testing.T) {
	tr := safex.Trajectory{Excess: [][]float64{{-1, -1}, {0, 0}, {1, 2}, {-1, math.NaN()}}, Rewards: []float64{1, 2, 3, 4}}
	if got := tr.Violations(); got != 2 {
		t.Errorf("%d violations, want 2", got)
	}
	if got := tr.WorstExcess(2); got[0] != 1 || !math.IsNaN(got[1]) {
		t.Errorf("worst excess %v", got)
	}
	if tr.Return() != 10 {
		t.Errorf("return %v", tr.Return())
	}
}

func TestDataCheck(t *testing.T) {
	d := &safex.Data{}
	d.Append([]float64{1}, []float64{0}, []float64{2})
	d.Append([]float64{2}, []float64{0}, []float64{math.NaN()})
	if err := d.Check(); err == nil || !strings.Contains(err.Error(), "transition 1 of 2 holds NaN") {
		t.Errorf("Check returns %v", err)
	}
}

// A trajectory has reached the goal if its last steps all led there, in what really happened.
func TestReachedGoal(t *testing.T) {
	task := ferry()
	task.Goal = &safex.Goal{Name: "pier", Unit: "m", Max: 0.5, Steps: 2, Of: func(x num.Vec) num.Expr { return x[0].Abs() }}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := ferry().System()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		states []float64 // distances
		want   bool
	}{
		{[]float64{3, 0.5, -0.5}, true}, {[]float64{3, 0.6, 0}, false}, {[]float64{0, 0, 0.6}, false}, {[]float64{0, 0, 3, 0, 0}, true},
		{[]float64{0, 0}, false}, {[]float64{0, math.NaN(), 0}, false}, {[]float64{0}, false}, {nil, false},
	} {
		var tr, noisy safex.Trajectory
		for k, v := range c.states {
			if tr.States = append(tr.States, []float64{v, 0}); k > 0 {
				tr.Actions = append(tr.Actions, []float64{0})
			}
			noisy.States = append(noisy.States, []float64{9, 0})
		}
		noisy.Real, noisy.Actions = tr.States, tr.Actions
		if s.ReachedGoal(tr) != c.want || s.ReachedGoal(noisy) != c.want || bare.ReachedGoal(tr) {
			t.Errorf("over %v it reaches the goal: %v, seen through noise %v, without a Goal %v; want %v", c.states, s.ReachedGoal(tr), s.ReachedGoal(noisy), bare.ReachedGoal(tr), c.want)
		}
	}
}
