// Package filtertest holds safex.Filter implementations to their laws.
package filtertest

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Case is what a Filter is asked to keep safe: plans of a System under a Model, from some states.
type Case struct {
	System *safex.System
	Model  safex.Model
	Engine safex.Engine
	Beta   float64     // of the plans; 0 leaves it to the Filter
	Starts [][]float64 // where walks begin; of some, at least, the Filter must be able to prove something
	Steps  int         // of a walk
}

// Laws checks that f keeps c to what a Filter promises: what is executed has a Cover; what a plan becomes depends on the query alone; the plan
// that is handed in stays as it was; a cancelled context is heard; and, whatever the planner wants and the model errs by in its box, and whatever the noise that
// the task declares, a covered step is followed by covered steps alone, and none of them breaks a limit.
func Laws(t *testing.T, f safex.Filter, c Case) {
	t.Helper()
	g, err := f.Guard(c.System, c.Model)
	if err != nil {
		t.Fatal(err)
	}
	roll, err := c.Engine.Rollout(c.System, c.Model)
	if err != nil {
		t.Fatal(err)
	}
	w := &walker{Case: c, guard: g, roll: roll}
	t.Run("cancelled", func(t *testing.T) {
		fresh, err := f.Guard(c.System, c.Model)
		if err != nil {
			t.Fatal(err)
		}
		q, p := w.query(t, c.Starts[0], nil, nil, rng.New(1))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := fresh.Keep(ctx, q, p); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled context gives the error %v", err)
		}
	})
	t.Run("walks", func(t *testing.T) {
		other, err := f.Guard(c.System, c.Model)
		if err != nil {
			t.Fatal(err)
		}
		w.walks(t, other)
	})
}

type walker struct {
	Case
	guard safex.Guard
	roll  safex.Rollout
}

// horizon is that of the plans.
const horizon = 8

// query is a plan of random actions, pushes of a few steps that go far, from the state x.
func (w *walker) query(t *testing.T, x, last []float64, previous *safex.Plan, src rng.Stream) (safex.Query, *safex.Plan) {
	t.Helper()
	r := src.Rand()
	nx, nu := len(w.System.State), len(w.System.Action)
	q := safex.Query{System: w.System, Rollout: w.roll, State: x, Episode: 1, Previous: previous, LastAction: last}
	p := &safex.Plan{Beta: w.Beta}
	c := safex.Candidates{State: x, LastAction: last, Actions: num.NewBatch(horizon*nu, 2), Eta: num.NewBatch(horizon*nx, 2), Beta: w.Beta}
	for k := range nu {
		push := math.Copysign(1, r.Float64()-0.5)
		for h := range horizon {
			if k == 0 {
				p.Actions = append(p.Actions, make([]float64, nu))
				p.Eta = append(p.Eta, make([]float64, nx))
			}
			if r.IntN(4) == 0 {
				push = 2*r.Float64() - 1
			}
			p.Actions[h][k] = push
			c.Actions[h*nu+k][0], c.Actions[h*nu+k][1] = push, push
		}
	}
	var o safex.Rolled
	if err := w.roll.Roll(t.Context(), &o, c, nil); err != nil {
		t.Fatal(err)
	}
	p.Expected, p.Worst = o.Trajectory(w.System, c, 0), o.Trajectory(w.System, c, 1)
	p.Bound, p.Feasible = p.Worst.WorstExcess(len(w.System.Limits)), p.Worst.Violations() == 0
	return q, p
}

// same reports how the plan that p became differs from what a Filter may make of it, and from what it makes of it again.
func (w *walker) same(t *testing.T, other safex.Guard, q safex.Query, p, was, got *safex.Plan) {
	t.Helper()
	if !reflect.DeepEqual(p, was) {
		t.Fatal("the plan that was handed in has changed")
	}
	if !slices.Contains(safex.Covers(), got.Cover) {
		t.Fatalf("a step is covered by %q, want one of %v", got.Cover, safex.Covers())
	}
	if got.Cover == safex.CoverTail && (q.Previous == nil || len(q.Previous.Tail) == 0) {
		t.Fatal("a tail is executed, and the plan before has none")
	}
	own := slices.Equal(got.Actions[0], p.Actions[0])
	if (got.Cover == safex.CoverPlanned || got.Cover == safex.CoverKernel) && !own {
		t.Fatalf("the plan's own action %v is covered by %q, and %v is executed", p.Actions[0], got.Cover, got.Actions[0])
	}
	if d := got.Expected.Actions[0]; !slices.Equal(d, got.Actions[0]) {
		t.Fatalf("the plan executes %v, and what it expects is of %v", got.Actions[0], d)
	}
	for _, u := range got.Actions {
		for _, v := range u {
			if !(v >= -1 && v <= 1) {
				t.Fatalf("an action is %v", u)
			}
		}
	}
	again, err := other.Keep(t.Context(), q, p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, again) {
		t.Fatal("the same plan, model and state have become different plans")
	}
}

// walks takes a system whose errors are at vertices of the box, held for a while, through steps that the filter lets pass.
func (w *walker) walks(t *testing.T, other safex.Guard) {
	counts := map[safex.Cover]int{}
	covered := 0
	for i := range w.Starts {
		src := rng.New(100).At(i)
		r, noise := src.Child("errors").Rand(), src.Child("noise").Rand()
		x := slices.Clone(w.Starts[i])
		last := make([]float64, len(w.System.Action))
		var previous *safex.Plan
		η := make([]float64, len(x))
		sure := false
		for at := range w.Steps {
			q, p := w.query(t, x, last, previous, src.At(at))
			got, err := w.guard.Keep(t.Context(), q, p)
			if err != nil {
				t.Fatal(err)
			}
			counts[got.Cover]++
			_, was := w.query(t, x, last, previous, src.At(at))
			w.same(t, other, q, p, was, got)
			if sure && !got.Cover.Covered() {
				t.Fatalf("walk %d: step %d at %v is covered by nothing, and the step before was", i, at, x)
			}
			if at == 0 && got.Cover.Covered() {
				covered++
			}
			sure = got.Cover.Covered()
			if r.IntN(3) == 0 {
				for d := range η {
					η[d] = math.Copysign(1, r.Float64()-0.5)
				}
			}
			next := w.next(t, x, got.Actions[0], η)
			for d, v := range w.System.NoiseBox() { // anywhere in it, and mostly at its end
				next[d] += v * max(-1, min(1, 3*(2*noise.Float64()-1)))
			}
			_, excess := w.System.Score(x, got.Actions[0], next, last)
			for k, e := range excess {
				if sure && !(e <= 0) {
					t.Fatalf("walk %d: step %d from %v is covered by %q, and exceeds limit %q by %v", i, at, x, got.Cover, w.System.Limits[k].Name, e)
				}
			}
			x, last, previous = next, got.Actions[0], got
		}
	}
	t.Logf("steps by cover: %v", counts)
	if counts[safex.CoverBackup]+counts[safex.CoverTail]+counts[safex.CoverNone] == 0 {
		t.Error("no plan was replaced: choose starts from which some break a limit")
	}
	if covered == 0 {
		t.Error("nothing is proved of any start: choose others")
	}
}

// next is the state after x under the model error η.
func (w *walker) next(t *testing.T, x, u, η []float64) []float64 {
	t.Helper()
	xs, us := num.NewBatch(len(x), 1), num.NewBatch(len(u), 1)
	xs.SetPoint(0, x)
	us.SetPoint(0, u)
	var said safex.Prediction
	if err := w.Model.Predict(&said, xs, us); err != nil {
		t.Fatal(err)
	}
	next := make([]float64, len(x))
	for d := range next {
		const inner = 0.999 // what networks that predict in float32 may round by is outside
		next[d] = said.Mean[d][0] + inner*w.Beta*said.Epistemic[d][0]*η[d]
	}
	return next
}
