package report_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
)

// BenchmarkRead reports how many steps of run folders, each of 2000 or so, are read in a second: of 200 runs, of 10 with -short.
func BenchmarkRead(b *testing.B) {
	dir, runs, steps := b.TempDir(), 200, 0
	if testing.Short() {
		runs = 10
	}
	for seed := range runs {
		s := settings(b, "safe", uint64(seed), "Steps=200")
		s.Episodes = 10
		list := []safex.Episode{episode(0, -8, within, within)}
		for n := range s.Episodes {
			excess := make([]float64, 200)
			for t := range excess {
				excess[t] = -1 / float64(3+t)
			}
			e := episode(1+n, -1./3, excess...)
			for t := range e.Forecasts { // as long as real ones
				e.States[t] = []float64{1 / float64(3+t), 1 / float64(7+t), 1 / float64(11+t)}
				e.Forecasts[t].Mean, e.Forecasts[t].Epistemic, e.Forecasts[t].Aleatoric = e.States[t], e.States[t], e.States[t]
			}
			list = append(list, e)
		}
		keep(b, filepath.Join(dir, fmt.Sprint(seed)), s, list...)
		steps += 2 + 2000
	}
	for b.Loop() {
		read(b, dir)
	}
	b.ReportMetric(float64(steps*b.N)/b.Elapsed().Seconds(), "steps/s")
}
