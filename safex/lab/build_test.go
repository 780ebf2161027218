package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A build names its backend, but for go, which is in all of them.
func TestBuildNamesBackend(t *testing.T) {
	backend, err := Backend()
	if err != nil {
		t.Fatal(err)
	}
	if named := strings.HasSuffix(Build(), " "+backend); named == (backend == "go") {
		t.Errorf("build %q of backend %q", Build(), backend)
	}
}

// Without its backend a run does not start, and leaves nothing behind.
func TestStartNeedsBackend(t *testing.T) {
	dir := os.Getenv("LAB_START")
	if dir == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestStartNeedsBackend$")
		cmd.Env = append(os.Environ(), "LAB_START="+filepath.Join(t.TempDir(), "run"), "SAFEX_BACKEND=nonesuch")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	s, err := Default("pendulum", "unsafe")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(dir, s); err == nil || !strings.Contains(err.Error(), `SAFEX_BACKEND: there is no "nonesuch"`) {
		t.Errorf("start: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it left %s: %v", dir, err)
	}
}
