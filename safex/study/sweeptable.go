package study

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
)

// Table writes outcomes of the sweep as a table, and what it does not say.
func (s *Sweep) Table(w io.Writer, outcomes []Outcome) error {
	head := []string{"rank", "trial"}
	for _, setting := range s.Trials.Over {
		head = append(head, setting.Name)
	}
	head = append(head, "episodes", "seeds", "violating steps", "return, "+s.Trials.Objective.Of, "95 % interval", "")
	var rows [][]string
	ties, incomplete := 0, 0
	for i, o := range outcomes {
		rank, value, interval, note := strconv.Itoa(o.Rank), "–", "–", ""
		switch {
		case o.Return == nil:
			rank, note = "–", o.Failure
			incomplete++
		default:
			if value = fmt.Sprintf("%.4g", *o.Return); o.Lo != nil && o.Hi != nil {
				interval = fmt.Sprintf("%.4g to %.4g", *o.Lo, *o.Hi)
			}
			if !o.Feasible {
				note = fmt.Sprintf("a run with more than %d violating steps", s.Trials.Objective.Within)
			}
			if i > 0 && o.Rank == outcomes[i-1].Rank {
				ties++
			}
		}
		row := []string{rank, o.Trial}
		for _, setting := range s.Trials.Over {
			row = append(row, o.Settings[setting.Name])
		}
		rows = append(rows, append(row, strconv.Itoa(o.Episodes), strconv.Itoa(len(o.Runs)), strconv.Itoa(o.Violations), value, interval, note))
	}
	var p table.Page
	p.Add("", head, rows...)
	p.Say("Returns are interquartile means over seeds; their intervals are too narrow for few seeds. The best of many trials was lucky too: run it with other seeds.")
	if ties > 0 {
		p.Say("Trials of the same rank are as good, and the first goes before.")
	}
	if incomplete > 0 {
		p.Say("%d of %d trials have a run that is not complete, and come last.", incomplete, len(outcomes))
	}
	if len(outcomes) > 0 && outcomes[0].Return != nil && !outcomes[0].Feasible {
		p.Say("No trial has at most %d violating steps in each run: the first has the fewest.", s.Trials.Objective.Within)
	}
	return p.Text(w)
}

// trial is a trial's method, with the layers of its Changes, and its own Change.
func (s *Sweep) trial(name string) (method, Change, error) {
	if _, err := s.Jobs(); err != nil {
		return method{}, Change{}, err
	}
	methods, err := s.study(make([]int, s.Trials.Number)).methods()
	i := slices.IndexFunc(methods, func(m method) bool { return m.variant != nil && m.variant.Name == name })
	if err == nil && i < 0 {
		err = fmt.Errorf("sweep %s: there is no trial %q: there are %d", s.Study.Name, name, s.Trials.Number)
	}
	if err != nil {
		return method{}, Change{}, err
	}
	own := methods[i].variant.Change
	delete(own.Set, "episodes")
	return methods[i], own, nil
}

// Paste is a trial as part of the file of a study: its set, with what the study sets for all trials, and the other keys that it changes.
func (s *Sweep) Paste(trial string) (string, error) {
	m, own, err := s.trial(trial)
	if err != nil {
		return "", err
	}
	own.Set, _ = m.fields()
	delete(own.Set, "episodes")
	text, err := encode.YAML(own)
	return string(text), err
}

// Train are the arguments of the command safex that train an agent with the settings of a trial, as its run with a seed does.
func (s *Sweep) Train(trial string, seed uint64) ([]string, error) {
	m, _, err := s.trial(trial)
	if err != nil {
		return nil, err
	}
	rungs, err := s.Rungs()
	if err != nil {
		return nil, err
	}
	args := []string{"train", m.task, "--planner", m.planner}
	for _, flag := range []struct{ name, value string }{{"preset", s.Study.Preset}, {"model", m.model}} {
		if flag.value != "" {
			args = append(args, "--"+flag.name, flag.value)
		}
	}
	set, _ := m.fields()
	set["episodes"] = strconv.Itoa(rungs[len(rungs)-1].Episodes)
	for _, k := range short {
		if value, ok := set[k.path]; ok {
			if k.key == "background" { // a switch
				args = append(args, "--"+k.key+"="+value)
			} else {
				args = append(args, "--"+k.key, value)
			}
			delete(set, k.path)
		}
	}
	args = append(args, "--seed", strconv.FormatUint(seed, 10))
	for _, field := range set.ordered() {
		args = append(args, "--set", field+"="+set[field])
	}
	for _, text := range m.disturb() {
		args = append(args, "--disturb", text)
	}
	for _, text := range m.expect() {
		args = append(args, "--expect", text)
	}
	return args, nil
}
