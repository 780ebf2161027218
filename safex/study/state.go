package study

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A Phase of a run of a study.
type Phase string

// Phases of runs.
const (
	Waiting Phase = "waiting" // no step was taken
	Running Phase = "running" // a process holds its lock
	Stopped Phase = "stopped" // some steps were taken, and nobody goes on
	Done    Phase = "done"
	Failed  Phase = "failed" // see Failure; a study goes on with it when it is run again
)

// A State is how far a run is.
type State struct {
	Run        string   `json:"run"` // its folder, below that of the study
	Phase      Phase    `json:"state"`
	Steps      int      `json:"steps"`             // of the real system that were taken and saved
	Total      int      `json:"total"`             // of the whole run
	Episodes   int      `json:"episodes"`          // that are complete, the random phase not among them
	Violations int      `json:"violations"`        // steps beyond a limit, from the first random step on
	Return     *float64 `json:"last_return"`       // of the last of Episodes; nil without one
	Failure    string   `json:"failure,omitempty"` // why it Failed
	Log        string   `json:"log,omitempty"`     // the file that tells more of it
	Slurm      string   `json:"slurm,omitempty"`   // what Slurm says of it, see Queued
	Build      string   `json:"build,omitempty"`   // of a run that is Done, if another build of safex has made it
}

// Status is the State of each run of the study in the folder out, in the order in which they start. It reads files alone, those of runs that
// other processes or machines write too, and takes no lock from them.
func Status(out string) ([]State, error) {
	jobs, err := kept(out)
	if err != nil {
		return nil, err
	}
	return statesOf(out, jobs), nil
}

// kept are the jobs of the study in the folder out.
func kept(out string) ([]Job, error) {
	path := filepath.Join(out, File)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("study: %s is no folder of a study: it has no file %s", out, File)
	}
	s, err := Read(path)
	if err != nil {
		return nil, err
	}
	return s.Jobs()
}

// State reads how far the run is in the folder of the study, out. One whose files are damaged or cannot be read is Failed, unless a process
// holds its lock; numbers are those of what can be read.
func (j Job) State(out string) State {
	dir := j.folder(out)
	s := State{Run: j.Dir, Phase: Waiting, Total: j.Total()}
	busy := store.Busy(dir)
	sums, err := store.Summaries(dir) // first, as it is written after steps.csv
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	complete, short := 0, 0
	for _, sum := range sums {
		complete, short = complete+sum.Steps, short+sum.Short
		s.Violations += sum.Violations
		if sum.Phase == safex.PlannedPhase {
			s.Episodes++
			s.Return = &sum.Return
		}
	}
	s.Total -= short // steps that will not be
	steps, violations, e := store.Underway(dir, complete, j.Spec.Task.Task())
	s.Steps, s.Violations = max(complete, steps), s.Violations+violations
	if busy {
		s.Phase = Running
		return s
	}
	made, old, damage := j.there(dir)
	if err = cmp.Or(damage, err, e); err == nil && made {
		err = j.unlike(dir, old)
	}
	if err == nil {
		err = j.agree(dir, complete, steps, s.Total)
	}
	done := made && err == nil && complete >= s.Total
	if done && old.Evaluate != nil {
		var evaluated []store.Summary
		if evaluated, err = store.EvaluationSummaries(dir); err == nil {
			done = !store.Owed(old, sums, evaluated)
		}
	}
	if done && err == nil {
		err = j.whole(dir)
	}
	if err != nil && store.Busy(dir) { // a process has begun while files were read
		s.Phase = Running
		return s
	}
	if s.Failure = store.Failure(dir); done && err == nil {
		s.Failure = "" // as of another build that was asked for more, and then no longer
	}
	if s.Failure == "" && err != nil {
		s.Failure = err.Error()
	}
	switch {
	case s.Failure != "":
		s.Phase, s.Log = Failed, logged(dir)
	case done:
		s.Phase = Done
		if old.Build != j.Spec.Build {
			s.Build = old.Build
		}
	case s.Steps > 0:
		s.Phase = Stopped
	}
	return s
}

// whole reports files of a complete run that are damaged, or do not agree.
func (j Job) whole(dir string) error {
	system, err := j.Spec.Compile()
	if err != nil {
		return err
	}
	if _, _, err = store.Read(system, dir); err != nil {
		return err
	}
	e, err := j.Spec.Evaluation(system)
	if err != nil || e == nil {
		return err
	}
	_, _, err = store.Evaluations(e.System, dir)
	return err
}

// statesOf are the states of jobs in the folder out.
func statesOf(out string, jobs []Job) []State {
	states := make([]State, len(jobs))
	var next atomic.Int64
	var done sync.WaitGroup
	for range min(len(jobs), runtime.GOMAXPROCS(0)) {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(jobs); i = int(next.Add(1)) - 1 {
				states[i] = jobs[i].State(out)
			}
		})
	}
	done.Wait()
	return states
}

// there tells whether dir has the settings of a run, and which. It is an error if they cannot be read, or if something else is there.
func (j Job) there(dir string) (made bool, old *experiment.Spec, err error) {
	path := filepath.Join(dir, store.SpecFile)
	if _, err = os.Stat(path); err == nil {
		old, err = store.ReadSpec(dir, j.Spec.Task)
		return err == nil, old, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return false, nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, nil, fmt.Errorf("cannot read %s: %w", dir, err)
	}
	if i := slices.IndexFunc(entries, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") }); i >= 0 {
		return false, nil, fmt.Errorf("%s has a file %s and no %s: move the folder away, and the run starts again", dir, entries[i].Name(), store.SpecFile)
	}
	return false, nil, nil
}

// agree reports episodes.jsonl of so many complete steps, of total ones, and steps.csv of that many steps, that cannot be of one run: there is
// at most one episode more in steps.csv, which is written first.
func (j Job) agree(dir string, complete, steps, total int) error {
	next := 0
	switch {
	case complete < j.Spec.RandomSteps:
		next = j.Spec.RandomSteps
	case complete < total:
		next = j.Spec.Task.Task().Steps
	}
	if steps < complete || steps > complete+next {
		return fmt.Errorf("%s: the lines of episodes.jsonl have %d steps, and steps.csv %d: one of them was changed; put it back, or move the folder away", dir, complete, steps)
	}
	return nil
}

// logged is the log of the run folder dir, "" if there is none.
func logged(dir string) string {
	path := filepath.Join(dir, store.LogFile)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// Table writes states as a table.
func Table(w io.Writer, states []State) error {
	var rows [][]string
	for _, s := range states {
		last, state := "–", string(s.Phase)
		if s.Return != nil {
			last = fmt.Sprintf("%.1f", *s.Return)
		}
		if s.Failure != "" {
			state += ": " + s.Failure
		}
		if s.Build != "" {
			state += ", by safex " + s.Build
		}
		if s.Slurm != "" {
			state += "; in Slurm " + s.Slurm
		}
		rows = append(rows, []string{s.Run, fmt.Sprintf("%d/%d", s.Steps, s.Total), fmt.Sprint(s.Episodes), fmt.Sprint(s.Violations), last, state})
	}
	var p table.Page
	p.Add("", []string{"run", "steps", "episodes", "beyond a limit", "last return", "state"}, rows...)
	return p.Text(w)
}
