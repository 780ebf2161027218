package fig

import (
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
)

// A line that a legend names lies within the axes, however far from the data it is, on either side of them.
func TestLevelIsSeen(t *testing.T) {
	for _, at := range []float64{-40, 1.5, 40} {
		p := panel("", "", "")
		level(p, "limit", at, theme.limit)
		line(p, "measured", []float64{0, 1}, []float64{1, 2}, theme.measured, 2)
		if !(p.Y.Min <= min(at, 1) && p.Y.Max >= max(at, 2)) {
			t.Errorf("a limit of %v and data of 1 to 2 on an axis from %v to %v", at, p.Y.Min, p.Y.Max)
		}
	}
}

// A limit with a budget is named as one that may be spent.
func TestLimitLabel(t *testing.T) {
	for want, l := range map[string]safex.Limit{
		"limit 2 m/s": {Max: 2, Unit: "m/s"},
		"limit 2":     {Max: 2},
		"limit 2 m/s, beyond it by 0.5 m/s in all": {Max: 2, Unit: "m/s", Budget: 0.5},
		"limit 2, beyond it by 3 in all":           {Max: 2, Budget: 3},
	} {
		one := &safex.System{Task: safex.Task{Limits: []safex.Limit{l}}}
		if got := limitLabel(one, l, "2"); got != want {
			t.Errorf("it is named %q, want %q", got, want)
		}
	}
	l := safex.Limit{Name: "tilt", Max: 2}
	two := &safex.System{Task: safex.Task{Limits: []safex.Limit{l, {Name: "floor"}}}}
	if got, want := limitLabel(two, l, "2"), "limit tilt 2"; got != want {
		t.Errorf("one of two is named %q, want %q", got, want)
	}
}
