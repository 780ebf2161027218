package figures

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/report"
)

// fallers are three settings of a filter and one without, beside what somebody published.
func fallers() *Gallery {
	g := &Gallery{Set: &report.Set{}, Band: IQM, Episode: -1, Fallbacks: []Fallback{{Task: "pendulum", Name: "A peer", Source: "made for this test", Settings: []Fallen{
		{Setting: "β 1", Episodes: 40, Failures: 30, Steps: 500, Fallback: 200, Explored: 0.12}, {Setting: "β 2", Episodes: 40, Failures: 3, Steps: 780, Fallback: 700, Explored: 0.05},
	}}}}
	for i, v := range []string{"off", "miss-0.3", "miss-0.1", "miss-0.03"} {
		m := learner("pendulum", "pessimistic", v, 4, 2, max(0, float64(2-i)), `{"LearnEvery"`, `{"Calibration": "`+v+`", "LearnEvery"`)
		if i > 0 {
			m.Filter = "on"
		}
		for k := range m.Runs {
			for e := range m.Runs[k].Episodes {
				one := &m.Runs[k].Episodes[e]
				if one.Explored = 0.01*float64(e*(5-i)) + 0.005*float64(k); i > 0 && e > 0 {
					one.ByBackup, one.Uncovered = 2*i+k%2, i
				}
			}
		}
		g.Set.Methods = append(g.Set.Methods, m)
	}
	return g
}

// With its first violation an episode counts no further, the random phase counts nowhere, and neither does a run that is not finished.
func TestFallenOf(t *testing.T) {
	m := made("pendulum", "safe", "", [][]float64{{-9, -8, -4}, {-9, -6, -3}, {-9, -4, -2}}, [][]int{{5, 0, 2}, {0, 0, 0}, {0, 1, 1}})
	for i := range m.Runs {
		for e := range m.Runs[i].Episodes {
			x := &m.Runs[i].Episodes[e]
			if x.Explored = float64(1 + i); x.Phase == safex.PlannedPhase {
				x.ByBackup, x.Uncovered = 4, 1
			}
		}
	}
	m.Runs[0].Episodes[2].First = 9
	m.Runs[2].Episodes = m.Runs[2].Episodes[:2]
	want := Fallen{Episodes: 4, Failures: 1, Steps: 3*steps + 10, Explored: 1.5}
	want.Fallback = (want.Steps*20 + 40) / 80
	if got := FallenOf(&m); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	m.Steps++
	if got := FallenOf(&m); got != (Fallen{}) {
		t.Errorf("without a finished run: %+v", got)
	}
}

// A file of fallbacks is read with runs, and one that cannot be is refused in a sentence.
func TestFallbacks(t *testing.T) {
	g, err := Open("../../notebooks/results/filter/safempc-peers.json", "../../notebooks/results/coverage.json")
	if err != nil || len(g.Fallbacks) != 1 || len(g.Fallbacks[0].Settings) != 6 {
		t.Fatalf("error %v, fallbacks %+v", err, g)
	}
	if _, err := g.Draw(FallbackName); err == nil || !strings.Contains(err.Error(), "no run is of a task that others published fallbacks of") {
		t.Errorf("error %v", err)
	}
	if names := studies().Names(); slices.Contains(names, FallbackName) {
		t.Errorf("figures %q of runs that nobody is beside", names)
	}
	path := filepath.Join(t.TempDir(), "fallbacks.json")
	for text, says := range map[string]string{
		`{"fallbacks": [{"task": "t"}]}`: "want all four",
		`{"fallbacks": [{"task": "t", "name": "n", "source": "s", "settings": [{"setting": "β", "episodes": 1, "failures": 2, "steps": 5, "fallback": 0}]}]}`: "cannot be",
		`{"fallbacks": [{"task": "t", "name": "n", "source": "s", "settings": [{"setting": "β", "episodes": 1, "failures": 0, "steps": 5, "fallback": 6}]}]}`: "cannot be",
		`{"fallbacks": 3}`: "holds no fallbacks",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", text, err, says)
		}
	}
}
