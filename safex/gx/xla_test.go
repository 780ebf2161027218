//go:build xla

package gx_test

import (
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/gx"
)

// refused are names that cannot be used, each with a part of its error.
var refused = map[string]string{
	"": "want go, xla", "GO": "want go, xla", "go:parallelism=1": "want go, xla",
	"xla:nonesuch": "plugin", "xla:/nonesuch.so": "no such file", "xla:cpu,tf32=true": "without options",
}

// XLA's name tells the plugin and the version of its interface. It predicts and trains in one place.
func TestXLA(t *testing.T) {
	asked, err := gx.Use("xla")
	if err != nil {
		t.Skip(err)
	}
	defer gx.Use(asked)
	name, err := gx.Name()
	plugin, ok := strings.CutPrefix(name, "xla:")
	if _, version, versioned := strings.Cut(plugin, "-0."); err != nil || !ok || !versioned || version == "" {
		t.Errorf("the name of xla is %q, %v", name, err)
	}
	rollout, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	training, err := gx.TrainingBackend()
	if err != nil || rollout != training {
		t.Errorf("rollouts are on %v and gradient steps on %v: %v", rollout, training, err)
	}
}
