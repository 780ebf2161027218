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

// The table of the filter by episodes is what the committed results of its study say, line by line, and so is what is said of all of them.
func TestFilterByEpisodes(t *testing.T) {
	of := section(t, "results.md", "With a safety filter")
	without := map[string]report.EpisodeRow{}
	var all, plainly report.EpisodeRow // sums, with the filter and without
	held, plainlyHeld := 1.0, 1.0      // least share of steps in the box, of an episode
	shown := 0
	s := read(t, "../../notebooks/results/filter/filter.json")
	for _, r := range s.Episodes() {
		key := fmt.Sprintf("| %s | %d |", r.Task, r.Episode)
		if strings.HasPrefix(r.Name, "safe") {
			continue
		}
		sum, least := &all, &held
		if r.Filter == "" {
			sum, least, without[key] = &plainly, &plainlyHeld, r
		}
		sum.Steps, sum.Violating, sum.ByBackup, sum.Uncovered = sum.Steps+r.Steps, sum.Violating+r.Violating, sum.ByBackup+r.ByBackup, sum.Uncovered+r.Uncovered
		if r.Episode == 0 {
			continue
		}
		*least = min(*least, float64(r.Inside)/float64(r.Planned))
		if r.Filter == "" {
			continue
		}
		plain := without[key]
		if plain.Runs != r.Runs {
			t.Errorf("%s %d runs without a filter, and %d with one", key, plain.Runs, r.Runs)
			continue
		}
		line := fmt.Sprintf("%s %d, %d | %.4g, %.4g | %d, %d of %d | %s, %s | %d | %d | %d |", key, plain.Violating, r.Violating, *plain.Return, *r.Return, plain.Infeasible, r.Infeasible, r.Plans,
			share(plain.Inside, plain.Planned), share(r.Inside, r.Planned), r.ByPlan, r.ByBackup, r.Uncovered)
		if !strings.Contains(of, "\n"+line+"\n") {
			t.Errorf("the page does not have the line\n%s", line)
		}
		shown++
	}
	if shown != 36 {
		t.Errorf("%d episodes, want 6 of 6 tasks", shown)
	}
	if all.Violating > 0 || plainly.Violating > 0 || all.Uncovered > 0 {
		t.Errorf("%d violating steps with the filter and %d without, %d steps not proved: the page says that there is none", all.Violating, plainly.Violating, all.Uncovered)
	}
	bounds := map[bool]float64{} // on the share of runs that may have a violation, of the pendulum and of others
	rows, err := s.Rows("", rng.New(1).Child("report"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Planner == "pessimistic" {
			bounds[r.Task == "pendulum"] = max(bounds[r.Task == "pendulum"], r.AtMost)
		}
	}
	percent := func(least float64) string { return fmt.Sprintf("%.1f %%", math.Floor(1000*least)/10) }
	thousands := func(n int) string { return fmt.Sprintf("%d %03d", n/1000, n%1000) }
	for _, said := range []string{
		fmt.Sprintf("at most %.1f %% there (95 %%), with the filter and without, and %.1f %% on the other tasks", 100*bounds[true], 100*bounds[false]),
		fmt.Sprintf("None of the %s steps with the filter broke a limit, and none of the %s without; no planned step was left without a proof, and %d were a backup's.", thousands(all.Steps), thousands(plainly.Steps), all.ByBackup),
		fmt.Sprintf("at least %s of the steps of every episode of every task, the first included, and with the filter %s", percent(plainlyHeld), percent(held)),
	} {
		if !strings.Contains(of, said) {
			t.Errorf("the page does not say %q", said)
		}
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
