package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// A report in JSON has an entry for each episode, with what became of its plans; of a run whose plans cannot be made again it has the rest.
func TestCardJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, append(train(dir), "--episodes", "2", "--filter", "on")...); err != nil {
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
		if len(r) != 10 || number("episode") != float64(i+1) || number("steps") != 8 || number("plans") != 8 || number("share") != number("in_box")/8 {
			t.Errorf("%v", r)
		}
		if !(number("beta_p50") > 0 && number("width_p50") > 0 && number("plans_in_tube") >= 0 && number("plans_in_tube") <= 8 && number("backups") > 0 && number("backups") <= 8 && number("backups_in_tube") >= 0 && number("backups_in_tube") <= number("backups")) {
			t.Errorf("%v", r)
		}
	}
	if again, errs := rows(); errs != "" || !reflect.DeepEqual(again, whole) {
		t.Errorf("what was counted is not kept: %v, and on standard error\n%s", again, errs)
	}
	// It is in all that is said of the run from then on.
	in, of := 0, 0
	for _, r := range whole {
		in, of = in+int(r["plans_in_tube"].(float64)), of+int(r["plans"].(float64))
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"card", dir}, fmt.Sprintf("plans in their tube        %d of %d", in, of)},
		{[]string{"card", dir, "--markdown"}, fmt.Sprintf("| plans in their tube | %d of %d |", in, of)},
		{[]string{"report", dir}, "plans in their tube  backups in theirs"},
		{[]string{"report", dir, "--card"}, "plans in whose tube the system stayed"},
		{[]string{"report", dir, "--episodes"}, "plans in their tube  backups in theirs"},
		{[]string{"figures", dir, "--only", "tubes"}, "tubes.png"},
	} {
		if out, errs, err := do(nil, c.args...); err != nil || !strings.Contains(out, c.want) || strings.Contains(errs, "enclosing") {
			t.Errorf("%v: error %v, on standard error %q, no %q in\n%s", c.args, err, errs, c.want, out)
		}
	}
	if _, _, err := do(nil, "card", dir, "--json", "--markdown"); err == nil || !strings.Contains(err.Error(), "leave one of them out") {
		t.Errorf("error %v", err)
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

// Nothing is made again that was not asked for, an episode of another number of steps than was counted is one of which nothing is known, and a file that is damaged is named.
func TestCardKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if _, _, err := do(nil, append(train(dir), "--episodes", "1")...); err != nil {
		t.Fatal(err)
	}
	if out, errs, err := do(nil, "card", dir); err != nil || errs != "" || strings.Contains(out, "tube") {
		t.Errorf("error %v, on standard error %q, printed\n%s", err, errs, out)
	}
	if _, _, err := do(nil, "figures", dir, "--only", "tubes"); err == nil || !strings.Contains(err.Error(), "safex card RUN --tubes") {
		t.Errorf("error %v", err)
	}
	for _, c := range []struct{ text, want string }{
		{`{"build": "BUILD", "episodes": [{"episode": 1, "plans": 5, "plans_in_tube": 5}]}`, ""},
		{`{"build": "BUILD", "episodes": [{"episode": 1, "plans": 8, "plans_in_tube": 9}]}`, "the counts of episode 1 cannot be; remove it"},
		{`{"build": "BUI`, "is damaged"},
	} {
		text := strings.Replace(c.text, "BUILD", experiment.Build(), 1)
		if err := os.WriteFile(filepath.Join(dir, "tubes.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"card", "report"} {
			out, _, err := do(nil, command, dir)
			if c.want == "" && (err != nil || strings.Contains(out, "in their tube")) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tubes.json")) {
				t.Errorf("%s with %s: error %v, printed\n%s", command, text, err, out)
			}
		}
	}
}
