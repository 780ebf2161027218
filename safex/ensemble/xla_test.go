//go:build xla

package ensemble

import (
	"context"
	"math"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/gx"
)

// Gradient steps on XLA lead where those of the pure-Go backend lead, for every kind and activation.
func TestXLATrainsAsGo(t *testing.T) {
	for name, e := range kinds() {
		for activation := range activations {
			e.Activation = activation
			reached := map[string]state{}
			for _, backend := range []string{"go", "xla"} {
				asked, err := gx.Use(backend)
				if err != nil {
					t.Skip(err)
				}
				reached[backend], _ = after(t, context.Background(), e, 40)
				gx.Use(asked)
			}
			worst := 0.0
			for l, layer := range reached["go"].layers {
				for i, v := range layer {
					worst = max(worst, math.Abs(float64(v-reached["xla"].layers[l][i])))
				}
			}
			t.Logf("%s, %s: %.1g", name, activation, worst)
			if !(worst < 3e-5) {
				t.Errorf("%s, %s: weights are apart by %v after 40 steps", name, activation, worst)
			}
		}
	}
}
