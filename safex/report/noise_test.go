package report_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The table of noise and delay is what the committed results of its study say, line by line.
func TestNoiseTable(t *testing.T) {
	all, err := read(t, "../../notebooks/results/filter/noise.json").Rows("", rng.New(1).Child("report")) // as the command draws its intervals
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../notebooks/results.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Noise and delay\n")
	if !found {
		t.Fatal("the page has no section on noise and delay")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	shown := strings.Count(section, "\n| pendulum |") + strings.Count(section, "\n| rccar |")
	if shown != len(all) || len(all) != 18 {
		t.Errorf("%d rows on the page, and %d in the file, want 18", shown, len(all))
	}
	has := map[string]string{"": "nothing of it", "noise": "noise", "delay": "a delay", "both": "both", "seen": "noise of what is seen"}
	for _, r := range all {
		what, told := strings.CutSuffix(strings.TrimPrefix(r.Variant, "car-"), "-told")
		is := "no"
		switch {
		case told:
			is = "yes"
		case what == "":
			is = "–"
		}
		worst := r.Worst[0]
		line := fmt.Sprintf("| %s | %s | %s | %d of %d | %d of %d | %.3g %s | %d of %d | %.1f %% | %.4g (%.4g to %.4g) |", r.Task, has[what], is, r.Violating, r.Steps, r.Clean, r.Judged,
			*worst.Value, worst.Unit, r.Infeasible, r.Plans, math.Floor(1000*float64(r.Inside)/float64(r.Planned))/10, r.Last.Value, r.Last.Lo, r.Last.Hi)
		if !strings.Contains(section, "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
	}
}
