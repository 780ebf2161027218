package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A report in JSON has an entry for each episode, with what became of its plans; of a run whose plans cannot be made again it has the rest.
func TestCardJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, append(train(dir), "--episodes", "2")...); err != nil {
		t.Fatal(err)
	}
	rows := func() (rows []map[string]any, errs string) {
		t.Helper()
		out, errs, err := do(nil, "card", dir, "--json")
		if err == nil {
			err = json.Unmarshal([]byte(out), &rows)
		}
		if err != nil || len(rows) != 2 {
			t.Fatalf("error %v, printed\n%s", err, out)
		}
		return rows, errs
	}
	whole, errs := rows()
	if !strings.Contains(errs, "enclosing 16 plans of episode 1, 2;") {
		t.Errorf("printed to standard error\n%s", errs)
	}
	for i, r := range whole {
		number := func(key string) float64 { v, _ := r[key].(float64); return v }
		if len(r) != 8 || number("episode") != float64(i+1) || number("steps") != 8 || number("plans") != 8 || number("share") != number("in_box")/8 {
			t.Errorf("%v", r)
		}
		if !(number("beta_p50") > 0 && number("width_p50") > 0 && number("plans_in_tube") >= 0 && number("plans_in_tube") <= 8) {
			t.Errorf("%v", r)
		}
	}
	path := filepath.Join(dir, "run.yaml")
	settings, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(settings), "\n")
	if err := os.WriteFile(path, []byte(strings.Replace(string(settings), line, "Build: 0.1.0", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	rest, errs := rows()
	if !strings.Contains(errs, "plans are left out: ") || rest[0]["plans"] != nil || rest[0]["plans_in_tube"] != nil || rest[0]["in_box"] != whole[0]["in_box"] {
		t.Errorf("%v, and on standard error\n%s", rest, errs)
	}
}
