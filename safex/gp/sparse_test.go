package gp_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// sparseOf is a sparse learner of so many inducing inputs that fits nothing.
func sparseOf(points, spare int) gp.Sparse {
	g := gp.DefaultSparse()
	g.Points, g.Spare, g.Fit = points, spare, false
	return g
}

func TestSparseLaws(t *testing.T) {
	t.Run("fit", func(t *testing.T) { modeltest.Run(t, gp.DefaultSparse(), modeltest.Laws{}) })
	t.Run("few points", func(t *testing.T) { modeltest.Run(t, sparseOf(20, 3), modeltest.Laws{}) })
	t.Run("inputs beyond their range", func(t *testing.T) {
		g := sparseOf(20, 3)
		g.Range = 0.4
		modeltest.Run(t, g, modeltest.Laws{})
	})
}

// dense is the posterior of the covariance that Sparse states, of all data and without any inducing input: the textbook's (Rasmussen and Williams,
// 2006, equations 2.25 and 2.26), with the s_j that Sparse takes for the best.
func dense(t *testing.T, g gp.Sparse, s *safex.System, data *safex.Data, x, u num.Batch) (mean, dev num.Batch, noise []float64) {
	t.Helper()
	center, scale := s.Inputs()
	at := func(x, u num.Batch, i int) (z []float64) {
		for d, column := range append(append(num.Batch{}, x...), u...) {
			z = append(z, (column[i]-center[d])/scale[d])
		}
		return z
	}
	covariance := func(a, b []float64) float64 {
		var r2 float64
		dot := 1.0
		for d := range a {
			r2 += (a[d] - b[d]) * (a[d] - b[d]) / (g.Length * g.Length)
			dot += a[d] * b[d]
		}
		return math.Exp(-r2/2) + g.Trend*g.Trend*dot
	}
	n := data.Len()
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			k.SetSym(i, j, covariance(at(data.X, data.U, i), at(data.X, data.U, j)))
		}
		k.SetSym(i, i, k.At(i, i)+g.Noise*g.Noise)
	}
	var chol mat.Cholesky
	if !chol.Factorize(k) {
		t.Fatal("not positive definite")
	}
	mean, dev = num.NewBatch(len(x), x.Len()), num.NewBatch(len(x), x.Len())
	for j, v := range s.State {
		y, α := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
		for i := range n {
			y.SetVec(i, (data.Next[j][i]-data.X[j][i])/v.Scale)
		}
		if err := chol.SolveVecTo(α, y); err != nil {
			t.Fatal(err)
		}
		signal := math.Sqrt((mat.Dot(y, α) + g.Prior*g.Signal*g.Signal) / (float64(n) + g.Prior))
		noise = append(noise, v.Scale*signal*g.Noise)
		for p := range x.Len() {
			z := at(x, u, p)
			row, solved := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
			for i := range n {
				row.SetVec(i, covariance(z, at(data.X, data.U, i)))
			}
			if err := chol.SolveVecTo(solved, row); err != nil {
				t.Fatal(err)
			}
			mean[j][p] = x[j][p] + v.Scale*mat.Dot(row, α)
			dev[j][p] = v.Scale * signal * math.Sqrt(max(0, covariance(z, z)-mat.Dot(row, solved)))
		}
	}
	return mean, dev, noise
}

// points are places near and far from those of modeltest.Pendulum.
func points(n int) (x, u num.Batch) {
	r := rng.New(21).Rand()
	x, u = num.NewBatch(3, n), num.NewBatch(1, n)
	for i := range n {
		angle := 3 * r.NormFloat64()
		x[0][i], x[1][i], x[2][i], u[0][i] = math.Cos(angle), math.Sin(angle), 4*r.NormFloat64(), 2*r.Float64()-1
	}
	return x, u
}

// With every input inducing, the posterior is the exact one, up to the doubt that is added to each inducing input. With fewer, the
// deviation is no more than a fifth smaller anywhere, in that of the noise: so much is promised for what is left out between them.
func TestSparseAgainstDense(t *testing.T) {
	s, data := modeltest.Pendulum(t, 80)
	x, u := points(60)
	full := sparseOf(80, 0)
	full.Noise = 0.05
	mean, dev, noise := dense(t, full, s, data, x, u)
	for n, tolerance := range map[int]float64{80: 1e-3, 25: 0} {
		g := full
		g.Points = n
		m := fit(t, g, s, data)
		var p safex.Prediction
		if err := m.Predict(&p, x, u); err != nil {
			t.Fatal(err)
		}
		for d := range mean {
			for i, want := range dev[d] {
				got := p.Epistemic[d][i]
				if tolerance > 0 && (math.Abs(got-want) > tolerance*want+1e-3*full.Noise*s.State[d].Scale || math.Abs(p.Mean[d][i]-mean[d][i]) > tolerance*(1+math.Abs(mean[d][i]))) {
					t.Fatalf("%d points: dimension %d of point %d is %v ± %v, want %v ± %v", n, d, i, p.Mean[d][i], got, mean[d][i], want)
				}
				if got /= p.Aleatoric[d][i]; got < 0.8*want/noise[d] {
					t.Fatalf("%d points: dimension %d of point %d is known to %v times its noise, and all data tell %v", n, d, i, got, want/noise[d])
				}
			}
		}
	}
}

func fit(t *testing.T, l safex.Learner, s *safex.System, data *safex.Data) safex.Model {
	t.Helper()
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A system that is linear is known everywhere from a small corner of it, and its box holds.
func TestSparseExtrapolatesLines(t *testing.T) {
	s, err := safex.Task{
		Name: "line", Dt: 1, Steps: 10, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "a", Scale: 1}, {Name: "b", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			return num.Vec{x[0].Add(x[1].Mul(0.1)), x[1].Mul(0.9).Add(u[0].Mul(0.5))}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(5).Rand()
	next := func(x, u []float64) []float64 { y, _, _ := s.Step(x, u); return y }
	for range 60 {
		x, u := []float64{0.05 * r.NormFloat64(), 0.05 * r.NormFloat64()}, []float64{0.05 * r.NormFloat64()}
		data.Append(x, u, next(x, u))
	}
	m := fit(t, gp.DefaultSparse(), s, data)
	x, u := []float64{3, -4}, []float64{1}
	column := func(x []float64) num.Batch { b := num.NewBatch(len(x), 1); b.SetPoint(0, x); return b }
	var p safex.Prediction
	if err := m.Predict(&p, column(x), column(u)); err != nil {
		t.Fatal(err)
	}
	for d, want := range next(x, u) {
		if off := math.Abs(p.Mean[d][0] - want); off > 0.05 || off > 2*p.Epistemic[d][0] {
			t.Errorf("dimension %d is %v ± %v eighty times as far as the data, want %v", d, p.Mean[d][0], p.Epistemic[d][0], want)
		}
	}
}

// A system that has hardly moved in thousands of steps rounds away more than a jitter makes up for. What is known of it stays a number, little near
// the data and more far from them.
func TestSparseAtRest(t *testing.T) {
	s, _ := modeltest.Pendulum(t, 1)
	data, r := &safex.Data{}, rng.New(5).Rand()
	for range 3000 {
		angle, speed := math.Pi+1e-4*r.NormFloat64(), 1e-4*r.NormFloat64()
		x, u := []float64{math.Cos(angle), math.Sin(angle), speed}, []float64{1e-4 * r.NormFloat64()}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
	}
	g := sparseOf(96, 0)
	g.Noise, g.MinNoise = 3e-4, 3e-4
	var p safex.Prediction
	if err := fit(t, g, s, data).Predict(&p, num.Batch{{-1, 1}, {0, 0}, {0, 3}}, num.Batch{{0, 1}}); err != nil {
		t.Fatal(err)
	}
	for d, dev := range p.Epistemic {
		if scale := s.State[d].Scale; !(dev[0] >= 0 && dev[0] < 0.02*scale && dev[1] > 5*dev[0] && dev[1] < 5*scale) {
			t.Errorf("dimension %d, of scale %v, is known to %v at rest and to %v far from it", d, scale, dev[0], dev[1])
		}
	}
}

func TestSparseErrors(t *testing.T) {
	s, data := modeltest.Pendulum(t, 30)
	for want, spoil := range map[string]func(g *gp.Sparse){
		"Length is 0":       func(g *gp.Sparse) { g.Length = 0 },
		"Trend is NaN":      func(g *gp.Sparse) { g.Trend = math.NaN() },
		"Signal is -1":      func(g *gp.Sparse) { g.Signal = -1 },
		"MinNoise 0,":       func(g *gp.Sparse) { g.MinNoise = 0 },
		"Points 0 ":         func(g *gp.Sparse) { g.Points = 0 },
		"Novel is -0.1":     func(g *gp.Sparse) { g.Novel = -0.1 },
		"MinLength is 0":    func(g *gp.Sparse) { g.MinLength = 0 },
		"Spot is -1":        func(g *gp.Sparse) { g.Spot = -1 },
		"Spots is -1":       func(g *gp.Sparse) { g.Spots = -1 },
		"at least MinNoise": func(g *gp.Sparse) { g.Noise = 1e-4 },
	} {
		g := gp.DefaultSparse()
		spoil(&g)
		if _, err := g.Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := gp.DefaultSparse().Learn(context.Background(), s, data, fit(t, gp.Default(), s, data), rng.New(1)); err == nil || !strings.Contains(err.Error(), "cannot go on") {
		t.Errorf("going on from a model of GP: error %v", err)
	}
}

// Where dry friction jumps there is noise, and there alone, as large as the jump; what the jump leaves smooth is known beyond the data, and boxes hold.
func TestSparseFindsJump(t *testing.T) {
	s := glider(t)
	data, r := &safex.Data{}, rng.New(5).Rand()
	add := func(data *safex.Data, n int, fast float64) {
		for range n {
			x, u := []float64{r.Float64(), fast * (2*r.Float64() - 1)}, []float64{2*r.Float64() - 1}
			next, _, _ := s.Step(x, u)
			data.Append(x, u, next)
		}
	}
	add(data, 150, 0.4)
	m := fit(t, gp.DefaultSparse(), s, data)
	blind := gp.DefaultSparse()
	blind.Spots, blind.MinLength = 0, 1e-3
	without := fit(t, blind, s, data)
	at := func(m safex.Model, v float64) (epistemic, aleatoric float64) {
		var p safex.Prediction
		if err := m.Predict(&p, num.Batch{{0.5}, {v}}, num.Batch{{0.2}}); err != nil {
			t.Fatal(err)
		}
		return p.Epistemic[1][0], p.Aleatoric[1][0]
	}
	_, jump := at(m, 0)
	_, calm := at(m, 0.35)
	if jump < 0.015 || jump > 0.1 || calm > jump/5 {
		t.Errorf("the noise is %v where the truth jumps by 0.05 either way, and %v elsewhere", jump, calm)
	}
	known, _ := at(m, 0.8)
	if other, _ := at(without, 0.8); known > other/3 {
		t.Errorf("twice as fast as the data the deviation is %v, and %v if there are no spots", known, other)
	}
	fresh := &safex.Data{}
	add(fresh, 300, 0.8)
	var p safex.Prediction
	if err := m.Predict(&p, fresh.X, fresh.U); err != nil {
		t.Fatal(err)
	}
	inside := 0
	for i := range fresh.Len() {
		in := true
		for d := range p.Mean {
			in = in && math.Abs(fresh.Next[d][i]-p.Mean[d][i]) <= 3*math.Hypot(p.Epistemic[d][i], p.Aleatoric[d][i])
		}
		if in {
			inside++
		}
	}
	if inside < 285 {
		t.Errorf("%d of 300 new steps are in the box of three deviations", inside)
	}
	t.Logf("noise %.3g at the jump and %.3g elsewhere, deviation beyond the data %.3g, %d of 300 in the box", jump, calm, known, inside)
}
