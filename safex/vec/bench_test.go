package vec

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
)

// onAllCores runs f once on each core.
func onAllCores(f func()) {
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(f)
	}
	wait.Wait()
}

// BenchmarkPeak is what all cores do at most: multiplications with addition that do not wait.
func BenchmarkPeak(b *testing.B) {
	const rounds = 100_000
	for b.Loop() {
		onAllCores(func() { FMAs(rounds) })
	}
	b.ReportMetric(float64(FMAs(rounds))*float64(b.N*runtime.GOMAXPROCS(0))/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// BenchmarkMul is a square layer in blocks of lanes, on all cores.
func BenchmarkMul(b *testing.B) {
	for _, n := range []int{64, 128, 256} {
		for _, lanes := range []int{32, 64} {
			b.Run(fmt.Sprintf("width=%d/lanes=%d", n, lanes), func(b *testing.B) {
				m, _, _, x := layer(rand.New(rand.NewPCG(1, 2)), n, n, lanes)
				for b.Loop() {
					onAllCores(func() {
						y := make([]float32, n*lanes)
						for range 100 {
							m.Mul(y, x, lanes)
						}
					})
				}
				b.ReportMetric(float64(100*2*n*n*lanes)*float64(b.N*runtime.GOMAXPROCS(0))/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// BenchmarkActivation is one activation and its derivative on one core.
func BenchmarkActivation(b *testing.B) {
	x, y, d := make([]float32, 4096), make([]float32, 4096), make([]float32, 4096)
	for i := range x {
		x[i] = float32(i%200-100) / 20
	}
	for a, name := range []string{"swish", "relu", "tanh"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Activation(a).Apply(y, d, x)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(x)), "ns/unit")
		})
	}
}
