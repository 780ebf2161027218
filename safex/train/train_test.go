package train_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// cart is a point on a line that is pushed, and must stay below 1.
func cart() safex.Task {
	return safex.Task{
		Name: "cart", Dt: 0.1, Steps: 20,
		Start:  func(x []float64, r *rand.Rand) { x[0] = 0.1 * r.Float64() },
		State:  []safex.Var{{Name: "x", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Mul(0.1))} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}
}

// notes is a Learner whose model is how much data it saw, an Engine, and a Planner whose action
// depends on everything that it is told.
type notes struct {
	fits *[]int // transitions at each fit
	fail func(fit int) error
}

type seen struct {
	notes
	n    int
	prev *seen
}

func (n notes) Learn(ctx context.Context, s *safex.System, d *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if n.fail != nil {
		if err := n.fail(len(*n.fits)); err != nil {
			return nil, err
		}
	}
	*n.fits = append(*n.fits, d.Len())
	m := &seen{notes: n, n: d.Len()}
	m.prev, _ = prev.(*seen)
	return m, ctx.Err()
}

func (*seen) Predict(*safex.Prediction, num.Batch, num.Batch) error { return nil }

func (n notes) Rollout(_ *safex.System, m safex.Model) (safex.Rollout, error) { return m.(*seen), nil }

func (*seen) Roll(context.Context, *safex.Rolled, safex.Candidates, *safex.Scalarisation) error {
	return nil
}

func (n notes) Plan(_ context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	u := math.Tanh(src.Rand().NormFloat64() + float64(q.Rollout.(*seen).n)/100 + q.State[0])
	if q.Previous != nil {
		u = (u + q.Previous.Actions[0][0]) / 2
	}
	tr := safex.Trajectory{States: [][]float64{q.State, {q.State[0] + 0.1*u}}, Excess: [][]float64{{q.State[0] - 1}}}
	return &safex.Plan{Actions: [][]float64{{u}}, Expected: tr, Worst: tr, Feasible: true}, nil
}

func agent(t *testing.T, task safex.Task) (train.Agent, *[]int) {
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	n := notes{fits: &[]int{}}
	return train.Agent{System: s, Learner: n, Engine: n, Planner: n, RandomSteps: 10, LearnEvery: 7, Seed: 3}, n.fits
}

// steps are the numbers of a run that must not depend on how it was executed.
func steps(e safex.Episode) safex.Episode {
	for i := range e.Forecasts {
		e.Forecasts[i].Millis = 0
	}
	e.Fits = nil
	return e
}

func all(t *testing.T, a train.Agent, n int) (episodes []safex.Episode) {
	for e, err := range a.Episodes(context.Background(), n) {
		if err != nil {
			t.Fatal(err)
		}
		episodes = append(episodes, steps(e))
	}
	return episodes
}

// The random phase is episode 0, and every step counts; fits come at the start of each episode and
// every LearnEvery steps within.
func TestEpisodes(t *testing.T) {
	a, fits := agent(t, cart())
	episodes := all(t, a, 2)
	if len(episodes) != 3 || episodes[0].Phase != safex.RandomPhase || len(episodes[0].Actions) != 10 || len(episodes[1].Actions) != 20 || episodes[2].Phase != safex.PlannedPhase {
		t.Fatalf("%d episodes", len(episodes))
	}
	if want := []int{10, 17, 24, 30, 37, 44}; !reflect.DeepEqual(*fits, want) {
		t.Errorf("fits at %v transitions, want %v", *fits, want)
	}
	a, fits = agent(t, cart())
	a.LearnEvery = 0
	all(t, a, 2)
	if want := []int{10, 30}; !reflect.DeepEqual(*fits, want) {
		t.Errorf("fits at %v transitions, want %v", *fits, want)
	}
}

// counting is notes that keep which violations they were told of, and push to break the wall.
type counting struct {
	notes
	told *[][]int
}

func (c counting) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	*c.told = append(*c.told, q.Violations)
	p, err := c.notes.Plan(ctx, q, src)
	if err == nil {
		p.Actions = [][]float64{{1}}
	}
	return p, err
}

// A planner is told how many steps broke a limit in each planned episode before, from the beginning and after a stop: not of random
// steps, nor of those under way. An evaluation is told of the episode that it follows, too.
func TestViolationsAreTold(t *testing.T) {
	a, _ := agent(t, cart())
	c := counting{a.Planner.(notes), new([][]int)}
	a.Planner = c
	var broken []int
	for _, e := range all(t, a, 3)[1:] {
		broken = append(broken, e.Violations())
	}
	if broken[0] == 0 {
		t.Fatal("no step broke a limit: the test needs some")
	}
	whole := *c.told
	for i, told := range whole {
		if want := broken[:i/20]; !slices.Equal(told, want) {
			t.Fatalf("plan %d is told of %v, want %v", i, told, want)
		}
	}
	for st, err := range a.Steps(context.Background(), &train.State{}, 2) {
		if err != nil {
			t.Fatal(err)
		}
		if st.Over && st.Episode.Phase == safex.PlannedPhase {
			*c.told = nil
			if _, err := a.Evaluate(context.Background(), st, train.Evaluation{System: a.System, Planner: c}); err != nil {
				t.Fatal(err)
			}
			for _, told := range *c.told {
				if want := broken[:st.Episode.Number]; !slices.Equal(told, want) {
					t.Fatalf("an evaluation after episode %d is told of %v, want %v", st.Episode.Number, told, want)
				}
			}
		}
	}
	for _, stop := range []int{5, 25, 30, 45} {
		*c.told = nil
		var s train.State
		taken := 0
		for st, err := range a.Steps(context.Background(), &train.State{}, 3) {
			if err != nil {
				t.Fatal(err)
			}
			if taken++; taken == stop {
				s = train.State{ // what a folder keeps
					Episode: st.Episode, Over: st.Over, Data: st.Data, Model: st.Model, Base: st.Base, Previous: st.Previous,
					Fits: st.Fits, Fitted: st.Fitted, Updated: st.Updated, Reach: st.Reach, Explorations: st.Explorations,
				}
				break
			}
		}
		for _, err := range a.Steps(context.Background(), &s, 3) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if !reflect.DeepEqual(*c.told, whole) {
			t.Errorf("stopped after %d steps, plans are told of %v, want %v", stop, *c.told, whole)
		}
	}
}

// One seed is one run, another seed another; breaking out of the loop is allowed.
func TestSameSeedSameRun(t *testing.T) {
	a, _ := agent(t, cart())
	first := all(t, a, 2)
	if !reflect.DeepEqual(first, all(t, a, 2)) {
		t.Error("the same seed gave two runs")
	}
	a.Seed++
	if other := all(t, a, 2); reflect.DeepEqual(first[0], other[0]) || reflect.DeepEqual(first[1].States[0], other[1].States[0]) {
		t.Error("two seeds gave one run")
	}
	for e, err := range a.Episodes(context.Background(), 5) {
		if err != nil || e.Number > 0 {
			t.Fatalf("episode %d, error %v", e.Number, err)
		}
		break
	}
}

// A run that is stopped after any step, and goes on from its State, takes the same steps.
func TestGoesOn(t *testing.T) {
	a, _ := agent(t, cart())
	whole := all(t, a, 2)
	for stop := 1; stop < 50; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		s, taken := &train.State{}, 0
		var got []safex.Episode
		for st, err := range a.Steps(ctx, s, 2) {
			if errors.Is(err, context.Canceled) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if st.Over {
				got = append(got, steps(st.Episode))
			}
			if taken++; taken == stop {
				cancel()
			}
		}
		if n := s.Data.Len(); n != stop {
			t.Fatalf("%d steps after a stop at %d", n, stop)
		}
		for st, err := range a.Steps(context.Background(), s, 2) {
			if err != nil {
				t.Fatal(err)
			}
			if st.Over {
				got = append(got, steps(st.Episode))
			}
		}
		cancel()
		if !reflect.DeepEqual(got, whole) {
			t.Fatalf("stopped after %d steps, the run goes on otherwise", stop)
		}
	}
}

// A fit that fails leaves the State sound: the step is not taken, and can be tried again.
func TestFailedFit(t *testing.T) {
	a, _ := agent(t, cart())
	whole := all(t, a, 1)
	broken, failed := errors.New("broken"), false
	n := a.Learner.(notes)
	n.fits = &[]int{}
	n.fail = func(fit int) error {
		if fit == 1 && !failed {
			failed = true
			return broken
		}
		return nil
	}
	a.Learner = n
	s, errs := &train.State{}, 0
	for _, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			if errs++; !errors.Is(err, broken) || !strings.Contains(err.Error(), "episode 1, step 7") {
				t.Errorf("error %v", err)
			}
		}
	}
	if errs != 1 {
		t.Fatalf("a failed fit gave %d errors", errs)
	}
	for st, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if st.Over && !reflect.DeepEqual(steps(st.Episode), whole[1]) {
			t.Error("after a failed fit the run goes on otherwise")
		}
	}
}

// Violations count from the first random step on, and a system that leaves the real numbers ends the run.
func TestTrouble(t *testing.T) {
	task := cart()
	task.Limits[0].Max = 0.12
	a, _ := agent(t, task)
	if e := all(t, a, 0)[0]; e.Violations() == 0 || e.Phase != safex.RandomPhase {
		t.Errorf("%d violations of a tight limit under random pushes", e.Violations())
	}
	task = cart()
	task.Next = func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Sub(0.9).Neg().Sqrt())} } // NaN above 0.9
	a, _ = agent(t, task)
	for e, err := range a.Episodes(context.Background(), 20) {
		if err != nil {
			if !strings.Contains(err.Error(), "the task left the real numbers") || len(e.Forecasts) != len(e.Actions) && e.Phase == safex.PlannedPhase {
				t.Errorf("error %v after %d steps and %d forecasts", err, len(e.Actions), len(e.Forecasts))
			}
			return
		}
	}
	t.Error("a NaN state did not end the run")
}

// Settings without a part, and a start beyond a limit, are refused.
func TestRefuses(t *testing.T) {
	a, _ := agent(t, cart())
	a.RandomSteps = 0
	for _, err := range a.Episodes(context.Background(), 1) {
		if err == nil || !strings.Contains(err.Error(), "RandomSteps is 0") {
			t.Errorf("error %v", err)
		}
	}
	task, bad := cart(), false // good until the task is checked
	task.Start = func(x []float64, r *rand.Rand) {
		x[0] = 0
		if bad {
			x[0] = 2
		}
	}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	a.System, a.RandomSteps, bad = s, 10, true
	state := &train.State{}
	for range 2 { // refused as well the second time
		errs := 0
		for _, err := range a.Steps(context.Background(), state, 1) {
			if errs++; err == nil || !strings.Contains(err.Error(), `a start state is beyond limit "wall"`) {
				t.Errorf("error %v", err)
			}
		}
		if errs != 1 || state.Data != nil {
			t.Errorf("%d errors, data %v after a refused start", errs, state.Data)
		}
	}
}

// learning is notes that takes in every step, and asks for a box of as many deviations as it knows transitions.
type learning struct{ notes }

type wide struct{ *seen }

func (w wide) Beta() float64 { return float64(w.n) }

func (wide) Predict(dst *safex.Prediction, x, _ num.Batch) error {
	dst.Resize(len(x), x.Len())
	for i, v := range x[0] {
		dst.Epistemic[0][i] = v * v
	}
	return nil
}

func (l learning) Learn(ctx context.Context, s *safex.System, d *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	m, err := l.notes.Learn(ctx, s, d, nil, src)
	return wide{m.(*seen)}, err
}

func (l learning) Update(_ context.Context, _ *safex.System, d *safex.Data, m safex.Model) (safex.Model, error) {
	if w := m.(wide); d.Len() != w.n+1 {
		panic("an update of more or less than a step")
	}
	return wide{&seen{notes: l.notes, n: d.Len()}}, nil
}

func (l learning) Rollout(_ *safex.System, m safex.Model) (safex.Rollout, error) {
	return m.(wide).seen, nil
}

// asked is a Planner that keeps what it was asked.
type asked struct {
	notes
	betas *[]float64
}

func (a asked) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	*a.betas = append(*a.betas, q.Beta)
	return a.notes.Plan(ctx, q, src)
}

// A Learner that can takes in every step between two fits, its β reaches the planner, data know their
// episodes, and a step beyond all that was known at the last fit is out of distribution.
func TestTakesInEveryStep(t *testing.T) {
	a, fits := agent(t, cart())
	l, betas := learning{a.Learner.(notes)}, []float64{}
	a.Learner, a.Engine, a.Planner = l, l, asked{l.notes, &betas}
	var last train.State
	var out, in int
	for s, err := range a.Steps(context.Background(), &train.State{}, 2) {
		if err != nil {
			t.Fatal(err)
		}
		last = *s
		if n := len(s.Episode.Forecasts); n > 0 {
			at := s.Episode.States[n-1][0]
			reach := 0.0
			for _, v := range s.Data.X[0][:s.Fitted] {
				reach = max(reach, v*v)
			}
			if s.Reach[0] != reach {
				t.Fatalf("a reach of %v after a fit to deviations of up to %v", s.Reach[0], reach)
			}
			if f := s.Episode.Forecasts[n-1]; f.OutOfDistribution != (at*at > s.Reach[0]) || f.Epistemic[0] != at*at {
				t.Fatalf("at %v with a reach of %v: %+v", at, s.Reach, f)
			} else if f.OutOfDistribution {
				out++
			} else {
				in++
			}
		}
	}
	if out == 0 || in == 0 {
		t.Errorf("%d steps outside and %d inside: the test tests nothing", out, in)
	}
	for i, b := range betas {
		if int(b) != a.RandomSteps+i {
			t.Fatalf("plan %d was asked for %v deviations", i, b)
		}
	}
	if want := []int{10, 17, 24, 30, 37, 44}; !reflect.DeepEqual(*fits, want) {
		t.Errorf("fits at %v transitions, want %v", *fits, want)
	}
	if want := [][2]int{{0, 10}, {10, 30}, {30, 50}}; !reflect.DeepEqual(last.Data.Episodes(), want) {
		t.Errorf("episodes %v, want %v", last.Data.Episodes(), want)
	}
}
