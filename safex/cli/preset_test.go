package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// --preset sets what is not given, and what is given counts.
func TestPresetFlag(t *testing.T) {
	for _, c := range []struct{ args, lines []string }{
		{nil, []string{"Type: ensemble.Ensemble", "Noise: 0.0001", "Beta: sigmoid 1 to 3 around 10 frozen", "Type: calibrate.Temperature", "RandomSteps: 100", "LearnEvery: 0", "RepeatNoise: true", "Type: opt.CEM"}},
		{[]string{"--model", "gp", "--calibrate", "none", "--explore", "7", "--learn-every", "9", "--inner", "mppi", "--set", "planner.Alternations=3"},
			[]string{"Type: gp.GP", "RandomSteps: 7", "LearnEvery: 9", "RepeatNoise: true", "Type: opt.MPPI", "Alternations: 3"}},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		args := append([]string{"train", "pendulum", "--planner", "minmax", "--preset", "reference", "--episodes", "0", "--out", dir}, c.args...)
		if _, _, err := do(nil, args...); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range c.lines {
			if !strings.Contains(string(text), " "+line+"\n") && !strings.Contains(string(text), "\n"+line+"\n") {
				t.Errorf("%v: no line %q in\n%s", c.args, line, text)
			}
		}
	}
	for want, args := range map[string][]string{
		"was not published":            {"train", "pendulum", "--preset", "reference"},
		`Nominal has no field "Inner"`: {"train", "pendulum", "--planner", "safe", "--inner", "cem"},
		`there is no preset "ref"`:     {"train", "pendulum", "--preset", "ref"},
	} {
		if _, _, err := do(nil, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", args, err, want)
		}
	}
}
