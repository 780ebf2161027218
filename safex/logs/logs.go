// Package logs reads transitions that were recorded elsewhere, as by a test bench or a driver: a table with a row for each sample, which
// becomes the first data of an agent, or all that a model is fitted to.
//
//	log, err := logs.Default().Read(system, "swings.csv", text)
//	for _, note := range log.Notes { fmt.Println(note) }
//	model, err := learner.Learn(ctx, system, log.Data, nil, rng.New(1))
//
// A row is the state at a moment and the action that was commanded then. The row after it, a step of the task later, is where that led to.
// Columns have the names of the task's State and Action; an angle of the task can be given itself in place of its sine and cosine. A
// column episode tells trips apart, and a column step, or time in seconds, shows gaps. Where there are columns next_NAME, as a run's steps.csv
// has them, each row is a transition by itself. Cells are separated by commas, semicolons or tabs.
//
// What cannot be read is refused in a sentence that names the line and what to do. What can be read and is probably something else than
// the task means, as an angle in degrees, is refused too, unless the log is trusted. What was left out or seen is a note. What is
// looked for is in [Settings.Read].
package logs

import (
	"fmt"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
)

// Settings say how a log is read.
type Settings struct {
	// Trust takes a log as it is where it is readable and yet probably not what the task means: what would be refused is a note then.
	Trust bool
	// Ranges are physical values of actions, by name: the one at -1 and the one at 1. A column of another action is in [-1, 1], as the agent
	// commands it. The Scale of an action does not say this: it is how much of [-1, 1] is used.
	Ranges map[string]Range
}

// A Range has the physical values of an action at -1 and at 1, in any unit. They differ, and At1 may be the smaller one.
type Range struct{ AtMinus1, At1 float64 }

// Default trusts nothing, and takes all actions to be in [-1, 1].
func Default() Settings { return Settings{} }

// A Log is what was read.
type Log struct {
	Name string // of the file
	// Data are the transitions, in the order of the file. A trajectory begins where an episode does, and after each gap.
	Data *safex.Data
	// Episode is that of each transition, from 0 on. It goes on after a gap, and another begins where the log says so, where time goes back, after a jump, and after a gap of more
	// than twenty steps where no column says which episodes there are.
	Episode []int
	// Line is that of each transition in the file, from 1 on.
	Line  []int
	Rows  int      // in the file, below the head
	Notes []string // each a sentence
}

// Episodes is how many there are.
func (l *Log) Episodes() int {
	if len(l.Episode) == 0 {
		return 0
	}
	return l.Episode[len(l.Episode)-1] + 1
}

// Read reads the text of a log of s. name is that of the file, for messages. It finds, and says in a sentence each:
//
//   - degrees, or radians where degrees are meant: a factor of 57.3 in one column makes the steps of the log those that Next predicts, or, of a
//     system without formulas, those that a state and its rate predict of each other; and an angle that reaches ten of its Scales
//   - another sampling time than Dt: by the column time, or as such a factor of every change
//   - swapped columns: the same steps fit once two columns change places, or values lie on the circle of an angle, or near their Scales
//   - a constant column, of which nothing can be learned
//   - rows that are there twice
//   - actions beyond [-1, 1], and those that were cut: many rows at the very same extreme
//   - a jump that is far larger than all other steps, where no episode begins: a new one does, unless a column says otherwise
//   - rows with cells that are no numbers: they are left out, and the trajectory ends there
//   - decimal commas, and a byte order mark: both are read
//
// The first six are refused unless the log is trusted, but for actions that were cut; actions beyond [-1, 1] are always.
func (c Settings) Read(s *safex.System, name string, text []byte) (*Log, error) {
	r := &reading{Settings: c, system: s, name: name}
	if err := r.read(text); err != nil {
		return nil, err
	}
	return &Log{Name: name, Data: r.data, Episode: r.episodes, Line: r.lines, Rows: r.table.rows(), Notes: r.notes}, nil
}

// Join is several logs as one, in order; the episodes of each are its own.
func Join(all ...*Log) *Log {
	j := &Log{Data: &safex.Data{}}
	for _, l := range all {
		first := j.Episodes()
		at := 0
		for _, e := range l.Data.Episodes() {
			j.Data.Begin()
			for i := e[0]; i < e[1]; i++ {
				j.Data.Append(l.Data.X.Point(i), l.Data.U.Point(i), l.Data.Next.Point(i))
				j.Episode, j.Line = append(j.Episode, first+l.Episode[at]), append(j.Line, l.Line[at])
				at++
			}
		}
		j.Rows += l.Rows
		for _, n := range l.Notes {
			if len(all) > 1 {
				n = l.Name + ": " + n
			}
			j.Notes = append(j.Notes, n)
		}
	}
	if len(all) > 0 {
		j.Name = all[0].Name
	}
	return j
}

// A reading is the state of Read.
type reading struct {
	Settings
	system *safex.System
	name   string
	table  *table
	notes  []string

	from []source // columns that are used, in the order of the file
	// Of each row: whether a trajectory begins with it, and an episode, and whether its state, its action and its next state are there.
	begins, first       []bool
	state, action, next []bool
	paired              bool // there are columns next_NAME
	episodeColumn       bool // there is a column episode
	stamped             bool // there is a column step or time
	data                *safex.Data
	episodes, lines     []int
}

// note keeps a sentence.
func (r *reading) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// fail is an error about the file.
func (r *reading) fail(format string, args ...any) error {
	return fmt.Errorf("logs: %s: %s", r.name, fmt.Sprintf(format, args...))
}

// doubt refuses what is probably something else than the task means, or notes it if the log is trusted.
func (r *reading) doubt(format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	if r.Trust {
		r.note("%s (taken as it is, as the log is trusted)", what)
		return nil
	}
	return r.fail("%s, or trust the log (--trust) if it is as the task means it", what)
}

// read goes through all that there is to do, the most certain first: a column in degrees makes much else look wrong.
func (r *reading) read(text []byte) (err error) {
	if r.table, err = r.parse(text); err != nil {
		return err
	}
	for _, step := range []func() error{
		r.choose, r.numbers, r.missing, r.stamps, r.ranges, r.assemble, r.circles, r.explain, r.sizes, r.constants, r.repeats, r.cut, r.jumps,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	r.sort()
	if r.data.Len() == 0 {
		return r.fail("it has no transition: want rows that follow each other by the %v s of a step, or columns next_NAME", r.system.Dt)
	}
	return nil
}

// some names numbers, a few of them if there are many.
func some(lines []int) string {
	const most = 5
	var parts []string
	for _, l := range lines[:min(len(lines), most)] {
		parts = append(parts, fmt.Sprint(l))
	}
	switch rest := len(lines) - len(parts); {
	case rest > 0:
		return fmt.Sprintf("lines %s and %d more", strings.Join(parts, ", "), rest)
	case len(parts) == 1:
		return "line " + parts[0]
	}
	last := len(parts) - 1
	return "lines " + strings.Join(parts[:last], ", ") + " and " + parts[last]
}
