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
		for _, lanes := range []int{16, 32, 48, 64} {
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

// BenchmarkRoot64 is the product with a lower triangular matrix of float64, which counts half of its entries, and the
// correlations before it, on all cores.
func BenchmarkRoot64(b *testing.B) {
	const dim = 4
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{64, 192, 256} {
		root := Pack64(n, n, func(o, i int) float64 {
			if i > o {
				return 0
			}
			return r.NormFloat64()
		})
		z, points := make([]float64, dim*Lanes), make([]float64, n*dim)
		for i := range points {
			points[i] = r.NormFloat64()
		}
		b.Run(fmt.Sprintf("mul/n=%d", n), func(b *testing.B) {
			for b.Loop() {
				onAllCores(func() {
					x, y := make([]float64, n*Lanes), make([]float64, n*Lanes)
					for range 100 {
						root.Mul(y, x, Lanes)
					}
				})
			}
			b.ReportMetric(float64(100*n*(n+1)*Lanes)*float64(b.N*runtime.GOMAXPROCS(0))/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
		for c, name := range []string{"se", "matern52"} {
			b.Run(fmt.Sprintf("%s/n=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					onAllCores(func() {
						y, d := make([]float64, n*Lanes), make([]float64, n*Lanes)
						for range 100 {
							Correlation(c).Apply(y, d, z, points, dim, Lanes)
						}
					})
				}
				b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(100*n*Lanes*b.N*runtime.GOMAXPROCS(0)), "ns/correlation")
			})
		}
	}
}
