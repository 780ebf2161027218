package rollout_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

func uniform(dim, n int, src rng.Stream) num.Batch {
	b, r := num.NewBatch(dim, n), src.Rand()
	for _, column := range b {
		for i := range column {
			column[i] = 2*r.Float64() - 1
		}
	}
	return b
}

func BenchmarkRoll(b *testing.B) {
	s, data := modeltest.Pendulum(b, 200)
	const horizon = 20
	for _, width := range []int{64, 128} {
		e := ensemble.Default()
		e.Hidden, e.MaxSteps = []int{width, width}, 10
		m, err := e.Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			b.Fatal(err)
		}
		up := &safex.Scalarisation{Excess: 1, Sharpness: 20}
		for _, c := range []struct {
			name   string
			engine safex.Engine
			lanes  int
			eta    bool
			up     *safex.Scalarisation
		}{
			{"mean", rollout.NewGoMLX(), 256, false, nil}, {"worst", rollout.NewGoMLX(), 256, true, nil}, {"worst", rollout.NewGoMLX(), 512, true, nil},
			{"gradient", rollout.NewGoMLX(), 32, true, up}, {"gradient", rollout.NewGoMLX(), 128, true, up},
			{"stepwise", rollout.NewStepwise(), 256, true, nil}, {"stepwise-gradient", rollout.NewStepwise(), 128, true, up},
		} {
			b.Run(fmt.Sprintf("%s/width=%d/lanes=%d", c.name, width, c.lanes), func(b *testing.B) {
				roll := bind(b, c.engine, s, m)
				in := safex.Candidates{State: []float64{-1, 0, 0}, Actions: uniform(horizon, c.lanes, rng.New(2)), Beta: 2}
				if c.eta {
					in.Eta = uniform(horizon*3, c.lanes, rng.New(3))
				}
				var out safex.Rolled
				if err := roll.Roll(context.Background(), &out, in, c.up); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := roll.Roll(context.Background(), &out, in, c.up); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(horizon*c.lanes*b.N)/b.Elapsed().Seconds(), "evals/s")
			})
		}
	}
}
