package gp_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// BenchmarkSparse reports, of 1000 transitions of a pendulum and of an RC car, the time of a fit from the fit before and that to take in one more, which
// every step waits for.
func BenchmarkSparse(b *testing.B) {
	for _, name := range []string{"pendulum", "rccar"} {
		m, _ := tasks.New(name)
		s, err := m.Task().System()
		if err != nil {
			b.Fatal(err)
		}
		data := &safex.Data{}
		for k := 0; data.Len() < 1000; k++ {
			e, err := s.Simulate(s.ColouredPolicy(0.9, 0.4, rng.New(2).At(k)), rng.New(3).At(k))
			if err != nil {
				b.Fatal(err)
			}
			for t, u := range e.Actions {
				data.Append(e.States[t], u, e.States[t+1])
			}
		}
		g := gp.DefaultSparse()
		before, err := g.Learn(context.Background(), s, data.Pick(func(row int) bool { return row < data.Len()-1 }), nil, rng.New(1))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("fit/%s", name), func(b *testing.B) {
			for b.Loop() {
				if _, err := g.Learn(context.Background(), s, data, before, rng.New(1)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/fit")
		})
		b.Run(fmt.Sprintf("update/%s", name), func(b *testing.B) {
			for b.Loop() {
				if _, err := g.Update(context.Background(), s, data, before); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(1e3*b.Elapsed().Seconds()/float64(b.N), "ms/update")
		})
	}
}
