package offline

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// onward says that each dimension grows by a hundredth, with deviations of 0.03 and 0.04; in the first it says that it does not know.
type onward struct{ broken bool }

func (m onward) Predict(dst *safex.Prediction, x, _ num.Batch) error {
	dst.Resize(len(x), x.Len())
	for d := range x {
		for i, v := range x[d] {
			dst.Mean[d][i], dst.Epistemic[d][i], dst.Aleatoric[d][i] = v+0.01, 0.03, 0.04
			if m.broken && d == 0 {
				dst.Mean[d][i] = math.NaN()
			}
		}
	}
	return nil
}

// Errors, likelihoods and boxes are those of their definitions; a prediction that is no number is counted, and in no box.
func TestHold(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	d := &safex.Data{}
	d.Begin()
	grow := []float64{0.01, 0.05, 0.08, -0.06} // β is 2: a box of ±0.06 around 0.01
	for _, g := range grow {
		d.Append([]float64{1, 2, 3}, []float64{0}, []float64{1 + g, 2 + g, 3 + g})
	}
	for _, broken := range []bool{false, true} {
		r, sums := &Report{}, newSums(s, 1)
		if err := sums.hold(r, onward{broken}, d, 2); err != nil {
			t.Fatal(err)
		}
		if err := sums.ahead(t.Context(), onward{}, d); err != nil {
			t.Fatal(err)
		}
		sums.report(r)
		var nll, se, pe float64
		normal := distuv.Normal{Sigma: 0.05}
		for _, g := range grow {
			nll, se, pe = nll-normal.LogProb(g-0.01)/4, se+(g-0.01)*(g-0.01)/4, pe+g*g/4
		}
		got := r.Dimensions[1]
		for _, c := range []struct {
			what      string
			got, want float64
		}{
			{"NLL", got.NLL, nll}, {"RMSE", got.RMSE, math.Sqrt(se)}, {"persistence", got.Persistence, math.Sqrt(pe)},
			{"one step ahead", got.Ahead[0].RMSE, math.Sqrt(se)}, {"persistence of one step", got.Ahead[0].Persistence, math.Sqrt(pe)},
		} {
			if math.Abs(c.got-c.want) > 1e-12 {
				t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
			}
		}
		in, nans := 2, 0 // 0.08 is outside, and -0.06 too
		if broken {
			in, nans = 0, 4
		}
		if got.Box.In != 2 || r.Box.In != in || r.NaNs != nans || math.IsNaN(r.Dimensions[0].RMSE) != broken {
			t.Errorf("broken %v: %d and %d in the box, %d NaNs, %+v", broken, got.Box.In, r.Box.In, r.NaNs, r.Dimensions[0])
		}
	}
	if surprise(0.1, 0) != math.Inf(1) {
		t.Error("an error where none is possible is no surprise")
	}
}
