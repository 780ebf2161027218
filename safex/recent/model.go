package recent

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// model is a belief with what it missed of late. It is immutable.
type model struct {
	safex.Model
	recent *safex.Recent
	known  int // transitions
}

func newModel(inner safex.Model, r *safex.Recent, known int) (*model, error) {
	return &model{inner, r, known}, nil
}

// Predict implements safex.Model.
func (m *model) Predict(dst *safex.Prediction, x, u num.Batch) error {
	if err := m.Model.Predict(dst, x, u); err != nil {
		return err
	}
	m.add(dst, x, u, true)
	return nil
}

// add corrects the mean, and widens the epistemic deviation if that is asked for.
func (m *model) add(dst *safex.Prediction, x, u num.Batch, widen bool) {
	r, xu := m.recent, slices.Concat(x, u)
	in, n := len(r.Length), 0
	if n = len(r.Points) / in; n == 0 && !widen {
		return
	}
	z, rho := make([]float64, in), make([]float64, n)
	for i := range x.Len() {
		for d, column := range xu {
			z[d] = (column[i] - r.Center[d]) / r.Length[d]
		}
		for k := range rho {
			rho[k] = correlation(z, r.Points[k*in:][:in])
		}
		left := 1.0
		for k := range rho {
			var part float64
			for l, w := range r.Root[k*n:][:k+1] {
				part += w * rho[l]
			}
			left -= part * part
		}
		left = math.Sqrt(max(left, 1e-14))
		for d, deviation := range r.Deviation {
			for k, w := range r.Weights[d*n:][:n] {
				dst.Mean[d][i] += w * rho[k]
			}
			if widen {
				dst.Epistemic[d][i] = math.Hypot(dst.Epistemic[d][i], deviation*left)
			}
		}
	}
}

// Members implements safex.Membered model.
func (m *model) Members() int { return safex.MembersOf(m.Model) }

// PredictMember implements safex.Membered model: what was missed of late was missed by all of them.
func (m *model) PredictMember(dst *safex.Prediction, member []int, x, u num.Batch) error {
	c, ok := m.Model.(safex.Membered)
	if !ok {
		return fmt.Errorf("recent: a %T has no members", m.Model)
	}
	if err := c.PredictMember(dst, member, x, u); err != nil {
		return err
	}
	m.add(dst, x, u, false)
	return nil
}

// Beta implements safex.Calibrated.
func (m *model) Beta() float64 { return safex.BetaOf(m.Model) }

// Form implements safex.Formed. What was missed by what was missed is nobody's form.
func (m *model) Form() *safex.Form {
	inner := safex.FormOf(m.Model)
	if inner == nil || inner.Recent != nil || inner.Scale != nil {
		return nil
	}
	f := *inner
	f.Recent = m.recent
	return &f
}

var (
	_ safex.Calibrated = (*model)(nil)
	_ safex.Formed     = (*model)(nil)
)
