package ensemble

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// swings are n transitions of the pendulum as a run makes them: 100 random torques, and then episodes of 200 steps that pump
// up energy and catch the rod at the top, with noise in each torque.
func swings(t testing.TB, n int) (*safex.System, *safex.Data) {
	s, data := modeltest.Pendulum(t, 100)
	r := rng.New(2).Rand()
	x := make([]float64, 3)
	for i := range n - 100 {
		if i%200 == 0 {
			s.Start(x, r)
		}
		cos, sin, ω := x[0], x[1], x[2]
		u := math.Copysign(1, ω) * (15*(1-cos) - ω*ω/2) / 4 // towards the energy of standing upright
		if cos > 0.9 {
			u = -10*sin - 2*ω
		}
		a := []float64{max(-1, min(u+0.3*r.NormFloat64(), 1))}
		next, _, _ := s.Step(x, a)
		data.Append(x, a, next)
		x = next
	}
	return s, data
}

// first are the first n transitions of d, not copied.
func first(d *safex.Data, n int) *safex.Data {
	cut := func(b num.Batch) (c num.Batch) {
		for _, column := range b {
			c = append(c, column[:n])
		}
		return c
	}
	return &safex.Data{X: cut(d.X), U: cut(d.U), Next: cut(d.Next)}
}

// refits are the fits of a run: to the first from transitions, and whenever there are every more, until all are learned. It
// returns the last two models.
func refits(t testing.TB, e Ensemble, s *safex.System, data *safex.Data, from, every int) (before, last safex.Model) {
	for n := from; n <= data.Len(); n += every {
		before, last = last, learn(t, e, s, first(data, n), last, uint64(n))
	}
	return before, last
}

// longer trains the last of refits a number of times as long.
func longer(t testing.TB, e Ensemble, s *safex.System, data *safex.Data, before safex.Model, times int) safex.Model {
	e.MaxSteps, e.Patience = e.MaxSteps*times, e.Patience*times
	return learn(t, e, s, data, before, uint64(data.Len()))
}

// heldOut is the mean negative log-likelihood of the held-out transitions in units of their movement, over members
// and dimensions, without its constant.
func heldOut(t testing.TB, e Ensemble, m safex.Model, data *safex.Data) (nll float64) {
	held := data.Pick(func(row int) bool { return row%e.HoldOut == e.HoldOut-1 })
	members, p := m.(safex.Membered), &safex.Prediction{}
	member := make([]int, held.Len())
	for k := range members.Members() {
		for i := range member {
			member[i] = k
		}
		if err := members.PredictMember(p, member, held.X, held.U); err != nil {
			t.Fatal(err)
		}
		for d := range p.Mean {
			for i, want := range held.Next[d] {
				std := p.Aleatoric[d][i]
				z := (p.Mean[d][i] - want) / std
				nll += (z*z/2 + math.Log(std/m.(*model).yScale[d])) / float64(members.Members()*len(p.Mean)*held.Len())
			}
		}
	}
	return nll
}

// miss is the root mean square of the errors on transitions, as a share of that of their movement, in each dimension.
func miss(t testing.TB, m safex.Model, data *safex.Data) (share []float64) {
	p := predict(t, m, data.X, data.U)
	for d := range p.Mean {
		var off, move float64
		for i, want := range data.Next[d] {
			off += math.Pow(p.Mean[d][i]-want, 2)
			move += math.Pow(want-data.X[d][i], 2)
		}
		share = append(share, math.Sqrt(off/move))
	}
	return share
}

// After the fits of a run the held-out likelihood is what far longer training would reach, and the errors
// on an episode that follows are small. Here training is 5 times as long and networks are small; BenchmarkRefit
// does the same with 20 times and the default sizes.
func TestRefitIsEnough(t *testing.T) {
	s, data := swings(t, 2200)
	seen, fresh := first(data, 2000), data.Pick(func(row int) bool { return row >= 2000 })
	e := Default()
	e.Hidden = []int{32, 32}
	before, last := refits(t, e, s, seen, 200, 300)
	got, best := heldOut(t, e, last, seen), heldOut(t, e, longer(t, e, s, seen, before, 5), seen)
	t.Logf("held-out negative log-likelihood %.3f, after longer training %.3f; errors %.4f of the movement", got, best, miss(t, last, fresh))
	if got > best+0.05*math.Abs(best) {
		t.Errorf("the held-out negative log-likelihood is %.3f, longer training reaches %.3f", got, best)
	}
	for d, share := range miss(t, last, fresh) {
		if share > 0.02 {
			t.Errorf("%s: the error on a fresh episode is %.1f %% of the movement", s.State[d].Name, 100*share)
		}
	}
}

// The published settings leave errors that are many times those of the default.
func TestReferenceUnderfits(t *testing.T) {
	s, data := swings(t, 600)
	seen, fresh := first(data, 500), data.Pick(func(row int) bool { return row >= 500 })
	e := Default()
	e.Hidden = []int{32, 32}
	_, reference := refits(t, Reference(), s, seen, 100, 50)
	_, ours := refits(t, e, s, seen, 100, 200)
	a, b := miss(t, reference, fresh), miss(t, ours, fresh)
	t.Logf("errors as shares of the movement: reference %.3f, default %.3f", a, b)
	for d := range a {
		if a[d] < 3*b[d] {
			t.Errorf("%s: the reference is off by %.3f of the movement, the default by %.3f", s.State[d].Name, a[d], b[d])
		}
	}
}

// What a fit calls its held-out likelihood is that of the model that it returns, with the averaged weights.
func TestHeldOutIsTheModels(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	for name, e := range kinds() {
		tr, back, err := borrow(e.recipe(e.shape(3, 1)))
		if err != nil {
			t.Fatal(err)
		}
		defer back()
		if err := tr.set(fresh(tr.shape, rng.New(1))); err != nil {
			t.Fatal(err)
		}
		set := e.prepare(s, data)
		best, nll, _, err := e.fit(context.Background(), tr, set, 1, rng.New(2))
		if err != nil {
			t.Fatal(err)
		}
		m, err := newModel(tr.shape, set.in, set.yScale, set.noise, nil, best)
		if err != nil {
			t.Fatal(err)
		}
		if again := heldOut(t, e, m, data); math.Abs(again-nll) > 1e-3*(1+math.Abs(nll)) {
			t.Errorf("%s: the fit ended at %v, its model is at %v", name, nll, again)
		}
		best.average = best.layers
		raw, err := newModel(tr.shape, set.in, set.yScale, set.noise, nil, best)
		if err != nil {
			t.Fatal(err)
		}
		if again := heldOut(t, e, raw, data); math.Abs(again-nll) < 1e-3*(1+math.Abs(nll)) {
			t.Errorf("%s: the last weights are as good as their average: the test tests nothing", name)
		}
	}
}
