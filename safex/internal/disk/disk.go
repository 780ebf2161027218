// Package disk writes files whole or not at all, and keeps other processes out of a folder meanwhile.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// WriteFile replaces a file with all of data, or leaves it alone. What it has not finished is beside it, with a dot before its
// name. Tests replace it.
var WriteFile = func(path string, data []byte) error {
	return renameio.WriteFile(path, data, 0o644, renameio.WithTempDir(filepath.Dir(path)))
}

// Write puts a file into its folder, which it makes if need be, whole or not at all.
func Write(path string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = WriteFile(path, data)
	}
	return Cannot("write", path, err)
}

// Cannot says in one sentence what could not be done to a file, and what helps; nil of nil.
func Cannot(what, path string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("cannot %s %s: the disk is full; make room and go on (%w)", what, path, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("cannot %s %s: not permitted; choose another folder with --out (%w)", what, path, err)
	}
	return fmt.Errorf("cannot %s %s: %w", what, path, err)
}

// patience is how long Hold waits for a lock: longer than Held holds it.
const patience = 500 * time.Millisecond

// Hold keeps other processes that Hold the same out of the folder dir, by a lock on the file of that name below it, until unlock is
// called or the process ends.
func Hold(dir, name string) (unlock func(), err error) {
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, Cannot("make", filepath.Dir(path), err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	l := flock.New(path)
	switch _, err := l.TryLockContext(ctx, patience/50); {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s is in use by another process: wait for it, or end it first", dir)
	case err != nil:
		return nil, Cannot("lock", dir, err)
	}
	return func() { l.Unlock() }, nil
}

// Held tells whether a process holds a lock that Hold made.
func Held(dir, name string) bool {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return false // nobody ever did
	}
	l := flock.New(path)
	ok, err := l.TryRLock()
	if ok {
		l.Unlock()
	}
	return !ok && err == nil
}

// Pause is between two looks at files that do not agree, as while a process writes them. Tests replace it.
var Pause = func() { time.Sleep(50 * time.Millisecond) }
