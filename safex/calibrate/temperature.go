package calibrate

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Temperature multiplies the epistemic deviation of each dimension by the α for which the average quantiles are right
// on held-out transitions: over the levels p = 0.05, 0.10 … 0.95 it minimises
//
//	mean (p - share of transitions with Φ((next - mean) / (α·epistemic)) ≤ p)²,   α = 10k/99, k = 1 … 99.
//
// If several factors are equally good, the largest is taken. With Aleatoric, as in the published method,
// √((α·epistemic)² + aleatoric²) takes the place of α·epistemic. If a learner then overstates its aleatoric deviation, its epistemic
// deviation is shrunk in return, by up to ten times, and the box, which is made of the epistemic deviation alone, holds hardly
// anything.
//
// This is recalibration in the manner of Kuleshov et al. (2018), for each dimension by itself, and it says nothing about finite
// samples: a box of all dimensions together, or of many steps, is left far more often than a single interval. β is the planner's. A
// β of the learner itself holds for the deviation that the learner has, and not for one that was scaled.
//
// One of each HoldOut transitions is held out for ever: no fit learns from it. With Fresh, as published, they are drawn anew for
// each fit. A fit that goes on from the one before has then learned from most of them already, so its epistemic deviation there is
// too small.
type Temperature struct {
	Learner   safex.Codec `json:"-"`
	HoldOut   int         // one of so many transitions calibrates, at least 2
	Aleatoric bool        // count the aleatoric deviation in, as published
	Fresh     bool        // hold out other transitions in each fit, as published
}

// DefaultTemperature holds out one in five transitions.
func DefaultTemperature() Temperature { return Temperature{HoldOut: 5} }

// With implements Calibrator.
func (c Temperature) With(l safex.Codec) Calibrator { c.Learner = l; return c }

// Check reports the first setting that is out of range, or what the Learner reports.
func (c Temperature) Check() error { return checkLearner(c.Learner, c.HoldOut) }

// learned is what of data the learner sees.
func (c Temperature) learned(s split, data *safex.Data) *safex.Data {
	return s.part(data, c.HoldOut, false)
}

// Learn implements safex.Learner.
func (c Temperature) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	var by split
	if c.Fresh {
		by = split(src.Child("split").Source().Uint64())
	}
	held := by.part(data, c.HoldOut, true)
	if data.Len() < c.HoldOut {
		return nil, fmt.Errorf("calibrate: %d transitions are too few: want at least HoldOut = %d", data.Len(), c.HoldOut)
	}
	inner, stopped, err := learn(ctx, c.Learner, s, c.learned(by, data), prev, src)
	if err != nil || inner == nil {
		return nil, err
	}
	var p safex.Prediction
	if err := inner.Predict(&p, held.X, held.U); err != nil {
		return nil, err
	}
	sum := Summary{Scale: make([]float64, len(s.State)), Floor: make([]float64, len(s.State))}
	for d := range sum.Scale {
		if !c.Aleatoric {
			clear(p.Aleatoric[d])
		}
		for i, next := range held.Next[d] {
			if off := (next - p.Mean[d][i]) / p.Epistemic[d][i]; off != off || p.Epistemic[d][i]-p.Epistemic[d][i] != 0 {
				return nil, fmt.Errorf("calibrate: the model leaves the real numbers on held-out transitions")
			}
		}
		sum.Scale[d] = temperature(held.Next[d], p.Mean[d], p.Epistemic[d], p.Aleatoric[d])
	}
	m, err := newModel(inner, sum, data.Len(), by, c.learned)
	if err != nil {
		return nil, err
	}
	return m, stopped
}

// temperature is the α of one dimension.
func temperature(next, mean, epistemic, aleatoric []float64) (best float64) {
	least := math.Inf(1)
	for k := 99; k >= 1; k-- {
		α := 10 * float64(k) / 99
		var below [20]int // at p = i/20
		for i, y := range next {
			v := distuv.UnitNormal.CDF((y - mean[i]) / math.Hypot(α*epistemic[i], aleatoric[i]))
			for q := 1; q < 20; q++ {
				if v <= float64(q)/20 {
					below[q]++
				}
			}
		}
		var off float64
		for q := 1; q < 20; q++ {
			miss := float64(q)/20 - float64(below[q])/float64(len(next))
			off += miss * miss
		}
		if off < least {
			least, best = off, α
		}
	}
	return best
}

// Update implements safex.Updater; the temperatures stay until the next fit.
func (c Temperature) Update(ctx context.Context, s *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	old, ok := m.(*model)
	if !ok {
		return nil, fmt.Errorf("calibrate: cannot update a %T", m)
	}
	return update(ctx, c.Learner, s, data, old)
}

// Save implements safex.Codec.
func (c Temperature) Save(m safex.Model) ([]byte, error) { return save("temperature", c.Learner, m) }

// Load implements safex.Codec.
func (c Temperature) Load(s *safex.System, data []byte) (safex.Model, error) {
	return load("temperature", c.Learner, s, data, c.learned)
}

var _ Calibrator = Temperature{}
