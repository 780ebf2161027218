package store

import (
	"errors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
)

// A Saved run is what is in its folder.
type Saved struct {
	Dir       string
	Spec      *experiment.Spec
	System    *safex.System
	Episodes  []safex.Episode // that are complete, the random phase first, and the one under way
	Summaries []Summary       // of those that are complete
}

// Open reads the run folder dir, also while a process goes on with it. Tasks are those of experiment.Tasks, and the program's own that are
// passed.
func Open(dir string, own ...safex.Maker) (*Saved, error) {
	spec, err := ReadSpec(dir, own...)
	if err != nil {
		return nil, err
	}
	system, err := spec.Compile()
	if err != nil {
		return nil, stored(err)
	}
	r := &Saved{Dir: dir, Spec: spec, System: system}
	r.Episodes, r.Summaries, err = Settled(system, dir)
	return r, err
}

// Settled is Read, again if need be until files that a process writes agree.
func Settled(s *safex.System, dir string) (episodes []safex.Episode, sums []Summary, err error) {
	for try := 0; ; try++ {
		episodes, sums, err = Read(s, dir)
		if !errors.Is(err, ErrDisagree) || try == 3 {
			return episodes, sums, err
		}
		disk.Pause()
	}
}

// Steps is the number of steps that are saved, those of an episode under way among them.
func (r *Saved) Steps() (n int) {
	for _, e := range r.Episodes {
		n += len(e.Actions)
	}
	return n
}

// Complete tells whether the run took all its steps.
func (r *Saved) Complete() bool { return r.Steps() == r.Spec.Total() }

// Data are the transitions of all episodes.
func (r *Saved) Data() *safex.Data {
	d := &safex.Data{}
	for _, e := range r.Episodes {
		d.AppendEpisode(e.Trajectory)
	}
	return d
}
