package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// control prints what it keeps, does not do again what is done, draws it, and shows it again.
func TestControl(t *testing.T) {
	dir := t.TempDir()
	file, figure := filepath.Join(dir, "control.json"), filepath.Join(dir, "figures", "speed.png")
	flags := []string{
		"control", "pendulum", "--steps", "12", "--set", "planner.Horizon=4", "--search", "cem", "--set", "planner.Search.Samples=16",
		"--set", "planner.Search.Elites=4", "--set", "planner.Search.Iterations=2", "--vary", "MaxSpeed=4:5:0.5", "--out", file,
	}
	out, errs, err := do(nil, append(flags, "--seeds", "2", "--figure", figure)...)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(out, "\n"); len(lines) != 6 || !strings.HasPrefix(lines[0], "| task | planner | MaxSpeed | runs | runs that reach the goal |") ||
		!strings.HasPrefix(lines[3], "| pendulum | safe | 4.5 | 2 | 0 (0.0 to 84.2 %) | 2 | 0 of 24 | speed -") || !strings.HasSuffix(lines[3], " | 132 |") {
		t.Errorf("printed\n%s", out)
	}
	if errs != "" {
		t.Errorf("without a terminal it printed to standard error:\n%s", errs)
	}
	first, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if png, err := os.ReadFile(figure); err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("%d bytes, error %v", len(png), err)
	}
	if shown, _, err := do(nil, "control", "--show", file); err != nil || shown != out {
		t.Errorf("error %v, shown\n%s", err, shown)
	}
	again, _, err := do(nil, append(flags, "--seeds", "2")...)
	if second, readErr := os.ReadFile(file); err != nil || readErr != nil || again != out || !bytes.Equal(first, second) {
		t.Errorf("errors %v and %v, again\n%s", err, readErr, again)
	}
	more, _, err := do(nil, append(flags, "--seeds", "3", "--json")...)
	lines := strings.Split(strings.TrimSpace(more), "\n")
	var row map[string]any
	if err != nil || len(lines) != 3 || json.Unmarshal([]byte(lines[2]), &row) != nil {
		t.Fatalf("error %v, printed\n%s", err, more)
	}
	if row["runs"] != 3.0 || row["value"] != "5" || row["evals_per_action"] != 132.0 || row["arrived"] != 0.0 || row["steps"] != 36.0 || row["p50_ms"] != nil {
		t.Errorf("row %v", row)
	}
	third, err := os.ReadFile(file)
	for line := range strings.Lines(string(first)) {
		if strings.Contains(line, "Seed") && !strings.Contains(string(third), strings.TrimRight(line, ",\n")) {
			t.Errorf("with more seeds the file has lost %s (%v)", line, err)
		}
	}
	if _, _, err := do(nil, append(flags, "--set", "Effort=0.1")...); err == nil || !strings.Contains(err.Error(), "holds outcomes of other settings") {
		t.Errorf("error %v", err)
	}
	timed, _, err := do(nil, "control", "pitch", "--seeds", "1", "--steps", "3", "--times")
	if err != nil || !strings.Contains(timed, "ms per plan: median, 99 %") || !strings.Contains(timed, "| pitch | safe | 1 |") {
		t.Errorf("error %v, printed\n%s", err, timed)
	}
	stop, cancel := context.WithCancel(context.Background())
	cancel()
	c := command()
	c.SetArgs(append(flags, "--seeds", "4"))
	var printed bytes.Buffer
	c.SetOut(&printed)
	c.SetErr(&bytes.Buffer{})
	if err := c.ExecuteContext(stop); err == nil || !strings.Contains(err.Error(), "stopped after 0 of 3 runs; they are kept in "+file) || strings.Count(printed.String(), "\n") != 5 {
		t.Errorf("error %v, printed\n%s", err, printed.String())
	}
	if kept, err := os.ReadFile(file); err != nil || !bytes.Equal(kept, third) {
		t.Errorf("a stop changed the file (%v)", err)
	}
}
