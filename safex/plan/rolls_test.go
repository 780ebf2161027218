package plan

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A price that is counted is the number of steps that a Trajectory says are broken, and it is 0 for the plans whose
// worst excess is none.
func TestPriceCounts(t *testing.T) {
	const horizon, nl = 6, 2
	system := &safex.System{Task: safex.Task{Limits: []safex.Limit{{}, {Scale: 2}}}}
	r := rng.New(1).Rand()
	var out safex.Rolled
	seen := map[float64]bool{}
	for range 2000 {
		out.Resize(horizon, 1, nl, 1)
		tr := safex.Trajectory{}
		for step := range horizon {
			row := []float64{r.NormFloat64() - 1, r.NormFloat64() - 1}
			out.Excess[step*nl][0], out.Excess[step*nl+1][0] = row[0]/system.LimitScale(0), row[1]/system.LimitScale(1)
			tr.Append(nil, nil, 0, row)
		}
		q := query{Query: safex.Query{System: system}, nl: nl, horizon: horizon}
		if r.IntN(2) == 0 {
			q.Left = []float64{max(0, r.NormFloat64()), max(0, r.NormFloat64())}
		}
		got := q.price(safex.Objective{Count: true}, &out, 0)
		if want := tr.Violations(q.Left...); got != float64(want) || (got > 0) != (q.worstExcess(&out, 0) > 0) {
			t.Fatalf("%v of %v left: %v steps are counted, want %d; the worst excess is %v", tr.Excess, q.Left, got, want, q.worstExcess(&out, 0))
		}
		seen[got] = true
		if got := q.price(safex.Objective{}, &out, 0); got != q.worstExcess(&out, 0) {
			t.Fatalf("without a count the price is %v", got)
		}
	}
	if len(seen) < 3 {
		t.Errorf("the only counts are %v", seen)
	}
}
