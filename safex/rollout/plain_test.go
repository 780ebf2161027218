package rollout_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// nearest learns nothing but its data.
type nearest struct{}

// neighbours believe that the state changes as it did at the nearest point that was seen, with an epistemic deviation of a tenth of the way there.
type neighbours struct {
	Seen          *safex.Data
	Center, Scale []float64
}

func (n neighbours) Predict(dst *safex.Prediction, x, u num.Batch) error {
	nx := len(x)
	dst.Resize(nx, x.Len())
	for i := range x.Len() {
		best, least := -1, math.Inf(1)
		for row := range n.Seen.Len() {
			far := 0.0
			for d := range nx {
				far += math.Pow((x[d][i]-n.Seen.X[d][row])/n.Scale[d], 2)
			}
			for k := range u {
				far += math.Pow((u[k][i]-n.Seen.U[k][row])/n.Scale[nx+k], 2)
			}
			if far < least {
				best, least = row, far
			}
		}
		for d := range nx {
			dst.Mean[d][i], dst.Epistemic[d][i], dst.Aleatoric[d][i] = x[d][i], n.Scale[d], 0
			if best >= 0 {
				dst.Mean[d][i] += n.Seen.Next[d][best] - n.Seen.X[d][best]
				dst.Epistemic[d][i] = 0.1 * math.Sqrt(least) * n.Scale[d]
			}
		}
	}
	return nil
}

func (nearest) Learn(ctx context.Context, s *safex.System, data *safex.Data, _ safex.Model, _ rng.Stream) (safex.Model, error) {
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	center, scale := s.Inputs()
	return neighbours{data.Pick(func(int) bool { return true }), center, scale}, nil
}

func (nearest) Save(m safex.Model) ([]byte, error) { return checksum.Seal("nearest", 1, m) }

func (nearest) Load(s *safex.System, data []byte) (safex.Model, error) {
	var n neighbours
	if err := checksum.Open("nearest", 1, data, &n); err != nil {
		return nil, err
	}
	if len(n.Scale) != len(s.State)+len(s.Action) {
		return nil, fmt.Errorf("a model of another task than %q", s.Name)
	}
	return n, nil
}

// A learner whose models have nothing but Predict keeps the laws, by itself, calibrated, and on a prior.
func TestPlainLearnersKeepTheLaws(t *testing.T) {
	heavy := tasks.DefaultPendulum()
	heavy.Mass *= 1.4
	prior, err := heavy.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	conformal := calibrate.DefaultConformal()
	for name, l := range map[string]safex.Codec{
		"alone": nearest{}, "calibrated": conformal.With(nearest{}), "prior": residual.Residual{Prior: prior, Learner: nearest{}},
		"both": conformal.With(residual.Residual{Prior: prior, Learner: nearest{}}),
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Run(t, l, modeltest.Laws{Plain: true, KeepsNoise: true, Placed: name == "prior" || name == "both"})
			s, data := modeltest.Pendulum(t, 60)
			m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := rollout.NewGoMLX().Rollout(s, m); err == nil {
				t.Error("the graph engine takes a model without a graph")
			}
			roll(t, bind(t, rollout.NewAuto(), s, m), candidates(5), &safex.Scalarisation{Reward: 1, Sharpness: 1})
		})
	}
}
