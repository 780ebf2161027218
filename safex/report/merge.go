package report

import (
	"bytes"
	"cmp"
	"encoding/json/jsontext"
	"fmt"
	"maps"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// Merge adds what o has. A run that both have counts once: the longer one, if they took the same steps as far as both go. If they
// did not, as on two kinds of processors, it is an error, and s stays as it is.
func (s *Set) Merge(o *Set) error {
	both := &Set{}
	for _, from := range []*Set{s, o} {
		for i := range from.Methods {
			if err := both.add(&from.Methods[i]); err != nil {
				return err
			}
		}
	}
	both.sort()
	*s = *both
	return nil
}

// add adds the runs of m.
func (s *Set) add(m *Method) error {
	i := slices.IndexFunc(s.Methods, func(x Method) bool { return x.same(m) })
	if i < 0 {
		i = len(s.Methods)
		fresh := *m
		fresh.Runs, fresh.Seeds = nil, nil
		s.Methods = append(s.Methods, fresh)
	}
	to := &s.Methods[i]
	if m.Steps > to.Steps { // whole runs are the longest
		to.Steps, to.Settings = m.Steps, m.Settings
	}
	to.Seeds = append(to.Seeds, m.Seeds...)
	slices.Sort(to.Seeds)
	to.Seeds = slices.Compact(to.Seeds)
	for _, r := range m.Runs {
		at, found := slices.BinarySearchFunc(to.Runs, r.Seed, func(x Run, seed uint64) int { return cmp.Compare(x.Seed, seed) })
		switch {
		case !found:
			to.Runs = slices.Insert(to.Runs, at, r)
		case !agree(&to.Runs[at], &r) || !agreeOnEvaluations(&to.Runs[at], &r):
			return fmt.Errorf("result: there are two runs of %s, %s with seed %d that took different steps: leave one of them out", m.Task, m.name(), r.Seed)
		case ahead(&r, &to.Runs[at]):
			to.Runs[at] = r
		}
	}
	return nil
}

// same tells whether runs of m and o differ in their seed alone, or, in a study, in their number of episodes: a study that got more of
// them has runs that have not begun these yet.
func (m *Method) same(o *Method) bool {
	if m.Study != o.Study || m.Task != o.Task || m.Agent() != o.Agent() || m.Variant != o.Variant || m.Build != o.Build || !slices.Equal(m.Limits, o.Limits) {
		return false
	}
	if m.Steps == o.Steps && bytes.Equal(m.Settings, o.Settings) {
		return true
	}
	var x, y map[string]jsontext.Value
	if m.Study == "" || encode.Decode(m.Settings, &x) != nil || encode.Decode(o.Settings, &y) != nil {
		return false
	}
	delete(x, "Episodes")
	delete(y, "Episodes")
	return maps.EqualFunc(x, y, func(a, b jsontext.Value) bool { return bytes.Equal(a, b) })
}

// agree tells whether two runs took the same steps in the episodes that both completed.
func agree(a, b *Run) bool {
	for i := range min(len(a.Episodes), len(b.Episodes)) {
		x, y := a.Episodes[i], b.Episodes[i]
		if x.Unfinished || y.Unfinished {
			return true
		}
		if x.Steps != y.Steps || x.Return != y.Return || x.Violations != y.Violations || x.First != y.First || x.Inside != y.Inside || !maps.EqualFunc(x.Worst, y.Worst, same) {
			return false
		}
	}
	return true
}

// agreeOnEvaluations tells whether two runs came to the same in the evaluations that both made.
func agreeOnEvaluations(a, b *Run) bool {
	for i := range min(len(a.Evaluations), len(b.Evaluations)) {
		x, y := a.Evaluations[i], b.Evaluations[i]
		if x.Episode != y.Episode || x.Steps != y.Steps || x.Violations != y.Violations || !same(x.Return, y.Return) {
			return false
		}
	}
	return true
}

// same tells whether two numbers are, where one NaN is another.
func same(a, b float64) bool { return a == b || a != a && b != b }

// ahead tells whether a has more than b.
func ahead(a, b *Run) bool {
	if a.Steps() != b.Steps() {
		return a.Steps() > b.Steps()
	}
	unfinished := func(r *Run) bool { return len(r.Episodes) > 0 && r.Episodes[len(r.Episodes)-1].Unfinished }
	if unfinished(a) != unfinished(b) {
		return unfinished(b)
	}
	if len(a.Evaluations) != len(b.Evaluations) {
		return len(a.Evaluations) > len(b.Evaluations)
	}
	tubes := func(r *Run) (n int) {
		for _, e := range r.Episodes {
			n += e.Tubes
		}
		return n
	}
	return tubes(a) > tubes(b)
}

// sort brings methods into the order in which tables have them: by task, study, planner, model, calibration and filter, as safex list has
// these, the plain ones before the variants.
func (s *Set) sort() {
	planners := experiment.Planners.Names()
	models, _ := experiment.Models()
	calibrations, filters := experiment.Calibrations.Names(), experiment.Filters.Names()
	calibrations[0], filters[0] = "", "" // none, and off
	place := func(names []string, name string) int {
		if i := slices.Index(names, name); i >= 0 {
			return i
		}
		return len(names)
	}
	tasks := experiment.Tasks.Names()
	slices.SortStableFunc(s.Methods, func(a, b Method) int {
		return cmp.Or(
			cmp.Compare(place(tasks, a.Task), place(tasks, b.Task)), cmp.Compare(a.Task, b.Task), cmp.Compare(a.Study, b.Study),
			cmp.Compare(place(planners, a.Planner), place(planners, b.Planner)), cmp.Compare(a.Planner, b.Planner),
			cmp.Compare(place(models, a.Model), place(models, b.Model)), cmp.Compare(a.Model, b.Model),
			cmp.Compare(place(calibrations, a.Calibrate), place(calibrations, b.Calibrate)), cmp.Compare(a.Calibrate, b.Calibrate),
			cmp.Compare(place(filters, a.Filter), place(filters, b.Filter)), cmp.Compare(a.Filter, b.Filter),
			cmp.Compare(a.Variant, b.Variant), cmp.Compare(a.Build, b.Build), cmp.Compare(a.Steps, b.Steps), bytes.Compare(a.Settings, b.Settings),
		)
	})
}
