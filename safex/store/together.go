package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex"
)

// ErrDisagree is the error of files of a run that do not agree, as they may for a moment while a run that was resumed is saved.
var ErrDisagree = errors.New("one of them was changed")

// Read reads episodes.jsonl and steps.csv of the run folder dir of s: the episodes, that under way last, and the summaries of those that
// are complete. Both are empty if neither file is there yet. It is ErrDisagree, wrapped, if the summaries are not those of the steps.
func Read(s *safex.System, dir string) (episodes []safex.Episode, sums []Summary, err error) {
	// A run writes episodes.jsonl after steps.csv: read before it, it is not ahead.
	summed, err := there(filepath.Join(dir, episodesFile))
	if err != nil {
		return nil, nil, err
	}
	if summed {
		if sums, err = Summaries(dir); err != nil {
			return nil, nil, err
		}
	}
	if ok, err := there(filepath.Join(dir, stepsFile)); err != nil || !ok && !summed {
		return nil, nil, err // without an error it has just begun
	}
	if episodes, err = readSteps(s, dir); err != nil {
		return nil, nil, err
	}
	episodes = explored(episodes, sums)
	disagree := func(number int) error {
		return fmt.Errorf("store: %s: %s and %s do not agree on episode %d: %w", dir, episodesFile, stepsFile, number, ErrDisagree)
	}
	for i, sum := range sums {
		if i >= len(episodes) {
			return nil, nil, disagree(i)
		}
		if e := Summarize(s, episodes[i]); sum.Phase != e.Phase || sum.Steps != e.Steps || sum.Return != e.Return || sum.Violations != e.Violations {
			return nil, nil, disagree(i)
		}
	}
	if len(episodes) > len(sums)+1 {
		return nil, nil, disagree(len(sums))
	}
	return episodes, sums, nil
}

// Steps reads steps.csv of the run folder dir of s alone: the episodes, that under way last, whatever episodes.jsonl says.
func Steps(s *safex.System, dir string) ([]safex.Episode, error) { return readSteps(s, dir) }

// there tells whether there is a file at path. What is none, as a folder or a pipe, is an error.
func there(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, cannot("read", path, err)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("store: %s is no file", path)
	}
	return true, nil
}
