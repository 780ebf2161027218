package report_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The table of the baselines is what the committed results say, line by line.
func TestBaselinesTable(t *testing.T) {
	s := read(t, "../../notebooks/results/filter/baselines.json")
	all, err := s.Rows("", rng.New(1).Child("report")) // as the command draws its intervals
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]float64{}
	for _, e := range s.Episodes() {
		if e.Episode == 1 {
			first[e.Task+" "+e.Name] = *e.Return
		}
	}
	page, err := os.ReadFile("../../notebooks/results.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n### Baselines\n")
	if !found {
		t.Fatal("the page has no section on baselines")
	}
	section, _, _ = strings.Cut(section, "\n##")
	shown := 0
	for _, r := range all {
		shown += strings.Count(section, fmt.Sprintf("\n| %s | %s |", r.Task, r.Planner))
		worst := r.Worst[0]
		line := fmt.Sprintf("| %s | %s | %d of %d | %d of %d | %.3g %s | %d of %d | %.4g | %.4g (%.4g to %.4g) |", r.Task, r.Planner, r.Violating, r.Steps, r.Clean, r.Judged,
			*worst.Value, worst.Unit, r.Infeasible, r.Plans, first[r.Task+" "+r.Name], r.Last.Value, r.Last.Lo, r.Last.Hi)
		if !strings.Contains(section, "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
	}
	if shown != len(all) || len(all) != 12 {
		t.Errorf("%d rows on the page, and %d in the file, want 12", shown, len(all))
	}
}

// So is that of the car park whose goal touches the wall.
func TestSeparateTable(t *testing.T) {
	all, err := read(t, "../../notebooks/results/filter/separate.json").Rows("", rng.New(1).Child("report"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../notebooks/results.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		name, proved := r.Planner, "–"
		if r.Filter != "" {
			name, proved = name+", filtered", fmt.Sprintf("%d of %d, %d by a backup", r.ByPlan+r.ByBackup, r.Plans, r.ByBackup)
		}
		worst := r.Worst[0]
		line := fmt.Sprintf("| %s | %d of %d | %d of %d | %.3g %s | %d of %d | %s | %.4g (%.4g to %.4g) |", name, r.Violating, r.Steps, r.Clean, r.Judged,
			*worst.Value, worst.Unit, r.Infeasible, r.Plans, proved, r.Last.Value, r.Last.Lo, r.Last.Hi)
		if !strings.Contains(string(page), "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
	}
	if len(all) != 4 {
		t.Errorf("%d rows in the file, want 4", len(all))
	}
}
