package residual_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// nominal is a pendulum whose motor is believed to be weaker by a fifth than it is.
func nominal(t *testing.T) *safex.System {
	p := tasks.DefaultPendulum()
	p.MaxTorque *= 0.8
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLaws(t *testing.T) {
	t.Run("linear", func(t *testing.T) {
		modeltest.Run(t, residual.Residual{Prior: nominal(t), Learner: linear.Default()}, modeltest.Laws{Exact: true, Placed: true})
	})
	t.Run("gp", func(t *testing.T) {
		g := gp.Default()
		g.Fit, g.Points = false, 300
		modeltest.Run(t, residual.Residual{Prior: nominal(t), Learner: g}, modeltest.Laws{Exact: true, Placed: true})
	})
}

// A learner that takes in steps does so behind a prior too.
func TestUpdates(t *testing.T) {
	s, data := modeltest.Pendulum(t, 60)
	g := gp.Default()
	g.Fit, g.Novel = false, 0
	r := residual.Residual{Prior: nominal(t), Learner: g}
	m, err := r.Learn(context.Background(), s, data.Pick(func(i int) bool { return i < 20 }), nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	more, err := r.Update(context.Background(), s, data, m)
	if err != nil {
		t.Fatal(err)
	}
	var before, after safex.Prediction
	if err := m.Predict(&before, data.X, data.U); err != nil {
		t.Fatal(err)
	}
	if err := more.Predict(&after, data.X, data.U); err != nil {
		t.Fatal(err)
	}
	if before.Epistemic[2][59] < 2*after.Epistemic[2][59] {
		t.Errorf("the epistemic deviation at a step was %v, and is %v after it", before.Epistemic[2][59], after.Epistemic[2][59])
	}
}

// miss is the root-mean-square error of ω on transitions 100 to 200, after 20 were learned.
func miss(t *testing.T, l safex.Learner) float64 {
	s, data := modeltest.Pendulum(t, 200)
	few, rest := data.Pick(func(i int) bool { return i < 20 }), data.Pick(func(i int) bool { return i >= 100 })
	m, err := l.Learn(context.Background(), s, few, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	var p safex.Prediction
	if err := m.Predict(&p, rest.X, rest.U); err != nil {
		t.Fatal(err)
	}
	var square float64
	for i, want := range rest.Next[2] {
		square += math.Pow(p.Mean[2][i]-want, 2) / float64(rest.Len())
	}
	return math.Sqrt(square)
}

// With a prior of the true dynamics nothing is left to learn; with a nearly right one 20 steps are worth more than
// without any.
func TestPriorHelps(t *testing.T) {
	s, _ := modeltest.Pendulum(t, 1)
	bare := miss(t, linear.Default())
	wrong := miss(t, residual.Residual{Prior: nominal(t), Learner: linear.Default()})
	right := miss(t, residual.Residual{Prior: s, Learner: linear.Default()})
	if right > 1e-9 || wrong > bare/5 {
		t.Errorf("errors of ω: %.2g rad/s with the truth as prior, %.2g with a weaker motor, %.2g without", right, wrong, bare)
	}
}

func TestErrors(t *testing.T) {
	s, data := modeltest.Pendulum(t, 20)
	park, err := tasks.DefaultCarPark().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	bad := linear.Default()
	bad.Prior = 0
	other := tasks.DefaultPendulum()
	other.MaxTorque *= 2
	doubled, err := other.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	for want, r := range map[string]residual.Residual{
		"Prior and Learner are required":        {},
		`a prior "carpark" of 2 state`:          {Prior: park, Learner: linear.Default()},
		"linear: Prior is 0":                    {Prior: s, Learner: bad},
		"another prior than \"pendulum\" of th": {Prior: doubled, Learner: linear.Default()},
	} {
		_, err := r.Learn(context.Background(), s, data, nil, rng.New(1))
		if err == nil {
			good := residual.Residual{Prior: s, Learner: linear.Default()}
			m, e := good.Learn(context.Background(), s, data, nil, rng.New(1))
			if e != nil {
				t.Fatal(e)
			}
			file, e := good.Save(m)
			if e != nil {
				t.Fatal(e)
			}
			_, err = r.Load(s, file)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
