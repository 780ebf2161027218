package ensemble

import "github.com/rischiboy/safe_exploration/safex"

// Form implements safex.Formed. Of the head the layers have the means alone.
func (m *model) Form() *safex.Form {
	w := m.shape.widths()
	l := &safex.Layers{Members: m.shape.members, Activation: m.shape.activation, Center: m.in.Center, Scale: m.in.Scale, Unit: m.yScale}
	for k := range len(w) - 1 {
		d := safex.Dense{In: w[k], Out: w[k+1]}
		if k == len(w)-2 {
			d.Out = m.shape.out
		}
		d.Weights = heads(m.trained.average[2*k], m.shape.members, w[k+1]*w[k], d.Out*w[k])
		d.Bias = heads(m.trained.average[2*k+1], m.shape.members, w[k+1], d.Out)
		l.Dense = append(l.Dense, d)
	}
	return &safex.Form{Layers: l}
}

// heads are the first keep of each member's size numbers.
func heads(flat []float32, members, size, keep int) (h []float32) {
	for m := range members {
		h = append(h, flat[m*size:m*size+keep]...)
	}
	return h
}

var _ safex.Formed = (*model)(nil)
