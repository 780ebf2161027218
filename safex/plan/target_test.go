package plan_test

import (
	"context"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// What one plan comes to under errors is what Roll says of it in a lane of its own, and the errors that are drawn are those of the adversary.
func TestUnder(t *testing.T) {
	three := target(t)
	var actions [][]float64
	for _, u := range three.Plans.Point(0) {
		actions = append(actions, []float64{u})
	}
	one := plan.TargetOf(three.Query, actions, three.Beta)
	none, err := one.Under(context.Background(), nil)
	if err != nil || len(none) != 1 {
		t.Fatalf("under no error: %v, %v", none, err)
	}
	same, err := three.Under(context.Background(), num.NewBatch(6*3, 1))
	if err != nil || !slices.Equal(same, none) {
		t.Errorf("under the error 0: %v, want %v; %v", same, none, err)
	}
	some := plan.Particles{Samples: 50, Distribution: plan.AtVertices}
	under, err := one.Under(context.Background(), some.Errors(one, rng.New(3)))
	if err != nil || len(under) != 50 {
		t.Fatalf("under 50 errors: %d, %v", len(under), err)
	}
	found, err := one.Attack(context.Background(), some, rng.New(3))
	if err != nil {
		t.Fatal(err)
	}
	if want := max(slices.Max(under), none[0]); found.Excess != want {
		t.Errorf("the adversary finds %v, and the errors come to %v", found.Excess, want)
	}
}

// The ways that an attack returns are those under its error and under none.
func TestAttackOfOne(t *testing.T) {
	three := target(t)
	found, err := three.Attack(context.Background(), plan.DefaultSignGradient(), rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	none, err := three.Under(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	scale := three.System.LimitScale(0)
	for _, c := range []struct {
		name      string
		got, want float64
	}{{"worst", found.Way.WorstExcess(1)[0], found.Excess * scale}, {"mean", found.Mean.WorstExcess(1)[0], none[0] * scale}} {
		if !(math.Abs(c.got-c.want) <= 1e-12) {
			t.Errorf("the way under the %s exceeds by %v, want %v", c.name, c.got, c.want)
		}
	}
	if !(found.Excess > none[0]) {
		t.Errorf("the error adds nothing: %v after %v", found.Excess, none[0])
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := three.Attack(ctx, plan.DefaultSignGradient(), rng.New(1)); err == nil {
		t.Error("a cancelled attack succeeds")
	}
}

// What each plan comes to under one error is what it comes to alone.
func TestEach(t *testing.T) {
	three := target(t)
	found, err := three.Attack(context.Background(), plan.DefaultSignGradient(), rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, eta := range [][]float64{nil, found.Eta} {
		all, err := three.Each(context.Background(), eta)
		if err != nil || len(all) != three.Plans.Len() {
			t.Fatalf("%d excesses: %v", len(all), err)
		}
		for i, got := range all {
			errors := num.NewBatch(len(found.Eta), 1)
			if eta != nil {
				errors.SetPoint(0, eta)
			}
			want, err := three.Alone(i).Under(context.Background(), errors)
			if err != nil || got != want[0] {
				t.Errorf("plan %d exceeds by %v beside the others and by %v alone; %v", i, got, want, err)
			}
		}
	}
}
