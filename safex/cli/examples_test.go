package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/study"
)

// words splits a line of a shell, where quotes hold what has spaces.
func words(line string) (all []string) {
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	return all
}

// What the help of train shows are settings that there are: each begins a run, in a folder that cannot be made.
func TestTrainExamples(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	log := swings(t, 60)
	for line := range strings.Lines(trainCommand().Example) {
		args := words(strings.Replace(line, "swings.csv", log, 1))[1:]
		if _, _, err := do(nil, append(args, "--out", filepath.Join(file, "run"))...); err == nil || !strings.Contains(err.Error(), "not a directory") {
			t.Errorf("%s: error %v", strings.TrimSpace(line), err)
		}
	}
}

// The files in the help of run and sweep, and the one on the page about studies, have runs.
func TestStudiesOfHelp(t *testing.T) {
	page, err := os.ReadFile("../../notebooks/studies.md")
	if err != nil {
		t.Fatal(err)
	}
	// part is what is between two lines.
	part := func(text, from, to string) string {
		_, rest, ok := strings.Cut(text, from)
		inside, _, closed := strings.Cut(rest, to)
		if !ok || !closed {
			t.Fatalf("there is no %q to %q in\n%s", from, to, text)
		}
		return inside
	}
	indented := func(text string) string {
		return strings.ReplaceAll("\n"+part(text, "\n\n  name:", "\n\n"), "\n  ", "\n")
	}
	path := filepath.Join(t.TempDir(), "study.yaml")
	for name, text := range map[string]string{
		"run": "name:" + strings.TrimPrefix(indented(runCommand().Long), "\n"), "sweep": "name:" + strings.TrimPrefix(indented(sweepCommand().Long), "\n"), "page": "name: caution" + part(string(page), "name: caution", "```"),
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		var jobs []study.Job
		if !strings.Contains(text, "sweep:") {
			s, err := study.Read(path)
			if err == nil {
				jobs, err = s.Jobs()
			}
			if err != nil || len(jobs) == 0 {
				t.Errorf("%s: %d runs, error %v", name, len(jobs), err)
			}
			continue
		}
		s, err := study.ReadSweep(path)
		if err == nil {
			jobs, err = s.Jobs()
		}
		if err != nil || len(jobs) == 0 {
			t.Errorf("%s: %d runs, error %v\n%s", name, len(jobs), err, text)
		}
	}
}
