package plan_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// What a candidate costs is what the papers say: with draws of its own for nobody, a mean of costs for the nominal planner,
// and the cost of the worst for PesTraj. PETS has the cost of a mean, or of the worst, of draws that hold over the horizon.
func TestCostsOfDraws(t *testing.T) {
	s := cart(t)
	const sigma, particles = 0.05, 6
	o := safex.Objective{Weight: 2, Barrier: safex.Quadratic, Budget: 0.05}
	for name, c := range map[string]struct {
		make func(search probe) safex.Planner
		cost func(rewards, worst []float64) float64
	}{
		"nominal": {func(search probe) safex.Planner {
			return plan.Nominal{Horizon: 10, Objective: o, Search: search, Particles: particles}
		}, func(rewards, worst []float64) (sum float64) {
			for p := range rewards {
				sum += 2*safex.Quadratic.Of(worst[p]-0.05) - rewards[p]
			}
			return sum / particles
		}},
		"pestraj": {func(search probe) safex.Planner {
			return plan.PesTraj{Horizon: 10, Objective: o, Search: search, Particles: particles}
		}, func(rewards, worst []float64) float64 {
			return 2*safex.Quadratic.Of(slices.Max(worst)-0.05) - mean(rewards)
		}},
		"pestraj, separate": {func(search probe) safex.Planner {
			return plan.PesTraj{Horizon: 10, Objective: o, Search: search, Particles: particles / 2, Separate: true}
		}, func(rewards, worst []float64) float64 {
			return 2*safex.Quadratic.Of(slices.Max(worst[particles/2:])-0.05) - mean(rewards[:particles/2])
		}},
		"cce": {func(search probe) safex.Planner {
			return plan.PETS{Horizon: 10, Objective: o, Search: search, Particles: particles}
		}, func(rewards, worst []float64) float64 {
			return 2*safex.Quadratic.Of(mean(broken(worst, 0))-0.05) - mean(rewards)
		}},
		"rce": {func(search probe) safex.Planner {
			return plan.PETS{Horizon: 10, Objective: o, Search: search, Particles: particles, Worst: true}
		}, func(rewards, worst []float64) float64 {
			return 2*safex.Quadratic.Of(max(0, slices.Max(worst))-0.05) - mean(rewards)
		}},
		"cap": {func(search probe) safex.Planner { // κ is 1, 0, 2 and 3
			return plan.PETS{Horizon: 10, Objective: o, Search: search, Particles: particles, Penalty: plan.Penalty{Start: 1, Gain: 0.5, Allowed: 2}}
		}, func(rewards, worst []float64) float64 {
			return 2*safex.Quadratic.Of(mean(broken(worst, 3*sigma))-0.05) - mean(rewards)
		}},
	} {
		var searches []asked
		var rolls []safex.Candidates
		p := c.make(probe{plan.DefaultSafe().Search, &searches})
		q := query(s, recorder{Rollout: constantBelief{sigma: sigma}, seen: &rolls}, 0.8)
		q.Violations = []int{0, 6, 4}
		a := answer(t, p, q, 1)
		if len(searches) != 1 || len(rolls) != len(searches[0].populations)+1 {
			t.Fatalf("%s: %d searches and %d rolls", name, len(searches), len(rolls))
		}
		draws := rolls[0].Eta
		for round, x := range searches[0].populations {
			n := x.Len()
			if rolls[round].Eta.Len() != particles*n || rolls[round].Beta != 1 {
				t.Fatalf("%s: %d errors of %v deviations for %d candidates", name, rolls[round].Eta.Len(), rolls[round].Beta, n)
			}
			for i := range n {
				var rewards, worst []float64
				for lane := i; lane < particles*n; lane += n {
					eta := rolls[round].Eta.Point(lane)
					if want := draws.Point(lane / n * draws.Len() / particles); !slices.Equal(eta, want) {
						t.Fatalf("%s: candidate %d of population %d meets draws of its own", name, i, round)
					}
					if _, steady := p.(plan.PETS); steady != (slices.Min(eta) == slices.Max(eta)) {
						t.Fatalf("%s: a draw is %v", name, eta)
					}
					r, w := outcome(0.8, x.Point(i), eta, sigma)
					rewards, worst = append(rewards, r), append(worst, w)
				}
				if got, want := searches[0].values[round][i], c.cost(rewards, worst); math.Abs(got-want) > 1e-12 {
					t.Fatalf("%s: a candidate costs %v, want %v", name, got, want)
				}
			}
		}
		if a.Eta != nil || a.Beta != 0 {
			t.Errorf("%s: a plan for draws has the error %v, of β = %v", name, a.Eta, a.Beta)
		}
		// The worst is that of the draws that the limits are kept under.
		judged, worst := draws.Len()/particles, math.Inf(-1)
		for d := range particles {
			if name != "pestraj, separate" || d >= particles/2 {
				_, w := outcome(0.8, slices.Concat(a.Actions...), draws.Point(d*judged), sigma)
				worst = max(worst, w)
			}
		}
		if got := a.Worst.WorstExcess(1)[0]; math.Abs(got-worst) > 1e-12 {
			t.Errorf("%s: the worst excess is %v, want %v", name, got, worst)
		}
		first := rolls[0].Eta.Point(0)
		answer(t, p, query(s, recorder{Rollout: constantBelief{sigma: sigma}, seen: &rolls}, 0.8), 2)
		if slices.Equal(rolls[len(rolls)-1].Eta.Point(1), first) {
			t.Errorf("%s: two seeds drew the same", name)
		}
	}
}

// broken are what is beyond the limit with so much more of everything.
func broken(worst []float64, more float64) (v []float64) {
	for _, w := range worst {
		v = append(v, max(0, w+more))
	}
	return v
}

func mean(v []float64) (sum float64) {
	for _, x := range v {
		sum += x / float64(len(v))
	}
	return sum
}

// Draws are standard normal, and independent over steps and draws.
func TestDrawsAreNormal(t *testing.T) {
	var rolls []safex.Candidates
	p := plan.DefaultSafe()
	p.Horizon, p.Particles = 10, 2000
	p.Search = probe{oneRound{}, new([]asked)}
	answer(t, p, query(cart(t), recorder{Rollout: constantBelief{sigma: 0.01}, seen: &rolls}, 0), 1)
	var sum, square, four, steps, draws float64
	b := make(num.Batch, 10)
	for d, column := range rolls[0].Eta {
		for lane := 0; lane < len(column); lane += 2 { // two candidates met each
			b[d] = append(b[d], column[lane])
		}
	}
	n := float64(len(b) * b.Len())
	for d, column := range b {
		for i, v := range column {
			sum, square, four = sum+v/n, square+v*v/n, four+v*v*v*v/n
			steps, draws = steps+v*b[(d+1)%len(b)][i]/n, draws+v*column[(i+1)%len(column)]/n
		}
	}
	within := 5 / math.Sqrt(n) // five deviations of an average
	if math.Abs(sum) > within || math.Abs(square-1) > within*math.Sqrt2 || math.Abs(four-3) > within*math.Sqrt(96) || math.Abs(steps) > within || math.Abs(draws) > within {
		t.Errorf("moments %v, %v and %v, correlations %v and %v", sum, square, four, steps, draws)
	}
}

// No engine clips what is drawn: three deviations lead three times as far from the mean as one.
func TestEnginesTakeDraws(t *testing.T) {
	s := cart(t)
	data, r := &safex.Data{}, rng.New(1).Rand()
	for range 60 {
		x, u := []float64{2*r.Float64() - 1}, []float64{2*r.Float64() - 1}
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
	}
	e := ensemble.Default()
	e.Hidden, e.MinSteps, e.MaxSteps = []int{8}, 20, 20
	m, err := e.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for name, engine := range map[string]safex.Engine{"graph": rollout.NewGoMLX(), "fused": fused.New()} {
		roll, err := engine.Rollout(s, m)
		if err != nil {
			t.Fatal(err)
		}
		c := safex.Candidates{State: []float64{0.3}, Actions: num.NewBatch(1, 4), Eta: num.NewBatch(1, 4), Beta: 1}
		copy(c.Eta[0], []float64{0, 1, 3, -3})
		var out safex.Rolled
		if err := roll.Roll(context.Background(), &out, c, nil); err != nil {
			t.Fatal(err)
		}
		x := out.States[0]
		if one := x[1] - x[0]; !(one > 1e-4) || math.Abs(x[2]-x[0]-3*one) > 1e-5 || math.Abs(x[3]-x[0]+3*one) > 1e-5 {
			t.Errorf("%s: %v under 0, 1, 3 and -3 deviations", name, x)
		}
	}
}
