package stats

import (
	"fmt"
	"slices"
)

// A Span is how long a run was seen.
type Span struct {
	Steps int  // up to its first violation, that step among them; without one, all that it took
	Event bool // it ended with a violation; without one it is censored: nobody knows when its first would have come
}

// A Survival is the curve of Kaplan and Meier (1958): the share of runs without a violation, over the steps that they took.
type Survival struct {
	Steps  []int     // at which runs had their first violation, in order
	Shares []float64 // of runs that are without one after as many steps: it falls
}

// KaplanMeier is the curve of runs that were seen for different times. A run that is censored counts up to its last step, and
// among those that are seen at it. The curve starts at 1, and after the longest run it says nothing. It panics if a run has a negative number of
// steps, or a violation within none.
func KaplanMeier(runs []Span) Survival {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b Span) int { return a.Steps - b.Steps })
	var c Survival
	share := 1.0
	for i := 0; i < len(runs); {
		at, events, seen := runs[i].Steps, 0, len(runs)-i
		if at < 0 {
			panic(fmt.Sprintf("stats: KaplanMeier of a run of %d steps", at))
		}
		for ; i < len(runs) && runs[i].Steps == at; i++ {
			if runs[i].Event {
				events++
			}
		}
		if events == 0 {
			continue
		}
		if at == 0 {
			panic("stats: KaplanMeier of a violation within 0 steps")
		}
		share *= float64(seen-events) / float64(seen)
		c.Steps, c.Shares = append(c.Steps, at), append(c.Shares, share)
	}
	return c
}

// Median is the number of steps after which at most half of the runs are without a violation; ok is false if the curve
// does not come down to a half.
func (c Survival) Median() (steps int, ok bool) {
	for i, s := range c.Shares {
		if s <= 0.5*(1+1e-9) { // a product of fractions that is a half is one but for rounding
			return c.Steps[i], true
		}
	}
	return 0, false
}
