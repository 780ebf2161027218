package lab

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
)

// Set changes one setting, as in "MaxSpeed=5" or "planner.Search.Samples=64". A path is a field of the
// task's parameters, or one of task, planner, learner, prior, calibration or agent and a field of that. The error names the
// nearest field.
func (s *Settings) Set(assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("--set %s: want field=value, as in MaxSpeed=5", assignment)
	}
	root, rest, dotted := strings.Cut(path, ".")
	var target any = s.Parameters
	if dotted {
		switch root {
		case "task":
			path = rest
		case "planner":
			target, path = s.Planning, rest
		case "learner":
			target, path = s.Learning, rest
		case "prior":
			if s.Prior == nil {
				return fmt.Errorf("--set %s: model %q has no prior: choose a model prior+… first", assignment, s.Model)
			}
			target, path = s.Prior, rest
		case "agent":
			if rest != "RepeatNoise" {
				return fmt.Errorf("--set %s: the only field of the agent is RepeatNoise", assignment)
			}
			target, path = s, rest
		case "calibration":
			if s.Calibrating == nil {
				return fmt.Errorf("--set %s: there is no calibration: choose one first", assignment)
			}
			target, path = s.Calibrating, rest
		}
	}
	return SetField(target, path, value)
}

// SetField sets the field at a dotted path of the struct that v points to. Numbers, switches, words
// and lists of numbers (as in 128,128) can be set.
func SetField(v any, path, value string) error {
	at := reflect.ValueOf(v).Elem()
	for _, name := range strings.Split(path, ".") {
		if at.Kind() == reflect.Interface && at.Elem().Kind() == reflect.Pointer {
			at = at.Elem().Elem()
		}
		if _, whole := at.Addr().Interface().(encoding.TextUnmarshaler); whole || at.Kind() != reflect.Struct {
			return fmt.Errorf("--set %s: there is nothing below the field before %s", path, name)
		}
		f, ok := at.Type().FieldByName(name)
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
	default:
		if t := at.Type(); t == reflect.TypeFor[opt.Minimizer]() || t == reflect.TypeFor[plan.Adversary]() {
			return fmt.Errorf("--set %s: choose it by its flag, as in --search mppi, and then set its fields", path)
		}
		if at.Kind() != reflect.Struct {
			return fmt.Errorf("--set %s: it can only be set in Go", path)
		}
		return fmt.Errorf("--set %s: it has fields of its own: name one", path)
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
func Fields(v any) []string { return fields(reflect.TypeOf(v).Elem()) }

func fields(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("json") != "-" {
			names = append(names, t.Field(i).Name)
		}
	}
	return names
}

// Instead is advice on a wrong name: the nearest right one, and all of them if they are few.
func Instead(wrong string, names []string) string {
	if len(names) == 0 {
		return "there are none"
	}
	best, least := "", len(wrong)+1
	for _, n := range names {
		if d := distance(strings.ToLower(wrong), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	all := "there are " + strings.Join(names, ", ")
	if len(names) == 1 {
		all = "there is " + names[0]
	}
	if best != "" && least <= 1+len(wrong)/2 {
		return fmt.Sprintf("did you mean %s? (%s)", best, all)
	}
	return all
}

// distance is the number of letters to change, add or remove (Levenshtein, 1966).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := last
			if a[i] != b[j] {
				d = 1 + min(last, row[j], row[j+1])
			}
			last, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
