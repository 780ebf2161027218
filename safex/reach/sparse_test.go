package reach

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// No walk leaves the tube of a sparse process that was fitted to a task. Its width is compared with what walks need of it, and with that of a process for
// each dimension.
func TestTubesOfSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	walks, h := 60, 22
	if testing.Short() {
		walks, h = 20, 8
	}
	var count tested
	for _, maker := range []safex.Maker{tasks.DefaultPendulum(), tasks.DefaultRCCar()} {
		s, err := maker.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		data := transitions(s, 150)
		some := plans(r, s, h, 2)
		at := r.IntN(data.Len())
		for _, l := range []kind{{"sparse gp", gp.DefaultSparse()}, {"gp", gp.Default()}} {
			m, err := l.learner.Learn(t.Context(), s, data, nil, rng.New(1))
			if err != nil {
				t.Fatal(err)
			}
			f := safex.FormOf(m)
			for _, doubted := range []bool{false, true} {
				if f.Doubted = doubted; doubted && f.Noise == nil {
					continue
				}
				for _, kind := range []string{"open", "loose"} {
					for _, beta := range []float64{0.5, 2} {
						q := some[kind]
						q.Beta, q.State = beta, data.X.Point(at)
						name := fmt.Sprintf("%s, %s, %s, β = %v, doubted %t", s.Name, l.name, kind, beta, doubted)
						tube := sound(t, &count, name, r, s, f, q, walks)
						if kind != "open" || beta > 1 || doubted {
							continue
						}
						wide, ratio := widths(s, f, q, tube)
						t.Logf("%s: %.3g Scales wide in the end, %.2f of what adversaries reach", name, wide, ratio)
						if ratio > 2 {
							t.Errorf("the tube of %s is %v times as wide as what adversaries reach", name, ratio)
						}
					}
				}
			}
		}
	}
	t.Logf("%d walks of %d states", count.walks, count.states)
}

// widths are how wide the last set of a tube is on average over the dimensions, in Scales, and as a multiple of the range of what adversaries reach, who
// turn each error that leads farther so.
func widths(s *safex.System, f *safex.Form, q Plan, tube *Tube) (wide, ratio float64) {
	nx, h := len(s.State), len(q.Actions)
	for d, v := range s.State {
		width := 0.0
		for _, sign := range []float64{-1, 1} {
			w := walk{start: [][]float64{make([]float64, nx)}}
			for range h {
				w.eta = append(w.eta, slices.Repeat([]float64{sign}, nx))
			}
			far := func() float64 {
				states, _ := follow(s, f, q, tube, w)
				return sign * states[h-1][d]
			}
			best := far()
			for _, η := range w.eta {
				for k := range η {
					η[k] = -η[k]
					if v := far(); v > best {
						best = v
					} else {
						η[k] = -η[k]
					}
				}
			}
			width += best
		}
		lo, hi := tube.Sets[h-1].Range(d)
		wide += (hi - lo) / v.Scale / float64(nx)
		ratio += (hi - lo) / width / float64(nx)
	}
	return wide, ratio
}
