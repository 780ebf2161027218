package plan_test

import (
	"context"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Under a limit of 5.2 rad/s, little more than what the physics asks for, populations alone leave the pendulum swinging, and with
// refined candidates it gets up: in 35 of 40 episodes, and in 1 without.
func TestRefinementSwingsUp(t *testing.T) {
	if testing.Short() {
		t.Skip("2000 plans")
	}
	task := tasks.DefaultPendulum()
	task.MaxSpeed = 5.2
	s, err := task.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	roll, err := fused.New().Rollout(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	const seeds = 5
	up := func(refine plan.Refinement) (n int) {
		var wait sync.WaitGroup
		var reached [seeds]bool
		for seed := range seeds {
			wait.Go(func() {
				p, src := plan.DefaultSafe(), rng.New(uint64(seed+1))
				p.Horizon, p.Refine = 40, refine
				x, err := s.DrawStart(src.Child("start"))
				if err != nil {
					t.Error(err)
					return
				}
				tr, q := s.Begin(x, src), query(s, roll)
				for i := range s.Steps {
					q.State = tr.States[i]
					if q.Previous, err = p.Plan(context.Background(), q, src.Child("plan").At(i)); err == nil {
						err = s.Advance(&tr, q.Previous.Actions[0], src)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
				if tr.Violations() > 0 && refine.Candidates > 0 {
					t.Errorf("seed %d breaks the limit in %d steps, by up to %v rad/s", seed, tr.Violations(), tr.WorstExcess(1)[0])
				}
				reached[seed] = true
				for _, x := range tr.States[s.Steps-10:] {
					reached[seed] = reached[seed] && x[0] > 0.9
				}
			})
		}
		wait.Wait()
		for _, a := range reached {
			if a {
				n++
			}
		}
		return n
	}
	refined, alone := up(plan.Refinement{Candidates: 4, Rounds: 2}), up(plan.Refinement{})
	t.Logf("of %d, %d get up with refined candidates, and %d without", seeds, refined, alone)
	if refined < 2 || alone > 1 || alone >= refined {
		t.Errorf("of %d, %d get up with refined candidates, and %d without", seeds, refined, alone)
	}
}

// The best pessimistic plan of the cart goes to the wall at full speed, and then as the worst error pushes. Refined candidates
// come nearer to it.
func TestRefinementOfPessimist(t *testing.T) {
	const horizon, sigma, beta = 20, 0.01, 2
	best := 0.0
	for i := 1.0; i <= horizon; i++ {
		best += min(0.1*i, 1-i*sigma*beta)
	}
	var gaps [2]float64
	for seed := range uint64(5) {
		for k := range gaps {
			p := plan.DefaultPessimistic()
			p.Refine.Candidates = 4 * k
			a := answer(t, p, query(cart(t), constantBelief{sigma: sigma}, 0), seed)
			if !a.Feasible || a.Worst.WorstExcess(1)[0] > 0 {
				t.Errorf("seed %d, %d refined: feasible: %v", seed, p.Refine.Candidates, a.Feasible)
			}
			gaps[k] += (best - a.Expected.Return()) / 5
		}
	}
	t.Logf("of a return of %v are missing %v, and %v with refined candidates", best, gaps[0], gaps[1])
	if gaps[1] < 0 || gaps[1] > gaps[0]/2 {
		t.Errorf("of a return of %v are missing %v, and %v with refined candidates", best, gaps[0], gaps[1])
	}
}
