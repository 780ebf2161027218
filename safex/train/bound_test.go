package train_test

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// What is foreseen of each limit is the worst of that limit, also where another one binds: a step that ends in its box goes
// beyond none of them.
func TestWorstOfEachLimit(t *testing.T) {
	task := tasks.DefaultQuadrotor().Task()
	task.Steps = 60
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p := plan.DefaultPessimistic()
	p.Horizon = 10
	a := train.Agent{System: s, Learner: linear.Default(), Engine: fused.New(), Planner: p, RandomSteps: 60, Seed: 1}
	held := 0
	for e, err := range a.Episodes(context.Background(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range e.Forecasts {
			inside := true
			for d, v := range e.States[i+1] {
				inside = inside && math.Abs(v-f.Mean[d]) <= f.Beta*f.Epistemic[d]
			}
			if !inside {
				continue
			}
			held++
			for k, worst := range f.Worst {
				if e.Excess[i][k] > worst+1e-6 {
					t.Errorf("step %d: %s is exceeded by %v, and %v was the worst that was foreseen", i, s.Limits[k].Name, e.Excess[i][k], worst)
				}
			}
		}
	}
	if held < 10 {
		t.Errorf("%d steps ended in their box: too few to tell", held)
	}
}
