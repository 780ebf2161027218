package tasks

import "github.com/rischiboy/safe_exploration/safex"

// A Maker makes a Task from parameters: a pointer to one of this package's structs.
type Maker interface{ Task() safex.Task }

// all are the tasks by name, each with a function that returns its default parameters.
var all = []struct {
	name string
	make func() Maker
}{
	{"pendulum", func() Maker { p := DefaultPendulum(); return &p }},
}

// Names lists the tasks.
func Names() (names []string) {
	for _, t := range all {
		names = append(names, t.name)
	}
	return names
}

// New returns the default parameters of a task, a pointer to its struct; ok is false if there is no
// task of that name.
func New(name string) (m Maker, ok bool) {
	for _, t := range all {
		if t.name == name {
			return t.make(), true
		}
	}
	return nil, false
}
