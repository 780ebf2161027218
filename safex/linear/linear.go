// Package linear learns dynamics by Bayesian linear regression: fast, exact, and as good as its features.
package linear

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Linear regresses the change of each dimension of the state, in its Scale, on features φ of a point (Bishop, 2006,
// section 3.3): with n rows of features Φ and changes y,
//
//	weights ~ N(0, Prior² I),   y = Φ w + N(0, Noise² I),
//	Σ = (ΦᵀΦ / Noise² + I / Prior²)⁻¹,   w = Σ Φᵀ y / Noise²,   epistemic² = φᵀ Σ φ.
//
// The aleatoric deviation is Noise without what the task declares of it, which is counted where that is.
//
// The posterior does not depend on the order of the data, and more data never raise the epistemic deviation. It is
// right if the dynamics are linear in the features and Prior and Noise are; what no weights can fit shows in
// neither deviation.
type Linear struct {
	Degree int     // of the features: 1 is 1, the state and the action; 2 has all products of two of them too
	Prior  float64 // standard deviation of a weight, above 0
	Noise  float64 // standard deviation of a change around φᵀw, in Scales, above 0
	// Features are φ of the state and the action, each less its Center and divided by its Scale, in place of those of a Degree; nil if
	// there are none. They are not saved with a run.
	Features func(x, u num.Vec) num.Vec `json:"-"`
}

// Default returns a learner of a system that is linear in its state and its action.
func Default() Linear { return Linear{Degree: 1, Prior: 1, Noise: 0.001} }

// polynomial are the features of a degree.
func polynomial(v num.Vec, degree int) num.Vec {
	φ := append(num.Vec{num.Lit(1)}, v...)
	if degree == 1 {
		return φ
	}
	for i := range v {
		for j := range i + 1 {
			φ = append(φ, v[i].Mul(v[j]))
		}
	}
	return φ
}

// Check reports the first setting that is out of range.
func (l Linear) Check() error {
	for _, s := range []struct {
		name  string
		value float64
	}{{"Prior", l.Prior}, {"Noise", l.Noise}} {
		if !(s.value > 0) || math.IsInf(s.value, 1) {
			return fmt.Errorf("linear: %s is %v, want above 0", s.name, s.value)
		}
	}
	if l.Features == nil && l.Degree != 1 && l.Degree != 2 {
		return fmt.Errorf("linear: Degree is %d, want 1 or 2", l.Degree)
	}
	return nil
}

// features traces φ of a point in physical units.
func (l Linear) features(s *safex.System) (p *num.Program, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("linear: Features panics: %v", r)
		}
	}()
	nx := len(s.State)
	center, scale := s.Inputs()
	p = num.Trace(len(scale), func(v num.Vec) num.Vec {
		scaled := make(num.Vec, len(v))
		for k := range v {
			scaled[k] = v[k].Sub(center[k]).Div(scale[k])
		}
		if l.Features == nil {
			return polynomial(scaled, l.Degree)
		}
		return l.Features(scaled[:nx:nx], scaled[nx:])
	})
	if p.Out == 0 {
		return nil, fmt.Errorf("linear: Features returns none")
	}
	return p, nil
}

// Learn implements safex.Learner. It uses neither prev nor src.
func (l Linear) Learn(ctx context.Context, s *safex.System, data *safex.Data, _ safex.Model, _ rng.Stream) (safex.Model, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := l.features(s)
	if err != nil {
		return nil, err
	}
	w, root, err := l.posterior(s, p, data)
	if err != nil {
		return nil, err
	}
	return newModel(s, p, l.Noise, w, root)
}

var _ safex.Codec = Linear{}
