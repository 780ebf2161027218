package reliability_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// level believes that nothing moves, give or take a deviation of 1 in each of two dimensions.
type level struct{ err error }

func (m level) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(2, x.Len())
	for d := range x {
		copy(dst.Mean[d], x[d])
		for i := range dst.Epistemic[d] {
			dst.Epistemic[d][i] = 1
		}
	}
	return m.err
}

// A transition counts if all dimensions are within the box, whose edge is in it. One that is no number is refused.
func TestHeld(t *testing.T) {
	data := &safex.Data{}
	for _, next := range [][]float64{{0, 0}, {2, -2}, {2.01, 0}, {0, -2.01}} {
		data.Append([]float64{0, 0}, []float64{0}, next)
	}
	if held, err := reliability.Held(level{}, data, 2); err != nil || held.K != 2 || held.N != 4 {
		t.Errorf("%d of %d, want 2 of 4: %v", held.K, held.N, err)
	}
	if _, err := reliability.Held(level{errors.New("broken")}, data, 2); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error %v", err)
	}
	data.Append([]float64{0, 0}, []float64{0}, []float64{math.NaN(), 0})
	if _, err := reliability.Held(level{}, data, 2); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("error %v", err)
	}
}
