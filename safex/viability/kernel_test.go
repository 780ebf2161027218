package viability_test

import (
	"math"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/viability"
)

// oracle proves what the true dynamics do.
func oracle(t testing.TB, s *safex.System) *reach.Prover {
	t.Helper()
	return prover(t, s, rollout.OracleModel(s))
}

func prover(t testing.TB, s *safex.System, m safex.Model) *reach.Prover {
	t.Helper()
	p, err := reach.New(s, m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// throws are steps of the pendulum from random states.
func throws(s *safex.System, n int) *safex.Data {
	r := rng.New(3).Rand()
	data := &safex.Data{}
	for range n {
		θ := math.Pi * (2*r.Float64() - 1)
		x, u := []float64{math.Cos(θ), math.Sin(θ), 12*r.Float64() - 6}, []float64{2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
	}
	return data
}

// learned is a model of the pendulum from 600 steps.
func learned(t testing.TB) (*safex.System, safex.Model) {
	t.Helper()
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	l := ensemble.Default()
	m, err := l.Learn(t.Context(), s, throws(s, 600), nil, rng.New(4))
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// Whatever a learned model errs by in its box, no state leaves the kernel.
func TestLearnedKernel(t *testing.T) {
	s, m := learned(t)
	c := viability.DefaultSettings()
	c.Noise = []float64{0, 0, 0.01}
	k, err := viability.Compute(t.Context(), s, prover(t, s, m), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("share %.3f", k.Share())
	if k.Share() < 0.75 {
		t.Errorf("the kernel is %.3f of the grid", k.Share())
	}
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	keeps(t, k, m, c, n)
}

// keeps checks that n random states of a kernel of the pendulum, on the edge of their cells too, stay in it under its actions wherever the model may lead.
func keeps(t *testing.T, k *viability.Kernel, m safex.Model, c viability.Settings, n int) {
	t.Helper()
	r := rng.New(5).Rand()
	x, u := num.NewBatch(3, n), num.NewBatch(1, n)
	for i, tries := 0, 0; i < n; tries++ {
		if tries > 1000*n {
			t.Fatal("the kernel is empty")
		}
		at := []float64{r.Float64(), r.Float64()} // shares of the axes
		for j, a := range k.Grid.Axes {
			if r.IntN(4) == 0 {
				at[j] = math.Round(at[j]*float64(a.Cells)) / float64(a.Cells)
			}
			at[j] = a.From + (a.To-a.From)*at[j]
		}
		state := []float64{math.Cos(at[0]), math.Sin(at[0]), at[1]}
		if a := k.Backup(state); a != nil {
			x.SetPoint(i, state)
			u.SetPoint(i, a)
			i++
		}
	}
	var said safex.Prediction
	if err := m.Predict(&said, x, u); err != nil {
		t.Fatal(err)
	}
	next := make([]float64, 3)
	for i := range n {
		for corner := range 8 {
			for d := range next {
				η := 2*float64(corner>>d&1) - 1
				next[d] = said.Mean[d][i] + η*c.Beta*said.Epistemic[d][i]
				if c.Noise != nil {
					next[d] += η * c.Noise[d]
				}
			}
			if !k.Contains(next) {
				t.Fatalf("from %v, which is in the kernel, its action %v leads to %v, which is not", x.Point(i), u.Point(i), next)
			}
		}
	}
}

// Kernels of every kind of model keep what they hold.
func TestKinds(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	data := throws(s, 150)
	process, sparse := gp.Default(), gp.DefaultSparse()
	process.Fit, sparse.Fit = false, false
	small := func(activation string) ensemble.Ensemble {
		e := ensemble.Default()
		e.Hidden, e.Activation = []int{16, 16}, activation
		return e
	}
	for _, c := range []struct {
		name  string
		share float64
		safex.Learner
	}{
		{"relu", 0.3, small("relu")}, {"tanh", 0.3, small("tanh")}, {"linear", 0.15, linear.Default()}, {"gp", 0.3, process}, {"sparse gp", 0.3, sparse},
		{"prior and gp", 0.3, residual.Residual{Prior: s, Learner: process}}, {"calibrated", 0.3, calibrate.DefaultConformal().With(small("swish"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := c.Learn(t.Context(), s, data, nil, rng.New(4))
			if err != nil {
				t.Fatal(err)
			}
			k := viability.DefaultSettings()
			k.Cells, k.Block, k.Beta = 200, 4, 0.2
			v, err := viability.Compute(t.Context(), s, prover(t, s, m), k)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("share %.3f", v.Share())
			if v.Share() < c.share {
				t.Errorf("the kernel is %.3f of the grid", v.Share())
			}
			keeps(t, v, m, k, 5000)
		})
	}
}

// A larger box of errors leaves a smaller kernel, and one that is large enough none.
func TestDoubtShrinks(t *testing.T) {
	s, m := learned(t)
	c := viability.DefaultSettings()
	c.Cells = 101
	last := math.Inf(1)
	for _, beta := range []float64{0, 2, 8, 1e4} {
		c.Beta = beta
		k, err := viability.Compute(t.Context(), s, prover(t, s, m), c)
		if err != nil {
			t.Fatal(err)
		}
		if k.Share() > last {
			t.Errorf("with β = %v the kernel is %v of the grid, and with less doubt it was %v", beta, k.Share(), last)
		}
		last = k.Share()
	}
	if last != 0 {
		t.Errorf("a kernel of %v is left of a belief that knows nothing", last)
	}
}

// BenchmarkKernel is one of 1200² cells, of a learned model.
func BenchmarkKernel(b *testing.B) {
	s, m := learned(b)
	p := prover(b, s, m)
	c := viability.DefaultSettings()
	for b.Loop() {
		k, err := viability.Compute(b.Context(), s, p, c)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(k.Share(), "share")
	}
}

// A point that is pushed along a line with at most a, and must stay within 1 of 0, can be kept there if it can stop before: v²/2a ≤ 1 - x.
func TestBraking(t *testing.T) {
	const a, dt = 1.0, 0.1
	s, err := safex.Task{
		Name: "cart", Dt: dt, Steps: 10, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "x", Scale: 0.5}, {Name: "v", Scale: 0.5}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Mul(a * dt))
			return num.Vec{x[0].Add(v.Mul(dt)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	c := viability.DefaultSettings()
	c.Cells, c.Block = 201, 1
	k, err := viability.Compute(t.Context(), s, oracle(t, s), c)
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(1).Rand()
	in, missed := 0, 0
	for range 20000 {
		x := []float64{2*r.Float64() - 1, 4*r.Float64() - 2}
		stops := x[0]+max(0, x[1])*max(0, x[1])/2/a <= 1 && x[0]-min(0, x[1])*min(0, x[1])/2/a >= -1
		switch got := k.Contains(x); {
		case got && x[0]+max(0, x[1])*max(0, x[1])/2/a > 1+0.06: // a step before it brakes
			t.Fatalf("%v is said to stop, and cannot", x)
		case got:
			in++
		case stops:
			missed++
		}
	}
	if in < 5*missed {
		t.Errorf("%d states are in the kernel, and %d that can stop are not", in, missed)
	}
	// Nothing leaves it.
	for range 2000 {
		x := []float64{2*r.Float64() - 1, 4*r.Float64() - 2}
		for range 50 {
			u := k.Backup(x)
			if u == nil {
				break
			}
			var excess []float64
			if x, _, excess = s.Step(x, u); excess[0] > 0 || !k.Contains(x) {
				t.Fatalf("it leaves the kernel to %v, excess %v", x, excess)
			}
		}
	}
}

// Most of the states of the pendulum with |ω| ≤ 6 can be kept so for ever, and near the limit those that fall cannot.
func TestPendulum(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	c := viability.DefaultSettings()
	c.Cells, c.Block = 201, 2
	began := time.Now()
	k, err := viability.Compute(t.Context(), s, oracle(t, s), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("share %.3f in %v", k.Share(), time.Since(began))
	if k.Share() < 0.5 || k.Share() > 0.85 {
		t.Errorf("share %.3f", k.Share())
	}
	r := rng.New(2).Rand()
	for range 3000 {
		θ := math.Pi * (2*r.Float64() - 1)
		x := []float64{math.Cos(θ), math.Sin(θ), 12*r.Float64() - 6}
		for range 60 {
			u := k.Backup(x)
			if u == nil {
				break
			}
			var excess []float64
			if x, _, excess = s.Step(x, u); excess[0] > 0 || !k.Contains(x) {
				t.Fatalf("it leaves the kernel to %v, excess %v", x, excess)
			}
		}
	}
}
