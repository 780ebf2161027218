package report_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The table of the page on plants is what the committed results say, line by line.
func TestPlantsPage(t *testing.T) {
	s := read(t, "../../notebooks/results/filter/plants.json")
	page, err := os.ReadFile("../../notebooks/plants.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Rows("", rng.New(1).Child("report")) // as the command draws its intervals
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 16 {
		t.Errorf("%d rows, want 16", len(all))
	}
	for _, r := range all {
		if line := plantLine(r); !strings.Contains(string(page), "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
	}
}

// plantLine is a row of the table.
func plantLine(r report.Row) string {
	system := map[string]string{
		"pendulum": "formulas", "reacher": "Gymnasium's Reacher-v5", "inverted_pendulum": "Gymnasium's InvertedPendulum-v5", "swingup": "dm_control's cartpole swingup",
		"scg_cartpole": "safe-control-gym's cart-pole", "scg_quadrotor": "safe-control-gym's quadrotor",
	}[r.Task]
	switch {
	case r.Variant == "gymnasium":
		system = "Gymnasium's Pendulum-v1"
	case strings.HasPrefix(r.Variant, "noise"):
		system += ", noise of 0.1 N"
	}
	worst := r.Worst[0]
	for _, w := range r.Worst {
		if *w.Value > *worst.Value {
			worst = w
		}
	}
	name := r.Planner
	if r.Filter != "" {
		name += ", filtered"
	}
	return fmt.Sprintf("| %s | %s | %s | %d | %d | %d of %d | %s %.3g %s | %.4g (%.4g to %.4g) |", r.Task, system, name, r.Judged, r.Clean, r.Violating, r.Steps,
		worst.Limit, *worst.Value, worst.Unit, r.Last.Value, r.Last.Lo, r.Last.Hi)
}
