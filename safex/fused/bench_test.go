package fused_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// BenchmarkPeak is what all cores do at most: multiplications with addition that do not wait for each other.
func BenchmarkPeak(b *testing.B) {
	const rounds = 1_000_000
	flops := 0
	for b.Loop() {
		var wait sync.WaitGroup
		for range runtime.GOMAXPROCS(0) - 1 {
			wait.Go(func() { vec.FMAs(rounds) })
		}
		flops += vec.FMAs(rounds) * runtime.GOMAXPROCS(0)
		wait.Wait()
	}
	b.ReportMetric(float64(flops)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkRoll takes 5 members of the pendulum through 20 steps. One evaluation is one step of one candidate through
// all members. GFLOP/s count the products of the layers: once forward, and once more for a gradient. The graph runs on GoMLX's
// pure-Go backend, and on XLA where there is one.
func BenchmarkRoll(b *testing.B) {
	s, _ := modeltest.Pendulum(b, 2)
	const horizon, members = 20, 5
	engines, backends := []string{"fused", "graph", "xla"}, map[string]string{"graph": "go", "xla": "xla"}
	asked, err := gx.Use("xla")
	if err != nil {
		b.Log(err)
		engines = engines[:2]
	}
	defer gx.Use(asked)
	for _, width := range []int{64, 128, 256} {
		for _, activation := range []string{"relu", "swish"} {
			m := draw(rand.New(rand.NewPCG(1, 2)), s, members, []int{width, width}, activation)
			for _, engine := range engines {
				var e safex.Engine = fused.New()
				if backend, ok := backends[engine]; ok {
					if _, err := gx.Use(backend); err != nil {
						b.Fatal(err)
					}
					e = rollout.NewGoMLX()
				}
				roll := bind(b, e, s, m)
				for _, c := range []struct {
					lanes int
					up    *safex.Scalarisation
				}{{2500, nil}, {128, scalarisation}, {500, scalarisation}} {
					what, passes := "forward", 1
					if c.up != nil {
						what, passes = "gradient", 2
					}
					b.Run(fmt.Sprintf("%s/width=%d/%s/lanes=%d/%s", what, width, activation, c.lanes, engine), func(b *testing.B) {
						r := rand.New(rand.NewPCG(3, 4))
						in := safex.Candidates{State: []float64{-1, 0, 0}, Actions: uniform(r, horizon, c.lanes), Eta: uniform(r, 3*horizon, c.lanes), Beta: 2}
						var out safex.Rolled
						if err := roll.Roll(context.Background(), &out, in, c.up); err != nil {
							b.Fatal(err)
						}
						b.ReportAllocs()
						for b.Loop() {
							if err := roll.Roll(context.Background(), &out, in, c.up); err != nil {
								b.Fatal(err)
							}
						}
						rate := float64(horizon*c.lanes*b.N) / b.Elapsed().Seconds()
						b.ReportMetric(rate, "evals/s")
						b.ReportMetric(rate*float64(passes*2*members*(4*width+width*width+width*3))/1e9, "GFLOP/s")
					})
				}
			}
		}
	}
}

// BenchmarkKinds takes fitted models of each kind through 20 steps of the pendulum, with model errors, by both engines in turn.
// ×graph is how many times as fast as the graph this engine is in the same run.
func BenchmarkKinds(b *testing.B) {
	s, data := modeltest.Pendulum(b, 1000)
	const horizon = 20
	wide := ensemble.Default()
	wide.Hidden, wide.MaxSteps = []int{128, 128}, 10
	quadratic, process := linear.Default(), gp.Default()
	quadratic.Degree = 2
	for _, k := range []struct {
		name string
		safex.Learner
	}{
		{"ensemble", &wide},
		{"calibrated", calibrate.DefaultConformal().With(&wide)},
		{"prior", residual.Residual{Prior: heavy(b), Learner: &wide}},
		{"calibrated-prior", calibrate.DefaultConformal().With(residual.Residual{Prior: heavy(b), Learner: &wide})},
		{"linear", quadratic},
		{"gp", process},
		{"oracle", rollout.Oracle{}},
	} {
		m, err := k.Learn(context.Background(), s, data, nil, rng.New(1))
		if err != nil {
			b.Fatal(err)
		}
		rolls := []safex.Rollout{bind(b, fused.New(), s, m), bind(b, rollout.NewGoMLX(), s, m)}
		for _, c := range []struct {
			name  string
			lanes int
			up    *safex.Scalarisation
		}{{"forward", 2500, nil}, {"gradient", 128, scalarisation}} {
			b.Run(fmt.Sprintf("%s/%s/lanes=%d", k.name, c.name, c.lanes), func(b *testing.B) {
				r := rand.New(rand.NewPCG(3, 4))
				in := safex.Candidates{State: []float64{-1, 0, 0}, Actions: uniform(r, horizon, c.lanes), Eta: uniform(r, 3*horizon, c.lanes), Beta: 2}
				var out safex.Rolled
				var took [2]time.Duration
				run := func() {
					for i, roll := range rolls {
						begin := time.Now()
						if err := roll.Roll(context.Background(), &out, in, c.up); err != nil {
							b.Fatal(err)
						}
						took[i] += time.Since(begin)
					}
				}
				run() // compiles
				took = [2]time.Duration{}
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64(horizon*c.lanes*b.N)/took[0].Seconds(), "evals/s")
				b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "×graph")
			})
		}
	}
}
