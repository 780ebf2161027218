package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/store"
)

// train --evaluate shows what was learned after each episode, and counts its violating steps by themselves; what is not of the system is refused in a
// sentence, before anything is run.
func TestTrainEvaluates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out, errs, err := do(nil, train(dir, "--evaluate", "pendulum", "--set", "evaluate.Steps=5", "--set", "evaluate.planner.Horizon=3")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	if n := strings.Count(out, " tested "); n != 2 || !strings.Contains(out, "0 of 18 steps beyond a limit, and 0 of 10 of evaluations.") {
		t.Errorf("%d evaluations in\n%s", n, out)
	}
	r, err := store.Open(dir)
	if err != nil || len(r.Evaluations) != 2 || len(r.Evaluations[1].Actions) != 5 {
		t.Fatalf("error %v, %d evaluations", err, len(r.Evaluations))
	}
	again, _, err := do(nil, "resume", dir)
	if err != nil || !strings.Contains(again, "and 0 of 10 of evaluations") || strings.Count(again, " tested ") != 2 {
		t.Errorf("error %v\n%s", err, again)
	}
	table, _, err := do(nil, "report", dir, "--json", "--episodes")
	if err != nil || strings.Count(table, `"evaluation":{"runs":1,"learned":`) != 2 || !strings.Contains(table, `"median":`) {
		t.Errorf("error %v\n%s", err, table)
	}
	for value, says := range map[string]string{
		"pendulumm": `there is no task "pendulumm"`,
		"pitch":     "an evaluation is another task of the same system",
	} {
		if _, _, err := do(nil, train(filepath.Join(t.TempDir(), "run"), "--evaluate", value)...); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("--evaluate %s: error %v, want %q", value, err, says)
		}
	}
}
