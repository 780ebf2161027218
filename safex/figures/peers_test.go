package figures

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// page is a section of results.md, by its heading.
func page(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../notebooks/results.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n### "+heading+"\n")
	if !found {
		t.Fatalf("results.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n##")
	return section
}

// The table of SafeMPC's pendulum is what the committed results say, of our runs and of theirs, line by line.
func TestSafeMPCInResults(t *testing.T) {
	g, err := Open("../../notebooks/results/filter/safempc.json", "../../notebooks/results/filter/safempc-exact.json", "../../notebooks/results/filter/safempc-peers.json")
	if err != nil {
		t.Fatal(err)
	}
	section, rows := page(t, "SafeMPC's pendulum"), 0
	want := func(name string, f Fallen, violating string) {
		rows++
		line := fmt.Sprintf("| %s | %d of %d | %d of %d, %.2f %% | %s | %.1f %% | %.3f |", name, f.Failures, f.Episodes, f.Failures, f.Steps, share(f.Failures, f.Steps), violating, share(f.Fallback, f.Steps), f.Explored)
		if !strings.Contains(section, "\n"+line+"\n") {
			t.Errorf("results.md does not have the line\n%s", line)
		}
	}
	for _, s := range g.Fallbacks[0].Settings {
		want("SafeMPC with CEM, "+s.Setting, s, "–")
	}
	for i := range g.Set.Methods {
		m := &g.Set.Methods[i]
		violating, steps := 0, 0
		for k := range m.Runs {
			r := &m.Runs[k]
			if !m.Finished(r) {
				t.Fatalf("%s, seed %d is not finished", m.Variant, r.Seed)
			}
			violating, steps = violating+r.Violations(), steps+r.Steps()
		}
		name := "safex"
		if m.Study == "safempc-exact" {
			name += ", no noise"
		}
		switch miss, ok := strings.CutPrefix(m.Variant, "miss-"); {
		case ok:
			name += ", miss " + miss
		case m.Filter == "":
			name += ", no filter"
		}
		want(name, FallenOf(m), fmt.Sprintf("%d of %d", violating, steps))
	}
	if shown := strings.Count(section, "\n| safex") + strings.Count(section, "\n| SafeMPC"); shown != rows {
		t.Errorf("%d rows on the page, and %d in the files", shown, rows)
	}
}

// The table of H-UCRL's pendulum is what the committed results say, line by line.
func TestHUCRLInResults(t *testing.T) {
	section := page(t, "H-UCRL's pendulum")
	for _, c := range []struct{ file, torque string }{{"hucrl", "costs 0.1"}, {"hucrl-free", "is free"}} {
		g, err := Open("../../notebooks/results/filter/" + c.file + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Set.Methods {
			m := &g.Set.Methods[i]
			returns := map[int][]float64{}
			up, still, planned := 0, 0, 0
			for k := range m.Runs {
				r := &m.Runs[k]
				if !m.Finished(r) {
					t.Fatalf("%s, seed %d is not finished", m.Variant, r.Seed)
				}
				for _, e := range r.Episodes {
					if e.Phase == safex.PlannedPhase {
						returns[e.Episode] = append(returns[e.Episode], e.Return)
						if planned++; e.Return == 0 {
							still++
						}
					}
				}
				if r.Episodes[len(r.Episodes)-1].Return > 100 {
					up++
				}
			}
			line := fmt.Sprintf("| %s | %s | %d of %d |", c.torque, m.Variant, up, len(m.Runs))
			for _, e := range []int{1, 2, 3, 5, 10, 20} {
				line += fmt.Sprintf(" %.1f |", stats.IQM(returns[e]))
			}
			line += fmt.Sprintf(" %d of %d |", still, planned)
			if !strings.Contains(section, "\n"+line+"\n") {
				t.Errorf("results.md does not have the line\n%s", line)
			}
		}
	}
}
