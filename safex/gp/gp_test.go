package gp_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// fixed is a learner with hyper-parameters of its own that conditions on all data.
func fixed(kernel string) gp.GP {
	g := gp.Default()
	g.Kernel, g.Fit, g.Length, g.Points, g.Novel = kernel, false, 1.5, 300, 0
	return g
}

func learn(t testing.TB, g gp.GP, s *safex.System, data *safex.Data) safex.Model {
	t.Helper()
	m, err := g.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func update(t testing.TB, g gp.GP, s *safex.System, data *safex.Data, m safex.Model) safex.Model {
	t.Helper()
	m, err := g.Update(context.Background(), s, data, m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func save(t testing.TB, g gp.GP, m safex.Model) []byte {
	t.Helper()
	b, err := g.Save(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func predict(t testing.TB, m safex.Model, x, u num.Batch) *safex.Prediction {
	t.Helper()
	p := &safex.Prediction{}
	if err := m.Predict(p, x, u); err != nil {
		t.Fatal(err)
	}
	return p
}

func head(d *safex.Data, n int) *safex.Data { return d.Pick(func(row int) bool { return row < n }) }

// far are n points of the pendulum, most of which were not seen.
func far(n int) (x, u num.Batch) {
	r := rng.New(8).Rand()
	x, u = num.NewBatch(3, n), num.NewBatch(1, n)
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * r.Float64())
		x.SetPoint(i, []float64{cos, sin, 4 * r.NormFloat64()})
		u[0][i] = 2*r.Float64() - 1
	}
	return x, u
}

func TestLaws(t *testing.T) {
	for _, kernel := range []string{"se", "matern52"} {
		t.Run(kernel, func(t *testing.T) { modeltest.Run(t, fixed(kernel), modeltest.Laws{Exact: true}) })
		t.Run(kernel+" fitted", func(t *testing.T) {
			g := gp.Default()
			g.Kernel, g.Points = kernel, 100
			modeltest.Run(t, g, modeltest.Laws{})
		})
	}
}

// line is a system of one state and one action.
func line(t *testing.T) *safex.System {
	t.Helper()
	s, err := safex.Task{
		Name: "line", Dt: 1, Steps: 1, Start: safex.StartAt(0),
		State: []safex.Var{{Name: "x", Scale: 2}}, Action: []safex.Var{{Name: "u", Scale: 0.5}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0])} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The posteriors of no, one and two transitions are known in closed form.
func TestClosedForm(t *testing.T) {
	s := line(t)
	points := [][]float64{{1, 0.25, 1.5}, {-1, 0.5, -0.2}} // x, u, next
	at := []float64{0.4, -0.1}
	for kernel, ρ := range map[string]func(r float64) float64{
		"se":       func(r float64) float64 { return math.Exp(-r * r / 2) },
		"matern52": func(r float64) float64 { return (1 + math.Sqrt(5)*r + 5*r*r/3) * math.Exp(-math.Sqrt(5)*r) },
	} {
		g := fixed(kernel)
		g.Signal, g.Noise, g.Length = 0.8, 0.3, 1.5
		k := func(a, b []float64) float64 {
			return 0.64 * ρ(math.Hypot((a[0]-b[0])/2, (a[1]-b[1])/0.5)/1.5)
		}
		for n := range 3 {
			data := &safex.Data{}
			for _, p := range points[:n] {
				data.Append(p[:1], p[1:2], p[2:])
			}
			y := func(i int) float64 { return (points[i][2] - points[i][0]) / 2 }
			mean, variance := 0.0, 0.64
			switch n {
			case 1:
				a, c := 0.64+0.09, k(points[0], at)
				mean, variance = c*y(0)/a, 0.64-c*c/a
			case 2:
				a, b := 0.64+0.09, k(points[0], points[1])
				c, d := k(points[0], at), k(points[1], at)
				det := a*a - b*b
				mean = (c*(a*y(0)-b*y(1)) + d*(a*y(1)-b*y(0))) / det
				variance = 0.64 - (a*c*c-2*b*c*d+a*d*d)/det
			}
			p := predict(t, learn(t, g, s, data), num.Batch{at[:1]}, num.Batch{at[1:]})
			if want := at[0] + 2*mean; math.Abs(p.Mean[0][0]-want) > 1e-13 {
				t.Errorf("%s, %d transitions: mean %v, want %v", kernel, n, p.Mean[0][0], want)
			}
			if want := 2 * math.Sqrt(variance); math.Abs(p.Epistemic[0][0]-want) > 1e-13 || p.Aleatoric[0][0] != 0.6 {
				t.Errorf("%s, %d transitions: deviations %v and %v, want %v and 0.6", kernel, n, p.Epistemic[0][0], p.Aleatoric[0][0], want)
			}
		}
	}
}

// The epistemic deviation vanishes where data are and grows to the signal away from them.
func TestEpistemic(t *testing.T) {
	s := line(t)
	data := &safex.Data{}
	for i := range 40 {
		x := float64(i)/20 - 1
		data.Append([]float64{x}, []float64{0}, []float64{x + 0.1*math.Sin(x)})
	}
	g := fixed("se")
	p := predict(t, learn(t, g, s, data), num.Batch{{0, 2, 4, 8, 30}}, num.Batch{make([]float64, 5)})
	for i := range 4 {
		if !(p.Epistemic[0][i] < p.Epistemic[0][i+1]) {
			t.Errorf("deviations %v do not grow", p.Epistemic[0])
		}
	}
	signal := 2 * g.Signal // Scale 2
	if !(p.Epistemic[0][0] < 0.02*signal) || math.Abs(p.Epistemic[0][4]-signal) > 1e-9 || p.Mean[0][4] != 30 {
		t.Errorf("from %v to %v, signal %v, last mean %v", p.Epistemic[0][0], p.Epistemic[0][4], signal, p.Mean[0][4])
	}
}

// A fit finds the noise and the length scales that data were drawn with, about.
func TestFit(t *testing.T) {
	s := line(t)
	data, r := &safex.Data{}, rng.New(3).Rand()
	for range 250 {
		x, u := 4*r.Float64()-2, 2*r.Float64()-1
		data.Append([]float64{x}, []float64{u}, []float64{x + math.Sin(3*x) + 0.1*r.NormFloat64()}) // in Scales: noise 0.05
	}
	for _, kernel := range []string{"se", "matern52"} {
		g := gp.Default()
		g.Kernel = kernel
		p := predict(t, learn(t, g, s, data), num.Batch{{0.3, 0.3}}, num.Batch{{0, 0.9}})
		if σ := p.Aleatoric[0][0]; σ < 0.08 || σ > 0.12 {
			t.Errorf("%s: noise %v, want 0.1", kernel, σ)
		}
		for i, v := range p.Mean[0] {
			if want := 0.3 + math.Sin(0.9); math.Abs(v-want) > 0.1 || p.Epistemic[0][i] > 0.1 {
				t.Errorf("%s: mean %v and deviation %v, want %v", kernel, v, p.Epistemic[0][i], want)
			}
		}
	}
}

// In how many calls rows come changes no bit, and the posterior is that of Learn.
func TestUpdate(t *testing.T) {
	s, data := modeltest.Pendulum(t, 120)
	x, u := far(300)
	for _, kernel := range []string{"se", "matern52"} {
		g := fixed(kernel)
		start := learn(t, g, s, head(data, 50))
		before := predict(t, start, x, u)
		one := update(t, g, s, data, start)
		rows := start
		for n := 51; n <= 120; n++ {
			rows = update(t, g, s, head(data, n), rows)
		}
		a, b := predict(t, one, x, u), predict(t, rows, x, u)
		if !reflect.DeepEqual(a, b) || !bytes.Equal(save(t, g, one), save(t, g, rows)) {
			t.Errorf("%s: row by row is not the same as at once", kernel)
		}
		if !reflect.DeepEqual(before, predict(t, start, x, u)) {
			t.Errorf("%s: Update changed its model", kernel)
		}
		loaded, err := g.Load(s, save(t, g, rows))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, predict(t, loaded, x, u)) {
			t.Errorf("%s: an updated model predicts otherwise after save and load", kernel)
		}
		c := predict(t, learn(t, g, s, data), x, u)
		for d := range c.Mean {
			for i := range c.Mean[d] {
				if math.Abs(a.Mean[d][i]-c.Mean[d][i]) > 1e-9 || math.Abs(a.Epistemic[d][i]-c.Epistemic[d][i]) > 1e-9 {
					t.Fatalf("%s: Update is off from Learn by %v and %v", kernel, a.Mean[d][i]-c.Mean[d][i], a.Epistemic[d][i]-c.Epistemic[d][i])
				}
			}
		}
		// From no data on too.
		grown := predict(t, update(t, g, s, data, learn(t, g, s, &safex.Data{})), x, u)
		if math.Abs(grown.Epistemic[0][0]-c.Epistemic[0][0]) > 1e-9 {
			t.Errorf("%s: from nothing the deviation is %v, want %v", kernel, grown.Epistemic[0][0], c.Epistemic[0][0])
		}
	}
}

// What is known, or has no room, is left out of an Update, and Left tells.
func TestRoom(t *testing.T) {
	s, data := modeltest.Pendulum(t, 60)
	g := fixed("se")
	m := learn(t, g, s, data)
	twice := head(data, 60)
	for i := range 10 {
		twice.Append(data.X.Point(i), data.U.Point(i), data.Next.Point(i))
	}
	g.Novel = 1.01 // the deviation at a transition that is conditioned on is below its noise
	if left, deviation := gp.Left(update(t, g, s, twice, m)); left != 10 || !(deviation[0] > 0 && deviation[0] < 0.7*g.Noise) {
		t.Errorf("left %d known transitions, deviation %v", left, deviation)
	}
	// Models that grow from the same one do not see each other.
	g.Novel = 0
	root := update(t, g, s, head(twice, 63), m)
	x, u := far(50)
	grow := func(sign float64) safex.Model {
		more := head(twice, 63)
		for i := range 5 {
			more.Append([]float64{sign, 0, 3 + float64(i)}, []float64{sign}, []float64{sign, 0.1, 3})
		}
		return update(t, g, s, more, root)
	}
	one := grow(1)
	want := predict(t, one, x, u)
	grow(-1)
	if !reflect.DeepEqual(want, predict(t, one, x, u)) {
		t.Error("models that grow from the same one change each other")
	}
	g.Points, g.Spare = 60, 4
	if left, _ := gp.Left(update(t, g, s, twice, m)); left != 6 {
		t.Errorf("left %d, want 6 of 10 transitions when there is room for 4", left)
	}
	if left, deviation := gp.Left(m); left != 0 || deviation[2] != 0 {
		t.Errorf("Left changed to %d, %v by updates", left, deviation)
	}
}

// A subset errs by no more than its deviation, which is never smaller than that of all data, and what Left says
// bounds the deviation at each transition.
func TestSubset(t *testing.T) {
	s, data := pendulum(t, 300)
	x, u := far(200)
	g := fixed("se")
	all := predict(t, learn(t, g, s, data), x, u)
	var worst float64
	for _, points := range []int{50, 100, 200} {
		g.Points = points
		m := learn(t, g, s, data)
		left, deviation := gp.Left(m)
		if left != 300-points {
			t.Errorf("left %d of 300 transitions with %d Points", left, points)
		}
		p, seen := predict(t, m, x, u), predict(t, m, data.X, data.U)
		for d := range p.Mean {
			for i, v := range p.Epistemic[d] {
				more := v*v - all.Epistemic[d][i]*all.Epistemic[d][i]
				if more < -1e-12 {
					t.Fatalf("%d Points: deviation %v, of all data %v", points, v, all.Epistemic[d][i])
				}
				// The difference of the means has this variance, if the model is right.
				worst = max(worst, math.Abs(p.Mean[d][i]-all.Mean[d][i])/(math.Sqrt(max(0, more))+1e-6))
			}
			for _, v := range seen.Epistemic[d] {
				if v > max(deviation[d], g.Noise*s.State[d].Scale)*(1+1e-9) {
					t.Fatalf("%d Points: a transition with a deviation of %v, Left says %v", points, v, deviation[d])
				}
			}
		}
	}
	if worst > 4 || worst == 0 {
		t.Errorf("means are off by up to %v deviations", worst)
	}
}

// The order of the data changes no bit of a subset, a fit and a prediction; neither does the number of cores.
func TestDeterministic(t *testing.T) {
	s, data := pendulum(t, 150)
	g := gp.Default()
	g.FitPoints, g.Points = 80, 100
	turned := &safex.Data{}
	for i := range data.Len() {
		k := (i*7 + 3) % data.Len()
		turned.Append(data.X.Point(k), data.U.Point(k), data.Next.Point(k))
	}
	x, u := far(500)
	m := learn(t, g, s, data)
	want, p := save(t, g, m), predict(t, m, x, u)
	if !bytes.Equal(want, save(t, g, learn(t, g, s, turned))) {
		t.Error("the order of the data changes the model")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again := learn(t, g, s, data)
	if !bytes.Equal(want, save(t, g, again)) || !reflect.DeepEqual(p, predict(t, again, x, u)) {
		t.Error("the number of cores changes the model")
	}
}

// The planner gets the constant, or the bound that grows with the data, and else its own β.
func TestBeta(t *testing.T) {
	s, data := modeltest.Pendulum(t, 50)
	g := fixed("se")
	if β := safex.BetaOf(learn(t, g, s, data)); β != 0 {
		t.Errorf("β is %v, want the planner's own", β)
	}
	g.Beta = 2.5
	if β := safex.BetaOf(learn(t, g, s, data)); β != 2.5 {
		t.Errorf("β is %v, want Beta", β)
	}
	g.Beta, g.Norm, g.Delta = 0, 3, 0.05
	none, one := learn(t, g, s, &safex.Data{}), learn(t, g, s, head(data, 1))
	for n, m := range []safex.Model{none, one} {
		γ := float64(n) * math.Log(1+math.Pow(g.Signal/g.Noise, 2)) / 2
		if β, want := safex.BetaOf(m), 3+math.Sqrt(2*(γ+1+math.Log(3/0.05))); math.Abs(β-want) > 1e-12 {
			t.Errorf("β of %d transitions is %v, want %v", n, β, want)
		}
	}
	more := update(t, g, s, data, one)
	if !(safex.BetaOf(more) > safex.BetaOf(one)+0.1) {
		t.Errorf("β went from %v to %v by 49 transitions", safex.BetaOf(one), safex.BetaOf(more))
	}
	if β := safex.BetaOf(learn(t, g, s, data)); math.Abs(β-safex.BetaOf(more)) > 1e-9 {
		t.Errorf("β is %v by Learn and %v by Update", β, safex.BetaOf(more))
	}
	loaded, err := g.Load(s, save(t, g, more))
	if err != nil || safex.BetaOf(loaded) != safex.BetaOf(more) {
		t.Errorf("β is %v after save and load, error %v", safex.BetaOf(loaded), err)
	}
}

// The bound holds for a function of the assumed norm, with noise: everywhere, for each of some draws.
func TestBound(t *testing.T) {
	s := line(t)
	g := fixed("se")
	g.Signal, g.Noise, g.Length, g.Norm, g.Delta = 0.5, 0.1, 0.5, 2, 0.1
	for seed := range 20 {
		r := rng.New(uint64(seed)).Rand()
		// f = Σ a_i k(c_i, ·) has the squared norm aᵀKa; inputs are x/2 and u/0.5 = 0.
		centers, a := make([]float64, 6), make([]float64, 6)
		k := func(a, b float64) float64 { return 0.25 * math.Exp(-(a-b)*(a-b)/2/0.25) }
		for i := range a {
			centers[i], a[i] = 4*r.Float64()-2, r.NormFloat64()
		}
		var square float64
		for i := range a {
			for j := range a {
				square += a[i] * a[j] * k(centers[i], centers[j])
			}
		}
		f := func(z float64) (y float64) {
			for i := range a {
				y += a[i] * g.Norm / math.Sqrt(square) * k(centers[i], z)
			}
			return y
		}
		data := &safex.Data{}
		for range 30 {
			z := 2*r.Float64() - 1.5
			data.Append([]float64{2 * z}, []float64{0}, []float64{2 * (z + f(z) + g.Noise*r.NormFloat64())})
		}
		m := learn(t, g, s, data)
		x := num.NewBatch(1, 101)
		for i := range x[0] {
			x[0][i] = float64(i-50) / 10
		}
		p := predict(t, m, x, num.NewBatch(1, 101))
		β := safex.BetaOf(m)
		for i, v := range x[0] {
			if off := math.Abs(v + 2*f(v/2) - p.Mean[0][i]); off > β*p.Epistemic[0][i] {
				t.Errorf("seed %d: off by %v deviations at %v, β is %v", seed, off/p.Epistemic[0][i], v, β)
			}
		}
	}
}

// round makes numbers that float32 holds.
func round(b num.Batch) num.Batch {
	for _, column := range b {
		for i, v := range column {
			column[i] = float64(float32(v))
		}
	}
	return b
}

// Where rounding exceeds what is left of the variance, the graph has numbers too.
func TestGraphRounding(t *testing.T) {
	s := line(t)
	data := &safex.Data{}
	for i := range 150 {
		x := float64(i) / 25
		data.Append([]float64{x}, []float64{0}, []float64{x})
	}
	for _, kernel := range []string{"se", "matern52"} {
		for _, noise := range []float64{1e-6, 3e-7, 1e-7, 1e-8} {
			g := fixed(kernel)
			g.Signal, g.Noise, g.MinNoise = 1, noise, noise
			r, err := rollout.NewGoMLX().Rollout(s, learn(t, g, s, data))
			if err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				c := safex.Candidates{State: []float64{0.02 + float64(i)/4}, Beta: 1, Actions: num.NewBatch(1, 1), Eta: num.Batch{{1}}}
				var out safex.Rolled
				if err := r.Roll(context.Background(), &out, c, &safex.Scalarisation{Reward: 1, Sharpness: 5}); err != nil {
					t.Fatal(err)
				}
				for _, b := range []num.Batch{out.States, out.GradAction, out.GradEta} {
					if v := b[0][0]; v-v != 0 {
						t.Fatalf("%s, noise %v: %v from %v on", kernel, noise, v, c.State)
					}
				}
			}
		}
	}
}

// The graph's mean and deviation are those of Predict to float32's last digits: also where the deviation is a thousandth of
// the signal, and without noise to speak of.
func TestGraphAgrees(t *testing.T) {
	s, data := modeltest.Pendulum(t, 90)
	round(data.X)
	x, u := far(30)
	for _, kernel := range []string{"se", "matern52"} {
		for _, noise := range []float64{0.003, 1e-9} {
			g := fixed(kernel)
			g.Noise, g.MinNoise = noise, 1e-9
			m := learn(t, g, s, data)
			r, err := rollout.NewGoMLX().Rollout(s, m)
			if err != nil {
				t.Fatal(err)
			}
			at := [][]float64{data.X.Point(3), data.X.Point(70), round(x).Point(0), round(x).Point(1)}
			for _, state := range at {
				const n = 8
				c := safex.Candidates{State: state, Beta: 1000, Actions: num.NewBatch(1, 2*n), Eta: num.NewBatch(3, 2*n)}
				points := num.NewBatch(3, 2*n)
				for i := range 2 * n {
					points.SetPoint(i, state)
					c.Actions[0][i] = round(u)[0][i%n]
					for d := range 3 {
						c.Eta[d][i] = float64(i / n)
					}
				}
				var out safex.Rolled
				if err := r.Roll(context.Background(), &out, c, &safex.Scalarisation{Reward: 1, Excess: 1, Sharpness: 5}); err != nil {
					t.Fatal(err)
				}
				p := predict(t, m, points, c.Actions)
				for d := range 3 {
					for i := range n {
						mean, far := out.States[d][i], out.States[d][n+i]
						σ := p.Epistemic[d][i]
						if want := p.Mean[d][i]; math.Abs(mean-want) > 3e-6*(1+math.Abs(want)) {
							t.Fatalf("%s: mean %v, want %v", kernel, mean, want)
						}
						if got := (far - mean) / 1000; math.Abs(got-σ) > 1e-5*σ+1e-6*g.Signal*s.State[d].Scale {
							t.Fatalf("%s, noise %v: deviation %v, want %v", kernel, noise, got, σ)
						}
					}
				}
				for i, v := range out.GradAction[0] {
					if v-v != 0 {
						t.Fatalf("%s, noise %v: derivative %d is %v", kernel, noise, i, v)
					}
				}
			}
		}
	}
}

// Graphs serve models of all sizes up to their capacity, a NaN comes out as NaN, and gradients are numbers
// at the very transitions that were seen.
func TestGraph(t *testing.T) {
	s, data := modeltest.Pendulum(t, 70)
	engine := rollout.NewGoMLX()
	for _, kernel := range []string{"se", "matern52"} {
		g := fixed(kernel)
		m := learn(t, g, s, &safex.Data{})
		compiled := engine.Compiled()
		for _, n := range []int{0, 1, 40, 64, 65, 70} {
			m = update(t, g, s, head(data, n), m)
			r, err := engine.Rollout(s, m)
			if err != nil {
				t.Fatal(err)
			}
			c := safex.Candidates{State: data.X.Point(0), Beta: 1, Actions: num.NewBatch(2, 4), Eta: num.NewBatch(6, 4)}
			for i := range 4 {
				c.Actions[0][i], c.Eta[2][i] = data.U[0][0], 1
			}
			c.Actions[1][3] = math.NaN()
			var out safex.Rolled
			if err := r.Roll(context.Background(), &out, c, &safex.Scalarisation{Reward: 1, Excess: 1, Sharpness: 5}); err != nil {
				t.Fatal(err)
			}
			for _, b := range []num.Batch{out.GradAction, out.GradEta} {
				for k := range b {
					for i, v := range b[k][:3] {
						if v-v != 0 {
							t.Errorf("%s, %d transitions: derivative %d of candidate %d is %v", kernel, n, k, i, v)
						}
					}
				}
			}
			for d := range 3 {
				if v := out.States[3+d][3]; v == v {
					t.Errorf("%s, %d transitions: a NaN action leads to dimension %d at %v", kernel, n, d, v)
				}
			}
			want := 1
			if n > 64 {
				want = 2
			}
			if got := engine.Compiled() - compiled; got != want {
				t.Errorf("%s: %d graphs were compiled for up to %d transitions, want %d", kernel, got, n, want)
			}
		}
	}
}

// countdown is a context that is cancelled after some looks at it.
type countdown struct {
	context.Context
	left atomic.Int64
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A fit that is cut short returns a whole model: that of the best hyper-parameters so far.
func TestCutShort(t *testing.T) {
	s, data := modeltest.Pendulum(t, 60)
	x, u := far(10)
	for _, looks := range []int64{1, 2, 10, 30} {
		ctx := &countdown{Context: context.Background()}
		ctx.left.Store(looks)
		m, err := gp.Default().Learn(ctx, s, data, nil, rng.New(1))
		if !errors.Is(err, context.Canceled) || m == nil {
			t.Fatalf("after %d looks: model %v, error %v", looks, m, err)
		}
		if p := predict(t, m, x, u); !(p.Epistemic[2][0] > 0) {
			t.Errorf("after %d looks: deviation %v", looks, p.Epistemic[2][0])
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if m, err := gp.Default().Update(ctx, s, data, learn(t, fixed("se"), s, head(data, 5))); !errors.Is(err, context.Canceled) || m != nil {
		t.Errorf("Update: model %v, error %v", m, err)
	}
}

// A fit goes on from the hyper-parameters of the one before.
func TestWarmStart(t *testing.T) {
	s, data := modeltest.Pendulum(t, 60)
	g := gp.Default()
	g.Restarts = 0
	full := learn(t, g, s, data)
	g.Evaluations = 2
	x, u := far(50)
	want := predict(t, full, x, u)
	off := func(prev safex.Model) (worst float64) {
		m, err := g.Learn(context.Background(), s, data, prev, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		p := predict(t, m, x, u)
		for i, v := range p.Epistemic[0] {
			worst = max(worst, math.Abs(v-want.Epistemic[0][i])/want.Epistemic[0][i])
		}
		return worst
	}
	if cold, warm := off(nil), off(full); !(warm < cold/5) {
		t.Errorf("two evaluations from the fit before are off by %v, from nothing by %v", warm, cold)
	}
}

func TestErrors(t *testing.T) {
	s, data := modeltest.Pendulum(t, 20)
	for want, change := range map[string]func(g *gp.GP){
		`Kernel is "rbf", want "se" or "matern52"`:        func(g *gp.GP) { g.Kernel = "rbf" },
		"Signal is 0, want above 0":                       func(g *gp.GP) { g.Signal = 0 },
		"Length is -1, want above 0":                      func(g *gp.GP) { g.Length = -1 },
		"Noise is NaN, want above 0":                      func(g *gp.GP) { g.Noise = math.NaN() },
		"Spread is +Inf, want above 0":                    func(g *gp.GP) { g.Spread = math.Inf(1) },
		"MinNoise is 0, want above 0":                     func(g *gp.GP) { g.MinNoise = 0 },
		"Noise is 0.0001, want at least MinNoise = 0.001": func(g *gp.GP) { g.Noise = 1e-4 },
		"FitPoints is 0, want at least 1":                 func(g *gp.GP) { g.FitPoints = 0 },
		"Restarts is -1, want at least 0":                 func(g *gp.GP) { g.Restarts = -1 },
		"Evaluations is 0, want at least 1":               func(g *gp.GP) { g.Evaluations = 0 },
		"Points is 0, want at least 1":                    func(g *gp.GP) { g.Points = 0 },
		"Spare is -1, want at least 0":                    func(g *gp.GP) { g.Spare = -1 },
		"Novel is NaN, want at least 0":                   func(g *gp.GP) { g.Novel = math.NaN() },
		"Beta is -2, want at least 0":                     func(g *gp.GP) { g.Beta = -2 },
		"Norm is +Inf, want at least 0":                   func(g *gp.GP) { g.Norm = math.Inf(1) },
		"Beta is 1 and Norm 2, want one of them to be 0":  func(g *gp.GP) { g.Beta, g.Norm = 1, 2 },
		"Delta is 1, want a probability between 0 and 1":  func(g *gp.GP) { g.Norm, g.Delta = 1, 1 },
	} {
		g := gp.Default()
		change(&g)
		_, first := g.Learn(context.Background(), s, data, nil, rng.New(1))
		_, second := g.Update(context.Background(), s, data, nil)
		_, third := g.Load(s, nil)
		for _, err := range []error{g.Check(), first, second, third} {
			if err == nil || err.Error() != "gp: "+want {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
	if err := gp.Default().Check(); err != nil {
		t.Error(err)
	}
}

// Models of another kind, kernel or task are refused, as are damaged data.
func TestRefuses(t *testing.T) {
	s, data := modeltest.Pendulum(t, 20)
	se, matern := fixed("se"), fixed("matern52")
	m := learn(t, se, s, data)
	other, err := linear.Default().Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	spoilt := head(data, 20)
	spoilt.X[0][13] = math.NaN()
	scaled := *s
	scaled.State = append([]safex.Var{}, s.State...)
	scaled.State[1].Scale = 3
	errs := map[string]error{}
	_, errs[`gp: cannot go on: a model of kernel "se", want "matern52"`] = matern.Learn(context.Background(), s, data, m, rng.New(1))
	_, errs[`gp: cannot go on: want a model of this learner, not a *linear.model`] = se.Learn(context.Background(), s, data, other, rng.New(1))
	_, errs[`gp: cannot update: a model of kernel "se", want "matern52"`] = matern.Update(context.Background(), s, data, m)
	_, errs[`gp: cannot update: want a model of this learner, not a *linear.model`] = se.Update(context.Background(), s, data, other)
	_, errs[`gp: cannot update: want a model of this learner, not a <nil>`] = se.Update(context.Background(), s, data, nil)
	_, errs[`gp: cannot save a *linear.model`] = se.Save(other)
	_, errs[`gp: load: a model of kernel "se", want "matern52"`] = matern.Load(s, save(t, se, m))
	_, errs[`gp: load: a model of task "pendulum" with variables`] = se.Load(&scaled, save(t, se, m))
	_, errs[`transition 13 of 20 holds NaN`] = se.Update(context.Background(), s, spoilt, m)
	for want, err := range errs {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	for want, f := range map[string]func(){
		"gp: Predict on 2 state and 1 action dimensions by a model of 3 and 1": func() { _ = m.Predict(&safex.Prediction{}, num.NewBatch(2, 1), num.NewBatch(1, 1)) },
		"gp: Update by data of 5 transitions of a model that knows 20":         func() { _, _ = se.Update(context.Background(), s, head(data, 5), m) },
		"gp: data of 3 state and 1 action dimensions of a task of 1 and 1":     func() { _, _ = se.Learn(context.Background(), line(t), data, nil, rng.New(1)) },
		"gp: Left of a *linear.model":                                          func() { gp.Left(other) },
	} {
		func() {
			defer func() {
				if p := recover(); p != want {
					t.Errorf("panic %v, want %q", p, want)
				}
			}()
			f()
		}()
	}
}
