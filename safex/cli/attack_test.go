package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The plans of a run are attacked, the table is kept and shown again, and the worst is replayed.
func TestAttack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, train(dir, "--calibrate", "none", "--set", "MaxSpeed=1.2")...); err != nil {
		t.Fatal(err)
	}
	attack := func(more ...string) string {
		out, _, err := do(nil, append([]string{"attack", dir, "--reference", "vertices"}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	gap := filepath.Join(t.TempDir(), "gap.json")
	out := attack("--save", gap, "--adversary", "sign-gradient", "--adversary", "particles-uniform Samples=3")
	table, said, _ := strings.Cut(out, "\n\n")
	if !strings.Contains(table, "| sign-gradient | 16 | 12 |") || !strings.Contains(table, "| particles-uniform Samples=3 | 4 | 0 |") || !strings.Contains(table, "episode 1, β 2:") ||
		!strings.Contains(said, "attack --replay "+filepath.Join(dir, "scenario.json")) {
		t.Errorf("printed\n%s", out)
	}
	if shown, _, err := do(nil, "attack", "--show", gap); err != nil || shown != table+"\n" {
		t.Errorf("error %v, shown\n%s", err, shown)
	}
	replayed, _, err := do(nil, "attack", "--replay", filepath.Join(dir, "scenario.json"))
	if err != nil || !strings.Contains(replayed, "| step | torque | η cos | η sin | η omega | cos | sin | omega | excess speed |") || !strings.Contains(replayed, "\n| 3 |") || !strings.Contains(replayed, "as it was found") {
		t.Errorf("error %v, replayed\n%s", err, replayed)
	}
	other := filepath.Join(t.TempDir(), "other.json")
	var row map[string]any
	if out := attack("--json", "--out", other, "--beta", "3"); strings.Count(out, "\n") != 1 || json.Unmarshal([]byte(out), &row) != nil {
		t.Fatalf("printed\n%s", out)
	}
	if row["adversary"] != "sign-gradient-thorough" || row["plans"] != 8.0 || row["beta"] != 3.0 || row["rollouts_per_plan"] != 32.0 {
		t.Errorf("row %v", row)
	}
	for _, key := range []string{"breakable", "missed", "worst_excess", "episode"} {
		if _, ok := row[key].(float64); !ok {
			t.Errorf("row without %s: %v", key, row)
		}
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	if _, _, err := do(nil, "attack", dir, "--episode", "2"); err == nil || !strings.Contains(err.Error(), "episode 2 is none of the planned ones") {
		t.Errorf("error %v", err)
	}
	if out, _, err := do(nil, "resume", dir); err != nil || !strings.Contains(out, "of 18 steps beyond a limit") {
		t.Errorf("resume after an attack: %v\n%s", err, out)
	}
}

// The table on the page of the planners is the one that is kept.
func TestGapOfReadme(t *testing.T) {
	table, _, err := do(nil, "attack", "--show", "../../notebooks/results/gap.json")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../notebooks/planners.md")
	if err != nil || !strings.Contains(string(readme), "\n\n"+table+"\n") {
		t.Errorf("error %v, the page has not the table\n%s", err, table)
	}
}
