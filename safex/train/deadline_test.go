package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// drift is a Learner and its Model, which knows how the cart moves with an epistemic deviation of 0.02 everywhere.
type drift struct{}

func (d drift) Learn(context.Context, *safex.System, *safex.Data, safex.Model, rng.Stream) (safex.Model, error) {
	return d, nil
}

func (drift) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(1, x.Len())
	for i := range x[0] {
		dst.Mean[0][i], dst.Epistemic[0][i] = x[0][i]+0.1*u[0][i], 0.02
	}
	return nil
}

// patient plans three steps. Of the calls that are late it waits for the deadline, if there is one, and then answers as it is told.
type patient struct {
	calls *int
	late  func(call int) bool
	then  func(p *safex.Plan, over error) (*safex.Plan, error)
}

func (p patient) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	call, r := *p.calls, src.Rand()
	*p.calls++
	a := &safex.Plan{Beta: 2, Feasible: true, Bound: []float64{-1}, Eta: [][]float64{{1}, {0.5}, {-1}}, Counterexamples: [][]float64{{1, 0.5, -1}, {1}}, Member: 1}
	for range 3 {
		a.Actions = append(a.Actions, []float64{0.2 * r.Float64()})
	}
	a.Expected.States = [][]float64{q.State, {q.State[0] + 0.1*a.Actions[0][0]}}
	if _, ok := ctx.Deadline(); !ok || !p.late(call) {
		return a, nil
	}
	<-ctx.Done()
	return p.then(a, ctx.Err())
}

// hurried is an agent with a Deadline whose Planner is late as it is told.
func hurried(t *testing.T, d time.Duration, late func(call int) bool, then func(*safex.Plan, error) (*safex.Plan, error)) train.Agent {
	s, err := cart().System()
	if err != nil {
		t.Fatal(err)
	}
	p := patient{new(int), late, then}
	return train.Agent{System: s, Learner: drift{}, Engine: rollout.NewStepwise(), Planner: p, RandomSteps: 10, Seed: 3, Deadline: d}
}

func third(call int) bool { return call >= 2 }

// A plan that is ready by the Deadline is what it is without one; of one that is cut short the best so far is executed; and one whose
// planner does not listen is late, and nothing else.
func TestDeadline(t *testing.T) {
	want := all(t, hurried(t, 0, nil, nil), 1)
	for _, c := range []struct {
		name      string
		deadline  time.Duration
		then      func(*safex.Plan, error) (*safex.Plan, error)
		late, cut bool
	}{
		{"in time", time.Hour, nil, false, false},
		{"best so far", time.Millisecond, func(p *safex.Plan, over error) (*safex.Plan, error) { return p, over }, true, true},
		{"best so far, wrapped", time.Millisecond, func(p *safex.Plan, over error) (*safex.Plan, error) {
			return p, fmt.Errorf("stopped: %w", over)
		}, true, true},
		{"deaf", time.Millisecond, func(p *safex.Plan, _ error) (*safex.Plan, error) { return p, nil }, true, false},
	} {
		late := third
		if c.then == nil {
			late = func(int) bool { return false }
		}
		got := all(t, hurried(t, c.deadline, late, c.then), 1)
		for i := range got[1].Forecasts {
			f := &got[1].Forecasts[i]
			if !late(i) { // whether these are is the machine's affair
				f.Late = false
			}
			if expected := late(i); f.Late != (expected && c.late) || f.Cut != (expected && c.cut) || !f.Feasible {
				t.Errorf("%s: plan %d is late: %v, cut: %v, feasible: %v", c.name, i, f.Late, f.Cut, f.Feasible)
			}
			f.Late, f.Cut = false, false
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the steps are others than without a Deadline", c.name)
		}
	}
}

// Where the Deadline comes before there is any plan, the rest of the last one is executed, and then its last action; it says what the
// model believes of that, and is not feasible.
func TestDeadlineBeforeAnyPlan(t *testing.T) {
	a := hurried(t, time.Millisecond, third, func(_ *safex.Plan, over error) (*safex.Plan, error) { return nil, over })
	var before *safex.Plan
	for s, err := range a.Steps(context.Background(), &train.State{}, 1) {
		if err != nil {
			t.Fatal(err)
		}
		i := len(s.Episode.Forecasts) - 1
		if i < 0 {
			continue
		}
		f, last := s.Episode.Forecasts[i], s.Previous
		if !third(i) {
			before = last
			continue
		}
		if !f.Late || !f.Cut || f.Feasible || last.Feasible {
			t.Fatalf("plan %d is late: %v, cut: %v, feasible: %v", i, f.Late, f.Cut, f.Feasible)
		}
		later := func(steps [][]float64) [][]float64 { return [][]float64{steps[1], steps[2], steps[2]} }
		if !reflect.DeepEqual(last.Actions, later(before.Actions)) || !reflect.DeepEqual(last.Eta, later(before.Eta)) || last.Beta != 2 || last.Member != 1 {
			t.Fatalf("plan %d is %v under %v after %v under %v", i, last.Actions, last.Eta, before.Actions, before.Eta)
		}
		if !slices.Equal(s.Episode.Actions[i], before.Actions[1]) {
			t.Fatalf("action %d is %v, want that of the plan before, %v", i, s.Episode.Actions[i], before.Actions[1])
		}
		x := s.Episode.States[i][0]
		mean, worst, bound := x, x, math.Inf(-1)
		for step, u := range last.Actions {
			mean, worst = mean+0.1*u[0], worst+0.1*u[0]+2*0.02*last.Eta[step][0]
			bound = max(bound, mean-1, worst-1)
			if math.Abs(last.Expected.States[step+1][0]-mean) > 1e-12 || math.Abs(last.Worst.States[step+1][0]-worst) > 1e-12 {
				t.Fatalf("plan %d leads to %v and at worst to %v, want %v and %v", i, last.Expected.States[step+1], last.Worst.States[step+1], mean, worst)
			}
		}
		if math.Abs(f.Worst[0]-bound) > 1e-12 || !slices.Equal(f.Mean, last.Expected.States[1]) || len(last.Counterexamples) != 1 || !slices.Equal(last.Counterexamples[0], slices.Concat(last.Eta...)) {
			t.Fatalf("plan %d foresees %v and at worst %v, want %v; it knows the errors %v", i, f.Mean, f.Worst, bound, last.Counterexamples)
		}
		before = last
	}
}

// At the start of an episode there is no plan to fall back on: the error says so, and the State is sound.
func TestDeadlineWithoutAPlan(t *testing.T) {
	a := hurried(t, time.Millisecond, func(int) bool { return true }, func(_ *safex.Plan, over error) (*safex.Plan, error) { return &safex.Plan{}, over })
	s := &train.State{}
	var failed error
	for _, err := range a.Steps(context.Background(), s, 1) {
		failed = err
	}
	if failed == nil || !strings.Contains(failed.Error(), "episode 1, step 0") || !strings.Contains(failed.Error(), "no plan by the Deadline of 1ms") || strings.Contains(failed.Error(), "\n") {
		t.Errorf("error %v", failed)
	}
	a.Deadline = 0
	for _, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := all(t, a, 1)[1]; !reflect.DeepEqual(steps(s.Episode), want) {
		t.Error("after a plan that came to nothing the run goes on otherwise")
	}
}

// What is not the Deadline's error is one, with a plan or without; and a context that ends in the meantime does not reach the planner.
func TestDeadlineOfOthers(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		deadline time.Duration
		err      error
	}{"broken": {time.Millisecond, broken}, "another deadline": {time.Hour, context.DeadlineExceeded}} {
		a := hurried(t, c.deadline, third, nil)
		p := a.Planner.(patient)
		p.then = func(p *safex.Plan, _ error) (*safex.Plan, error) { return p, c.err }
		if a.Planner = p; c.deadline == time.Hour {
			a.Planner = failing{p, c.err}
		}
		var failed error
		for _, err := range a.Steps(context.Background(), &train.State{}, 1) {
			failed = err
		}
		if !errors.Is(failed, c.err) {
			t.Errorf("%s: error %v", name, failed)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := hurried(t, time.Hour, third, nil)
	a.Planner = cancelling{a.Planner, cancel}
	s := &train.State{}
	for _, err := range a.Steps(ctx, s, 1) {
		if err != nil && err != context.Canceled {
			t.Error(err)
		}
	}
	if len(s.Episode.Forecasts) != 1 || s.Episode.Forecasts[0].Cut {
		t.Errorf("%d plans after one in which the run was cancelled", len(s.Episode.Forecasts))
	}
	a.Deadline = -1
	for _, err := range a.Steps(context.Background(), &train.State{}, 1) {
		if err == nil || !strings.Contains(err.Error(), "Deadline is -1ns") {
			t.Errorf("error %v", err)
		}
	}
}

// failing answers with a plan and an error.
type failing struct {
	safex.Planner
	err error
}

func (f failing) Plan(_ context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	p, _ := f.Planner.Plan(context.Background(), q, src)
	return p, f.err
}

// cancelling cancels while it plans.
type cancelling struct {
	safex.Planner
	cancel context.CancelFunc
}

func (c cancelling) Plan(ctx context.Context, q safex.Query, src rng.Stream) (*safex.Plan, error) {
	c.cancel()
	p, _ := c.Planner.Plan(context.Background(), q, src)
	return p, ctx.Err()
}

// A planner of this library that would plan for ever hands over its best so far at every step.
func TestDeadlineOfAnEndlessSearch(t *testing.T) {
	s, err := cart().System()
	if err != nil {
		t.Fatal(err)
	}
	search, p := opt.DefaultICEM(), plan.DefaultPessimistic()
	search.Iterations = 1e4
	p.Horizon, p.Search = 8, search
	a := train.Agent{System: s, Learner: rollout.Oracle{}, Engine: rollout.NewAuto(), Planner: p, RandomSteps: 10, Seed: 1, Deadline: 20 * time.Millisecond}
	for e, err := range a.Episodes(context.Background(), 1) {
		if err != nil && strings.Contains(err.Error(), "no plan by the Deadline") {
			t.Skip("the machine has no 20 ms for a plan")
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range e.Forecasts {
			if !f.Cut || !f.Late {
				t.Errorf("plan %d of an endless search is cut: %v, late: %v", i, f.Cut, f.Late)
			}
		}
		if n := e.Violations(); n > 0 {
			t.Errorf("%d steps beyond the wall", n)
		}
	}
}
