package logs

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Thresholds of what columns hold by themselves, whatever the system does with them.
const (
	offCircle  = 0.05 // of a sine and cosine that are none, beyond what noise and rounding do
	rounded    = 1e-3 // off the circle, from which on it is said
	tooWide    = 10.0 // Scales of a spread that nothing typical has: degrees make 57.3 of 1, and 11 of a motion of a fifth of it
	misplaced  = 5.0  // Scales of a spread that a column has in the place of another
	atExtremes = 0.05 // share of rows at the very same extreme that chance does not make
	twice      = 0.02 // share of transitions that may be there before by chance
)

// used are the values of a column in rows that begin a transition.
func (r *reading) used(q source) (vs []float64) {
	for _, i := range r.steps() {
		vs = append(vs, q.values[i])
	}
	return vs
}

// circles asks whether sines and cosines are on the circle, and whether others would be.
func (r *reading) circles() error {
	rows := r.steps()
	column := func(d int) int {
		return slices.IndexFunc(r.from, func(q source) bool { return !q.next && q.state == d })
	}
	for _, a := range r.system.Angles {
		sin, cos := column(a.Sin), column(a.Cos)
		if sin < 0 || cos < 0 { // the angle itself
			continue
		}
		off := func(sin, cos int) (share, most float64, line int) {
			n := 0
			for _, i := range rows {
				e := math.Abs(math.Hypot(r.from[sin].values[i], r.from[cos].values[i]) - 1)
				if most = max(most, e); e > offCircle {
					if n++; line == 0 {
						line = r.table.line[i]
					}
				}
			}
			return float64(n) / float64(max(1, len(rows))), most, line
		}
		share, far, line := off(sin, cos)
		if share == 0 {
			if far > rounded {
				r.note("columns %s and %s are up to %.2g off the circle of a sine and a cosine: give more digits, or the angle as a column %s", r.from[sin].name, r.from[cos].name, far, a.Name)
			}
			continue
		}
		for k, q := range r.from {
			if q.state < 0 || q.next || k == sin || k == cos {
				continue
			}
			for _, pair := range [][2]int{{k, cos}, {sin, k}} {
				if s, _, _ := off(pair[0], pair[1]); s > 0.01 || len(rows) < 3 {
					continue
				}
				wrong := sin
				if pair[0] == sin {
					wrong = cos
				}
				return r.doubt("columns %s and %s are probably swapped: the other way round the sine and the cosine of %s are on their circle: swap their names", r.from[wrong].name, q.name, a.Name)
			}
		}
		if err := r.doubt("columns %s and %s are no sine and cosine of one angle in %.0f %% of the rows, first in line %d, where they are off the circle by up to %.2g: give the angle as a column %s in rad", r.from[sin].name, r.from[cos].name, math.Ceil(100*share), line, far, a.Name); err != nil {
			return err
		}
	}
	return nil
}

// sizes holds the spread of each column against the Scale of its variable, and its values against the range that these can have.
func (r *reading) sizes() error {
	spread := func(q source) float64 {
		vs := r.used(q)
		middle, sum := median(vs), 0.0
		for _, v := range vs {
			sum += (v - middle) * (v - middle)
		}
		return math.Sqrt(sum / float64(max(1, len(vs))))
	}
	for k, q := range r.from {
		if q.next || q.action >= 0 || q.state >= 0 && r.circular(q.state) {
			continue
		}
		size := spread(q)
		if q.angle >= 0 {
			// In rad it can have any number of turns, and yet moves by less than an eighth of one in most steps.
			var moves []float64
			for _, i := range r.steps() {
				if !r.paired {
					moves = append(moves, math.Abs(q.values[i+1]-q.values[i]))
				}
			}
			if size > tooWide && (r.paired || quantile(moves, 0.9) > math.Pi/4) {
				if err := r.doubt("column %s is probably in degrees: its values are spread by %.3g, and move by %.2g and more in a tenth of the steps: divide it by 57.29578", q.name, size, quantile(moves, 0.9)); err != nil {
					return err
				}
			}
			continue
		}
		v := r.system.State[q.state]
		angular := v.Unit == "" || strings.Contains(v.Unit, "rad")
		if v.Min < v.Max {
			n, line, fits := 0, 0, true
			for _, i := range r.steps() {
				if w := q.values[i]; w < v.Min || w > v.Max {
					if n++; line == 0 {
						line = r.table.line[i]
					}
					fits = fits && w/degree >= v.Min && w/degree <= v.Max
				}
			}
			switch {
			case n > 0 && angular && fits && size > v.Scale:
				if err := r.doubt("column %s is probably in degrees: it is outside its range of %v to %v in %d rows, first in line %d, and inside if it is divided by 57.29578: do so", q.name, v.Min, v.Max, n, line); err != nil {
					return err
				}
			case n > 0:
				if err := r.doubt("column %s is outside the range of %v to %v that the task gives it in %d rows, first in line %d: remove them, or correct its unit", q.name, v.Min, v.Max, n, line); err != nil {
					return err
				}
			}
		}
		for _, p := range r.from[:k] {
			if p.next || p.state < 0 || r.circular(p.state) {
				continue
			}
			a, b, other := size/v.Scale, spread(p)/r.system.State[p.state].Scale, r.system.State[p.state].Scale
			fit := func(ratio float64) bool { return ratio > 0.1 && ratio < 3 }
			if (a > misplaced && b < 1 || b > misplaced && a < 1) && fit(size/other) && fit(spread(p)/v.Scale) {
				return r.doubt("columns %s and %s are probably swapped: their values are spread by %.2g and %.2g of their Scales, and by %.2g and %.2g the other way round: swap their names", p.name, q.name, b, a, size/other, spread(p)/v.Scale)
			}
		}
		if size <= tooWide*v.Scale {
			continue
		}
		if !angular || v.Unit == "" {
			r.note("column %s is spread by %.3g of its Scale %v: its unit is another, or the Scale does not say what it typically does", q.name, size/v.Scale, v.Scale)
			continue
		}
		if err := r.doubt("column %s is probably in degrees: its values are spread by %.3g times the Scale of %v %s, and by %.2g times in rad: divide it by 57.29578", q.name, size/v.Scale, v.Scale, v.Unit, size/v.Scale/degree); err != nil {
			return err
		}
	}
	return nil
}

// constants finds columns of which nothing can be learned.
func (r *reading) constants() error {
	if len(r.steps()) < 3 {
		return nil
	}
	for _, q := range r.from {
		vs := r.used(q)
		if q.next || slices.ContainsFunc(vs, func(v float64) bool { return v != vs[0] }) {
			continue
		}
		why := "nothing can be learned of how it changes: see whether its sensor was connected"
		if q.action >= 0 {
			why = "nothing can be learned of what it does: record with actions that vary"
		}
		if err := r.doubt("column %s is constant, %v in all rows: %s", q.name, vs[0], why); err != nil {
			return err
		}
	}
	return nil
}

// coarse tells whether most values of every column come more than once, as those of a sensor of few steps do: rows then repeat by chance.
func (r *reading) coarse() bool {
	for _, q := range r.from {
		seen := map[float64]bool{}
		for _, v := range q.values {
			seen[v] = true
		}
		if 2*len(seen) > len(q.values) {
			return false
		}
	}
	return true
}

// repeats finds rows that are there twice without a stamp that says so: one after the other, of which the second leads elsewhere than the first did,
// and whole stretches that come again. A system at rest repeats itself, and one whose sensors are coarse.
func (r *reading) repeats() error {
	if r.coarse() {
		return nil
	}
	var again []int
	rows := r.steps()
	if !r.stamped && !r.paired {
		for k := 1; k < len(rows); k++ {
			i := rows[k]
			if rows[k-1] == i-1 && r.same(i-1, i) && !r.same(i, i+1) {
				again = append(again, r.table.line[i])
			}
		}
		if len(again) > 0 {
			return r.doubt("rows are there twice, each leading to itself and then elsewhere: %s: remove one of each", some(again))
		}
	}
	seen, from := map[string]int{}, map[int]int{} // lines: of what was seen first, and where it was, of each that comes again
	var alike []int                               // lines with which an episode begins as one before did
	begins := false
	last := -1
	for k, p := range r.points(r.from, rows) {
		if slices.Contains(r.first[last+1:rows[k]+1], true) || k == 0 {
			again, alike, begins = append(again, alike...), nil, true // an episode that was another's to its end
		}
		last = rows[k]
		if slices.Equal(p.x, p.next) {
			continue
		}
		key, line := fmt.Sprint(p), r.table.line[rows[k]]
		at, ok := seen[key]
		switch {
		case ok && begins:
			alike, from[line] = append(alike, line), at
		case ok:
			again, from[line] = append(again, line), at
		default: // a system that starts alike, and is treated alike at first, does the same until it is treated otherwise
			seen[key], alike, begins = line, nil, false
		}
	}
	again = append(again, alike...)
	if n := len(again); n >= 3 && float64(n) > twice*float64(len(rows)) {
		return r.doubt("%d of %d transitions are there twice, from line %d on those of line %d: remove them, as what is tested on would be what was learned from", n, len(rows), again[0], from[again[0]])
	}
	return nil
}

// cut names actions that were probably cut to an extreme.
func (r *reading) cut() error {
	for _, q := range r.from {
		if q.action < 0 {
			continue
		}
		vs := r.used(q)
		if len(vs) < 10 {
			continue
		}
		least, most := slices.Min(vs), slices.Max(vs)
		var ends [2]int
		inside := map[float64]bool{}
		for _, v := range vs {
			switch v {
			case least:
				ends[0]++
			case most:
				ends[1]++
			default:
				inside[v] = true
			}
		}
		if len(inside) <= len(vs)/5 {
			continue // it is switched between a few values
		}
		oft := func(n int) bool { return float64(n) > atExtremes*float64(len(vs)) }
		var at []string
		if oft(ends[0]) {
			at = append(at, fmt.Sprintf("%.4g in %d", least, ends[0]))
		}
		if oft(ends[1]) {
			at = append(at, fmt.Sprintf("%.4g in %d", most, ends[1]))
		}
		if at != nil {
			r.note("action %s is exactly %s of %d rows: it was cut there, which does no harm if the system got what the log says, and spoils these rows if it got more", q.name, strings.Join(at, " and "), len(vs))
		}
	}
	return nil
}
