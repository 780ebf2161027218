package report

import (
	"encoding/json/jsontext"
	"fmt"
	"slices"
	"sync"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// reader reads run folders. What runs have in common is made once.
type reader struct {
	own     []safex.Maker
	lock    sync.Mutex
	systems map[string]*compiled    // by their settings
	studies map[string]*study.Study // by their folder
}

// compiled is the task of some settings.
type compiled struct {
	once   sync.Once
	system *safex.System
	err    error
}

// folder is the run folder dir: a Method with one Run.
func (r *reader) folder(dir string) (m Method, err error) {
	s, err := store.ReadSpec(dir, r.own...)
	if err != nil {
		return m, err
	}
	bare, err := withoutSeed(s)
	if err != nil {
		return m, fmt.Errorf("report: %s: %w", dir, err)
	}
	system, err := r.system(string(bare), s)
	if err != nil {
		return m, fmt.Errorf("report: %s: %w", dir, err)
	}
	m = Method{
		Task: s.TaskName(), Planner: s.PlannerName(), Model: s.ModelName(), Build: s.Build, Settings: bare, Steps: s.Total(),
	}
	if s.Calibration != nil {
		m.Calibrate = s.CalibrationName()
	}
	if s.Filter != nil {
		m.Filter = s.FilterName()
	}
	for _, l := range system.Limits {
		m.Limits = append(m.Limits, Limit{l.Name, l.Unit})
	}
	if err := r.belongs(&m, s, dir); err != nil {
		return m, err
	}
	one := Run{Seed: s.Seed}
	if one.Episodes, err = episodes(system, dir); err != nil {
		return m, err
	}
	sums, err := store.EvaluationSummaries(dir)
	if err != nil {
		return m, err
	}
	if s.Evaluate != nil {
		one.Evaluations = evaluations(sums, one.Episodes)
	}
	tubes, err := reliability.ReadTubes(dir, s.Build)
	if err != nil {
		return m, fmt.Errorf("report: %w", err)
	}
	for _, t := range tubes {
		if t.Episode < len(one.Episodes) && one.Episodes[t.Episode].Steps == t.Plans {
			e := &one.Episodes[t.Episode]
			e.Tubes, e.InTube, e.Backups, e.BackupsIn = t.Plans, t.PlansInTube, t.Backups, t.BackupsInTube
		}
	}
	m.Runs = []Run{one}
	return m, nil
}

// withoutSeed is everything of s that a Method has in common.
func withoutSeed(s *experiment.Spec) (jsontext.Value, error) {
	text, err := encode.JSON(s)
	if err != nil {
		return nil, err
	}
	var all map[string]jsontext.Value
	if err := encode.Decode(text, &all); err != nil {
		return nil, err
	}
	delete(all, "Seed")
	delete(all, "Build")
	return encode.JSON(all)
}

// system is the task of s, compiled for the first of those that have the settings in common.
func (r *reader) system(common string, s *experiment.Spec) (*safex.System, error) {
	r.lock.Lock()
	c := r.systems[common]
	if c == nil {
		c = &compiled{}
		r.systems[common] = c
	}
	r.lock.Unlock()
	c.once.Do(func() { c.system, c.err = s.Compile() })
	return c.system, c.err
}

// episodes are those of a run folder, the one under way last.
func episodes(s *safex.System, dir string) (list []Episode, err error) {
	all, sums, err := store.Settled(s, dir)
	if err != nil {
		return nil, err
	}
	var corners [][]float64
	for i, e := range all {
		x := Episode{Summary: store.Summarize(s, e), First: -1, Unfinished: i >= len(sums)}
		if !x.Unfinished {
			x.Summary = sums[i] // which has the times
		}
		for t, broken := range e.Broken(s.Budgets()...) {
			if slices.Contains(broken, true) {
				x.First = t
				break
			}
		}
		if c, err := reliability.New(s, []safex.Episode{e}, reliability.AssumedBeta); err == nil { // nothing was believed of its steps if it is not nil
			x.Inside, x.Planned, x.Assumed = c.Joint.K, c.Joint.N, c.Assumed.K
		}
		states := e.States
		if e.Real != nil {
			states = e.Real
		}
		x.Explored, corners = explored(slices.Concat(corners, states))
		list = append(list, x)
	}
	return list, nil
}
