package attack

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// finished is the folder of a complete run.
func finished(t *testing.T, s *experiment.Spec) string {
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(context.Background(), dir, s) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// light is an attack that takes a moment.
func light(adversaries ...string) Settings {
	a := Default()
	a.Adversaries, a.Reference = adversaries, "vertices"
	return a
}

func attacked(t *testing.T, a Settings, dir string) *Attempt {
	t.Helper()
	at, err := a.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range at.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// The plans of a run are made again and attacked, whichever episodes are left out; the rows count what was found, and the
// worst replays.
func TestAttack(t *testing.T) {
	tight := quick.Spec(t, quick.Networks...)
	if err := tight.Set("MaxSpeed=1.2"); err != nil { // so that some plans can be broken
		t.Fatal(err)
	}
	dir := finished(t, tight)
	a := light("sign-gradient", "particles-uniform Samples=3", "vertices")
	a.Episodes = []int{2, 1, 2}
	both := attacked(t, a, dir)
	if both.Plans() != 16 || len(both.Outcomes) != 16 {
		t.Fatalf("%d of %d plans were attacked", len(both.Outcomes), both.Plans())
	}
	a.Episodes = nil
	if last := attacked(t, a, dir); !reflect.DeepEqual(last.Outcomes, both.Outcomes[8:]) {
		t.Error("the last episode alone has other outcomes than after an attack on the first")
	}
	gaps := both.Gaps()
	if len(gaps) != 6 {
		t.Fatalf("%d rows", len(gaps))
	}
	if gaps[1].Missed == 0 || gaps[1].Missed == gaps[1].Breakable || gaps[0].Missed > 0 {
		t.Errorf("particles should break some of the plans that can be broken, and sign-gradient ascent all:\n%s", GapTable(gaps))
	}
	for i, g := range gaps {
		breakable, missed, broken, worst := 0, 0, 0, math.Inf(-1)
		for _, o := range both.Outcomes {
			if o.Episode != g.Episode {
				continue
			}
			e := o.Excess[i%3]
			worst = max(worst, e)
			if slices.Max(o.Excess) > 0 {
				breakable++
				if e <= 0 {
					missed++
				}
			}
			if o.Mean > 0 {
				broken++
			}
			if e < o.Mean || o.Excess[3] != o.Excess[2] || o.Beta != 2 {
				t.Errorf("%+v", o)
			}
		}
		want := [][2]float64{{16, 12}, {4, 0}, {-1, 0}}[i%3]
		if g.Adversary != a.Adversaries[i%3] || g.Episode != 1+i/3 || g.Plans != 8 || g.Beta != 2 || g.Breakable != breakable || g.Missed != missed || g.Broken != broken ||
			float64(g.Worst) != worst || want[0] > 0 && g.Rollouts != want[0] || g.Gradients != want[1] || !(g.Recovered >= 0 && g.Recovered <= 1) {
			t.Errorf("%+v; want %d breakable, %d missed, %d broken, %v at worst", g, breakable, missed, broken, worst)
		}
		var row map[string]any
		text, err := encode.JSON(g)
		if err != nil || json.Unmarshal(text, &row) != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"plans", "breakable", "missed", "worst_excess", "adversary", "rollouts_per_plan", "episode", "beta"} {
			if _, ok := row[key]; !ok {
				t.Errorf("a row without %s: %s", key, text)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "a", "gap.json")
	if err := both.SaveGaps(path); err != nil {
		t.Fatal(err)
	}
	again, err := ReadGaps(path)
	if err != nil || GapTable(again) != GapTable(gaps) || !strings.Contains(GapTable(gaps), "| particles-uniform Samples=3 | 4 | 0 |") {
		t.Errorf("error %v, table\n%s\nfrom\n%s", err, GapTable(again), GapTable(gaps))
	}

	// The scenario is the worst of all, and its trajectory can be seen again.
	worst, err := both.Scenario()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range both.Outcomes {
		if m := slices.Max(o.Excess); m > float64(worst.Excess) || (o.Episode == worst.Episode && o.Step == worst.Step) != (m == float64(worst.Excess)) {
			t.Errorf("%+v, and the scenario is step %d of episode %d with %v", o, worst.Step, worst.Episode, worst.Excess)
		}
	}
	path = filepath.Join(t.TempDir(), "scenario.json")
	if err := worst.Save(path); err != nil {
		t.Fatal(err)
	}
	read, err := ReadScenario(path)
	if err != nil || !reflect.DeepEqual(read.Eta, worst.Eta) {
		t.Fatal(err)
	}
	system, tr, err := read.Replay(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Actions) != 4 || len(tr.States) != 5 || math.Abs(tr.WorstExcess(1)[0]/system.LimitScale(0)-float64(worst.Excess)) > 1e-6 {
		t.Errorf("replayed %+v, want a worst excess of %v", tr, worst.Excess)
	}
	if !reflect.DeepEqual(tr.States[0], both.run.Episodes[worst.Episode].States[worst.Step]) || !reflect.DeepEqual(tr.Actions[0], both.run.Episodes[worst.Episode].Actions[worst.Step]) {
		t.Error("the scenario does not begin with what was done")
	}
	for want, change := range map[string]func(s *Scenario){
		"comes out as":    func(s *Scenario) { s.Excess += 1e-5 },
		"does not fit":    func(s *Scenario) { s.Eta = s.Eta[1:] },
		"damaged model":   func(s *Scenario) { s.Model = s.Model[1:] },
		"task \"pendulum": func(s *Scenario) { s.State = nil },
	} {
		changed, err := ReadScenario(path)
		if err != nil {
			t.Fatal(err)
		}
		change(changed)
		if _, _, err := changed.Replay(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}

	// What lies in the folder besides does not matter to it.
	if err := worst.Save(filepath.Join(dir, "scenario.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Resume(dir); err != nil {
		t.Error(err)
	}
}

// Of a run with a filter, what was executed is attacked, be it the plan or what the filter put in its place.
func TestFilteredAttack(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=linear", "filter=on", "filter.Set=kernel", "filter.Cells=121", "MaxSpeed=4"))
	a := light("vertices")
	a.Episodes = []int{2}
	at := attacked(t, a, dir)
	worst, err := at.Scenario()
	if err != nil {
		t.Fatal(err)
	}
	e := at.run.Episodes[2]
	if len(at.Outcomes) != 8 || !slices.Equal(worst.Actions[0], e.Actions[worst.Step]) || !slices.Equal(worst.State, e.States[worst.Step]) {
		t.Errorf("%d plans were attacked; the worst is %+v", len(at.Outcomes), worst)
	}
	if !slices.ContainsFunc(e.Forecasts, func(f safex.Forecast) bool { return f.Cover == safex.CoverBackup }) {
		t.Error("the test needs a step in which the filter put something in the place of a plan")
	}
	if _, _, err := worst.Replay(context.Background()); err != nil {
		t.Error(err)
	}
}

// The box is the one that the plan defended, then the one that the model asks for, then the usual one, unless it is given.
func TestAttackedBox(t *testing.T) {
	for name, c := range map[string]struct {
		planner, model, calibration string
		beta                        float64
		want                        func(b float64) bool
	}{
		"planner":     {"pessimistic", "linear", "none", 0, func(b float64) bool { return b == 3 }},
		"calibration": {"safe", "gp", "adaptive", 0, func(b float64) bool { return b > 0 && b != reliability.AssumedBeta }},
		"usual":       {"safe", "linear", "none", 0, func(b float64) bool { return b == reliability.AssumedBeta }},
		"given":       {"pessimistic", "linear", "none", 1.5, func(b float64) bool { return b == 1.5 }},
	} {
		s := quick.Spec(t)
		if c.planner == "safe" {
			safe, err := experiment.Named("pendulum", "planner=safe")
			if err != nil {
				t.Fatal(err)
			}
			safe.Task, safe.RandomSteps, safe.LearnEvery = s.Task, s.RandomSteps, s.LearnEvery
			if s = safe; s.Set("planner.Horizon=4") != nil {
				t.Fatal("no horizon")
			}
		} else if err := s.Set("planner.Beta=3"); err != nil {
			t.Fatal(err)
		}
		if err := s.Set("learner=" + c.model); err != nil {
			t.Fatal(err)
		}
		if err := s.Set("calibration=" + c.calibration); err != nil {
			t.Fatal(err)
		}
		if c.calibration == "adaptive" {
			if err := s.Set("calibration.Start=3.5"); err != nil {
				t.Fatal(err)
			}
		}
		s.Episodes = 1
		a := light("particles-gaussian")
		a.Beta = c.beta
		for _, o := range attacked(t, a, finished(t, s)).Outcomes {
			if !c.want(o.Beta) {
				t.Errorf("%s: the box reaches %v deviations", name, o.Beta)
			}
		}
	}
}

// An attack that is stopped has the outcomes until then; one on a run under way covers the steps that were taken.
func TestAttackStops(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, quick.Spec(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for s := range r.Steps(ctx) {
		if s.Episode.Number == 2 && len(s.Episode.Actions) == 3 {
			cancel()
		}
	}
	under := light("particles-gaussian")
	under.Episodes = []int{2}
	if at := attacked(t, under, dir); at.Plans() != 3 || len(at.Outcomes) != 3 || at.Outcomes[2].Step != 2 {
		t.Errorf("%d of %d plans were attacked", len(at.Outcomes), at.Plans())
	}
	over, err := light("particles-gaussian").Open(dir) // without a number, the last episode that is over
	if err != nil {
		t.Fatal(err)
	}
	var told []int
	over.Progress = func(steps int) { told = append(told, steps) }
	for _, err := range over.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if over.Plans() != 8 || len(over.Outcomes) != 8 || over.Outcomes[7].Episode != 1 {
		t.Errorf("%d of %d plans were attacked", len(over.Outcomes), over.Plans())
	}
	if n := len(told); n != 18 || over.Steps() != n || told[0] != 1 || told[n-1] != n {
		t.Errorf("of %d steps it told %v", over.Steps(), told)
	}
	a := light("sign-gradient")
	a.Episodes = []int{1}
	at, err := a.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := at.Scenario(); err == nil {
		t.Error("a scenario of nothing")
	}
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range at.Run(ctx) {
		if last = err; len(at.Outcomes) == 3 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || len(at.Outcomes) != 3 || at.Gaps()[0].Plans != 3 {
		t.Errorf("%d outcomes, error %v", len(at.Outcomes), last)
	}
	if worst, err := at.Scenario(); err != nil {
		t.Error(err)
	} else if _, _, err := worst.Replay(context.Background()); err != nil {
		t.Error(err)
	}
}

// Each mistake is one sentence.
func TestAttackErrors(t *testing.T) {
	dir := finished(t, quick.Spec(t))
	known := quick.Spec(t)
	if err := known.Set("learner=true"); err != nil {
		t.Fatal(err)
	}
	other := quick.Spec(t)
	other.Build = "0.0.1 go1.20"
	old := filepath.Join(t.TempDir(), "old")
	if err := store.Create(old, other); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if _, err := store.Start(fresh, quick.Spec(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir    string
		change func(a *Settings)
		want   string
	}{
		{t.TempDir(), nil, "is no run folder"},
		{old, nil, "was made by safex 0.0.1 go1.20"},
		{finished(t, known), nil, "nothing to attack"},
		{fresh, nil, "has no planned episode yet"},
		{dir, func(a *Settings) { a.Episodes = []int{3} }, "episode 3 is none of the planned ones"},
		{dir, func(a *Settings) { a.Episodes = []int{0} }, "which are 1 to 2"},
		{dir, func(a *Settings) { a.Adversaries = []string{"sing-gradient"} }, "did you mean sign-gradient?"},
		{dir, func(a *Settings) { a.Adversaries = []string{""} }, `there is no adversary ""`},
		{dir, func(a *Settings) { a.Adversaries = nil }, "there is no adversary: want one"},
		{dir, func(a *Settings) { a.Adversaries = []string{"cem", "cem"} }, `"cem" is named twice`},
		{dir, func(a *Settings) { a.Reference = "bets" }, "did you mean best?"},
		{dir, func(a *Settings) { a.Adversaries = []string{"cem Sampels=3"} }, `Population has no field "Sampels"`},
		{dir, func(a *Settings) { a.Adversaries = []string{"cem Search.Samples=1"} }, "want 1 to 1e4 and 2 to 1e6"},
		{dir, func(a *Settings) { a.Adversaries = []string{"cem 3"} }, `"3" is no setting`},
		{dir, func(a *Settings) { a.Beta = math.NaN() }, "beta NaN"},
	} {
		a := light("sign-gradient")
		if c.change != nil {
			c.change(&a)
		}
		if _, err := a.Open(c.dir); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}

	// Another way than the one that was taken is noticed.
	path := filepath.Join(dir, "steps.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	cells := strings.Split(lines[1+10+8+3], ",") // step 3 of episode 2
	if cells[0] != "2" || cells[1] != "3" {
		t.Fatalf("row %v", cells)
	}
	cells[5] = "0.123"
	lines[1+10+8+3] = strings.Join(cells, ",")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	at, err := light("sign-gradient").Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range at.Run(context.Background()) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "episode 2, step 3: the run takes another way") || len(at.Outcomes) != 3 {
		t.Errorf("%d outcomes, error %v", len(at.Outcomes), last)
	}
}

// Every adversary can attack the planner's plans, and is read back from run.yaml.
func TestAdversaries(t *testing.T) {
	for _, name := range experiment.Adversaries.Names() {
		s := quick.Spec(t, "calibration=none")
		if err := s.Set("planner.Adversary=" + name); err != nil {
			t.Fatal(err)
		}
		for _, a := range map[string][]string{
			"cem": {"Search.Samples=20", "Search.Elites=5"}, "cem-count": {"Search.Samples=20", "Search.Elites=5"},
			"best": {"Population.Search.Samples=20", "Population.Search.Elites=5", "Population.Search.Iterations=2", "Gradient.Starts=3", "Gradient.Steps=2"},
		}[name] {
			if err := s.Set("planner.Adversary." + a); err != nil {
				t.Fatal(err)
			}
		}
		s.Episodes = 1
		dir := finished(t, s)
		again, err := store.Open(dir)
		if err != nil || !experiment.Same(again.Spec, s) {
			t.Fatalf("%s reads back as %+v, %v", name, again, err)
		}
		if got := experiment.Adversaries.NameOf(again.Spec.Planner.(*plan.Pessimistic).Adversary); got != name {
			t.Errorf("%s goes by %s", name, got)
		}
		for _, f := range again.Episodes[1].Forecasts {
			if f.Beta != 2 || !(f.Worst[0] > -6.5 && f.Worst[0] < 100) {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}
