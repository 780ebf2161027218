package ensemble

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// BenchmarkFit reports gradient steps of the default batch a second, with the drawing of batches, on GoMLX's pure-Go backend, and
// on XLA where there is one.
func BenchmarkFit(b *testing.B) {
	s, data := modeltest.Pendulum(b, 1000)
	backends := []string{"go", "xla"}
	asked, err := gx.Use("xla")
	if err != nil {
		b.Log(err)
		backends = backends[:1]
	}
	defer gx.Use(asked)
	for _, width := range []int{64, 128} {
		for _, backend := range backends {
			b.Run(fmt.Sprintf("width=%d/%s", width, backend), func(b *testing.B) {
				if _, err := gx.Use(backend); err != nil {
					b.Fatal(err)
				}
				e := Default()
				e.Hidden = []int{width, width}
				t, back, err := borrow(e.recipe(e.shape(3, 1)))
				if err != nil {
					b.Fatal(err)
				}
				defer back()
				if err := t.set(fresh(t.shape, rng.New(1))); err != nil {
					b.Fatal(err)
				}
				set := e.prepare(s, data)
				draws, err := t.draws(e, set, rng.New(2), rng.New(3))
				if err != nil {
					b.Fatal(err)
				}
				const steps = 25 // from one look at held-out rows to the next
				take := func() {
					if _, err := t.take(context.Background(), steps, draws, set.levels, e.LearningRate, e.Average); err != nil {
						b.Fatal(err)
					}
				}
				take() // compiles
				for b.Loop() {
					take()
				}
				b.ReportMetric(float64(steps*b.N)/b.Elapsed().Seconds(), "steps/s")
			})
		}
	}
}

// BenchmarkRefit is the last episode of a run: four fits that go on from each other, to 1850 to 2000 transitions, after fits at
// every 50. It reports seconds and gradient steps of a fit, the held-out negative log-likelihood, how much of it a training 20
// times as long still gains, and the errors on the episode that follows as parts of a thousand of the movement. The last row is
// the published settings. It takes minutes: -short leaves it out.
func BenchmarkRefit(b *testing.B) {
	if testing.Short() {
		b.Skip("minutes")
	}
	s, data := swings(b, 2200)
	seen, fresh := first(data, 2000), data.Pick(func(row int) bool { return row >= 2000 })
	wide := Default()
	wide.Hidden = []int{128, 128}
	for _, c := range []struct {
		name string
		e    Ensemble
		long int
	}{{"width=64", Default(), 20}, {"width=128", wide, 20}, {"deterministic", Deterministic(), 0}, {"reference", Reference(), 0}} {
		b.Run(c.name, func(b *testing.B) {
			_, start := refits(b, c.e, s, first(data, 1800), 100, 50)
			var before, last safex.Model
			taken := trainers.steps.Load()
			for b.Loop() {
				last = start
				for n := 1850; n <= 2000; n += 50 {
					before = last
					last = learn(b, c.e, s, first(data, n), before, uint64(n))
				}
			}
			fits := float64(4 * b.N)
			b.ReportMetric(b.Elapsed().Seconds()/fits, "s/fit")
			b.ReportMetric(float64(trainers.steps.Load()-taken)/fits, "steps/fit")
			nll := heldOut(b, c.e, last, seen)
			b.ReportMetric(nll, "nll")
			if c.long > 0 {
				long := longer(b, c.e, s, seen, before, c.long)
				best := heldOut(b, c.e, long, seen)
				b.ReportMetric(100*(nll-best)/math.Abs(best), "%/long-nll")
				for d, share := range miss(b, long, fresh) {
					b.ReportMetric(1000*share, "‰/long-"+s.State[d].Name)
				}
			}
			for d, share := range miss(b, last, fresh) {
				b.ReportMetric(1000*share, "‰/"+s.State[d].Name)
			}
		})
	}
}

// BenchmarkScaling shows that a fit of 100 steps and a prediction are linear in members and at most linear in transitions.
func BenchmarkScaling(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		s, data := modeltest.Pendulum(b, n)
		for _, members := range []int{5, 10, 20} {
			e := Default()
			e.Members, e.MinSteps, e.MaxSteps = members, 100, 100
			m := learn(b, e, s, data, nil, 1)
			at := fmt.Sprintf("members=%d,n=%d", members, n)
			b.Run("fit/"+at, func(b *testing.B) {
				for b.Loop() {
					learn(b, e, s, data, m, 1)
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/fit")
			})
			b.Run("predict/"+at, func(b *testing.B) {
				p := predict(b, m, data.X, data.U) // compiles
				for b.Loop() {
					if err := m.Predict(p, data.X, data.U); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(n), "µs/point")
			})
			b.Run("member/"+at, func(b *testing.B) {
				p, member := &safex.Prediction{}, make([]int, n)
				if err := m.(*model).PredictMember(p, member, data.X, data.U); err != nil { // compiles
					b.Fatal(err)
				}
				for b.Loop() {
					if err := m.(*model).PredictMember(p, member, data.X, data.U); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(n), "µs/point")
			})
		}
	}
}
