package train_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// buoy is a mass on a spring in water, before a wall, whose position and speed are in units of 1/unit m from a point offset m away.
// Its states are rounded to 2⁻²⁰ m, so that in all units that are powers of two, and from all offsets that are whole numbers, it is
// one system to the bit.
func buoy(t testing.TB, unit, offset float64) *safex.System {
	t.Helper()
	grid := func(v num.Expr) num.Expr { return v.Mul(1 << 20).Round().Div(1 << 20) }
	metres := func(x num.Vec) (p, v num.Expr) { return x[0].Div(unit).Sub(offset), x[1].Div(unit) }
	at := func(p, v float64) []float64 { return []float64{(p + offset) * unit, v * unit} }
	s, err := safex.Task{
		Name: "buoy", Dt: 0.125, Steps: 12, Start: safex.StartAt(at(0.25, 0)...),
		State:  []safex.Var{{Name: "p", Scale: unit}, {Name: "v", Scale: unit}},
		Action: []safex.Var{{Name: "force", Scale: 0.6, RandomAmplitude: 0.5}},
		Next: func(x, u num.Vec) num.Vec {
			p, v := metres(x)
			v = grid(v.Add(u[0].Sub(p.Sin().Mul(0.5)).Sub(v.Mul(v.Abs())).Mul(0.125)))
			return num.Vec{grid(p.Add(v.Mul(0.125))).Add(offset).Mul(unit), v.Mul(unit)}
		},
		Reward: func(x, u, next num.Vec) num.Expr { p, _ := metres(next); return p.Sub(1).Abs().Neg() },
		Limits: []safex.Limit{{Name: "wall", Scale: unit, Max: 0, Of: func(x, u, next num.Vec) num.Expr {
			return next[0].Sub((0.5 + offset) * unit)
		}}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// An agent does the same in every unit and from every offset, to the bit: with every learner, calibration and engine.
func TestUnitsAndOffsets(t *testing.T) {
	small := ensemble.Default()
	small.Hidden, small.MinSteps, small.MaxSteps = []int{16}, 60, 60
	fsvgd := small
	fsvgd.SVGD, fsvgd.Batches = ensemble.SVGD{On: true}, ensemble.Shared
	fixed := small
	fixed.Noise = 0.003
	quadratic := linear.Default()
	quadratic.Degree = 2
	temperature, adaptive := calibrate.DefaultTemperature(), calibrate.DefaultAdaptive()
	learners := map[string]safex.Learner{
		"ensemble": small, "deterministic": fixed, "fsvgd": fsvgd, "gp": gp.Default(), "linear": quadratic,
		"temperature": temperature.With(small), "conformal": calibrate.DefaultConformal().With(gp.Default()), "adaptive": adaptive.With(quadratic),
	}
	p := plan.DefaultPessimistic()
	p.Horizon = 6
	for name, learner := range learners {
		for engine, e := range map[string]func() safex.Engine{
			"fused": func() safex.Engine { return fused.New() }, "graph": func() safex.Engine { return rollout.NewGoMLX() },
		} {
			if testing.Short() && engine == "graph" && name != "ensemble" {
				continue
			}
			t.Run(name+"/"+engine, func(t *testing.T) {
				run := func(unit, offset float64) []safex.Episode {
					a := train.Agent{System: buoy(t, unit, offset), Learner: learner, Engine: e(), Planner: p, RandomSteps: 40, LearnEvery: 6, Seed: 1}
					var all []safex.Episode
					for e, err := range a.Episodes(context.Background(), 1) {
						if err != nil {
							t.Fatalf("in units of 2^%v m, %v m away: %v", -math.Log2(unit), offset, err)
						}
						all = append(all, e)
					}
					return all
				}
				want := run(1, 0)
				for _, c := range []struct{ unit, offset float64 }{{1 << 30, 0}, {1.0 / (1 << 30), 0}, {1, 1 << 10}, {1, -(1 << 23)}, {1024, 1 << 20}} {
					got := run(c.unit, c.offset)
					what := fmt.Sprintf("in units of 2^%v m, %v m away", -math.Log2(c.unit), c.offset)
					for k := range want {
						for i := range want[k].Actions {
							if !slices.Equal(got[k].Actions[i], want[k].Actions[i]) {
								t.Fatalf("%s: action %d of episode %d is %v, want %v", what, i, k, got[k].Actions[i], want[k].Actions[i])
							}
						}
					}
					// What is measured of the data has the rounding of their places.
					ulp := math.Nextafter(math.Abs(c.offset)+1, math.Inf(1)) - math.Abs(c.offset) - 1
					near := func(got, want float64) bool {
						return got == want || c.offset != 0 && math.Abs(got-want) <= 2*ulp
					}
					for i, f := range want[1].Forecasts {
						g := got[1].Forecasts[i]
						for d := range f.Epistemic {
							if !near(g.Epistemic[d]/c.unit, f.Epistemic[d]) || !near(g.Aleatoric[d]/c.unit, f.Aleatoric[d]) {
								t.Fatalf("%s: step %d, dimension %d: deviations %v and %v, want %v and %v", what, i, d, g.Epistemic[d]/c.unit, g.Aleatoric[d]/c.unit, f.Epistemic[d], f.Aleatoric[d])
							}
						}
						if off := math.Abs(g.Mean[0]/c.unit - c.offset - f.Mean[0]); off > 2*ulp {
							t.Fatalf("%s: step %d: the mean is off by %v m", what, i, off)
						}
					}
				}
			})
		}
	}
}
