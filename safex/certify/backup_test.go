package certify

import (
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
)

// A backup is counted for each step of which the filter proved something new. The real system stays where that says if the box holds it, as that of the true dynamics and one
// that is wide do, and leaves it if the box is no wider than rounding. Without a filter there is none.
func TestBackup(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   []string
		new   bool
		most  float64 // share of the backups in their tube
		least float64
	}{
		{"true dynamics", []string{"learner=true", "filter=on"}, true, 1, 1},
		{"true dynamics, a kernel", []string{"learner=true", "filter=on", "filter.Set=kernel", "filter.Cells=41"}, true, 1, 1},
		{"a box that holds", []string{"learner=gp", "filter=on"}, true, 1, 0.5},
		{"a box that is too narrow", []string{"learner=linear", "filter=on", "filter.Watch=0", "planner.Beta=0.000001", "calibration=none"}, true, 0.2, 0},
		{"no filter", []string{"learner=gp", "filter=off"}, false, 0, 0},
	} {
		if testing.Short() && slices.Contains(c.set, "filter.Set=kernel") { // a kernel takes some seconds
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			got := certified(t, light(), finished(t, quick.Spec(t, append(c.set, "episodes=1")...)))
			fresh := 0
			for _, p := range got.Proofs {
				if p.Cover == safex.CoverPlanned || p.Cover == safex.CoverKernel || p.Cover == safex.CoverBackup {
					fresh++
				}
			}
			r := got.Rows()[0]
			t.Logf("%d of %d, covers %v", r.BackupsInTube, r.Backups, r.Cover)
			share := float64(r.BackupsInTube) / max(1, float64(r.Backups))
			if r.Backups != fresh || (r.Backups > 0) != c.new || !(share >= c.least && share <= c.most) {
				t.Errorf("%d of %d backups, of %d steps of which something new was proved", r.BackupsInTube, r.Backups, fresh)
			}
		})
	}
}
