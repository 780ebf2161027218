package fused_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// formed is a model of which there is nothing but its Form.
type formed struct {
	safex.Model
	form safex.Form
}

func (f formed) Form() *safex.Form { return &f.form }

// noisy are networks with random rows of noise: deviations of about a fiftieth of the change.
func noisy(r *rand.Rand, s *safex.System, members int, hidden []int, activation string) *safex.Layers {
	l := draw(r, s, members, hidden, activation).layers
	l.Noise = true
	for range s.State {
		l.Unit = append(l.Unit, 0.1*math.Exp(0.3*r.NormFloat64()))
	}
	last := &l.Dense[len(l.Dense)-1]
	old := *last
	last.Out, last.Weights, last.Bias = 2*old.Out, nil, nil
	for m := range members {
		last.Weights = append(last.Weights, old.Weights[m*old.Out*old.In:][:old.Out*old.In]...)
		last.Bias = append(last.Bias, old.Bias[m*old.Out:][:old.Out]...)
		for range old.Out * old.In {
			last.Weights = append(last.Weights, float32(0.5*r.NormFloat64()/math.Sqrt(float64(old.In))))
		}
		for range old.Out {
			last.Bias = append(last.Bias, float32(-0.5+0.3*r.NormFloat64()))
		}
	}
	return &l
}

// drawShared is a process of n points near c.
func drawShared(t testing.TB, r *rand.Rand, s *safex.System, c safex.Candidates, n int) *safex.Process {
	center, scale := s.Inputs()
	m := &safex.Process{Center: center}
	for _, v := range scale {
		m.Length = append(m.Length, 2*v)
	}
	for range n {
		for d := range scale {
			v := 0.3 * r.NormFloat64()
			if d < len(c.State) {
				v += (c.State[d] - center[d]) / m.Length[d]
			}
			m.Points = append(m.Points, v)
		}
	}
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			var r2 float64
			for d := range scale {
				e := m.Points[i*len(scale)+d] - m.Points[j*len(scale)+d]
				r2 += e * e
			}
			k.SetSym(i, j, math.Exp(-r2/2))
		}
		k.SetSym(i, i, 1.01)
	}
	var chol mat.Cholesky
	if !chol.Factorize(k) {
		t.Fatal("not positive definite")
	}
	var lower, root mat.TriDense
	chol.LTo(&lower)
	if err := root.InverseTri(&lower); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for j := range n {
			v := 0.0
			if j <= i {
				v = root.At(i, j)
			}
			m.Root = append(m.Root, v)
		}
	}
	for d := range s.State {
		m.Deviation = append(m.Deviation, 0.01*scale[d])
		for range n {
			m.Weights = append(m.Weights, 0.003*scale[d]*r.NormFloat64())
		}
	}
	return m
}

// Noise that is doubted, and processes, are rolled out as they are written down, forth and back, in every form.
func TestDoubts(t *testing.T) {
	for _, s := range systems(t) {
		for k, hidden := range [][]int{{40, 33}, {70}, nil} {
			r := rand.New(rand.NewPCG(5, uint64(k)))
			c := candidates(r, s, 12, 5)
			c.Eta, c.Epistemic = uniform(r, 12*len(s.State), 5), true
			f := safex.Form{Layers: noisy(r, s, 3, hidden, []string{"swish", "tanh", "relu"}[k]), Doubted: k < 2}
			if k == 2 {
				f = safex.Form{Process: drawShared(t, r, s, c, 30), Doubted: true}
				for range s.State {
					f.Noise = append(f.Noise, 0.01)
				}
			}
			if k > 0 {
				for range s.State {
					f.Scale, f.Floor = append(f.Scale, 1.3), append(f.Floor, 0.002)
				}
			}
			up := &safex.Scalarisation{Reward: 1, Excess: 1, Sharpness: 8}
			worst := map[string]float64{}
			for _, form := range vec.Forms() {
				before := vec.Use(form)
				got := results(roll(t, bind(t, fused.New(), s, formed{form: f}), c, up))
				vec.Use(before)
				for lane := range 5 {
					want := results(exact(s, &f, c, up, lane))
					for name := range got {
						worst[name] = max(worst[name], apart(only(got[name], lane), want[name], 0, least(name)))
					}
				}
			}
			for name, e := range worst {
				if e > tolerance && !strings.HasSuffix(name, "gradient") || e > 2e-3 {
					t.Errorf("%s: %s is off by %.2g", fmt.Sprint(s.Name, hidden), name, e)
				}
			}
			t.Logf("%s %v: %v", s.Name, hidden, worst)
		}
	}
}
