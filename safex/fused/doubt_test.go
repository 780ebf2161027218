package fused_test

import (
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

// drawShared is a process of n points near c, with a trend if b is not 0. What it knows are some points in the space of its features.
func drawShared(t testing.TB, r *rand.Rand, s *safex.System, c safex.Candidates, n int, b float64) *safex.Process {
	center, scale := s.Inputs()
	m := &safex.Process{Center: center}
	for _, v := range scale {
		m.Length = append(m.Length, 2*v)
	}
	point := func() (p []float64) {
		for d := range scale {
			v := 0.3 * r.NormFloat64()
			if d < len(c.State) {
				v += (c.State[d] - center[d]) / m.Length[d]
			}
			p = append(p, v)
		}
		return p
	}
	for range n {
		m.Points = append(m.Points, point()...)
	}
	if b > 0 {
		m.Trend = []float64{b}
		for d, v := range scale { // some inputs begin within their range and leave it, and some never are
			from := 0.0
			if d < len(c.State) {
				from = math.Abs(c.State[d] - center[d])
			}
			m.Range = append(m.Range, (0.9+0.2*r.Float64())*(from+0.1*v))
			m.Trend = append(m.Trend, b/v)
		}
	}
	// With the Gram matrix G of the features' prior, RᵀR = G⁻¹ - (G + Φ)⁻¹ for what Φ tells.
	k := m.Features()
	gram := mat.NewSymDense(k, nil)
	for i := range k {
		gram.SetSym(i, i, 1+1e-3)
		for j := range min(i, n) {
			if i >= n {
				break
			}
			var r2 float64
			for d := range scale {
				e := m.Points[i*len(scale)+d] - m.Points[j*len(scale)+d]
				r2 += e * e
			}
			gram.SetSym(i, j, math.Exp(-r2/2))
		}
	}
	invert := func(a mat.Symmetric) *mat.SymDense {
		var c mat.Cholesky
		var x mat.SymDense
		if !c.Factorize(a) {
			t.Fatal("not positive definite")
		}
		if err := c.InverseTo(&x); err != nil {
			t.Fatal(err)
		}
		return &x
	}
	more := mat.NewSymDense(k, nil)
	more.CopySym(gram)
	for range 2 * k {
		v := mat.NewVecDense(k, nil)
		for i := range k {
			v.SetVec(i, r.NormFloat64())
		}
		more.SymRankOne(more, 3, v)
	}
	before, after := invert(gram), invert(more)
	turned := mat.NewSymDense(k, nil)
	for i := range k {
		for j := range i + 1 {
			turned.SetSym(i, j, before.At(k-1-i, k-1-j)-after.At(k-1-i, k-1-j))
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(turned) {
		t.Fatal("not positive definite")
	}
	var lower mat.TriDense
	chol.LTo(&lower)
	for i := range k {
		for j := range k {
			v := 0.0
			if j <= i {
				v = lower.At(k-1-j, k-1-i)
			}
			m.Root = append(m.Root, v)
		}
	}
	for d := range s.State {
		m.Deviation = append(m.Deviation, 0.01*scale[d])
		for range k {
			m.Weights = append(m.Weights, 0.003*scale[d]*r.NormFloat64())
		}
	}
	return m
}

// spotsNear are n spots near c, where noise is a few times as large as elsewhere.
func spotsNear(r *rand.Rand, s *safex.System, c safex.Candidates, n int) *safex.Spots {
	center, scale := s.Inputs()
	m := &safex.Spots{Center: center, Length: scale}
	for range n {
		for d := range scale {
			v := 0.3 * r.NormFloat64()
			if d < len(c.State) {
				v += (c.State[d] - center[d]) / m.Length[d]
			}
			m.Points = append(m.Points, v)
		}
		for range s.State {
			m.Times = append(m.Times, 20*r.Float64())
		}
	}
	return m
}

// Noise that is doubted, and processes, are rolled out as they are written down, forth and back, in every form.
func TestDoubts(t *testing.T) {
	for _, s := range systems(t) {
		for k, hidden := range [][]int{{40, 33}, {70}, nil, nil, nil, nil, nil} {
			r := rand.New(rand.NewPCG(5, uint64(k)))
			c := candidates(r, s, 12, 5)
			c.Eta, c.Epistemic = uniform(r, 12*len(s.State), 5), true
			f := safex.Form{Layers: noisy(r, s, 3, hidden, []string{"swish", "tanh", "relu", "", "", "", ""}[k]), Doubted: true}
			if k == 1 { // of noise of about Unit/30 nothing, a part and all is declared, in turn
				for d := range s.State {
					f.Layers.Declared = append(f.Layers.Declared, math.Pow([]float64{0, 0.02, 1}[d%3]*f.Layers.Unit[d], 2))
				}
			}
			if k > 2 {
				f = safex.Form{Process: drawShared(t, r, s, c, []int{30, 11, 0, 4}[k-3], []float64{0, 0.7, 0.3, 0.1}[k-3]), Doubted: k == 4}
				for range s.State {
					f.Noise = append(f.Noise, 0.01)
				}
			}
			if k > 4 {
				f.Doubted, f.Spots = true, spotsNear(r, s, c, []int{6, 0}[k-5])
			}
			if k == 1 || k > 2 {
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
					t.Errorf("%s %d: %s is off by %.2g", s.Name, k, name, e)
				}
			}
			t.Logf("%s %d: %v", s.Name, k, worst)
		}
	}
}
