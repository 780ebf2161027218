package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A Saved run is what is in its folder.
type Saved struct {
	Dir       string
	Spec      *experiment.Spec
	System    *safex.System
	Episodes  []safex.Episode // that are complete, the random phase first, and the one under way
	Summaries []Summary       // of those that are complete

	Evaluation  *safex.System   // the task of the evaluations; nil of a run without
	Evaluations []safex.Episode // that were made, each with the number of the episode that it follows
	Evaluated   []Summary       // of these
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
	if r.Episodes, r.Summaries, err = Settled(system, dir); err != nil {
		return r, err
	}
	e, err := spec.Evaluation(system)
	if err != nil || e == nil {
		return r, stored(err)
	}
	r.Evaluation = e.System
	r.Evaluations, r.Evaluated, err = SettledEvaluations(e.System, dir)
	return r, err
}

// Model is that of the last save: the fit that a Filter judges by, if there is one. It is nil before the first fit.
func (r *Saved) Model() (safex.Model, error) {
	k, err := r.Spec.Compose()
	if err != nil {
		return nil, stored(err)
	}
	for try := 0; ; try++ {
		s, err := r.state(k)
		if errors.Is(err, fs.ErrNotExist) && try < 3 { // the file of a model that a newer one has just replaced
			disk.Pause()
			continue
		}
		switch {
		case err != nil:
			return nil, err
		case s.Guarded:
			return s.Base, nil
		}
		return s.Model, nil
	}
}

// state is that of the last save, with its models.
func (r *Saved) state(k safex.Codec) (*train.State, error) {
	path := filepath.Join(r.Dir, stateFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannot("read", path, err)
	}
	s, err := decodeState(text)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	_, err = load(r.Dir, r.System, k, s)
	return s, err
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

// SettledEvaluations is Evaluations, again if need be until files that a process writes agree.
func SettledEvaluations(s *safex.System, dir string) (episodes []safex.Episode, sums []Summary, err error) {
	for try := 0; ; try++ {
		episodes, sums, err = Evaluations(s, dir)
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

// Complete tells whether the run took all its steps, but for those that the end of an episode left out, and made all its evaluations.
func (r *Saved) Complete() bool {
	short := 0
	for _, sum := range r.Summaries {
		short += sum.Short
	}
	return r.Steps()+short == r.Spec.Total() && !Owed(r.Spec, r.Summaries, r.Evaluated)
}

// Data are the transitions of all episodes.
func (r *Saved) Data() *safex.Data {
	d := &safex.Data{}
	for _, e := range r.Episodes {
		d.AppendEpisode(e.Trajectory)
	}
	return d
}
