package control

import (
	"bytes"
	"context"
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
	"github.com/rischiboy/safe_exploration/safex/plan"
)

// brief are a few runs of a task that take no time: a cem of 2 populations of 16, over 4 steps.
func brief(t *testing.T, task string, set ...string) *Settings {
	s, err := For(must(experiment.Tasks.New(task)), "safe", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set("planner.Search=cem"); err != nil {
		t.Fatal(err)
	}
	for _, a := range append([]string{"Steps=12", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4", "planner.Search.Iterations=2"}, set...) {
		if err := s.Set(a); err != nil {
			t.Fatal(err)
		}
	}
	return &Settings{Specs: []*experiment.Spec{s}, First: 1, Seeds: 3}
}

// gather makes all runs that are not done.
func gather(t *testing.T, c *Settings, workers int, done []Outcome) []Outcome {
	for d, err := range c.Run(context.Background(), workers, done) {
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, d)
	}
	return done
}

// Control takes the steps of the first episode of a run with the oracle dynamics, and counts what its plans ask: every candidate of
// every population, and the plan itself, at every step of the horizon.
func TestControlIsARun(t *testing.T) {
	tight := brief(t, "pendulum", "MaxSpeed=0.5")
	tight.Specs[0].Planner.(*plan.Nominal).Objective = safex.Objective{}
	var all Outcome
	for _, c := range []*Settings{brief(t, "pendulum"), tight, brief(t, "carpark", "Tolerance=10")} {
		for _, d := range gather(t, c, 1, nil) {
			s := *c.Specs[0]
			s.Seed, s.RandomSteps, s.LearnEvery = d.Seed, 7, 3
			system, err := s.Compile()
			if err != nil {
				t.Fatal(err)
			}
			var e safex.Episode
			agent, _, err := s.Agent(system)
			if err != nil {
				t.Fatal(err)
			}
			for got, err := range agent.Episodes(context.Background(), 1) {
				if err != nil {
					t.Fatal(err)
				}
				e = got
			}
			want := Outcome{
				Task: s.TaskName(), Seed: d.Seed, Return: e.Return(), Steps: 12, Violations: e.Violations(), Excess: e.WorstExcess(1),
				ReachedGoal: system.ReachedGoal(e.Trajectory), Evaluations: 12 * (2*16 + 1) * 4,
			}
			for _, f := range e.Forecasts {
				if !f.Feasible {
					want.Infeasible++
				}
			}
			if e.Number != 1 || !reflect.DeepEqual(d, want) {
				t.Errorf("outcome %+v, and a run has %+v", d, want)
			}
			all.Violations, all.Infeasible, all.ReachedGoal = all.Violations+d.Violations, all.Infeasible+d.Infeasible, all.ReachedGoal || d.ReachedGoal
		}
	}
	if all.Violations == 0 || all.Infeasible == 0 || !all.ReachedGoal {
		t.Errorf("no violation, no plan that breaks a limit, or no goal reached: %+v", all)
	}
}

// The file holds the same bytes, whatever the number of workers and however often it was stopped; more tasks, values and seeds add to
// it, and other settings are refused.
func TestControlResumes(t *testing.T) {
	c := brief(t, "pendulum")
	if err := c.UseVary("MaxSpeed=4:5:0.5"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, c *Settings, done []Outcome) string {
		path := filepath.Join(dir, name)
		if err := c.Save(path, done); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	whole := gather(t, c, 1, nil)
	want := file("whole.json", c, whole)
	if len(whole) != 9 || c.Left(nil) != 9 || c.Left(whole) != 0 || whole[0].Return == whole[1].Return || whole[0].Return == whole[8].Return {
		t.Fatalf("outcomes %+v", whole)
	}
	if got := file("side.json", c, gather(t, c, 4, nil)); got != want {
		t.Errorf("four side by side\n%s\none by one\n%s", got, want)
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var part []Outcome
	var stopped error
	for d, err := range c.Run(ctx, 2, nil) {
		if stopped = err; err == nil {
			part = append(part, d)
			cancel()
		}
	}
	if !errors.Is(stopped, context.Canceled) || len(part) < 1 || len(part) > 4 {
		t.Fatalf("%d outcomes of a run that was stopped at once, error %v", len(part), stopped)
	}
	file("part.json", c, part)
	again := *c
	done, err := again.Resume(filepath.Join(dir, "part.json"))
	if err != nil || !reflect.DeepEqual(done, ordered(part)) {
		t.Fatalf("resumed %+v, error %v, saved %+v", done, err, part)
	}
	if got := file("part.json", &again, gather(t, &again, 2, done)); got != want {
		t.Errorf("stopped and resumed\n%s\nat once\n%s", got, want)
	}

	for range c.Run(context.Background(), 2, nil) { // whoever breaks out leaves nobody waiting
		break
	}

	more := brief(t, "cartpole")
	more.Vary, more.Values = "planner.Horizon", []string{"3"}
	if _, err := more.Resume(filepath.Join(dir, "whole.json")); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("another setting that varies: %v", err)
	}
	for _, change := range []func(*Settings){
		func(c *Settings) { c.Specs[0].Set("planner.Horizon=5") }, func(c *Settings) { c.Times = true }, func(c *Settings) { c.Specs[0].Build += "x" },
	} {
		other := brief(t, "pendulum")
		other.Vary, other.Values = c.Vary, c.Values
		if change(other); other.Check() != nil {
			t.Fatal(other.Check())
		}
		if _, err := other.Resume(filepath.Join(dir, "whole.json")); err == nil || !strings.Contains(err.Error(), "other settings") {
			t.Errorf("error %v", err)
		}
	}

	plain, pitch := brief(t, "pitch"), brief(t, "pendulum")
	one := gather(t, plain, 1, nil)
	file("two.json", plain, one)
	done, err = pitch.Resume(filepath.Join(dir, "two.json"))
	if err != nil || len(done) != 3 {
		t.Fatalf("%d outcomes of another task, error %v", len(done), err)
	}
	file("two.json", pitch, gather(t, pitch, 1, done))
	both, done, err := Read(filepath.Join(dir, "two.json"))
	if err != nil || len(both.past) != 2 || len(done) != 6 || done[0].Task != "pendulum" {
		t.Fatalf("%d settings and %d outcomes, error %v", len(both.past), len(done), err)
	}
	if a, b := both.Rows(done), pitch.Rows(done); len(a) != 2 || !reflect.DeepEqual(a, b) || a[1].Planner != "safe" || a[1].Worst[0].Limit != "pitch" {
		t.Errorf("rows %+v, as they are read %+v", b, a)
	}
	if done, err := plain.Resume(filepath.Join(dir, "none.json")); err != nil || done != nil {
		t.Errorf("without a file: %v, error %v", done, err)
	}
}

// Plan times are kept when they are asked for.
func TestControlTimes(t *testing.T) {
	c := brief(t, "pitch")
	c.Seeds, c.Times = 2, true
	timed := gather(t, c, 4, nil)
	c.Times = false
	for i, d := range gather(t, c, 1, nil) {
		if timed[i].P50 <= 0 || timed[i].P99 < timed[i].P50 || d.P50 != 0 || d.P99 != 0 {
			t.Errorf("times %v and %v, and without any %v and %v", timed[i].P50, timed[i].P99, d.P50, d.P99)
		}
		if timed[i].P50, timed[i].P99 = 0, 0; !reflect.DeepEqual(timed[i], d) {
			t.Errorf("outcome %+v, with times %+v", d, timed[i])
		}
	}
}

// A list and a range name the same values; what is neither is refused.
func TestVary(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"A.B=20,30.0,1e2", []string{"20", "30", "100"}}, {"A.B=5.0:5.9:0.3", []string{"5", "5.3", "5.6", "5.9"}}, {"A.B=3:1:-1", []string{"3", "2", "1"}},
		{"A.B=-0.1:0:0.05", []string{"-0.1", "-0.05", "0"}}, {"A.B=0:1:0.4", []string{"0", "0.4", "0.8"}}, {"A.B=relu,huber", []string{"relu", "huber"}},
		{"A.B=1:1:1", []string{"1"}}, {"A.B=0.1:0.7:0.1", []string{"0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"}},
	} {
		var v Settings
		if err := v.UseVary(c.text); err != nil || v.Vary != "A.B" || !slices.Equal(v.Values, c.want) {
			t.Errorf("%s is %q of %q, error %v", c.text, v.Values, v.Vary, err)
		}
	}
	for _, text := range []string{"A", "A=1:2", "A=1:2:3:4", "A=1:2:0", "A=2:1:1", "A=1:x:1", "A=0:1:1e-9", "A=0:Inf:1", "A=NaN:1:1"} {
		if err := (&Settings{}).UseVary(text); err == nil || !strings.HasPrefix(err.Error(), "vary ") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// Each mistake is found before the first run, at whatever value.
func TestControlErrors(t *testing.T) {
	for want, spoil := range map[string]func(*Settings){
		"seeds 0":                          func(c *Settings) { c.Seeds = 0 },
		"there is no task":                 func(c *Settings) { c.Specs = nil },
		`task "pendulum" is named twice`:   func(c *Settings) { c.Specs = append(c.Specs, c.Specs[0]) },
		"did you mean MaxSpeed?":           func(c *Settings) { c.Vary, c.Values = "MaxSped", []string{"1"} },
		`takes the value "1" twice`:        func(c *Settings) { c.Vary, c.Values = "MaxSpeed", []string{"1", "2", "1"} },
		"want a setting and values for it": func(c *Settings) { c.Values = []string{"1"} },
		"Mass is -1, want above 0":         func(c *Settings) { c.Vary, c.Values = "Mass", []string{"1", "-1"} },
		"a start state is beyond limit":    func(c *Settings) { c.Vary, c.Values = "MaxSpeed", []string{"6", "0"} },
		`model "gp"`:                       func(c *Settings) { c.Specs[0].Set("learner=gp") },
	} {
		c := brief(t, "pendulum")
		spoil(c)
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		n := 0
		for _, err := range c.Run(context.Background(), 1, nil) {
			if n++; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("a run: error %v, want %q", err, want)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d outcomes", want, n)
		}
	}
	for _, c := range []struct{ task, planner, preset, want string }{
		{"pendulm", "safe", "", "did you mean pendulum?"}, {"pendulum", "saf", "", "did you mean safe?"}, {"pendulum", "safe", "refer", `there is no preset "refer"`},
		{"carpark", "safe", "reference", "has no published settings"},
	} {
		m, err := experiment.Tasks.New(c.task)
		if err == nil {
			_, err = For(m, c.planner, c.preset)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	s, err := For(must(experiment.Tasks.New("rccar")), "safe", "reference")
	if err != nil || !s.Oracle() || s.Calibration != nil || !s.RepeatNoise || experiment.Searches.NameOf(s.Planner.(*plan.Nominal).Search) != "cem" {
		t.Errorf("published settings %+v, error %v", s, err)
	}
}

// Rows add up what the outcomes say, and a NaN is the worst excess.
func TestRows(t *testing.T) {
	c := brief(t, "pendulum")
	c.Vary = "MaxSpeed"
	rows := c.Rows([]Outcome{
		{Task: "pendulum", Value: "10", Seed: 1, Return: -5, Steps: 10, Violations: 3, Excess: []float64{0.5}, Infeasible: 4, Evaluations: 70, P50: 2, P99: 2},
		{Task: "pendulum", Value: "6", Seed: 2, Return: -9, Steps: 10, Excess: []float64{-0.5}, Evaluations: 90, P50: 1, P99: 4},
		{Task: "pendulum", Value: "6", Seed: 1, Return: -3, Steps: 10, Excess: []float64{-0.25}, ReachedGoal: true, Evaluations: 110, P50: 2, P99: 3},
		{Task: "pendulum", Value: "6", Seed: 3, Return: -4, Steps: 20, Excess: []float64{math.NaN()}, ReachedGoal: true, Evaluations: 200, P50: 1.5, P99: 9},
	})
	if len(rows) != 2 || rows[0].Value != "6" || rows[1].Value != "10" {
		t.Fatalf("rows %+v", rows)
	}
	r := rows[0]
	if r.Runs != 3 || *r.ReachedGoal != 2 || r.Clean != 3 || r.Steps != 40 || r.Violating != 0 || r.Evaluations != 10 || !math.IsNaN(float64(r.Worst[0].Excess)) {
		t.Errorf("row %+v", r)
	}
	if math.Abs(r.Mean+16.0/3) > 1e-12 || math.Abs(r.Deviation-math.Sqrt(31.0/3)) > 1e-12 || r.Least != -9 || r.Median != -4 || r.Most != -3 || r.P50 != 1.5 || r.P99 != 4 {
		t.Errorf("row %+v", r)
	}
	// Of 2 of 3: I(p; 2, 2) = 3p² - 2p³ is the chance of at least 2, and p³ that of 3.
	if p := r.AtLeast; math.Abs(3*p*p-2*p*p*p-0.025) > 1e-9 {
		t.Errorf("with a share of %v, at least 2 of 3 have a chance of %v", p, 3*p*p-2*p*p*p)
	}
	if p := r.AtMost; math.Abs(1-p*p*p-0.025) > 1e-9 {
		t.Errorf("with a share of %v, at most 2 of 3 have a chance of %v", p, 1-p*p*p)
	}
	want := strings.Join([]string{
		"| task | planner | MaxSpeed | runs | runs that reach the goal | runs without a violation | violating steps | largest excess | return: mean ± deviation | worst, median, best | state evaluations per action | ms per plan: median, 99 % |",
		"|---|---|---|---|---|---|---|---|---|---|---|---|",
		"| pendulum | safe | 6 | 3 | 2 (9.4 to 99.2 %) | 3 | 0 of 40 | speed NaN rad/s | -5.333 ± 3.2 | -9, -4, -3 | 10 | 1.50, 4.00 |",
		"| pendulum | safe | 10 | 1 | 0 (0.0 to 97.5 %) | 0 | 3 of 10 | speed 0.5 rad/s | -5 | -5, -5, -5 | 7 | 2.00, 2.00 |",
	}, "\n") + "\n"
	if table := Table(rows); table != want {
		t.Errorf("table\n%s\nwant\n%s", table, want)
	}
	late := slices.Clone(rows)
	late[1].Late = 3
	if table := Table(late); !strings.Contains(table, "| late plans |") || !strings.Contains(table, "| 3 of 10 |") {
		t.Errorf("with late plans the table is\n%s", table)
	}
	if f, err := Figure(rows); err != nil {
		t.Error(err)
	} else if png, err := f.PNG(); err != nil || !bytes.HasPrefix(png, []byte("\x89PNG")) {
		t.Errorf("%d bytes, error %v", len(png), err)
	}
	word := slices.Clone(rows)
	word[1].Value = "fast"
	other := slices.Clone(rows)
	other[1].Task = "pitch"
	for want, rows := range map[string][]Row{"name one with --vary": {{Task: "pitch"}}, `takes the value "fast"`: word, "pendulum and pitch": other} {
		if _, err := Figure(rows); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
