package ensemble

import (
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
)

// Form implements safex.Formed.
func (m *model) Form() *safex.Form {
	w := m.shape.widths()
	l := &safex.Layers{Members: m.shape.members, Noise: !m.shape.fixed, Activation: m.shape.activation, Center: m.in.Center, Scale: m.in.Scale, Unit: m.yScale, Declared: m.declared}
	for k := range len(w) - 1 {
		d := safex.Dense{In: w[k], Out: w[k+1]}
		d.Weights, d.Bias = slices.Clone(m.trained.average[2*k]), slices.Clone(m.trained.average[2*k+1])
		l.Dense = append(l.Dense, d)
	}
	f := &safex.Form{Layers: l, Noise: slices.Clone(m.noise)}
	for d, variance := range m.declared {
		if f.Noise != nil {
			f.Noise[d] = safex.Undeclared(f.Noise[d], variance)
		}
	}
	return f
}

var _ safex.Formed = (*model)(nil)
