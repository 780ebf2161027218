// Package store keeps runs on disk: what was set, what happened, and what it takes to go on, to the bit. It alone knows the files of a run.
//
//	s := experiment.Default(tasks.DefaultPendulum())
//	for e, err := range store.Train(ctx, "runs/first", s) { … }
//	r, err := store.Open("runs/first")
//	fmt.Println(len(r.Episodes), r.Summaries[1].Return)
//
// What is read back is what was live, but for the times of plans and fits within an episode. A run whose plans have a deadline, or that learns
// in the background, goes on without a loss and not to the bit: a fit that was cut short is begun again. A run of a task of one's own keeps a fingerprint of the
// task: who reads the run passes the task again, and another is refused with the first difference.
//
// A run is a folder:
//
//	run.yaml         every setting in force, the version and the seed
//	episodes.jsonl   a line for each complete episode; number 0 is the random phase
//	steps.csv        a row for each step of the real system
//	evaluations.jsonl, evaluations.csv
//	                 the same of the evaluations of a run that has some, each with the number of the episode that it follows
//	model/           what it takes to go on: model-N-M.json, the N-th fit, which knows M transitions, and
//	                 state.bin; the logs that the run began with, log-1.csv and so on, as they were; and lock,
//	                 which the process that runs it holds
//	figures/         pictures
//	log.txt          what a run of a study said
//	failed.txt       why it ended too soon; absent of a run that did not, or goes on
//
// Every file is whole or absent: it is written under a temporary name, synced and renamed.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Files of a run folder.
const (
	episodesFile = "episodes.jsonl"
	stepsFile    = "steps.csv"
	stateFile    = "model/state.bin"
	lockFile     = "model/lock"
	failedFile   = "failed.txt"
	figuresDir   = "figures"
)

// SpecFile is that of the settings of a run, below its folder.
const SpecFile = "run.yaml"

// LogFile is where a run of a study says what it does, below its folder.
const LogFile = "log.txt"

// Write puts a file into the run folder dir, whole or not at all. name is a path below dir.
func Write(dir, name string, data []byte) error {
	return stored(disk.Write(filepath.Join(dir, name), data))
}

// cannot says in one sentence what could not be done to a file, and what helps.
func cannot(what, path string, err error) error { return stored(disk.Cannot(what, path, err)) }

// stored is an error of this package.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %w", err)
}

// Create makes the run folder dir with its settings. It refuses a
// folder that exists and is not empty, and leaves nothing behind if it fails.
func Create(dir string, settings *experiment.Spec) (err error) {
	exists := func() error {
		if IsRun(dir) {
			return fmt.Errorf("store: %s holds a run: choose another folder with --out, or go on with it by: safex resume %s", dir, dir)
		}
		return fmt.Errorf("store: %s exists and is not an empty folder: choose another with --out", dir)
	}
	dir = filepath.Clean(dir)
	entries, err := os.ReadDir(dir)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), "."+SpecFile) || unbegun(dir, e) }) // of a process that was killed here
	switch _, lerr := os.Lstat(dir); {
	case err == nil && len(entries) > 0, err != nil && lerr == nil:
		return exists()
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return cannot("read", dir, err)
	}
	var made []string // folders, the innermost first
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	ours := true
	defer func() {
		if err != nil && ours {
			os.Remove(filepath.Join(dir, SpecFile))
			removeLogs(dir, settings)
			os.Remove(filepath.Join(dir, filepath.Dir(stateFile)))
			for _, d := range made {
				os.Remove(d)
			}
		}
	}()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return cannot("make", dir, err)
	}
	if err := os.Mkdir(dir, 0o755); len(made) > 0 && errors.Is(err, fs.ErrExist) { // made by another process just now
		ours = false
		return exists()
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
		return cannot("make", dir, err)
	}
	if err := writeLogs(dir, settings); err != nil { // before what makes the folder that of a run
		return err
	}
	if err := writeSpec(dir, settings); err != nil {
		return err
	}
	// With a state from the beginning on, one that is missing later was lost.
	state, err := encodeState(&train.State{})
	if err != nil {
		return err
	}
	return Write(dir, stateFile, state)
}

// WriteSpec replaces run.yaml of the run folder dir, and leaves its time, which is that of the beginning of the run. The caller
// holds the Lock.
func WriteSpec(dir string, settings *experiment.Spec) error {
	path := filepath.Join(dir, SpecFile)
	began, err := os.Stat(path)
	if err != nil {
		return cannot("read", path, err)
	}
	if err := writeSpec(dir, settings); err != nil {
		return err
	}
	return cannot("change the time of", path, os.Chtimes(path, time.Time{}, began.ModTime()))
}

func writeSpec(dir string, settings *experiment.Spec) error {
	text, err := settings.YAML()
	if err != nil {
		return fmt.Errorf("store: settings: %w", err)
	}
	return Write(dir, SpecFile, text)
}

// Lock keeps other processes out of the run folder dir until unlock is called or the process ends.
func Lock(dir string) (unlock func(), err error) {
	unlock, err = disk.Hold(dir, lockFile)
	return unlock, stored(err)
}

// Busy tells whether a process holds the Lock of the run folder dir.
func Busy(dir string) bool { return disk.Held(dir, lockFile) }

// Fail keeps in the run folder dir, in a sentence, why its run ended too soon.
func Fail(dir, why string) error { return Write(dir, failedFile, []byte(why+"\n")) }

// GoOn forgets what Fail kept.
func GoOn(dir string) { os.Remove(filepath.Join(dir, failedFile)) }

// Failure is what Fail kept; "" of a run that has not failed since it last went on.
func Failure(dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, failedFile))
	return strings.TrimSpace(string(text))
}

// ReadSpec reads run.yaml of the run folder dir. Tasks are those of experiment.Tasks, and the program's own that are passed.
func ReadSpec(dir string, own ...safex.Maker) (*experiment.Spec, error) {
	path := filepath.Join(dir, SpecFile)
	if !IsRun(dir) {
		return nil, fmt.Errorf("store: %q is no run folder: it has no file %s", dir, SpecFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannot("read", path, err)
	}
	s, err := experiment.FromYAML(text, own...)
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", path, err)
	}
	return s, readLogs(dir, s)
}

// Begun tells whether dir has what a run begins with, in whatever form, so that no other run may be made there.
func Begun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, SpecFile))
	return err == nil
}

// IsRun tells whether dir is a run folder, with settings whatever they look like.
func IsRun(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, SpecFile))
	return err == nil && info.Mode().IsRegular()
}

// Find finds the run folders at and below dir, in order. Below it, it follows symbolic links to run folders alone.
func Find(dir string) (found []string, err error) {
	if IsRun(dir) {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, cannot("read", dir, err)
	}
	for _, e := range entries {
		below := filepath.Join(dir, e.Name())
		if e.IsDir() || e.Type()&fs.ModeSymlink != 0 && IsRun(below) {
			more, err := Find(below)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
	}
	return found, nil
}

// Text is run.yaml of the run folder dir as it is, and Began when it was written, at the beginning of the run.
func Text(dir string) (text []byte, began time.Time, err error) {
	path := filepath.Join(dir, SpecFile)
	info, err := os.Stat(path)
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, time.Time{}, cannot("read", path, err)
	}
	return text, info.ModTime(), nil
}
