package reach

import (
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/rng"
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

// BenchmarkTubeOfSparse are plans under a process that was learned of a task, of up to 128 points, on one core.
func BenchmarkTubeOfSparse(b *testing.B) {
	for _, c := range []struct {
		maker safex.Maker
		steps int
	}{{tasks.DefaultPendulum(), 22}, {tasks.DefaultRCCar(), 35}} {
		s, err := c.maker.Task().System()
		if err != nil {
			b.Fatal(err)
		}
		data := transitions(s, 300)
		for _, l := range []kind{{"sparse", gp.DefaultSparse()}, {"gp", gp.Default()}} {
			if g, ok := l.learner.(gp.Sparse); ok {
				g.Points = 128
				l.learner = g
			}
			m, err := l.learner.Learn(b.Context(), s, data, nil, rng.New(1))
			if err != nil {
				b.Fatal(err)
			}
			p, err := New(s, m)
			if err != nil {
				b.Fatal(err)
			}
			some := plans(rand.New(rand.NewPCG(7, 8)), s, c.steps, 0.1)
			for _, kind := range []string{"open", "fed"} {
				b.Run(s.Name+"/"+l.name+"/"+kind, func(b *testing.B) {
					q := some[kind]
					q.State = data.X.Point(30)
					var tube *Tube
					for b.Loop() {
						if tube, err = p.Tube(b.Context(), q); err != nil {
							b.Fatal(err)
						}
					}
					b.Log(tube.Sets[c.steps-1].Known())
					b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/tube")
				})
			}
		}
	}
}
