package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// An Agent is what the agent of a Method is made of, by names of safex list. Agents compare.
type Agent struct{ Planner, Model, Calibrate, Filter string }

// Agent is that of m.
func (m *Method) Agent() Agent { return Agent{m.Planner, m.Model, m.Calibrate, m.Filter} }

// String is what an Agent is called: its planner, its model unless it is the default, its calibration unless the model suggests it, and that it is filtered.
func (a Agent) String() string {
	name := a.Planner
	if models, _ := experiment.Models(); a.Model != models[0] {
		name += ", " + a.Model
	}
	switch own := experiment.SuggestedFor(a.Model); {
	case a.Calibrate == own || a.Calibrate == "" && own == experiment.None:
	case a.Calibrate == "":
		name += ", " + experiment.Uncalibrated
	default:
		name += ", " + a.Calibrate
	}
	switch a.Filter {
	case "":
	case experiment.On:
		name += ", " + experiment.Filtered
	default:
		name += ", " + experiment.Filtered + " by " + a.Filter
	}
	return name
}

// name is what a Method is called: its agent, that it began with logs, and its variant.
func (m *Method) name() string {
	name := m.Agent().String()
	if len(m.logs()) > 0 {
		name += ", " + experiment.Logged
	}
	if m.Variant != "" {
		name += ", " + m.Variant
	}
	return name
}

// logs are the files of transitions that the agent began with; nil of none.
func (m *Method) logs() (files []string) {
	var s struct{ Logs []experiment.Log }
	if json.Unmarshal(m.Settings, &s) != nil {
		return nil // there are none
	}
	for _, l := range s.Logs {
		files = append(files, l.File)
	}
	return files
}

// Names are what the methods are called, each different from those of all others of the same study and task: where more than one would have the same
// name, what they differ in follows in brackets, as --set names it; and where methods have different numbers of episodes, so does that of those with
// fewer than others.
func (s *Set) Names() []string {
	names := make([]string, len(s.Methods))
	groups := map[string][]int{}
	for i := range s.Methods {
		m := &s.Methods[i]
		names[i] = m.name()
		key := strings.Join([]string{m.Study, m.Task, names[i]}, "\n")
		groups[key] = append(groups[key], i)
	}
	for _, group := range groups {
		if len(group) > 1 {
			s.distinguish(names, group)
		}
	}
	most := map[[2]string]int{} // episodes of a method of a study and a task
	for i := range s.Methods {
		m := &s.Methods[i]
		key := [2]string{m.Study, m.Task}
		most[key] = max(most[key], m.planned())
	}
	for i := range s.Methods {
		m := &s.Methods[i]
		if n := m.planned(); n < most[[2]string{m.Study, m.Task}] && !strings.Contains(names[i], "(Episodes ") {
			names[i] += fmt.Sprintf(" (Episodes %d)", n)
		}
	}
	return names
}

// planned is the number of episodes of a whole run, without the random phase.
func (m *Method) planned() int {
	var s struct{ Episodes int }
	if json.Unmarshal(m.Settings, &s) != nil {
		return 0 // there are none
	}
	return s.Episodes
}

// quoted are names in quotes, as they may hold commas.
func quoted(names []string) (all []string) {
	for _, n := range names {
		all = append(all, strconv.Quote(n))
	}
	return all
}

// shown is the number of settings that a name has in brackets at most.
const shown = 3

// distinguish adds what the methods of a group differ in to their names.
func (s *Set) distinguish(names []string, group []int) {
	all := make([]map[string]string, len(group))
	fields, builds, versions := map[string]bool{}, map[string]bool{}, map[string]bool{}
	version := func(build string) string { v, _, _ := strings.Cut(build, " "); return v }
	for _, i := range group {
		b := s.Methods[i].Build
		builds[b], versions[version(b)] = true, true
	}
	for k, i := range group {
		m := &s.Methods[i]
		all[k] = map[string]string{"build": m.Build}
		if len(versions) == len(builds) { // the rest of it is for who has two of one version
			all[k]["build"] = version(m.Build)
		}
		var settings any
		if json.Unmarshal(m.Settings, &settings) == nil {
			experiment.Flatten(all[k], "", settings)
		}
		for f := range all[k] {
			fields[f] = true
		}
	}
	maps.DeleteFunc(fields, func(f string, _ bool) bool {
		return f == "Traits" || !slices.ContainsFunc(all, func(v map[string]string) bool { return v[f] != all[0][f] })
	})
	differ := slices.SortedFunc(maps.Keys(fields), func(a, b string) int { // what is not below anything first
		if x, y := strings.Count(a, "."), strings.Count(b, "."); x != y {
			return x - y
		}
		return strings.Compare(setting(a), setting(b)) // parameters of the task first
	})
	taken := map[string]int{}
	for k, i := range group {
		var parts []string
		for n, f := range differ {
			if n == shown {
				parts = append(parts, fmt.Sprintf("%d more", len(differ)-n))
				break
			}
			value, ok := all[k][f]
			if !ok {
				value = "–"
			}
			parts = append(parts, setting(f)+" "+value)
		}
		name := fmt.Sprintf("%s (%s)", names[i], strings.Join(parts, ", "))
		if taken[name]++; taken[name] > 1 {
			name += fmt.Sprintf(" %d", taken[name])
		}
		names[i] = name
	}
}

// setting is a path of run.yaml as --set names it, of versions before 0.6 too.
func setting(path string) string {
	for _, part := range []struct{ of, set string }{
		{"Parameters.", ""}, {"Planning.", "planner."}, {"Learning.", "learner."}, {"Calibrating.", "calibration."},
		{"Task.", ""}, {"Planner.", "planner."}, {"Learner.", "learner."}, {"Calibration.", "calibration."}, {"Prior.", "prior."}, {"Filter.", "filter."},
	} {
		if rest, ok := strings.CutPrefix(path, part.of); ok {
			return part.set + rest
		}
	}
	return path
}
