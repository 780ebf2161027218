package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/card"
	"github.com/rischiboy/safe_exploration/safex/lab"
	"github.com/rischiboy/safe_exploration/safex/run"
)

// reader reads run folders. What runs have in common is made once.
type reader struct {
	lock    sync.Mutex
	systems map[string]*compiled // by their settings
	studies map[string]*study    // by their folder
}

// compiled is the task of some settings.
type compiled struct {
	once   sync.Once
	system *safex.System
	err    error
}

// errDisagree is the error of files that do not agree, as they may for a moment while a run that was resumed is saved.
var errDisagree = errors.New("one of them was changed")

// pause is between two looks at files that do not agree. Tests replace it.
var pause = func() { time.Sleep(50 * time.Millisecond) }

// folder is the run folder dir: a Method with one Run.
func (r *reader) folder(dir string) (m Method, err error) {
	var s lab.Settings
	if err := run.Settings(dir, &s); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return m, err
		}
		return m, fmt.Errorf("%w: it is damaged, or of another version than safex %s", err, lab.Version)
	}
	bare, err := withoutSeed(&s)
	if err != nil {
		return m, fmt.Errorf("result: %s: %w", dir, err)
	}
	system, err := r.system(string(bare), &s)
	if err != nil {
		return m, fmt.Errorf("result: %s: %w", dir, err)
	}
	m = Method{
		Task: s.Task, Planner: s.Planner, Model: s.Model, Build: s.Build, Settings: bare,
		Steps: s.Explore + s.Episodes*system.Steps,
	}
	if s.Calibrating != nil {
		m.Calibrate = s.Calibrate
	}
	for _, l := range system.Limits {
		m.Limits = append(m.Limits, Limit{l.Name, l.Unit})
	}
	if err := r.belongs(&m, dir); err != nil {
		return m, err
	}
	one := Run{Seed: s.Seed}
	for try := 0; ; try++ {
		one.Episodes, err = episodes(system, dir)
		if !errors.Is(err, errDisagree) || try == 3 {
			break
		}
		pause()
	}
	m.Runs = []Run{one}
	return m, err
}

// withoutSeed is everything of s that a Method has in common.
func withoutSeed(s *lab.Settings) ([]byte, error) {
	return json.Marshal(struct {
		*lab.Settings
		Seed, Build *struct{} `json:",omitempty"` // in place of those of s
	}{Settings: s})
}

// system is the task of s, compiled for the first of those that have the settings in common.
func (r *reader) system(common string, s *lab.Settings) (*safex.System, error) {
	r.lock.Lock()
	c := r.systems[common]
	if c == nil {
		c = &compiled{}
		r.systems[common] = c
	}
	r.lock.Unlock()
	c.once.Do(func() { c.system, c.err = s.System() })
	return c.system, c.err
}

// episodes are those of a run folder, the one under way last.
func episodes(s *safex.System, dir string) (list []Episode, err error) {
	// A run writes episodes.jsonl after steps.csv: read before it, it is not ahead.
	var sums []run.Summary
	summed, err := there(filepath.Join(dir, "episodes.jsonl"))
	if err != nil {
		return nil, err
	}
	if summed {
		if sums, err = run.Summaries(dir); err != nil {
			return nil, err
		}
	}
	if ok, err := there(filepath.Join(dir, "steps.csv")); err != nil || !ok && !summed {
		return nil, err // without an error it has just begun
	}
	all, err := run.Episodes(s, dir)
	if err != nil {
		return nil, err
	}
	disagree := func(number int) error {
		return fmt.Errorf("result: %s: episodes.jsonl and steps.csv do not agree on episode %d: %w", dir, number, errDisagree)
	}
	for i, e := range all {
		x := Episode{Summary: run.Summarize(s, e), First: -1, Unfinished: i >= len(sums)}
		if x.Unfinished {
			x.PlanP50, x.PlanP99, x.NaNs, x.Infeasible = 0, 0, 0, 0
		} else if sum := sums[i]; sum.Steps != x.Steps || sum.Return != x.Return || sum.Violations != x.Violations {
			return nil, disagree(i)
		} else {
			x.Summary = sum
		}
		for t, broken := range e.Broken(s.Budgets()...) {
			if slices.Contains(broken, true) {
				x.First = t
				break
			}
		}
		if c, err := card.New(s, []safex.Episode{e}, lab.AssumedBeta); err == nil { // none of its steps was planned if it is not nil
			x.Inside, x.Planned, x.Assumed = c.Joint.K, c.Joint.N, c.Assumed.K
		}
		list = append(list, x)
	}
	if len(sums) > len(list) {
		return nil, disagree(len(list))
	}
	if n := len(list); n > len(sums)+1 {
		return nil, disagree(len(sums))
	}
	return list, nil
}

// there tells whether there is a file at path. What is none, as a folder or a pipe, is an error.
func there(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("result: %w", err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("result: %s is no file", path)
	}
	return true, nil
}
