package store

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// An Importer keeps episodes that were made elsewhere as a run, such that reports and figures read them. It has no model to go on with.
type Importer struct {
	system *safex.System
	writer *writer
}

// Import makes the folder of such a run, as Create does. In that of a run of the same settings it replaces the episodes.
func Import(dir string, s *experiment.Spec) (*Importer, error) {
	system, err := s.Compile()
	if err != nil {
		return nil, err
	}
	if err := Create(dir, s); err != nil {
		old, e := ReadSpec(dir, s.Task)
		if e != nil || !experiment.Same(old, s) {
			return nil, err
		}
	}
	return &Importer{system, newWriter(dir, system, nil)}, nil
}

// Add keeps an episode, whose number follows that of the one before, the random phase being 0. One that is not over can be the last alone.
func (i *Importer) Add(e safex.Episode, over bool) error {
	return i.writer.save(i.system, &train.State{Episode: e, Over: over})
}
