package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/reliability"
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
		if !errors.Is(err, run.ErrDisagree) || try == 3 {
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
	all, sums, err := run.Together(s, dir)
	if err != nil {
		return nil, err
	}
	for i, e := range all {
		x := Episode{Summary: run.Summarize(s, e), First: -1, Unfinished: i >= len(sums)}
		if x.Unfinished {
			x.PlanP50, x.PlanP99, x.NaNs, x.Infeasible = 0, 0, 0, 0
		} else {
			x.Summary = sums[i]
		}
		for t, broken := range e.Broken(s.Budgets()...) {
			if slices.Contains(broken, true) {
				x.First = t
				break
			}
		}
		if c, err := reliability.New(s, []safex.Episode{e}, lab.AssumedBeta); err == nil { // none of its steps was planned if it is not nil
			x.Inside, x.Planned, x.Assumed = c.Joint.K, c.Joint.N, c.Assumed.K
		}
		list = append(list, x)
	}
	return list, nil
}
