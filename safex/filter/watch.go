package filter

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// met is by how many epistemic deviations the model was off in the worst of the last Watch steps of the episode, in its worst dimension. Most of
// them it has not learned from yet, and a system seldom turns from one step to the next into another that the model knows: what
// the box did not hold a moment ago it will hardly hold now.
func (w *step) met() (most float64, err error) {
	n := min(w.Watch, len(w.Past.Actions))
	if n == 0 {
		return 0, nil
	}
	nx, nu := len(w.State), len(w.Past.Actions[0])
	x, u := num.NewBatch(nx, n), num.NewBatch(nu, n)
	first := len(w.Past.Actions) - n
	for i := range n {
		x.SetPoint(i, w.Past.States[first+i])
		u.SetPoint(i, w.Past.Actions[first+i])
	}
	var said safex.Prediction
	if err := w.model.Predict(&said, x, u); err != nil {
		return 0, fmt.Errorf("filter: %w", err)
	}
	for i := range n {
		noise, err := w.system.SeenNoise(w.model, x.Point(i), u.Point(i))
		if err != nil {
			return 0, fmt.Errorf("filter: %w", err)
		}
		for d, v := range w.Past.States[first+i+1] {
			off := math.Abs(v - said.Mean[d][i])
			slack := 0.0
			for _, box := range [][]float64{noise, w.Noise} {
				if box != nil {
					slack = max(slack, box[d])
				}
			}
			off = max(0, off-slack)
			if off <= rounding*w.system.State[d].Scale {
				continue
			}
			if off /= said.Epistemic[d][i]; !(off <= mostDeviations) {
				off = mostDeviations
			}
			most = max(most, off)
		}
	}
	return most, nil
}

// rounding is what a network that computes in float32 may be off by without a doubt, in Scales; and mostDeviations keep the box of a model without
// any doubt, as that of an oracle that is wrong, finite.
const (
	rounding       = 1e-5
	mostDeviations = 1e3
)
