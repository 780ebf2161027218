//go:build unix

package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
)

// A pipe in the place of a file is refused: nobody waits for what will not come.
func TestReadPipe(t *testing.T) {
	for _, name := range []string{"steps.csv", "episodes.jsonl"} {
		dir := filepath.Join(t.TempDir(), "run")
		keep(t, dir, settings(t, "safe", 1), ok(1)...)
		file := filepath.Join(dir, name)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(file, 0o644); err != nil {
			t.Skip(err)
		}
		for path, want := range map[string]string{dir: "is no file", file: "is neither a folder nor a file"} {
			if _, err := report.Read(path); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q", path, err, want)
			}
		}
	}
}
