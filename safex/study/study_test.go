package study

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// role, in the environment of this test's executable, makes it another program:
//
//	work DIR                takes a run to its end
//	here STUDY.yaml OUT     runs a study in its own process
//	study STUDY.yaml OUT    runs a study in two processes
//	sweep SWEEP.yaml OUT    runs a sweep in its own process
//	full DIR                is work on a disk that is full
//	wait                    waits until its standard input ends
//	panic                   panics
const role = "SAFEX_STUDY_ROLE"

// fill lets every file of this process be small alone, where there is a way to do so.
var fill func()

func TestMain(m *testing.M) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "work":
		err = Work(Attached(ctx, os.Stdin), os.Args[1], os.Stdout, nil)
	case "full":
		fill()
		err = Work(ctx, os.Args[1], os.Stdout, nil)
	case "wait":
		<-Attached(context.Background(), os.Stdin).Done()
	case "panic":
		panic("as asked")
	case "here":
		err = do(ctx, os.Args[1], os.Args[2], 1, Here)
	case "sweep":
		err = doSweep(ctx, os.Args[1], os.Args[2])
	case "study":
		os.Setenv(role, "work")
		err = do(ctx, os.Args[1], os.Args[2], 2, Process(1, os.Args[0]))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "safex: "+err.Error())
		os.Exit(1)
	}
}

// do runs the study of a file.
func do(ctx context.Context, file, out string, workers int, work Worker) error {
	s, err := Read(file)
	if err != nil {
		return err
	}
	for _, err := range s.Run(ctx, out, workers, work) {
		if err != nil {
			return err
		}
	}
	return nil
}

// process is a Worker that starts this test's executable.
func process(t testing.TB, what string) Worker {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(role, what)
	return Process(1, path)
}

// quick is a study of eight runs that take a moment each.
func quick() *Study {
	return &Study{
		Name: "quick", Tasks: []string{"pitch", "pendulum"}, Planners: []string{"safe", "pessimistic"}, Models: []string{"linear"}, Seeds: Seeds{1, 2},
		Change: Change{
			Set: Set{
				"episodes": "2", "explore": "12", "Steps": "8", "planner.Horizon": "4", "planner.Search.Samples": "16", "planner.Search.Elites": "4", "planner.Search.Iterations": "2"},
		},
	}
}

// finish runs s to its end and returns the files steps.csv of its runs by the runs' folders.
func finish(t testing.TB, s *Study, out string, workers int, work Worker) map[string]string {
	var last Progress
	for p, err := range s.Run(context.Background(), out, workers, work) {
		if last = p; err != nil {
			t.Fatal(err)
		}
	}
	if last.Done != last.Runs || last.Steps != last.Total || last.Running != 0 || last.Failed != 0 {
		t.Errorf("at the end there is %+v", last)
	}
	return steps(t, s, out)
}

func steps(t testing.TB, s *Study, out string) map[string]string {
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, j := range jobs {
		text, err := os.ReadFile(filepath.Join(out, j.Dir, "steps.csv"))
		if err != nil {
			t.Fatal(err)
		}
		files[j.Dir] = string(text)
	}
	return files
}

func equal(t testing.TB, got, want map[string]string) {
	t.Helper()
	for dir, text := range want {
		if got[dir] != text {
			t.Errorf("%s took other steps", dir)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d runs, want %d", len(got), len(want))
	}
}

const file = `
name: all
tasks: [pendulum, pitch]
planners: [safe, pessimistic]
models: [linear, gp]
calibrate: temperature
seeds: [1-2, 326176]
episodes: 3
explore: 40
learn-every: 0
set: {planner.Horizon: 7}
disturb: ["process omega 0.02"]
expect: ["process omega within 0.1"]
overrides:
  - tasks: [pitch]
    disturb: []
    expect: []
    episodes: 4
  - planners: [pessimistic]
    models: [linear]
    calibrate: none
    search: mppi
    adversary: vertices
    set: {planner.Beta: linear 1 to 3 in 5, planner.Horizon: 9}
variants:
  - name: b-1
    planners: [pessimistic]
    tasks: [pendulum]
    set: {planner.Beta: 1, MaxSpeed: 5}
    engine: graph
    explore: 50
`

// Every run has the settings that safex train would have with flags of the same names.
func TestJobs(t *testing.T) {
	s, err := parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, j := range jobs {
		dirs = append(dirs, j.Dir)
	}
	first := []string{
		"pendulum/safe-linear-temperature/1", "pendulum/safe-gp-temperature/1", "pendulum/pessimistic-linear/1", "pendulum/pessimistic-gp-temperature/1",
		"pitch/safe-linear-temperature/1", "pitch/safe-gp-temperature/1", "pitch/pessimistic-linear/1", "pitch/pessimistic-gp-temperature/1",
		"pendulum/pessimistic-linear-filtered-b-1/1", "pendulum/pessimistic-gp-temperature-filtered-b-1/1", // at 5 rad/s the task has no backup
	}
	all := strings.Join(first, " ")
	want := all + " " + strings.ReplaceAll(all+" ", "/1 ", "/2 ") + strings.TrimSpace(strings.ReplaceAll(all+" ", "/1 ", "/326176 "))
	if got := strings.Join(dirs, " "); got != want {
		t.Fatalf("runs\n%s\nwant\n%s", got, want)
	}
	expect := func(i int, planner, model string, change func(s *experiment.Spec) error) {
		settings, err := experiment.Named(strings.SplitN(dirs[i], "/", 2)[0], "planner="+planner)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(settings.Set("learner="+model), change(settings)); err != nil {
			t.Fatal(err)
		}
		if name, got, want, err := experiment.Difference(jobs[i].Spec, settings); name != "" || err != nil {
			t.Errorf("%s: %s is %s, want %s, error %v", dirs[i], name, got, want, err)
		}
	}
	disturb := func(s *experiment.Spec) error {
		s.Disturbances = []safex.Disturbance{{}}
		s.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "omega", Size: 0.1, Within: true}}
		return s.Disturbances[0].UnmarshalText([]byte("process omega 0.02"))
	}
	expect(0, "safe", "linear", func(s *experiment.Spec) error {
		s.Episodes, s.RandomSteps, s.LearnEvery = 3, 40, 0
		return errors.Join(s.Set("calibration=temperature"), s.Set("planner.Horizon=7"), disturb(s))
	})
	expect(7, "pessimistic", "gp", func(s *experiment.Spec) error {
		s.Episodes, s.RandomSteps, s.LearnEvery = 4, 40, 0
		return errors.Join(s.Set("calibration=temperature"), s.Set("planner.Horizon=7"))
	})
	expect(12, "pessimistic", "linear", func(s *experiment.Spec) error {
		s.Episodes, s.RandomSteps, s.LearnEvery, s.Seed = 3, 40, 0, 2
		return errors.Join(s.Set("planner.Search=mppi"), s.Set("planner.Adversary=vertices"), s.Set("planner.Beta=linear 1 to 3 in 5"), s.Set("planner.Horizon=9"), disturb(s))
	})
	expect(28, "pessimistic", "linear", func(s *experiment.Spec) error {
		s.Episodes, s.RandomSteps, s.LearnEvery, s.Seed = 3, 50, 0, 326176
		return errors.Join(s.Set("planner.Search=mppi"), s.Set("planner.Adversary=vertices"), s.Set("engine=graph"), s.Set("planner.Beta=1"), s.Set("planner.Horizon=9"), s.Set("MaxSpeed=5"), disturb(s))
	})
	if j := jobs[28]; j.Variant != "b-1" || j.Total() != 50+3*200 || j.Method() != "pendulum/pessimistic-linear-filtered-b-1" {
		t.Errorf("run %s is of variant %q, %d steps, method %s", j.Dir, j.Variant, j.Total(), j.Method())
	}

	// A preset brings its model and calibration.
	p := &Study{Name: "p", Preset: "reference", Tasks: []string{"pitch"}, Planners: []string{"minmax"}, Seeds: Seeds{1}}
	if jobs, err := p.Jobs(); err != nil || len(jobs) != 1 || jobs[0].Dir != "pitch/minmax-fsvgd-temperature-unfiltered/1" || jobs[0].Spec.Episodes != 30 {
		t.Errorf("%v, error %v", jobs, err)
	}
	p.Models, p.Set = []string{"gp"}, Set{"calibration": "none", "episodes": "0"}
	if jobs, err := p.Jobs(); err != nil || jobs[0].Dir != "pitch/minmax-gp-unfiltered/1" || jobs[0].Spec.Episodes != 0 {
		t.Errorf("%v, error %v", jobs, err)
	}
}

// What study.yaml keeps is the same study.
func TestKept(t *testing.T) {
	s, err := parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	s.Plain = new(false)
	s.Set["learner.Degree"], s.Overrides[0].Set = "1", Set{"Initial": "-0.1,0.1"}
	text, err := encode.YAML(s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse(text)
	if err != nil {
		t.Fatalf("%v of\n%s", err, text)
	}
	if second, err := encode.YAML(again); err != nil || !bytes.Equal(text, second) {
		t.Errorf("error %v, kept\n%s\nand again\n%s", err, text, second)
	}
	for _, part := range []string{"seeds: [1, 2, 326176]", "plain: false", "planner.Horizon: 7", "disturb: []"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	if text, err := encode.YAML(Seeds{3, 4, 5}); err != nil || string(text) != "3-5\n" {
		t.Errorf("seeds are kept as %q, error %v", text, err)
	}
}

// Each mistake of a file is one sentence that says where it is and what to do.
func TestMistakes(t *testing.T) {
	const head = "name: x\ntasks: [pendulum]\nplanners: [safe]\nseeds: 1\n"
	for text, want := range map[string]string{
		"":                                       ": the file is empty",
		"a: [":                                   ", line 1: ",
		"- a":                                    ", line 1: the study: want keys with values",
		head + "---\nname: y":                    "a second document",
		head + "sweep: {trials: 3}":              `, line 5: the study has no key "sweep": this is the file of a sweep, for safex sweep`,
		head + "episods: 3":                      `, line 5: the study has no key "episods": did you mean episodes?`,
		head + "name: y":                         ", line 5: the study has the key name twice",
		head + "episodes: two":                   `, line 5: episodes: "two" is not a whole number`,
		head + "episodes: [2]":                   ", line 5: episodes: want one value",
		head + "episodes:":                       ", line 5: episodes: want one value",
		head + "plain: perhaps":                  `, line 5: plain: "perhaps" is not true or false`,
		head + "models: linear":                  ", line 5: models: want a list, as in [a, b]",
		head + "models: []":                      ": models is an empty list",
		head + "set: 3":                          ", line 5: set: want keys with values",
		head + "set:\n  planner.Horizon: {a: 1}": "line 6: planner.Horizon of set: want a number",
		head + "set:\n  planner.Horizon: 3\n  planner.Horizon: 4":    ", line 7: set has the key planner.Horizon twice",
		head + "overrides:\n  - planer: [safe]":                      `, line 6: override 1 has no key "planer": did you mean planners?`,
		head + "overrides:\n  - planners: [saf]":                     `: override 1: planners of the study have no "saf": did you mean safe?`,
		head + "overrides:\n  - models: []":                          ": override 1: models is an empty list",
		head + "variants:\n  - set: {planner.Horizon: 3}":            `: variant 1, name "": want up to 64 letters`,
		head + "variants:\n  - name: a/b":                            `: variant 1, name "a/b": want`,
		head + "variants:\n  - name: ..":                             `: variant 1, name "..": want`,
		head + "variants:\n  - name: a\n  - name: a":                 ": variant a is named twice",
		head + "plain: false":                                        ": plain is false and there are no variants",
		"name: x\ntasks: [pendulum]\nplanners: [safe]":               ": there are no seeds",
		"name: x\nplanners: [safe]\nseeds: 1":                        ": there are no tasks",
		"name: x\ntasks: []\nplanners: [safe]\nseeds: 1":             ": tasks is an empty list",
		"name: x\ntasks: [pitch, pitch]\nplanners: [safe]\nseeds: 1": ": tasks names pitch twice",
		"tasks: [pendulum]\nplanners: [safe]\nseeds: 1":              `: name "": want`,
		"name: ../x\ntasks: [pendulum]\nplanners: [safe]\nseeds: 1":  `: name "../x": want`,
		"seeds: 3-1":                    ", line 1: seeds 3-1: the first is above the last: want 1-3",
		"seeds: -1":                     `, line 1: seeds: "-1" is no seed`,
		"seeds: []":                     ", line 1: seeds: want them as in",
		"seeds: [1, 1-2]":               ", line 1: seeds names 1 twice",
		"seeds: 0-18446744073709551615": "want at most 10000",
		"seeds: 1.5":                    `"1.5" is no seed`,
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v", err)
	}
	path := filepath.Join(t.TempDir(), "x.yaml")
	if err := os.WriteFile(path, []byte("nam: x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(path); err == nil || !strings.Contains(err.Error(), `x.yaml, line 1: the study has no key "nam": did you mean name?`) {
		t.Errorf("error %v", err)
	}
}

// All settings that cannot run are reported, each once, before anything starts.
func TestSettingsThatCannotRun(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Study)
		want   []string
	}{
		"unknown names":  {func(s *Study) { s.Tasks[0], s.Planners[0] = "pich", "saf" }, []string{`there is no task "pich": did you mean pitch?`, `pendulum/saf-linear: there is no planner "saf": did you mean safe?`}},
		"no run has it":  {func(s *Study) { s.Set["planner.Horizn"] = "3"; s.Set["learner.X"] = "1" }, []string{`set learner.X: Linear has no field "X"`, `set planner.Horizn: Nominal has no field "Horizn": did you mean Horizon?`}},
		"some have it":   {func(s *Study) { s.Set["planner.Beta"] = "1" }, []string{`set planner.Beta: not for pitch/safe-linear (Nominal has no field "Beta"`}},
		"out of range":   {func(s *Study) { s.Set["planner.Horizon"] = "0" }, []string{"pitch/safe-linear: plan: Horizon is 0"}},
		"not a number":   {func(s *Study) { s.Set["planner.Horizon"] = "x" }, []string{`set planner.Horizon: "x" is not a whole number`}},
		"override":       {func(s *Study) { s.Overrides = []Override{{Change: Change{Set: Set{"Y": "1"}}}} }, []string{`override 1: set Y: `}},
		"no calibration": {func(s *Study) { s.Set["calibration"] = "conform" }, []string{`there is no calibration "conform": did you mean conformal?`}},
		"disturb":        {func(s *Study) { s.Disturb = []string{"storm omega 1"} }, []string{`there is no kind "storm"`}},
		"episodes":       {func(s *Study) { s.UseEpisodes(-1) }, []string{"episodes -1"}},
		"many": {func(s *Study) {
			s.Seeds = make(Seeds, 9000)
			for i := range s.Seeds {
				s.Seeds[i] = uint64(i)
			}
		}, []string{"has 36000 runs: want at most 10000"}},
		"same folder": {func(s *Study) {
			s.Set["calibration"], s.Variants = "temperature", []Variant{{Name: "Temperature", Change: Change{Set: Set{"calibration": "none"}}}}
		}, []string{"pitch/safe-linear and pitch/safe-linear of variant Temperature have the same folder pitch/safe-linear-Temperature/1"}},
		"variant for nobody": {func(s *Study) {
			s.Variants = []Variant{{Name: "v", Only: Only{Planners: []string{"pessimistic"}}}}
			s.Overrides = []Override{{Only: Only{Models: []string{"linear"}}}}
			s.Preset, s.Models = "reference", nil
		}, []string{"override 1 matches no run"}},
		"no preset":             {func(s *Study) { s.Preset = "referense" }, []string{`there is no preset "referense"`}},
		"too few to learn from": {func(s *Study) { s.Models = []string{"probabilistic"}; s.Set["explore"] = "1" }, []string{"want at least learner.HoldOut"}},
	} {
		t.Run(what, func(t *testing.T) {
			s := quick()
			c.change(s)
			_, err := s.Jobs()
			if err == nil {
				t.Fatal("no error")
			}
			sentences := strings.Split(err.Error(), "\n")
			if len(sentences) != len(c.want) {
				t.Errorf("%d sentences, want %d: %v", len(sentences), len(c.want), err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
			out := filepath.Join(t.TempDir(), "out")
			for _, err := range s.Run(context.Background(), out, 2, Here) {
				if err == nil {
					t.Error("it runs")
				}
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("the folder was made all the same")
			}
		})
	}
}

// The same runs take the same steps, however many there are at a time, and in whichever process.
func TestWorkers(t *testing.T) {
	s := quick()
	want := finish(t, s, filepath.Join(t.TempDir(), "one"), 1, Here)
	for _, workers := range []int{2, 4} {
		equal(t, finish(t, s, filepath.Join(t.TempDir(), "here"), workers, Here), want)
	}
	work := process(t, "work")
	for _, workers := range []int{1, 2, 4} {
		if workers == 2 || !testing.Short() {
			equal(t, finish(t, s, filepath.Join(t.TempDir(), "process"), workers, work), want)
		}
	}
	dir := filepath.Join(t.TempDir(), "alone")
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range store.Train(context.Background(), dir, jobs[5].Spec) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(dir, "steps.csv")); err != nil || string(text) != want[jobs[5].Dir] {
		t.Errorf("the run alone takes other steps, error %v", err)
	}
}

// Early results of all methods come first.
func TestSeedBySeed(t *testing.T) {
	var order []string
	note := func(_ context.Context, dir string) error {
		order = append(order, filepath.Base(dir))
		return errors.New("enough")
	}
	for p, err := range quick().Run(context.Background(), t.TempDir(), 1, note) {
		if p.Running > 1 || err != nil && p.Failed != 8 {
			t.Errorf("%+v, error %v", p, err)
		}
	}
	if got := strings.Join(order, ""); got != "11112222" {
		t.Errorf("seeds in the order %s", got)
	}
}

// A study goes on with what is unfinished, takes in what was added, and refuses what runs were not made with.
func TestGoesOn(t *testing.T) {
	out := t.TempDir()
	s := quick()
	s.Tasks, s.Seeds = s.Tasks[:1], s.Seeds[:1]
	first := finish(t, s, out, 2, Here)
	refuse := func(ctx context.Context, dir string) error { return errors.New("nothing is left to do") }
	finish(t, s, out, 2, refuse)

	more := quick()
	more.Tasks = s.Tasks
	more.UseEpisodes(3)
	more.Variants = []Variant{{Name: "h-5", Change: Change{Set: Set{"planner.Horizon": "5"}}}}
	got := finish(t, more, out, 2, Here)
	equal(t, got, finish(t, more, t.TempDir(), 2, Here))
	for dir, text := range first {
		if !strings.HasPrefix(got[dir], text) || len(got[dir]) == len(text) {
			t.Errorf("%s did not go on from where it was", dir)
		}
	}
	for what, c := range map[string]struct {
		change func(*Study)
		want   string
	}{
		"setting":        {func(s *Study) { s.Set["planner.Horizon"] = "6" }, "was made with Planner.Horizon 4, and the study has 6 there"},
		"fewer episodes": {func(s *Study) { s.UseEpisodes(1) }, "was made with Episodes 3, and the study has 1 there"},
		"disturbance":    {func(s *Study) { s.Disturb = []string{"delay 1"} }, "was made with Disturbances"},
	} {
		changed := quick()
		changed.UseEpisodes(3)
		c.change(changed)
		for _, err := range changed.Run(context.Background(), out, 1, refuse) {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Join(out, "pitch/safe-linear/1")) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: error %v", what, err)
			}
		}
	}
	equal(t, steps(t, more, out), got)
}

// A complete run of another build stays so, is counted, and is refused under other settings as one of this build is.
func TestOtherBuild(t *testing.T) {
	s, out := quick(), t.TempDir()
	s.Tasks, s.Seeds = s.Tasks[:1], s.Seeds[:1]
	want := finish(t, s, out, 2, Here)
	rebuild(t, filepath.Join(out, "pitch", "safe-linear", "1"))
	var last Progress
	for p, err := range s.Run(context.Background(), out, 1, func(context.Context, string) error { return errors.New("nothing is left to do") }) {
		if last = p; err != nil {
			t.Error(err)
		}
	}
	if last.Done != 2 || last.Others != 1 {
		t.Errorf("%+v, want 1 of 2 runs by another build", last)
	}
	states, err := Status(out)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := Table(&b, states); err != nil || states[0].Build == "" || states[1].Build != "" || !strings.Contains(b.String(), "done, by safex "+states[0].Build) {
		t.Errorf("error %v, states %+v, table\n%s", err, states, b.String())
	}
	equal(t, steps(t, s, out), want)
	for _, c := range []struct {
		change func(*Study)
		want   string
	}{
		{func(s *Study) { s.Set["planner.Horizon"] = "6" }, "pitch/safe-linear/1 was made with Planner.Horizon 4, and the study has 6 there"},
		{func(s *Study) { s.UseEpisodes(1) }, "pitch/safe-linear/1 was made with Episodes 2, and the study has 1 there"},
		{func(s *Study) { s.UseEpisodes(3); s.Planners = s.Planners[:1] }, "pitch/safe-linear/1 was made by safex 0.0.1"},
	} {
		changed := quick()
		changed.Tasks, changed.Seeds = s.Tasks, s.Seeds
		c.change(changed)
		var last error
		for _, err := range changed.Run(context.Background(), out, 1, Here) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), c.want) || strings.Contains(last.Error(), "\n") {
			t.Errorf("error %v, want %q", last, c.want)
		}
	}
}

// A complete run of another build that was asked for more, and then no longer, is as complete as it was.
func TestOtherBuildAgain(t *testing.T) {
	s, out := quick(), t.TempDir()
	s.Tasks, s.Seeds, s.Planners = s.Tasks[:1], s.Seeds[:1], s.Planners[:1]
	want := finish(t, s, out, 1, Here)
	rebuild(t, filepath.Join(out, jobsOf(t, s)[0].Dir))
	more := *s
	more.UseEpisodes(3)
	for _, err := range more.Run(context.Background(), out, 1, Here) {
		if err != nil && !strings.Contains(err.Error(), "was made by safex 0.0.1") {
			t.Error(err)
		}
	}
	if states, err := Status(out); err != nil || states[0].Phase != Failed || !strings.Contains(states[0].Failure, "was made by safex 0.0.1") {
		t.Errorf("%+v, error %v", states, err)
	}
	equal(t, finish(t, s, out, 1, func(context.Context, string) error { return errors.New("nothing is left to do") }), want)
	if states, err := Status(out); err != nil || states[0].Phase != Done || states[0].Failure != "" || states[0].Build == "" {
		t.Errorf("%+v, error %v", states, err)
	}
}

// The folder of another study, of a sweep or of a run is left as it is.
func TestFolderOfAnother(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"study/study.yaml": "name: other\n", "damaged/study.yaml": "name: [\n", "sweep/sweep.json": "{}", "run/run.yaml": "Task: pitch\n",
	} {
		if err := store.Write(dir, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	s := quick()
	for name, want := range map[string]string{
		"study": "is the folder of study other: choose", "damaged": "study.yaml is no file of a study: choose", "sweep": "is the folder of a sweep: choose",
		"run": "run is the folder of a run: choose", "run/a/b": "lies in " + filepath.Join(dir, "run") + ", the folder of a run: choose",
	} {
		out := filepath.Join(dir, filepath.FromSlash(name))
		before, _ := os.ReadFile(filepath.Join(out, File))
		for _, err := range s.Run(context.Background(), out, 1, func(context.Context, string) error { return errors.New("it runs") }) {
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "study quick: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: error %v, want %q", name, err, want)
			}
			break
		}
		if after, _ := os.ReadFile(filepath.Join(out, File)); !bytes.Equal(before, after) {
			t.Errorf("%s: study.yaml is now %s", name, after)
		}
	}
	sweep := sweeping(t, "sweep:\n  trials: 2\n  over: {learn-every: [1, 2]}")
	for _, err := range sweep.Run(context.Background(), filepath.Join(dir, "run", "a"), 1, Here) {
		if err == nil || !strings.Contains(err.Error(), "the folder of a run: choose") {
			t.Errorf("error %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "run", "a")); err == nil {
		t.Error("a folder was made in that of a run")
	}
}

// rebuild has the run dir be made by another build.
func rebuild(t *testing.T, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Write(dir, "run.yaml", bytes.Replace(text, []byte(experiment.Build()), []byte("0.0.1"), 1)); err != nil {
		t.Fatal(err)
	}
}

// A run that fails, in whatever way, is kept with the reason, and stops no other; it is tried again.
func TestFailures(t *testing.T) {
	s := quick()
	s.Tasks = s.Tasks[:1]
	out := t.TempDir()
	bad := filepath.Join(out, "pitch", "pessimistic-linear", "1")
	fail := func(ctx context.Context, dir string) error {
		if dir == bad {
			return errors.New("as asked")
		}
		return Here(ctx, dir)
	}
	log := "" // the Worker of the first check writes none
	check := func(work Worker, why string) {
		t.Helper()
		var last Progress
		var final error
		for p, err := range s.Run(context.Background(), out, 2, work) {
			last, final = p, err
			if p.Ended != nil && p.Ended.Phase == Failed && p.Ended.Log != log {
				t.Errorf("ended %+v", p.Ended)
			}
		}
		if final == nil || !strings.Contains(final.Error(), "1 of 4 runs failed, the first pitch/pessimistic-linear/1: ") || !strings.Contains(final.Error(), why) || last.Done != 3 {
			t.Errorf("error %v, after %+v, want %q", final, last, why)
		}
		states, err := Status(out)
		if err != nil || states[1].Phase != Failed || !strings.Contains(states[1].Failure, why) || states[0].Phase != Done {
			t.Errorf("states %+v, error %v", states, err)
		}
	}
	check(fail, "as asked")
	log = filepath.Join(bad, "log.txt")
	check(process(t, "panic"), "panic: as asked")
	t.Setenv(role, "")
	check(Process(1, "/nowhere/safex"), "/nowhere/safex")
	check(func(context.Context, string) error { return nil }, "its Worker returned after 0 of 28 steps")
	if runtime.GOOS != "windows" {
		check(Process(1, "sh", "-c", "kill -9 $$"), "ended from outside, as when memory runs out: signal: killed")
		check(Process(1, "sh", "-c", "echo safex: said >&2; exit 1"), "said")
	}
	settings := filepath.Join(bad, "run.yaml")
	text, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, bytes.Replace(text, []byte(experiment.Build()), []byte("0.0.1"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	check(process(t, "work"), "was made by safex 0.0.1")
	t.Setenv(role, "")
	check(Here, "was made by safex 0.0.1")
	if err := os.WriteFile(settings, []byte("Task: [\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	check(Here, "run.yaml")
	if err := os.WriteFile(settings, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if fill != nil {
		check(process(t, "full"), "cannot write "+filepath.Join(bad, "steps.csv"))
	}
	got := finish(t, s, out, 2, Here)
	equal(t, got, finish(t, s, t.TempDir(), 2, Here))
	if store.Failure(bad) != "" {
		t.Error("a complete run has failed")
	}
	var trace bytes.Buffer
	if err := caught(&trace, func() error { panic("here") }); err == nil || err.Error() != "panic: here" || !strings.Contains(trace.String(), "study_test.go") {
		t.Errorf("error %v, trace %s", err, trace.String())
	}
}

// A run whose files are damaged, gone or of something else is no run that is done, whoever asks, and is as it was when they are back.
func TestDamaged(t *testing.T) {
	s := quick()
	s.Tasks = s.Tasks[:1]
	out := t.TempDir()
	want := finish(t, s, out, 2, Here)
	bad := filepath.Join(out, "pitch", "pessimistic-linear", "1")
	gone := func(path string) error { return os.Remove(path) }
	text := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o644) }
	}
	folder := func(path string) error { return cmp.Or(os.Remove(path), os.Mkdir(path, 0o755)) }
	short := func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rows := bytes.SplitAfter(text, []byte("\n"))
		return os.WriteFile(path, bytes.Join(rows[:len(rows)-2], nil), 0o644)
	}
	replaced := func(old, now string) func(string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(text, []byte(old)) {
				return cmp.Or(err, fmt.Errorf("%s has no %s", path, old))
			}
			return os.WriteFile(path, bytes.Replace(text, []byte(old), []byte(now), 1), 0o644)
		}
	}
	row := func(i int, now string) func(string) error {
		return func(path string) error {
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rows := strings.Split(string(text), "\n")
			rows[i] = now
			return os.WriteFile(path, []byte(strings.Join(rows, "\n")), 0o644)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(path string) error
		status string // what Status says, and the study when it is run again
		run    string // "" if the same, all if the study refuses the folder
		log    bool   // there is one to see
	}{
		{"run.yaml", gone, "and no run.yaml: move the folder away, and the run starts again", "is not an empty folder", true},
		{"run.yaml", text("Task: [\n"), "run.yaml: line 1", "", true},
		{"run.yaml", folder, "has no file run.yaml", "", true},
		{"episodes.jsonl", gone, "of episodes.jsonl have 0 steps, and steps.csv 28", "episodes.jsonl", true},
		{"episodes.jsonl", text("x\n"), "episodes.jsonl, line 1 is damaged", "", true},
		{"episodes.jsonl", func(path string) error { return cmp.Or(short(path), short(path)) }, "of episodes.jsonl have 12 steps, and steps.csv 28", "do not agree on episode 1", true},
		{"episodes.jsonl", folder, "cannot read " + filepath.Join(bad, "episodes.jsonl"), "", true},
		{"steps.csv", gone, "have 28 steps, and steps.csv 0", "steps.csv", true},
		{"steps.csv", short, "have 28 steps, and steps.csv 27", "do not agree on episode 2", true},
		{"steps.csv", folder, "cannot read " + filepath.Join(bad, "steps.csv"), "", true},
		{"steps.csv", row(5, "garbage"), "wrong number of fields", "", true},
		{"steps.csv", row(5, ""), "step 5 does not follow the line before", "", true},
		{"steps.csv", row(0, "x"), "does not begin with the header", "", true},
		{"episodes.jsonl", replaced(`"violations":0`, `"violations":-5`), "do not agree on episode 0", "", true},
		{"episodes.jsonl", replaced(`"return":-`, `"return":-1`), "do not agree on episode 0", "", true},
		{"episodes.jsonl", replaced(`"phase":"plan"`, `"phase":"x"`), "line 2 is damaged", "", true},
		{"episodes.jsonl", replaced(`"return":`, `"return":"`), "line 1 is damaged", "", true},
		{"run.yaml", replaced("Seed: 1", "Seed: 2"), "was made with Seed 2, and the study has 1 there", "all", true},
		{"run.yaml", replaced("Seed: 1", "Seed: 1.5"), "run.yaml: Seed is number 1.5, want a whole number of at least 0", "", true},
		{"run.yaml", replaced("Seed: 1", "Seed: .nan"), "run.yaml: unsupported value: NaN", "", true},
		{".", func(path string) error { return cmp.Or(os.RemoveAll(path), text("")(path)) }, "cannot read " + filepath.Join(bad, "run.yaml"), "is not an empty folder", false},
	} {
		copied := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(copied, os.DirFS(bad)); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(filepath.Join(bad, c.name)); err != nil {
			t.Fatal(err)
		}
		log := ""
		if c.log {
			log = filepath.Join(bad, "log.txt")
		}
		states, err := Status(out)
		if err != nil || states[1].Phase != Failed || !strings.Contains(states[1].Failure, c.status) || states[1].Log != log || states[0].Phase != Done {
			t.Errorf("%s: %+v, error %v, want %q", c.name, states[1], err, c.status)
		}
		var last Progress
		var final error
		for p, err := range s.Run(context.Background(), out, 2, Here) {
			last, final = p, err
		}
		if c.run == "all" {
			if final == nil || !strings.Contains(final.Error(), c.status) || last.Runs > 0 {
				t.Errorf("%s: error %v, after %+v, want %q", c.name, final, last, c.status)
			}
		} else if final == nil || !strings.Contains(final.Error(), "1 of 4 runs failed, the first pitch/pessimistic-linear/1: ") || !strings.Contains(final.Error(), cmp.Or(c.run, c.status)) || last.Done != 3 {
			t.Errorf("%s: error %v, after %+v, want %q", c.name, final, last, cmp.Or(c.run, c.status))
		}
		if err := cmp.Or(os.RemoveAll(bad), os.CopyFS(bad, os.DirFS(copied))); err != nil {
			t.Fatal(err)
		}
		equal(t, want, finish(t, s, out, 2, Here))
	}
}

// A study that is stopped, by its context or by the loop that it is in, saves and goes on.
func TestStopped(t *testing.T) {
	s := quick()
	want := finish(t, s, t.TempDir(), 2, Here)
	s.Name = "stopped"
	for what, work := range map[string]Worker{"here": Here, "process": process(t, "work")} {
		t.Run(what, func(t *testing.T) {
			out := t.TempDir()
			for stops := range 6 {
				ctx, cancel := context.WithCancel(context.Background())
				var last error
				for p, err := range s.Run(ctx, out, 2, work) {
					if last = err; p.Ended != nil {
						if stops%2 == 0 {
							cancel()
						} else {
							break
						}
					}
				}
				cancel()
				if stops%2 == 0 && last != nil && (!errors.Is(last, context.Canceled) || !strings.Contains(last.Error(), "all is saved")) {
					t.Errorf("error %v", last)
				}
				states, err := Status(out)
				if err != nil {
					t.Fatal(err)
				}
				for _, state := range states {
					if state.Phase == Failed || state.Phase == Running {
						t.Errorf("%+v of a study that was stopped", state)
					}
				}
			}
			equal(t, finish(t, s, out, 2, work), want)
		})
	}
}

// Runs that would not end by themselves are told to, when the loop is left and when its context ends.
func TestToldToStop(t *testing.T) {
	for what, work := range map[string]Worker{"here": func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }, "process": process(t, "wait")} {
		t.Run(what, func(t *testing.T) {
			out := t.TempDir()
			for p, err := range quick().Run(context.Background(), out, 3, work) {
				if p.Running != 3 || p.Ended != nil || err != nil {
					t.Errorf("%+v, error %v", p, err)
				}
				break
			}
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			var last error
			for _, err := range quick().Run(ctx, out, 3, work) {
				cancel()
				last = err
			}
			if !errors.Is(last, context.Canceled) || !strings.Contains(last.Error(), "stopped with 0 of 8 runs complete") {
				t.Errorf("error %v", last)
			}
		})
	}
}

// One process at a time runs a study, and a run that another process has is waited for.
func TestLocked(t *testing.T) {
	s := quick()
	out := t.TempDir()
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	if err := jobs[0].Make(out); err != nil {
		t.Fatal(err)
	}
	unlock, err := store.Lock(filepath.Join(out, jobs[0].Dir))
	if err != nil {
		t.Fatal(err)
	}
	ended := map[string]int{}
	for p, err := range s.Run(context.Background(), out, 2, Here) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Ended != nil {
			ended[p.Ended.Run]++
		}
		if len(ended) == 1 {
			for _, err := range s.Run(context.Background(), out, 1, Here) {
				if err == nil || !strings.Contains(err.Error(), "in use by another process") {
					t.Errorf("error %v", err)
				}
			}
		}
		if len(ended) == len(jobs)-1 && unlock != nil {
			states, err := Status(out)
			if err != nil || states[0].Phase != Running || states[1].Phase != Done {
				t.Errorf("states %+v, error %v", states, err)
			}
			unlock()
			unlock = nil
		}
	}
	if len(ended) != len(jobs) {
		t.Errorf("ended %v", ended)
	}
}

// Steps beyond a limit are those that its budget no longer allows, and each episode has the budget anew.
func TestBudget(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "steps.csv")
	table := "episode,step,x,u,reward,excess_wall\n0,0,1,1,1,9\n1,0,1,1,1,0.3\n1,1,1,1,1,0.3\n1,2,1,1,1,-1\n2,0,1,1,1,0.3\n2,1,1,1,1,0.3\n"
	if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
		t.Fatal(err)
	}
	task := safex.Task{State: make([]safex.Var, 1), Action: make([]safex.Var, 1), Limits: []safex.Limit{{Budget: 0.5}}}
	for complete, want := range []int{3, 2, 1, 1, 1, 0, 0} { // of 6 steps those that are not counted here: 0.3 alone is within the budget
		if steps, violations, err := store.Underway(dir, complete, task); steps != 6 || violations != want || err != nil {
			t.Errorf("after %d steps: %d beyond a limit of %d, error %v, want %d", complete, violations, steps, err, want)
		}
	}
	task.Limits[0].Budget = 0
	if _, violations, _ := store.Underway(dir, 0, task); violations != 5 {
		t.Errorf("%d beyond a limit without a budget, want 5", violations)
	}
}

// The table shows each run, however far it is and whatever its files look like.
func TestStatus(t *testing.T) {
	if _, err := Status(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no folder of a study") {
		t.Errorf("error %v", err)
	}
	s := quick()
	s.Seeds, s.Tasks, s.Set["MaxSpeed"] = Seeds{1}, []string{"pendulum"}, "0.3"
	s.Set["filter"] = "off"
	s.Variants = []Variant{{Name: "v"}}
	out := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for p, err := range s.Run(ctx, out, 1, Here) {
		if p.Ended != nil {
			cancel()
		} else if err != nil {
			break
		}
	}
	states, err := Status(out)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.Open(filepath.Join(out, jobs[0].Dir))
	if err != nil {
		t.Fatal(err)
	}
	system, episodes := r.System, r.Episodes
	violations := 0
	for _, e := range episodes {
		violations += e.Violations(system.Budgets()...)
	}
	if s := states[0]; s.Phase != Done || s.Steps != 28 || s.Total != 28 || s.Episodes != 2 || s.Violations != violations || *s.Return != episodes[2].Return() || violations == 0 {
		t.Errorf("%+v, want %d violations and return %v", s, violations, episodes[2].Return())
	}
	// Half an episode and a whole one whose line of episodes.jsonl is not yet there.
	dir := filepath.Join(out, jobs[0].Dir)
	lines, err := os.ReadFile(filepath.Join(dir, "episodes.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile(filepath.Join(dir, "steps.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.SplitAfter(string(table), "\n")
	for _, cut := range []int{1, 5, 13, 17, 21, 22, 28} {
		if err := os.WriteFile(filepath.Join(dir, "steps.csv"), []byte(strings.Join(rows[:1+cut], "")), 0o644); err != nil {
			t.Fatal(err)
		}
		for complete := range 3 {
			if complete > 0 && cut < 12+8*(complete-1) {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, "episodes.jsonl"), []byte(strings.Join(strings.SplitAfter(string(lines), "\n")[:complete], "")), 0o644); err != nil {
				t.Fatal(err)
			}
			var episodes []safex.Episode // as far as the two files go together
			if episodes, err = store.Steps(system, dir); err != nil {
				t.Fatal(err)
			}
			violations := 0
			for _, e := range episodes {
				violations += e.Violations(system.Budgets()...)
			}
			if s := jobs[0].State(out); s.Steps != cut || s.Violations != violations || s.Episodes != max(0, complete-1) {
				t.Errorf("%d steps and %d lines: %+v, want %d violations", cut, complete, s, violations)
			}
		}
	}
	for _, damage := range []string{"", "x", "a,b\n1,2\n", "a\n\"\n\n"} {
		for _, name := range []string{"steps.csv", "episodes.jsonl"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(damage), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if s := jobs[0].State(out); s.Phase == Done {
			t.Errorf("damaged files are %+v", s)
		}
	}
	var b strings.Builder
	if err := Table(&b, states); err != nil || !strings.Contains(b.String(), "pendulum/safe-linear/1") || !strings.Contains(b.String(), "28/28") || !strings.Contains(b.String(), "waiting") {
		t.Errorf("error %v, table\n%s", err, b.String())
	}
}
