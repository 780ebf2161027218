package viability_test

import (
	"math"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
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

// learned is a model of the pendulum from 40 throws at random states.
func learned(t testing.TB) (*safex.System, safex.Model) {
	t.Helper()
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	r := rng.New(3).Rand()
	data := &safex.Data{}
	for range 600 {
		θ := math.Pi * (2*r.Float64() - 1)
		x, u := []float64{math.Cos(θ), math.Sin(θ), 12*r.Float64() - 6}, []float64{2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
	}
	l := ensemble.Default()
	m, err := l.Learn(t.Context(), s, data, nil, rng.New(4))
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

// Whatever a learned model errs by in its box, no state leaves the kernel.
func TestLearnedKernel(t *testing.T) {
	s, m := learned(t)
	c := viability.DefaultSettings()
	c.Cells, c.Noise = 241, []float64{0, 0, 0.01}
	k, err := viability.Compute(t.Context(), s, prover(t, s, m), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("share %.3f", k.Share())
	if k.Share() < 0.3 {
		t.Errorf("the kernel is %.3f of the grid", k.Share())
	}
	r := rng.New(5).Rand()
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	x, u := num.NewBatch(3, n), num.NewBatch(1, n)
	for i := 0; i < n; {
		θ := math.Pi * (2*r.Float64() - 1)
		at := []float64{math.Cos(θ), math.Sin(θ), 12*r.Float64() - 6}
		if a := k.Backup(at); a != nil {
			x.SetPoint(i, at)
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
		for d := range next {
			η := math.Copysign(1, r.Float64()-0.5)
			next[d] = said.Mean[d][i] + c.Beta*η*said.Epistemic[d][i] + c.Noise[d]*math.Copysign(1, r.Float64()-0.5)
		}
		if !k.Contains(next) {
			t.Fatalf("from %v, which is in the kernel, its action %v leads to %v, which is not", x.Point(i), u.Point(i), next)
		}
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

// BenchmarkKernel is one of 241² cells, of a learned model.
func BenchmarkKernel(b *testing.B) {
	s, m := learned(b)
	p := prover(b, s, m)
	c := viability.DefaultSettings()
	c.Cells = 241
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
