package reach

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// FuzzTube asks of ensembles, processes and plans of all sizes whether walks stay in their tube.
func FuzzTube(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint8(3), uint8(8), uint8(5), 0.1, 2.0, 0.01)
	f.Add(uint64(2), uint8(1), uint8(1), uint8(1), uint8(22), 1.0, 0.5, 0.0)
	f.Add(uint64(3), uint8(2), uint8(5), uint8(20), uint8(12), 0.01, 10.0, 1.0)
	f.Add(uint64(4), uint8(3), uint8(2), uint8(3), uint8(40), 0.3, 1.0, 0.1)
	f.Add(uint64(5), uint8(36), uint8(2), uint8(9), uint8(20), 0.3, 1.0, 0.1)
	f.Add(uint64(6), uint8(72), uint8(2), uint8(9), uint8(20), 0.3, 1.0, 0.1)
	f.Add(uint64(7), uint8(126), uint8(0), uint8(20), uint8(12), 3.0, 0.5, 0.1)
	pendulum, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, seed uint64, kind, members, width, horizon uint8, apart, beta, spread float64) {
		if !(math.Abs(apart) < 10 && beta >= 0 && beta < 100 && spread >= 0 && spread < 100) {
			t.Skip()
		}
		r := rand.New(rand.NewPCG(seed, 1))
		act := []string{"swish", "relu", "tanh"}[kind%3]
		hidden := [][]int{{1 + int(width%24), 1 + int(width%7)}, {1 + int(width%24)}, {2, 3, 1 + int(width%9)}}[int(kind/3)%3]
		var form *safex.Form
		switch kind / 36 % 4 {
		case 0:
			form = &safex.Form{Layers: layersOf(r, 3, 1, 1+int(members%5), hidden, act, apart)}
		case 1:
			form = &safex.Form{Layers: noisy(r, 3, 1, 1+int(members%5), hidden, act, apart), Doubted: members/5%3 > 0}
		default:
			form = &safex.Form{Process: processOf(r, 3, 4, int(width%24), math.Abs(apart)), Noise: []float64{0.01, 0, 0.1}, Doubted: members/5%2 > 0}
			if members/10%2 > 0 {
				form.Spots = spotsOf(r, 3, 4, int(members/20))
			}
		}
		if kind/9%2 == 1 {
			form.Prior = pendulum.Dynamics
		}
		if kind/18%2 == 1 {
			form.Scale, form.Floor = []float64{1, 2, 0.5}, []float64{0, 1e-3, 0.1}
		}
		for name, q := range plans(r, pendulum, 1+int(horizon%40), beta) {
			if q.Spread != nil {
				for d := range q.Spread {
					q.Spread[d] = spread * r.Float64()
				}
			}
			p, err := New(pendulum, formed{form})
			if err != nil {
				t.Fatal(err)
			}
			tube, err := p.Tube(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 4 {
				states, excess := follow(pendulum, form, q, tube, draw(r, len(q.Actions), 3, 1, i%2 == 0))
				if err := outside(r, tube, states, excess); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	})
}
