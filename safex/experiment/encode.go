package experiment

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// typeKey is the field that names the type of a part. It comes first.
const typeKey = "Type"

// plainTask is the type of a task without parameters. Its field Name says which.
var plainTask = typeName(safex.Task{})

// coders are how an interface with a Registry becomes JSON: the fields of what it holds, after the name of its type.
func coders[T any](r *Registry[T], own ...T) (*json.Marshalers, *json.Unmarshalers) {
	marshal := json.MarshalToFunc(func(e *jsontext.Encoder, v *T) error {
		if !reflect.ValueOf(v).Elem().Elem().IsValid() {
			return e.WriteToken(jsontext.Null)
		}
		body, err := []byte("{}"), error(nil)
		if t, ok := held(any(*v)).(*safex.Task); ok {
			body, err = json.Marshal(map[string]string{"Name": t.Name})
		} else if hasSettings(*v) {
			body, err = json.Marshal(any(*v), e.Options())
		}
		if err != nil {
			return err
		}
		if len(body) == 0 || body[0] != '{' {
			return fmt.Errorf("a %T is no struct of settings: want one, with its settings exported", *v)
		}
		head := fmt.Sprintf("{%q:%q", typeKey, typeName(*v))
		if len(body) > len("{}") {
			head += ","
		}
		return e.WriteValue(jsontext.Value(head + string(body[1:])))
	})
	unmarshal := json.UnmarshalFromFunc(func(d *jsontext.Decoder, v *T) error {
		text, err := d.ReadValue()
		if err != nil {
			return err
		}
		var none T
		if string(text) == "null" {
			*v = none
			return nil
		}
		var part struct {
			Type string
			Name string
		}
		if err := json.Unmarshal(text, &part, json.RejectUnknownMembers(false)); err != nil {
			return fmt.Errorf("it is %s, want an object with a %s", kindOf(text), typeKey)
		}
		if part.Type == plainTask {
			if *v, err = namedTask(r, own, part.Name); err != nil {
				return err
			}
			return nil
		}
		filled, ok := r.typed(part.Type)
		for _, o := range own {
			if !ok && typeName(o) == part.Type {
				filled, ok = reflect.New(reflect.TypeOf(held(o)).Elem()).Interface().(T)
			}
		}
		if !ok {
			if part.Type == "" {
				return fmt.Errorf("it has no %s, want one of %s", typeKey, strings.Join(r.types(), ", "))
			}
			return unknownType(r.what, part.Type, r.types())
		}
		rest, err := without(text)
		if err != nil {
			return err
		}
		if hasSettings(filled) || string(rest) != "{}" {
			if err := json.Unmarshal(rest, filled, d.Options()); err != nil {
				if wrong, ok := errors.AsType[*json.SemanticError](err); ok { // its place is below the part's
					wrong.JSONPointer = d.StackPointer() + wrong.JSONPointer
				}
				return err
			}
		}
		*v = filled
		return nil
	})
	return marshal, unmarshal
}

// hasSettings tells whether there is something to set in a value.
func hasSettings(v any) bool {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct || slices.ContainsFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool {
		return f.IsExported() && f.Tag.Get("json") != "-"
	})
}

// unknownType is the error of a type that no entry has.
func unknownType(what, name string, types []string) error {
	return fmt.Errorf("this program knows no %s of type %s: %s; one of your own is added to the registry of experiment, or a task passed to what reads it", what, name, Instead(name, types))
}

// namedTask is the task without parameters of that name.
func namedTask[T any](r *Registry[T], own []T, name string) (v T, err error) {
	all := slices.Clone(own)
	for _, e := range r.Entries() {
		all = append(all, e.Make())
	}
	var names []string
	for _, m := range all {
		t, ok := any(m).(safex.Task)
		if p, held := any(m).(*safex.Task); held {
			t, ok = *p, true
		}
		if ok && t.Name == name {
			return held(m), nil
		}
		if ok {
			names = append(names, t.Name)
		}
	}
	return v, fmt.Errorf("the task %q is none of this program's own (%s): pass it to what reads the run, or to cli.Main", name, Instead(name, names))
}

// kindOf is what a JSON value is.
func kindOf(text jsontext.Value) string {
	switch text.Kind() {
	case '"':
		return "a string"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	return string(text)
}

// without is an object without its Type.
func without(text jsontext.Value) ([]byte, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	var out bytes.Buffer
	out.WriteByte('{')
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		name = slices.Clone(name)
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		if string(name) == `"`+typeKey+`"` {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(value)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// Options encode and decode the interfaces of all registries, with the tasks given besides those of Tasks.
func Options(own ...safex.Maker) encode.Options {
	marshal, unmarshal := []*json.Marshalers{encode.Marshalers}, []*json.Unmarshalers{encode.Unmarshalers}
	join := func(m *json.Marshalers, u *json.Unmarshalers) {
		marshal, unmarshal = append(marshal, m), append(unmarshal, u)
	}
	join(coders(Tasks, own...))
	join(coders(Planners))
	join(coders(Learners))
	join(coders(Calibrations))
	join(coders(Filters))
	join(coders(Engines))
	join(coders(Plants))
	join(coders(Searches))
	join(coders(Adversaries))
	return json.JoinOptions(json.WithMarshalers(json.JoinMarshalers(marshal...)), json.WithUnmarshalers(json.JoinUnmarshalers(unmarshal...)))
}

// A kept Spec is what run.yaml holds: a Spec, with the fingerprint of its task, so that no other is taken for it.
type kept struct {
	Build          string
	Task           safex.Maker
	Traits         traits
	Plant          safex.PlantMaker `json:",omitzero"`
	Planner        safex.Planner
	Learner        safex.Codec
	Prior          safex.Maker          `json:",omitzero"`
	Calibration    calibrate.Calibrator `json:",omitzero"`
	Filter         safex.Filter         `json:",omitzero"`
	Engine         safex.Engine
	Episodes       int
	RandomSteps    int
	LearnEvery     int
	Deadline       Duration `json:",omitzero"`
	Realtime       bool     `json:",omitzero"`
	Background     bool     `json:",omitzero"`
	Seed           uint64
	RepeatNoise    bool                `json:",omitzero"`
	PriorDeviation []float64           `json:",omitzero"`
	ExploreBy      Explorer            `json:",omitzero"`
	Disturbances   []safex.Disturbance `json:",omitempty"`
	Expected       []safex.Expectation `json:",omitempty"`
	Evaluate       *evaluated          `json:",omitzero"`
	Logs           []Log               `json:",omitempty"`
	TrustLogs      bool                `json:",omitzero"`
}

// keep is s with the fingerprint of its task.
func (s *Spec) keep() (k kept, err error) {
	if s.Task == nil {
		return k, errors.New("there is no Task")
	}
	system, err := s.real().System()
	if err != nil {
		return k, err
	}
	evaluate, err := s.keepEvaluation()
	if err != nil {
		return k, err
	}
	return kept{
		s.Build, s.Task, traitsOf(system), s.Plant, s.Planner, s.Learner, s.Prior, s.Calibration, s.Filter, s.Engine, s.Episodes, s.RandomSteps, s.LearnEvery, s.Deadline, s.Realtime, s.Background, s.Seed, s.RepeatNoise,
		s.PriorDeviation, s.ExploreBy, s.Disturbances, s.Expected, evaluate, s.Logs, s.TrustLogs,
	}, nil
}

// take is the reverse of keep. It refuses another task than the one that was kept.
func (s *Spec) take(k kept) error {
	if k.Task == nil || k.Planner == nil || k.Learner == nil || k.Engine == nil {
		return errors.New("Task, Planner, Learner and Engine must be there, and not null")
	}
	system, err := (&Spec{Task: k.Task, Plant: k.Plant}).real().System()
	if err != nil {
		return err
	}
	if err := k.Traits.differ(traitsOf(system)); err != nil {
		return fmt.Errorf("task %q is another than the one that was run: %w", system.Name, err)
	}
	*s = Spec{k.Build, k.Task, k.Plant, k.Planner, k.Learner, k.Prior, k.Calibration, k.Filter, k.Engine, k.Episodes, k.RandomSteps, k.LearnEvery, k.Deadline, k.Realtime, k.Background, k.Seed, k.RepeatNoise, k.PriorDeviation, k.ExploreBy, k.Disturbances, k.Expected, nil, k.Logs, k.TrustLogs, true}
	return s.takeEvaluation(k.Evaluate)
}

// MarshalJSONTo implements json.MarshalerTo.
func (s *Spec) MarshalJSONTo(e *jsontext.Encoder) error {
	k, err := s.keep()
	if err != nil {
		return err
	}
	return json.MarshalEncode(e, k, Options())
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom, for tasks that are in Tasks.
func (s *Spec) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	var k kept
	if err := json.UnmarshalDecode(d, &k, Options()); err != nil {
		return err
	}
	return s.take(k)
}

// Decode reads a Spec in JSON. Tasks are those of the registry, and the program's own that are passed: a task without parameters by its
// name, one with parameters by its type.
func Decode(text []byte, own ...safex.Maker) (*Spec, error) {
	var k kept
	if err := encode.Decode(text, &k, Options(own...)); err != nil {
		return nil, err
	}
	s := &Spec{}
	return s, s.take(k)
}

// traits are a task's, each as its name and its text.
type traits []string

func traitsOf(s *safex.System) (t traits) {
	for _, x := range s.Fingerprint() {
		t = append(t, x.Name+": "+x.Text)
	}
	return t
}

// differ is the first difference between the traits of a run and those of a task, as an error.
func (t traits) differ(is traits) error {
	for i := range max(len(t), len(is)) {
		switch {
		case i >= len(is):
			return fmt.Errorf("it had %q", t[i])
		case i >= len(t):
			return fmt.Errorf("it had no %q", is[i])
		case t[i] != is[i]:
			return fmt.Errorf("it had %q, and this one has %q", t[i], is[i])
		}
	}
	return nil
}

// YAML is run.yaml of s.
func (s *Spec) YAML() ([]byte, error) { return encode.YAML(s) }

// FromYAML is Decode of a run.yaml. One of an older version is refused with that version.
func FromYAML(text []byte, own ...safex.Maker) (*Spec, error) {
	again, err := encode.FromYAML(text)
	if err != nil {
		return nil, err
	}
	s, err := Decode(again, own...)
	var head struct{ Build string }
	if err != nil && json.Unmarshal(again, &head) == nil {
		if version, _, _ := strings.Cut(head.Build, " "); version != "" && version != Version {
			return nil, fmt.Errorf("it was made by safex %s, and this is %s, whose settings have other names: read it with that version, whose report --save makes a file that this one reads", version, Version)
		}
	}
	return s, err
}
