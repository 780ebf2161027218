package study

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/run"
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
	states := make([]State, len(jobs))
	for i, j := range jobs {
		states[i] = j.State(out)
	}
	return states, nil
}

// kept are the jobs of the study in the folder out.
func kept(out string) ([]Job, error) {
	path := filepath.Join(out, studyFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("study: %s is no folder of a study: it has no file %s", out, studyFile)
	}
	s, err := Read(path)
	if err != nil {
		return nil, err
	}
	return s.Jobs()
}

// State reads how far the run is in the folder of the study, out. Files that are not there, or cannot be read, count as nothing.
func (j Job) State(out string) State {
	dir := j.folder(out)
	s := State{Run: j.Dir, Phase: Waiting, Total: j.Total()}
	sums, _ := run.Summaries(dir)
	complete := 0
	for _, sum := range sums {
		complete += sum.Steps
		s.Violations += sum.Violations
		if sum.Phase == safex.Planned {
			s.Episodes++
			s.Return = &sum.Return
		}
	}
	steps, violations := underway(filepath.Join(dir, "steps.csv"), complete, j.Settings.Parameters.Task())
	s.Steps, s.Violations = max(complete, steps), s.Violations+violations
	s.Failure = run.Failure(dir)
	switch {
	case run.Busy(dir):
		s.Phase, s.Failure = Running, ""
	case s.Failure != "":
		s.Phase = Failed
		s.Log = filepath.Join(dir, logFile)
	case s.Steps >= s.Total:
		s.Phase = Done
		if old, err := settings(dir); err == nil && old.Build != j.Settings.Build {
			s.Build = old.Build
		}
	case s.Steps > 0:
		s.Phase = Stopped
	}
	return s
}

// underway is the number of steps of a file steps.csv of a task, and of those beyond a limit after the first complete ones.
func underway(path string, complete int, task safex.Task) (steps, violations int) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0
	}
	header := bytes.IndexByte(text, '\n') + 1
	steps = bytes.Count(text[header:], []byte("\n"))
	if steps <= complete {
		return steps, 0
	}
	rest := text[header:]
	for range complete {
		rest = rest[bytes.IndexByte(rest, '\n')+1:]
	}
	var tr safex.Trajectory
	var budgets []float64
	spent := 0.0
	for _, l := range task.Limits {
		budgets, spent = append(budgets, l.Budget), spent+l.Budget
	}
	if spent == 0 {
		budgets = nil
	}
	r := csv.NewReader(bytes.NewReader(rest))
	from := 2 + len(task.State) + len(task.Action) + 1
	for {
		row, err := r.Read()
		if err == io.EOF {
			return steps, violations + tr.Violations(budgets...)
		}
		if err != nil || len(row) < from+len(task.Limits) {
			return steps, violations
		}
		if row[1] == "0" { // episodes.jsonl is written after steps.csv
			violations += tr.Violations(budgets...)
			tr = safex.Trajectory{}
		}
		excess := make([]float64, len(task.Limits))
		for k := range excess {
			v, err := strconv.ParseFloat(row[from+k], 64)
			if err != nil {
				v = math.NaN()
			}
			excess[k] = v
		}
		tr.Excess = append(tr.Excess, excess)
	}
}

// Table writes states as a table.
func Table(w io.Writer, states []State) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "run\tsteps\tepisodes\tbeyond a limit\tlast return\tstate")
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
		fmt.Fprintf(t, "%s\t%d/%d\t%d\t%d\t%s\t%s\n", s.Run, s.Steps, s.Total, s.Episodes, s.Violations, last, state)
	}
	return t.Flush()
}
