package figures

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
)

// A method is a report.Method with what figures call it.
type method struct {
	*report.Method
	label string // the same on every task
	index int    // of its colour
}

// A row is the methods of a task.
type row struct {
	task    string
	methods []method
}

// rows are the methods for which of is true, a row for each task, by tasks in their order. The same label has the same colour everywhere; what all of them learn is
// in none. Those that have their place in the figure of evaluations alone are left out.
func (g *Gallery) rows(of func(m *report.Method) bool) (rows []row) {
	return g.methods(func(m *report.Method) bool { return of(m) && !g.explores(m) })
}

// methods are rows with those that have their place elsewhere.
func (g *Gallery) methods(of func(m *report.Method) bool) (rows []row) {
	if g.Set == nil {
		return nil
	}
	names := g.Set.Names()
	models, _ := experiment.Models()
	same := true // they all learn the same
	var one *report.Method
	for i := range g.Set.Methods {
		if m := &g.Set.Methods[i]; of(m) {
			if one == nil {
				one = m
			}
			same = same && m.Model == one.Model && m.Calibrate == one.Calibrate
		}
	}
	var labels []string
	for i := range g.Set.Methods {
		m := &g.Set.Methods[i]
		if !of(m) {
			continue
		}
		k := slices.IndexFunc(rows, func(r row) bool { return r.task == m.Task })
		if k < 0 {
			k, rows = len(rows), append(rows, row{task: m.Task})
		}
		label := names[i]
		if same {
			label = strings.Replace(label, m.Agent().String(), report.Agent{Planner: m.Planner, Model: models[0], Calibrate: experiment.SuggestedFor(models[0]), Filter: m.Filter}.String(), 1)
		}
		if slices.ContainsFunc(g.Set.Methods, func(o report.Method) bool {
			return o.Study != m.Study && o.Task == m.Task && o.Agent() == m.Agent() && o.Variant == m.Variant && of(&o)
		}) {
			label += " (" + cmp.Or(m.Study, "no study") + ")"
		}
		if !slices.Contains(labels, label) {
			labels = append(labels, label)
		}
		rows[k].methods = append(rows[k].methods, method{m, label, slices.Index(labels, label)})
	}
	if slices.ContainsFunc(rows, func(r row) bool {
		return slices.ContainsFunc(r.methods, func(m method) bool { return m.Variant != "" && m.Filter == "" })
	}) {
		return rows
	}
	looks := looksOf(rows)
	for _, r := range rows {
		for i := range r.methods {
			r.methods[i].index = looks[r.methods[i].label]
		}
	}
	return rows
}

// hues are the colours that lookalikes of a method have in common.
const hues = 6

// looksOf are the looks of labels: a planner keeps its colour in all figures, and its further labels, as with another model or a filter, have other marks. Where
// one planner has several models, it is these that have colours.
func looksOf(rows []row) map[string]int {
	planners := experiment.Planners.Names()
	looks, taken := map[string]int{}, map[int]bool{}
	seen, models := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		for _, m := range r.methods {
			seen[m.Planner], models[m.Model] = true, true
		}
	}
	if len(seen) == 1 && len(models) > 1 {
		for _, r := range rows {
			for _, m := range r.methods {
				looks[m.label] = m.index // by their order
			}
		}
		return looks
	}
	give := func(label string, look int) {
		for taken[look] {
			look += hues
		}
		looks[label], taken[look] = look, true
	}
	for _, own := range []bool{true, false} { // those that are called as their planner first
		for _, r := range rows {
			for _, m := range r.methods {
				k := slices.Index(planners, m.Planner)
				if _, ok := looks[m.label]; ok || own != (m.label == m.Planner) {
					continue
				}
				if k < 0 { // of a planner of one's own
					k = len(planners)
				}
				give(m.label, k)
			}
		}
	}
	return looks
}

// plain tells whether a method is no variant.
func plain(m *report.Method) bool { return m.Variant == "" }

// errNone is the error of a figure of runs without any.
var errNone = errors.New("there are no runs to draw this from: name a folder that has some, or a file of safex report --save")

// compared are the methods that are no variants, or all of them if there are variants alone.
func (g *Gallery) compared() ([]row, error) {
	rows := g.rows(plain)
	if len(rows) == 0 {
		rows = g.rows(func(*report.Method) bool { return true })
	}
	if len(rows) == 0 {
		return nil, errNone
	}
	for _, r := range rows {
		if slices.ContainsFunc(r.methods, func(m method) bool { return m.episodes() > 0 }) {
			return rows, nil
		}
	}
	return nil, fmt.Errorf("no run has completed an episode yet: there is nothing to draw")
}

// errNotPlanned is the error of a figure of returns that do not exist.
var errNotPlanned = errors.New("no run has completed a planned episode yet: there are no returns to draw")

// planned tells whether a run has completed a planned episode with a return that can be drawn.
func (r row) planned() bool {
	for _, m := range r.methods {
		for e := range m.episodes() {
			if m.planned(e) && slices.ContainsFunc(m.returns(e), func(v float64) bool { return v-v == 0 }) {
				return true
			}
		}
	}
	return false
}

// limited are the rows of tasks that have a limit.
func limited(rows []row) ([]row, error) {
	kept := slices.DeleteFunc(slices.Clone(rows), func(r row) bool {
		return !slices.ContainsFunc(r.methods, func(m method) bool { return len(m.Limits) > 0 })
	})
	if len(kept) == 0 {
		return nil, fmt.Errorf("task %s has no limit: there are no violations to draw", rows[0].task)
	}
	return kept, nil
}

// group is a variant's part before its value: that of "beta-0.5" is "beta"; "" of one without a value.
func group(variant string) string {
	name, _, ok := strings.Cut(variant, "-")
	if !ok {
		return ""
	}
	return name
}

// returns are the returns of an episode in all runs that completed it.
func (m method) returns(episode int) (all []float64) {
	for _, r := range m.Runs {
		if episode < len(r.Episodes) && !r.Episodes[episode].Unfinished {
			all = append(all, r.Episodes[episode].Return)
		}
	}
	return all
}

// episodes is one more than the number of the last episode that a run completed.
func (m method) episodes() (n int) {
	for _, r := range m.Runs {
		for _, e := range r.Episodes {
			if !e.Unfinished {
				n = max(n, e.Episode+1)
			}
		}
	}
	return n
}

// planned tells whether an episode is a planned one.
func (m method) planned(episode int) bool {
	for _, r := range m.Runs {
		if episode < len(r.Episodes) {
			return r.Episodes[episode].Phase == safex.PlannedPhase
		}
	}
	return false
}

// finished are the runs that took all their steps.
func (m method) finished() (runs []*report.Run) {
	for i := range m.Runs {
		if m.Finished(&m.Runs[i]) {
			runs = append(runs, &m.Runs[i])
		}
	}
	return runs
}

// totals are the violating steps of finished runs, from the first random step on.
func (m method) totals() (all []float64) {
	for _, r := range m.finished() {
		all = append(all, float64(r.Violations()))
	}
	return all
}

// older are the names that fields of run.yaml had in files of versions before 0.6.
var older = map[string]string{"Planner": "Planning", "Exploration": "Explore"}

// setting is a setting of the method as text, by its path in run.yaml; "" if there is none.
func (m method) setting(path ...string) string {
	if text := settingAt(m.Settings, path); text != "" {
		return text
	}
	before := slices.Clone(path)
	for i, name := range path {
		before[i] = cmp.Or(older[name], name)
	}
	return settingAt(m.Settings, before)
}

// settingAt is the setting at a path as text.
func settingAt(value json.RawMessage, path []string) string {
	for _, name := range path {
		var below map[string]json.RawMessage
		if json.Unmarshal(value, &below) != nil {
			return ""
		}
		value = below[name]
	}
	return strings.Trim(string(value), `"`)
}

// seeds says how many runs there are that completed an episode: of one, that it has no interval.
func (m method) seeds() string {
	least, most := len(m.Runs), 0
	for e := range m.episodes() {
		n := len(m.returns(e))
		least, most = min(least, n), max(most, n)
	}
	switch {
	case most == 0:
		return "no episode yet"
	case most == 1:
		return "1 seed: no interval"
	case least == most:
		return fmt.Sprintf("%d seeds", most)
	}
	return fmt.Sprintf("%d to %d seeds", least, most)
}

// keys has one for each method in rows. If there is one row, they say how many seeds there are.
func keys(rows []row) (list []fig.Key) {
	for _, r := range rows {
		for _, m := range r.methods {
			k := fig.Key{Name: m.label, Method: m.index}
			if len(rows) == 1 {
				k.Name += ", " + m.seeds()
			}
			if !slices.ContainsFunc(list, func(o fig.Key) bool { return o.Name == k.Name }) {
				list = append(list, k)
			}
		}
	}
	return list
}
