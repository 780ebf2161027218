package report_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
)

// section is what the page in notebooks says under a heading, without those that follow.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../notebooks/" + page)
	if err != nil {
		t.Fatal(err)
	}
	_, of, found := strings.Cut(string(text), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", page, heading)
	}
	of, _, _ = strings.Cut(of, "\n## ")
	return of
}

// share is k of n in percent, never more than there are.
func share(k, n int) string { return fmt.Sprintf("%.1f", math.Floor(1000*float64(k)/float64(n))/10) }

// The table of the filter by episodes is what the committed results of its study say, line by line.
func TestFilterByEpisodes(t *testing.T) {
	of := section(t, "results.md", "With a safety filter")
	without := map[string]report.EpisodeRow{}
	shown := 0
	for _, with := range read(t, "../../notebooks/results/filter/filter.json").Episodes() {
		key := fmt.Sprintf("| %s | %d |", with.Task, with.Episode)
		switch {
		case with.Episode == 0 || strings.HasPrefix(with.Name, "safe"):
			continue
		case with.Filter == "":
			without[key] = with
			continue
		}
		plain := without[key]
		if plain.Runs != with.Runs {
			t.Errorf("%s %d runs without a filter, and %d with one", key, plain.Runs, with.Runs)
			continue
		}
		line := fmt.Sprintf("%s %d, %d | %.4g, %.4g | %d, %d | %s, %s | %d | %d | %d |", key, plain.Violating, with.Violating, *plain.Return, *with.Return, plain.Infeasible, with.Infeasible,
			share(plain.Inside, plain.Planned), share(with.Inside, with.Planned), with.ByPlan, with.ByBackup, with.Uncovered)
		if !strings.Contains(of, "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
		shown++
	}
	if shown != 36 {
		t.Errorf("%d episodes, want 6 of 6 tasks", shown)
	}
}

// The table of robust horizons is what the committed results of its study say, line by line.
func TestRobustHorizons(t *testing.T) {
	of := section(t, "models.md", "How many steps of a plan the model may err in")
	s := read(t, "../../notebooks/results/filter/robust.json")
	by := map[string][]report.EpisodeRow{}
	for _, r := range s.Episodes() {
		by[r.Task+r.Name] = append(by[r.Task+r.Name], r)
	}
	for i, name := range s.Names() {
		m := &s.Methods[i]
		rows, steps, violating, worst := by[m.Task+name], 0, 0, math.Inf(-1)
		for _, r := range rows {
			steps, violating = steps+r.Steps, violating+r.Violating
		}
		for _, run := range m.Runs {
			for _, e := range run.Episodes {
				worst = max(worst, e.Worst[m.Limits[0].Name])
			}
		}
		horizon := strings.TrimPrefix(m.Variant, "robust-")
		line := fmt.Sprintf("| %s | %s |", m.Task, horizon)
		for _, r := range rows[1:] {
			line += fmt.Sprintf(" %s |", share(r.Infeasible, r.Plans))
		}
		for _, r := range rows[1:] {
			line += fmt.Sprintf(" %.4g |", *r.Return)
		}
		line += fmt.Sprintf(" %d of %d | %.2g m |", violating, steps, worst)
		if !strings.Contains(of, "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
	}
	if shown := strings.Count(of, "\n| rccar |") + strings.Count(of, "\n| cartpole |"); shown != len(s.Methods) {
		t.Errorf("%d rows on the page, and %d in the file", shown, len(s.Methods))
	}
}
