package rollout_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// results are all that a Rolled holds, by name.
func results(r *safex.Rolled) map[string]num.Batch {
	return map[string]num.Batch{
		"reward": r.Reward, "excess": r.Excess, "states": r.States, "epistemic": r.Epistemic, "value": {r.Value}, "action gradient": r.GradAction, "η gradient": r.GradEta,
	}
}

// systems are all tasks, each with a limit on rates beside its own.
func systems(t *testing.T) (all []*safex.System) {
	for _, name := range tasks.Names() {
		maker, _ := tasks.New(name)
		task := maker.Task()
		task.Limits = append(slices.Clone(task.Limits), safex.Limit{
			Name: "jerk", Max: 0.4, Scale: 0.3, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() },
		})
		s, err := task.System()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// random are candidates from a start of s.
func random(r *rand.Rand, s *safex.System, horizon, n int) safex.Candidates {
	batch := func(dim int) num.Batch {
		b := num.NewBatch(dim, n)
		for _, column := range b {
			for i := range column {
				column[i] = 2*r.Float64() - 1
			}
		}
		return b
	}
	c := safex.Candidates{State: make([]float64, len(s.State)), Actions: batch(horizon * len(s.Action)), Beta: 2, Epistemic: true}
	s.Start(c.State, r)
	c.Eta, c.LastAction = batch(horizon*len(s.State)), batch(len(s.Action)).Point(0)
	return c
}

// transitions are of s under random actions; what falls without is acted on by its backup, and by a tenth of them.
func transitions(s *safex.System, n int) *safex.Data {
	data, r := &safex.Data{}, rand.New(rand.NewPCG(1, 2))
	x := make([]float64, len(s.State))
	for i := range n {
		if i%20 == 0 {
			s.Start(x, r)
		}
		u := make([]float64, len(s.Action))
		for k := range u {
			u[k] = 2*r.Float64() - 1
		}
		if s.Name == "safempc" {
			u[0] = s.Backup.Action(x)[0] + 0.1*u[0]
		}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
		x = slices.Clone(next)
	}
	return data
}

// On every task and with every kind of model it computes what the graph does: a rollout up to the rounding of a model, and gradients as
// far as differences go, where a model has no kinks that are narrower.
func TestStepwiseAgreesWithGraph(t *testing.T) {
	process, quadratic := gp.Default(), linear.Default()
	process.Restarts, process.Points, quadratic.Degree = 0, 60, 2
	smooth := []string{"pitch", "quadrotor"}
	for _, s := range systems(t) {
		data, networks := transitions(s, 120), ensemble.Default()
		networks.Hidden, networks.MaxSteps = []int{16, 16}, 60
		for _, c := range []struct {
			name                string
			learner             safex.Learner
			rounding, gradients float64
		}{
			{"oracle", rollout.Oracle{}, 1e-15, 1e-7}, {"process", process, 1e-8, 1e-4}, {"quadratic", quadratic, 1e-8, 1e-6},
			{"calibrated", calibrate.DefaultConformal().With(quadratic), 1e-8, 1e-6}, {"prior", residual.Residual{Prior: s, Learner: quadratic}, 1e-8, 1e-6},
			{"networks", networks, 1e-6, 1e-3},
		} {
			m, err := c.learner.Learn(context.Background(), s, data, nil, rng.New(1))
			if err != nil {
				t.Fatal(err)
			}
			in, up := random(rand.New(rand.NewPCG(3, 4)), s, 8, 20), &safex.Scalarisation{Reward: 0.3, Excess: 1, Sharpness: 7}
			want, got := results(roll(t, bind(t, rollout.NewGoMLX(), s, m), in, up)), results(roll(t, bind(t, rollout.NewStepwise(), s, m), in, up))
			for what, b := range want {
				off, size := 0.0, 1e-6
				for d, column := range b {
					for i, v := range column {
						off, size = max(off, math.Abs(got[what][d][i]-v)), max(size, math.Abs(v))
					}
				}
				tolerance := c.rounding
				if strings.HasSuffix(what, "gradient") {
					if tolerance = c.gradients; c.name != "networks" && c.name != "process" && !slices.Contains(smooth, s.Name) {
						continue
					}
				}
				if !(off <= tolerance*size) {
					t.Errorf("%s, %s: the %s is off by %.2g of %.2g", s.Name, c.name, what, off, size)
				}
			}
		}
	}
}

// A rollout has the very bits of Predict, Score and of x' = μ + β σ ⊙ η.
func TestStepwiseIsPredict(t *testing.T) {
	for _, s := range systems(t) {
		m, err := linear.Default().Learn(context.Background(), s, transitions(s, 60), nil, rng.New(1)) // whose bits are those of each point alone
		if err != nil {
			t.Fatal(err)
		}
		c := random(rand.New(rand.NewPCG(3, 4)), s, 5, 70)
		out := roll(t, bind(t, rollout.NewStepwise(), s, m), c, nil)
		for i := range 70 {
			x, last := c.State, c.LastAction
			for step := range 5 {
				part := func(b num.Batch, dim int) []float64 { return b[step*dim : (step+1)*dim].Point(i) }
				u, eta := part(c.Actions, len(s.Action)), part(c.Eta, len(s.State))
				var p safex.Prediction
				if err := m.Predict(&p, column(x), column(u)); err != nil {
					t.Fatal(err)
				}
				next := p.Mean.Point(0)
				for d := range next {
					next[d] += float64(float64(c.Beta*p.Epistemic[d][0]) * eta[d])
				}
				reward, excess := s.Score(x, u, next, last)
				for k := range excess {
					excess[k] *= 1 / s.LimitScale(k)
				}
				if !slices.Equal(part(out.States, len(s.State)), next) || !slices.Equal(part(out.Epistemic, len(s.State)), p.Epistemic.Point(0)) ||
					out.Reward[step][i] != reward || !slices.Equal(part(out.Excess, len(s.Limits)), excess) {
					t.Fatalf("%s: step %d of candidate %d is another than by hand", s.Name, step, i)
				}
				x, last = next, u
			}
		}
	}
}

// column is a batch of one point.
func column(x []float64) num.Batch {
	b := num.NewBatch(len(x), 1)
	b.SetPoint(0, x)
	return b
}

// plain has nothing but Predict.
type plain func(dst *safex.Prediction, x, u num.Batch) error

func (p plain) Predict(dst *safex.Prediction, x, u num.Batch) error { return p(dst, x, u) }

// bare is m without anything but Predict.
func bare(m safex.Model) safex.Model { return plain(m.Predict) }

// How many candidates there are, and how many cores, changes no bit of any of them.
func TestStepwiseSameBits(t *testing.T) {
	s, data := modeltest.Pendulum(t, 100)
	m, err := linear.Default().Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	r, c, up := bind(t, rollout.NewStepwise(), s, bare(m)), candidates(200), &safex.Scalarisation{Reward: 0.3, Excess: 1, Sharpness: 5}
	c.Epistemic = true
	want := results(roll(t, r, c, up))
	for _, cores := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(cores)
		got := results(roll(t, r, c, up))
		runtime.GOMAXPROCS(before)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("on %d cores it is another rollout", cores)
		}
	}
	for _, n := range []int{1, 2, 63, 64, 65, 128, 129, 199} {
		part := c
		part.Actions, part.Eta = lanes(c.Actions, n), lanes(c.Eta, n)
		for what, b := range results(roll(t, r, part, up)) {
			if !reflect.DeepEqual(b, lanes(want[what], n)) {
				t.Errorf("of %d candidates, the %s is another than of 200", n, what)
			}
		}
	}
}

// lanes are the first n lanes of b.
func lanes(b num.Batch, n int) (first num.Batch) {
	for _, column := range b {
		first = append(first, column[:n])
	}
	return first
}

// In units that are powers of two, gradients are the same to the bit.
func TestStepwiseUnits(t *testing.T) {
	var want []float64
	for _, unit := range []float64{1, 1 << 20, 1.0 / (1 << 20)} {
		p := modeltest.Place{Unit: 1}
		s, err := modeltest.Moved(tasks.DefaultPendulum().Task(), p, p, modeltest.Place{Unit: unit}).System()
		if err != nil {
			t.Fatal(err)
		}
		c := candidates(3)
		c.State[2] *= unit
		g := roll(t, bind(t, rollout.NewStepwise(), s, bare(rollout.OracleModel(s))), c, &safex.Scalarisation{Reward: 1, Sharpness: 5}).GradAction
		if got := slices.Concat(g...); want == nil {
			want = got
		} else if !slices.Equal(got, want) {
			t.Errorf("in units of %v the gradient is %v, want %v", 1/unit, got, want)
		}
	}
}

// Where the range of a state or the box of the actions ends, a model is not asked beyond, and its derivative is that from within.
func TestStepwiseStaysInside(t *testing.T) {
	s, err := safex.Task{
		Name: "tank", Dt: 1, Steps: 5, Start: safex.StartAt(0),
		State:  []safex.Var{{Name: "level", Scale: 1, Max: 4}},
		Action: []safex.Var{{Name: "valve", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Sub(1).Mul(0.1)).Max(0)} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	m := plain(func(dst *safex.Prediction, x, u num.Batch) error {
		dst.Resize(1, x.Len())
		for i, v := range x[0] {
			if v < 0 || v > 4 || u[0][i] > 1 || u[0][i] < -1 {
				t.Errorf("it is asked about a level of %v under %v", v, u[0][i])
			}
			dst.Mean[0][i] = 2*v + 3*u[0][i]
		}
		return nil
	})
	c := safex.Candidates{State: []float64{0}, Actions: num.Batch{{1, -1, 0.5}}}
	out := roll(t, bind(t, rollout.NewStepwise(), s, m), c, &safex.Scalarisation{Reward: 1, Sharpness: 1})
	for i, g := range out.GradAction[0] {
		if math.Abs(g-3) > 1e-9 {
			t.Errorf("the derivative by an action of %v is %v, want 3", c.Actions[0][i], g)
		}
	}
}

// A context that is over stops between two steps, on the way and on the way back; what Predict does wrong, and what it reports, comes
// back as an error.
func TestStepwiseFails(t *testing.T) {
	s, _ := modeltest.Pendulum(t, 2)
	broken := errors.New("broken")
	for stop := 1; stop <= 2*horizon; stop++ { // a step forth and a step back ask once each
		calls := 0
		ctx, cancel := context.WithCancel(context.Background())
		r := bind(t, rollout.NewStepwise(), s, plain(func(dst *safex.Prediction, x, u num.Batch) error {
			if calls++; calls == stop {
				cancel()
			}
			return rollout.OracleModel(s).Predict(dst, x, u)
		}))
		err := r.Roll(ctx, &safex.Rolled{}, candidates(4), &safex.Scalarisation{Reward: 1, Sharpness: 1})
		if last := stop == 2*horizon; last && err != nil || !last && (err != context.Canceled || calls != stop) {
			t.Errorf("cancelled in call %d: %v after call %d", stop, err, calls)
		}
		cancel()
	}
	for what, p := range map[string]plain{
		"broken": func(*safex.Prediction, num.Batch, num.Batch) error { return broken },
		"wrote 0 columns of 0 points to Mean, want 3 of 4": func(*safex.Prediction, num.Batch, num.Batch) error { return nil },
		"wrote 3 columns of 1 points to Epistemic": func(dst *safex.Prediction, x, _ num.Batch) error {
			dst.Mean, dst.Epistemic = x, num.NewBatch(3, 1)
			return nil
		},
	} {
		err := bind(t, rollout.NewStepwise(), s, p).Roll(context.Background(), &safex.Rolled{}, candidates(4), nil)
		if err == nil || !strings.Contains(err.Error(), what) || what == "broken" && !errors.Is(err, broken) {
			t.Errorf("error %v, want %s", err, what)
		}
	}
}

// graphed has a graph and no form.
type graphed struct {
	safex.Model
	gx.Belief
}

// Auto takes the fastest engine that can, and says of every one why it cannot.
func TestAuto(t *testing.T) {
	s, data := modeltest.Pendulum(t, 60)
	m := learned(t, s, data, 1)
	auto, c := rollout.NewAuto(), candidates(10)
	for name, want := range map[string]struct {
		model safex.Model
		by    safex.Engine
	}{
		"form": {m, fused.New()}, "graph": {graphed{bare(m), m.(gx.Belief)}, rollout.NewGoMLX()}, "predict": {bare(m), rollout.NewStepwise()},
	} {
		got := bind(t, auto, s, want.model)
		if own := bind(t, want.by, s, want.model); reflect.TypeOf(got) != reflect.TypeOf(own) || !reflect.DeepEqual(roll(t, got, c, nil), roll(t, own, c, nil)) {
			t.Errorf("%s: it took a %T, want a %T", name, got, own)
		}
	}
	_, err := auto.Rollout(s, nil)
	if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "has no form") || !strings.Contains(err.Error(), "has no graph form") || !strings.Contains(err.Error(), "no model to step") {
		t.Errorf("no model: %v", err)
	}
}

// membered has two members that nobody can take apart.
type membered struct{ plain }

func (membered) Members() int { return 2 }

func (membered) PredictMember(dst *safex.Prediction, member []int, x, _ num.Batch) error {
	dst.Resize(len(x), x.Len())
	for i, k := range member {
		for d := range x {
			dst.Mean[d][i] = x[d][i] + float64(k)
		}
	}
	return nil
}

// The members of any model can be taken through time, and of no other model.
func TestMembersOfAny(t *testing.T) {
	s, _ := modeltest.Pendulum(t, 2)
	n, member := safex.BindMembers(rollout.NewAuto(), s, membered{})
	if n != 2 {
		t.Fatalf("%d members", n)
	}
	for k := range n {
		r, err := member(k)
		if err != nil {
			t.Fatal(err)
		}
		if out := roll(t, r, candidates(1), nil); out.States[3*horizon-1][0] != 1.5+float64(k*horizon) {
			t.Errorf("member %d rolls out to %v", k, out.States[3*horizon-1][0])
		}
	}
	for _, m := range []safex.Model{bare(rollout.OracleModel(s)), rollout.OracleModel(s)} {
		if _, err := safex.MemberOf(m, 0); err == nil || !strings.Contains(err.Error(), "no member 0") {
			t.Errorf("a member of a %T: %v", m, err)
		}
	}
	if _, err := safex.MemberOf(membered{}, 2); err == nil {
		t.Error("there is a third of two members")
	}
}
