package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Without its backend a run does not start, and leaves nothing behind.
func TestStartNeedsBackend(t *testing.T) {
	dir := os.Getenv("STORE_START")
	if dir == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestStartNeedsBackend$")
		cmd.Env = append(os.Environ(), "STORE_START="+filepath.Join(t.TempDir(), "run"), "SAFEX_BACKEND=nonesuch")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	s, err := experiment.Named("pendulum", "planner=unsafe")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Start(dir, s); err == nil || !strings.Contains(err.Error(), `SAFEX_BACKEND: there is no "nonesuch"`) {
		t.Errorf("start: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it left %s: %v", dir, err)
	}
}
