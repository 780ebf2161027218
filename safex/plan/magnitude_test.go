package plan_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// mass is a mass of 1 kg before a wall at 1 m. Its reward, times k, is best half a metre behind the wall.
func mass(t testing.TB, k float64) *safex.System {
	s, err := safex.Task{
		Name: "mass", Dt: 0.1, Steps: 40, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "p", Unit: "m", Scale: 1}, {Name: "v", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "force", Unit: "N", Scale: 1}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Mul(0.1))
			return num.Vec{x[0].Add(v.Mul(0.1)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { off := next[0].Sub(1.5); return off.Mul(off).Mul(-k) },
		Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// No size of the reward buys a step beyond the wall, and none changes the way: the order of two keys is the same for all.
func TestRewardsOfAnySize(t *testing.T) {
	careful, certain := plan.DefaultPessimistic(), plan.DefaultSafe()
	refined := plan.DefaultPessimistic()
	refined.Refine.Candidates = 2
	for name, p := range map[string]safex.Planner{
		"pessimistic": careful, "safe": certain, "minmax": plan.DefaultMinMax(), "pestraj": plan.DefaultPesTraj(), "refined": refined,
	} {
		for _, k := range []float64{1, 1e6, 1e10, 1e20} {
			t.Run(fmt.Sprintf("%s/%g", name, k), func(t *testing.T) {
				s := mass(t, k)
				roll, err := fused.New().Rollout(s, rollout.Truth(s))
				if err != nil {
					t.Fatal(err)
				}
				src := rng.New(3)
				tr, q := s.Begin([]float64{0, 0}, src), query(s, roll)
				for i := range s.Steps {
					q.State = tr.States[i]
					if q.Last, err = p.Plan(context.Background(), q, src.Child("plan").At(i)); err == nil {
						err = s.Advance(&tr, q.Last.Actions[0], src)
					}
					if err != nil {
						t.Fatal(err)
					}
					if !q.Last.Feasible {
						t.Fatalf("plan %d is infeasible at %v", i, tr.States[i])
					}
				}
				if worst := tr.WorstExcess(1)[0]; worst > 1e-6 {
					t.Errorf("%v m beyond the wall", worst)
				}
				if end := tr.States[s.Steps][0]; end < 0.7 {
					t.Errorf("it stays at %v m, away from the wall", end)
				}
			})
		}
	}
}
