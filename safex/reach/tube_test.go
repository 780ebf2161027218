package reach

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A walk is what may happen to a plan: one point of all that the tube is about.
type walk struct {
	start, play, noise [][]float64 // in [-1, 1]; start has one row
	eta                [][]float64
}

// draw is a walk whose numbers are uniform, or ±1 at random.
func draw(r *rand.Rand, h, nx, nu int, vertex bool) walk {
	rows := func(h, n int) [][]float64 {
		x := make([][]float64, h)
		for t := range x {
			for range n {
				v := 2*r.Float64() - 1
				if vertex {
					v = math.Copysign(1, v)
				}
				x[t] = append(x[t], v)
			}
		}
		return x
	}
	return walk{rows(1, nx), rows(h, nu), rows(h, nx), rows(h, nx)}
}

// follow takes a walk through the beliefs of f, in float64. It returns the states after each step, and the excess of each limit.
func follow(s *safex.System, f *safex.Form, q Plan, tube *Tube, w walk) (states, excess [][]float64) {
	nx, nu := len(s.State), len(s.Action)
	x := slices.Clone(q.State)
	for d := range x {
		if q.Spread != nil {
			x[d] += q.Spread[d] * w.start[0][d]
		}
	}
	last := make([]float64, nu)
	if q.Last != nil {
		last = q.Last
	}
	for t, v := range q.Actions {
		u := slices.Clone(v)
		for k := range u {
			if q.Gains != nil && q.Gains[t] != nil {
				for d := range nx {
					u[k] += q.Gains[t][k*nx+d] * (x[d] - tube.About[t][d])
				}
				u[k] = max(-1, min(1, u[k]))
			}
			if q.Play != nil && q.Play[t] != nil {
				u[k] += q.Play[t][k] * w.play[t][k]
			}
		}
		mean, dev := believe(f, x, u)
		next := make([]float64, nx)
		for d := range next {
			next[d] = mean[d]
			if q.Robust == 0 || t < q.Robust {
				next[d] += q.Beta * dev[d] * w.eta[t][d]
			}
			if q.Noise != nil {
				next[d] += q.Noise[d] * w.noise[t][d]
			}
		}
		if greatest(next) > 1e12 || greatest(u) != greatest(u) { // of what overflows, nothing is to be learned
			break
		}
		_, e := s.Score(x, u, next, last)
		states, excess = append(states, next), append(excess, e)
		x, last = next, u
	}
	return states, excess
}

// worsen turns the errors of w to the signs of the gradient of the plan's excess, as engine finds it in float32, and rolls with the last
// action and the start of w.
func worsen(t testing.TB, roll safex.Rollout, q Plan, w walk, rounds int) walk {
	nx, nu := len(q.State), len(q.Actions[0])
	h := len(q.Actions)
	c := safex.Candidates{State: q.State, Beta: q.Beta, Actions: num.NewBatch(h*nu, 1), Eta: num.NewBatch(h*nx, 1), LastAction: q.Last}
	for at, u := range q.Actions {
		for k, v := range u {
			c.Actions[at*nu+k][0] = v
		}
		for d, v := range w.eta[at] {
			c.Eta[at*nx+d][0] = v
		}
	}
	var r safex.Rolled
	for range rounds {
		if err := roll.Roll(context.Background(), &r, c, &safex.Scalarisation{Excess: 1, Sharpness: 20}); err != nil {
			t.Fatal(err)
		}
		for i, g := range r.GradEta {
			if g[0] != 0 {
				c.Eta[i][0] = math.Copysign(1, g[0])
			}
		}
	}
	w.eta = make([][]float64, h)
	for at := range h {
		for d := range nx {
			w.eta[at] = append(w.eta[at], c.Eta[at*nx+d][0])
		}
	}
	return w
}

// tested counts what the tests of tubes looked at.
type tested struct{ walks, states int }

// outside reports the first state of a walk outside of its set, in some directions, and the first excess above its bound.
func outside(r *rand.Rand, tube *Tube, states, excess [][]float64) error {
	for t, x := range states {
		set := tube.Sets[t]
		dirs := make([][]float64, 0, 2*len(x)+4)
		for d := range x {
			for _, v := range []float64{1, -1} {
				e := make([]float64, len(x))
				e[d] = v
				dirs = append(dirs, e)
			}
		}
		for range 4 {
			e := make([]float64, len(x))
			for d := range e {
				e[d] = r.NormFloat64()
				if lo, hi := set.Range(d); set.Known() && hi > lo { // what matters to the shape
					e[d] /= hi - lo
				}
			}
			dirs = append(dirs, e)
		}
		if !set.Known() {
			dirs = nil
		}
		for _, a := range dirs {
			v, size := 0.0, 0.0
			for d := range a {
				v += a[d] * x[d]
				size += math.Abs(a[d]) * (1 + math.Abs(x[d]))
			}
			if far := set.Support(a); !(v <= far+1e-13*size*float64(t+1)) { // of the walk's own rounding
				return fmt.Errorf("state %v after step %d is %v along %v, and the set %v", x, t, v, a, far)
			}
		}
		for k, e := range excess[t] {
			if bound := tube.Excess[t][k]; !(e <= bound+1e-12*(1+math.Abs(e)) || math.IsInf(bound, 1)) {
				return fmt.Errorf("limit %d is exceeded by %v in step %d, and its bound is %v", k, e, t, bound)
			}
		}
	}
	return nil
}

// sound asks whether walks of all kinds stay in the tube of q.
func sound(t *testing.T, count *tested, name string, r *rand.Rand, s *safex.System, f *safex.Form, q Plan, walks int) *Tube {
	t.Helper()
	p, err := New(s, formed{f})
	if err != nil {
		t.Fatal(err)
	}
	tube, err := p.Tube(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	h, nx, nu := len(q.Actions), len(s.State), len(s.Action)
	var roll safex.Rollout
	if len(s.Limits) > 0 {
		if roll, err = fused.New().Rollout(s, formed{f}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range walks {
		w := draw(r, h, nx, nu, i%2 == 0)
		if roll != nil && i%4 == 3 {
			w = worsen(t, roll, q, w, 3)
		}
		states, excess := follow(s, f, q, tube, w)
		if err := outside(r, tube, states, excess); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		count.walks++
		count.states += h
	}
	return tube
}

// pendulums are a system, and plans of it by the names of what is in them.
func plans(r *rand.Rand, s *safex.System, h int, beta float64) map[string]Plan {
	nx, nu := len(s.State), len(s.Action)
	q := Plan{State: slices.Clone(s.Center), Beta: beta}
	for _, a := range s.Angles {
		θ := 2 * math.Pi * r.Float64()
		q.State[a.Sin], q.State[a.Cos] = math.Sin(θ), math.Cos(θ)
	}
	level := make([]float64, nu)
	for range h {
		u := make([]float64, nu)
		for k := range u {
			level[k] = max(-1, min(1, 0.7*level[k]+0.5*r.NormFloat64()))
			u[k] = level[k]
		}
		q.Actions = append(q.Actions, u)
	}
	fed := q
	for range h {
		var k []float64
		for range nu {
			for d := range nx {
				k = append(k, 0.5*r.NormFloat64()/s.State[d].Scale)
			}
		}
		fed.Gains = append(fed.Gains, k)
	}
	loose := fed
	for d := range nx {
		loose.Noise = append(loose.Noise, 1e-3*s.State[d].Scale*r.Float64())
		loose.Spread = append(loose.Spread, 1e-2*s.State[d].Scale*r.Float64())
	}
	for range h {
		var v []float64
		for range nu {
			v = append(v, 0.05*r.Float64())
		}
		loose.Play = append(loose.Play, v)
	}
	loose.Last = make([]float64, nu)
	for k := range loose.Last {
		loose.Last[k] = r.Float64()
	}
	robust := q
	robust.Robust = h/2 + 1
	return map[string]Plan{"open": q, "fed": fed, "loose": loose, "robust": robust}
}

func TestTube(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	task := tasks.DefaultPendulum().Task()
	task.Limits = append(task.Limits, safex.Limit{Name: "rate", Max: 0.5, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }})
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	walks := 40
	if testing.Short() {
		walks = 8
	}
	var count tested
	all := forms(r)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		if f.Layers != nil {
			for _, d := range f.Layers.Dense {
				for i := range d.Weights {
					d.Weights[i] *= 0.7 // changes of a step are small
				}
			}
		}
		for _, h := range []int{5, 22} {
			some := plans(r, s, h, 1)
			for _, kind := range slices.Sorted(maps.Keys(some)) {
				q := some[kind]
				tube := sound(t, &count, fmt.Sprintf("%s, %s, %d steps", name, kind, h), r, s, f, q, walks)
				if kind == "open" {
					lo, hi := tube.Sets[h-1].Range(2)
					t.Logf("%-24s %2d steps: ω in %.4g to %.4g, bound %.4g", name, h, lo, hi, tube.Worst(0))
				}
			}
		}
	}
	t.Logf("%d walks of %d states", count.walks, count.states)
}

// A tube that is taken only so far is the first part of one that is taken to its end.
func TestSteps(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 3, []int{8, 8}, "swish", 0.1)}})
	if err != nil {
		t.Fatal(err)
	}
	const h, far = 6, 3
	for kind, q := range plans(r, s, h, 1) {
		all, err := p.Tube(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		part, taken := &Tube{}, 0
		for n, err := range p.Steps(t.Context(), q, part) {
			if taken++; err != nil || n != taken {
				t.Fatalf("%s: %d steps after %d, and %v", kind, n, taken, err)
			}
			if n == far {
				break
			}
		}
		want := &Tube{Sets: all.Sets[:far], Excess: all.Excess[:far], Doubt: all.Doubt[:far]}
		if all.About != nil {
			want.About = all.About[:far]
		}
		if !reflect.DeepEqual(part, want) {
			t.Errorf("%s: the first %d steps are not those of the whole tube", kind, far)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if none, err := p.Tube(ctx, q); err == nil || len(none.Sets) != 0 {
			t.Errorf("%s: %d steps and error %v with a cancelled context, want none and its error", kind, len(none.Sets), err)
		}
	}
}
