package logs

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
)

// names are those of variables.
func names(vs []safex.Var) (all []string) {
	for _, v := range vs {
		all = append(all, v.Name)
	}
	return all
}

// finite tells whether v is a number.
func finite(v float64) bool { return v-v == 0 }

// missing finds rows whose state or action is not there. Those without a state are named: the trajectory ends before them.
func (r *reading) missing() error {
	n := r.table.rows()
	r.state, r.action, r.next = slices.Repeat([]bool{true}, n), slices.Repeat([]bool{true}, n), slices.Repeat([]bool{true}, n)
	var lines []int
	which := map[string]bool{}
	for i := range n {
		lost := false
		for _, q := range r.from {
			if finite(q.values[i]) {
				continue
			}
			switch {
			case q.action >= 0:
				r.action[i] = false
				continue // that of the last row of a trajectory is not needed
			case q.next:
				r.next[i] = false
			default:
				r.state[i] = false
			}
			which[q.name], lost = true, true
		}
		if lost {
			lines = append(lines, r.table.line[i])
		}
	}
	if 2*len(lines) > n {
		return r.fail("%d of %d rows have no number in one of %s, the first in line %d: see whether its sensor was connected", len(lines), n, joined(which), lines[0])
	}
	if len(lines) > 0 {
		r.note("rows without a number in %s were left out, and a trajectory ends before each: %s", joined(which), some(lines))
	}
	return nil
}

// joined lists a set of names.
func joined(set map[string]bool) (text string) {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	slices.Sort(all)
	for k, name := range all {
		if k > 0 {
			text += ", "
		}
		text += name
	}
	return text
}

// drop forgets rows as if they had never been there.
func (r *reading) drop(out []bool) {
	left := func(i int) bool { return !out[i] }
	r.table.cells, r.table.line = kept(r.table.cells, left), kept(r.table.line, left)
	r.state, r.action, r.next = kept(r.state, left), kept(r.action, left), kept(r.next, left)
	for k := range r.from {
		r.from[k].values = kept(r.from[k].values, left)
	}
}

// kept are the elements that are left.
func kept[T any](all []T, left func(i int) bool) (some []T) {
	for i, v := range all {
		if left(i) {
			some = append(some, v)
		}
	}
	return some
}

// same tells whether two rows agree in all columns that are used.
func (r *reading) same(i, j int) bool {
	return !slices.ContainsFunc(r.from, func(q source) bool {
		return q.values[i] != q.values[j] && (finite(q.values[i]) || finite(q.values[j]))
	})
}

// Thresholds of stamps. Clocks jitter by some percent, and a row that is missing makes a difference twice as long.
const (
	offTime   = 0.05 // of Dt, by which the typical distance of rows may differ from it
	gapTime   = 0.5  // of the typical distance, by which rows may be closer or farther apart and still a step
	newTrip   = 20   // steps, above which a gap is between two trips, where no column says which there are
	jitter    = 0.2  // of the typical distance
	oftJitter = 0.05 // share of distances that differ by more, from which on it is said
)

// stamps reads the columns episode, step and time: where episodes and trajectories begin, and which rows are there twice.
func (r *reading) stamps() error {
	t := r.table
	label, step, clock, err := r.stampColumns()
	if err != nil {
		return err
	}
	// Rows with the stamp of the row before are the same, or somebody has to say which is right.
	out, again := make([]bool, t.rows()), []int{}
	for i := 1; i < t.rows(); i++ {
		for _, stamp := range [][]float64{step, clock} {
			if stamp == nil || stamp[i] != stamp[i-1] || label != nil && label[i] != label[i-1] {
				continue
			}
			if !r.same(i, i-1) {
				return r.fail("line %d has the time of the line before, and other values: remove the one that is wrong", t.line[i])
			}
			if !out[i] {
				again = append(again, t.line[i])
			}
			out[i] = true
		}
	}
	if len(again) > 0 {
		r.note("rows that repeat the one before, with its time, were left out: %s", some(again))
		r.drop(out)
		left := func(i int) bool { return !out[i] }
		label, step, clock = kept(label, left), kept(step, left), kept(clock, left)
	}
	n := t.rows()
	r.begins, r.first = make([]bool, n), make([]bool, n)
	typical := r.typical(label, clock)
	if err := r.sampling(typical); err != nil {
		return err
	}
	var gaps, back []int
	uneven, even := 0, 0
	for i := range n {
		if i == 0 || label != nil && label[i] != label[i-1] {
			r.begins[i], r.first[i] = true, true
			continue
		}
		d, gap, behind := 0.0, false, false
		if clock != nil {
			d = clock[i] - clock[i-1]
			gap, behind = gap || step == nil && math.Abs(d-typical) > gapTime*typical, behind || d < 0
			if math.Abs(d-typical) > jitter*typical {
				uneven++
			} else {
				even++
			}
		}
		if step != nil { // it says more than a clock
			d = step[i] - step[i-1]
			gap, behind = d > 1, behind || d < 0
		}
		switch {
		case behind:
			r.begins[i], r.first[i] = true, true
			if label != nil || step == nil {
				back = append(back, t.line[i])
			}
		case gap:
			r.begins[i] = true
			r.first[i] = label == nil && (step != nil && d > newTrip || step == nil && d > newTrip*typical)
			gaps = append(gaps, t.line[i])
		}
	}
	if len(back) > 0 {
		r.note("time goes back, and a new episode begins, at %s", some(back))
	}
	if len(gaps) > 0 && !r.paired { // pairs need no row before them
		r.note("rows are not a step apart, as some are missing, and a new trajectory begins, at %s", some(gaps))
	}
	if total := uneven + even; step == nil && float64(uneven-len(gaps)-len(back)) > oftJitter*float64(total) {
		r.note("rows are not evenly apart: %d of %d distances differ by more than %.0f %% from the typical %.4g s, and a model takes them for %v s", uneven, total, 100*jitter, typical, r.system.Dt)
	}
	return nil
}

// stampColumns are the columns episode, step and time; nil where they are not there.
func (r *reading) stampColumns() (label []string, step, clock []float64, err error) {
	t := r.table
	column := func(name string) int {
		if slices.ContainsFunc(r.from, func(q source) bool { return q.name == name }) {
			return -1 // a variable's
		}
		return slices.Index(t.names, name)
	}
	read := func(name string) ([]float64, error) {
		at := column(name)
		if at < 0 {
			return nil, nil
		}
		values, err := r.column(at)
		if err != nil {
			return nil, err
		}
		if k := slices.IndexFunc(values, func(v float64) bool { return !finite(v) }); k >= 0 {
			return nil, r.fail("line %d has no number in column %s: fill it in, or remove the column", t.line[k], name)
		}
		return values, nil
	}
	if at := column(episodeName); at >= 0 {
		for _, row := range t.cells {
			label = append(label, row[at])
		}
	}
	if step, err = read(stepName); err != nil {
		return nil, nil, nil, err
	}
	for _, name := range timeNames {
		if clock == nil {
			if clock, err = read(name); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	r.episodeColumn, r.stamped = label != nil, step != nil || clock != nil
	return label, step, clock, nil
}

// typical is the median distance of rows of an episode by the clock; 0 without one.
func (r *reading) typical(label []string, clock []float64) float64 {
	var ds []float64
	for i := 1; i < len(clock); i++ {
		if d := clock[i] - clock[i-1]; d > 0 && (label == nil || label[i] == label[i-1]) {
			ds = append(ds, d)
		}
	}
	return median(ds)
}

// sampling holds the typical distance of rows against that of steps.
func (r *reading) sampling(typical float64) error {
	dt := r.system.Dt
	ratio := typical / dt
	if typical == 0 || math.Abs(ratio-1) <= offTime {
		return nil
	}
	for _, u := range []struct {
		in   float64
		name string
	}{{1e3, "milliseconds"}, {1e6, "microseconds"}, {1e9, "nanoseconds"}} {
		if math.Abs(ratio/u.in-1) <= offTime {
			return r.fail("its time is in %s: divide it by %g, so that it is in seconds", u.name, u.in)
		}
	}
	what := "record again at that rate, or set the Dt of the task"
	if k := math.Round(1 / ratio); k >= 2 && math.Abs(1/ratio-k) <= offTime*k {
		what = fmt.Sprintf("keep one row of every %.0f, if the action was held between them", k)
	}
	return r.doubt("its sampling time is wrong: rows are %.4g s apart, and a step of task %q takes %v s: %s", typical, r.system.Name, dt, what)
}

// ranges refuses actions beyond [-1, 1].
func (r *reading) ranges() error {
	for _, q := range r.from {
		if q.action < 0 {
			continue
		}
		beyond, line := 0, 0
		most := 0.0
		for i, v := range q.values {
			if a := math.Abs(v); a > 1 && finite(v) {
				if beyond++; line == 0 {
					line = r.table.line[i]
				}
				most = max(most, a)
			}
		}
		if beyond > 0 {
			return r.fail("%s is beyond [-1, 1] in %d of %d rows, first in line %d, and reaches %.4g: an action is in [-1, 1]; if it has a physical unit, say what -1 and 1 are there, as by safex import --range %s=-%.4g:%.4g",
				q.name, beyond, len(q.values), line, most, q.name, most, most)
		}
	}
	return nil
}

// steps are the rows with which a transition begins.
func (r *reading) steps() (rows []int) {
	n := r.table.rows()
	for i := range n {
		ends := r.paired && r.next[i] || !r.paired && i+1 < n && r.state[i+1] && !r.begins[i+1]
		if r.state[i] && r.action[i] && ends {
			rows = append(rows, i)
		}
	}
	return rows
}

// at are the state and the action of row i, or the next state of a paired one, by the columns from.
func (r *reading) at(from []source, i int, next bool) (x, u []float64) {
	s := r.system
	x, u = make([]float64, len(s.State)), make([]float64, len(s.Action))
	for _, q := range from {
		switch v := q.values[i]; {
		case q.action >= 0:
			u[q.action] = v
		case q.next != next:
		case q.angle >= 0:
			a := s.Angles[q.angle]
			x[a.Sin], x[a.Cos] = math.Sin(v), math.Cos(v)
		default:
			x[q.state] = v
		}
	}
	return x, u
}

// A point is a transition.
type point struct{ x, u, next []float64 }

// points are the transitions that begin with rows, by the columns from.
func (r *reading) points(from []source, rows []int) (all []point) {
	for _, i := range rows {
		x, u := r.at(from, i, false)
		var next []float64
		if r.paired {
			next, _ = r.at(from, i, true)
		} else {
			next, _ = r.at(from, i+1, false)
		}
		all = append(all, point{x, u, next})
	}
	return all
}

// assemble names rows whose action alone is missing, and lets trajectories of pairs end where the next state is not that of the next row.
func (r *reading) assemble() error {
	var lines []int
	for i := range r.action {
		goes := r.paired || i+1 < len(r.action) && !r.begins[i+1]
		if r.state[i] && !r.action[i] && goes {
			lines = append(lines, r.table.line[i])
		}
	}
	if len(lines) > 0 {
		r.note("rows without a number in an action were left out, and a trajectory ends there: %s", some(lines))
	}
	if r.paired {
		for i := 1; i < len(r.state); i++ {
			if r.begins[i] || !r.state[i] || !r.next[i-1] {
				continue
			}
			next, _ := r.at(r.from, i-1, true)
			if x, _ := r.at(r.from, i, false); !slices.Equal(x, next) {
				r.begins[i] = true
				r.first[i] = r.first[i] || !r.episodeColumn
			}
		}
	}
	return nil
}

// sort puts the transitions into order.
func (r *reading) sort() {
	r.data = &safex.Data{}
	rows := r.steps()
	last, episode, row, fresh := -2, -1, 0, false
	for k, p := range r.points(r.from, rows) {
		i := rows[k]
		for ; row <= i; row++ {
			fresh = fresh || r.first[row]
		}
		if fresh {
			episode++
		}
		if fresh || i != last+1 || r.begins[i] {
			r.data.Begin()
		}
		r.data.Append(p.x, p.u, p.next)
		r.lines, r.episodes = append(r.lines, r.table.line[i]), append(r.episodes, episode)
		last, fresh = i, false
	}
}

// median is the middle one of vs, 0 of none.
func median(vs []float64) float64 { return quantile(vs, 0.5) }

// quantile is that of vs, 0 of none.
func quantile(vs []float64, p float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(vs))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}
