package lab

import (
	"errors"
	"io/fs"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/run"
)

// Progress is how far a run is.
type Progress struct {
	System   *safex.System
	Complete []run.Summary // of the episodes that are over, the random phase first
	Steps    int           // that are saved, those of an episode under way among them
	Total    int           // of the whole run
	Busy     bool          // a process goes on with it
}

// ProgressOf reads how far the run in the folder dir is, also while a process goes on with it.
func ProgressOf(dir string) (p Progress, err error) {
	s, system, err := read(dir)
	if err != nil {
		return p, err
	}
	p = Progress{System: system, Total: s.Explore + s.Episodes*system.Steps, Busy: run.Busy(dir)}
	if p.Complete, err = run.Summaries(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	episodes, err := run.Episodes(system, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	for _, e := range episodes {
		p.Steps += len(e.Actions)
	}
	return p, nil
}
