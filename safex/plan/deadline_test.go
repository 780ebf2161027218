package plan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// BenchmarkDeadline reports how long after its deadline a planner answers that would plan for longer: with the RC car at its
// horizon and a learned model, each plan from the one before, as in an episode.
func BenchmarkDeadline(b *testing.B) {
	const deadline = 20 * time.Millisecond
	s, err := tasks.DefaultRCCar().Task().System()
	if err != nil {
		b.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(1).Rand()
	x := make([]float64, len(s.State))
	for i := range 500 {
		if i%50 == 0 {
			s.Start(x, r)
		}
		u := []float64{2*r.Float64() - 1, 2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
		x = next
	}
	e := ensemble.Default()
	e.Hidden, e.MaxSteps = []int{64, 64}, 1000
	m, err := e.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		b.Fatal(err)
	}
	roll, err := fused.New().Rollout(s, m)
	if err != nil {
		b.Fatal(err)
	}
	long := opt.DefaultICEM()
	long.Iterations, long.Samples, long.Std, long.Color = 1000, 96, 0.5, 1
	pessimistic, safe, pestraj, minmax := plan.DefaultPessimistic(), plan.DefaultSafe(), plan.DefaultPesTraj(), plan.DefaultMinMax()
	pessimistic.Horizon, pessimistic.Robust, pessimistic.Search = 35, 10, long
	refined := pessimistic
	refined.Refine.Candidates = 4
	safe.Horizon, safe.Search = 35, long
	pestraj.Horizon, pestraj.Search = 35, long
	minmax.Horizon, minmax.Alternations = 35, 1000
	optimistic := pessimistic
	optimistic.Exploration.Optimism = plan.Constant(1)
	for _, p := range []struct {
		name    string
		planner safex.Planner
	}{{"pessimistic", pessimistic}, {"refined", refined}, {"optimistic", optimistic}, {"safe", safe}, {"pestraj", pestraj}, {"minmax", minmax}} {
		b.Run(p.name, func(b *testing.B) {
			start := make([]float64, len(s.State))
			s.Start(start, rng.New(1).Rand())
			q := safex.Query{System: s, Rollout: roll, Episode: 1}
			var over []float64
			none := 0
			for i := 0; b.Loop(); i++ {
				if i%s.Steps == 0 {
					q.State, q.Previous, q.LastAction = start, nil, nil
				}
				began := time.Now()
				ctx, cancel := safex.WithDeadline(context.Background(), began.Add(deadline))
				next, err := p.planner.Plan(ctx, q, rng.New(2).At(i))
				over = append(over, 1e3*(time.Since(began)-deadline).Seconds())
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) {
					b.Fatalf("error %v", err)
				}
				if next == nil { // the machine did something else
					none++
					continue
				}
				q.Previous, q.LastAction = next, next.Actions[0]
				q.State, _, _ = s.Step(q.State, next.Actions[0])
			}
			b.ReportMetric(float64(none)/float64(b.N), "none/plan")
			slices.Sort(over)
			for _, at := range []float64{0.5, 0.9, 0.99, 1} {
				b.ReportMetric(over[int(at*float64(len(over)-1))], fmt.Sprintf("ms-late/p%g", 100*at))
			}
		})
	}
}
