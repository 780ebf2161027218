package plan_test

import (
	"fmt"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/plantest"
)

// searches are all of them, each for a plan that searches once, and each for the turns of a game.
func searches() map[string][2]opt.Minimizer {
	icem, cem, published, mppi := opt.DefaultICEM(), opt.DefaultCEM(), opt.ReferenceCEM(), opt.DefaultMPPI()
	cem.Iterations, cem.Samples, cem.Elites = 4, 128, 13
	published.Iterations, published.Samples, published.Elites, published.Warm = 6, 128, 13, true
	all := map[string][2]opt.Minimizer{"icem": {icem}, "cem": {cem}, "published": {published}, "mppi": {mppi}}
	icem.Iterations, icem.Samples, icem.Elites = 2, 64, 8
	cem.Iterations, cem.Samples, cem.Elites = 3, 64, 8
	published.Iterations, published.Samples, published.Elites = 4, 64, 8
	mppi.Iterations, mppi.Samples, mppi.Elites = 2, 64, 8
	for name, m := range map[string]opt.Minimizer{"icem": icem, "cem": cem, "published": published, "mppi": mppi} {
		all[name] = [2]opt.Minimizer{all[name][0], m}
	}
	return all
}

// Every planner keeps the laws, whatever searches.
func TestLawsOfAll(t *testing.T) {
	for name, search := range searches() {
		if testing.Short() && name != "icem" {
			continue
		}
		run := func(planner string, p safex.Planner, laws plantest.Laws) {
			t.Run(planner+"/"+name, func(t *testing.T) { plantest.Run(t, p, laws) })
		}
		nominal := func(p plan.Nominal, particles int) plan.Nominal {
			p.Horizon, p.Search, p.Particles = 10, search[0], particles
			return p
		}
		pestraj := plan.DefaultPesTraj()
		pestraj.Horizon, pestraj.Search = 10, search[0]
		separate := pestraj
		separate.Separate = true
		run("unsafe", nominal(plan.DefaultUnsafe(), 0), plantest.Laws{Blind: true})
		run("unsafe, particles", nominal(plan.DefaultUnsafe(), 5), plantest.Laws{Blind: true, Draws: true})
		run("safe", nominal(plan.DefaultSafe(), 0), plantest.Laws{})
		run("safe, particles", nominal(plan.DefaultSafe(), 5), plantest.Laws{Draws: true})
		run("pestraj", pestraj, plantest.Laws{Draws: true})
		run("pestraj, separate", separate, plantest.Laws{Draws: true})
		penalized := plan.DefaultCAP()
		penalized.Horizon, penalized.Search = 10, search[0]
		run("cap", penalized, plantest.Laws{Draws: true})

		pessimistic := plan.DefaultPessimistic()
		pessimistic.Horizon, pessimistic.Search = 10, search[0]
		wider := pessimistic
		wider.Beta = plan.Constant(4)
		run("pessimistic", pessimistic, plantest.Laws{Wider: wider})

		game := func(planner string, p plan.MinMax, laws plantest.Laws) {
			p.Horizon, p.Search, p.Inner = 10, search[1], search[1]
			wider := p
			wider.Beta = plan.Constant(4)
			laws.Wider, laws.Slack = wider, 0.03
			run(planner, p, laws)
		}
		minmax := plan.DefaultMinMax()
		cold, particles := minmax, minmax
		cold.Mean, cold.Warm = true, false
		particles.Particles, particles.KeepStd = 4, 2
		game("minmax", minmax, plantest.Laws{})
		game("minmax, cold mean", cold, plantest.Laws{})
		game("minmax, particles", particles, plantest.Laws{Draws: true})
		game("optminmax", plan.DefaultOptMinMax(), plantest.Laws{})
	}
}

// Every planner keeps the laws with everything that it may maximize, and with refined candidates.
func TestLawsOfExplorers(t *testing.T) {
	exploration := map[string]plan.Exploration{
		"information": {Information: plan.Constant(0.3), Noise: 0.01},
		"optimism":    {Optimism: plan.Constant(1)},
		"both":        {Information: plan.Linear(0.5, 0, 10), Noise: 0.01, Optimism: plan.Sigmoid(1, 2, 3)},
		"thompson":    {Thompson: true},
		"all that go": {Information: plan.Constant(0.3), Noise: 0.01, Thompson: true},
		"":            {},
	}
	for name, search := range searches() {
		if name != "icem" && (testing.Short() || name != "mppi") {
			continue
		}
		for what, e := range exploration {
			for _, refine := range []plan.Refinement{{}, {Candidates: 3, Rounds: 2}} {
				if testing.Short() && what == "both" || e == (plan.Exploration{}) && refine == (plan.Refinement{}) {
					continue
				}
				run := func(planner string, p safex.Planner, laws plantest.Laws) {
					laws.Priced = e.Information != (plan.Schedule{})
					t.Run(fmt.Sprintf("%s, %s, %d refined/%s", planner, what, refine.Candidates, name), func(t *testing.T) { plantest.Run(t, p, laws) })
				}
				actions := search[0]
				if e.Optimism != (plan.Schedule{}) { // there is more to search
					actions = twice(actions)
				}
				safe, unsafe, pessimistic := plan.DefaultSafe(), plan.DefaultUnsafe(), plan.DefaultPessimistic()
				for _, p := range []*plan.Nominal{&safe, &unsafe} {
					p.Horizon, p.Search, p.Exploration, p.Refine = 10, actions, e, refine
				}
				pessimistic.Horizon, pessimistic.Search, pessimistic.Exploration, pessimistic.Refine = 10, actions, e, refine
				wider := pessimistic
				wider.Beta = plan.Constant(4)
				run("safe", safe, plantest.Laws{})
				run("unsafe", unsafe, plantest.Laws{Blind: true})
				run("pessimistic", pessimistic, plantest.Laws{Wider: wider})
				if pestraj := plan.DefaultPesTraj(); refine.Candidates == 0 && e.Optimism == (plan.Schedule{}) {
					pestraj.Horizon, pestraj.Search, pestraj.Exploration = 10, search[0], e
					run("pestraj", pestraj, plantest.Laws{Draws: true})
				}
			}
		}
	}
}

// twice is a search with twice the candidates.
func twice(m opt.Minimizer) opt.Minimizer {
	switch c := m.(type) {
	case opt.ICEM:
		c.Samples *= 2
		return c
	case opt.CEM:
		c.Samples *= 2
		return c
	case opt.MPPI:
		c.Samples *= 2
		return c
	}
	panic(fmt.Sprintf("no search %T", m))
}
