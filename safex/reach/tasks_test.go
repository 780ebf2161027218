package reach

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// quick is an ensemble that learns a little in no time.
func quick(activation string, hidden ...int) ensemble.Ensemble {
	e := ensemble.Deterministic()
	e.Members, e.Hidden, e.Activation, e.MinSteps, e.MaxSteps = 3, hidden, activation, 100, 100
	return e
}

// kind is a kind of model.
type kind struct {
	name    string
	learner safex.Learner
}

// learners are one of each kind of model, for a system whose prior is itself.
func learners(s *safex.System) []kind {
	return []kind{
		{"swish", quick("swish", 16, 16)},
		{"relu", quick("relu", 16, 16)},
		{"tanh", quick("tanh", 16, 16)},
		{"three layers", quick("swish", 8, 8, 8)},
		{"linear", linear.Linear{Degree: 1, Prior: 1, Noise: 0.01}},
		{"quadratic", linear.Linear{Degree: 2, Prior: 1, Noise: 0.01}},
		{"gp", processes("se")},
		{"sparse gp", unfitted()},
		{"prior and sparse gp", residual.Residual{Prior: s, Learner: unfitted()}},
		{"prior and swish", residual.Residual{Prior: s, Learner: quick("swish", 16, 16)}},
		{"prior and gp", residual.Residual{Prior: s, Learner: processes("matern52")}},
		{"temperature", calibrate.DefaultTemperature().With(quick("swish", 16, 16))},
		{"conformal", calibrate.DefaultConformal().With(quick("swish", 16, 16))},
	}
}

// Whatever the task, the model and the plan: no state is outside of its set, and no adversary above the bound. Walks are random, at corners of all boxes, and
// led by the gradients of the excess; in float64, from the words of the form alone.
func TestTubesOfTasks(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	walks, horizons := 16, []int{5, 20, 40}
	if testing.Short() {
		walks, horizons = 4, []int{12}
	}
	var count tested
	proved, known, all := 0, 0, 0
	for i, maker := range []safex.Maker{
		tasks.DefaultPendulum(), tasks.DefaultCartPole(), tasks.DefaultCarPark(), tasks.DefaultPitch(), tasks.DefaultRCCar(), tasks.DefaultQuadrotor(),
	} {
		if testing.Short() && i > 1 {
			break
		}
		s, err := maker.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		data := transitions(s, 80)
		for _, l := range learners(s) {
			m, err := l.learner.Learn(t.Context(), s, data, nil, rng.New(1))
			if err != nil {
				t.Fatal(err)
			}
			f := safex.FormOf(m)
			beta := safex.BetaOf(m)
			if beta == 0 || math.IsInf(beta, 1) {
				beta = 2
			}
			for _, h := range horizons {
				some := plans(r, s, h, min(beta, 10))
				for _, kind := range []string{"open", "fed", "loose", "robust"} {
					q := some[kind]
					q.State = data.X.Point(r.IntN(data.Len()))
					tube := sound(t, &count, fmt.Sprintf("%s, %s, %s, %d steps", s.Name, l.name, kind, h), r, s, f, q, walks)
					all++
					if tube.Holds(nil) {
						proved++
					}
					if tube.Sets[h-1].Known() {
						known++
					}
				}
			}
		}
	}
	t.Logf("%d walks of %d states in %d tubes, of which %d are known to the end and %d keep all limits", count.walks, count.states, all, known, proved)
}
