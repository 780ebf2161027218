// Package modeltest has the laws that every learner keeps. A new one is tested by a call of Run.
package modeltest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Laws are those that only some learners keep.
type Laws struct {
	// Exact learners solve for their posterior: the order of the data does not matter, and more data never raise
	// the epistemic deviation.
	Exact bool
	// Placed learners know the system in its own units and places, as by a prior: in others they are other learners.
	Placed bool
	// Plain learners make models that no engine has a form of: rollout.Stepwise takes them through time, by Predict.
	Plain bool
	// KeepsNoise learners leave the noise that the task declares in what they doubt, and who plans counts it again; or have nothing to leave out.
	KeepsNoise bool
}

// Pendulum returns the system and n transitions under random torques, all of them real.
func Pendulum(t testing.TB, n int) (*safex.System, *safex.Data) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	data, r := &safex.Data{}, rng.New(1).Child("data").Rand()
	x := make([]float64, 3)
	s.Start(x, r)
	for range n {
		u := []float64{2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
		x = next
	}
	return s, data
}

// head is the first n transitions, copied.
func head(d *safex.Data, n int) *safex.Data {
	h := &safex.Data{}
	for i := range n {
		h.Append(d.X.Point(i), d.U.Point(i), d.Next.Point(i))
	}
	return h
}

// Run checks that l keeps the laws. l should learn some hundred transitions in a moment.
func Run(t *testing.T, l safex.Codec, laws Laws) {
	s, data := Pendulum(t, 200)
	learn := func(t *testing.T, d *safex.Data, seed uint64) safex.Model {
		t.Helper()
		m, err := l.Learn(context.Background(), s, d, nil, rng.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	save := func(t *testing.T, m safex.Model) []byte {
		t.Helper()
		b, err := l.Save(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	model := learn(t, data, 1)

	t.Run("same seed, same bits", func(t *testing.T) {
		if !bytes.Equal(save(t, model), save(t, learn(t, data, 1))) {
			t.Error("the same data and seed gave two models")
		}
	})
	t.Run("data are left alone", func(t *testing.T) {
		before := head(data, data.Len())
		learn(t, data, 2)
		if !reflect.DeepEqual(before, data) {
			t.Error("Learn changed its data")
		}
	})
	t.Run("a model never changes", func(t *testing.T) {
		before := predict(t, model, data.X, data.U)
		if _, err := l.Learn(context.Background(), s, data, model, rng.New(5)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, predict(t, model, data.X, data.U)) {
			t.Error("a fit that went on from a model changed it")
		}
	})
	t.Run("deviations are numbers of at least 0", func(t *testing.T) {
		x, u := far(200)
		p := predict(t, model, x, u)
		for _, b := range []num.Batch{p.Epistemic, p.Aleatoric} {
			for d, column := range b {
				for i, v := range column {
					if !(v >= 0) || math.IsInf(v, 1) {
						t.Fatalf("dimension %d at %v is off by %v", d, x.Point(i), v)
					}
				}
			}
		}
	})
	t.Run("lanes are independent", func(t *testing.T) {
		x, u := far(40)
		a := predict(t, model, x, u)
		for _, b := range []num.Batch{x, u} {
			for _, column := range b {
				for i := 1; i < len(column); i += 2 {
					column[i] *= 0.3
				}
			}
		}
		b := predict(t, model, x, u)
		for d := range a.Mean {
			for i := 0; i < x.Len(); i += 2 {
				if a.Mean[d][i] != b.Mean[d][i] || a.Epistemic[d][i] != b.Epistemic[d][i] {
					t.Fatalf("point %d changed with its neighbours", i)
				}
			}
		}
	})
	if !laws.Placed {
		t.Run("units and offsets change nothing", func(t *testing.T) { units(t, l) })
	}
	t.Run("rollout and Predict agree", func(t *testing.T) { rolls(t, s, model, laws) })
	t.Run("concurrent", func(t *testing.T) {
		want := predict(t, model, data.X, data.U)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				p := &safex.Prediction{}
				if err := model.Predict(p, data.X, data.U); err != nil || !reflect.DeepEqual(p, want) {
					t.Errorf("side by side the model predicts otherwise, error %v", err)
				}
			})
		}
		wait.Wait()
	})
	t.Run("NaN is an error that names the row", func(t *testing.T) {
		for _, v := range []float64{math.NaN(), math.Inf(1)} {
			spoilt := head(data, 100)
			spoilt.Next[1][37] = v
			if _, err := l.Learn(context.Background(), s, spoilt, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), "transition 37 of 100") {
				t.Errorf("error %v of a %v in row 37", err, v)
			}
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		m, err := l.Learn(ctx, s, data, nil, rng.New(1))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if m != nil {
			predict(t, m, data.X, data.U) // the best so far is whole
		}
	})
	t.Run("noise that is declared", func(t *testing.T) { declared(t, l, laws) })
	t.Run("save and load", func(t *testing.T) {
		file := save(t, model)
		loaded, err := l.Load(s, file)
		if err != nil {
			t.Fatal(err)
		}
		x, u := far(60)
		if !reflect.DeepEqual(predict(t, model, x, u), predict(t, loaded, x, u)) {
			t.Error("a loaded model predicts otherwise")
		}
		if !bytes.Equal(file, save(t, loaded)) {
			t.Error("a loaded model is saved otherwise")
		}
		next, err := l.Learn(context.Background(), s, data, loaded, rng.New(7))
		if err != nil {
			t.Fatal(err)
		}
		direct, err := l.Learn(context.Background(), s, data, model, rng.New(7))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(save(t, next), save(t, direct)) {
			t.Error("a fit goes on otherwise after save and load")
		}
	})
	t.Run("damaged files are refused", func(t *testing.T) {
		file := save(t, model)
		for _, n := range []int{0, 1, len(file) / 2, len(file) - 1} {
			if _, err := l.Load(s, file[:n]); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("the first %d of %d bytes: error %v", n, len(file), err)
			}
		}
		r := rng.New(3).Rand()
		for range 50 {
			spoilt := bytes.Clone(file)
			at := r.IntN(len(spoilt))
			spoilt[at] ^= 1 << r.IntN(7)
			if _, err := l.Load(s, spoilt); err == nil {
				t.Errorf("a changed byte %d of %d is not noticed", at, len(file))
			}
		}
		other, err := tasks.DefaultCarPark().Task().System()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Load(other, file); err == nil {
			t.Error("a model of another task is taken")
		}
	})
	if u, ok := l.(safex.Updater); ok {
		t.Run("takes in steps", func(t *testing.T) { takesIn(t, l, u, s, data, save) })
	}
	if c, ok := model.(safex.Membered); ok && c.Members() > 0 {
		t.Run("members", func(t *testing.T) { members(t, model, c) })
		if split, ok := model.(safex.Splittable); ok {
			t.Run("members alone", func(t *testing.T) { alone(t, s, split, laws) })
		}
	}
	if laws.Exact {
		t.Run("order does not matter", func(t *testing.T) {
			turned := &safex.Data{}
			for i := range data.Len() {
				k := data.Len() - 1 - i
				turned.Append(data.X.Point(k), data.U.Point(k), data.Next.Point(k))
			}
			x, u := far(60)
			a, b := predict(t, model, x, u), predict(t, learn(t, turned, 1), x, u)
			for d := range a.Mean {
				for i := range x.Len() {
					if off := math.Abs(a.Mean[d][i] - b.Mean[d][i]); off > 1e-6*(1+math.Abs(a.Mean[d][i])) {
						t.Fatalf("dimension %d at %v is off by %v", d, x.Point(i), off)
					}
				}
			}
		})
		t.Run("more data never raise the epistemic deviation", func(t *testing.T) {
			x, u := far(60)
			before := predict(t, learn(t, head(data, 5), 1), x, u)
			for _, n := range []int{6, 10, 50, 200} {
				now := predict(t, learn(t, head(data, n), 1), x, u)
				for d := range now.Epistemic {
					for i, v := range now.Epistemic[d] {
						if v > before.Epistemic[d][i]*(1+1e-7) {
							t.Fatalf("%d transitions: dimension %d at %v is off by %v, after %v", n, d, x.Point(i), v, before.Epistemic[d][i])
						}
					}
				}
				before = now
			}
		})
	}
}

// takesIn checks that it does not matter in how many calls steps come, nor whether a model was on disk in between, and
// that the model before stays as it was.
func takesIn(t *testing.T, l safex.Codec, u safex.Updater, s *safex.System, data *safex.Data, save func(*testing.T, safex.Model) []byte) {
	first, err := l.Learn(context.Background(), s, head(data, 150), nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	before := predict(t, first, data.X, data.U)
	update := func(m safex.Model, n int) safex.Model {
		m, err := u.Update(context.Background(), s, head(data, n), m)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	once := update(first, 200)
	single := first
	for n := 151; n <= 200; n++ {
		single = update(single, n)
		if n == 170 {
			if single, err = l.Load(s, save(t, single)); err != nil {
				t.Fatal(err)
			}
		}
	}
	x, w := far(60)
	if !reflect.DeepEqual(predict(t, once, x, w), predict(t, single, x, w)) || !bytes.Equal(save(t, once), save(t, single)) {
		t.Error("steps that came one by one gave another model than at once")
	}
	if !reflect.DeepEqual(before, predict(t, first, data.X, data.U)) {
		t.Error("an update changed the model before it")
	}
	if !bytes.Equal(save(t, once), save(t, update(once, 200))) {
		t.Error("an update without new steps changed something")
	}
}

// members checks that the mean is that of the members, that a lane is its member's alone, and that the members'
// epistemic deviation is 0.
func members(t *testing.T, m safex.Model, c safex.Membered) {
	x, u := far(40)
	want := predict(t, m, x, u)
	n := x.Len()
	mean := num.NewBatch(len(x), n)
	each := make([]*safex.Prediction, c.Members())
	member := make([]int, n)
	for k := range each {
		for i := range member {
			member[i] = k
		}
		each[k] = &safex.Prediction{}
		if err := c.PredictMember(each[k], member, x, u); err != nil {
			t.Fatal(err)
		}
		for d := range mean {
			for i := range n {
				mean[d][i] += each[k].Mean[d][i] / float64(len(each))
				if each[k].Epistemic[d][i] != 0 {
					t.Fatalf("member %d has the epistemic deviation %v", k, each[k].Epistemic[d][i])
				}
			}
		}
	}
	for d := range mean {
		for i := range n {
			if off := math.Abs(mean[d][i] - want.Mean[d][i]); off > 1e-4*(math.Abs(mean[d][i])+want.Epistemic[d][i])+1e-6 {
				t.Fatalf("dimension %d of point %d: the members' mean is %v, the model's %v", d, i, mean[d][i], want.Mean[d][i])
			}
		}
	}
	for i := range member {
		member[i] = i % len(each)
	}
	mixed := &safex.Prediction{}
	if err := c.PredictMember(mixed, member, x, u); err != nil {
		t.Fatal(err)
	}
	for d := range mean {
		for i := range n {
			if got, want := mixed.Mean[d][i], each[i%len(each)].Mean[d][i]; got != want || mixed.Aleatoric[d][i] != each[i%len(each)].Aleatoric[d][i] {
				t.Fatalf("dimension %d of point %d: %v among others, %v by itself", d, i, got, want)
			}
		}
	}
}

// alone checks that a member by itself predicts what it does among the others, with an epistemic deviation of 0, and in a rollout.
func alone(t *testing.T, s *safex.System, m safex.Splittable, laws Laws) {
	x, u := far(40)
	member := make([]int, x.Len())
	for k := range m.Members() {
		own, err := m.Member(k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range member {
			member[i] = k
		}
		var among safex.Prediction
		if err := m.PredictMember(&among, member, x, u); err != nil {
			t.Fatal(err)
		}
		got := predict(t, own, x, u)
		for d := range got.Mean {
			for i := range member {
				if want := among.Mean[d][i]; math.Abs(got.Mean[d][i]-want) > 1e-5*(1+math.Abs(want)) {
					t.Fatalf("dimension %d of point %d: member %d predicts %v alone, %v among others", d, i, k, got.Mean[d][i], want)
				}
				if want := among.Aleatoric[d][i]; math.Abs(got.Aleatoric[d][i]-want) > 1e-5*want || got.Epistemic[d][i] > 1e-6 {
					t.Fatalf("dimension %d of point %d: member %d has the deviations %v and %v alone, 0 and %v among others", d, i, k, got.Epistemic[d][i], got.Aleatoric[d][i], want)
				}
			}
		}
		rolls(t, s, own, laws)
	}
}

// rolls compares rollouts of one step, by the model's graph if it is to have one and by its Form if it has one, with Predict.
func rolls(t *testing.T, s *safex.System, m safex.Model, laws Laws) {
	if laws.Plain {
		rollsBy(t, s, m, rollout.NewStepwise())
		return
	}
	if safex.FormOf(m) != nil {
		rollsBy(t, s, m, rollout.NewAuto())
	}
	rollsBy(t, s, m, rollout.NewGoMLX())
}

// rollsBy is rolls by one engine.
func rollsBy(t *testing.T, s *safex.System, m safex.Model, e safex.Engine) {
	r, err := e.Rollout(s, m)
	if err != nil {
		t.Fatal(err)
	}
	const n = 20
	c := safex.Candidates{State: []float64{-0.9, 0.435, 1.5}, Beta: 2, Actions: num.NewBatch(1, n), Eta: num.NewBatch(3, n)}
	x := num.NewBatch(3, n)
	draw := rng.New(11).Rand()
	for i := range n {
		x.SetPoint(i, c.State)
		c.Actions[0][i] = 2*draw.Float64() - 1
		for d := range c.Eta {
			c.Eta[d][i] = 2*draw.Float64() - 1
		}
	}
	var out safex.Rolled
	if err := r.Roll(context.Background(), &out, c, nil); err != nil {
		t.Fatal(err)
	}
	p := predict(t, m, x, c.Actions)
	for d := range p.Mean {
		for i := range n {
			want := p.Mean[d][i] + c.Beta*p.Epistemic[d][i]*c.Eta[d][i]
			if got := out.States[d][i]; math.Abs(got-want) > 1e-4*(math.Abs(want)+p.Epistemic[d][i])+1e-6 {
				t.Fatalf("dimension %d of candidate %d: rolled to %v, Predict says %v", d, i, got, want)
			}
		}
	}
}

func predict(t *testing.T, m safex.Model, x, u num.Batch) *safex.Prediction {
	t.Helper()
	p := &safex.Prediction{}
	if err := m.Predict(p, x, u); err != nil {
		t.Fatal(err)
	}
	return p
}

// far are points of the pendulum that were mostly not seen.
func far(n int) (x, u num.Batch) {
	r := rng.New(8).Rand()
	x, u = num.NewBatch(3, n), num.NewBatch(1, n)
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * r.Float64())
		x.SetPoint(i, []float64{cos, sin, 8 * r.NormFloat64()})
		u[0][i] = 2*r.Float64() - 1
	}
	return x, u
}
