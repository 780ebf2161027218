package study

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The runs of a study can begin with a log, without random steps, and are named so; a variant can have another one. A file that is not there is named.
func TestLogs(t *testing.T) {
	dir := t.TempDir()
	for name, rows := range map[string]int{"a.csv": 30, "b.csv": 40} {
		var b strings.Builder
		b.WriteString("alpha,q,theta,elevator\n")
		for i := range rows {
			fmt.Fprintf(&b, "%v,%v,%v,%v\n", 0.001*float64(i), 1e-5*float64(i*i), 0.0003*float64(i*i), float64(i%7)/10)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf(`
name: logged
tasks: [pitch]
planners: [safe]
models: [linear]
seeds: 1
episodes: 1
explore: 0
log: %[1]s/a.csv
set: {trust-log: true}
variants:
  - name: both
    set: {log: [%[1]s/a.csv, %[1]s/b.csv]}
`, dir)
	s, err := parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Jobs()
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%d runs: %v", len(jobs), err)
	}
	for i, want := range []int{29, 29 + 39} {
		system, err := jobs[i].Spec.Compile()
		if err != nil {
			t.Fatal(err)
		}
		l, err := jobs[i].Spec.ReadLogs(system)
		if err != nil || l.Data.Len() != want || l.Episodes() != i+1 || !strings.Contains(jobs[i].Dir, "-logged") {
			t.Errorf("%s: %v, %d transitions in %d episodes, want %d in %d", jobs[i].Dir, err, l.Data.Len(), l.Episodes(), want, i+1)
		}
	}
	refused := func(text string) error {
		s, err := parse([]byte(text))
		if err == nil {
			_, err = s.Jobs()
		}
		return err
	}
	if err := refused(strings.Replace(text, "log: "+dir+"/a.csv", "log: "+dir+"/c.csv", 1)); err == nil || !strings.Contains(err.Error(), "c.csv cannot be read") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := refused(strings.Replace(text, "log: "+dir+"/a.csv\n", "", 1)); err == nil || !strings.Contains(err.Error(), "explore can be 0 where there is a log") {
		t.Errorf("no log: %v", err)
	}
}
