package logs

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// degree is how many degrees a radian has.
const degree = 180 / math.Pi

// A log is held against what its steps should be: by the formulas of the task or, where there are none, by pairs of a state and its rate.
// A mismatch is how far they are off, in lengths of a step: 0 is none, 1 is as if nothing had been predicted. A log of a system that
// the formulas describe roughly, with noise, comes to some tenths; one in degrees to 1 and more. A fault is named if the mismatch is large and
// most of it is gone without the fault.
const (
	much  = 0.3  // mismatch from which on a fault is looked for
	most  = 0.3  // of it, below which a fault explains it
	about = 2000 // transitions that are looked at, evenly spread
)

// A belief is a fault that a log may have.
type belief struct {
	what     string // a sentence up to the fix
	fix      string
	mismatch float64
}

// explain looks for the fault that makes the steps of the log what they should be.
func (r *reading) explain() error {
	rows := r.steps()
	if len(rows) > about {
		thin := make([]int, about)
		for k := range thin {
			thin[k] = rows[k*len(rows)/about]
		}
		rows = thin
	}
	if len(rows) < 3 {
		return nil
	}
	base, pace := r.mismatch(r.from, rows, 1)
	if !(base > much) {
		return nil
	}
	best := belief{mismatch: base}
	try := func(from []source, scale float64, what, fix string) {
		if m, _ := r.mismatch(from, rows, scale); m < best.mismatch {
			best = belief{what, fix, m}
		}
	}
	for k, q := range r.from {
		if q.action >= 0 || q.next || q.state >= 0 && r.circular(q.state) {
			continue
		}
		unit := "rad"
		if q.state >= 0 {
			unit = r.system.State[q.state].Unit
		}
		if unit == "" || strings.Contains(unit, "rad") {
			try(r.scaled(k, 1/degree), 1, fmt.Sprintf("column %s is probably in degrees: divided by 57.3 it makes the steps of the log %s", q.name, r.expected()), "divide it by 57.29578")
		}
		if unit == "" || strings.Contains(unit, "deg") || strings.Contains(unit, "°") {
			try(r.scaled(k, degree), 1, fmt.Sprintf("column %s is probably in radians: times 57.3 it makes the steps of the log %s", q.name, r.expected()), "multiply it by 57.29578")
		}
	}
	for j, q := range r.from {
		for k, p := range r.from[:j] {
			if q.next || p.next || q.angle >= 0 || p.angle >= 0 || (q.action >= 0) != (p.action >= 0) {
				continue
			}
			try(r.swapped(k, j), 1, fmt.Sprintf("columns %s and %s are probably swapped: the other way round they make the steps of the log %s", p.name, q.name, r.expected()), "swap their names")
		}
	}
	if best.mismatch >= most*base && pace > 0 && (pace < 0.8 || pace > 1.25) { // a column in degrees makes steps look long too
		for _, p := range []float64{pace, math.Round(pace)} {
			if p > 0 {
				try(r.from, p, fmt.Sprintf("its sampling time is probably wrong: a step of the log is about %.2g times %s in the %v s of a step of the task", p, r.change(), r.system.Dt), "record or thin it to that time")
			}
		}
	}
	if best.mismatch < most*base {
		return r.doubt("%s: %s", best.what, best.fix)
	}
	if base > 1 && r.system.Dynamics != nil {
		r.note("the steps of the log are not those of the task's formulas: what these predict is off by %.2g of the length of a step", base)
	}
	return nil
}

// expected and change say what a log is held against.
func (r *reading) expected() string {
	if r.system.Dynamics != nil {
		return "those that the task's formulas predict"
	}
	return "agree with the rates of the state"
}

func (r *reading) change() string {
	if r.system.Dynamics != nil {
		return "the change that the task's formulas predict"
	}
	return "what the rates of the state make"
}

// circular tells whether dimension d is a sine or a cosine.
func (r *reading) circular(d int) bool {
	for _, a := range r.system.Angles {
		if d == a.Sin || d == a.Cos {
			return true
		}
	}
	return false
}

// scaled are the columns with the k-th, and that of the next state, times f.
func (r *reading) scaled(k int, f float64) []source {
	from := slices.Clone(r.from)
	for j, q := range from {
		if strings.TrimPrefix(q.name, nextPrefix) != r.from[k].name {
			continue
		}
		from[j].values = slices.Clone(q.values)
		for i := range q.values {
			from[j].values[i] *= f
		}
	}
	return from
}

// swapped are the columns with j and k, and those of their next states, in each other's place.
func (r *reading) swapped(j, k int) []source {
	from := slices.Clone(r.from)
	swap := func(a, b int) { from[a].values, from[b].values = from[b].values, from[a].values }
	swap(j, k)
	next := func(k int) int {
		return slices.IndexFunc(from, func(q source) bool { return q.next && q.name == nextPrefix+from[k].name })
	}
	if a, b := next(j), next(k); a >= 0 && b >= 0 {
		swap(a, b)
	}
	return from
}

// mismatch is that of the transitions that begin with rows, if the columns were from and a step of the log were pace times as long as one
// of the task; and how many times as long it seems to be. NaN is that nothing can be told.
func (r *reading) mismatch(from []source, rows []int, pace float64) (off, seems float64) {
	points := r.points(from, rows)
	if r.system.Dynamics == nil {
		return r.byRates(points, pace)
	}
	var wrong, length, ratio []float64
	next := make([]float64, len(r.system.State))
	for _, p := range points {
		r.system.Dynamics.Eval(next, slices.Concat(p.x, p.u))
		times := pace
		if whole := math.Round(pace); pace == whole && pace > 1 { // by as many steps in which the action is held
			times = 1
			for range int(min(whole, 1000)) - 1 {
				r.system.Dynamics.Eval(next, slices.Concat(slices.Clone(next), p.u))
			}
		}
		var e, l, dot, own float64
		for d, v := range r.system.State {
			is, said := (p.next[d]-p.x[d])/v.Scale, (next[d]-p.x[d])/v.Scale
			e, l, dot, own = e+(is-times*said)*(is-times*said), l+is*is, dot+is*said, own+said*said
		}
		if finite(e) {
			wrong, length, ratio = append(wrong, math.Sqrt(e)), append(length, math.Sqrt(l)), append(ratio, dot/own)
		}
	}
	return median(wrong) / median(length), median(ratio)
}

// byRates holds each state whose rate is in the state too, by their units, against it. An angle is in rad.
func (r *reading) byRates(points []point, pace float64) (off, seems float64) {
	s := r.system
	type quantity struct {
		unit   string
		change func(p point) float64
	}
	var all []quantity
	for d, v := range s.State {
		if v.Unit != "" && !r.circular(d) {
			all = append(all, quantity{v.Unit, func(p point) float64 { return p.next[d] - p.x[d] }})
		}
	}
	for _, a := range s.Angles {
		all = append(all, quantity{"rad", func(p point) float64 {
			return math.Remainder(math.Atan2(p.next[a.Sin], p.next[a.Cos])-math.Atan2(p.x[a.Sin], p.x[a.Cos]), 2*math.Pi)
		}})
	}
	var each, paces []float64
	for _, q := range all {
		best, at := math.Inf(1), 0.0
		for d, v := range s.State {
			if v.Unit != q.unit+"/s" {
				continue
			}
			for _, when := range []float64{0, 0.5, 1} { // the rate before the step, after it, and between
				var wrong, length, ratio []float64
				for _, p := range points {
					is, said := q.change(p), s.Dt*(p.x[d]+when*(p.next[d]-p.x[d]))
					wrong, length = append(wrong, math.Abs(is-pace*said)), append(length, math.Abs(is))
					if said != 0 {
						ratio = append(ratio, is/said)
					}
				}
				if m := median(wrong) / median(length); m < best {
					best, at = m, median(ratio)
				}
			}
		}
		if finite(best) {
			each, paces = append(each, best), append(paces, at)
		}
	}
	if len(each) == 0 {
		return math.NaN(), 0
	}
	sum := 0.0
	for _, m := range each {
		sum += min(m, 10)
	}
	return sum / float64(len(each)), median(paces)
}
