package figures

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// What PPO-Lagrangian took to swing up, beside the planners of the baselines, is what the committed results say, line by line: steps until a return
// of -400, and those of them that broke the limit.
func TestPPOInResults(t *testing.T) {
	g, err := Open("../../notebooks/results/filter/baselines.json", "../../notebooks/results/filter/ppo.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../notebooks/results.md")
	if err != nil {
		t.Fatal(err)
	}
	const enough = -400
	var lines []string
	for _, p := range g.Peers {
		last := len(p.Learned) - 1
		if returns := p.Returns[0]; returns[last] < enough || returns[last-1] >= enough || p.Learned[last] != p.Steps {
			t.Errorf("%s does not end where it reaches %v: %v", p.Name, enough, returns)
		}
		lines = append(lines, fmt.Sprintf("| %s | %d | %d |", p.Name, p.Learned[last], p.Violating[0]))
	}
	for _, m := range g.Set.Methods {
		if m.Task != "pendulum" {
			continue
		}
		least, most, broken := 0, 0, 0
		for _, r := range m.Runs {
			steps := 0
			for _, e := range r.Episodes {
				steps, broken = steps+e.Steps, broken+e.Violations
				if e.Episode > 0 && e.Return >= enough {
					break
				}
			}
			if most = max(most, steps); least == 0 || steps < least {
				least = steps
			}
		}
		took := fmt.Sprint(most)
		if least < most {
			took = fmt.Sprintf("%d to %d", least, most)
		}
		lines = append(lines, fmt.Sprintf("| `%s`, %d seeds | %s | %d |", m.Planner, len(m.Runs), took, broken))
	}
	if len(lines) != 7 {
		t.Errorf("%d lines, want 7", len(lines))
	}
	for _, line := range lines {
		if !strings.Contains(string(page), "\n"+line+"\n") {
			t.Errorf("results.md does not have the line\n%s", line)
		}
	}
}
