package report_test

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// tested are runs of a random phase and an episode of ten steps each, whose two evaluations return what is given, and violate as often.
func tested(returns [][2]float64, violations [][2]int) *report.Set {
	m := report.Method{Task: "pendulum", Planner: "pessimistic", Model: "sparse-gp", Build: "a build", Settings: []byte(`{}`), Steps: 20, Limits: []report.Limit{{Name: "speed", Unit: "rad/s"}}}
	for i := range returns {
		r := report.Run{Seed: uint64(i + 1)}
		for k := range 2 {
			phase := safex.RandomPhase
			if k > 0 {
				phase = safex.PlannedPhase
			}
			r.Episodes = append(r.Episodes, report.Episode{Summary: store.Summary{Episode: k, Phase: phase, Steps: 10, Return: -7, Worst: map[string]float64{"speed": -1}}, First: -1})
			worst := -0.5
			if violations[i][k] > 0 {
				worst = 0.25
			}
			r.Evaluations = append(r.Evaluations, report.Evaluation{Episode: k, Learned: 10 * (k + 1), Steps: 5, Return: returns[i][k], Violations: violations[i][k], Worst: map[string]float64{"speed": worst}})
		}
		m.Runs = append(m.Runs, r)
	}
	return &report.Set{Methods: []report.Method{m}}
}

// Evaluations are summed up by method and by episode, and their violations counted by themselves; a file holds them, and reads back.
func TestEvaluations(t *testing.T) {
	s := tested([][2]float64{{-9, -1}, {-8, -2}, {-7, -30}, {-6, -4}}, [][2]int{{0, 0}, {1, 2}, {0, 0}, {0, 0}})
	path := filepath.Join(t.TempDir(), "kept.json")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	back := read(t, path)
	if !reflect.DeepEqual(back, s) {
		t.Fatalf("%+v, want %+v", back, s)
	}
	r := rows(t, back, "")[0]
	if r.Violating != 0 || r.Clean != 4 || r.Steps != 80 || r.Last.Value != -7 {
		t.Errorf("what was learned from: %+v", r)
	}
	// Of four runs one violates; the interquartile mean of -30, -4, -2, -1 is that of the two in the middle, and so is the median.
	e := r.Evaluation
	if e.Runs != 4 || e.Clean != 3 || e.Steps != 40 || e.Violating != 3 || *e.Worst != 0.25 || e.Last != (report.Spread{Median: -3, Worst: -30, IQM: -3}) || e.Score.Value != -3 {
		t.Errorf("evaluations: %+v", e)
	}
	if want := 0.7514; math.Abs(e.AtMost-want) > 1e-4 { // one of four, one-sided 95 % of Clopper and Pearson
		t.Errorf("at most %v, want %v", e.AtMost, want)
	}
	all := back.Episodes()
	if first := all[0].Evaluations; first.Runs != 4 || first.Learned != 10 || first.Violating != 1 || first.Steps != 20 || first.Median != -7.5 || first.Worst != -9 || all[1].Evaluations.Worst != -30 {
		t.Errorf("after the random phase: %+v", first)
	}
	var table, episodes bytes.Buffer
	if err := report.Table(&table, []report.Row{r}); err != nil {
		t.Fatal(err)
	}
	if err := report.EpisodesTable(&episodes, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Evaluations, of which nothing was learned", "3 of 4", "3 of 40", "-3, -30", "Its violating steps are counted by themselves"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in\n%s", want, table.String())
		}
	}
	for _, want := range []string{"evaluation: median, worst", "-7.5, -9", "1 of 20"} {
		if !strings.Contains(episodes.String(), want) {
			t.Errorf("%q is not in\n%s", want, episodes.String())
		}
	}
}

// A method without evaluations says nothing of them, and its file is as it was.
func TestNoEvaluations(t *testing.T) {
	s := tested([][2]float64{{-9, -1}}, [][2]int{{0, 0}})
	s.Methods[0].Runs[0].Evaluations = nil
	path := filepath.Join(t.TempDir(), "kept.json")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	if text := string(must(os.ReadFile(path))); strings.Contains(text, "evaluation") {
		t.Error(text)
	}
	var b bytes.Buffer
	r := rows(t, s, "")
	if err := report.Table(&b, r); err != nil || r[0].Evaluation != nil || strings.Contains(strings.ToLower(b.String()), "evaluation") {
		t.Errorf("error %v\n%s", err, b.String())
	}
}

// What cannot be is refused where a file is read, and where one is written.
func TestEvaluationsThatCannotBe(t *testing.T) {
	for what, change := range map[string]func(r *report.Run){
		"after episode 7, which is not complete":                      func(r *report.Run) { r.Evaluations[1].Episode = 7 },
		"after episode 0 does not follow the one before":              func(r *report.Run) { r.Evaluations[1].Episode = 0 },
		"the numbers of the evaluation after episode 0 cannot be":     func(r *report.Run) { r.Evaluations[0].Violations = 6 },
		"the numbers of the evaluation after episode 1 cannot be":     func(r *report.Run) { r.Evaluations[1].Return = math.NaN() },
		"an evaluation after episode 1, which is not complete":        func(r *report.Run) { r.Episodes[1].Unfinished = true },
		"the numbers of the evaluation after episode 1 cannot be\x00": func(r *report.Run) { r.Evaluations[1].Steps = 0 },
	} {
		s := tested([][2]float64{{-9, -1}}, [][2]int{{0, 0}})
		change(&s.Methods[0].Runs[0])
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), strings.TrimRight(what, "\x00")) {
			t.Errorf("error %v, want %q", err, what)
		}
	}
	s := tested([][2]float64{{-9, -1}}, [][2]int{{0, 0}})
	path := filepath.Join(t.TempDir(), "kept.json")
	if err := s.Save(path); err != nil {
		t.Fatal(err)
	}
	text := string(must(os.ReadFile(path)))
	write(t, path, strings.Replace(text, `[0,10,5,-9,0,`, `[0,10,5,-9,`, 1))
	if _, err := report.Read(path); err == nil || !strings.Contains(err.Error(), "seed 1, evaluation 0 has 5 columns, want 6") {
		t.Errorf("error %v", err)
	}
	write(t, path, strings.Replace(text, `"learned",`, ``, 1))
	if _, err := report.Read(path); err == nil || !strings.Contains(err.Error(), "columns are those of another version") {
		t.Errorf("error %v", err)
	}
}

// Of two copies of a run the one with more evaluations counts, and two that differ in what both made are two runs.
func TestMergeEvaluations(t *testing.T) {
	whole := tested([][2]float64{{-9, -1}}, [][2]int{{0, 0}})
	short := tested([][2]float64{{-9, -1}}, [][2]int{{0, 0}})
	short.Methods[0].Runs[0].Evaluations = slices.Clip(short.Methods[0].Runs[0].Evaluations[:1])
	if err := short.Merge(whole); err != nil || len(short.Methods[0].Runs[0].Evaluations) != 2 {
		t.Errorf("error %v, %+v", err, short.Methods[0].Runs[0].Evaluations)
	}
	other := tested([][2]float64{{-9, -1.5}}, [][2]int{{0, 0}})
	if err := other.Merge(whole); err == nil || !strings.Contains(err.Error(), "took different steps") {
		t.Errorf("error %v", err)
	}
}
