package report_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The table of the README is what the committed results of its study say, line by line.
func TestREADME(t *testing.T) {
	s := read(t, "../../notebooks/results/filter/filter.json")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, line := range strings.Split(string(readme), "\n") {
		if strings.Contains(line, " of 13000 |") {
			shown++
		}
	}
	all, err := s.Rows("", rng.New(1).Child("report")) // as the command draws its intervals
	if err != nil {
		t.Fatal(err)
	}
	if shown != len(all) || len(all) != 18 {
		t.Errorf("%d rows in the README, and %d in the file, want 18", shown, len(all))
	}
	for _, r := range all {
		name, box, proved := r.Planner, "–", "–"
		if r.Planned > 0 && r.Assumed == 0 {
			box = fmt.Sprintf("%.1f %%", math.Floor(1000*float64(r.Inside)/float64(r.Planned))/10) // never more than there are
		}
		if r.Filter != "" {
			name += ", filtered"
			covered := r.ByPlan + r.ByBackup
			proved = fmt.Sprintf("%.4g %%", 100*float64(covered)/float64(covered+r.Uncovered))
			if r.ByBackup > 0 {
				proved += fmt.Sprintf(", %d by a backup", r.ByBackup)
			}
		}
		worst := r.Worst[0]
		for _, w := range r.Worst {
			if *w.Value > *worst.Value {
				worst = w
			}
		}
		line := fmt.Sprintf("| %s | %s | %d of %d | %d of %d | %s %.4g %s | %.4g (%.4g to %.4g) | %s | %s |", r.Task, name, r.Violating, r.Steps, r.Clean, r.Judged,
			worst.Limit, *worst.Value, worst.Unit, r.Last.Value, r.Last.Lo, r.Last.Hi, box, proved)
		if !strings.Contains(string(readme), "\n"+line+"\n") {
			t.Errorf("the README does not have the line\n%s", line)
		}
	}
}
