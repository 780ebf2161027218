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

// mass is a mass of 1 kg before a wall at 1 m from offset. Its reward, times k, is best half a metre behind the wall.
func mass(t testing.TB, k, offset float64) *safex.System {
	s, err := safex.Task{
		Name: "mass", Dt: 0.1, Steps: 40, Start: safex.StartAt(offset, 0),
		State:  []safex.Var{{Name: "p", Unit: "m", Scale: 1}, {Name: "v", Unit: "m/s", Scale: 1}},
		Action: []safex.Var{{Name: "force", Unit: "N", Scale: 1}},
		Next: func(x, u num.Vec) num.Vec {
			v := x[1].Add(u[0].Mul(0.1))
			return num.Vec{x[0].Add(v.Mul(0.1)), v}
		},
		Reward: func(x, u, next num.Vec) num.Expr { off := next[0].Sub(offset + 1.5); return off.Mul(off).Mul(-k) },
		Limits: []safex.Limit{{Name: "wall", Unit: "m", Max: offset + 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reach takes the mass to the wall by plans with the oracle model, and fails if one is infeasible, if a step is beyond the wall by
// anything at all, or if it stays away from the wall.
func reach(t *testing.T, p safex.Planner, engine safex.Engine, s *safex.System) {
	t.Helper()
	roll, err := engine.Rollout(s, rollout.OracleModel(s))
	if err != nil {
		t.Fatal(err)
	}
	src := rng.New(3)
	x, err := s.DrawStart(src)
	if err != nil {
		t.Fatal(err)
	}
	tr, q := s.Begin(x, src), query(s, roll)
	for i := range s.Steps {
		q.State = tr.States[i]
		if q.Previous, err = p.Plan(context.Background(), q, src.Child("plan").At(i)); err == nil {
			err = s.Advance(&tr, q.Previous.Actions[0], src)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !q.Previous.Feasible {
			t.Fatalf("plan %d is infeasible at %v", i, tr.States[i])
		}
	}
	if n := tr.Violations(); n > 0 {
		t.Errorf("%d steps beyond the wall, by up to %v m", n, tr.WorstExcess(1)[0])
	}
	if end := tr.States[s.Steps][0] - x[0]; end < 0.7 {
		t.Errorf("it stays at %v m, away from the wall", end)
	}
}

func planners() map[string]safex.Planner {
	refined := plan.DefaultPessimistic()
	refined.Refine.Candidates = 2
	return map[string]safex.Planner{
		"pessimistic": plan.DefaultPessimistic(), "safe": plan.DefaultSafe(), "minmax": plan.DefaultMinMax(), "pestraj": plan.DefaultPesTraj(), "refined": refined,
	}
}

// No size of the reward buys a step beyond the wall: limits come first for all.
func TestRewardsOfAnySize(t *testing.T) {
	for name, p := range planners() {
		for _, k := range []float64{1, 1e6, 1e10, 1e20} {
			t.Run(fmt.Sprintf("%s/%g", name, k), func(t *testing.T) { reach(t, p, fused.New(), mass(t, k, 0)) })
		}
	}
}

// Plans with the oracle model keep the wall wherever it stands, to the last bit: what a rollout says is what happens.
func TestOffsetsOfTheOracle(t *testing.T) {
	for name, p := range planners() {
		for _, offset := range []float64{1e5, 4e6, -1e9} {
			t.Run(fmt.Sprintf("%s/%g", name, offset), func(t *testing.T) { reach(t, p, fused.New(), mass(t, 1, offset)) })
		}
	}
	t.Run("graph", func(t *testing.T) { reach(t, plan.DefaultSafe(), rollout.NewGoMLX(), mass(t, 1, 4e6)) })
}
