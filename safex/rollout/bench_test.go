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
		roll, err := rollout.NewGoMLX().Rollout(s, m)
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range []struct {
			name  string
			lanes int
			eta   bool
			up    *safex.Ascent
		}{
			{"mean", 256, false, nil}, {"worst", 256, true, nil}, {"worst", 512, true, nil},
			{"gradient", 32, true, &safex.Ascent{Excess: 1, Sharpness: 20}}, {"gradient", 128, true, &safex.Ascent{Excess: 1, Sharpness: 20}},
		} {
			b.Run(fmt.Sprintf("%s/width=%d/lanes=%d", c.name, width, c.lanes), func(b *testing.B) {
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
