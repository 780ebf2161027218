package study

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Read reads the file of a study, and checks it as Check does. An error names the line, if it is that of one.
func Read(path string) (*Study, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("study: %s%w", path, err)
	}
	return s, nil
}

// parse reads the text of a study. Its errors begin with a comma and the line, or with a colon.
func parse(text []byte) (*Study, error) {
	s := &Study{}
	if err := document(text, s); err != nil {
		return nil, err
	}
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	return s, nil
}

// document reads text into the struct that to points to, with the errors of parse.
func document(text []byte, to any) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var root, second yaml.Node
	switch err := d.Decode(&root); {
	case errors.Is(err, io.EOF):
		return errors.New(": the file is empty")
	case err != nil:
		return malformed(err)
	}
	if err := d.Decode(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return malformed(err)
		}
		return wrong(&second, "the file has a second document: want one study in a file")
	}
	return decode("the study", root.Content[0], reflect.ValueOf(to).Elem())
}

// malformed is an error of the YAML itself, which names its line.
func malformed(err error) error {
	text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
	if strings.HasPrefix(text, "line ") {
		return errors.New(", " + text)
	}
	return errors.New(": " + text)
}

// wrong is an error about the line of n.
func wrong(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf(", line %d: %s", n.Line, fmt.Sprintf(format, args...))
}

// decode puts n, the value of the key what, into v.
func decode(what string, n *yaml.Node, v reflect.Value) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch at := v.Addr().Interface().(type) {
	case *Seeds:
		text, err := scalars(n)
		if err != nil || text == "" {
			return wrong(n, "%s: want them as in 1-3 or [1, 5, 326176]", what)
		}
		if *at, err = ParseSeeds(text); err != nil {
			return wrong(n, "%s", err)
		}
		return nil
	case *Over:
		return decodeOver(n, at)
	case *Set:
		if *at == nil {
			*at = Set{}
		}
		return pairs(what, n, func(key, value *yaml.Node) error {
			text, err := scalars(value)
			if err != nil || text == "" {
				return wrong(key, "%s of %s: want a number, a word, true, false, or a list as in [64, 64]", key.Value, what)
			}
			if was, there := (*at)[key.Value]; there && was != text {
				return wrong(key, "%s of %s: a key beside set gives it already", key.Value, what)
			}
			(*at)[key.Value] = text
			return nil
		})
	}
	switch v.Kind() {
	case reflect.Struct:
		fields := keys(v)
		var all []string
		for _, f := range fields {
			all = append(all, f.key)
		}
		if changed(v) != nil {
			for _, s := range short {
				all = append(all, s.key)
			}
		}
		return pairs(what, n, func(key, value *yaml.Node) error {
			for _, f := range fields {
				if f.key == key.Value {
					return decode(f.key, value, f.value)
				}
			}
			if path, ok := meant(key.Value); ok {
				if set := changed(v); set != nil {
					return decodeShort(key.Value, path, value, set)
				}
			}
			if key.Value == "sweep" {
				return wrong(key, "%s has no key %q: this is the file of a sweep, for safex sweep", what, key.Value)
			}
			return wrong(key, "%s has no key %q: %s", what, key.Value, experiment.Instead(key.Value, all))
		})
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return wrong(n, "%s: want a list, as in [a, b]", what)
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, c := range n.Content {
			each := what
			if v.Type().Elem().Kind() == reflect.Struct {
				each = fmt.Sprintf("%s %d", strings.TrimSuffix(what, "s"), i+1)
			}
			if err := decode(each, c, v.Index(i)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		switch to := v.Interface().(type) {
		case *Trials:
			*to = DefaultTrials()
		case *Halving:
			*to = DefaultHalving()
		}
		return decode(what, n, v.Elem())
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		return wrong(n, "%s: want one value", what)
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
	case reflect.Int:
		x, err := strconv.Atoi(n.Value)
		if err != nil {
			return wrong(n, "%s: %q is not a whole number", what, n.Value)
		}
		v.SetInt(int64(x))
	case reflect.Uint64:
		x, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			return wrong(n, "%s: %q is not a whole number from 0 on", what, n.Value)
		}
		v.SetUint(x)
	case reflect.Float64:
		x, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || x-x != 0 {
			return wrong(n, "%s: %q is not a number", what, n.Value)
		}
		v.SetFloat(x)
	case reflect.Bool:
		x, err := strconv.ParseBool(n.Value)
		if err != nil {
			return wrong(n, "%s: %q is not true or false", what, n.Value)
		}
		v.SetBool(x)
	default:
		panic(fmt.Sprintf("study: no way to read a %s", v.Type()))
	}
	return nil
}

// changed is the Set of a Change that v is or embeds; nil if there is none.
func changed(v reflect.Value) *Set {
	if f := v.FieldByName("Change"); f.IsValid() {
		v = f
	}
	if c, ok := v.Addr().Interface().(*Change); ok {
		return &c.Set
	}
	if f := v.FieldByName("Study"); f.IsValid() { // of a sweep
		return changed(f)
	}
	return nil
}

// decodeShort puts the value of a key that means a path into a Set.
func decodeShort(key, path string, n *yaml.Node, set *Set) error {
	text, err := scalars(n)
	if err != nil || n.Kind != yaml.ScalarNode {
		return wrong(n, "%s: want one value", key)
	}
	if _, err := strconv.Atoi(text); err != nil && numeric(key) {
		return wrong(n, "%s: %q is not a whole number", key, text)
	}
	if *set == nil {
		*set = Set{}
	}
	if was, there := (*set)[path]; there && was != text {
		return wrong(n, "%s: set gives %s already", key, path)
	}
	(*set)[path] = text
	return nil
}

// A slot is a field of a struct, or of one that it embeds, by its key in the file.
type slot struct {
	key   string
	value reflect.Value
}

// keys are the fields of v.
func keys(v reflect.Value) (fields []slot) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, keys(v.Field(i))...)
			continue
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields = append(fields, slot{key, v.Field(i)})
	}
	return fields
}

// pairs calls each with every key of n and its value.
func pairs(what string, n *yaml.Node, each func(key, value *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return wrong(n, "%s: want keys with values, as in key: value", what)
	}
	seen := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			return wrong(key, "%s: a key is not a word", what)
		}
		if seen[key.Value] {
			return wrong(key, "%s has the key %s twice", what, key.Value)
		}
		seen[key.Value] = true
		if err := each(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// scalars is the text of a value, or those of a list of them with commas.
func scalars(n *yaml.Node) (string, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null":
		return n.Value, nil
	case n.Kind == yaml.SequenceNode:
		var parts []string
		for _, c := range n.Content {
			if c.Kind != yaml.ScalarNode || c.ShortTag() == "!!null" {
				return "", errors.New("a list of lists")
			}
			parts = append(parts, c.Value)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("no value")
}
