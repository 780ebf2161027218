package logs

import (
	"math"
	"slices"
	"strings"
)

// A jump is a step that the system cannot have taken: it is put back to a start, and nobody said that an episode ends. It is told by a gap
// between such steps and all others, as what is far for one system is near for another. What is measured is, in Scales, how far a step is from
// what the formulas predict or, without formulas, how much it differs from the step before it and from the one after: a push makes the speed differ from then
// on, and a jump in its own step alone.
const (
	apart   = 3.0  // times as far as the farthest of the other steps
	far     = 0.3  // Scales, below which a step is never a jump
	seldom  = 20   // one of so many steps at most is a jump
	fewest  = 20   // steps below which nothing is told
	turning = 0.05 // of a turn, by which an angle that is wrapped may move besides
)

// jumps begins a new episode after each. Where a column says which episodes there are, it is believed, and the step is kept: what was a blow to the system is
// what a model has to know most.
func (r *reading) jumps() error {
	rows := r.steps()
	if r.paired || len(rows) < fewest {
		return nil
	}
	points := r.points(r.from, rows)
	size := make([]float64, len(rows))
	next := make([]float64, len(r.system.State))
	for k, p := range points {
		if r.system.Dynamics != nil {
			r.system.Dynamics.Eval(next, slices.Concat(p.x, p.u))
			size[k] = r.distance(func(d int) float64 { return p.next[d] - next[d] })
			continue
		}
		size[k] = math.Inf(1)
		for _, other := range []int{k - 1, k + 1} {
			if other >= 0 && other < len(rows) && rows[other]-rows[k] == other-k {
				o := points[other]
				size[k] = min(size[k], r.distance(func(d int) float64 { return p.next[d] - p.x[d] - o.next[d] + o.x[d] }))
			}
		}
		if math.IsInf(size[k], 1) { // alone between two gaps
			size[k] = 0
		}
	}
	order := slices.Sorted(slices.Values(size))
	slices.Reverse(order)
	best, least := apart, math.Inf(1)
	for m := range len(rows) / seldom {
		if ratio := order[m] / order[m+1]; order[m] >= far && ratio >= best {
			best, least = ratio, order[m]
		}
	}
	var lines []int
	wraps := ""
	for k, i := range rows {
		if size[k] < least {
			continue
		}
		if !r.episodeColumn {
			r.begins[i+1], r.first[i+1] = true, true
		}
		lines = append(lines, r.table.line[i+1])
		for d, v := range r.system.State {
			if turn := math.Abs(points[k].next[d]-points[k].x[d]) / (2 * math.Pi); strings.HasPrefix(v.Unit, "rad") && !strings.Contains(v.Unit, "/") && math.Abs(turn-1) < turning {
				wraps = v.Name
			}
		}
	}
	switch {
	case len(lines) > 0 && r.episodeColumn:
		r.note("the state jumps, %.3g times as far as in any other step, within an episode, at %s: if the system was put back there, give what follows another number in column episode", best, some(lines))
	case wraps != "":
		r.note("%s jumps by a whole turn, as an angle does that is wrapped, and a new episode begins at %s: unwrap it", wraps, some(lines))
	case len(lines) > 0:
		r.note("the state jumps, %.3g times as far as in any other step, and a new episode begins, at %s: a column episode says so beforehand", best, some(lines))
	}
	return nil
}

// distance is the largest difference of a dimension, in its Scales.
func (r *reading) distance(of func(d int) float64) (most float64) {
	for d, v := range r.system.State {
		most = max(most, math.Abs(of(d))/v.Scale)
	}
	return most
}
