package gp_test

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// pendulum returns the system and n transitions from all over its state space.
func pendulum(t testing.TB, n int) (*safex.System, *safex.Data) {
	t.Helper()
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(1).Rand()
	for range n {
		θ, ω, u := math.Pi*(2*r.Float64()-1), 6*(2*r.Float64()-1), 2*r.Float64()-1
		x := []float64{math.Cos(θ), math.Sin(θ), ω}
		next, _, _ := s.Step(x, []float64{u})
		data.Append(x, []float64{u}, next)
	}
	return s, data
}

// BenchmarkFit reports the time of a fit to 1000 transitions of a pendulum, from nothing and from the fit before.
func BenchmarkFit(b *testing.B) {
	s, data := pendulum(b, 1000)
	g := gp.Default()
	for name, prev := range map[string]safex.Model{"first": nil, "next": learn(b, g, s, data)} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, err := g.Learn(context.Background(), s, data, prev, rng.New(uint64(i))); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/fit")
		})
	}
}

// BenchmarkUpdate reports the time to take in one more transition.
func BenchmarkUpdate(b *testing.B) {
	s, data := pendulum(b, 1000)
	g := gp.Default()
	g.Novel = 0
	all := learn(b, g, s, data.Pick(func(row int) bool { return row < 999 }))
	for b.Loop() {
		if _, err := g.Update(context.Background(), s, data, all); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1e6*b.Elapsed().Seconds()/float64(b.N), "µs/update")
}

// BenchmarkPredict reports how many points a model of 1000 transitions predicts in a second.
func BenchmarkPredict(b *testing.B) {
	s, data := pendulum(b, 1000)
	m := learn(b, gp.Default(), s, data)
	var p safex.Prediction
	for b.Loop() {
		if err := m.Predict(&p, data.X, data.U); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(data.Len())*float64(b.N)/b.Elapsed().Seconds(), "evals/s")
}

// BenchmarkPlan reports the time of one plan with a model of 1000 transitions, each from the plan before, as in an episode, by
// each engine.
func BenchmarkPlan(b *testing.B) {
	s, data := pendulum(b, 1000)
	m := learn(b, gp.Default(), s, data)
	for name, engine := range map[string]safex.Engine{"fused": fused.New(), "graph": rollout.NewGoMLX()} {
		b.Run(name, func(b *testing.B) {
			roll, err := engine.Rollout(s, m)
			if err != nil {
				b.Fatal(err)
			}
			x := make([]float64, 3)
			s.Start(x, rng.New(1).Rand())
			q := safex.Query{System: s, Rollout: roll, State: x, Episode: 1}
			if _, err := plan.DefaultPessimistic().Plan(context.Background(), q, rng.New(2)); err != nil { // compiles
				b.Fatal(err)
			}
			for i := 0; b.Loop(); i++ {
				next, err := plan.DefaultPessimistic().Plan(context.Background(), q, rng.New(2).At(i))
				if err != nil {
					b.Fatal(err)
				}
				q.Previous = next
				q.State, _, _ = s.Step(q.State, next.Actions[0])
			}
			b.ReportMetric(1e3*b.Elapsed().Seconds()/float64(b.N), "ms/plan")
		})
	}
}

// BenchmarkSubset reports how a model of 192 out of 1000 transitions differs from one of all, with the same
// hyper-parameters, at points all over the state space: the largest difference of the means and the largest
// deviation, in Scales, and the time of a prediction of both.
func BenchmarkSubset(b *testing.B) {
	s, data := pendulum(b, 1000)
	x, u := far(1000)
	g := gp.Default()
	g.Fit, g.Length, g.Noise = false, 3, 0.001
	part := learn(b, g, s, data)
	g.Points = 1000
	all := learn(b, g, s, data)
	for name, m := range map[string]safex.Model{"points=192": part, "points=1000": all} {
		b.Run(name, func(b *testing.B) {
			var p safex.Prediction
			for b.Loop() {
				if err := m.Predict(&p, x, u); err != nil {
					b.Fatal(err)
				}
			}
			want := predict(b, all, x, u)
			var off, most float64
			for d, v := range s.State {
				for i := range p.Mean[d] {
					off = max(off, math.Abs(p.Mean[d][i]-want.Mean[d][i])/v.Scale)
					most = max(most, p.Epistemic[d][i]/v.Scale)
				}
			}
			b.ReportMetric(1e6*b.Elapsed().Seconds()/float64(b.N)/1000, "µs/eval")
			b.ReportMetric(off, "off/Scale")
			b.ReportMetric(most, "deviation/Scale")
		})
	}
}
