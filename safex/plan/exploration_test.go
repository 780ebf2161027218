package plan_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// fog is the cart's rollout under a belief that moves by gain for each push, and whose epistemic deviation grows to the left,
// σ = exp(-x)/100.
type fog struct {
	gain float64
	seen *[]safex.Candidates
}

func (f fog) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	if up != nil {
		return errors.New("fog has no gradients")
	}
	if f.seen != nil {
		*f.seen = append(*f.seen, c)
	}
	horizon, n := len(c.Actions), c.Actions.Len()
	dst.Resize(horizon, 1, 1, n)
	if dst.Epistemic = nil; c.Epistemic {
		dst.Epistemic = num.NewBatch(horizon, n)
	}
	for i := range n {
		var eta []float64
		if c.Eta != nil {
			eta = c.Eta.Point(i)
		}
		states, sigmas := f.path(c.State[0], c.Actions.Point(i), eta, c.Beta)
		for t, x := range states {
			dst.States[t][i], dst.Reward[t][i], dst.Excess[t][i] = x, x, x-1
			if c.Epistemic {
				dst.Epistemic[t][i] = sigmas[t]
			}
		}
	}
	return nil
}

// path are the states after each step, and the deviations before.
func (f fog) path(x float64, actions, eta []float64, beta float64) (states, sigmas []float64) {
	for t, u := range actions {
		sigma := math.Exp(-x) / 100
		if x += f.gain * u; eta != nil {
			x += beta * sigma * eta[t]
		}
		states, sigmas = append(states, x), append(sigmas, sigma)
	}
	return states, sigmas
}

// gain is the information gain per step of deviations, for noise of a Scale of 1.
func gain(sigmas []float64, noise float64) (sum float64) {
	for _, σ := range sigmas {
		sum += math.Log(1+σ*σ/(noise*noise)) / float64(len(sigmas))
	}
	return sum
}

// What is maximized is what the formulas say, for every candidate of a search, whatever is explored.
func TestExplorationIsMaximized(t *testing.T) {
	const noise, horizon, start = 0.02, 8, 0.3
	o := safex.Objective{Weight: 3}
	believed, other := fog{gain: 0.1}, fog{gain: -0.2}
	for name, c := range map[string]struct {
		plan.Exploration
		value func(own, actions []float64) float64
	}{
		"nothing": {plan.Exploration{Noise: noise}, func(_, actions []float64) float64 {
			states, _ := believed.path(start, actions, nil, 0)
			return mean(states)
		}},
		"information": {plan.Exploration{Information: plan.Constant(0.3), Noise: noise}, func(_, actions []float64) float64 {
			states, sigmas := believed.path(start, actions, nil, 0)
			return 0.7*mean(states) + 0.3*gain(sigmas, noise)
		}},
		"information alone, later": {plan.Exploration{Information: plan.Linear(0, 1, 2), Noise: noise}, func(_, actions []float64) float64 {
			_, sigmas := believed.path(start, actions, nil, 0)
			return gain(sigmas, noise)
		}},
		"optimism": {plan.Exploration{Optimism: plan.Constant(1.5)}, func(own, actions []float64) float64 {
			states, _ := believed.path(start, actions, own, 1.5)
			return mean(states)
		}},
		"optimism about information": {plan.Exploration{Information: plan.Constant(0.3), Noise: noise, Optimism: plan.Constant(1.5)}, func(own, actions []float64) float64 {
			states, sigmas := believed.path(start, actions, own, 1.5)
			return 0.7*mean(states) + 0.3*gain(sigmas, noise)
		}},
		"thompson": {plan.Exploration{Thompson: true}, func(_, actions []float64) float64 {
			states, _ := other.path(start, actions, nil, 0)
			return mean(states)
		}},
		"thompson, and information": {plan.Exploration{Information: plan.Constant(0.3), Noise: noise, Thompson: true}, func(_, actions []float64) float64 {
			states, _ := other.path(start, actions, nil, 0)
			_, sigmas := believed.path(start, actions, nil, 0)
			return 0.7*mean(states) + 0.3*gain(sigmas, noise)
		}},
	} {
		ask := func() safex.Query {
			q := query(cart(t), believed, start)
			q.Episode, q.Members = 3, 1
			q.Member = func(i int) (safex.Rollout, error) { return other, nil }
			return q
		}
		var searches []asked
		safe, pessimistic := plan.DefaultSafe(), plan.DefaultPessimistic()
		safe.Horizon, safe.Objective, safe.Search, safe.Exploration = horizon, o, probe{plan.DefaultSafe().Search, &searches}, c.Exploration
		pessimistic.Horizon, pessimistic.Search, pessimistic.Exploration = horizon, probe{plan.DefaultSafe().Search, &searches}, c.Exploration
		pessimistic.Adversary = plan.DefaultParticles()
		pessimistic.Objective, pessimistic.Beta = o, plan.Constant(0) // so that the limit is that of the mean
		for planner, p := range map[string]safex.Planner{"safe": safe, "pessimistic": pessimistic} {
			searches = nil
			a := answer(t, p, ask(), 1)
			checked := 0
			for round, x := range searches[0].populations {
				for i := range x.Len() {
					series := x.Point(i)
					var own, actions []float64
					for d, v := range series {
						if len(series) == 2*horizon && d%2 == 0 {
							own = append(own, v)
						} else {
							actions = append(actions, v)
						}
					}
					if (own != nil) != (c.Optimism != plan.Schedule{}) || len(actions) != horizon {
						t.Fatalf("%s, %s: series of %d numbers for %d steps", planner, name, len(series), horizon)
					}
					states, _ := believed.path(start, actions, nil, 0)
					want := 3*max(0, slices.Max(states)-1) - c.value(own, actions)
					got := searches[0].values[round][i]
					if planner == "pessimistic" && got > want && got < want+1 {
						continue // one that was not attacked may be put behind
					}
					if checked++; math.Abs(got-want) > 1e-9 {
						t.Fatalf("%s, %s: a candidate costs %v, want %v", planner, name, got, want)
					}
				}
			}
			if checked < 100 {
				t.Errorf("%s, %s: %d candidates were checked", planner, name, checked)
			}
			// The plan is what the model expects all the same.
			if want, _ := believed.path(start, slices.Concat(a.Actions...), nil, 0); a.Expected.States[horizon][0] != want[horizon-1] {
				t.Errorf("%s, %s: it expects to be at %v, and the model at %v", planner, name, a.Expected.States[horizon][0], want[horizon-1])
			}
		}
	}
}

// Uncertainty draws a planner to where it is, against the reward, and no further than the limit lets it.
func TestInformationLeadsToUncertainty(t *testing.T) {
	p := plan.DefaultSafe()
	p.Horizon, p.Exploration.Information = 10, plan.Linear(0.9, 0, 5)
	q := query(cart(t), fog{gain: 0.1}, 0)
	if a := answer(t, p, q, 1); a.Expected.States[10][0] > -0.9 {
		t.Errorf("it goes to %v, and there is most to learn to the left", a.Expected.States[10][0])
	}
	q.Episode = 6
	if a := answer(t, p, q, 1); a.Expected.States[10][0] < 0.9 || !a.Feasible {
		t.Errorf("when all is said to be learned, it goes to %v, and the reward is at the wall; feasible: %v", a.Expected.States[10][0], a.Feasible)
	}
}

// On a linear system the best errors are known, all ones, and the limit does not believe in them. The next search starts
// from where this one ended, a step later.
func TestOptimismIsExact(t *testing.T) {
	const horizon, sigma, kappa = 10, 0.01, 2.0
	var searches []asked
	p := plan.DefaultSafe()
	p.Horizon, p.Exploration.Optimism = horizon, plan.Constant(kappa)
	search := opt.DefaultICEM()
	search.Samples, search.Iterations, search.MinStd = 256, 20, 0.3 // which is drawn to the edges of the box
	p.Search = probe{search, &searches}
	q := query(cart(t), constantBelief{sigma: sigma}, -0.5)
	q.Previous = answer(t, p, q, 1)
	best := 0.0
	for i := range horizon { // by 0.1 for each push, and κσ for each error
		best += (-0.5 + float64(i+1)*(0.1+kappa*sigma)) / horizon
	}
	if got := -searches[0].result.F; got > best+1e-12 || got < best-1e-3 {
		t.Errorf("it hopes for %v, and the best is %v", got, best)
	}
	top := 0.0
	for _, x := range q.Previous.Expected.States {
		top = max(top, x[0])
	}
	if top > 0.5+1e-9 || !q.Previous.Feasible {
		t.Errorf("what it expects goes to %v, and not beyond 0.5; feasible: %v", top, q.Previous.Feasible)
	}
	x := searches[0].result.X
	answer(t, p, q, 2)
	if want := slices.Concat(x[2:], x[len(x)-2:]); !slices.Equal(searches[1].Start, want) {
		t.Errorf("the next search starts at %v, want %v", searches[1].Start, want)
	}
	p.Exploration.Optimism = plan.Linear(0, kappa, 1) // none at first
	q.Previous = answer(t, p, q, 3)
	q.Episode = 2
	answer(t, p, q, 4)
	for i, u := range q.Previous.Actions[1:] {
		if start := searches[3].Start; start[2*i] != 0 || start[2*i+1] != u[0] {
			t.Fatalf("the first search with errors starts at %v, after the actions %v", start, q.Previous.Actions)
		}
	}
}

// Two members of opposite opinion make two plans, one in each episode, and the limit is that of both together.
func TestThompsonDrawsForEpisodes(t *testing.T) {
	safe, pessimistic := plan.DefaultSafe(), plan.DefaultPessimistic()
	safe.Horizon, pessimistic.Horizon = 10, 10
	safe.Exploration.Thompson, pessimistic.Exploration.Thompson = true, true
	pessimistic.Refine = plan.Refinement{}
	for name, p := range map[string]safex.Planner{"safe": safe, "pessimistic": pessimistic} {
		members := []fog{{gain: 0.2}, {gain: -0.2}}
		q := query(cart(t), constantBelief{sigma: 0.001}, 0.5)
		q.Members, q.Member = 2, func(i int) (safex.Rollout, error) { return members[i], nil }
		var met [2]int
		for episode := range 20 {
			q.Previous = nil
			drawn := 0
			for step := range 3 {
				a := answer(t, p, q, uint64(100*episode+step))
				if q.Previous == nil {
					drawn = a.Member
					met[drawn-1]++
				}
				if a.Member != drawn || a.Actions[0][0]*members[drawn-1].gain < 0 {
					t.Fatalf("%s: episode %d began with member %d; step %d is %v by member %d", name, episode, drawn, step, a.Actions[0], a.Member)
				}
				if !a.Feasible || a.Worst.WorstExcess(1)[0] > 0 {
					t.Errorf("%s: it breaks the limit that the mean says", name)
				}
				q.Previous = a
			}
		}
		if met[0] < 3 || met[1] < 3 { // the chance is 4e-4
			t.Errorf("%s: of 20 episodes, members had %v", name, met)
		}
		q.Previous, q.Members = &safex.Plan{Member: 3}, 2
		if a := answer(t, p, q, 1); a.Member < 1 || a.Member > 2 {
			t.Errorf("%s: it goes on with member %d of 2", name, a.Member)
		}
		broken := errors.New("broken")
		q.Member = func(int) (safex.Rollout, error) { return nil, broken }
		if a, err := p.Plan(context.Background(), q, rng.New(1)); a != nil || !errors.Is(err, broken) {
			t.Errorf("%s: plan %v, error %v", name, a, err)
		}
		q.Members = 0
		if a, err := p.Plan(context.Background(), q, rng.New(1)); a != nil || err == nil || !strings.Contains(err.Error(), "this model has none: use an ensemble") {
			t.Errorf("%s: plan %v of a model without members, error %v", name, a, err)
		}
	}
}

// Without exploration and refinement, planners ask nothing more than their search and their adversary need, and settings that are
// of no account change no bit.
func TestNothingExplored(t *testing.T) {
	planners := func(e plan.Exploration, r plan.Refinement) map[string]safex.Planner {
		safe, particles, pessimistic, pestraj := plan.DefaultSafe(), plan.DefaultSafe(), plan.DefaultPessimistic(), plan.DefaultPesTraj()
		safe.Exploration, safe.Refine, particles.Exploration, particles.Refine, particles.Particles = e, r, e, r, 5
		pessimistic.Exploration, pessimistic.Refine, pestraj.Exploration = e, r, e
		return map[string]safex.Planner{"safe": safe, "particles": particles, "pessimistic": pessimistic, "pestraj": pestraj}
	}
	neutral := planners(plan.Exploration{}, plan.Refinement{})
	faint := planners(plan.Exploration{Information: plan.Linear(0, 0, 3), Noise: 0.3, Optimism: plan.Linear(0, 1, 5)}, plan.Refinement{Rounds: 7})
	faint["particles"], faint["pestraj"] = planners(plan.Exploration{Noise: 0.3}, plan.Refinement{Rounds: 7})["particles"], planners(plan.Exploration{Noise: 0.3}, plan.Refinement{})["pestraj"]
	for name, p := range neutral {
		var rolls, again []safex.Candidates
		ask := func(seen *[]safex.Candidates) safex.Query {
			q := query(cart(t), recorder{Rollout: constantBelief{sigma: 0.01}, seen: seen}, 0.5)
			q.Members, q.Member = 2, func(int) (safex.Rollout, error) { panic("nobody asked for a member") }
			return q
		}
		a, b := answer(t, p, ask(&rolls), 1), answer(t, faint[name], ask(&again), 1)
		if !reflect.DeepEqual(a, b) || !reflect.DeepEqual(rolls, again) {
			t.Errorf("%s: settings that are of no account change the plan", name)
		}
		if a.Member != 0 || a.Means != nil {
			t.Errorf("%s: it hands on member %d and means %v", name, a.Member, a.Means)
		}
		if want := opt.DefaultICEM().Iterations + 1; name != "pessimistic" && len(rolls) != want {
			t.Errorf("%s: %d rolls, want %d", name, len(rolls), want)
		}
		for _, c := range rolls {
			if c.Epistemic {
				t.Errorf("%s: it asks for the epistemic deviation", name)
			}
		}
	}
}

// What cannot be is refused by name.
func TestExplorationThatCannotBe(t *testing.T) {
	share := plan.Exploration{Information: plan.Constant(0.5), Noise: 0.01}
	for want, e := range map[string]plan.Exploration{
		"Exploration.Information: from -1":                 {Information: plan.Schedule{From: -1}},
		"Exploration.Information is 1.5, want a share":     {Information: plan.Constant(1.5), Noise: 1},
		"Exploration.Information is linear 0 to 2 in 5":    {Information: plan.Linear(0, 2, 5), Noise: 1},
		"Exploration.Noise is 0 with":                      {Information: share.Information},
		"Exploration.Noise is NaN with":                    {Information: share.Information, Noise: math.NaN()},
		"Exploration.Optimism: from NaN":                   {Optimism: plan.Constant(math.NaN())},
		"Exploration.Thompson with Exploration.Optimism 1": {Optimism: plan.Constant(1), Thompson: true},
		"Particles is 3 with Exploration.Optimism 1":       {Optimism: plan.Constant(1)},
	} {
		safe, pessimistic, pestraj := plan.DefaultSafe(), plan.DefaultPessimistic(), plan.DefaultPesTraj()
		safe.Exploration, pessimistic.Exploration, pestraj.Exploration, pestraj.Particles = e, e, e, 3
		checked := []error{safe.Check(), pessimistic.Check(), pestraj.Check()}
		if strings.HasPrefix(want, "Particles") {
			safe.Particles = 3
			checked = []error{safe.Check(), pestraj.Check()}
		}
		for _, err := range checked {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	}
	for want, r := range map[string]plan.Refinement{
		"Refine.Candidates is -1":                     {Candidates: -1},
		"Refine.Rounds is 0 with Refine.Candidates 3": {Candidates: 3},
		"Refine.Candidates is 4 with Particles 2":     {Candidates: 4, Rounds: 1},
	} {
		p := plan.DefaultSafe()
		p.Refine, p.Particles = r, 2
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
