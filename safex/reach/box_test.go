package reach

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// forms are one of each kind, for a state of 3 and an action of 1.
func forms(r *rand.Rand) map[string]*safex.Form {
	pendulum, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		panic(err)
	}
	all := map[string]*safex.Form{"none": {}, "prior": {Prior: pendulum.Dynamics}}
	for _, act := range []string{"swish", "relu", "tanh"} {
		for _, hidden := range [][]int{nil, {20}, {64, 64}, {17, 9, 30}} {
			for _, apart := range []float64{1, 0.01} {
				all[fmt.Sprintf("%s %v %v", act, hidden, apart)] = &safex.Form{Layers: layersOf(r, 3, 1, 5, hidden, act, apart)}
			}
		}
	}
	all["one member"] = &safex.Form{Layers: layersOf(r, 3, 1, 1, []int{8, 8}, "swish", 1)}
	all["prior and network"] = &safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Prior: pendulum.Dynamics}
	all["calibrated"] = &safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Scale: []float64{0.5, 2, 3}, Floor: []float64{0, 0.1, 1e-3}}
	for kind, l := range map[string]safex.Learner{
		"linear": linear.Linear{Degree: 1, Prior: 1, Noise: 0.01}, "quadratic": linear.Linear{Degree: 2, Prior: 1, Noise: 0.01},
		"gp": processes("se"), "gp matern52": processes("matern52"),
		"prior and gp": residual.Residual{Prior: pendulum, Learner: processes("se")},
	} {
		m, err := l.Learn(context.Background(), pendulum, transitions(pendulum, 60), nil, rng.New(1))
		if err != nil {
			panic(err)
		}
		all[kind] = safex.FormOf(m)
	}
	return all
}

// processes is a learner of Gaussian processes that takes its settings as they are.
func processes(kernel string) gp.GP {
	g := gp.Default()
	g.Kernel, g.Fit = kernel, false
	return g
}

// transitions are the first n of episodes of random actions.
func transitions(s *safex.System, n int) *safex.Data {
	data := &safex.Data{}
	for i := 0; data.Len() < n; i++ {
		e, err := s.Simulate(s.RandomPolicy(false, rng.New(uint64(i))), rng.New(uint64(i)))
		if err != nil {
			panic(err)
		}
		for t, u := range e.Actions[:min(20, n-data.Len())] {
			data.Append(e.States[t], u, e.States[t+1])
		}
	}
	return data
}

// No point of a box has a belief outside of its bounds, and the bounds are those of other lanes' company too.
func TestBox(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := plain(t, 3, 1)
	const n = 37
	draws := 100
	if testing.Short() {
		draws = 40
	}
	all := forms(r)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		p, err := New(s, formed{f})
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := num.NewBatch(4, n), num.NewBatch(4, n)
		for i := range n {
			for d := range 4 {
				c, w := r.NormFloat64(), math.Pow(10, 5*r.Float64()-4)
				if r.IntN(5) == 0 {
					w = 0
				}
				lo[d][i], hi[d][i] = c-w, c+w
			}
		}
		var b Bounds
		p.Box(&b, lo[:3], hi[:3], lo[3:], hi[3:])
		vague := 0
		for i := range n {
			if math.IsInf(b.Doubt[0][i], 1) {
				vague++
			}
			for range draws {
				z := make([]float64, 4)
				for d := range z {
					switch r.IntN(3) {
					case 0:
						z[d] = lo[d][i]
					case 1:
						z[d] = hi[d][i]
					default:
						z[d] = min(hi[d][i], lo[d][i]+r.Float64()*(hi[d][i]-lo[d][i]))
					}
				}
				mean, dev := believe(f, z[:3], z[3:])
				for d := range mean {
					ε := 1e-14 * (1 + math.Abs(mean[d])) // of believe
					if !(b.Lo[d][i]-ε <= mean[d] && mean[d] <= b.Hi[d][i]+ε && dev[d] <= b.Doubt[d][i]+ε) {
						t.Fatalf("%s: dimension %d of box %d has the belief %v ± %v, and the bounds %v to %v ± %v", name, d, i, mean[d], dev[d], b.Lo[d][i], b.Hi[d][i], b.Doubt[d][i])
					}
				}
			}
		}
		if vague > 0 {
			t.Errorf("%s: %d of %d boxes have no bounds", name, vague, n)
		}
		// alone
		one := func(x num.Batch, i int) (y num.Batch) {
			for _, row := range x {
				y = append(y, row[i:i+1])
			}
			return y
		}
		var alone Bounds
		p.Box(&alone, one(lo[:3], 1), one(hi[:3], 1), one(lo[3:], 1), one(hi[3:], 1))
		for d := range 3 {
			if v := alone.Hi[d][0] - b.Hi[d][1]; !(math.Abs(v) <= 1e-9*(1+math.Abs(b.Hi[d][1]))) {
				t.Errorf("%s: a box alone is bounded by %v, among others by %v", name, alone.Hi[d][0], b.Hi[d][1])
			}
		}
	}
}

// A point has the bounds of its belief, but for rounding.
func TestBoxOfPoints(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	s := plain(t, 3, 1)
	all := forms(r)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		p, err := New(s, formed{f})
		if err != nil {
			t.Fatal(err)
		}
		z := num.NewBatch(4, 20)
		for _, row := range z {
			for i := range row {
				row[i] = r.NormFloat64()
			}
		}
		var b Bounds
		p.Box(&b, z[:3], z[:3], z[3:], z[3:])
		for i := range 20 {
			mean, dev := believe(f, z[:3].Point(i), z[3:].Point(i))
			for d := range mean {
				if !(b.Hi[d][i]-b.Lo[d][i] <= 1e-9 && math.Abs(b.Hi[d][i]-mean[d]) <= 1e-9 && math.Abs(b.Doubt[d][i]-dev[d]) <= 1e-9) {
					t.Errorf("%s: the belief %v ± %v has the bounds %v to %v ± %v", name, mean[d], dev[d], b.Lo[d][i], b.Hi[d][i], b.Doubt[d][i])
				}
			}
		}
	}
}

func BenchmarkBox(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	s := plain(b, 3, 1)
	p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 5, []int{64, 64}, "swish", 0.1)}})
	if err != nil {
		b.Fatal(err)
	}
	const n = 1024
	lo, hi := num.NewBatch(4, n), num.NewBatch(4, n)
	for d := range 4 {
		for i := range n {
			lo[d][i] = r.NormFloat64()
			hi[d][i] = lo[d][i] + 0.1
		}
	}
	var dst Bounds
	for b.Loop() {
		p.Box(&dst, lo[:3], hi[:3], lo[3:], hi[3:])
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/box")
}
