package study

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// A Sweep looks for the best settings of a method: of one task, one planner and one model. Its file is that of a study without variants, and has
// one more part:
//
//	sweep:
//	  method: halton                                         # or random, halving
//	  trials: 16
//	  over:
//	    planner.Beta: {from: 0.5, to: 4}                     # uniform
//	    learner.LearningRate: {from: 1e-4, to: 1e-2, log: true}
//	    planner.AttackedCandidates: {from: 2, to: 12, whole: true}
//	    learner.Hidden: [[64, 64], [128, 128]]               # one of these
//	  objective: {maximize: return, of: last, within: 0}     # maximize: return or evaluation
//	  halving: {rungs: 3, keep: 0.33, resource: episodes, least: 2}
//	  seed: 1
//
// What is not there is as in DefaultTrials and, of the method halving, in DefaultHalving. Beside the fields of set, over takes the keys
// calibrate, search, inner, adversary, engine, filter, explore, learn-every and background.
//
// The trials are variants of the study, trial-01 and so on, so that the folder of a sweep is that of a study. Its file sweep.json keeps
// what they came to.
type Sweep struct {
	Study  Study // without Variants and Plain
	Trials Trials
}

// ReadSweep reads the file of a sweep, and checks it as Check does. An error names the line, if it is that of one.
func ReadSweep(path string) (*Sweep, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	s, err := parseSweep(text)
	if err != nil {
		return nil, fmt.Errorf("sweep: %s%w", path, err)
	}
	return s, nil
}

// parseSweep reads the text of a sweep, with the errors of parse.
func parseSweep(text []byte) (*Sweep, error) {
	var file struct {
		Study
		Trials *Trials `json:"sweep"`
	}
	if err := document(text, &file); err != nil {
		return nil, err
	}
	if file.Trials == nil {
		return nil, errors.New(": it has no part sweep, with method, trials and over: add one, or run the file as a study")
	}
	s := &Sweep{file.Study, *file.Trials}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	return s, nil
}

// Check reports the first setting that makes no sweep. Names and settings of runs are checked by Jobs.
func (s *Sweep) Check() error {
	if err := s.Study.Check(); err != nil {
		return err
	}
	for _, list := range []struct {
		what   string
		values []string
	}{{"tasks", s.Study.Tasks}, {"planners", s.Study.Planners}, {"models", s.Study.Models}} {
		if len(list.values) > 1 {
			return fmt.Errorf("%s are %s: a sweep is of one task, one planner and one model: make a sweep for each", list.what, strings.Join(list.values, ", "))
		}
	}
	if len(s.Study.Variants) > 0 || s.Study.Plain != nil {
		return errors.New("a sweep has no variants and no plain, as its trials are the variants: leave them out")
	}
	return s.Trials.Check()
}

// Jobs are the runs of all trials, in the order in which they start, as if all went to their last episode. Their settings are checked, those of
// the first rung too; the error joins a sentence for each thing that is wrong.
func (s *Sweep) Jobs() ([]Job, error) {
	rungs, err := s.Rungs()
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for i, r := range rungs {
		if i > 0 && i < len(rungs)-1 {
			continue
		}
		episodes := make([]int, s.Trials.Number)
		for k := range episodes {
			episodes[k] = r.Episodes
		}
		if jobs, err = s.study(episodes).Jobs(); err != nil {
			return nil, once(err)
		}
	}
	return jobs, nil
}

// study is s as a study: its trials with their number of episodes each.
func (s *Sweep) study(episodes []int) *Study {
	all := s.Study
	all.Plain = new(false)
	for i, t := range s.Trials.Draw() {
		v := Variant{Name: t.Name, Change: s.Trials.change(t)}
		if s.Trials.Method == halving {
			v.Set["episodes"] = strconv.Itoa(episodes[i])
		}
		all.Variants = append(all.Variants, v)
	}
	return &all
}

// Rungs are the numbers of episodes after which trials are compared, and how many trials come to each. There is one without halving. The
// error says what is wrong with the study.
func (s *Sweep) Rungs() ([]Rung, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Study.Name, err)
	}
	first := s.Study
	first.Seeds = first.Seeds[:1]
	methods, err := first.methods()
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Study.Name, err)
	}
	spec, err := s.Study.spec(methods[0])
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Study.Name, err)
	}
	episodes := spec.Episodes
	all, _ := methods[0].fields()
	if n, ok := all.Episodes(); ok {
		episodes = n
	}
	if episodes < 1 {
		return nil, fmt.Errorf("sweep %s: episodes %d: want at least 1, as trials are compared by the returns of episodes", s.Study.Name, episodes)
	}
	if s.Trials.Objective.Maximize == maximizeEvaluation && spec.Evaluate == nil && all["evaluate"] == "" {
		return nil, fmt.Errorf("sweep %s: its objective is that of evaluations, and nothing is evaluated: add evaluate: same", s.Study.Name)
	}
	if s.Trials.Method != halving {
		return []Rung{{Episodes: episodes, Trials: s.Trials.Number}}, nil
	}
	rungs, err := s.Trials.halving().rungs(episodes, s.Trials.Number)
	if err != nil {
		return nil, fmt.Errorf("sweep %s: %w", s.Study.Name, err)
	}
	return rungs, nil
}

// ofTrial is the trial in an error of a study, and unset the field of set that a trial's method refuses.
var (
	ofTrial = regexp.MustCompile(`variant (trial-\d+)`)
	unset   = regexp.MustCompile(`variant trial-\d+: set ([^:]+): `)
)

// once joins the errors of err, one for those that differ in their trial alone, or are about values of one field.
func once(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	first, more := map[string]int{}, map[string]int{}
	all := joined.Unwrap()
	for i, e := range all {
		key := about(e)
		if _, ok := first[key]; ok {
			more[key]++
		} else {
			first[key] = i
		}
	}
	var kept []error
	for i, e := range all {
		switch key := about(e); {
		case first[key] != i:
			continue
		case strings.Contains(e.Error(), "is not a whole number"):
			e = fmt.Errorf("%w: give its range whole: true", e)
		}
		if n := more[about(e)]; n > 0 {
			e = fmt.Errorf("%w (and so %d other trials)", e, n)
		}
		kept = append(kept, e)
	}
	return errors.Join(kept...)
}

// about is what an error of a study is about, whichever trial it is of.
func about(err error) string {
	if field := unset.FindStringSubmatch(err.Error()); field != nil {
		return field[1]
	}
	return ofTrial.ReplaceAllString(err.Error(), "")
}

// change is what a trial changes.
func (t Trials) change(trial Trial) Change {
	set := Set{}
	for i, s := range t.Over {
		name := s.Name
		if path, ok := meant(name); ok {
			name = path
		}
		set[name] = trial.Values[i]
	}
	return Change{Set: set}
}
