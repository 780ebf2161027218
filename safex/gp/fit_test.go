package gp

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// oracle is what scikit-learn says; testdata/sklearn.py makes it.
type oracle struct {
	X, At         num.Batch
	Y             []float64
	Signal, Noise float64
	Length        []float64
	Cases         map[string]struct {
		Mean, Deviation     []float64
		Likelihood, Reached float64
		Gradient            []float64
	}
}

func read(t *testing.T) (o oracle, h hyper) {
	t.Helper()
	data, err := os.ReadFile("testdata/sklearn.json")
	if err == nil {
		err = json.Unmarshal(data, &o)
	}
	if err != nil || len(o.Cases) != len(kernels) {
		t.Fatalf("%d kernels, error %v", len(o.Cases), err)
	}
	return o, hyper{o.Signal, o.Noise, o.Length}
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance*(1+math.Abs(b)) }

// The posterior, its likelihood and the derivatives are those of scikit-learn.
func TestScikitLearn(t *testing.T) {
	o, h := read(t)
	for name, want := range o.Cases {
		p, err := newOutput(kernels[name], h, o.X, o.Y)
		if err != nil {
			t.Fatal(err)
		}
		n := o.At.Len()
		mean, deviation := make([]float64, n), make([]float64, n)
		p.predict(mean, deviation, h.inLengths(o.At), make([]float64, n*len(o.Y)))
		for i := range n {
			if !near(mean[i], want.Mean[i], 1e-9) || !near(deviation[i], want.Deviation[i], 1e-9) {
				t.Errorf("%s: %v and %v at point %d, want %v and %v", name, mean[i], deviation[i], i, want.Mean[i], want.Deviation[i])
			}
		}
		grad := make([]float64, 2+len(h.Length))
		value, err := newLikelihood(kernels[name], o.X, o.Y).at(h, grad)
		if err != nil || !near(value, want.Likelihood, 1e-10) {
			t.Errorf("%s: likelihood %v, error %v, want %v", name, value, err, want.Likelihood)
		}
		for i, v := range grad {
			if !near(v, want.Gradient[i], 1e-9) {
				t.Errorf("%s: derivative %d is %v, want %v", name, i, v, want.Gradient[i])
			}
		}
	}
}

// Without a prior the search reaches the likelihood that scikit-learn's optimiser reaches from the same start.
func TestReached(t *testing.T) {
	o, h := read(t)
	for name, want := range o.Cases {
		g := Default()
		g.Kernel, g.MinNoise = name, 1e-6
		s := g.target(o.X, o.Y)
		s.spread = 1e6
		for i, v := range h.logs() {
			s.least[i], s.most[i] = v-3, v+3
		}
		s.search(context.Background(), h.logs(), 200)
		if got := -s.bestValue * float64(len(o.Y)); !(got > want.Reached-1e-3) {
			t.Errorf("%s: reached %v, scikit-learn %v", name, got, want.Reached)
		}
	}
}

// The derivatives of likelihood and prior are those of differences, inside the bounds and beyond.
func TestGradient(t *testing.T) {
	o, _ := read(t)
	for name := range kernels {
		g := Default()
		g.Kernel, g.Spread = name, 0.8
		s := g.target(o.X, o.Y)
		for _, θ := range [][]float64{{-0.5, -2, 0.2, -0.3, 1}, {-3.5, -4, 1.5, 0, 2}, {-0.5, -2, 4, -0.3, -3}} {
			s.at(θ)
			grad := append([]float64{}, s.grad...)
			for i := range θ {
				by := func(h float64) float64 {
					moved := append([]float64{}, θ...)
					moved[i] += h
					return s.at(moved)
				}
				const h = 1e-5
				if want := (by(h) - by(-h)) / (2 * h); !near(grad[i], want, 1e-7) {
					t.Errorf("%s at %v: derivative %d is %v, differences say %v", name, θ, i, grad[i], want)
				}
			}
		}
	}
}

// What a fit returns stays within its bounds, and explains the data better than its start.
func TestFitBounds(t *testing.T) {
	o, _ := read(t)
	g := Default()
	g.Spread, g.MinNoise, g.Noise = 0.1, 0.01, 0.01
	start := g.center(3)
	h, err := g.fitOutput(context.Background(), start, o.X, o.Y, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	before, after := start.logs(), h.logs()
	for i, v := range after {
		if math.Abs(v-before[i]) > 0.3+1e-9 {
			t.Errorf("hyper-parameter %d went from %v to %v, beyond three Spreads", i, before[i], v)
		}
	}
	s := g.target(o.X, o.Y)
	if !(s.at(after) < s.at(before)-0.1) {
		t.Errorf("the fit went from %v to %v", s.at(before), s.at(after))
	}
	g.Spread, g.MinNoise, g.Noise = 1, 0.2, 0.2 // the true noise is 0.05
	if h, err = g.fitOutput(context.Background(), start, o.X, o.Y, rng.New(1)); err != nil || !near(h.Noise, g.MinNoise, 1e-12) {
		t.Errorf("noise %v, error %v, want MinNoise = %v", h.Noise, err, g.MinNoise)
	}
}

// Restarts are points around the settings, of which the best is taken.
func TestRestarts(t *testing.T) {
	o, _ := read(t)
	g := Default()
	g.Evaluations = 1
	value := func(restarts int, seed uint64) float64 {
		g.Restarts = restarts
		h, err := g.fitOutput(context.Background(), g.center(3), o.X, o.Y, rng.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		return g.target(o.X, o.Y).at(h.logs())
	}
	none, some, other := value(0, 1), value(20, 1), value(20, 2)
	if !(some < none && other < none) || some == other || value(0, 2) != none {
		t.Errorf("%v without restarts, %v and %v with 20", none, some, other)
	}
}

// Rounding is met by a jitter, a matrix that is not positive definite by an error.
func TestFactorize(t *testing.T) {
	ones := mat.NewSymDense(3, []float64{4, 4, 4, 4, 4, 4, 4, 4, 4})
	chol, jitter, err := factorize(ones, 4)
	if err != nil || !(jitter > 0 && jitter < 1e-9) {
		t.Fatalf("jitter %v, error %v", jitter, err)
	}
	var back mat.SymDense
	chol.ToSym(&back)
	if !near(back.At(0, 0), 4+jitter, 1e-14) || !near(back.At(0, 2), 4, 1e-14) || ones.At(0, 0) != 4 {
		t.Errorf("factors of %v", mat.Formatted(&back))
	}
	for _, v := range []float64{-1, math.NaN()} {
		if _, _, err := factorize(mat.NewSymDense(2, []float64{1, 0, 0, v}), 1); err == nil || !strings.Contains(err.Error(), "raise MinNoise") {
			t.Errorf("error %v of a diagonal with %v", err, v)
		}
	}
}

// Where rounding exceeds the noise, deviations stay numbers above 0, for a point, for a batch, and after updates.
func TestRounding(t *testing.T) {
	x, at := num.NewBatch(1, 150), num.NewBatch(1, 149)
	for i := range 150 {
		x[0][i] = float64(i) / 50
	}
	for i := range 149 {
		at[0][i] = (x[0][i] + x[0][i+1]) / 2
	}
	for name, k := range kernels {
		for _, noise := range []float64{1e-6, 3e-7, 1e-7, 1e-8, 1e-9, 1e-12} {
			h := hyper{1, noise, []float64{1}}
			p, err := newOutput(k, h, x, make([]float64, 150))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				mean, deviation := make([]float64, 149), make([]float64, 149)
				p.predict(mean, deviation, h.inLengths(at), make([]float64, 149*len(p.alpha)))
				p = p.copy(149)
				for i, v := range deviation {
					if !(v > 0 && v < 0.01) {
						t.Fatalf("%s, noise %v: deviation %v at point %d", name, noise, v, i)
					}
					a := p.look(at.Point(i))
					if !(a.variance > 0 && a.variance < 1e-4) {
						t.Fatalf("%s, noise %v: variance %v at point %d", name, noise, a.variance, i)
					}
					p.extend(a, 0)
				}
			}
		}
		p, err := newOutput(k, hyper{1, 1e-12, []float64{1}}, num.Batch{{1, 1, 1}}, make([]float64, 3))
		if err != nil || !(p.noise2 > 1e-13) || !(p.information() > 0) {
			t.Errorf("%s: the jitter of equal inputs is %v, error %v", name, p.noise2, err)
		}
	}
}

// The rows that are chosen do not depend on their order, and the deviations that are left are those of the posterior.
func TestChoose(t *testing.T) {
	o, h := read(t)
	for name, k := range kernels {
		hypers := []hyper{h, {0.4, 0.01, []float64{2, 0.5, 1}}}
		rows, left := choose(k, hypers, o.X, 12)
		taken := map[int]bool{}
		for _, r := range rows {
			taken[r] = true
		}
		if len(taken) != 12 {
			t.Fatalf("%s: chose %v", name, rows)
		}
		var others []int
		for i := range o.X.Len() {
			if !taken[i] {
				others = append(others, i)
			}
		}
		for j, h := range hypers {
			p, err := newOutput(k, h, pick(o.X, rows), make([]float64, 12))
			if err != nil {
				t.Fatal(err)
			}
			n := len(others)
			mean, deviation := make([]float64, n), make([]float64, n)
			p.predict(mean, deviation, h.inLengths(pick(o.X, others)), make([]float64, n*12))
			var most float64
			for _, v := range deviation {
				most = max(most, v)
			}
			if !near(left[j], most, 1e-10) {
				t.Errorf("%s: output %d has %v left, the posterior %v", name, j, left[j], most)
			}
		}
		// The next is the one that is known worst, in units of its noise.
		for c := range 11 {
			before, most := choose(k, hypers, o.X, c+1)
			var next, worst float64
			for j, h := range hypers {
				p, err := newOutput(k, h, pick(o.X, before), make([]float64, c+1))
				if err != nil {
					t.Fatal(err)
				}
				next = max(next, math.Sqrt(p.look(o.X.Point(rows[c+1])).variance)/h.Noise)
				worst = max(worst, most[j]/h.Noise)
			}
			if !slices.Equal(before, rows[:c+1]) || !near(next, worst, 1e-10) {
				t.Errorf("%s: after %v of %v a row at %v, where the worst is at %v", name, before, rows, next, worst)
			}
		}
		if all, none := choose(k, hypers, o.X, 30); len(all) != 30 || none[0] != 0 {
			t.Errorf("%s: chose %d of 30 rows, %v left", name, len(all), none)
		}
	}
}

// The information is half the logarithm of det(I + K/ς²), also of rows that came one by one.
func TestInformation(t *testing.T) {
	o, h := read(t)
	p, err := newOutput(kernels["se"], h, o.X, o.Y)
	if err != nil {
		t.Fatal(err)
	}
	n := len(o.Y)
	k := mat.NewSymDense(n, nil)
	for i := range n {
		row := make([]float64, n)
		p.kernels(row, i, p.z, 0)
		for j, v := range row {
			if i == j {
				v += p.noise2
			}
			k.SetSym(i, j, v/p.noise2)
		}
	}
	value, sign := mat.LogDet(k)
	if got := p.information(); sign != 1 || !near(got, value/2, 1e-10) {
		t.Errorf("information %v, want %v", got, value/2)
	}
}
