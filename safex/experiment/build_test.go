package experiment_test

import (
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// A build names its backend, but for go, which is in all of them.
func TestBuildNamesBackend(t *testing.T) {
	backend, err := experiment.Backend()
	if err != nil {
		t.Fatal(err)
	}
	if named := strings.HasSuffix(experiment.Build(), " "+backend); named == (backend == "go") {
		t.Errorf("build %q of backend %q", experiment.Build(), backend)
	}
}
