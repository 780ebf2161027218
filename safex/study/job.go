package study

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A Job is a run of a study.
type Job struct {
	Dir     string // below the folder of the study, with slashes: TASK/PLANNER-MODEL-CALIBRATION-VARIANT/SEED
	Variant string // "" of a plain run
	Spec    *experiment.Spec
}

// Method is all of Dir but the seed.
func (j Job) Method() string { return path.Dir(j.Dir) }

// Total is the number of steps of the whole run.
func (j Job) Total() int {
	return j.Spec.Total()
}

// Make makes the run's folder in that of the study, out, unless it is there, such that a Worker can go on with it. One that was made
// for fewer episodes goes on to those of the Job.
func (j Job) Make(out string) error {
	dir := j.folder(out)
	if !made(dir) {
		return store.Create(dir, j.Spec)
	}
	old, err := store.ReadSpec(dir, j.Spec.Task)
	if err != nil {
		return err
	}
	if old.Build != j.Spec.Build || old.Episodes >= j.Spec.Episodes {
		return nil // the Worker refuses another build
	}
	unlock, err := store.Lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	return store.WriteSpec(dir, j.Spec)
}

// folder is the run's in that of the study, out.
func (j Job) folder(out string) string { return filepath.Join(out, filepath.FromSlash(j.Dir)) }

// made tells whether dir is a run folder, with settings whatever they look like.
func made(dir string) bool { return store.Begun(dir) }

// differs says in what a run folder was made for another study, nil if it can go on as j; more episodes than it has can be added to a
// run. The build may be another: a run that is complete stays so, and the Worker of any other refuses it.
func (j Job) differs(dir string) error {
	old, err := store.ReadSpec(dir, j.Spec.Task)
	if err != nil {
		return nil // there is none, or its State says what is wrong with it
	}
	return j.unlike(dir, old)
}

// unlike is differs of a folder that was made with old.
func (j Job) unlike(dir string, old *experiment.Spec) error {
	was := *old
	was.Build, was.Episodes = j.Spec.Build, max(was.Episodes, j.Spec.Episodes)
	name, had, has, err := experiment.Difference(&was, j.Spec)
	if err != nil || name == "" {
		return err
	}
	return fmt.Errorf("%s was made with %s %s, and the study has %s there: keep what runs have, remove it, or choose another folder with --out", dir, name, had, has)
}

// A method is the runs of a study that differ in their seed alone.
type method struct {
	task, planner, model string // model "" is that of the preset
	variant              *Variant
	layers               []layer
}

// A layer is a Change with who makes it, in front of what is said about it.
type layer struct {
	who string
	Change
}

// Jobs are the runs of the study in the order in which they start: seed by seed, so that early results of all methods come first. All
// settings are checked; the error joins a sentence for each of those that cannot run.
func (s *Study) Jobs() ([]Job, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("study %s: %w", s.Name, err)
	}
	methods, err := s.methods()
	if err != nil {
		return nil, fmt.Errorf("study %s: %w", s.Name, err)
	}
	if n := len(methods) * len(s.Seeds); n > most {
		return nil, fmt.Errorf("study %s has %d runs: want at most %d", s.Name, n, most)
	}
	if err := s.check(methods); err != nil {
		return nil, err
	}
	var jobs []Job
	seen := map[string]method{}
	for _, seed := range s.Seeds {
		for _, m := range methods {
			j, err := s.job(m, seed)
			if err != nil {
				return nil, err
			}
			key := strings.ToLower(j.Dir) // there are file systems that do not tell a from A
			if other, ok := seen[key]; ok {
				return nil, fmt.Errorf("study %s: %s and %s have the same folder %s: give a variant another name", s.Name, other, m, j.Dir)
			}
			seen[key] = m
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// String names a method in errors.
func (m method) String() string {
	name := m.task + "/" + m.planner
	if m.model != "" {
		name += "-" + m.model
	}
	if m.variant != nil {
		name += " of variant " + m.variant.Name
	}
	return name
}

// methods are those of the study, the plain ones first.
func (s *Study) methods() (methods []method, err error) {
	models := s.models()
	if models == nil {
		models = []string{""}
	}
	used := make([]bool, len(s.Overrides))
	for v := -1; v < len(s.Variants); v++ {
		if v < 0 && s.Plain != nil && !*s.Plain {
			continue
		}
		before := len(methods)
		for _, task := range s.Tasks {
			for _, planner := range s.Planners {
				for _, model := range models {
					m := method{task: task, planner: planner, model: model, layers: []layer{{"", s.Change}}}
					if v >= 0 {
						m.variant = &s.Variants[v]
						if !m.variant.matches(task, planner, model) {
							continue
						}
					}
					for i, o := range s.Overrides {
						if o.matches(task, planner, model) {
							m.layers, used[i] = append(m.layers, layer{fmt.Sprintf("override %d: ", i+1), o.Change}), true
						}
					}
					if v >= 0 {
						m.layers = append(m.layers, layer{"variant " + m.variant.Name + ": ", m.variant.Change})
					}
					methods = append(methods, m)
				}
			}
		}
		if len(methods) == before {
			return nil, fmt.Errorf("variant %s matches no run: see its tasks, planners and models", s.Variants[v].Name)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, fmt.Errorf("override %d matches no run: see its tasks, planners and models", i+1)
	}
	return methods, nil
}

// check finds all that is wrong with the settings of methods.
func (s *Study) check(methods []method) error {
	type field struct{ who, name string }
	tried, refused := map[field]int{}, map[field][]string{} // methods that set it, and what those said that could not
	first := map[field]method{}                             // of the latter
	var wrong []error
	said := map[string]bool{}
	say := func(m method, err error) {
		if text := err.Error(); !said[text] {
			said[text] = true
			wrong = append(wrong, fmt.Errorf("study %s: %s: %w", s.Name, m, err))
		}
	}
	for _, m := range methods {
		spec, err := s.spec(m)
		if err != nil {
			say(m, err)
			continue
		}
		sound := true
		m.set(spec, func(who, name string, err error) {
			f := field{who, name}
			if tried[f]++; err == nil {
				return
			}
			sound = false
			text := err.Error()
			if _, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(text, "--set") { // what follows --set planner.Beta
				text = rest
			}
			if len(refused[f]) == 0 {
				first[f] = m
			}
			refused[f] = append(refused[f], text)
		})
		if !sound {
			continue
		}
		if _, err := spec.Compile(); err != nil {
			say(m, err)
		}
	}
	order := func(a, b field) int { return cmp.Or(strings.Compare(a.who, b.who), strings.Compare(a.name, b.name)) }
	for _, f := range slices.SortedFunc(maps.Keys(refused), order) {
		if texts := refused[f]; len(texts) == tried[f] {
			wrong = append(wrong, fmt.Errorf("study %s: %sset %s: %s", s.Name, f.who, f.name, texts[0]))
		} else {
			wrong = append(wrong, fmt.Errorf("study %s: %sset %s: not for %s (%s): put it under overrides, for the runs that have it", s.Name, f.who, f.name, first[f], texts[0]))
		}
	}
	return errors.Join(wrong...)
}

// spec are the settings of a method before its Sets, as safex train begins with them.
func (s *Study) spec(m method) (*experiment.Spec, error) {
	spec, err := experiment.Named(m.task)
	if err != nil {
		return nil, err
	}
	if err := spec.Set("planner=" + m.planner); err != nil {
		return nil, err
	}
	if err := spec.UsePreset(s.Preset); err != nil {
		return nil, err
	}
	if m.model != "" {
		if err := spec.Set("learner=" + m.model); err != nil {
			return nil, err
		}
	}
	for _, text := range m.expect() {
		var e safex.Expectation
		if err := e.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("expect: %w", err)
		}
		spec.Expected = append(spec.Expected, e)
	}
	for _, text := range m.disturb() {
		var d safex.Disturbance
		if err := d.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("disturb: %w", err)
		}
		spec.Disturbances = append(spec.Disturbances, d)
	}
	return spec, nil
}

// disturb are the disturbances of the last layer that has some.
func (m method) disturb() (texts []string) {
	for _, l := range m.layers {
		if l.Disturb != nil {
			texts = l.Disturb
		}
	}
	return texts
}

// expect are the expectations of the last layer that has some.
func (m method) expect() (texts []string) {
	for _, l := range m.layers {
		if l.Expect != nil {
			texts = l.Expect
		}
	}
	return texts
}

// fields are the Sets of a method in one, with who gave each.
func (m method) fields() (all Set, who map[string]string) {
	all, who = Set{}, map[string]string{}
	for _, l := range m.layers {
		for field, value := range l.Set {
			all[field], who[field] = value, l.who
		}
	}
	return all, who
}

// set applies the Sets of a method, and tells each the value of every field.
func (m method) set(spec *experiment.Spec, each func(who, field string, err error)) {
	all, who := m.fields()
	for _, field := range all.ordered() {
		each(who[field], field, spec.Set(field+"="+all[field]))
	}
}

// job is the run of a method with a seed. Its settings have been checked.
func (s *Study) job(m method, seed uint64) (Job, error) {
	spec, err := s.spec(m)
	if err != nil {
		return Job{}, err
	}
	m.set(spec, func(_, _ string, e error) { err = errors.Join(err, e) })
	spec.Seed = seed
	j := Job{Spec: spec}
	if m.variant != nil {
		j.Variant = m.variant.Name
	}
	j.Dir = Path(spec, j.Variant)
	return j, err
}

// Path is the folder of a run below that of its study: TASK/METHOD/SEED or TASK/METHOD-VARIANT/SEED, with the method as experiment.Spec.Method names it.
func Path(s *experiment.Spec, variant string) string {
	name := s.Method()
	if variant != "" {
		name += "-" + variant
	}
	return path.Join(s.TaskName(), name, strconv.FormatUint(s.Seed, 10))
}
