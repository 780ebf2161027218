package reliability

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
)

// Held is of how many transitions the box of a model holds the next state: within beta epistemic deviations of the mean, in all dimensions at once. A NaN
// is outside. The error says that the transitions do not fit, or what the model failed at.
func Held(m safex.Model, data *safex.Data, beta float64) (held Share, err error) {
	if err := data.Check(); err != nil {
		return held, err
	}
	var p safex.Prediction
	if err := m.Predict(&p, data.X, data.U); err != nil {
		return held, fmt.Errorf("reliability: %w", err)
	}
	for i := range data.Len() {
		inside := true
		for d := range p.Mean {
			off := data.Next[d][i] - p.Mean[d][i]
			inside = inside && max(off, -off) <= beta*p.Epistemic[d][i]
		}
		held.add(inside)
	}
	return held, nil
}
