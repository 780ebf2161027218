package figures

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/report"
)

// Runs with a filter are drawn beside those without, in the colour of their planner; where there are no two to compare, it is said.
func TestFiltered(t *testing.T) {
	if _, err := studies().Draw("filtered"); err == nil || !strings.Contains(err.Error(), "no task with runs that have a filter") {
		t.Errorf("error %v", err)
	}
	g := &Gallery{Set: &report.Set{}, Band: IQM, Episode: -1}
	g.Set.Methods = []report.Method{learner("pendulum", "safe", "", 3, 2, 1), learner("pendulum", "pessimistic", "", 3, 2, 0), learner("pendulum", "pessimistic", "on", 3, 2, 0)}
	if slices.Contains(g.Names(), "filtered") {
		t.Error("a variant is drawn as a filter")
	}
	g.Set.Methods[2].Filter = "on"
	if _, err := g.Draw("filtered"); err != nil {
		t.Fatal(err)
	}
	rows := g.rows(func(m *report.Method) bool { return true })
	var looks []int
	for _, m := range rows[0].methods {
		looks = append(looks, m.index)
	}
	if !slices.Equal(looks, []int{1, 0, hues}) {
		t.Errorf("looks %v, want those of safe and pessimistic, and of pessimistic with other marks", looks)
	}
	for i, model := range []string{"probabilistic", "gp", "sparse-gp"} { // where models alone tell methods apart, they have the colours
		g.Set.Methods[i] = learner("pendulum", "pessimistic", "", 3, 2, 0)
		g.Set.Methods[i].Model = model
	}
	looks = nil
	for _, m := range g.rows(plain)[0].methods {
		looks = append(looks, m.index)
	}
	if !slices.Equal(looks, []int{0, 1, 2}) {
		t.Errorf("looks of three models %v", looks)
	}
}

// Labels of marks leave out what all of them say.
func TestApart(t *testing.T) {
	for _, c := range []struct{ labels, names, shared string }{
		{"a, gp, filtered|a, linear, filtered", "gp|linear", "a, filtered"},
		{"a|a, on", "a|a, on", ""},
		{"a, x|a, x, y", "x|x, y", "a"},
		{"safe|unsafe", "safe|unsafe", ""},
		{"safe, gp", "safe, gp", ""},
	} {
		var methods []method
		for _, l := range strings.Split(c.labels, "|") {
			methods = append(methods, method{label: l})
		}
		names, shared := apart(methods)
		if got := strings.Join(names, "|"); got != c.names || shared != c.shared {
			t.Errorf("%s: %s and %q, want %s and %q", c.labels, got, shared, c.names, c.shared)
		}
	}
}

// A comparison with peers is drawn from its file, and one without rows is refused.
func TestRivals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "beside.json")
	for text, says := range map[string]string{
		`{"machine": "m", "cpu": "c", "versions": {}, "peers": [{"peer": "P", "what": "a plan", "ours": 1, "theirs": 2, "ratio": 0.5, "low": 0.4, "high": 0.6, "turns": 3}]}`: "",
		`{"machine": "m", "cpu": "c", "versions": {}, "peers": []}`: "holds no rows",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		g, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Draw("beside"); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: error %v, want %q", text, err, says)
		}
	}
}
