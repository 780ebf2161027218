package train_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// forgetful plans a number of steps, and says nothing of what is pending. It keeps what it was asked.
type forgetful struct {
	steps int
	asked *[]safex.Query
}

func (p forgetful) Plan(_ context.Context, q safex.Query, _ rng.Stream) (*safex.Plan, error) {
	*p.asked = append(*p.asked, q)
	a := &safex.Plan{}
	for i := range p.steps {
		a.Actions = append(a.Actions, []float64{-1 + 0.01*float64(10*len(q.Past.Actions)+i)})
	}
	return a, nil
}

// late is an agent whose actions take effect two steps late, and who is told.
func late(t *testing.T, steps int) (train.Agent, *[]safex.Query) {
	task := cart()
	task.Disturbances = []safex.Disturbance{{Kind: safex.Delay, Size: 2}}
	task.Expected = []safex.Expectation{{Kind: safex.Delay, Size: 2}}
	a, _ := agent(t, task)
	p := forgetful{steps, &[]safex.Query{}}
	a.Planner = p
	return a, p.asked
}

// With a delay that is declared, the action that a plan has after what is pending is sent, whatever the planner makes of the first steps; a step is learned and
// recorded with the action that took effect in it, and the next plan starts from one that begins with what is pending.
func TestDelay(t *testing.T) {
	a, asked := late(t, 4)
	var last *train.State
	for s, err := range a.Steps(t.Context(), &train.State{}, 1) {
		if err != nil {
			t.Fatal(err)
		}
		last = s
	}
	e := last.Episode
	for i, u := range e.Actions {
		want := 0.0
		if i >= 2 {
			want = -1 + 0.01*float64(10*(i-2)+2)
		}
		if u[0] != want || e.Sent(i)[0] != -1+0.01*float64(10*i+2) {
			t.Errorf("step %d: %v took effect and %v was sent, want %v", i, u, e.Sent(i), want)
		}
		next, _, _ := a.System.Step(e.States[i], u)
		if row := 10 + i; last.Data.U[0][row] != u[0] || last.Data.X[0][row] != e.States[i][0] || e.States[i+1][0] != next[0] {
			t.Errorf("step %d is learned as that of %v, and went from %v to %v", i, last.Data.U[0][row], e.States[i], e.States[i+1])
		}
		q := (*asked)[i]
		if len(q.Pending) != 2 || q.Pending[0][0] != want || i > 0 && (q.LastAction[0] != e.Actions[i-1][0] || !slices.Equal(q.Previous.Actions[1], q.Pending[0]) || !slices.Equal(q.Previous.Actions[2], q.Pending[1])) {
			t.Errorf("step %d: pending is %v after %v, and the plan before has %v", i, q.Pending, q.LastAction, q.Previous)
		}
	}
	judged, _ := late(t, 4)
	judged.Prior = &seen{}
	for _, err := range judged.Steps(t.Context(), &train.State{}, 1) {
		if err == nil || !strings.Contains(err.Error(), "leave the Prior out") {
			t.Errorf("a prior that judges late steps gives %v", err)
		}
		break
	}
	short, _ := late(t, 2)
	var failed error
	for _, err := range short.Steps(t.Context(), &train.State{}, 1) {
		failed = err
	}
	if failed == nil || !strings.Contains(failed.Error(), "an action takes effect 2 steps late: a planner needs a longer horizon") {
		t.Errorf("a plan that never acts gives %v", failed)
	}
}

// A plant that repeats itself is sent again what it was sent, and goes on from there, with what has yet to take effect.
func TestPlantGoesOnLate(t *testing.T) {
	start := func() train.Agent {
		a := plantAgent(t, outside{repeats: true, counts: &counts{}})
		task := a.System.Task
		task.Expected = []safex.Expectation{{Kind: safex.Delay, Size: 2}}
		var err error
		if a.System, err = task.System(); err != nil {
			t.Fatal(err)
		}
		a.Planner = forgetful{4, &[]safex.Query{}}
		return a
	}
	whole := all(t, start(), 2)
	for at := 1; at < 50; at += 4 {
		a, s := start(), &train.State{}
		var episodes []safex.Episode
		for range 2 {
			for s, err := range a.Steps(t.Context(), s, 2) {
				if err != nil {
					t.Fatal(err)
				}
				if s.Over {
					episodes = append(episodes, steps(s.Episode))
				}
				if s.Data.Len() == at {
					break
				}
			}
		}
		if !reflect.DeepEqual(episodes, whole) {
			t.Errorf("stopped after %d, the run goes on otherwise", at)
		}
	}
}
