package logs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
)

// A source is a column that is used.
type source struct {
	name   string
	at     int // among the columns of the table
	next   bool
	state  int // dimension; -1 of others
	angle  int // of the task's Angles; -1 of others
	action int // dimension; -1 of others
	values []float64
}

// Names of columns that are no variable's. A variable of the task that is named time or t has that column itself.
const (
	episodeName = "episode"
	stepName    = "step"
	nextPrefix  = "next_"
)

var timeNames = []string{"time", "t"}

// choose finds the columns that the task needs.
func (r *reading) choose() error {
	s, t := r.system, r.table
	used := map[int]bool{}
	find := func(name string, q source) bool {
		at := slices.Index(t.names, name)
		if at < 0 {
			return false
		}
		q.name, q.at = name, at
		r.from, used[at] = append(r.from, q), true
		return true
	}
	var missing []string
	side := func(prefix string, next bool) {
		done := make([]bool, len(s.State))
		for k, a := range s.Angles { // itself, or its sine and cosine
			if slices.Contains(t.names, prefix+s.State[a.Sin].Name) && slices.Contains(t.names, prefix+s.State[a.Cos].Name) {
				continue
			}
			if find(prefix+a.Name, source{next: next, state: -1, angle: k, action: -1}) {
				done[a.Sin], done[a.Cos] = true, true
			}
		}
		for d, v := range s.State {
			if !done[d] && !find(prefix+v.Name, source{next: next, state: d, angle: -1, action: -1}) {
				missing = append(missing, prefix+v.Name)
			}
		}
	}
	side("", false)
	for k, v := range s.Action {
		if !find(v.Name, source{state: -1, angle: -1, action: k}) {
			missing = append(missing, v.Name)
		}
	}
	if len(missing) > 0 {
		return r.fail("it has no column %s: rename the columns to those of task %q, which are %s; it has %s", strings.Join(missing, ", "), s.Name, r.wanted(), strings.Join(t.names, ", "))
	}
	if r.paired = slices.ContainsFunc(t.names, func(name string) bool { return strings.HasPrefix(name, nextPrefix) }); r.paired {
		before := len(r.from)
		if side(nextPrefix, true); len(missing) > 0 {
			if len(r.from) > before {
				return r.fail("it has no column %s, and others that begin with %s: want one for each dimension of the state, or none", strings.Join(missing, ", "), nextPrefix)
			}
			r.paired = false
		}
	}
	for name := range r.Ranges {
		if !slices.ContainsFunc(r.from, func(q source) bool { return q.action >= 0 && q.name == name }) {
			return r.fail("there is a range for %q, which is no action of task %q: want one of %s", name, s.Name, strings.Join(names(s.Action), ", "))
		}
	}
	var ignored []string
	for k, name := range t.names {
		own := safex.OwnColumn(name) || slices.Contains(timeNames, name) // those of a run's table say nothing about the task
		if !used[k] && !own && name != "" {
			ignored = append(ignored, name)
		}
	}
	if len(ignored) > 0 {
		r.note("columns that task %q has no use for were passed over: %s", s.Name, strings.Join(ignored, ", "))
	}
	return r.units()
}

// units holds a unit that the head names against that of the task.
func (r *reading) units() error {
	for _, q := range r.from {
		unit, want := r.table.units[q.at], "rad"
		switch {
		case q.state >= 0:
			want = r.system.State[q.state].Unit
		case q.action >= 0:
			want = "" // what an action is in is for Ranges to say
		}
		if unit == "" || want == "" || strings.EqualFold(unit, want) {
			continue
		}
		if strings.Contains(strings.ToLower(unit), "deg") || strings.Contains(unit, "°") {
			return r.fail("column %s is in %s, and the task wants %s: divide it by 57.29578", q.name, unit, want)
		}
		if err := r.doubt("column %s is in %s, and the task wants %s: convert it, or name the unit as the task does", q.name, unit, want); err != nil {
			return err
		}
	}
	return nil
}

// wanted are the columns that a log of the task has.
func (r *reading) wanted() string {
	s := r.system
	all := append(names(s.State), names(s.Action)...)
	text := strings.Join(all, ", ")
	for _, a := range s.Angles {
		text += fmt.Sprintf(" (or %s in place of %s and %s)", a.Name, s.State[a.Sin].Name, s.State[a.Cos].Name)
	}
	return text
}

// errDecimals is the error of a number with both marks.
var errDecimals = errors.New("both a comma and a point")

// parsed is the number in a cell, NaN of one that says that there is none.
func parsed(cell string, comma bool) (float64, error) {
	switch strings.ToLower(cell) {
	case "", "nan", "na", "n/a", "null", "none", "-", "?":
		return math.NaN(), nil
	}
	if comma {
		if strings.Contains(cell, ",") && strings.Contains(cell, ".") {
			return 0, errDecimals
		}
		cell = strings.Replace(cell, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(cell, 64)
	if errors.Is(err, strconv.ErrRange) {
		return v, nil
	}
	return v, err
}

// numbers reads the cells of the columns that are used.
func (r *reading) numbers() error {
	t := r.table
	columns := []int{}
	for _, q := range r.from {
		columns = append(columns, q.at)
	}
	for _, name := range append(timeNames, stepName) {
		if at := slices.Index(t.names, name); at >= 0 {
			columns = append(columns, at)
		}
	}
	first := 0 // line of a decimal comma
	for i, row := range t.cells {
		for _, at := range columns {
			if strings.Contains(row[at], ",") && first == 0 {
				first = t.line[i]
			}
		}
	}
	if t.comma = first > 0; t.comma {
		r.note("numbers have decimal commas, as in line %d, and were read so", first)
	}
	for k := range r.from {
		q := &r.from[k]
		values, err := r.column(q.at)
		if err != nil {
			return err
		}
		q.values = values
		if to, ok := r.Ranges[q.name]; ok && q.action >= 0 {
			if span := to.At1 - to.AtMinus1; span == 0 || span-span != 0 {
				return r.fail("the range of %s is from %v to %v: want two numbers that differ", q.name, to.AtMinus1, to.At1)
			}
			for i, v := range values {
				u := (v-to.AtMinus1)/(to.At1-to.AtMinus1)*2 - 1
				if math.Abs(u) > 1 && math.Abs(u) < 1+1e-9 { // rounding
					u = math.Copysign(1, u)
				}
				values[i] = u
			}
		}
	}
	return nil
}

// column reads a column of numbers.
func (r *reading) column(at int) ([]float64, error) {
	t := r.table
	values := make([]float64, t.rows())
	for i, row := range t.cells {
		v, err := parsed(row[at], t.comma)
		if errors.Is(err, errDecimals) {
			return nil, r.fail("line %d: %s is %q, with %v, while other numbers have a decimal comma: export without marks between thousands", t.line[i], t.names[at], row[at], err)
		}
		if err != nil {
			return nil, r.fail("line %d: %s is %q, want a number, or nothing where there is none", t.line[i], t.names[at], row[at])
		}
		values[i] = v
	}
	return values, nil
}
