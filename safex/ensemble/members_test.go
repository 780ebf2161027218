package ensemble

import (
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
)

// The ensemble's deviations are those of its members: the spread of their means, and the average of their noise.
func TestMembersMakeTheEnsemble(t *testing.T) {
	s, data := modeltest.Pendulum(t, 200)
	for name, e := range kinds() {
		m := learn(t, e, s, data, nil, 1).(*model)
		p, one := predict(t, m, data.X, data.U), &safex.Prediction{}
		member, n := make([]int, data.Len()), float64(m.Members())
		var sum, square, noise [3][200]float64
		for k := range m.Members() {
			for i := range member {
				member[i] = k
			}
			if err := m.PredictMember(one, member, data.X, data.U); err != nil {
				t.Fatal(err)
			}
			for d := range one.Mean {
				for i := range member {
					off := one.Mean[d][i] - p.Mean[d][i]
					sum[d][i] += off / n
					square[d][i] += off * off / n
					noise[d][i] += one.Aleatoric[d][i] / n
				}
			}
		}
		for d := range sum {
			for i := range member {
				if want := math.Sqrt(square[d][i]); math.Abs(p.Epistemic[d][i]-want) > 0.02*want+1e-6 || math.Abs(sum[d][i]) > 1e-5 {
					t.Fatalf("%s: point %d, dimension %d: the members deviate by %v, the ensemble says %v", name, i, d, want, p.Epistemic[d][i])
				}
				if want := noise[d][i]; math.Abs(p.Aleatoric[d][i]-want) > 1e-4*want {
					t.Fatalf("%s: point %d, dimension %d: the members' noise is %v, the ensemble says %v", name, i, d, want, p.Aleatoric[d][i])
				}
			}
			if want := e.Noise * s.State[d].Scale; e.Noise > 0 && math.Abs(p.Aleatoric[d][0]-want) > 1e-6*want {
				t.Errorf("%s: a fixed noise of %v is %v", name, want, p.Aleatoric[d][0])
			}
		}
	}
}

// A member that does not exist is a caller's mistake.
func TestNoSuchMember(t *testing.T) {
	s, data := modeltest.Pendulum(t, 50)
	m := learn(t, small(), s, data, nil, 1).(*model)
	for _, member := range [][]int{{5}, {-1}, {0, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("members %v of one point are taken", member)
				}
			}()
			m.PredictMember(&safex.Prediction{}, member, first(data, 1).X, first(data, 1).U)
		}()
	}
}
