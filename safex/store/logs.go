package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// loggedFile is where the k-th log that a run began with is kept, from 0 on, below its folder: beside what else it takes to go on.
func loggedFile(k int) string { return fmt.Sprintf("model/log-%d.csv", k+1) }

// writeLogs puts the logs of settings into the run folder dir, as they are.
func writeLogs(dir string, settings *experiment.Spec) error {
	for k, l := range settings.Logs {
		if err := Write(dir, loggedFile(k), l.Text()); err != nil {
			return err
		}
	}
	return nil
}

// removeLogs removes them.
func removeLogs(dir string, settings *experiment.Spec) {
	for k := range settings.Logs {
		os.Remove(filepath.Join(dir, loggedFile(k)))
	}
}

// readLogs gives the logs of settings that were read from the run folder dir their texts. It refuses another text.
func readLogs(dir string, settings *experiment.Spec) error {
	for k, l := range settings.Logs {
		path := filepath.Join(dir, loggedFile(k))
		text, err := os.ReadFile(path)
		if err != nil {
			return cannot("read", path, err)
		}
		if settings.Logs[k], err = l.WithText(text); err != nil {
			return fmt.Errorf("store: %s: %w: put the log back there, or start another run", path, err)
		}
	}
	return nil
}

// unbegun tells whether an entry of the folder dir is what a process left behind that was killed between the logs of a run and its settings.
func unbegun(dir string, e fs.DirEntry) bool {
	folder, prefix := filepath.Split(loggedFile(0))
	prefix, _, _ = strings.Cut(prefix, "1")
	if !e.IsDir() || e.Name() != filepath.Clean(folder) || Begun(dir) {
		return false
	}
	entries, err := os.ReadDir(filepath.Join(dir, e.Name()))
	for _, below := range entries {
		if !strings.HasPrefix(strings.TrimPrefix(below.Name(), "."), prefix) {
			return false
		}
	}
	return err == nil && len(entries) > 0
}
