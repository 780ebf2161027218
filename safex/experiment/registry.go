package experiment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// A Registry has implementations of an interface T by name: what flags, study files and Spec.Set choose from, and what run.yaml is
// read with. It is safe for concurrent use.
type Registry[T any] struct {
	what    string // one of them, as in "planner"
	lock    sync.RWMutex
	entries []Entry[T]
}

// An Entry is a name for settings to begin with. Entries may share a type, as ensembles of different kinds do.
type Entry[T any] struct {
	Name  string   // letters, digits, - and _
	About string   // a line for a list
	Make  func() T // fresh settings, which nobody else has; nil is none, as of no calibration
}

// A Labelled value knows by which name it goes: one of those of its type, or one that is not offered, as that of published settings.
// Of other values it is the name of the settings that are nearest.
type Labelled interface{ Label() string }

// Add adds an entry, in place of the one of the same name if it has the same type. It panics if the name makes none, or is taken.
func (r *Registry[T]) Add(name, about string, fresh func() T) {
	if err := r.add(Entry[T]{name, about, fresh}); err != nil {
		panic("experiment: " + err.Error())
	}
}

func (r *Registry[T]) add(e Entry[T]) error {
	if e.Name == "" || strings.ContainsFunc(e.Name, func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_'
	}) {
		return fmt.Errorf("%s %q: want a name of letters, digits, - and _", r.what, e.Name)
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	i := slices.IndexFunc(r.entries, func(o Entry[T]) bool { return o.Name == e.Name })
	if i < 0 {
		r.entries = append(r.entries, e)
		return nil
	}
	if old, now := typeName(r.entries[i].Make()), typeName(e.Make()); old != now {
		return fmt.Errorf("%s %q is a %s already: give the %s another name", r.what, e.Name, old, now)
	}
	r.entries[i] = e
	return nil
}

// Entries are all, in order.
func (r *Registry[T]) Entries() []Entry[T] {
	r.lock.RLock()
	defer r.lock.RUnlock()
	return slices.Clone(r.entries)
}

// Names lists the names of all entries, in order.
func (r *Registry[T]) Names() (names []string) {
	for _, e := range r.Entries() {
		names = append(names, e.Name)
	}
	return names
}

// New are fresh settings by name. The error names the nearest name.
func (r *Registry[T]) New(name string) (v T, err error) {
	for _, e := range r.Entries() {
		if e.Name == name {
			return held(e.Make()), nil
		}
	}
	return v, fmt.Errorf("there is no %s %q: %s", r.what, name, Instead(name, r.Names()))
}

// NameOf is the name that a value goes by: its Label, unless that is a name of another type, or that of the nearest settings of its
// type, or else its type. It is "" of nil, unless an entry makes nil.
func (r *Registry[T]) NameOf(v T) string {
	var same []Entry[T]
	for _, e := range r.Entries() {
		if typeName(e.Make()) == typeName(v) {
			same = append(same, e)
		}
	}
	if l, ok := any(v).(Labelled); ok && len(same) > 0 {
		named := func(e Entry[T]) bool { return e.Name == l.Label() }
		if slices.ContainsFunc(same, named) || !slices.ContainsFunc(r.Entries(), named) {
			return l.Label()
		}
	}
	best, least := strings.ReplaceAll(typeName(v), ".", "-"), -1
	for _, e := range same {
		if len(same) == 1 {
			return e.Name
		}
		if n := distance(e.Make(), v); least < 0 || n < least {
			best, least = e.Name, n
		}
	}
	return best
}

// typed are settings of the type of that name to be filled: zero ones, or those of an entry if there is nothing to set. ok is false
// if no entry has the type.
func (r *Registry[T]) typed(name string) (v T, ok bool) {
	for _, e := range r.Entries() {
		of := held(e.Make())
		if typeName(of) != name || name == "" {
			continue
		}
		if !hasSettings(of) {
			return of, true
		}
		return reflect.New(reflect.TypeOf(of).Elem()).Interface().(T), true
	}
	return v, false
}

// types are the names of the types of all entries.
func (r *Registry[T]) types() (names []string) {
	for _, e := range r.Entries() {
		if name := typeName(e.Make()); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// typeName is the name of the type of v, with its package and without a pointer, as in plan.Pessimistic; "" of nil.
func typeName(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.String()
}

// Held is v as a pointer to its settings, as the parts of a Spec are once they were chosen or read.
func Held[T any](v T) T { return held(v) }

// held is v as a pointer to its settings, so that they can be set.
func held[T any](v T) T {
	at := reflect.ValueOf(v)
	if !at.IsValid() || at.Kind() == reflect.Pointer {
		return v
	}
	p := reflect.New(at.Type())
	p.Elem().Set(at)
	return p.Interface().(T)
}

// distance is the number of settings in which two values differ.
func distance(a, b any) (n int) {
	var x, y map[string]any
	for _, part := range []struct {
		v  any
		to *map[string]any
	}{{a, &x}, {b, &y}} {
		text, err := encode.JSON(part.v, Options())
		if err != nil || encode.Decode(text, part.to) != nil {
			return 1 << 30
		}
	}
	flat := func(v any) map[string]string {
		all := map[string]string{}
		Flatten(all, "", v)
		return all
	}
	p, q := flat(x), flat(y)
	for k, v := range p {
		if w, ok := q[k]; !ok || w != v {
			n++
		}
	}
	for k := range q {
		if _, ok := p[k]; !ok {
			n++
		}
	}
	return n
}

// Flatten puts every value of decoded JSON into all, as JSON by its path.
func Flatten(all map[string]string, path string, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		text, err := encode.JSON(v)
		if err != nil {
			panic(err) // it was JSON
		}
		all[path] = strings.Trim(string(text), `"`)
		return
	}
	for name, below := range object {
		if path != "" {
			name = path + "." + name
		}
		Flatten(all, name, below)
	}
}
