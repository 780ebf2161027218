package residual_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/filtertest"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// believer learns nothing: its model is the Nominal of a prior, whatever happens.
type believer struct {
	prior     *safex.System
	deviation []float64
}

func (b believer) Learn(ctx context.Context, _ *safex.System, data *safex.Data, _ safex.Model, _ rng.Stream) (safex.Model, error) {
	if err := data.Check(); err != nil {
		return nil, err
	}
	return residual.Nominal(b.prior, b.deviation), ctx.Err()
}

func (b believer) Save(safex.Model) ([]byte, error) {
	return checksum.Seal("nominal", 1, b.prior.Dynamics.Fingerprint())
}

func (b believer) Load(s *safex.System, data []byte) (safex.Model, error) {
	var dynamics string
	if err := checksum.Open("nominal", 1, data, &dynamics); err != nil {
		return nil, err
	}
	if len(s.State) != len(b.prior.State) || dynamics != b.prior.Dynamics.Fingerprint() {
		return nil, fmt.Errorf("another prior")
	}
	return residual.Nominal(b.prior, b.deviation), nil
}

// What is believed of a prior keeps the laws of models, in every engine, also where some dimension is believed to the last digit.
func TestNominalLaws(t *testing.T) {
	for name, deviation := range map[string][]float64{"some": {0.002, 0.002, 0.04}, "one": {0, 0, 0.04}, "none": {0, 0, 0}} {
		t.Run(name, func(t *testing.T) {
			b := believer{nominal(t), deviation}
			modeltest.Run(t, b, modeltest.Laws{Exact: true, Placed: true, KeepsNoise: true})
			modeltest.Run(t, b, modeltest.Laws{Exact: true, Placed: true, KeepsNoise: true, Plain: true})
		})
	}
}

// What is predicted is the prior's next state, with the deviation that was given, and the Form says the same.
func TestNominal(t *testing.T) {
	prior, deviation := nominal(t), []float64{0, 0.002, 0.04}
	m := residual.Nominal(prior, deviation)
	x, u := []float64{-1, 0, 2}, []float64{0.5}
	want, _, _ := prior.Step(x, u)
	var p safex.Prediction
	if err := m.Predict(&p, num.Batch{{x[0]}, {x[1]}, {x[2]}}, num.Batch{u}); err != nil {
		t.Fatal(err)
	}
	if got := p.Mean.Point(0); !slices.Equal(got, want) {
		t.Errorf("the next state is believed to be %v, the prior says %v", got, want)
	}
	if got := p.Epistemic.Point(0); !slices.Equal(got, deviation) || slices.Max(p.Aleatoric.Point(0)) != 0 {
		t.Errorf("deviations %v and %v, want %v and none", got, p.Aleatoric.Point(0), deviation)
	}
	if f := safex.FormOf(m); f == nil || f.Prior != prior.Dynamics || !slices.Equal(f.Floor, deviation) || f.Layers != nil || f.Features != nil || f.Kernels != nil {
		t.Errorf("form %+v", f)
	}
	for _, bad := range [][]float64{nil, {0, 0}, {0, 0, -1}} {
		func() {
			defer func() {
				if said := recover(); said == nil || !strings.Contains(said.(string), "of 3 state dimensions") {
					t.Errorf("a deviation of %v is taken: %v", bad, said)
				}
			}()
			residual.Nominal(prior, bad)
		}()
	}
}

// A filter keeps a system safe by a prior alone, whatever the prior errs by in its box.
func TestNominalFiltered(t *testing.T) {
	p := tasks.DefaultPendulum()
	s, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	p.Mass = 0.8
	prior, err := p.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []filter.Set{filter.Task, filter.Model} {
		f := filter.Default()
		f.Set, f.Cells = set, 121
		t.Run(string(set), func(t *testing.T) {
			filtertest.Laws(t, f, filtertest.Case{
				System: s, Model: residual.Nominal(prior, []float64{0.002, 0.002, 0.04}), Engine: rollout.NewAuto(), Starts: [][]float64{{-1, 0, 0}, {-1, 0, 5.5}, {-1, 0, -5.8}}, Steps: 200,
			})
		})
	}
}
