package plan_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// BenchmarkPlan reports the time of one plan with a learned model on the fused engine, each from the plan before, as
// in an episode, and how often a plan asks the model; a gradient counts as one more time.
func BenchmarkPlan(b *testing.B) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		b.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(1).Rand()
	for range 500 { // over the whole state space
		θ, ω, u := math.Pi*(2*r.Float64()-1), 6*(2*r.Float64()-1), 2*r.Float64()-1
		x := []float64{math.Cos(θ), math.Sin(θ), ω}
		next, _, _ := s.Step(x, []float64{u})
		data.Append(x, []float64{u}, next)
	}
	for _, width := range []int{64, 128} {
		e := ensemble.Default()
		e.Hidden, e.MaxSteps = []int{width, width}, 1000
		m, err := e.Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			b.Fatal(err)
		}
		roll, err := fused.New().Rollout(s, m)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range []struct {
			name    string
			planner safex.Planner
		}{
			{"safe", plan.DefaultSafe()}, {"pessimistic", plan.DefaultPessimistic()}, {"pestraj", plan.DefaultPesTraj()},
			{"minmax", plan.DefaultMinMax()}, {"optminmax", plan.DefaultOptMinMax()},
		} {
			b.Run(fmt.Sprintf("%s/width=%d", p.name, width), func(b *testing.B) {
				x := make([]float64, 3)
				s.Start(x, rng.New(1).Rand())
				evaluations := 0
				q := safex.Query{System: s, Rollout: meter{roll, &evaluations}, State: x, Episode: 1}
				for i := 0; b.Loop(); i++ {
					if i%s.Steps == 0 {
						q.State, q.Previous = x, nil
					}
					next, err := p.planner.Plan(context.Background(), q, rng.New(2).At(i))
					if err != nil {
						b.Fatal(err)
					}
					q.Previous = next
					q.State, _, _ = s.Step(q.State, next.Actions[0])
				}
				b.ReportMetric(1e3*b.Elapsed().Seconds()/float64(b.N), "ms/plan")
				b.ReportMetric(float64(evaluations)/float64(b.N), "evals/plan")
			})
		}
	}
}

// meter counts the evaluations of the model.
type meter struct {
	safex.Rollout
	evaluations *int
}

func (m meter) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	n := c.Actions.Len() * len(c.Actions) // of one action
	if up != nil {
		n *= 2
	}
	*m.evaluations += n
	return m.Rollout.Roll(ctx, dst, c, up)
}
