package safex_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// wheel turns by its speed, which is pushed by two motors: an angle, a plain dimension and two actions.
func wheel(disturb ...string) safex.Task {
	t := safex.Task{
		Name: "wheel", Dt: 0.1, Steps: 50, Start: safex.StartAt(0, 1, 0),
		State:  []safex.Var{{Name: "sin", Scale: 0.7}, {Name: "cos", Scale: 0.7}, {Name: "omega", Unit: "rad/s", Scale: 1}},
		Action: []safex.Var{{Name: "left", Scale: 0.6}, {Name: "right", Scale: 0.6}},
		Angles: []safex.Angle{{Name: "theta", Sin: 0, Cos: 1}},
		Next: func(x, u num.Vec) num.Vec {
			ω := x[2].Add(u[0].Add(u[1].Mul(2)).Mul(0.1))
			θ := num.Atan2(x[0], x[1]).Add(ω.Mul(0.1))
			return num.Vec{θ.Sin(), θ.Cos(), ω}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[1] },
		Limits: []safex.Limit{
			{Name: "speed", Unit: "rad/s", Max: 2, Of: func(x, u, next num.Vec) num.Expr { return next[2].Abs() }},
			{Name: "jerk", Max: 0.5, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }},
		},
	}
	for _, text := range disturb {
		var d safex.Disturbance
		if err := d.UnmarshalText([]byte(text)); err != nil {
			panic(err)
		}
		t.Disturbances = append(t.Disturbances, d)
	}
	return t
}

// ride takes the wheel through n steps whose left action is push(t), and the right one 0.
func ride(t *testing.T, task safex.Task, seed uint64, n int, push func(t int) float64) (*safex.System, safex.Trajectory) {
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	tr := s.Begin([]float64{0, 1, 0}, rng.New(seed))
	for i := range n {
		if err := s.Advance(&tr, []float64{push(i), 0}, rng.New(seed)); err != nil {
			t.Fatal(err)
		}
	}
	return s, tr
}

func none(int) float64 { return 0 }

// speeds are the real speeds of the wheel after each step.
func speeds(tr safex.Trajectory) (v []float64) {
	states := tr.Real
	if states == nil {
		states = tr.States
	}
	for _, x := range states[1:] {
		v = append(v, x[2])
	}
	return v
}

// Without disturbances, an episode is Step after Step, and the last action is that of the step before.
func TestAdvance(t *testing.T) {
	push := func(t int) float64 { return math.Sin(float64(t)) }
	s, tr := ride(t, wheel(), 1, 20, push)
	x, last := []float64{0, 1, 0}, []float64{0, 0}
	for i, u := range tr.Actions {
		next, reward, excess := s.Step(x, u)
		if !slices.Equal(next, tr.States[i+1]) || reward != tr.Rewards[i] || excess[0] != tr.Excess[i][0] {
			t.Fatalf("step %d: %v, reward %v, excess %v; want %v, %v, %v", i, tr.States[i+1], tr.Rewards[i], tr.Excess[i], next, reward, excess)
		}
		if excess[1] != -0.5 {
			t.Fatalf("a Step by itself has no rate, got the excess %v", excess[1])
		}
		if want := math.Abs(u[0]-last[0]) - 0.5; tr.Excess[i][1] != want {
			t.Fatalf("step %d: the rate's excess is %v, want %v", i, tr.Excess[i][1], want)
		}
		x, last = next, u
	}
	if tr.Real != nil || s.Noisy() {
		t.Error("real states apart from those seen, without noise")
	}
}

// What each kind does, on an action and on a state.
func TestDisturbances(t *testing.T) {
	for _, c := range []struct {
		disturb string
		push    func(t int) float64
		want    func(t int) float64 // speed after step t
	}{
		{"impulse omega 0.7 from 0.5", none, func(t int) float64 { return 0.7 * float64(min(1, (t+1)/6)) }},
		{"impulse left 0.7 from 0.5", none, func(t int) float64 { return 0.07 * float64(min(1, (t+1)/6)) }},
		{"step omega 0.5", none, func(t int) float64 { return 0.5 * 0.1 * float64(t+1) }},
		{"step right 0.5 from 0.2 until 0.4", none, func(t int) float64 { return 0.1 * float64(min(2, max(0, t-1))) }},
		{"step omega 1 from 0.2 until 0.4", none, func(t int) float64 { return 0.1 * float64(min(2, max(0, t-1))) }},
		{"periodic omega 2 every 0.4", none, func(t int) float64 { return 0.2 * []float64{0, 1, 1, 0}[t%4] }},
		{"periodic left 2 every 0.4 from 0.1", none, func(t int) float64 {
			if t == 0 {
				return 0
			}
			return 0.2 * []float64{0, 1, 1, 0}[(t-1)%4]
		}},
		{"delay 3", func(t int) float64 { return float64(t+1) / 100 }, func(t int) float64 {
			n := float64(max(0, t-2))
			return 0.1 * n * (n + 1) / 2 / 100
		}},
		{"delay 0", func(int) float64 { return 0.2 }, func(t int) float64 { return 0.02 * float64(t+1) }},
	} {
		_, tr := ride(t, wheel(c.disturb), 1, 12, c.push)
		for i, v := range speeds(tr) {
			if math.Abs(v-c.want(i)) > 1e-12 {
				t.Errorf("%s: speed %v after step %d, want %v", c.disturb, v, i, c.want(i))
				break
			}
		}
		for i, u := range tr.Actions {
			if u[0] != c.push(i) {
				t.Errorf("%s: the agent's action %v is recorded as %v", c.disturb, c.push(i), u[0])
			}
		}
	}
}

// Noise has the deviation asked for, keeps an angle an angle, and is a stream of its own.
func TestNoise(t *testing.T) {
	const n = 4000
	deviation := func(v []float64) float64 { return stat.StdDev(v, nil) }
	_, tr := ride(t, wheel("process omega 0.3"), 1, n, none)
	v := speeds(tr)
	steps := []float64{v[0]}
	for i := range v[1:] {
		steps = append(steps, v[i+1]-v[i])
	}
	if d := deviation(steps); math.Abs(d-0.3) > 0.015 {
		t.Errorf("process noise of deviation %v, want 0.3", d)
	}
	_, tr = ride(t, wheel("process left 0.3"), 1, n, none)
	v = speeds(tr)
	steps = steps[:0]
	for i := range v[1:] {
		steps = append(steps, v[i+1]-v[i])
	}
	if d := deviation(steps); math.Abs(d-0.03) > 0.0015 {
		t.Errorf("noise of an action moves the speed by %v, want 0.03", d)
	}

	// What is seen is off by the noise; what is real is as without it.
	_, clean := ride(t, wheel(), 1, n, none)
	s, tr := ride(t, wheel("observation theta 0.1", "observation omega 0.2"), 1, n, none)
	if !s.Noisy() || len(tr.Real) != n+1 {
		t.Fatalf("%d real states", len(tr.Real))
	}
	var turned, off []float64
	for i, x := range tr.Real {
		if !slices.Equal(x, clean.States[i]) {
			t.Fatalf("step %d: the real state %v is not that without noise, %v", i, x, clean.States[i])
		}
		seen := tr.States[i]
		if r := math.Hypot(seen[0], seen[1]); math.Abs(r-1) > 1e-12 {
			t.Fatalf("noise moved the angle off the circle: %v", seen)
		}
		turned, off = append(turned, math.Remainder(math.Atan2(seen[0], seen[1])-math.Atan2(x[0], x[1]), 2*math.Pi)), append(off, seen[2]-x[2])
	}
	if a, b := deviation(turned), deviation(off); math.Abs(a-0.1) > 0.005 || math.Abs(b-0.2) > 0.01 {
		t.Errorf("observation noise of deviation %v and %v, want 0.1 and 0.2", a, b)
	}
	if c := stat.Correlation(turned, off, nil); math.Abs(c) > 0.06 {
		t.Errorf("two noises are correlated by %v", c)
	}

	// The same seed draws the same; one more disturbance changes nobody else's numbers.
	_, again := ride(t, wheel("observation theta 0.1", "observation omega 0.2", "process right 0.1"), 1, n, none)
	_, other := ride(t, wheel("observation theta 0.1", "observation omega 0.2"), 2, n, none)
	if a := again.States[0]; !slices.Equal(a, tr.States[0]) || slices.Equal(other.States[0], tr.States[0]) {
		t.Errorf("first seen %v, with another disturbance %v, with another seed %v", tr.States[0], a, other.States[0])
	}
}

// A violation is one of the real state, whatever is seen.
func TestViolationsAreReal(t *testing.T) {
	_, tr := ride(t, wheel("observation omega 50"), 1, 40, none)
	if n := tr.Violations(); n != 0 {
		t.Errorf("%d violations of a wheel that stands still", n)
	}
	_, tr = ride(t, wheel("impulse omega 3 from 1"), 1, 20, none)
	if n := tr.Violations(); n != 10 {
		t.Errorf("%d violations of a wheel that is pushed over its limit, want 10", n)
	}
}

func TestDisturbanceText(t *testing.T) {
	for _, text := range []string{"process omega 0.05", "observation theta 0.01", "impulse omega -1 from 3", "step left 0.2 from 2 until 5", "periodic omega 0.1 every 1.5 from 1e-07", "delay 2"} {
		var d safex.Disturbance
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != text {
			t.Errorf("%q reads as %q, error %v", text, d, err)
		}
		task := wheel(text)
		if _, err := task.System(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"":                            "it is too short",
		"wind omega 1":                `no kind "wind", but process, observation`,
		"impulse omega":               "a number is missing",
		"impulse omega x":             `"x" is no number`,
		"impulse omega NaN":           `"NaN" is no number`,
		"impulse omega 1 at 3":        `no word "at"`,
		"impulse omega 1 from":        "a number is missing",
		"impulse sped 1":              `the task has no "sped", but sin, cos, omega, left, right, theta`,
		"process sin 0.1":             "sin is the sine or cosine of an angle: disturb theta",
		"process omega -1":            "must not be negative",
		"observation left 1":          "left is an action, which the agent knows",
		"periodic omega 1":            "belongs to a periodic one, and to no other",
		"step omega 1 every 2":        "belongs to a periodic one, and to no other",
		"step omega 1 from 3 until 2": "times of at least 0 that rise",
		"delay 1.5":                   "whole number of steps",
		"delay -1":                    "whole number of steps",
		"delay 50":                    "no action would ever take effect",
		"impulse omega 1 from 5":      "it begins after the episode, which ends at 5 s",
		"impulse omega 1 until 2":     "an impulse has no end",
		"step omega 1 from 1 from 2":  `no word "from", or it comes twice`,
	} {
		task := wheel()
		d := safex.Disturbance{}
		err := d.UnmarshalText([]byte(text))
		if err == nil {
			task.Disturbances = []safex.Disturbance{d}
			_, err = task.System()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want one line with %q", text, err, want)
		}
	}
}

// A budget is spent by what is beyond, and a step violates once it is spent.
func TestBudgets(t *testing.T) {
	tr := safex.Trajectory{Excess: [][]float64{{-1, -1}, {0.5, 0}, {0.5, -1}, {0.25, -1}, {-1, 0.1}}}
	budget := []float64{1, 0}
	if got := tr.Violations(); got != 4 {
		t.Errorf("%d violations without a budget, want 4", got)
	}
	if got := tr.Violations(budget...); got != 2 {
		t.Errorf("%d violations, want those after the budget is spent and of the limit without one, 2", got)
	}
	if got := tr.Left(budget); !slices.Equal(got, []float64{0, 0}) {
		t.Errorf("%v is left", got)
	}
	tr.Excess = tr.Excess[:2]
	if got := tr.Left(budget); !slices.Equal(got, []float64{0.5, 0}) || !slices.Equal(budget, []float64{1, 0}) {
		t.Errorf("%v is left of %v", got, budget)
	}
	if tr.Left(nil) != nil {
		t.Error("something is left of no budgets")
	}
	task := wheel()
	if s, err := task.System(); err != nil || s.Budgets() != nil {
		t.Errorf("budgets %v, error %v", s.Budgets(), err)
	}
	task.Limits[0].Budget = 3
	if s, err := task.System(); err != nil || !slices.Equal(s.Budgets(), []float64{3, 0}) {
		t.Errorf("budgets %v, error %v", s.Budgets(), err)
	}
}

// An episode under a policy is one of the real system, and its actions are checked.
func TestSimulate(t *testing.T) {
	task := wheel("observation omega 0.1")
	task.Action[0].RandomAmplitude = 0.25
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Simulate(s.RandomPolicy(true, rng.New(1)), rng.New(2))
	if err != nil || len(e.Actions) != s.Steps || len(e.Real) != s.Steps+1 {
		t.Fatalf("%d actions and %d real states, error %v", len(e.Actions), len(e.Real), err)
	}
	left, right := 0.0, 0.0
	for _, u := range e.Actions {
		left, right = max(left, math.Abs(u[0])), max(right, math.Abs(u[1]))
	}
	if left > 0.25 || right < 0.8 {
		t.Errorf("gentle actions reach %v and %v, want 0.25 and 1", left, right)
	}
	again, err := s.Simulate(s.RandomPolicy(true, rng.New(1)), rng.New(2))
	if err != nil || again.Return() != e.Return() {
		t.Errorf("again the return is %v after %v", again.Return(), e.Return())
	}
	for _, c := range []struct {
		u    []float64
		want string
	}{{[]float64{1}, "has 1 dimensions, want 2"}, {[]float64{0, 1.5}, "right is 1.5, want it in [-1, 1]"}, {[]float64{math.NaN(), 0}, "left is NaN"}} {
		if _, err := s.Simulate(s.ConstantPolicy(c.u...), rng.New(2)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if e, err := s.Simulate(s.ConstantPolicy(), rng.New(2)); err != nil || e.Actions[3][0] != 0 {
		t.Errorf("actions %v, error %v", e.Actions[3], err)
	}
}
