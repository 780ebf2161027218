package gp_test

import (
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// glider is a point with a jump in its drag and noise in its speed, of which a task may declare some.
func glider(t *testing.T, declared ...safex.Expectation) *safex.System {
	t.Helper()
	s, err := safex.Task{
		Name: "glider", Dt: 1, Steps: 10, Start: safex.StartAt(0, 0), Expected: declared,
		State:  []safex.Var{{Name: "x", Scale: 1}, {Name: "v", Scale: 1}},
		Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Mul(0.15)).Sub(num.Where(x[1].Less(0), -0.05, 0.05))
			return num.Vec{x[0].Add(v.Mul(0.05)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Noise that the task declares is not left aleatoric: where there is no more, hardly any is left, and where a jump adds to it that stays. The rest of the belief
// does not change, and a model that was saved says the same.
func TestSparseDeclaredNoise(t *testing.T) {
	const ς = 0.004
	plain, told := glider(t), glider(t, safex.Expectation{Kind: safex.ProcessNoise, On: "v", Size: ς})
	data, r := &safex.Data{}, rng.New(5).Rand()
	for range 150 {
		x, u := []float64{r.Float64(), 0.4 * (2*r.Float64() - 1)}, []float64{2*r.Float64() - 1}
		next, _, _ := plain.Step(x, u)
		next[1] += ς * r.NormFloat64()
		data.Append(x, u, next)
	}
	l := gp.DefaultSparse()
	before, after := fit(t, l, plain, data), fit(t, l, told, data)
	saved, err := l.Save(after)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Load(told, saved)
	if err != nil {
		t.Fatal(err)
	}
	n := 81
	x, u := num.NewBatch(2, n), num.NewBatch(1, n)
	for i := range n {
		x.SetPoint(i, []float64{0.5, -0.4 + 0.8*float64(i)/float64(n-1)})
		u.SetPoint(i, []float64{0.2})
	}
	var p, q, same safex.Prediction
	for _, c := range []struct {
		m  safex.Model
		to *safex.Prediction
	}{{before, &p}, {after, &q}, {again, &same}} {
		if err := c.m.Predict(c.to, x, u); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		was, is := p.Aleatoric[1][i], q.Aleatoric[1][i]
		if is <= 0 || is > was || x[1][i] == 0 && is < 0.7*was {
			t.Errorf("at %v the noise is %v, and was %v before %v of it was declared", x[1][i], is, was, ς)
		}
		for d := range 2 {
			if p.Mean[d][i] != q.Mean[d][i] || p.Epistemic[d][i] != q.Epistemic[d][i] || same.Aleatoric[d][i] != q.Aleatoric[d][i] || d == 0 && p.Aleatoric[d][i] != q.Aleatoric[d][i] {
				t.Errorf("at %v, dimension %d: another belief where noise is declared, or after it was saved", x[1][i], d)
			}
		}
	}
	if jump := p.Aleatoric[1][n/2]; jump < 4*ς {
		t.Errorf("the noise at the jump is %v: the test needs more than what is declared", jump)
	}
}

// Where there is nothing but the noise that is declared, hardly any is left, whatever the noise was taken for.
func TestSparseLeavesNoNoise(t *testing.T) {
	const ς = 0.02
	s, data := modeltest.Pendulum(t, 300)
	r := rng.New(6).Rand()
	for i := range data.Next[2] {
		data.Next[2][i] += ς * r.NormFloat64()
	}
	task := s.Task
	task.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "omega", Size: ς}}
	told, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	median := func(s *safex.System) float64 {
		var p safex.Prediction
		if err := fit(t, gp.DefaultSparse(), s, data).Predict(&p, data.X, data.U); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(slices.Values(p.Aleatoric[2]))[150]
	}
	if was, is := median(s), median(told); was < ς/2 || is > was/4 {
		t.Errorf("the noise is %v, and %v once it is declared", was, is)
	}
}
