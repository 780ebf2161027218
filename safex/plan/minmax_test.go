package plan_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// played is a plan of a game, with what its searches were asked and what was rolled out, turn by turn: errors and actions.
type played struct {
	*safex.Plan
	errors, actions []asked
	rolls           []safex.Candidates
}

// play lets p plan, whose searches are replaced by probes of them.
func play(t *testing.T, p plan.MinMax, q safex.Query, hashed bool) (g played) {
	var both []asked
	p.Search, p.Inner = probe{p.Search, &both}, probe{p.Inner, &both}
	q.Rollout = recorder{q.Rollout, hashed, &g.rolls}
	g.Plan = answer(t, p, q, 1)
	for i, a := range both {
		if i%2 == 0 {
			g.errors = append(g.errors, a)
		} else {
			g.actions = append(g.actions, a)
		}
	}
	return g
}

// turns is a short game with searches of the given numbers of populations and candidates.
func turns(alternations, fixed, populations, samples int) plan.MinMax {
	search := opt.DefaultCEM()
	search.Iterations, search.Samples, search.Elites, search.Std = populations, samples, 5, 0.3
	p := plan.DefaultMinMax()
	p.Horizon, p.Alternations, p.Fixed, p.Search, p.Inner = 10, alternations, fixed, search, search
	return p
}

// A plan takes no more evaluations of the model than it must: N F H for each population of errors, since reward does not depend
// on them, and N (P + F) H for each of actions; F is 1 in the first turn, where the actions stand at 0 alone.
func TestEvaluations(t *testing.T) {
	for _, c := range []struct{ turns, fixed, populations, samples, particles int }{
		{1, 3, 2, 20, 0}, {3, 1, 2, 20, 0}, {4, 5, 3, 20, 0}, {3, 4, 2, 20, 7}, {10, 5, 5, 50, 10},
	} {
		for _, optimism := range []float64{0, 1} {
			p := turns(c.turns, c.fixed, c.populations, c.samples)
			if p.Particles, p.Optimism = c.particles, plan.Constant(optimism); optimism > 0 {
				p.Particles = 0
			}
			errors := c.populations * c.samples * (1 + (c.turns-1)*c.fixed)
			actions := c.populations * c.samples * c.turns * (max(1, p.Particles) + c.fixed)
			last := 1 + c.fixed // under the mean and the errors that are met
			got := 0
			for _, r := range play(t, p, query(cart(t), constantBelief{sigma: 0.05}, 0.7), true).rolls {
				got += r.Actions.Len()
			}
			if got != errors+actions+last {
				t.Errorf("%+v with an optimism of %v: %d evaluations of each step, want %d", c, optimism, got, errors+actions+last)
			}
		}
	}
}

// What is searched is what the papers say: errors for the mean excess of the best actions, and actions for the reward and
// the worst, or the mean, of the costs under the best errors.
func TestCostsOfMinMax(t *testing.T) {
	const sigma, beta, optimism = 0.05, 1.5, 0.8
	o := safex.Objective{Weight: 2, Barrier: safex.Quadratic, Budget: 0.05}
	near := func(got, want float64) bool { return math.Abs(got-want) < 1e-12 }
	for name, change := range map[string]func(p *plan.MinMax){
		"worst": func(p *plan.MinMax) {}, "mean": func(p *plan.MinMax) { p.Mean = true },
		"particles": func(p *plan.MinMax) { p.Particles = 4 }, "optimism": func(p *plan.MinMax) { p.Optimism = plan.Constant(optimism) },
	} {
		p := turns(3, 3, 2, 20)
		p.Objective, p.Beta = o, plan.Constant(beta)
		change(&p)
		g := play(t, p, query(cart(t), constantBelief{sigma: sigma}, 0.7), false)
		dims := len(g.actions[0].populations[0]) / 10
		split := func(x []float64) (own, actions []float64) {
			if dims == 1 {
				return nil, x
			}
			for t := range 10 {
				own, actions = append(own, x[2*t]), append(actions, x[2*t+1])
			}
			return own, actions
		}
		var draws num.Batch
		for _, r := range g.rolls {
			if r.Beta == 1 && r.Eta != nil {
				draws = r.Eta
			}
		}
		best := [][]float64{make([]float64, 10*dims)}
		for turn := range g.actions {
			for i, got := range g.errors[turn].values[1] {
				sum := 0.0
				for _, x := range best {
					_, actions := split(x)
					_, w := outcome(0.7, actions, g.errors[turn].populations[1].Point(i), beta*sigma)
					sum -= w
				}
				if !near(got, sum) {
					t.Fatalf("%s: an error of turn %d has the value %v, want %v", name, turn, got, sum)
				}
			}
			errors := g.errors[turn].result.Elites[:3]
			for i, got := range g.actions[turn].values[1] {
				own, actions := split(g.actions[turn].populations[1].Point(i))
				reward, _ := outcome(0.7, actions, own, optimism*sigma)
				if p.Particles > 0 {
					reward = 0
					for d := range 4 {
						r, _ := outcome(0.7, actions, draws.Point(d*20), sigma)
						reward += r / 4
					}
				}
				worst, sum := math.Inf(-1), 0.0
				for _, eta := range errors {
					_, w := outcome(0.7, actions, eta, beta*sigma)
					cost := 2*safex.Quadratic.Of(w-0.05) - reward
					worst, sum = max(worst, cost), sum+cost/3
				}
				if p.Mean {
					worst = sum
				}
				if !near(got, worst) {
					t.Fatalf("%s: actions of turn %d cost %v, want %v", name, turn, got, worst)
				}
			}
			best = g.actions[turn].result.Elites[:3]
		}
		// The best actions of the last turn are executed, and the worst of the errors that they met is told.
		_, actions := split(g.actions[2].result.X)
		if !slices.Equal(slices.Concat(g.Actions...), actions) {
			t.Errorf("%s: %v is executed, and %v was the best of the last turn", name, g.Actions, actions)
		}
		told, worst := math.Inf(-1), math.Inf(-1)
		for _, eta := range g.errors[2].result.Elites[:3] {
			_, w := outcome(0.7, actions, eta, beta*sigma)
			if worst = max(worst, w); slices.Equal(slices.Concat(g.Eta...), eta) {
				told = w
			}
		}
		if told != worst || !near(g.Worst.WorstExcess(1)[0], worst) || g.Beta != beta {
			t.Errorf("%s: the worst error has the excess %v, want %v; told is %v", name, told, worst, g.Worst.WorstExcess(1)[0])
		}
	}
}

// Elites that are alike are rolled out once, and count as often as they are.
func TestEqualElites(t *testing.T) {
	p := turns(2, 4, 2, 20)
	p.Mean = true
	same := []float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5}
	other := make([]float64, 10)
	p.Search = elites{p.Search, [][]float64{same, other, same, same}}
	g := play(t, p, query(cart(t), constantBelief{sigma: 0.05}, 0.7), false)
	for i, got := range g.errors[1].values[0] {
		eta := g.errors[1].populations[0].Point(i)
		_, a := outcome(0.7, same, eta, 0.1)
		_, b := outcome(0.7, other, eta, 0.1)
		if math.Abs(got+3*a+b) > 1e-12 {
			t.Fatalf("an error has the value %v, want %v", got, -3*a-b)
		}
	}
	if n := g.rolls[5].Actions.Len(); n != 20*4 { // two populations of errors, and of actions the first with its rewards
		t.Fatalf("roll 5 has %d candidates", n)
	}
	for _, r := range g.rolls {
		if r.Actions.Len() == 20*2 && r.Actions[9][0] == 0.5 {
			return
		}
	}
	t.Error("two actions, of which one is there three times, were not rolled out as two")
}

// elites is a search that says what its elites are.
type elites struct {
	opt.Minimizer
	all [][]float64
}

func (e elites) Minimize(ctx context.Context, p opt.Problem, src rng.Stream) (*opt.Result, error) {
	r, err := e.Minimizer.Minimize(ctx, p, src)
	r.Elites = e.all
	return r, err
}

// A warm game goes on where the step before ended, a step later in time; a cold one from 0, whatever was before.
func TestWarm(t *testing.T) {
	s := cart(t)
	later := func(x []float64, dims int) []float64 { return slices.Concat(x[dims:], x[len(x)-dims:]) }
	average := func(all [][]float64) (sum []float64) {
		for d := range all[0] {
			var v float64
			for _, e := range all {
				v += e[d] / float64(len(all))
			}
			sum = append(sum, v)
		}
		return sum
	}
	for _, optimism := range []float64{0, 1} {
		dims := 1
		if optimism > 0 {
			dims = 2
		}
		p := turns(2, 3, 2, 20)
		p.Optimism = plan.Constant(optimism)
		q := query(s, constantBelief{sigma: 0.05}, 0.7)
		a := play(t, p, q, false)
		if zero := make([]float64, 10); !slices.Equal(a.errors[0].Start, zero) {
			t.Error("the first game does not start from 0")
		}
		if want := average(a.errors[0].result.Elites); !slices.Equal(a.errors[1].Start, want) {
			t.Error("the second turn does not start from the mean of the first")
		}
		q.Previous = a.Plan
		b := play(t, p, q, false)
		if want := later(average(a.errors[1].result.Elites), 1); !slices.Equal(b.errors[0].Start, want) {
			t.Errorf("errors start from %v, want %v", b.errors[0].Start, want)
		}
		if want := later(average(a.actions[1].result.Elites), dims); !slices.Equal(b.actions[0].Start, want) {
			t.Errorf("actions start from %v, want %v", b.actions[0].Start, want)
		}
		for i := range 3 {
			if want := later(a.errors[1].result.Elites[i], 1); !slices.Equal(b.errors[0].populations[0].Point(19-i), want) {
				t.Errorf("elite %d of the errors of the step before is no candidate", i)
			} else if slices.Equal(b.errors[0].populations[1].Point(19-i), want) {
				t.Errorf("elite %d of the errors of the step before is a candidate again", i)
			}
			if want := later(a.actions[1].result.Elites[i], dims); !slices.Equal(b.actions[0].populations[0].Point(19-i), want) {
				t.Errorf("elite %d of the actions of the step before is no candidate", i)
			}
		}
		for d, column := range b.rolls[0].Actions { // errors of the first turn are for those actions
			if want := later(a.actions[1].result.Elites[1], dims)[d*dims+dims-1]; column[1] != want {
				t.Fatalf("column %d of the second plan that is attacked first is %v, want %v", d, column[1], want)
			}
		}
		p.Warm = false
		cold := play(t, p, q, false)
		q.Previous = nil
		if fresh := play(t, p, q, false); cold.Plan.Expected.Return() != fresh.Plan.Expected.Return() || cold.Counterexamples != nil || cold.Elites != nil || cold.Means != nil {
			t.Error("a cold game looks at the step before, or hands something on")
		}
	}
}

// A search keeps its deviation from turn to turn, or has its own in each.
func TestKeepStd(t *testing.T) {
	for _, keep := range []float64{0, 1, 2.5} {
		p := turns(3, 2, 2, 20)
		p.KeepStd = keep
		g := play(t, p, query(cart(t), constantBelief{sigma: 0.05}, 0.7), false)
		for _, side := range [][]asked{g.errors, g.actions} {
			for turn, a := range side {
				switch {
				case keep == 0 || turn == 0:
					if a.Std != nil {
						t.Errorf("%v: turn %d has the deviations %v", keep, turn, a.Std)
					}
				default:
					for d, v := range side[turn-1].result.Std {
						if a.Std[d] != keep*v {
							t.Fatalf("%v: turn %d starts with the deviation %v after %v", keep, turn, a.Std[d], v)
						}
					}
				}
			}
		}
	}
}

// Where no error is believed possible, nobody searches one, and the mean is rolled out once for reward and excess.
func TestNoDeviationNoErrors(t *testing.T) {
	p := turns(3, 2, 2, 20)
	p.Beta = plan.Constant(0)
	var searches []asked
	var rolls []safex.Candidates
	p.Search, p.Inner = probe{p.Search, &searches}, nobody{}
	a := answer(t, p, query(cart(t), recorder{Rollout: constantBelief{sigma: 0.05}, seen: &rolls}, 0.7), 1)
	if len(searches) != 3 || len(rolls) != 3*2+1 || a.Eta != nil || !a.Feasible {
		t.Errorf("%d searches and %d rolls, the error is %v; feasible: %v", len(searches), len(rolls), a.Eta, a.Feasible)
	}
}

// nobody is a search that must not be asked.
type nobody struct{}

func (nobody) Minimize(context.Context, opt.Problem, rng.Stream) (*opt.Result, error) {
	panic("a search for errors that cannot be")
}

// A plan that leaves the real numbers under an error is the worst that the error can do.
func TestErrorsThatLeaveTheNumbers(t *testing.T) {
	p := turns(2, 1, 3, 40)
	wide := opt.DefaultCEM()
	wide.Iterations, wide.Samples, wide.Elites, wide.Std = 3, 40, 5, 0.8
	p.Inner = wide
	a := answer(t, p, query(cart(t), fragile{constantBelief{sigma: 0.01}}, 0), 1)
	if u := a.Actions[0][0]; u > 0.2 || a.NaNs == 0 {
		t.Errorf("the first push is %v, and there are errors under which it leads nowhere; %d NaNs", u, a.NaNs)
	}
}

// fragile leaves the real numbers if the first push is above 0.2 and the first error, which hurts where it is above 0, far below.
type fragile struct{ constantBelief }

func (f fragile) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	err := f.constantBelief.Roll(ctx, dst, c, up)
	for i := range c.Actions.Len() {
		if c.Eta != nil && c.Eta[0][i] < -0.3 && c.Actions[0][i] > 0.2 {
			dst.Excess[9][i] = math.NaN()
		}
	}
	return err
}

// A game that is cut short before any actions were scored has those that it started from to offer, unless they lead nowhere.
func TestCutShortNowhere(t *testing.T) {
	for _, nowhere := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		a, err := turns(2, 1, 3, 40).Plan(ctx, query(cart(t), cutting{constantBelief{sigma: 0.01}, cancel, nowhere}, 0), rng.New(1))
		if !errors.Is(err, context.Canceled) || nowhere != (a == nil) {
			t.Errorf("nowhere: %v; plan %v, error %v", nowhere, a, err)
		}
	}
}

// cutting cancels after each roll, and may lead nowhere.
type cutting struct {
	constantBelief
	cancel  context.CancelFunc
	nowhere bool
}

func (c cutting) Roll(ctx context.Context, dst *safex.Rolled, in safex.Candidates, up *safex.Scalarisation) error {
	err := c.constantBelief.Roll(ctx, dst, in, up)
	if c.cancel(); c.nowhere {
		for _, b := range []num.Batch{dst.Reward, dst.Excess} {
			for _, column := range b {
				for i := range column {
					column[i] = math.NaN()
				}
			}
		}
	}
	return err
}

// A game that is cut short is feasible once a search for errors was completed, and the errors that its plan met are those of the last
// such search: half a search may find milder ones.
func TestCutShortGame(t *testing.T) {
	p := turns(3, 2, 3, 40)
	p.Warm = false
	const errorsOf, both = 3, 3 + 2*3 // rolls of a search for errors, and of a turn
	var first *safex.Plan
	for n := 2; n <= both+errorsOf; n++ { // the first that fails
		ctx, cancel := context.WithCancel(context.Background())
		a, err := p.Plan(ctx, query(cart(t), &stopping{Rollout: constantBelief{sigma: 0.05}, left: n, cancel: cancel}, 0.5), rng.New(1))
		if a == nil || !errors.Is(err, context.Canceled) {
			t.Fatalf("cut short in roll %d: plan %v, error %v", n, a, err)
		}
		if a.Feasible != (n > errorsOf) || a.Eta == nil {
			t.Errorf("cut short in roll %d: feasible: %v, error %v", n, a.Feasible, a.Eta)
		}
		switch {
		case n == both+1:
			first = a
		case n > both+1 && !reflect.DeepEqual(a, first):
			t.Errorf("cut short in roll %d, in a search for errors, the plan is another than before that search", n)
		}
	}
}

// stopping cancels when it is asked for the last of some rolls, which fails.
type stopping struct {
	safex.Rollout
	left   int
	cancel context.CancelFunc
}

func (s *stopping) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	if s.left--; s.left == 0 {
		s.cancel()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Rollout.Roll(ctx, dst, c, up)
}
