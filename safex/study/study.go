// Package study runs many runs by one file.
//
// The file is YAML:
//
//	name: quick
//	tasks: [pendulum]
//	planners: [safe, pessimistic]
//	seeds: 1-3
//	episodes: 2
//
// has six runs: each planner on each task with each seed. Its keys are
//
//	name        of the study, and of its folder
//	preset      as --preset of safex train; models and calibrate are then those of the preset
//	tasks       by their names in safex list
//	planners    the same
//	models      the same; [sparse-gp] without
//	seeds       1-3, or [1, 5, 326176], or [1-3, 7]
//	plain       false leaves out the runs without a variant
//
// and, for all runs, what the flags of safex train of these names are for, with the defaults of those
//
//	calibrate, search, inner, adversary, engine, filter
//	episodes, explore, learn-every, background, log, evaluate
//	set         {planner.Horizon: 20, "learner.Hidden": [64, 64]}
//	disturb     ["process omega 0.02"]
//	expect      ["process omega 0.02"]: what the agent is told of that
//
// The same for some runs alone are
//
//	overrides:
//	  - planners: [minmax]             # tasks, planners and models: each that is there must have the run's
//	    set: {planner.Rounds: 2}
//
// where the last one that matches wins, field by field of set, disturb and expect as a whole. Runs beside the plain ones, with the same and more
// changes, are
//
//	variants:
//	  - name: beta-1
//	    planners: [pessimistic]        # as in overrides
//	    set: {planner.Beta: 1}
//
// A key that the file may not have, a name that there is not, and a field of set that no run has are errors that name the nearest. A field
// that only some of the runs have is one too, which names a run without: such a field belongs under overrides.
//
// A study is kept in a folder: study.yaml, and below it the folder of each run, as package store has them, by
// TASK/PLANNER-MODEL-CALIBRATION-VARIANT/SEED, without the last two where there are none. Run goes on with what is unfinished there.
// Submit has Slurm do so on the machines of a cluster; it adds slurm.sh, which Slurm starts for each run, and a folder slurm with the
// program, the numbers of runs and jobs, and what Slurm prints for each.
package study

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// A Study is many runs: every planner on every task with every model and every seed, and its variants.
type Study struct {
	Name     string   `json:"name"`             // letters, digits, and - _ . + within
	Preset   string   `json:"preset,omitempty"` // of experiment.Spec.UsePreset; "" is none
	Tasks    []string `json:"tasks"`
	Planners []string `json:"planners"`
	Models   []string `json:"models,omitempty"` // nil is the model of the Preset, or the first of experiment.Models
	Seeds    Seeds    `json:"seeds"`
	Change
	Overrides []Override `json:"overrides,omitempty"` // later ones win
	Variants  []Variant  `json:"variants,omitempty"`
	Plain     *bool      `json:"plain,omitempty"` // whether there are runs without a variant; nil is true
}

// A Change is what differs from the defaults of safex train. What is empty stays as it is.
type Change struct {
	// Set gives settings by their paths, as experiment.Spec.Set does. In a file, calibrate, search, inner, adversary, engine, filter, episodes, explore,
	// learn-every, background, log and evaluate are keys of their own too: they mean calibration, planner.Search, planner.Inner, planner.Adversary and the rest.
	Set     Set      `json:"set,omitempty"`
	Disturb []string `json:"disturb,omitzero"` // texts of safex.Disturbance; empty, and not nil, is none
	Expect  []string `json:"expect,omitzero"`  // texts of safex.Expectation, likewise
}

// Only are the runs that an Override or a Variant is for: those of the tasks, the planners and the models named, where nil is all.
type Only struct {
	Tasks    []string `json:"tasks,omitempty"`
	Planners []string `json:"planners,omitempty"`
	Models   []string `json:"models,omitempty"`
}

// An Override is a Change of some runs.
type Override struct {
	Only
	Change
}

// A Variant is runs beside the plain ones, with a Change on top of those of the Overrides.
type Variant struct {
	Name string `json:"name"` // as that of a Study
	Only
	Change
}

// most is the largest number of runs of a study.
const most = 10000

var names = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.+]{0,62}[A-Za-z0-9])?$`)

// named checks a name that becomes one of a folder.
func named(what, name string) error {
	if !names.MatchString(name) {
		return fmt.Errorf("%s %q: want up to 64 letters and digits, with - _ . + within, as it becomes the name of a folder", what, name)
	}
	return nil
}

// Check reports the first setting that makes no study. Names and settings of runs are checked by Jobs.
func (s *Study) Check() error {
	if err := named("name", s.Name); err != nil {
		return err
	}
	for _, list := range []struct {
		what   string
		values []string
		may    bool // be nil
	}{{"tasks", s.Tasks, false}, {"planners", s.Planners, false}, {"models", s.Models, true}} {
		if err := listed(list.what, list.values, list.may); err != nil {
			return err
		}
	}
	if err := s.Seeds.Check(); err != nil {
		return err
	}
	for i, o := range s.Overrides {
		if err := s.among(fmt.Sprintf("override %d", i+1), o.Only); err != nil {
			return err
		}
	}
	for i, v := range s.Variants {
		if err := named(fmt.Sprintf("variant %d, name", i+1), v.Name); err != nil {
			return err
		}
		if err := s.among("variant "+v.Name, v.Only); err != nil {
			return err
		}
		if slices.ContainsFunc(s.Variants[:i], func(w Variant) bool { return w.Name == v.Name }) {
			return fmt.Errorf("variant %s is named twice", v.Name)
		}
	}
	if s.Plain != nil && !*s.Plain && len(s.Variants) == 0 {
		return fmt.Errorf("plain is false and there are no variants: the study has no runs")
	}
	return nil
}

// listed checks a list of names.
func listed(what string, values []string, may bool) error {
	switch {
	case values == nil && !may:
		return fmt.Errorf("there are no %s: name one", what)
	case values != nil && len(values) == 0:
		return fmt.Errorf("%s is an empty list: name one, or leave it out if it has a default", what)
	}
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return fmt.Errorf("%s names %s twice", what, v)
		}
	}
	return nil
}

// among checks that what o names is of the study.
func (s *Study) among(who string, o Only) error {
	for _, list := range []struct {
		what        string
		values, all []string
	}{{"tasks", o.Tasks, s.Tasks}, {"planners", o.Planners, s.Planners}, {"models", o.Models, s.models()}} {
		if err := listed(who+": "+list.what, list.values, true); err != nil {
			return err
		}
		for _, v := range list.values {
			if list.all != nil && !slices.Contains(list.all, v) {
				return fmt.Errorf("%s: %s of the study have no %q: %s", who, list.what, v, experiment.Instead(v, list.all))
			}
		}
	}
	return nil
}

// models are the models of the study; nil leaves them to its Preset.
func (s *Study) models() []string {
	if s.Models == nil && s.Preset == "" {
		names, _ := experiment.Models()
		return names[:1]
	}
	return s.Models
}

// matches tells whether o is for a run.
func (o Only) matches(task, planner, model string) bool {
	return (o.Tasks == nil || slices.Contains(o.Tasks, task)) && (o.Planners == nil || slices.Contains(o.Planners, planner)) &&
		(o.Models == nil || slices.Contains(o.Models, model))
}
