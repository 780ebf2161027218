package reach

import (
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// BenchmarkTube is a plan of 22 steps of the pendulum, under an ensemble of 5 × [64, 64], on one core.
func BenchmarkTube(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		b.Fatal(err)
	}
	l := layersOf(r, 3, 1, 5, []int{64, 64}, "swish", 0.003)
	for k := range l.Dense[2].Weights {
		l.Dense[2].Weights[k] *= 0.2
	}
	p, err := New(s, formed{&safex.Form{Layers: l}})
	if err != nil {
		b.Fatal(err)
	}
	q := plans(r, s, 22, 2)["open"]
	var tube *Tube
	for b.Loop() {
		tube, err = p.Tube(b.Context(), q)
		if err != nil {
			b.Fatal(err)
		}
	}
	lo, hi := tube.Sets[21].Range(2)
	b.Log(lo, hi, tube.Worst(0))
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/tube")
}
