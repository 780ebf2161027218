package experiment

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/plant"
)

// The parts that Set knows by a word of their own.
const (
	plannerPart     = "planner"
	learnerPart     = "learner"
	priorPart       = "prior"
	calibrationPart = "calibration"
	filterPart      = "filter"
	enginePart      = "engine"
	taskPart        = "task"
	plantPart       = "plant"
)

// Parts are the words that a path of Set may begin with; any other is a parameter of the task.
func Parts() []string {
	return []string{plannerPart, learnerPart, priorPart, calibrationPart, filterPart, enginePart, taskPart, plantPart, "episodes", "explore", explorerWord, deviationWord, "learn-every", "deadline", backgroundWord, realtimeWord, "seed", "repeat-noise", logWord, trustWord, evaluateWord}
}

// Words of Set that are no parts.
const (
	explorerWord   = "explore-by"
	deviationWord  = "prior-deviation"
	backgroundWord = "background"
	realtimeWord   = "realtime"
)

// explorers are the names of the Explorers.
var explorers = []string{"random", string(BackupExplorer)}

// Set changes one setting by text, as --set, study files, presets and sweeps do:
//
//	MaxSpeed=5                      a parameter of the task
//	planner=minmax                  another planner, with its defaults, tuned to the task
//	planner.Beta=3                  a field of it, or of learner, prior, calibration, filter
//	planner.Search=mppi             what a field chooses from, with its defaults
//	planner.Search.Samples=64
//	learner=prior+gp                with a prior of the task's default parameters, and the calibration that gp suggests unless one was chosen
//	calibration=conformal           or none
//	filter=on                       or off
//	engine=fused
//	plant=python3 my_system.py      the real system is a process, started by that command; or none
//	episodes=20                     and explore, learn-every, deadline, seed, repeat-noise
//	background=true                 fits are made while the agent goes on
//	realtime=true                   actions keep the period of the task, by the clock
//	explore-by=backup               or random: who acts before the first plan
//	log=a.csv,b.csv                 files of transitions that the agent has before its first step
//	evaluate=same                   after each episode the task is done with what was learned, and not learned from; or another task by its name, or none
//	evaluate.Effort=0.1             a parameter of that task
//	evaluate.planner.Horizon=30     a field of its planner, which is that of the run without what explores
//	trust-log=true                  they are taken as they are, also where they are probably not what the task means
//	prior-deviation=0.01,0.04       how wrong the prior may be, by which a filter judges random steps
//
// What is chosen has fresh settings: choose first. The error names the nearest word or field.
func (s *Spec) Set(assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("--set %s: want field=value, as in MaxSpeed=5", assignment)
	}
	root, rest, below := strings.Cut(path, ".")
	if !below {
		if done, err := s.choose(root, value); done {
			return err
		}
		return s.setTask(path, value)
	}
	switch root {
	case taskPart:
		return s.setTask(rest, value)
	case plannerPart:
		if err := setIn(&s.Planner, rest, value); err != nil {
			return err
		}
		if rest == "Search" { // a search with coloured noise takes the task's
			s.tuneSearch()
		}
		return nil
	case learnerPart:
		return setIn(&s.Learner, rest, value)
	case priorPart:
		if s.Prior == nil {
			return fmt.Errorf("--set %s: model %q has no prior: choose a model prior+… first", assignment, s.ModelName())
		}
		return setIn(&s.Prior, rest, value)
	case calibrationPart:
		if s.Calibration == nil {
			return fmt.Errorf("--set %s: there is no calibration: choose one first", assignment)
		}
		return setIn(&s.Calibration, rest, value)
	case plantPart:
		if s.Plant == nil {
			return fmt.Errorf("--set %s: there is no plant: name a command first, as in %s='python3 my_system.py'", assignment, plantPart)
		}
		return setIn(&s.Plant, rest, value)
	case evaluateWord:
		return s.setEvaluation(rest, value)
	case filterPart:
		if s.Filter == nil {
			return fmt.Errorf("--set %s: there is no filter: choose %s=%s first", assignment, filterPart, On)
		}
		return setIn(&s.Filter, rest, value)
	}
	return s.setTask(path, value)
}

// SetAll makes several assignments. Those that choose a part come before those of its fields, whatever their order.
func (s *Spec) SetAll(assignments ...string) error {
	for _, a := range Ordered(assignments) {
		if err := s.Set(a); err != nil {
			return err
		}
	}
	return nil
}

// Ordered are assignments in an order in which each chooses before others set what it has chosen.
func Ordered(assignments []string) []string {
	rank := func(a string) int {
		path, _, _ := strings.Cut(a, "=")
		if slices.Contains(Parts(), path) {
			return 0
		}
		if strings.HasPrefix(path, evaluateWord+".") { // after those of the run, which it begins with
			return 10 + strings.Count(path, ".")
		}
		return 1 + strings.Count(path, ".")
	}
	all := slices.Clone(assignments)
	slices.SortStableFunc(all, func(a, b string) int { return rank(a) - rank(b) })
	return all
}

// setTask sets a parameter of the task. A task without parameters has none to set.
func (s *Spec) setTask(path, value string) error {
	if s.Task == nil {
		return errors.New("--set: there is no Task")
	}
	if _, bare := held(s.Task).(*safex.Task); bare {
		return fmt.Errorf("--set %s: task %q has no parameters: %s, or make it a struct of parameters with a method Task", path, s.TaskName(), Instead(path, Parts()))
	}
	return setIn(&s.Task, path, value)
}

// choose sets what is named by a word; done is false if the word is none.
func (s *Spec) choose(word, value string) (done bool, err error) {
	number := func(to *int) error {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("--set %s: %q is not a whole number", word, value)
		}
		*to = n
		return nil
	}
	truth := func(to *bool) error {
		is, err := strconv.ParseBool(value)
		if err != nil {
			return fmt.Errorf("--set %s: %q is not true or false", word, value)
		}
		*to = is
		return nil
	}
	switch word {
	case plannerPart:
		p, err := Planners.New(value)
		if err == nil {
			s.Planner = p
			s.tune()
		}
		return true, err
	case learnerPart:
		return true, s.useLearner(value)
	case calibrationPart:
		c, err := Calibrations.New(value)
		if err == nil {
			s.Calibration, s.named = c, true
		}
		return true, err
	case filterPart:
		switch value { // what some YAML makes of on and off
		case "true":
			value = On
		case "false":
			value = Off
		}
		f, err := Filters.New(value)
		if err == nil {
			s.Filter = f
		}
		return true, err
	case plantPart:
		if s.Plant = nil; value != "" && value != None {
			s.Plant = held[safex.PlantMaker](plant.DefaultProcess(value))
		}
		return true, nil
	case enginePart:
		e, err := Engines.New(value)
		if err == nil {
			s.Engine = e
		}
		return true, err
	case "episodes":
		return true, number(&s.Episodes)
	case "explore":
		return true, number(&s.RandomSteps)
	case "learn-every":
		return true, number(&s.LearnEvery)
	case "seed":
		if s.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			return true, fmt.Errorf("--set seed: %q is not a whole number from 0 on", value)
		}
		return true, nil
	case "deadline":
		if err := s.Deadline.UnmarshalText([]byte(value)); err != nil {
			return true, fmt.Errorf("--set deadline: %w", err)
		}
		return true, nil
	case explorerWord:
		if !slices.Contains(explorers, value) {
			return true, fmt.Errorf("--set %s: there is no %q: %s", word, value, Instead(value, explorers))
		}
		if s.ExploreBy = Explorer(value); value == explorers[0] {
			s.ExploreBy = RandomExplorer
		}
		return true, nil
	case deviationWord:
		v, err := numbers(reflect.TypeOf(s.PriorDeviation), value)
		if err != nil {
			return true, fmt.Errorf("--set %s: %q is not %w", word, value, err)
		}
		s.PriorDeviation = v.Interface().([]float64)
		return true, nil
	case "repeat-noise":
		return true, truth(&s.RepeatNoise)
	case realtimeWord:
		return true, truth(&s.Realtime)
	case backgroundWord:
		return true, truth(&s.Background)
	case logWord:
		return true, s.useLogs(value)
	case trustWord:
		return true, truth(&s.TrustLogs)
	case evaluateWord:
		return true, s.useEvaluation(value)
	case priorPart, taskPart:
		return true, fmt.Errorf("--set %s: name a field of it, as in %s.FIELD=value", word, word)
	}
	return false, nil
}

// useLearner chooses a learner by name, with a prior or without.
func (s *Spec) useLearner(name string) error {
	bare, withPrior := strings.CutPrefix(name, prior)
	names, _ := Models()
	if !slices.Contains(names, name) {
		return fmt.Errorf("there is no model %q: %s", name, Instead(name, names))
	}
	l, err := Learners.New(bare)
	if err != nil {
		return err
	}
	var believed safex.Maker
	if withPrior {
		if believed, err = s.nominal(); err != nil {
			return err
		}
	}
	s.Learner, s.Prior = l, believed
	if !s.named {
		s.Calibration = suggested(l)
	}
	return nil
}

// nominal are the parameters that a prior believes in at first: the defaults of the task, or its present ones where none are known.
func (s *Spec) nominal() (safex.Maker, error) {
	if m, err := Tasks.New(s.TaskName()); err == nil {
		return m, nil
	}
	c, err := s.Clone()
	if err != nil {
		return nil, err
	}
	return c.Task, nil
}

// tuneSearch tunes the search of the planner to the task, and nothing else.
func (s *Spec) tuneSearch() {
	t := s.Task.Task().Tuning
	f := reflect.ValueOf(s.Planner).Elem().FieldByName("Search")
	if !f.IsValid() || t.Std == 0 {
		return
	}
	if c, ok := f.Interface().(opt.Coloured); ok {
		f.Set(reflect.ValueOf(held[opt.Minimizer](c.WithNoise(t.Std, t.Color))))
	}
}

// setIn sets the field at a path of what an interface holds, which becomes a pointer to it.
func setIn[T any](part *T, path, value string) error {
	*part = held(*part)
	return SetField(*part, path, value)
}

// choices make what a field of an interface's type is chosen from.
var choices = map[reflect.Type]func(name string) (any, error){
	reflect.TypeFor[opt.Minimizer]():        func(name string) (any, error) { return Searches.New(name) },
	reflect.TypeFor[plan.Adversary]():       func(name string) (any, error) { return Adversaries.New(name) },
	reflect.TypeFor[safex.Planner]():        func(name string) (any, error) { return Planners.New(name) },
	reflect.TypeFor[safex.Codec]():          func(name string) (any, error) { return Learners.New(name) },
	reflect.TypeFor[calibrate.Calibrator](): func(name string) (any, error) { return Calibrations.New(name) },
	reflect.TypeFor[safex.Filter]():         func(name string) (any, error) { return Filters.New(name) },
}

// SetField sets the field at a dotted path of the struct that v points to. Numbers, switches, words and lists of numbers (as in
// 128,128) can be set, and what a Registry has is chosen by its name.
func SetField(v any, path, value string) error {
	at := reflect.ValueOf(v).Elem()
	for _, name := range strings.Split(path, ".") {
		if at.Kind() == reflect.Interface && !at.IsNil() {
			if at.Elem().Kind() != reflect.Pointer { // a copy that can be set
				p := reflect.New(at.Elem().Type())
				p.Elem().Set(at.Elem())
				at.Set(p)
			}
			at = at.Elem().Elem()
		}
		if _, whole := at.Addr().Interface().(encoding.TextUnmarshaler); whole || at.Kind() != reflect.Struct {
			return fmt.Errorf("--set %s: there is nothing below the field before %s", path, name)
		}
		f, ok := at.Type().FieldByName(name)
		if ok && f.IsExported() && f.Tag.Get("json") == "-" {
			return fmt.Errorf("--set %s: it can only be set in Go", path)
		}
		if !ok || !f.IsExported() {
			return fmt.Errorf("--set: %s has no field %q: %s", at.Type().Name(), name, Instead(name, fields(at.Type())))
		}
		at = at.FieldByIndex(f.Index)
	}
	wrong := func(want string) error {
		return fmt.Errorf("--set %s: %q is not %s", path, value, want)
	}
	if u, ok := at.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(value)); err != nil {
			return fmt.Errorf("--set %s: %w", path, err)
		}
		return nil
	}
	switch at.Kind() {
	case reflect.Float64:
		x, err := strconv.ParseFloat(value, 64)
		if err != nil || x-x != 0 {
			return wrong("a number")
		}
		at.SetFloat(x)
	case reflect.Int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return wrong("a whole number")
		}
		at.SetInt(int64(n))
	case reflect.Bool:
		b, err := strconv.ParseBool(value)
		if err != nil {
			return wrong("true or false")
		}
		at.SetBool(b)
	case reflect.String:
		at.SetString(value)
	case reflect.Slice:
		list, err := numbers(at.Type(), value)
		if err != nil {
			return wrong(err.Error())
		}
		at.Set(list)
	case reflect.Interface:
		choose, ok := choices[at.Type()]
		if !ok {
			return fmt.Errorf("--set %s: it can only be set in Go", path)
		}
		v, err := choose(value)
		if err != nil {
			return fmt.Errorf("--set %s: %w", path, err)
		}
		at.Set(reflect.ValueOf(v))
	case reflect.Struct:
		return fmt.Errorf("--set %s: it has fields of its own: name one", path)
	default:
		return fmt.Errorf("--set %s: it can only be set in Go", path)
	}
	return nil
}

// numbers reads a list of whole numbers or, where the type is one, of others.
func numbers(list reflect.Type, value string) (reflect.Value, error) {
	v := reflect.MakeSlice(list, 0, 0)
	for _, part := range strings.Split(value, ",") {
		var x any
		var err error
		switch part = strings.TrimSpace(part); list.Elem().Kind() {
		case reflect.Int:
			if x, err = strconv.Atoi(part); err != nil {
				return v, errors.New("a list of whole numbers, as in 128,128")
			}
		case reflect.Float64:
			f, err := strconv.ParseFloat(part, 64)
			if err != nil || f-f != 0 {
				return v, errors.New("a list of numbers, as in 0.5,2")
			}
			x = f
		default:
			return v, errors.New("anything that can be set here: set it in Go")
		}
		v = reflect.Append(v, reflect.ValueOf(x))
	}
	return v, nil
}

// Fields names the fields of the struct that v points to.
func Fields(v any) []string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return fields(t)
}

func fields(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
			names = append(names, f.Name)
		}
	}
	return names
}
