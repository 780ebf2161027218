package train_test

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A calibrated box holds what it promises where the model is exact too: rounding is no reason to leave it. The pitch is
// linear, and what a linear model still gets wrong of it is less than the last place of float32.
func TestPromiseBeyondRounding(t *testing.T) {
	task := tasks.DefaultPitch().Task()
	task.Steps = 100
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p := plan.DefaultPessimistic()
	p.Horizon = 10
	for name, e := range map[string]safex.Engine{"fused": fused.New(), "graph": rollout.NewGoMLX()} {
		a := train.Agent{System: s, Learner: calibrate.DefaultConformal().With(linear.Default()), Engine: e, Planner: p, RandomSteps: 150, Seed: 1}
		steps, held := 0, 0
		for e, err := range a.Episodes(context.Background(), 1) {
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range e.Forecasts {
				inside := f.AskedBeta > 0
				for d, v := range e.States[i+1] {
					inside = inside && math.Abs(v-f.Mean[d]) <= f.Beta*f.Epistemic[d]
				}
				if steps++; inside {
					held++
				}
			}
		}
		if steps != 100 || held < 95 {
			t.Errorf("%s: %d of %d steps ended in a box that promises 95 %%", name, held, steps)
		}
	}
}
