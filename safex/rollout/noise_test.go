package rollout_test

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// With noise that the task declares, and a start that is not known, η = 1 in every engine means so much more than β deviations; and the gradients are those of
// that.
func TestNoise(t *testing.T) {
	s, data := modeltest.Pendulum(t, 150)
	task := s.Task
	task.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "omega", Size: 0.07, Within: true}, {Kind: safex.ProcessNoise, On: "theta", Size: 0.02, Within: true}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	for kind, l := range map[string]safex.Learner{"sparse process": gp.DefaultSparse(), "in doubt": calibrate.DefaultAdaptive().With(gp.DefaultSparse())} {
		m, err := l.Learn(t.Context(), s, data, nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(kind, func(t *testing.T) { noisy(t, s, m) })
	}
}

func noisy(t *testing.T, s *safex.System, m safex.Model) {
	noise, spread := []float64{0.02, 0.02, 0.07}, []float64{0.01, 0, 0.03}
	up := &safex.Scalarisation{Reward: 0.3, Excess: 1, Sharpness: 5}
	for name, e := range map[string]safex.Engine{"fused": fused.New(), "graph": rollout.NewGoMLX(), "stepwise": rollout.NewStepwise()} {
		t.Run(name, func(t *testing.T) {
			r := bind(t, e, s, m)
			c := candidates(11)
			c.Spread = spread
			out := roll(t, r, c, up)
			x := num.NewBatch(3, 11)
			for i := range 11 {
				x.SetPoint(i, c.State)
			}
			var p safex.Prediction
			for step := range horizon {
				if err := m.Predict(&p, x, c.Actions[step:step+1]); err != nil {
					t.Fatal(err)
				}
				for d := range p.Mean {
					for i := range 11 {
						half := c.Beta*p.Epistemic[d][i] + noise[d]
						if step == 0 {
							half += spread[d]
						}
						want := p.Mean[d][i] + half*c.Eta[step*3+d][i]
						if got := out.States[step*3+d][i]; math.Abs(got-want) > 1e-9 {
							t.Fatalf("step %d, dimension %d, candidate %d: rolled to %v, want %v", step, d, i, got, want)
						}
					}
				}
				x = out.States[step*3 : step*3+3]
			}
			for what, part := range map[string]struct{ of, by num.Batch }{"action": {c.Actions, out.GradAction}, "η": {c.Eta, out.GradEta}} {
				for k, column := range part.of {
					const h = 1e-5
					at := column[3]
					column[3] = at + h
					above := roll(t, r, c, up).Value[3]
					column[3] = at - h
					below := roll(t, r, c, up).Value[3]
					column[3] = at
					if want := (above - below) / (2 * h); math.Abs(part.by[k][3]-want) > 1e-5*(1+math.Abs(want)) {
						t.Errorf("the gradient by %s %d is %v, and a difference says %v", what, k, part.by[k][3], want)
					}
				}
			}
			c.Eta = nil
			mean := roll(t, r, c, nil)
			c.Spread = nil
			for k, column := range roll(t, r, c, nil).States {
				for i, v := range column {
					if v != mean.States[k][i] {
						t.Fatalf("a spread moves the mean: %v, want %v", mean.States[k][i], v)
					}
				}
			}
		})
	}
}
