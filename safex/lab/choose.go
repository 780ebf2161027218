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
	{"sign-gradient-thorough", "the same with more and sharper steps, in at most 32 rollouts", func() plan.Adversary { a := plan.ThoroughSignGradient(); return &a }},
	{"particles-gaussian", "random errors, normal and clipped to the box", func() plan.Adversary { return particles(plan.Gaussian) }},
	{"particles-uniform", "random errors, uniform over the box", func() plan.Adversary { return particles(plan.Uniform) }},
	{"particles-corners", "random corners of the box", func() plan.Adversary { return particles(plan.AtCorners) }},
	{"cem", "cross-entropy method, for the worst excess", func() plan.Adversary { return population(plan.DefaultPopulation()) }},
	{"cem-count", "cross-entropy method as published, for the number of steps beyond a limit", func() plan.Adversary { return population(plan.ReferencePopulation()) }},
	{"corners", "flips of single numbers, from corner to corner of the box", func() plan.Adversary { a := plan.DefaultCorners(); return &a }},
	{"linear", "the corners that would be the worst if all were linear, where it is exact", func() plan.Adversary { a := plan.DefaultAffine(); return &a }},
	{"best", "a long cem, sign-gradient from many starts, and corners from the worst: to measure the others by", func() plan.Adversary {
		a := plan.DefaultBest()
		a.Population.Search = held(a.Population.Search)
		return &a
	}},
}

func particles(law plan.Law) plan.Adversary {
	a := plan.DefaultParticles()
	a.Law = law
	return &a
}

func population(p plan.Population) plan.Adversary {
	p.Search = held(p.Search)
	return &p
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

// UseSearch chooses by name how the planner searches its actions, with the defaults of that search and the noise that suits the
// task. The error names the nearest name.
func (s *Settings) UseSearch(name string) error {
	if err := use(s.Planning, searches, first, "search", name); err != nil {
		return err
	}
	s.Search = name
	s.suitSearch()
	return nil
}

// UseInner chooses by name how a planner that plays against itself searches the errors, with the defaults of that search.
// The error names the nearest name.
func (s *Settings) UseInner(name string) error {
	if err := use(s.Planning, searches, second, "inner search", name); err != nil {
		return err
	}
	s.Inner = name
	return nil
}

// UseAdversary chooses by name who attacks the planner's plans, with the defaults of that adversary. The error
// names the nearest name.
func (s *Settings) UseAdversary(name string) error {
	if err := use(s.Planning, adversaries, first, "adversary", name); err != nil {
		return err
	}
	s.Adversary = name
	return nil
}

// A planner's settings have one field for a choice, or two.
const (
	first = iota
	second
)

// use puts a choice into the n-th field of its type of the settings that p points to.
func use[T any](p safex.Planner, choices []choice[T], n int, what, name string) error {
	names, _ := listed(choices)
	i := slices.Index(names, name)
	if i < 0 {
		return fmt.Errorf("there is no %s %q: %s", what, name, Instead(name, names))
	}
	f := field[T](p, n)
	if !f.IsValid() {
		return fmt.Errorf("this planner has no %s to choose", what)
	}
	f.Set(reflect.ValueOf(choices[i].make()))
	return nil
}

// field is the n-th field of type T of the settings that p points to; it is not valid if there is none.
func field[T any](p safex.Planner, n int) reflect.Value {
	v := reflect.ValueOf(p).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Type == reflect.TypeFor[T]() {
			if n == 0 {
				return v.Field(i)
			}
			n--
		}
	}
	return reflect.Value{}
}

// chosen is the name of what the n-th field of p's settings holds of the choices, "" if they have no such field: named, if it is one of
// those that the type of what is held has. What is held becomes a pointer, so that it can be set and read back.
func chosen[T any](p safex.Planner, choices []choice[T], n int, named string) (name string) {
	f := field[T](p, n)
	if !f.IsValid() || f.IsNil() {
		return ""
	}
	what := held(f.Interface().(T))
	f.Set(reflect.ValueOf(what))
	for _, c := range choices {
		if reflect.TypeOf(c.make()) == reflect.TypeOf(what) && (name == "" || c.name == named) {
			name = c.name
		}
	}
	return name
}

// held is v as a pointer to its settings.
func held[T any](v T) T {
	at := reflect.ValueOf(v)
	if at.Kind() == reflect.Pointer {
		return v
	}
	pointer := reflect.New(at.Type())
	pointer.Elem().Set(at)
	return pointer.Interface().(T)
}
