// Package run keeps a run on disk: what was set, what happened, and what it takes to go on.
//
// A run is a folder:
//
//	run.yaml         every setting in force, the version and the seed
//	episodes.jsonl   a line for each complete episode; number 0 is the random phase
//	steps.csv        a row for each step of the real system
//	model/           what it takes to go on: model-N-M.json, the N-th fit, which knows M transitions, and
//	                 state.bin; and lock, which the process that runs it holds
//	figures/         pictures
//	log.txt          what a run of a study said
//	failed.txt       why it ended too soon; absent of a run that did not, or goes on
//
// Every file is whole or absent: it is written under a temporary name, synced and renamed.
package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
	"go.yaml.in/yaml/v3"

	"github.com/rischiboy/safe_exploration/safex/train"
)

// Files of a run folder.
const (
	settingsFile = "run.yaml"
	episodesFile = "episodes.jsonl"
	stepsFile    = "steps.csv"
	stateFile    = "model/state.bin"
	lockFile     = "model/lock"
	failedFile   = "failed.txt"
)

// writeFile replaces a file with all of data, or leaves it alone. What it has not finished is beside it, with a dot before its
// name. Tests replace it.
var writeFile = func(path string, data []byte) error {
	return renameio.WriteFile(path, data, 0o644, renameio.WithTempDir(filepath.Dir(path)))
}

// Write puts a file into the run folder dir, whole or not at all. name is a path below dir.
func Write(dir, name string, data []byte) error {
	path := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = writeFile(path, data)
	}
	return cannot("write", path, err)
}

// cannot says in one sentence what could not be done to a file, and what helps.
func cannot(what, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("run: cannot %s %s: the disk is full; make room and go on (%w)", what, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("run: cannot %s %s: not permitted; choose another folder with --out (%w)", what, path, err)
	}
	return fmt.Errorf("run: cannot %s %s: %w", what, path, err)
}

// Create makes the run folder dir with its settings, a value that JSON can encode. It refuses a
// folder that exists and is not empty, and leaves nothing behind if it fails.
func Create(dir string, settings any) (err error) {
	exists := func() error {
		if _, err := os.Stat(filepath.Join(dir, settingsFile)); err == nil {
			return fmt.Errorf("run: %s holds a run: choose another folder with --out, or go on with it by: safex resume %s", dir, dir)
		}
		return fmt.Errorf("run: %s exists and is not an empty folder: choose another with --out", dir)
	}
	dir = filepath.Clean(dir)
	entries, err := os.ReadDir(dir)
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), "."+settingsFile) }) // of a process that was killed here
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
			os.Remove(filepath.Join(dir, settingsFile))
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
	if err := writeSettings(dir, settings); err != nil {
		return err
	}
	// With a state from the beginning on, one that is missing later was lost.
	state, err := encode(&train.State{})
	if err != nil {
		return err
	}
	return Write(dir, stateFile, state)
}

// WriteSettings replaces run.yaml of the run folder dir, and leaves its time, which is that of the beginning of the run. The caller
// holds the Lock.
func WriteSettings(dir string, settings any) error {
	path := filepath.Join(dir, settingsFile)
	began, err := os.Stat(path)
	if err != nil {
		return cannot("read", path, err)
	}
	if err := writeSettings(dir, settings); err != nil {
		return err
	}
	return cannot("change the time of", path, os.Chtimes(path, time.Time{}, began.ModTime()))
}

func writeSettings(dir string, settings any) error {
	text, err := Encode(settings)
	if err != nil {
		return fmt.Errorf("run: settings: %w", err)
	}
	return Write(dir, settingsFile, text)
}

// Lock keeps other processes out of the run folder dir until unlock is called or the process ends.
func Lock(dir string) (unlock func(), err error) { return Hold(dir, lockFile) }

// patience is how long Hold waits for a lock: longer than Busy holds it.
const patience = 500 * time.Millisecond

// Hold keeps other processes that Hold the same out of the folder dir, by a lock on the file of that name below it, until unlock is
// called or the process ends.
func Hold(dir, name string) (unlock func(), err error) {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, cannot("make", filepath.Dir(path), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l := flock.New(path)
	switch _, err := l.TryLockContext(ctx, patience/50); {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("run: %s is in use by another process: wait for it, or end it first", dir)
	case err != nil:
		return nil, cannot("lock", dir, err)
	}
	return func() { l.Unlock() }, nil
}

// Busy tells whether a process holds the Lock of the run folder dir.
func Busy(dir string) bool {
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); err != nil {
		return false // never run
	}
	l := flock.New(path)
	ok, err := l.TryRLock()
	if ok {
		l.Unlock()
	}
	return !ok && err == nil
}

// Fail keeps in the run folder dir, in a sentence, why its run ended too soon.
func Fail(dir, why string) error { return Write(dir, failedFile, []byte(why+"\n")) }

// GoOn forgets what Fail kept.
func GoOn(dir string) { os.Remove(filepath.Join(dir, failedFile)) }

// Failure is what Fail kept; "" of a run that has not failed since it last went on.
func Failure(dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, failedFile))
	return strings.TrimSpace(string(text))
}

// Settings reads run.yaml of the run folder dir into v, by the JSON rules. Unknown keys are an error.
func Settings(dir string, v any) error {
	path := filepath.Join(dir, settingsFile)
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("run: %q is no run folder: it has no file %s", dir, settingsFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return cannot("read", path, err)
	}
	var any any
	if err := yaml.Unmarshal(text, &any); err != nil {
		return fmt.Errorf("run: %s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	again, err := json.Marshal(any)
	if err != nil {
		return fmt.Errorf("run: %s: %w", path, plainly(err))
	}
	if err := Strict(again, v); err != nil {
		return fmt.Errorf("run: %s: %w", path, err)
	}
	return nil
}

// Encode is v in YAML, with the names and the order that JSON gives its fields.
func Encode(v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var root yaml.Node // JSON is YAML
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	block(&root)
	return yaml.Marshal(&root)
}

// block turns JSON's style into YAML's: a line for each field, lists of numbers on one.
func block(n *yaml.Node) {
	flat := n.Kind == yaml.SequenceNode
	for _, c := range n.Content {
		block(c)
		flat = flat && c.Kind == yaml.ScalarNode
	}
	n.Style = 0
	if flat {
		n.Style = yaml.FlowStyle
	}
}
