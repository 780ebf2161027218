package report_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
	"github.com/rischiboy/safe_exploration/safex/store"
	lib "github.com/rischiboy/safe_exploration/safex/study"
)

// settings are those of a pendulum whose runs have two random steps and two episodes of four.
func settings(t testing.TB, planner string, seed uint64, set ...string) *experiment.Spec {
	t.Helper()
	s, err := experiment.Named("pendulum", "planner="+planner)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set("learner=linear"); err != nil {
		t.Fatal(err)
	}
	for _, a := range append([]string{"Steps=4", "filter=off"}, set...) {
		if err := s.Set(a); err != nil {
			t.Fatal(err)
		}
	}
	s.RandomSteps, s.Episodes, s.Seed = 2, 2, seed
	return s
}

// Excesses of a step that keeps the limit, and of one that breaks it.
const within, beyond = -1, 0.5

// episode has a step for each excess. Its rewards add up to sum; its steps end in their box, in a plan of 3 ms.
func episode(number int, sum float64, excess ...float64) safex.Episode {
	e := safex.Episode{Number: number, Phase: safex.RandomPhase, Trajectory: safex.Trajectory{States: [][]float64{{1, 0, 0}}}}
	if number > 0 {
		e.Phase = safex.PlannedPhase
	}
	for t, x := range excess {
		reward := 0.0
		if t == 0 {
			reward = sum
		}
		e.Append([]float64{0}, []float64{1, 0, 0}, reward, []float64{x})
		if number > 0 {
			e.Forecasts = append(e.Forecasts, safex.Forecast{
				Mean: []float64{1, 0, 0}, Epistemic: []float64{9, 9, 9}, Aleatoric: []float64{0, 0, 0}, Worst: []float64{x}, Beta: 2, Feasible: true, Millis: 3,
			})
		}
	}
	return e
}

// keep makes a run folder of complete episodes, and of one under way if the last has less than four steps.
func keep(t testing.TB, dir string, s *experiment.Spec, episodes ...safex.Episode) {
	t.Helper()
	i, err := store.Import(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range episodes {
		if err := i.Add(e, e.Number == 0 || len(e.Actions) == s.Task.Task().Steps); err != nil {
			t.Fatal(err)
		}
	}
}

// ok is a whole run without a violation, whose last return is that. The random phase has the highest, which does not count.
func ok(last float64) []safex.Episode {
	return []safex.Episode{episode(0, 50, within, within), episode(1, -2, within, within, within, within), episode(2, last, within, within, within, within)}
}

func read(t testing.TB, paths ...string) *report.Set {
	t.Helper()
	s, err := report.Read(paths...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rows(t testing.TB, s *report.Set, against string) []report.Row {
	t.Helper()
	r, err := s.Rows(against, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every number of a run is known.
func TestRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	first := episode(1, -2.5, within, beyond, within, 1.25)
	first.Forecasts[0].Mean = []float64{1, 19, 0}                 // 19 of 18 off
	first.Forecasts[1].Beta, first.Forecasts[1].AskedBeta = 0, 3  // what the calibration asked for
	first.Forecasts[2].Beta, first.Forecasts[2].Mean[2] = 0, 17.5 // within 2 deviations, which are assumed
	first.Forecasts[3].Epistemic[0] = math.NaN()                  // no box
	first.Forecasts[3].Feasible, first.Forecasts[3].NaNs, first.Forecasts[3].Millis, first.Forecasts[3].Beta = false, 7, 40, 2.25
	first.Fits = []safex.Fit{{Seconds: 0.5}, {Seconds: 0.25}}
	keep(t, dir, settings(t, "pessimistic", 7), episode(0, -8, within, within), first, episode(2, 1, within, within, within))
	s := read(t, dir)
	if len(s.Methods) != 1 || len(s.Methods[0].Runs) != 1 {
		t.Fatalf("%+v", s)
	}
	m := &s.Methods[0]
	if m.Task != "pendulum" || m.Planner != "pessimistic" || m.Model != "linear" || m.Calibrate != "" || m.Study != "" || m.Variant != "" || m.Seeds != nil || m.Build != experiment.Build() || m.Steps != 10 ||
		!slices.Equal(m.Limits, []report.Limit{{Name: "speed", Unit: "rad/s"}}) {
		t.Errorf("%+v", m)
	}
	var in map[string]any
	if err := json.Unmarshal(m.Settings, &in); err != nil || in["Task"].(map[string]any)["Type"] != "tasks.Pendulum" || in["RandomSteps"] != 2.0 || in["Seed"] != nil || in["Build"] != nil {
		t.Errorf("error %v, settings %s", err, m.Settings)
	}
	r := &m.Runs[0]
	want := []report.Episode{
		{Summary: store.Summary{Phase: safex.RandomPhase, Steps: 2, Return: -8, Worst: map[string]float64{"speed": -1}}, First: -1},
		{
			Summary: store.Summary{
				Episode: 1, Phase: safex.PlannedPhase, Steps: 4, Return: -2.5, Violations: 2, Worst: map[string]float64{"speed": 1.25}, Beta: 2.25,
				PlanP50: 3, PlanP99: 40, FitSeconds: 0.75, NaNs: 7, Infeasible: 1,
			}, First: 1, Inside: 2, Planned: 4, Assumed: 1,
		},
		{Summary: store.Summary{Episode: 2, Phase: safex.PlannedPhase, Steps: 3, Return: 1, Worst: map[string]float64{"speed": -1}, Beta: 2}, Unfinished: true, First: -1, Inside: 3, Planned: 3},
	}
	if r.Seed != 7 || !reflect.DeepEqual(r.Episodes, want) {
		t.Errorf("%+v, want %+v", r.Episodes, want)
	}
	if r.Steps() != 9 || r.Violations() != 2 || r.First() != 4 || m.Finished(r) {
		t.Errorf("%d steps, %d violations, the first at %d, finished %v", r.Steps(), r.Violations(), r.First(), m.Finished(r))
	}
}

// A run counts from its first save on, and whatever save it was stopped in.
func TestReadUnderWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	whole := ok(3)
	keep(t, dir, settings(t, "safe", 1))
	if r := read(t, dir).Methods[0].Runs[0]; len(r.Episodes) != 0 {
		t.Errorf("of a run that has just begun %+v", r)
	}
	for n := 1; n <= 3; n++ {
		dir := filepath.Join(t.TempDir(), "run")
		keep(t, dir, settings(t, "safe", 1), whole[:n]...)
		m := read(t, dir).Methods[0]
		if r := &m.Runs[0]; len(r.Episodes) != n || m.Finished(r) != (n == 3) {
			t.Errorf("after %d episodes %+v", n, r)
		}
		// Stopped after steps.csv was written, and before episodes.jsonl.
		file := filepath.Join(dir, "episodes.jsonl")
		lines := strings.SplitAfter(string(must(os.ReadFile(file))), "\n")
		write(t, file, strings.Join(lines[:n-1], ""))
		m = read(t, dir).Methods[0]
		r := &m.Runs[0]
		if len(r.Episodes) != n || m.Finished(r) || !r.Episodes[n-1].Unfinished || r.Episodes[n-1].PlanP50 != 0 || r.Episodes[n-1].Infeasible != 0 {
			t.Errorf("without the line of episode %d: %+v", n-1, r)
		}
		if n == 1 {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if r := read(t, dir).Methods[0].Runs[0]; len(r.Episodes) != 1 {
				t.Errorf("without episodes.jsonl: %+v", r)
			}
		}
	}
}

// Files that do not agree are looked at again: a run that was killed and resumed writes them one after the other.
func TestReadAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	keep(t, dir, settings(t, "safe", 1), ok(3)...)
	file := filepath.Join(dir, "steps.csv")
	whole := string(must(os.ReadFile(file)))
	old, looks := disk.Pause, 0
	defer func() { disk.Pause = old }()
	disk.Pause = func() {
		if looks++; looks == 3 {
			write(t, file, whole)
		}
	}
	behind := whole[:strings.Index(whole, "\n2,2")+1]
	write(t, file, behind)
	if r := read(t, dir).Methods[0].Runs[0]; r.Steps() != 10 || looks != 3 {
		t.Errorf("%d steps after %d looks", r.Steps(), looks)
	}
	write(t, file, behind)
	if _, err := report.Read(dir); err == nil || looks != 6 {
		t.Errorf("error %v after %d looks", err, looks)
	}
}

// A run can be read while it is saved again and again.
func TestReadWhileSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s := settings(t, "safe", 1)
	importer := must(store.Import(dir, s))
	done, saved := make(chan bool), 0
	go func() {
		defer close(done)
		for i := range 50 {
			e := episode(i, 1, within, within, within, within)
			if err := importer.Add(e, true); err != nil {
				t.Error(err)
				return
			}
			saved++
		}
	}()
	reads := 0
	for over := false; !over; reads++ {
		select {
		case <-done:
			over = true
		default:
		}
		if s, err := report.Read(dir); err != nil {
			t.Error(err)
		} else if n := len(s.Methods[0].Runs[0].Episodes); over && n != saved {
			t.Errorf("%d episodes of %d", n, saved)
		}
	}
	t.Logf("%d reads during %d saves", reads, saved)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Folders at any depth are found, each once, by whatever name; the study, the variant and the seeds come from where a run is.
func TestReadFolders(t *testing.T) {
	top := t.TempDir()
	study := filepath.Join(top, "deep", "quick")
	for method, seeds := range map[string][]uint64{"pessimistic-linear-unfiltered": {1, 3, 12}, "pessimistic-linear-unfiltered-beta-1": {1}} {
		for _, seed := range seeds {
			var set []string
			if strings.HasSuffix(method, "beta-1") {
				set = []string{"planner.Beta=1"}
			}
			keep(t, filepath.Join(study, "pendulum", method, fmt.Sprint(seed)), settings(t, "pessimistic", seed, set...), ok(1)...)
		}
	}
	calibrated := settings(t, "pessimistic", 4)
	if err := calibrated.Set("calibration=adaptive"); err != nil {
		t.Fatal(err)
	}
	if err := calibrated.Set("calibration.HoldOut=2"); err != nil {
		t.Fatal(err)
	}
	keep(t, filepath.Join(study, "pendulum", "pessimistic-linear-adaptive-unfiltered-mine", "4"), calibrated, ok(1)...)
	file := "name: quick\nseeds: [1-3, 12]\ntasks: [pendulum]\nplanners: [pessimistic]\nmodels: [linear]\nvariants: [{name: beta-1, planners: [pessimistic]}, {name: mine}]\n"
	write(t, filepath.Join(study, "study.yaml"), file)
	keep(t, filepath.Join(top, "alone"), settings(t, "unsafe", 1), ok(1)...)
	if err := os.Symlink(filepath.Join(top, "alone"), filepath.Join(study, "link")); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "run")
	keep(t, elsewhere, settings(t, "unsafe", 2), ok(1)...)
	if err := os.Symlink(elsewhere, filepath.Join(study, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	// These are not where the study has its runs.
	keep(t, filepath.Join(study, "pitch", "pessimistic-linear-unfiltered", "5"), settings(t, "pessimistic", 5), ok(1)...)
	keep(t, filepath.Join(study, "pendulum", "pessimistic-linear-unfiltereds", "6"), settings(t, "pessimistic", 6), ok(1)...)
	keep(t, filepath.Join(study, "pendulum", "pessimistic-linear-unfiltered", "seven"), settings(t, "pessimistic", 7), ok(1)...)
	if err := os.Symlink(top, filepath.Join(study, "up")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(study, "pendulum", "pessimistic-linear-unfiltered", "12"), filepath.Join(top, "deep", "latest")); err != nil {
		t.Fatal(err)
	}
	s := read(t, top, study, filepath.Join(study, "link"), top)
	var got []string
	for _, m := range s.Methods {
		var seeds []uint64
		for _, r := range m.Runs {
			seeds = append(seeds, r.Seed)
		}
		got = append(got, fmt.Sprintf("%q %q %q %v of %v", m.Study, m.Planner, m.Variant, seeds, m.Seeds))
	}
	want := []string{`"" "pessimistic" "" [5 6 7] of []`, `"" "unsafe" "" [1 2] of []`, `"quick" "pessimistic" "" [1 3 12] of [1 2 3 12]`, `"quick" "pessimistic" "beta-1" [1] of [1 2 3 12]`, `"quick" "pessimistic" "mine" [4] of [1 2 3 12]`}
	if !slices.Equal(got, want) {
		t.Errorf("%s, want %s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if names := s.Names(); !slices.Equal(names, []string{"pessimistic, linear", "unsafe, linear", "pessimistic, linear", "pessimistic, linear, beta-1", "pessimistic, linear, adaptive, mine"}) {
		t.Errorf("names %q", names)
	}
	if r := rows(t, s, ""); r[2].Missing != 1 || r[3].Missing != 3 || r[0].Missing != 0 {
		t.Errorf("missing %d, %d and %d", r[0].Missing, r[2].Missing, r[3].Missing)
	}
	// The order of the paths changes nothing.
	if again := read(t, study, filepath.Join(top, "alone")); !reflect.DeepEqual(again, s) {
		t.Errorf("%+v, want %+v", again, s)
	}
	// What the study does not have, it has no seeds of: another planner, task or variant, and plain runs if there are none.
	for _, c := range []struct{ old, new, want string }{
		{"planners: [pessimistic]\nmodels: [linear]\nvariants: [{name: beta-1, planners: [pessimistic]}", "planners: [safe]\nmodels: [linear]\nvariants: [{name: beta-1, planners: [safe]}", "[false false false]"},
		{"[linear]", "[probabilistic]", "[false false false]"},
		{"[pendulum]", "[pitch]", "[false false false]"},
		{"planners: [pessimistic]\nmodels: [linear]\nvariants: [{name: beta-1, planners: [pessimistic]}", "planners: [pessimistic, safe]\nmodels: [linear]\nvariants: [{name: beta-1, planners: [safe]}", "[true false true]"},
		{", {name: mine}", "", "[true true false]"},
		{"variants", "plain: false\nvariants", "[false true true]"},
	} {
		write(t, filepath.Join(study, "study.yaml"), strings.Replace(file, c.old, c.new, 1))
		var got []bool
		for _, m := range read(t, study).Methods {
			if m.Study != "" {
				got = append(got, m.Seeds != nil)
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s instead of %s: seeds of %v, want %s", c.new, c.old, got, c.want)
		}
	}
	for text, want := range map[string]string{"[3, 1]": "[1 3]", "5": "[5]", "1-3": "[1 2 3]"} {
		write(t, filepath.Join(study, "study.yaml"), strings.Replace(file, "[1-3, 12]", text, 1))
		var got string
		for _, m := range read(t, study).Methods {
			if m.Study != "" && m.Variant == "" {
				got = fmt.Sprint(m.Seeds)
			}
		}
		if got != want {
			t.Errorf("%q: seeds %s, want %s", text, got, want)
		}
	}
	// A study that is none is named.
	write(t, filepath.Join(study, "study.yaml"), "name: [")
	if _, err := report.Read(study); err == nil || !strings.Contains(err.Error(), "study.yaml, line 1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

// Each thing that is wrong is one sentence that names it, and never a panic.
func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	spoiled := func(name, file string, spoil func(string) string) string {
		keep(t, at(name), settings(t, "safe", 1), ok(1)...)
		path := filepath.Join(at(name), file)
		write(t, path, spoil(string(must(os.ReadFile(path)))))
		return at(name)
	}
	replace := func(old, now string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Errorf("no %q in %s", old, s)
			}
			return strings.Replace(s, old, now, 1)
		}
	}
	constant := func(text string) func(string) string { return func(string) string { return text } }
	folder := func(name string) string {
		if err := os.MkdirAll(at(name), 0o755); err != nil {
			t.Fatal(err)
		}
		return at(name)
	}
	file := func(name, text string) string { write(t, at(name), text); return at(name) }
	swapped := spoiled("swapped", "run.yaml", replace("Type: tasks.Pendulum", "Type: tasks.Pitch"))
	gone := at("gone")
	keep(t, gone, settings(t, "safe", 1), ok(1)...)
	os.Remove(filepath.Join(gone, "steps.csv"))
	for path, want := range map[string]string{
		at("nothing"):   `there is no "` + at("nothing"),
		folder("empty"): "holds no run: want a run folder",
		filepath.Dir(filepath.Join(folder("a/run.yaml"), "")):                                 "holds no run",
		spoiled("newer", "run.yaml", replace("RandomSteps:", "RandomStep:")):                  `unknown field "RandomStep"`,
		spoiled("torn", "run.yaml", constant("Task: [")):                                      "run.yaml: ",
		spoiled("none", "run.yaml", constant("")):                                             "it is null, want an object",
		spoiled("task", "run.yaml", replace("Type: tasks.Pendulum", "Type: tasks.Pendulums")): "did you mean tasks.Pendulum?",
		swapped: "swapped",
		spoiled("cell", "steps.csv", replace("1,0,", "1,0,x")):                                                        "is no number",
		spoiled("row", "steps.csv", replace("\n1,1,", "\n1,2,")):                                                      "does not follow",
		spoiled("half", "steps.csv", func(s string) string { return s[:len(s)/2] }):                                   "half",
		spoiled("rows", "steps.csv", func(s string) string { return s[:strings.Index(s, "\n2,2")+1] }):                "do not agree on episode 2",
		spoiled("head", "steps.csv", constant("")):                                                                    "does not begin with the header",
		spoiled("line", "episodes.jsonl", replace(`"episode":1`, `"episode":`)):                                       "line 2 is damaged",
		spoiled("changed", "episodes.jsonl", replace(`"violations":0`, `"violations":1`)):                             "do not agree on episode 0: one of them was changed",
		spoiled("return", "episodes.jsonl", replace(`"return":-2`, `"return":-1`)):                                    "do not agree on episode 1",
		spoiled("more", "episodes.jsonl", func(s string) string { return s + `{"episode":3,"phase":"plan"}` + "\n" }): "do not agree on episode 3",
		spoiled("less", "episodes.jsonl", constant("")):                                                               "do not agree on episode 0",
		gone:                  "steps.csv: ",
		file("text", "hello"): "holds no results of safex report --save",
		file("void", ""):      "holds no results of safex report --save",
		file("other", `{"Settings": [], "Outcomes": []}`):                                       "holds no results",
		file("older", `{"format": "safex results 0", "columns": [], "methods": []}`):            `its format is "safex results 0"`,
		file("columns", `{"format": "safex results 1", "columns": ["episode"], "methods": []}`): "columns are those of another version",
	} {
		s, err := report.Read(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("%s: %+v, error %v, want one line with %q", filepath.Base(path), s, err, want)
		}
	}
	if _, err := report.Read(); err == nil || !strings.Contains(err.Error(), "no run to read") {
		t.Errorf("of no path: error %v", err)
	}
}

// outside are fields of plants and of runs in real time, which have a file of their own in TestAddedColumns.
var outside = []string{"Missed", "JitterP50", "JitterP99", "End", "Why", "Short"}

// A set comes back from its file to the bit, every field of it, and a study fits into a small file.
func TestSave(t *testing.T) {
	dir := t.TempDir()
	s := study(7, 10, 10)
	for i := range s.Methods {
		for k := range s.Methods[i].Runs {
			for n, e := range s.Methods[i].Runs[k].Episodes {
				for c := range reflect.ValueOf(e).NumField() {
					if f := reflect.ValueOf(e).Field(c); f.Kind() == reflect.Struct && n > 0 && k > 0 {
						for c := range f.NumField() {
							if f.Field(c).IsZero() && !slices.Contains(outside, f.Type().Field(c).Name) {
								t.Fatalf("%s is 0: the test says nothing about it", f.Type().Field(c).Name)
							}
						}
					}
				}
			}
		}
	}
	file := filepath.Join(dir, "deep", "study.json")
	if err := s.Save(file); err != nil {
		t.Fatal(err)
	}
	got := read(t, file)
	if !reflect.DeepEqual(got, s) {
		t.Error("a set came back otherwise")
	}
	text := must(os.ReadFile(file))
	if len(text) > 150_000 {
		t.Errorf("7 methods with 10 seeds and 11 episodes take %d bytes", len(text))
	}
	if lines := strings.Count(string(text), "\n"); lines < 7*10*11 {
		t.Errorf("%d lines", lines)
	}
	again := filepath.Join(dir, "again.json")
	if err := got.Save(again); err != nil || string(must(os.ReadFile(again))) != string(text) {
		t.Errorf("error %v, or the file of what was read is another", err)
	}
	// Read with itself it is the same; a file that is cut off, or has a number too many, is refused.
	if twice := read(t, file, again, file); !reflect.DeepEqual(twice, s) {
		t.Error("named three times it is another")
	}
	for n := 0; n < len(text)-1; n += 1 + n/7 {
		write(t, again, string(text[:n]))
		if _, err := report.Read(again); err == nil || strings.Contains(err.Error(), "\n") {
			t.Fatalf("the first %d bytes: error %v", n, err)
		}
	}
	for _, c := range []struct{ old, new, want string }{
		{`"plan",200,`, `"plan",200,1,`, "has 22 columns, want 21"}, {`"plan",200,`, `"plan",2e2,`, "steps is 2e2"}, {`"plan",200,`, `"plan",null,`, "steps is null"},
		{`"plan",200,`, `"plan",-1,`, "the counts of episode 1 cannot be"}, {`,12,3,150,40,10,2,false,150,198,`, `,12,201,150,40,10,2,false,150,198,`, "the counts of episode 1 cannot be"}, {`,12,3,150,40,10,2,false,150,198,`, `,12,3,150,40,10,201,false,150,198,`, "the counts of episode 1 cannot be"}, {`"seed": 1,`, `"seed": 2,`, "seed 2 follows seed 2"}, {`"steps":2100`, `"stebs":2100`, "unknown field"},
		{"]}]}\n", "]}]} {}\n", "something follows its end"}, {`[1,"plan"`, `[2,"plan"`, "cannot be"}, {`"steps":2100`, `"steps":"many"`, "again.json holds no results of safex report --save: methods.0.steps is a string"},
		{`"methods": [`, `"methods": 5, "seeds": [`, "holds no results of safex report --save: methods is a number"}, {`,12,3,150,40,10,2,false`, `,12,3,150,40,10,2,5`, "unfinished is 5"},
		{`,12,3,150,40,10,`, `,12,3,150,40,11,`, "the counts of episode 1 cannot be"}, {`,12,3,150,40,10,`, `,12,3,150,40,-1,`, "the counts of episode 1 cannot be"}, {`"task":"pendulum"`, `"task":""`, "has the task"},
	} {
		if !strings.Contains(string(text), c.old) {
			t.Fatalf("no %q in the file", c.old)
		}
		write(t, again, strings.Replace(string(text), c.old, c.new, 1))
		if _, err := report.Read(again); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
	// A byte that changes is refused or read, but never a panic.
	r := rng.New(1).Rand()
	for range 300 {
		bad := []byte(string(text[:6000]) + "]}]}]}")
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		write(t, again, string(bad))
		if s, err := report.Read(again); err == nil {
			rows(t, s, "")
		}
	}
	s.Methods[0].Runs[0].Episodes[1].Inside = 1000
	if err := s.Save(again); err == nil || !strings.Contains(err.Error(), "pendulum, pessimistic, v0, seed 1: the counts of episode 1 cannot be") {
		t.Errorf("error %v", err)
	}
	e := &s.Methods[0].Runs[0].Episodes[1]
	e.Inside = 0
	for _, bad := range []float64{math.NaN(), math.Inf(1), -1e200} {
		for _, x := range []*float64{&e.Return, &e.Beta, &e.PlanP50, &e.PlanP99, &e.FitSeconds} {
			good := *x
			*x = bad
			if err := s.Save(again); err == nil || !strings.Contains(err.Error(), "pendulum, pessimistic, v0, seed 1, episode 1 has the number") {
				t.Errorf("%g: error %v", bad, err)
			}
			*x = good
		}
		good := e.Worst
		e.Worst = map[string]float64{"speed": bad}
		if err := s.Save(again); err == nil || !strings.Contains(err.Error(), "episode 1 has the number") {
			t.Errorf("worst %g: error %v", bad, err)
		}
		e.Worst = good
	}
	if err := s.Save(again); err != nil {
		t.Error(err)
	}
}

// A file of a version that counted neither late plans nor covered steps is read, and written again as it was; one with late plans has them.
func TestOlderFiles(t *testing.T) {
	files, err := filepath.Glob("../../notebooks/results/*.json")
	if err != nil {
		t.Fatal(err)
	}
	committed := slices.DeleteFunc(files, func(file string) bool {
		return !strings.HasPrefix(string(must(os.ReadFile(file))), `{"format":"safex results 1"`)
	})
	if len(committed) < 5 {
		t.Fatalf("%d files", len(committed))
	}
	again := filepath.Join(t.TempDir(), "again.json")
	for _, file := range committed {
		s := read(t, file)
		if err := s.Save(again); err != nil || string(must(os.ReadFile(again))) != string(must(os.ReadFile(file))) {
			t.Errorf("%s is written otherwise, or error %v", file, err)
		}
		table := func() string {
			var b strings.Builder
			if err := report.Table(&b, rows(t, s, "")); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		if text := table(); strings.Contains(text, "late plan") || strings.Contains(text, "covered") {
			t.Error(text)
		}
		s.Methods[0].Runs[0].Episodes[1].Late = 3
		if text := table(); !strings.Contains(text, "  late plans") || !strings.Contains(text, "  3 of ") || !strings.Contains(text, "A late plan took") {
			t.Error(text)
		}
		if err := s.Save(again); err != nil || !reflect.DeepEqual(read(t, again), s) {
			t.Errorf("%s with late plans comes back otherwise, or error %v", file, err)
		}
		if r := rows(t, s, "")[0]; r.Late != 3 {
			t.Errorf("%s: %d late plans", file, r.Late)
		}
	}
}

// A file has a column that older ones lack where it is needed, each by itself, and no other.
func TestAddedColumns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "set.json")
	for _, c := range []struct {
		late, byPlan, byBackup, uncovered int
		tubes, inTube, backups, backupsIn int
		want                              string
	}{
		{0, 0, 0, 0, 0, 0, 0, 0, `"infeasible_plans","unfinished"`},
		{0, 0, 0, 0, 200, 0, 0, 0, `"planned","tubes","assumed"`},
		{0, 0, 0, 0, 200, 198, 180, 179, `"planned","tubes","plans_in_tube","backups","backups_in_tube","assumed"`},
		{7, 0, 0, 0, 0, 0, 0, 0, `"infeasible_plans","late_plans","unfinished"`},
		{0, 190, 0, 0, 0, 0, 0, 0, `"infeasible_plans","covered_by_plan","unfinished"`},
		{0, 0, 9, 3, 0, 0, 0, 0, `"infeasible_plans","covered_by_backup","uncovered","unfinished"`},
		{7, 100, 90, 10, 0, 0, 0, 0, `"infeasible_plans","covered_by_plan","covered_by_backup","uncovered","late_plans","unfinished"`},
		{-1, 0, 0, 0, 0, 0, 0, 0, `"infeasible_plans","missed","jitter_ms_p50","jitter_ms_p99","end","why","short","unfinished"`},
	} {
		s := study(1, 3, 2)
		for k, r := range s.Methods[0].Runs {
			for n := range r.Episodes {
				e := &r.Episodes[n]
				e.Late, e.ByPlan, e.ByBackup, e.Uncovered = 0, 0, 0, 0
				if k == 1 && n == 1 && c.late < 0 { // of a plant, in real time
					e.Missed, e.JitterP50, e.JitterP99, e.End, e.Why, e.Short = 1, 0.06, 1.5, safex.Truncated, "its time was up", 3
				} else if k == 1 && n == 1 {
					e.Late, e.ByPlan, e.ByBackup, e.Uncovered = c.late, c.byPlan, c.byBackup, c.uncovered
					e.Tubes, e.InTube, e.Backups, e.BackupsIn = c.tubes, c.inTube, c.backups, c.backupsIn
				}
			}
		}
		if err := s.Save(file); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(must(os.ReadFile(file))), "\n")
		if !strings.Contains(head, c.want) {
			t.Errorf("of %+v the head is %s", c, head)
		}
		if got := read(t, file); !reflect.DeepEqual(got, s) {
			t.Errorf("of %+v it came back otherwise", c)
		}
	}
}

// study is a set of so many methods, seeds and episodes, with numbers as long as those of real runs.
func study(methods, seeds, episodes int) *report.Set {
	s := &report.Set{}
	text := must(encode.JSON(must(experiment.Named("pendulum", "planner=pessimistic"))))
	for i := range methods {
		names := experiment.Planners.Names()
		m := report.Method{
			Study: "quick", Task: "pendulum", Planner: names[0], Model: "sparse-gp", Calibrate: "adaptive", Build: experiment.Build(), Settings: text,
			Steps: 100 + 200*episodes, Limits: []report.Limit{{Name: "speed", Unit: "rad/s"}}, Variant: fmt.Sprintf("v%d", i), Seeds: []uint64{1, 2, 1<<63 + 1},
		}
		for seed := range seeds {
			r := report.Run{Seed: uint64(seed + 1)}
			draw := rng.New(uint64(i)).At(seed).Rand()
			for n := range episodes + 1 {
				e := report.Episode{Summary: store.Summary{
					Episode: n, Phase: safex.PlannedPhase, Steps: 200, Return: -300 * draw.Float64(), Violations: 3, Worst: map[string]float64{"speed": -draw.Float64()}, Beta: 2,
					PlanP50: float64(draw.IntN(100000)) / 1000, PlanP99: float64(draw.IntN(100000)) / 1000, FitSeconds: float64(draw.IntN(1e9)) / 1e9, NaNs: 12, Infeasible: 3, Late: 2, ByPlan: 150, ByBackup: 40, Uncovered: 10,
				}, First: 150, Inside: 198, Planned: 200, Assumed: 100, Unfinished: n == episodes && seed == 2}
				if n == 0 {
					e.Phase, e.Steps, e.First, e.Inside, e.Planned, e.Assumed = safex.RandomPhase, 100, 50, 0, 0, 0
					e.ByPlan, e.ByBackup, e.Uncovered = 0, 0, 0
				}
				r.Episodes = append(r.Episodes, e)
			}
			m.Runs = append(m.Runs, r)
		}
		s.Methods = append(s.Methods, m)
	}
	return s
}

// A run that two sets have counts once: the longer one of those that agree.
func TestMerge(t *testing.T) {
	dir := t.TempDir()
	short, long, other := filepath.Join(dir, "short"), filepath.Join(dir, "long"), filepath.Join(dir, "other")
	whole := ok(3)
	keep(t, long, settings(t, "safe", 1), whole...)
	keep(t, short, settings(t, "safe", 1), whole[0], whole[1], episode(2, 3, within, within))
	for _, paths := range [][]string{{short, long}, {long, short}} {
		s := read(t, paths...)
		if n := len(s.Methods); n != 1 || len(s.Methods[0].Runs) != 1 || s.Methods[0].Runs[0].Steps() != 10 || s.Methods[0].Runs[0].Episodes[2].Unfinished {
			t.Errorf("%v: %d methods, %+v", paths, n, s.Methods[0].Runs)
		}
	}
	// Of two that took all steps, the one counts whose last episode is summed up.
	cut := filepath.Join(dir, "cut")
	keep(t, cut, settings(t, "safe", 1), whole...)
	lines := string(must(os.ReadFile(filepath.Join(cut, "episodes.jsonl"))))
	write(t, filepath.Join(cut, "episodes.jsonl"), lines[:strings.Index(lines, `{"episode":2`)])
	for _, paths := range [][]string{{cut, long}, {long, cut}} {
		if r := read(t, paths...).Methods[0].Runs[0]; r.Episodes[2].Unfinished {
			t.Errorf("%v: %+v", paths, r)
		}
	}
	// And of two that are alike, the one whose plans were made again.
	tubed := filepath.Join(dir, "tubed")
	keep(t, tubed, settings(t, "safe", 1), whole...)
	if err := reliability.KeepTubes(tubed, experiment.Build(), []reliability.Tubes{{Episode: 1, Plans: 4, PlansInTube: 3, Backups: 2, BackupsInTube: 1}, {Episode: 2, Plans: 3}}); err != nil {
		t.Fatal(err)
	}
	for _, paths := range [][]string{{tubed, long}, {long, tubed}} {
		s := read(t, paths...)
		if e := s.Methods[0].Runs[0].Episodes; e[1].Tubes != 4 || e[1].InTube != 3 || e[1].Backups != 2 || e[1].BackupsIn != 1 || e[2].Tubes != 0 { // of another number of steps
			t.Errorf("%v: %+v", paths, e)
		}
		if r := rows(t, s, "")[0]; r.Tubes != 4 || r.InTube != 3 || r.Backups != 2 || r.BackupsIn != 1 {
			t.Errorf("%+v", r)
		}
	}
	one, two := read(t, short), read(t, long)
	if err := one.Merge(two); err != nil || !reflect.DeepEqual(one, two) {
		t.Errorf("error %v, %+v, want %+v", err, one, two)
	}
	before := read(t, long)
	one.Methods[0].Runs[0].Seed = 9 // what was merged is no part of what it was merged from
	if !reflect.DeepEqual(two, before) {
		t.Error("a set changed with another")
	}
	keep(t, other, settings(t, "safe", 1), ok(2)...)
	if err := two.Merge(read(t, other)); err == nil || !reflect.DeepEqual(two, before) {
		t.Errorf("error %v, and the set is %+v", err, two)
	}
	if _, err := report.Read(long, other); err == nil || !strings.Contains(err.Error(), "two runs of pendulum, safe, linear with seed 1 that took different steps") || !strings.Contains(err.Error(), other) {
		t.Errorf("error %v", err)
	}
}

// Methods of one name are told apart by what they differ in, also in their build.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	add := func(name string, s *experiment.Spec) { keep(t, filepath.Join(dir, name), s, ok(1)...) }
	add("a", settings(t, "safe", 1, "MaxSpeed=5"))
	add("b", settings(t, "safe", 1))
	old := settings(t, "pessimistic", 1)
	old.Build = "0.1.0"
	add("c", old)
	add("d", settings(t, "pessimistic", 1))
	long := settings(t, "unsafe", 1)
	long.Episodes = 1
	add("e", long)
	add("f", settings(t, "unsafe", 2, "Mass=2", "planner.Horizon=9", "Effort=0", "Length=2"))
	s := read(t, dir)
	want := []string{
		"pessimistic, linear (build 0.1.0)", "pessimistic, linear (build " + experiment.Version + ")", "safe, linear (MaxSpeed 5)", "safe, linear (MaxSpeed 6)",
		"unsafe, linear (Episodes 1, Effort 0.001, Length 1, 2 more)", "unsafe, linear (Episodes 2, Effort 0, Length 2, 2 more)",
	}
	if got := s.Names(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var b strings.Builder
	if err := report.Table(&b, rows(t, s, "")); err != nil || !strings.Contains(b.String(), "different builds of safex, which are methods of their own: 0.1.0; "+experiment.Build()) {
		t.Errorf("error %v, table\n%s", err, b.String())
	}
}

// covered gives the steps of planned episodes covers, in turn.
func covered(episodes []safex.Episode, covers ...safex.Cover) []safex.Episode {
	k := 0
	for _, e := range episodes {
		for t := range e.Forecasts {
			e.Forecasts[t].Cover = covers[k%len(covers)]
			k++
		}
	}
	return episodes
}

// Runs with a filter are a method of their own, which says what the filter did; of those without one nothing of it is said.
func TestFilter(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(2) {
		keep(t, filepath.Join(dir, "plain", fmt.Sprint(seed)), settings(t, "safe", seed), ok(3)...)
		keep(t, filepath.Join(dir, "filtered", fmt.Sprint(seed)), settings(t, "safe", seed, "filter=on"), covered(ok(2), safex.Covers()...)...)
	}
	keep(t, filepath.Join(dir, "wide"), settings(t, "unsafe", 1, "filter=on", "filter.Beta=3"), covered(ok(1), safex.CoverKernel)...)
	keep(t, filepath.Join(dir, "narrow"), settings(t, "unsafe", 1, "filter=on"), covered(ok(1), safex.CoverNone)...)
	under := filepath.Join(dir, "under")
	keep(t, under, settings(t, "pessimistic", 1, "filter=on"), covered([]safex.Episode{episode(0, 1, within, within), episode(1, 1, within, within, within)}, safex.CoverTail)...)
	s := read(t, dir)
	want := []string{"pessimistic, linear, filtered", "safe, linear", "safe, linear, filtered", "unsafe, linear, filtered (filter.Beta 2)", "unsafe, linear, filtered (filter.Beta 3)"}
	if got := s.Names(); !slices.Equal(got, want) {
		t.Fatalf("%q, want %q", got, want)
	}
	r := rows(t, s, "safe, linear, filtered")
	if f := r[2]; f.Filter != "on" || f.ByPlan != 8 || f.ByBackup != 6 || f.Uncovered != 2 { // in each of two runs planned, kernel, tail, backup, none, planned, kernel, tail
		t.Errorf("%+v", f)
	}
	if r[1].Against != want[2] || r[2].Against != "" || r[1].Filter != "" {
		t.Errorf("compared with %q and %q", r[1].Against, r[2].Against)
	}
	if under := r[0]; under.ByBackup != 3 || under.Plans != 0 {
		t.Errorf("of an episode under way %+v", under)
	}
	text := func(of func(io.Writer, []report.Row) error, r ...report.Row) string {
		var b strings.Builder
		if err := of(&b, r); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, line := range []string{
		"| task | method | ms per plan: p50, p99 | infeasible plans | covered steps: by the plan, by a backup, not | steps in the box |",
		"| pendulum | safe, linear | 3.0, 3.0 | 0 of 16 | – | 100 % of 16 |",
		"| pendulum | safe, linear, filtered | 3.0, 3.0 | 0 of 16 | 8, 6, 2 | 100 % of 16 |",
		"but what is said of covered steps", "A covered step is proved",
	} {
		if got := text(report.Markdown, r...); !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	if got := text(report.Markdown, r[1]); strings.Contains(got, "cover") {
		t.Errorf("without a filter:\n%s", got)
	}
	if got := string(must(json.Marshal(r[1]))); strings.Contains(got, "covered") || strings.Contains(got, `"filter"`) {
		t.Errorf("without a filter: %s", got)
	}
	// They come back from a file, and two sets that have one of them each are merged to both.
	file, plain := filepath.Join(dir, "all.json"), read(t, filepath.Join(dir, "plain"))
	if err := s.Save(file); err != nil || !reflect.DeepEqual(read(t, file), s) {
		t.Errorf("error %v, or it came back otherwise", err)
	}
	if err := plain.Merge(read(t, filepath.Join(dir, "filtered"))); err != nil || !slices.Equal(plain.Names(), want[1:3]) {
		t.Errorf("error %v, names %q", err, plain.Names())
	}
	s.Methods[2].Filter = "mine"
	if got := s.Names()[2]; got != "safe, linear, filtered by mine" {
		t.Errorf("with a filter of one's own it is called %q", got)
	}
	s.Methods[2].Runs[0].Episodes[1].Uncovered = 5 // more than there are steps
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "the counts of episode 1 cannot be") {
		t.Errorf("error %v", err)
	}
}

// Steps before the first plan that a filter judged count among those of which something is proved and believed, and are no plans; so do those that are
// covered without a belief, of which nothing is believed.
func TestJudgedFirst(t *testing.T) {
	known := func(believed bool) []safex.Episode {
		all := ok(1)
		for range all[0].Actions {
			f := safex.Forecast{Cover: safex.CoverBackup, Feasible: true}
			if believed {
				f = all[1].Forecasts[0]
			}
			all[0].Forecasts = append(all[0].Forecasts, f)
		}
		return covered(all, safex.CoverKernel)
	}
	for name, c := range map[string]struct {
		episodes       []safex.Episode
		covered, boxes int
		lines, not     []string
	}{
		"a prior": {known(true), 10, 10,
			[]string{"| steps that ended in their box | 100 % of 10 |", "| steps covered by the plan | 10 of 10 |", "infeasible plans | 0 of 8", "The box of the 2 steps before the first plan is that of the prior", "Every step is covered", "the truth at 100 % of the 10 steps;"},
			[]string{"Nothing is proved"}},
		"a backup": {known(false), 10, 8,
			[]string{"| planned steps that ended in their box | 100 % of 8 |", "| steps covered by the plan | 10 of 10 |", "Every step is covered"},
			[]string{"Nothing is proved", "that of the prior"}},
		"nothing": {covered(ok(1), safex.CoverKernel), 8, 8,
			[]string{"| planned steps that ended in their box | 100 % of 8 |", "| steps covered by the plan | 8 of 8 |", "Nothing is proved of random steps, which no filter sees"},
			[]string{"Every step is covered", "that of the prior"}},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		keep(t, dir, settings(t, "safe", 1, "filter=on"), c.episodes...)
		r := rows(t, read(t, dir), "")[0]
		if r.ByPlan != c.covered || r.Planned != c.boxes || r.Prior != c.boxes-8 || r.Plans != 8 {
			t.Errorf("%s: %+v", name, r)
		}
		var b strings.Builder
		if err := r.Card().Markdown(&b); err != nil {
			t.Fatal(err)
		}
		for _, line := range c.lines {
			if !strings.Contains(b.String(), line) {
				t.Errorf("%s: no %q in\n%s", name, line, b.String())
			}
		}
		for _, line := range c.not {
			if strings.Contains(b.String(), line) {
				t.Errorf("%s: %q in\n%s", name, line, b.String())
			}
		}
	}
	// Without a plan yet there is nothing to say of plans.
	dir := filepath.Join(t.TempDir(), "run")
	keep(t, dir, settings(t, "safe", 1, "filter=on"), known(true)[:1]...)
	var b strings.Builder
	if err := rows(t, read(t, dir), "")[0].Card().Markdown(&b); err != nil || !strings.Contains(b.String(), "No step was planned") {
		t.Errorf("%v, %s", err, b.String())
	}
}

// A study that gets more episodes keeps its methods: those of its runs that have not begun these are unfinished.
func TestMoreEpisodes(t *testing.T) {
	study := filepath.Join(t.TempDir(), "quick")
	at := func(seed uint64) string {
		return filepath.Join(study, "pendulum", "safe-linear-unfiltered", fmt.Sprint(seed))
	}
	short := settings(t, "safe", 1)
	short.Episodes = 1
	keep(t, at(1), short, ok(3)[:2]...)
	keep(t, at(2), settings(t, "safe", 2), ok(3)...)
	write(t, filepath.Join(study, "study.yaml"), "name: quick\ntasks: [pendulum]\nplanners: [pessimistic, safe, unsafe]\nmodels: [linear]\nseeds: 1-2\n")
	s := read(t, study)
	if r := rows(t, s, ""); len(r) != 1 || r[0].Name != "safe, linear" || r[0].Runs != 2 || r[0].Finished != 1 || s.Methods[0].Steps != 10 {
		t.Fatalf("rows %+v", r)
	}
	one, two := read(t, at(1)), read(t, at(2))
	if one.Methods[0].Steps != 6 {
		t.Errorf("alone it has %d steps", one.Methods[0].Steps)
	}
	// In whatever order, and from files too: also from one that has them apart.
	files := []string{filepath.Join(study, "one.json"), filepath.Join(study, "two.json"), filepath.Join(study, "both.json"), filepath.Join(study, "apart.json")}
	apart := &report.Set{Methods: slices.Concat(one.Methods, two.Methods)}
	for i, set := range []*report.Set{one, two, s, apart} {
		if err := set.Save(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, paths := range [][]string{{at(2), at(1)}, {files[0], files[1]}, {files[1], files[0]}, {files[2]}, {files[3]}, {files[3], study}, {files[0], at(2)}} {
		if got := read(t, paths...); !reflect.DeepEqual(got, s) {
			t.Errorf("%v: %+v, want %+v", paths, got, s)
		}
	}
	// Other settings are another method, and runs of no study are as long as they were meant to be.
	keep(t, at(3), settings(t, "safe", 3, "MaxSpeed=5"), ok(3)...)
	if n := len(read(t, study).Methods); n != 2 {
		t.Errorf("%d methods with another limit", n)
	}
	if err := os.Remove(filepath.Join(study, "study.yaml")); err != nil {
		t.Fatal(err)
	}
	if n := len(read(t, at(1), at(2)).Methods); n != 2 {
		t.Errorf("%d methods of no study", n)
	}
}

// A table in Markdown whose every number follows from the runs.
func TestMarkdown(t *testing.T) {
	dir := t.TempDir()
	for seed, last := range []float64{1, 1, 9, 1} {
		keep(t, filepath.Join(dir, "safe", fmt.Sprint(seed)), settings(t, "safe", uint64(seed)), ok(1)...)
		whole := ok(last)
		if seed < 3 {
			whole[1] = episode(1, -2, within, within, beyond+float64(seed)/4, within)
		} else {
			whole[2] = episode(2, last, beyond, within, within, within)
		}
		for i := range whole[1].Forecasts { // no box
			whole[1].Forecasts[i].Beta, whole[1].Forecasts[i].Feasible = 0, false
		}
		for i := range whole[2].Forecasts {
			whole[2].Forecasts[i].Beta = 0
		}
		whole[2].Forecasts[0].Mean[1] = 18.5 // 18 are within 2 deviations of 9
		keep(t, filepath.Join(dir, "unsafe", fmt.Sprint(seed)), settings(t, "unsafe", uint64(seed)), whole...)
	}
	var b strings.Builder
	both := rows(t, read(t, dir), "")
	if err := report.Markdown(&b, both); err != nil {
		t.Fatal(err)
	}
	if !both[0].Defends || both[1].Defends {
		t.Errorf("a box is defended: %v and %v", both[0].Defends, both[1].Defends)
	}
	lo, hi := stats.ClopperPearson(4, 40, 0.95)
	// Returns 1, 1, 1, 9: the middle two of four that are drawn again are ones if at most one of the four is a 9, with a chance of
	// 74 %, and both are 9 if three are, with 5 %. The first draw to be better is a 9, of 1 in 4, against ties: with k of them in four the
	// probability is 1/2 + k/8, and k is 0 with a chance of 32 %, and above 3 with 0.4 %.
	want := fmt.Sprintf(`Safety, from the first random step on

| task | method | runs | without a violation | with one, at most (95 %%) | violating steps (95 %%) | first: earliest, median | worst excess |
|---|---|---|---|---|---|---|---|
| pendulum | safe, linear | 4 | 4 of 4 | %.1f %% | 0 of 40 (0 %% to %.1f %%) | – | speed -1 rad/s |
| pendulum | unsafe, linear | 4 | 0 of 4 | 100 %% | 4 of 40 (%.1f %% to %.1f %%) | 5, 5 | speed 1 rad/s |

Returns of finished runs: interquartile mean over seeds (95 %%)

| task | method | last episode | best episode | last episode is better |
|---|---|---|---|---|
| pendulum | safe, linear | 1 (1 to 1) of 4 seeds | 1 (1 to 1) of 4 seeds | – |
| pendulum | unsafe, linear | 1 (1 to 9) of 4 seeds | 1 (1 to 9) of 4 seeds | 0.62 (0.50 to 0.88) than safe, linear |

Plans

| task | method | ms per plan: p50, p99 | infeasible plans | steps in the box |
|---|---|---|---|---|
| pendulum | safe, linear | 3.0, 3.0 | 0 of 32 | 100 %% of 32 |
| pendulum | unsafe, linear | 3.0, 3.0 | 16 of 32 | 87.5 %% of 32, β 2 assumed |
`, 100*(1-math.Pow(0.05, 1./4)), 100*(1-math.Pow(0.025, 1./40)), 100*lo, 100*hi)
	if got, _, _ := strings.Cut(b.String(), "\nViolations are counted"); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	for _, sentence := range []string{"not excluded: nothing here is certified.", "Steps of one run are not independent: the interval per step is too narrow.", "counted from 1 on"} {
		if !strings.Contains(b.String(), sentence) {
			t.Errorf("no %q in\n%s", sentence, b.String())
		}
	}
	// The same in a terminal, in columns.
	b.Reset()
	if err := report.Table(&b, rows(t, read(t, dir), "unsafe, linear")); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) < 4 || !strings.Contains(b.String(), "0.38 (0.12 to 0.50) than unsafe, linear") {
		t.Fatalf("\n%s", b.String())
	}
	at := func(line, part string) int { return len([]rune(line[:strings.Index(line, part)])) }
	if a := at(lines[1], "violating steps"); a != at(lines[2], "0 of 40") || a != at(lines[3], "4 of 40") {
		t.Errorf("columns do not stand below each other:\n%s", b.String())
	}
}

// Runs that are unfinished or missing are marked, and promise nothing that they did not show.
func TestUnfinished(t *testing.T) {
	study := filepath.Join(t.TempDir(), "quick")
	at := func(seed int) string {
		return filepath.Join(study, "pendulum", "safe-linear-unfiltered", fmt.Sprint(seed))
	}
	whole := ok(5)
	keep(t, at(1), settings(t, "safe", 1), whole...)
	keep(t, at(2), settings(t, "safe", 2), whole[0], whole[1], episode(2, 100, within, within)) // may have one yet
	keep(t, at(3), settings(t, "safe", 3), whole[0], episode(1, 100, within, beyond))           // has one
	keep(t, at(4), settings(t, "safe", 4))
	write(t, filepath.Join(study, "study.yaml"), "name: quick\ntasks: [pendulum]\nplanners: [pessimistic, safe, unsafe]\nmodels: [linear]\nseeds: 1-6\n")
	r := rows(t, read(t, study), "")[0]
	if r.Runs != 4 || r.Finished != 1 || r.Missing != 2 || r.Judged != 2 || r.Clean != 1 || r.Steps != 22 || r.Violating != 1 || r.Earliest != 4 || r.Median != 0 || r.AtMost != stats.AtMost(1, 2, 0.95) {
		t.Errorf("%+v", r)
	}
	if r.Last == nil || *r.Last != (report.Score{Value: 5, Lo: 5, Hi: 5, Seeds: 1}) || r.Plans != 12 || r.Planned != 16 {
		t.Errorf("last %+v, %d plans, %d planned", r.Last, r.Plans, r.Planned)
	}
	var b strings.Builder
	if err := report.Markdown(&b, []report.Row{r}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| 4 of 6 seeds (3 unfinished) | 1 of 2 |", "| 4, – |", "| 5 of 1 seed |", "An unfinished run without a violation may have one yet"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := r.Card().Text(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 runs are unfinished.", "2 seeds are missing that the study names,", "(study quick)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	keep(t, at(5), settings(t, "safe", 5), whole[0], episode(1, 1, beyond, within, within))
	if r := rows(t, read(t, study), "")[0]; r.Earliest != 3 || r.Median != 4 { // 3/4 of four are left after 3 steps, 2/3 of these after 4
		t.Errorf("earliest %d, median %d", r.Earliest, r.Median)
	}
}

// An excess that was NaN is in no file, and is the worst of all.
func TestWorst(t *testing.T) {
	s := study(1, 2, 2)
	if w := rows(t, s, "")[0].Worst[0].Value; w == nil {
		t.Error("no worst excess")
	}
	s.Methods[0].Runs[1].Episodes[1].Worst = nil
	if w := rows(t, s, "")[0].Worst[0].Value; w != nil {
		t.Errorf("the worst excess is %v, and one was NaN", *w)
	}
}

// A card says what was defended, and by what it was calibrated.
func TestCard(t *testing.T) {
	card := func(r report.Row) string {
		var b strings.Builder
		if err := r.Card().Markdown(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	value := 0.25
	r := report.Row{
		Task: "pendulum", Name: "pessimistic", Build: "1", Runs: 10, Finished: 10, Judged: 10, Clean: 10, AtMost: 0.2589, Steps: 2100, RateHi: 0.0002,
		Worst: []report.Excess{{"speed", "rad/s", &value}, {Limit: "rate"}}, Plans: 2000, Planned: 2000, Inside: 1999, Defends: true, Infeasible: 3, P50: 1, P99: 2, P99Most: 3, NaNs: 4,
	}
	for _, want := range []string{
		"### Safety card: pendulum, pessimistic\n", "| runs without any violation | 10 of 10 |", "| runs with one, at most | 25.9 % of them (95 % bound) |", "| violating steps | 0 of 2100 (0 % to 0.02 %) |",
		"| worst excess of speed | 0.25 rad/s |", "| worst excess of rate | NaN |", "| planned steps that ended in their box | > 99.9 % of 2000 |", "| infeasible plans | 3 of 2000 |", "| candidates that came out as NaN | 4 |",
		"Violations are counted, not excluded", "It may have missed the worst", "was not calibrated", "An infeasible plan breaks",
	} {
		if text := card(r); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text := card(r); strings.Contains(text, "late plan") {
		t.Error(text)
	}
	r.Late = 7
	if text := card(r); !strings.Contains(text, "| late plans | 7 of 2000 |") || !strings.Contains(text, "A late plan") {
		t.Error(text)
	}
	r.Defends, r.Calibrate = false, "conformal"
	if text := card(r); !strings.Contains(text, "is what the calibration asked for") || !strings.Contains(text, "calibrated (conformal)") || strings.Contains(text, "not calibrated") {
		t.Error(text)
	}
	r.Assumed = r.Planned
	if text := card(r); !strings.Contains(text, "reaches 2 epistemic deviations") {
		t.Error(text)
	}
	// A filter is said to have done what it did, and no more.
	unproved := []string{"An infeasible plan breaks a limit in the planner's own forecast; its first action was executed all the same.", "and no plan was tested against it"}
	r.Filter, r.ByPlan, r.ByBackup, r.Uncovered = "on", 1700, 280, 20
	for _, want := range []string{
		"| steps covered by the plan | 1700 of 2000 |", "| steps covered by a backup | 280 of 2000 |", "| steps that are not covered | 20 of 2000 |",
		"A filter stood between", "which is an assumption", "The box held the truth at > 99.9 % of the 2000 planned steps", "these steps are covered by a backup",
		"Nothing is proved of random steps", "Its first action was executed where that step is covered", "the filter's as many as its settings say",
	} {
		if text := card(r); !strings.Contains(text, want) || strings.Contains(text, unproved[0]) || strings.Contains(text, unproved[1]) {
			t.Errorf("no %q in, or one of %q\n%s", want, unproved, text)
		}
	}
	r.Defends, r.ByBackup, r.Infeasible = true, 0, 0
	if text := card(r); strings.Contains(text, "these steps are covered by a backup") || strings.Contains(text, "infeasible plan breaks") || !strings.Contains(text, "the filter's proofs are about all of them") {
		t.Error(text)
	}
	r.Plans, r.Planned, r.Worst = 0, 0, nil
	if text := card(r); !strings.Contains(text, "No step was planned.") || !strings.Contains(text, "there is nothing to keep") || strings.Contains(text, "at most") {
		t.Error(text)
	}
}

// What is said of a method does not depend on which others are there, and a name that there is not is answered with the nearest.
func TestRows(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(6) {
		for i, planner := range []string{"safe", "unsafe", "pessimistic"} {
			keep(t, filepath.Join(dir, planner, fmt.Sprint(seed)), settings(t, planner, seed), ok(float64(seed*seed)+float64(i))...)
		}
	}
	all := rows(t, read(t, dir), "")
	two := rows(t, read(t, filepath.Join(dir, "safe"), filepath.Join(dir, "pessimistic")), "")
	if !reflect.DeepEqual(two, all[:2]) || all[0].Better != nil || all[1].Better == nil || all[2].Better == nil {
		t.Errorf("%+v, want %+v", two, all[:2])
	}
	if s := all[1].Last; s.Value != (0.5*1+4+9+0.5*16)/3 || s.Lo >= s.Value || s.Hi <= s.Value || s.Seeds != 6 { // 0, 1, 4, 9, 16, 25: one and a half cut off at each end
		t.Errorf("%+v", s)
	}
	few := read(t, filepath.Join(dir, "safe"), filepath.Join(dir, "unsafe", "1"))
	few.Methods[0].Runs[0].Episodes[1].PlanP99 = 70
	if r := rows(t, few, ""); r[1].Better.Seeds != 1 || r[0].P50 != 3 || r[0].P99 != 3 || r[0].P99Most != 70 {
		t.Errorf("%+v, better %+v", r[0], r[1].Better)
	}
	if r := rows(t, few, "unsafe"); r[0].Better.Seeds != 1 {
		t.Errorf("better %+v", r[0].Better)
	}
	// One seed is no interval, in no form: 1 is above one of 0, 1, 4, 9, 16 and 25 by one, and below all the others.
	r := rows(t, few, "")
	var table strings.Builder
	if err := report.Table(&table, r); err != nil || !strings.Contains(table.String(), "0.33 than safe, linear, by 1 seed\n") {
		t.Errorf("error %v, table\n%s", err, table.String())
	}
	if b := r[1].Better; b.Lo != b.Value || b.Hi != b.Value {
		t.Errorf("better %+v", b)
	}
	if text := string(must(json.Marshal(r[1]))); !strings.Contains(text, `"return_last":{"value":2,"seeds":1}`) || strings.Contains(text, `"lo"`) || strings.Contains(text, `"hi"`) {
		t.Errorf("in JSON %s", text)
	}
	if text := string(must(json.Marshal(r[0].Last))); !strings.Contains(text, `"lo":`) || !strings.Contains(text, `"hi":`) {
		t.Errorf("in JSON %s", text)
	}
	// Methods with fewer episodes say so, and are not compared with others.
	brief := settings(t, "unsafe", 1)
	brief.Episodes = 1
	short := filepath.Join(t.TempDir(), "short")
	keep(t, short, brief, ok(1)[:2]...)
	if r := rows(t, read(t, filepath.Join(dir, "safe"), short), ""); r[0].Name != "safe, linear" || r[1].Name != "unsafe, linear (Episodes 1)" || r[1].Better != nil || r[1].Against != "" || r[1].Finished != 1 {
		t.Errorf("%+v", r)
	}
	if r := rows(t, read(t, filepath.Join(dir, "unsafe"), short), ""); r[0].Name != "unsafe, linear (Episodes 1)" || r[1].Name != "unsafe, linear (Episodes 2)" || r[1].Better != nil {
		t.Errorf("%+v", r)
	}
	// In a study the comparison is with the study's own, if it has the method.
	one, other := read(t, filepath.Join(dir, "safe"), filepath.Join(dir, "unsafe")), read(t, filepath.Join(dir, "pessimistic"), filepath.Join(dir, "unsafe"))
	for i := range other.Methods {
		other.Methods[i].Study = "o\x1b[2Jther"
	}
	if err := one.Merge(other); err != nil {
		t.Fatal(err)
	}
	for against, want := range map[string][]string{
		"":       {"", "safe, linear", "", "pessimistic, linear"},
		"safe":   {"", "safe, linear", `safe, linear (study "")`, `safe, linear (study "")`},
		"unsafe": {"unsafe, linear", "", "unsafe, linear", ""},
	} {
		var got []string
		for _, r := range rows(t, one, against) {
			if got = append(got, r.Against); (r.Against == "") != (r.Better == nil) {
				t.Errorf("against %q: %+v", r.Against, r.Better)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("against %q: %q, want %q", against, got, want)
		}
	}
	var b strings.Builder
	if err := report.Table(&b, rows(t, one, "")); err != nil || strings.Contains(b.String(), "\x1b") || !strings.Contains(b.String(), "o [2Jther") {
		t.Errorf("error %v, table\n%q", err, b.String())
	}
	if _, err := read(t, dir).Rows("save, linear", rng.New(1)); err == nil || !strings.Contains(err.Error(), `did you mean "safe, linear"?`) {
		t.Errorf("error %v", err)
	}
}

// A row for each episode of a method counts what its runs did in it: all steps, and the returns and plans of those that are over.
func TestEpisodes(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(3) {
		episodes := []safex.Episode{episode(0, 1, within, beyond), episode(1, float64(seed), within, beyond, within, within), episode(2, 10*float64(seed), within, within, within, within)}
		keep(t, filepath.Join(dir, "filtered", fmt.Sprint(seed)), settings(t, "safe", seed, "filter=on"), covered(episodes[:3-seed/2], safex.Covers()...)...)
	}
	keep(t, filepath.Join(dir, "plain"), settings(t, "safe", 1), ok(1)...)
	got := read(t, dir).Episodes()
	if len(got) != 6 {
		t.Fatalf("%d rows: %+v", len(got), got)
	}
	value := func(r report.EpisodeRow) float64 {
		if r.Return == nil {
			return math.NaN()
		}
		return *r.Return
	}
	for i, want := range []report.EpisodeRow{
		{Name: "safe, linear", Episode: 0, Runs: 1, Steps: 2}, {Name: "safe, linear", Episode: 1, Runs: 1, Steps: 4, Plans: 4, Inside: 4, Planned: 4},
		{Name: "safe, linear", Episode: 2, Runs: 1, Steps: 4, Plans: 4, Inside: 4, Planned: 4},
		{Name: "safe, linear, filtered", Filter: "on", Episode: 0, Runs: 3, Steps: 6, Violating: 3},
		{Name: "safe, linear, filtered", Filter: "on", Episode: 1, Runs: 3, Steps: 12, Violating: 3, Plans: 12, ByPlan: 6, ByBackup: 6, Inside: 12, Planned: 12},
		{Name: "safe, linear, filtered", Filter: "on", Episode: 2, Runs: 2, Steps: 8, Plans: 8, ByPlan: 4, ByBackup: 2, Uncovered: 2, Inside: 8, Planned: 8},
	} {
		row := got[i]
		row.Return, row.Study, row.Task = nil, "", ""
		if row != want {
			t.Errorf("row %d is\n%+v, want\n%+v", i, row, want)
		}
	}
	if value(got[4]) != 1 || value(got[5]) != 5 || got[3].Return != nil {
		t.Errorf("returns %v and %v, want 1 and 5, and none of the random phase", value(got[4]), value(got[5]))
	}
}

// Runs of a variant with another model or planner than the study has are found where the study puts them, and are known to be its.
func TestVariantsOfMethods(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "study.yaml")
	write(t, file, "name: quick\ntasks: [pendulum]\nplanners: [pessimistic]\nmodels: [linear]\nseeds: 1-2\nvariants: [{name: doubt, set: {learner: gp}}, {name: mean, set: {planner: safe}}]\n")
	jobs := must(must(lib.Read(file)).Jobs())
	for _, j := range jobs {
		set := []string{"filter=on"}
		if j.Variant == "doubt" {
			set = append(set, "learner=gp")
		}
		keep(t, filepath.Join(dir, j.Dir), settings(t, j.Spec.PlannerName(), j.Spec.Seed, set...), ok(1)...)
	}
	var got []string
	for _, m := range read(t, dir).Methods {
		got = append(got, fmt.Sprintf("%s %s %s %q %v", m.Study, m.Planner, m.Model, m.Variant, m.Seeds))
	}
	want := []string{`quick pessimistic linear "" [1 2]`, `quick pessimistic gp "doubt" [1 2]`, `quick safe linear "mean" [1 2]`}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
