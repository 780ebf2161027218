package report_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
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
		if strings.Contains(line, " of 13000 |") || strings.Contains(line, " of 39000 |") {
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

// The table of the frontier in models.md is what the committed results of its study say, line by line.
func TestFrontierInModels(t *testing.T) {
	s := read(t, "../../notebooks/results/filter/frontier.json")
	page, err := os.ReadFile("../../notebooks/models.md")
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"": "the default: two deviations, three in a hundred", "miss-0.1": "`calibration.Miss=0.1`", "miss-0.01": "`calibration.Miss=0.01`", "miss-0.003": "`calibration.Miss=0.003`",
		"beta-1": "`planner.Beta=1`", "beta-4": "`planner.Beta=4`",
	}
	share := func(k, n int) string { return fmt.Sprintf("%.1f", math.Floor(1000*float64(k)/float64(n))/10) } // never more than there are
	steps := 0
	for _, m := range s.Methods {
		var sum report.EpisodeRow
		returns := map[int]float64{}
		for i := range m.Runs {
			steps += m.Runs[i].Steps()
			for _, e := range m.Runs[i].Episodes {
				if e.Violations > 0 || e.Uncovered > 0 {
					t.Errorf("%s, %s, episode %d: %d violations, %d steps not proved", m.Task, m.Variant, e.Episode, e.Violations, e.Uncovered)
				}
				returns[e.Episode] += e.Return / float64(len(m.Runs))
				if e.Episode > 1 {
					sum.InTube, sum.Tubes, sum.BackupsIn, sum.Backups = sum.InTube+e.InTube, sum.Tubes+e.Tubes, sum.BackupsIn+e.BackupsIn, sum.Backups+e.Backups
					sum.Inside, sum.Planned, sum.Infeasible, sum.Plans = sum.Inside+e.Inside, sum.Planned+e.Planned, sum.Infeasible+e.Infeasible, sum.Plans+e.Steps
				}
			}
		}
		line := fmt.Sprintf("| %s | %s | %s | %s | %s | %d of %d | %.4g, %.4g, %.4g, %.4g |", m.Task, settings[m.Variant],
			share(sum.InTube, sum.Tubes), share(sum.BackupsIn, sum.Backups), share(sum.Inside, sum.Planned), sum.Infeasible, sum.Plans, returns[2], returns[3], returns[4], returns[6])
		if !strings.Contains(string(page), "\n"+line+"\n") {
			t.Errorf("models.md does not have the line\n%s", line)
		}
	}
	if len(s.Methods) != 18 || steps != 46800 {
		t.Errorf("%d methods of %d steps, want 18 of 46800", len(s.Methods), steps)
	}
}
