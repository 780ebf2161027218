package lab

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
)

// A choice is an implementation of one of the interfaces that a planner's settings hold.
type choice[T any] struct {
	name, about string
	make        func() T
}

// searches are the searches by name, each with a function that returns a pointer to its defaults.
var searches = []choice[opt.Minimizer]{
	{"icem", "cross-entropy method with coloured noise and kept elites", func() opt.Minimizer { c := opt.DefaultICEM(); return &c }},
	{"cem", "plain cross-entropy method", func() opt.Minimizer { c := opt.DefaultCEM(); return &c }},
	{"mppi", "path integral control: the mean moves to a weighted average", func() opt.Minimizer { c := opt.DefaultMPPI(); return &c }},
}

// adversaries are the adversaries by name, each with a function that returns a pointer to its defaults.
var adversaries = []choice[plan.Adversary]{
	{"sign-gradient", "sign-gradient ascent from several starts", func() plan.Adversary { a := plan.DefaultSignGradient(); return &a }},
}

func listed[T any](choices []choice[T]) (names, about []string) {
	for _, c := range choices {
		names, about = append(names, c.name), append(about, c.about)
	}
	return names, about
}

// Searches lists the names of the searches over actions, and a line about each.
func Searches() (names, about []string) { return listed(searches) }

// Adversaries lists the names of the adversaries, and a line about each.
func Adversaries() (names, about []string) { return listed(adversaries) }

// UseSearch chooses by name how the planner searches its actions, with the defaults of that search. The error names the
// nearest name.
func (s *Settings) UseSearch(name string) error {
	if err := use(s.Planning, searches, "search", name); err != nil {
		return err
	}
	s.Search = name
	return nil
}

// UseAdversary chooses by name who attacks the planner's plans, with the defaults of that adversary. The error
// names the nearest name.
func (s *Settings) UseAdversary(name string) error {
	if err := use(s.Planning, adversaries, "adversary", name); err != nil {
		return err
	}
	s.Adversary = name
	return nil
}

// use puts a choice into the field of its type of the settings that p points to.
func use[T any](p safex.Planner, choices []choice[T], what, name string) error {
	names, _ := listed(choices)
	i := slices.Index(names, name)
	if i < 0 {
		return fmt.Errorf("there is no %s %q: %s", what, name, instead(name, names))
	}
	f := field[T](p)
	if !f.IsValid() {
		return fmt.Errorf("this planner has no %s to choose", what)
	}
	f.Set(reflect.ValueOf(choices[i].make()))
	return nil
}

// field is the first field of type T of the settings that p points to; it is not valid if there is none.
func field[T any](p safex.Planner) reflect.Value {
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Type == reflect.TypeFor[T]() {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// chosen is the name of what p's settings hold of the choices, "" if they have no field for it. What is held becomes
// a pointer, so that it can be set and read back.
func chosen[T any](p safex.Planner, choices []choice[T]) string {
	f := field[T](p)
	if !f.IsValid() || f.IsNil() {
		return ""
	}
	held := f.Elem()
	if held.Kind() != reflect.Pointer {
		pointer := reflect.New(held.Type())
		pointer.Elem().Set(held)
		f.Set(pointer)
		held = pointer
	}
	for _, c := range choices {
		if reflect.TypeOf(c.make()) == held.Type() {
			return c.name
		}
	}
	return ""
}
