package safex_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// told is a task that expects what is written.
func told(t *testing.T, task safex.Task, texts ...string) safex.Task {
	t.Helper()
	for _, text := range texts {
		var e safex.Expectation
		if err := e.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if e.String() != text {
			t.Errorf("%q is read, and written as %q", text, e)
		}
		task.Expected = append(task.Expected, e)
	}
	return task
}

// A deviation becomes the box that normal noise stays in for an episode, a bound that of itself, and an angle that of its sine and cosine.
func TestExpectations(t *testing.T) {
	s := compile(t, told(t, wheel(), "process omega 0.05", "process theta within 0.01", "process omega within 0.5", "observation omega 0.02", "delay 2", "delay 1"))
	reach := math.Sqrt(2 * math.Log(2*2*51/safex.NoiseMiss))
	near := func(what string, got []float64, want ...float64) {
		for d := range want {
			if math.Abs(got[d]-want[d]) > 1e-12 {
				t.Errorf("%s is %v, want %v", what, got, want)
			}
		}
	}
	near("the box of noise", s.NoiseBox(), 0.01, 0.01, 0.5+0.05*reach)
	near("the box of what is seen", s.SeenBox(), 0, 0, 0.02*reach)
	near("the variance", s.NoiseVariance(), 1e-4, 1e-4, 0.05*0.05+0.25+2*0.02*0.02)
	if s.Delay() != 3 {
		t.Errorf("a delay of %d steps, want 3", s.Delay())
	}
	if p := compile(t, wheel()); p.NoiseBox() != nil || p.SeenBox() != nil || p.NoiseVariance() != nil || p.Delay() != 0 {
		t.Error("a task that declares nothing expects something")
	}
	if a, b := s.Fingerprint(), compile(t, wheel()).Fingerprint(); len(a) != len(b)+6 {
		t.Errorf("6 expectations make %d traits more", len(a)-len(b))
	}
}

// Normal noise of a declared deviation leaves its box in few episodes: in no more than NoiseMiss of them, and in some.
func TestNoiseBox(t *testing.T) {
	task := told(t, wheel("process omega 0.05"), "process omega 0.05")
	s := compile(t, task)
	const episodes = 2000
	out := 0
	for i := range episodes {
		_, tr := ride(t, task, uint64(i), task.Steps, none)
		before := 0.0
		for _, v := range speeds(tr) {
			if math.Abs(v-before) > s.NoiseBox()[2] {
				out++
				break
			}
			before = v
		}
	}
	if out == 0 || float64(out) > safex.NoiseMiss*episodes {
		t.Errorf("noise left its box in %d of %d episodes, want some and at most %v", out, episodes, safex.NoiseMiss*episodes)
	}
}

// What cannot be told is refused in a sentence that says what can.
func TestBadExpectations(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "too short",
		"impulse omega 1":         "nothing that an agent can be told",
		"gusts omega 1":           "nothing that an agent can be told",
		"process omega":           "a number is missing",
		"process omega 1 from 2":  "too many",
		"process omega within":    "no number",
		"process omega nothing":   "no number",
		"process omega NaN":       "no number",
		"process omega outside 1": "too many",
	} {
		var e safex.Expectation
		if err := e.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"delay STEPS"`) {
			t.Errorf("%q gives %v, want %q and what is right", text, err, want)
		}
	}
	for want, e := range map[string]safex.Expectation{
		"alone":                           {Kind: safex.Impulse, On: "omega", Size: 1},
		"at least 0":                      {Kind: safex.ProcessNoise, On: "omega", Size: -1},
		"whole number of steps":           {Kind: safex.Delay, Size: 1.5},
		"no action would ever":            {Kind: safex.Delay, Size: 50},
		"name theta":                      {Kind: safex.ProcessNoise, On: "sin", Size: 1},
		"name the variables of the state": {Kind: safex.ProcessNoise, On: "left", Size: 1},
		`no "speed", but theta, omega`:    {Kind: safex.ObservationNoise, On: "speed", Size: 1},
	} {
		task := wheel()
		task.Expected = []safex.Expectation{e}
		if _, err := task.System(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v gives %v, want %q", e, err, want)
		}
	}
}

// With a delay that is declared and happens, an action is recorded in the step that it takes effect in: each step is the task's own with that action, and is judged
// by it.
func TestDeclaredDelay(t *testing.T) {
	push := func(t int) float64 { return math.Sin(float64(1 + t)) }
	s, tr := ride(t, told(t, wheel("delay 2"), "delay 2"), 1, 20, push)
	last := []float64{0, 0}
	for i, u := range tr.Actions {
		want := 0.0
		if i >= 2 {
			want = push(i - 2)
		}
		next, reward, excess := s.Step(tr.States[i], u)
		if u[0] != want || !slices.Equal(next, tr.States[i+1]) || reward != tr.Rewards[i] || excess[0] != tr.Excess[i][0] || tr.Excess[i][1] != math.Abs(u[0]-last[0])-0.5 {
			t.Fatalf("step %d: action %v, want %v; %v, want %v; excess %v", i, u, want, tr.States[i+1], next, tr.Excess[i])
		}
		last = u
	}
	if len(tr.Pending) != 2 || tr.Pending[0][0] != push(18) || tr.Pending[1][0] != push(19) {
		t.Errorf("pending is %v", tr.Pending)
	}
	// What happens does not depend on what is declared.
	for _, texts := range [][]string{nil, {"delay 1"}, {"delay 5"}} {
		if _, other := ride(t, told(t, wheel("delay 2"), texts...), 1, 20, push); !slices.Equal(speeds(other), speeds(tr)) {
			t.Errorf("told %v, the speeds are %v, want %v", texts, speeds(other), speeds(tr))
		}
	}
}

// recorded is a Rollout that keeps what it was asked, and has a gradient of 1 everywhere.
type recorded struct {
	safex.Rollout
	asked *safex.Candidates
}

func (r recorded) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	*r.asked = c
	dst.GradAction = num.NewBatch(len(c.Actions), c.Actions.Len())
	for _, column := range dst.GradAction {
		for i := range column {
			column[i] = 1
		}
	}
	return nil
}

// A query with pending actions has them in front of every plan, whatever is asked, and nothing is to be gained by changing them.
func TestPending(t *testing.T) {
	s := compile(t, told(t, wheel(), "delay 2"))
	var asked, byMember safex.Candidates
	q := safex.Query{
		System: s, Rollout: recorded{asked: &asked}, State: []float64{0, 1, 0}, Pending: [][]float64{{0.1, 0.2}, {0.3, 0.4}},
		Members: 1, Member: func(int) (safex.Rollout, error) { return recorded{asked: &byMember}, nil },
	}
	if err := q.Expect(nil); err != nil {
		t.Fatal(err)
	}
	own := num.NewBatch(8, 3)
	for k, column := range own {
		for i := range column {
			column[i] = -float64(k) / 10
		}
	}
	member, err := q.Member(0)
	if err != nil {
		t.Fatal(err)
	}
	for who, r := range map[string]safex.Rollout{"the model": q.Rollout, "a member": member} {
		var out safex.Rolled
		if err := r.Roll(t.Context(), &out, safex.Candidates{State: q.State, Actions: own}, &safex.Scalarisation{Reward: 1}); err != nil {
			t.Fatal(err)
		}
		got := asked
		if who == "a member" {
			got = byMember
		}
		for k, want := range []float64{0.1, 0.2, 0.3, 0.4, -0.4, -0.5, -0.6, -0.7} {
			gradient := 1.0
			if k < 4 {
				gradient = 0
			}
			if got.Actions[k][2] != want || out.GradAction[k][1] != gradient || own[k][0] != -float64(k)/10 {
				t.Errorf("%s: action %d is %v with a gradient of %v, want %v and %v; the planner's own is %v", who, k, got.Actions[k][2], out.GradAction[k][1], want, gradient, own[k][0])
			}
		}
	}
	p := &safex.Plan{Actions: [][]float64{{1, 1}, {1, 1}, {0.5, 0.6}}}
	held, err := q.Hold(p)
	if err != nil || !slices.Equal(held.Actions[1], []float64{0.3, 0.4}) || p.Actions[0][0] != 1 || !slices.Equal(q.Command(held), []float64{0.5, 0.6}) {
		t.Errorf("held is %v of %v, error %v", held, p, err)
	}
	if _, err := q.Hold(&safex.Plan{Actions: p.Actions[:2]}); err == nil || !strings.Contains(err.Error(), "longer horizon") {
		t.Errorf("a plan that never acts gives %v", err)
	}
}

// Random actions go through the same delay.
func TestSimulateDelay(t *testing.T) {
	s := compile(t, told(t, wheel("delay 2"), "delay 2"))
	e, err := s.Simulate(s.ConstantPolicy(0.5, -0.5), rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for i, u := range e.Actions {
		if want := 0.5 * float64(min(1, i/2)); u[0] != want || u[1] != -want {
			t.Errorf("step %d has %v, want %v", i, u, want)
		}
	}
}

// A start that is not known moves the next state by no more than what a query says, and by that much at a corner where the mean is linear; noise of what is seen comes to
// that, and noise of the state.
func TestSeenNoise(t *testing.T) {
	s := compile(t, told(t, ferry(), "observation distance within 0.5", "observation speed within 0.2", "process speed within 0.1"))
	mean := exact{s}
	seen, u := []float64{20, 1}, []float64{0.3}
	got, err := s.SeenNoise(mean, seen, u)
	if err != nil {
		t.Fatal(err)
	}
	at, _, _ := s.Step(seen, u)
	r := rng.New(1).Rand()
	most := []float64{0, 0}
	for i := range 200 {
		x := []float64{20 + 0.5*(2*r.Float64()-1), 1 + 0.2*(2*r.Float64()-1)}
		if i < 4 {
			x = []float64{20 + 0.5*float64(2*(i/2)-1), 1 + 0.2*float64(2*(i%2)-1)}
		}
		next, _, _ := s.Step(x, u)
		for d := range next {
			most[d] = max(most[d], math.Abs(next[d]-at[d]))
		}
	}
	for d, own := range []float64{0.5, 0.2 + 0.1} {
		if want := most[d] + own; math.Abs(got[d]-want) > 1e-9 {
			t.Errorf("dimension %d may be seen off by %v, want %v", d, got[d], want)
		}
	}
	var asked safex.Candidates
	q := safex.Query{System: s, Rollout: recorded{asked: &asked}, State: seen}
	if err := q.Expect(mean); err != nil {
		t.Fatal(err)
	}
	var out safex.Rolled
	if err := q.Rollout.Roll(t.Context(), &out, safex.Candidates{State: seen, Actions: num.NewBatch(3, 2)}, nil); err != nil {
		t.Fatal(err)
	}
	for d, v := range asked.Spread {
		if math.Abs(v-most[d]) > 1e-9 {
			t.Errorf("a plan's first step errs by %v more, want %v", asked.Spread, most)
			break
		}
	}
	if off, err := compile(t, ferry()).SeenNoise(mean, seen, u); off != nil || err != nil {
		t.Errorf("without noise it is %v, error %v", off, err)
	}
}

// exact is a model without doubt.
type exact struct{ s *safex.System }

func (m exact) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(len(x), x.Len())
	for i := range x.Len() {
		next, _, _ := m.s.Step(x.Point(i), u.Point(i))
		dst.Mean.SetPoint(i, next)
	}
	return nil
}
