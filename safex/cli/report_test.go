package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
)

// pitched makes a run of two episodes that takes a moment.
func pitched(t *testing.T, dir, planner, seed string) {
	t.Helper()
	if _, _, err := do(nil, "train", "pitch", "--filter", "off", "--model", "linear", "--planner", planner, "--seed", seed, "--episodes", "2", "--explore", "12", "--set", "Steps=8",
		"--set", "planner.Horizon=4", "--set", "planner.Search.Samples=16", "--set", "planner.Search.Elites=4", "--out", dir); err != nil {
		t.Fatal(err)
	}
}

// What is printed of folders is what is printed of the file that they were kept in, in every form.
func TestReport(t *testing.T) {
	dir := t.TempDir()
	for _, planner := range []string{"safe", "unsafe"} {
		for _, seed := range []string{"1", "2"} {
			pitched(t, filepath.Join(dir, "runs", planner, seed), planner, seed)
		}
	}
	file, out := filepath.Join(dir, "kept.json"), filepath.Join(dir, "deep", "report.md")
	for _, c := range []struct {
		flags []string
		want  []string
	}{
		{nil, []string{"Safety, from the first random step on\n", "pitch  safe, linear", "than safe, linear\n", "0 of 56 (0 % to 6.4 %)", "nothing here is certified"}},
		{[]string{"--card"}, []string{"Safety card: pitch, unsafe, linear\n", "runs without any violation"}},
		{[]string{"--markdown"}, []string{"| pitch | safe, linear | 2 | 2 of 2 | 77.6 % |", "### Safety card: pitch, safe, linear\n"}},
		{[]string{"--against", "unsafe, linear"}, []string{"than unsafe, linear\n"}},
		{[]string{"--against", "unsafe"}, []string{"than unsafe, linear\n"}},
		{[]string{"--json"}, []string{`"method":"safe, linear"`}},
		{[]string{"--episodes"}, []string{"By episode; ", "pitch  safe, linear    2        2     0 of 16 "}},
		{[]string{"--episodes", "--markdown"}, []string{"| pitch | safe, linear | 0 | 2 | 0 of 24 | – | – | – |\n"}},
		{[]string{"--episodes", "--json"}, []string{`"method":"unsafe, linear","episode":2,"runs":2,"steps":16,`}},
	} {
		flags := append([]string{"report"}, c.flags...)
		ofRuns, _, err := do(nil, append(flags, filepath.Join(dir, "runs"), "--save", file)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(ofRuns, want) {
				t.Errorf("%v: no %q in\n%s", c.flags, want, ofRuns)
			}
		}
		ofFile, _, err := do(nil, append(flags, file)...)
		if err != nil || ofFile != ofRuns {
			t.Errorf("%v: error %v, of the file\n%s", c.flags, err, ofFile)
		}
		printed, _, err := do(nil, append(flags, file, "--out", out)...)
		written, errRead := os.ReadFile(out)
		if err != nil || errRead != nil || printed != "" || string(written) != ofRuns {
			t.Errorf("%v: errors %v and %v, printed %q, written\n%s", c.flags, err, errRead, printed, written)
		}
	}
	lines, _, err := do(nil, "report", "--json", file)
	if err != nil || strings.Count(lines, "\n") != 2 {
		t.Fatalf("error %v, rows\n%s", err, lines)
	}
	var row report.Row
	d := json.NewDecoder(strings.NewReader(lines))
	d.DisallowUnknownFields()
	if err := d.Decode(&row); err != nil || row.Name != "safe, linear" || row.Steps != 56 || row.Last.Seeds != 2 || len(row.Worst) != 1 || *row.Worst[0].Value > 0 {
		t.Errorf("error %v, row %+v", err, row)
	}
}

// Each mistake is one sentence, and nothing is written.
func TestReportErrors(t *testing.T) {
	dir := t.TempDir()
	run, text, kept := filepath.Join(dir, "run"), filepath.Join(dir, "text"), filepath.Join(dir, "kept.json")
	pitched(t, run, "safe", "1")
	if err := os.WriteFile(text, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "report wants run folders, folders with some, or files of --save, as in: safex report runs"},
		{[]string{filepath.Join(dir, "none")}, "there is no"},
		{[]string{t.TempDir()}, "holds no run"},
		{[]string{text}, "holds no results of safex report --save"},
		{[]string{run, "--json", "--markdown"}, "--json is lines of JSON"},
		{[]string{run, "--json", "--card"}, "--json is lines of JSON"},
		{[]string{run, "--episodes", "--card"}, "--episodes has rows of episodes"},
		{[]string{run, "--episodes", "--against", "safe"}, "--episodes has rows of episodes"},
		{[]string{run, "--against", "save, linear"}, `there is no method "save, linear": did you mean "safe, linear"?`},
		{[]string{run, "--save", filepath.Join(text, "kept.json")}, "not a directory"},
		{[]string{run, "--out", filepath.Join(text, "report.md")}, "not a directory"},
		{[]string{run, "--save", kept, "--out", filepath.Join(dir, "run", "..", "kept.json")}, "--out and --save are both "},
		{[]string{run, "--save", kept, "--out", filepath.Join(link, "kept.json")}, "--out and --save are both "},
		{[]string{run, "--save", filepath.Join(dir, "new", "kept.json"), "--out", filepath.Join(dir, "new", "kept.json")}, "--out and --save are both "},
		{[]string{run, "--save", text, "--out", filepath.Join(link, "text")}, "--out and --save are both "},
		{[]string{run, "--out", dir}, dir + " is a folder: name a file in it"},
		{[]string{run, "--save", dir}, dir + " is a folder: name a file in it"},
		{[]string{run, "--against", "x", "--save", kept}, "there is no method"},
	} {
		out, _, err := do(nil, append([]string{"report"}, c.args...)...)
		if err == nil || out != "" || !strings.Contains(err.Error(), c.want) || strings.Contains(sentence(err), "\n") {
			t.Errorf("safex report %s: printed %q, error %v, want one line with %q", strings.Join(c.args, " "), out, err, c.want)
		}
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("a refused report kept a file")
	}
}
