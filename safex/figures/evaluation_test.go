package figures

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// explorers are methods that were evaluated, with a peer.
func explorers() *Gallery {
	g := &Gallery{Set: &report.Set{}, Band: IQM, Episode: -1, Peers: []Peer{{
		Task: "pendulum", Name: "A peer", Source: "made for this test", Learned: []int{0, 20, 40}, Returns: [][]float64{{-900, -700, -500}, {-950, -650, -520}, {-910, -720, -480}},
		Violating: []int{4, 1, 9}, Steps: 60,
	}}}
	for i, p := range []string{"safe", "pessimistic"} {
		m := learner("pendulum", p, "", 6, 2, float64(3-3*i))
		for k := range m.Runs {
			for e := range 4 {
				wave := math.Sin(float64(5*k + 2*e + i))
				m.Runs[k].Evaluations = append(m.Runs[k].Evaluations, report.Evaluation{Episode: e, Learned: 20 * (e + 1), Steps: 20, Return: -400 - 500/float64(e+1)*(1+0.2*wave), Violations: (1 - i) * (k % 2)})
			}
		}
		g.Set.Methods = append(g.Set.Methods, m)
	}
	return g
}

// What was evaluated is drawn with others by its evaluations alone, and by what it returns where there is nothing else.
func TestEvaluatedHasItsPlace(t *testing.T) {
	g := explorers()
	if names := g.Names(); !slices.Contains(names, EvaluationName) || !slices.Contains(names, "learning") {
		t.Errorf("figures %q", names)
	}
	g.Set.Methods = append(g.Set.Methods, learner("pendulum", "unsafe", "", 6, 2, 1))
	rows, err := g.compared()
	if err != nil || len(rows) != 1 || len(rows[0].methods) != 1 || rows[0].methods[0].Planner != "unsafe" {
		t.Errorf("error %v, rows %+v", err, rows)
	}
	if rows := g.methods(evaluated); len(rows) != 1 || len(rows[0].methods) != 2 {
		t.Errorf("evaluated are %+v", rows)
	}
	if _, err := studies().Draw(EvaluationName); err == nil || !strings.Contains(err.Error(), "no run was evaluated") {
		t.Errorf("error %v", err)
	}
}

// A file of peers is read with what else there is, and one that cannot be is refused in a sentence.
func TestPeers(t *testing.T) {
	g, err := Open("../../notebooks/results/filter/actsafe-peers.json", "../../notebooks/results/pendulum.json")
	if err != nil || len(g.Peers) != 2 || len(g.Peers[0].Returns) != 19 || len(g.Peers[1].Returns) != 20 {
		t.Fatalf("error %v, %d peers", err, len(g.Peers))
	}
	least := slices.Min(g.Peers[0].Violating)
	sum := 0
	for _, v := range g.Peers[0].Violating {
		sum += v
	}
	if least < 1 || sum != 111 { // 9 · 5.2 + 10 · 6.4, as they are summed up elsewhere
		t.Errorf("violating steps of ActSafe: at least %d in each seed, %d in all", least, sum)
	}
	path := filepath.Join(t.TempDir(), "peers.json")
	for text, says := range map[string]string{
		`{"peers": [{"task": "t"}]}`: "want all three",
		`{"peers": [{"task": "t", "name": "n", "source": "s", "learned": [0], "returns": [[1, 2]], "violating": [0], "steps": 5}]}`:    "run 1 has 2 returns, and there are 1 evaluations",
		`{"peers": [{"task": "t", "name": "n", "source": "s", "learned": [0], "returns": [[1]], "violating": [], "steps": 5}]}`:        "want as many of both",
		`{"peers": [{"task": "t", "name": "n", "source": "s", "learned": [5, 0], "returns": [[1, 2]], "violating": [0], "steps": 5}]}`: "does not rise",
		`{"peers": 3}`: "holds no peers",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", text, err, says)
		}
	}
}

// The table of ActSafe's pendulum in results.md is what the committed results say, of our runs and of theirs, line by line.
func TestActSafeInResults(t *testing.T) {
	g, err := Open("../../notebooks/results/filter/actsafe.json", "../../notebooks/results/filter/actsafe-peers.json")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../notebooks/results.md")
	if err != nil {
		t.Fatal(err)
	}
	// spreads are the median and the worst return after so many steps.
	spreads := func(returns map[int][]float64) (text string) {
		for _, learned := range []int{100, 150, 200, 300, 750} {
			all := slices.Sorted(slices.Values(returns[learned]))
			if len(all) == 0 {
				t.Fatalf("there is no return after %d steps", learned)
			}
			half := len(all) / 2
			text += fmt.Sprintf(" %.1f, %.1f |", (all[half]+all[len(all)-1-half])/2, all[0])
		}
		return text
	}
	want := func(name string, violating []int, steps int, returns map[int][]float64, proved string) {
		clean, sum := 0, 0
		for _, v := range violating {
			if sum += v; v == 0 {
				clean++
			}
		}
		n := len(violating)
		line := fmt.Sprintf("| %s | %d of %d | %.3g %% | %d of %d | %s |%s", name, clean, n, 100*stats.AtMost(n-clean, n, 0.95), sum, n*steps, proved, spreads(returns))
		if !strings.Contains(string(page), "\n"+line+"\n") {
			t.Errorf("results.md does not have the line\n%s", line)
		}
	}
	for _, m := range g.Set.Methods {
		returns := map[int][]float64{}
		var violating []int
		evaluations, beyond, backups, covered := 0, 0, 0, 0
		for i := range m.Runs {
			r := &m.Runs[i]
			if !m.Finished(r) {
				t.Fatalf("seed %d is not finished", r.Seed)
			}
			violating = append(violating, r.Violations())
			for _, e := range r.Evaluations {
				returns[e.Learned] = append(returns[e.Learned], e.Return)
				evaluations, beyond = evaluations+e.Steps, beyond+e.Violations
			}
			for _, e := range r.Episodes {
				backups, covered = backups+e.ByBackup, covered+e.ByPlan+e.ByBackup
			}
		}
		name, proved := "`pessimistic`", "–"
		if m.Filter != "" {
			name, proved = "`pessimistic`, filtered", fmt.Sprintf("%d of %d, %d by a backup", covered, 750*len(m.Runs), backups)
		}
		version, _, _ := strings.Cut(m.Build, " ")
		want(name+", "+version, violating, m.Steps, returns, proved)
		if line := fmt.Sprintf("%d of %d steps of evaluations", beyond, evaluations); !strings.Contains(string(page), line) {
			t.Errorf("results.md does not say %q", line)
		}
	}
	for _, p := range g.Peers {
		returns := map[int][]float64{}
		for _, run := range p.Returns {
			for k, v := range run {
				returns[p.Learned[k]] = append(returns[p.Learned[k]], v)
			}
		}
		want(p.Name+", published", p.Violating, p.Steps, returns, "–")
	}
}
