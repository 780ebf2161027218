package certify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// finished is the folder of a complete run.
func finished(t *testing.T, s *experiment.Spec) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(context.Background(), dir, s) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// light certifies every episode against an adversary that takes a moment.
func light() Settings {
	a := Default()
	a.All, a.Adversaries = true, []string{"sign-gradient"}
	return a
}

// certified are the answers to a. Each of them is checked against what must be so of any.
func certified(t *testing.T, a Settings, dir string) *Certification {
	t.Helper()
	c, err := a.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for p, err := range c.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.Escapes > 0 {
			t.Errorf("%v", c.Escape)
		}
		if p.Certified != (p.Prefix == p.Horizon) || p.Certified && !(p.Worst <= 0) || len(p.Bound) != len(c.System.Limits) {
			t.Errorf("%+v", p)
		}
		for k, v := range p.Bound {
			if !(v >= p.Found[k]) {
				t.Errorf("limit %d of the plan of step %d is exceeded by at most %v, and an adversary finds %v", k, p.Step, v, p.Found[k])
			}
		}
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if len(c.Proofs) != c.Plans() {
		t.Errorf("%d of %d plans", len(c.Proofs), c.Plans())
	}
	return c
}

// The plans of a run are certified, whichever episodes are left out, and rows count what is known of them.
func TestCertify(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=prior+linear", "prior.Mass=0.8", "MaxSpeed=1.2"))
	both := certified(t, light(), dir)
	one := light()
	one.All = false
	last := certified(t, one, dir)
	for i, p := range last.Proofs {
		q := both.Proofs[8+i]
		if p.Millis, q.Millis = 0, 0; !reflect.DeepEqual(p, q) {
			t.Errorf("the last episode alone has %+v, and after the first %+v", p, q)
		}
	}
	rows := both.Rows()
	if len(rows) != 2 || len(last.Rows()) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	saved, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		card, err := reliability.New(saved.System, saved.Episodes[i+1:i+2], reliability.AssumedBeta)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := card.Joint.Interval()
		if r.Episode != i+1 || r.Plans != 8 || r.Beta != 2 || r.Horizon != 4 || r.Limit != "speed" || r.Unit != "rad/s" || r.Cover != nil ||
			r.Coverage != card.Joint.Of() || r.CoverageLow != lo || r.CoverageHigh != hi || !(r.TubeMsP50 > 0) {
			t.Errorf("%+v, where the calibration report has %+v", r, card.Joint)
		}
		if !(r.Certified > 0 && r.Certified <= r.Unbroken && r.SlackP50 >= 0 && r.SlackP90 >= r.SlackP50 && r.SlackP90 < 1) {
			t.Errorf("%+v", r)
		}
	}
	text := both.Table()
	for _, want := range []string{
		"| episode | β | certified | steps in the box | truth in the tube | unbroken | slack p50 | slack p90 | prefix p50 | tube p50 | escapes |\n", fmt.Sprintf("\n| 2 | 2 | %d of 8 | ", rows[1].Certified),
		"up to β epistemic deviations in every step.", "proved of the model", "executed steps", "sign-gradient does not break", "limit speed, which binds",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Entries of the list in JSON have these names, and what is not a number is null.
func TestNames(t *testing.T) {
	text, err := encode.JSON([]Row{{Episode: 3, SlackP50: math.NaN(), Cover: map[safex.Cover]int{safex.CoverTail: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"episode", "plans", "certified", "unbroken", "slack_p50", "slack_p90", "coverage", "tube_ms_p50", "escapes", "beta", "prefix_p50", "limit", "unit"} {
		if _, ok := list[0][name]; !ok {
			t.Errorf("no %s in %s", name, text)
		}
	}
	if v := list[0]["slack_p50"]; v != nil {
		t.Errorf("a NaN is %v", v)
	}
	if cover := list[0]["cover"].(map[string]any); len(cover) != 1 || cover["tail"] != 2.0 {
		t.Errorf("cover %v", cover)
	}
}

// Whatever the model, no rollout leaves its tube. What is not doubted is certified where it is not broken, but for what rounds.
func TestModels(t *testing.T) {
	names, _ := experiment.Models()
	calibrations := map[string]string{"temperature": "calibration.HoldOut=5", "conformal": "calibration.Miss=0.3", "adaptive": "calibration.Miss=0.2"}
	if testing.Short() {
		names = []string{"probabilistic", "prior+gp", "true"}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s := quick.Spec(t, "episodes=1")
			if err := s.SetAll("learner=" + name); err != nil {
				t.Fatal(err)
			}
			c := certified(t, light(), finished(t, s))
			if r := c.Rows()[0]; name == "true" && (r.Certified != 8 || r.Coverage != 1 || r.InTube != 8 || !(r.SlackP90 < 1e-6)) {
				t.Errorf("%+v", r)
			}
		})
	}
	for name, with := range calibrations {
		t.Run(name, func(t *testing.T) {
			certified(t, light(), finished(t, quick.Spec(t, "episodes=1", "learner=gp", "calibration="+name, with)))
		})
	}
}

// The real system stays in tubes that are wide enough, and leaves those that are no wider than rounding.
func TestTruthInTube(t *testing.T) {
	dir := finished(t, quick.Spec(t, "episodes=1", "learner=gp"))
	for beta, want := range map[float64]int{1e-6: 0, 1e3: 8} {
		a := light()
		a.Beta = beta
		if r := certified(t, a, dir).Rows()[0]; r.InTube != want {
			t.Errorf("with β = %v the real system stays in %d of %d tubes, want %d", beta, r.InTube, r.Plans, want)
		}
	}
}

// Noise widens the tubes, and rollouts with it fill them; later errors than the planner defends are none.
func TestNoise(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=prior+linear", "prior.Mass=0.8", "episodes=1", "planner.Robust=2"))
	plain, a := certified(t, light(), dir), light()
	a.Noise = []float64{1e-3, 1e-3, 0.02}
	wide := certified(t, a, dir)
	for i, p := range plain.Proofs {
		if q := wide.Proofs[i]; p.Robust != 2 || !(q.Bound[0] > p.Bound[0]+0.02) || q.Found[0] != p.Found[0] {
			t.Errorf("%+v, and with noise %+v", p, q)
		}
	}
	if text := wide.Table(); !strings.Contains(text, "in the first 2 steps and by none after them, and whatever noise adds to the state in each step, up to cos 0.001, sin 0.001, omega 0.02 rad/s.") {
		t.Errorf("printed\n%s", text)
	}
	c, err := a.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c.tube = func(p *reach.Prover, ctx context.Context, q reach.Plan) (*reach.Tube, error) {
		q.Noise = p.Rounding(q.Beta)
		return p.Tube(ctx, q)
	}
	for _, err := range c.Run(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if c.Check() == nil {
		t.Error("tubes without the noise were not left")
	}
}

// A tube that does not enclose its plan is noticed, whatever is wrong with it, and none of it counts as certified.
func TestBrokenTubes(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=prior+linear", "prior.Mass=0.8", "episodes=1"))
	for name, c := range map[string]struct {
		of     string // what is beyond its bound
		change func(q *reach.Plan)
		after  func(t *reach.Tube)
	}{
		"too few deviations": {"", func(q *reach.Plan) { q.Beta *= 0.9 }, nil},
		"a step too few":     {"", func(q *reach.Plan) { q.Robust = 3 }, nil},
		"another action": {"", func(q *reach.Plan) {
			q.Actions = slices.Clone(q.Actions)
			q.Actions[2] = []float64{-q.Actions[2][0] + 0.1}
		}, nil},
		"a bound too low": {"limit speed", nil, func(t *reach.Tube) { t.Excess[1][0] -= 0.2 }},
		"a set elsewhere": {"sin", nil, func(t *reach.Tube) { t.Sets[2].Center[1] += 0.5 }},
		"a set without one of its columns": {"", nil, func(t *reach.Tube) {
			for d := range t.Sets[3].Gen {
				t.Sets[3].Gen[d][len(t.Sets[3].Gen[d])-1] = 0
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := light().Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			at.tube = func(p *reach.Prover, ctx context.Context, q reach.Plan) (*reach.Tube, error) {
				if c.change != nil {
					c.change(&q)
				}
				tube, err := p.Tube(ctx, q)
				if err == nil && c.after != nil {
					c.after(tube)
				}
				return tube, err
			}
			for _, err := range at.Run(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
			}
			e := at.Escape
			if e == nil {
				t.Fatal("no rollout left such a tube")
			}
			if e.Episode != 1 || e.Step != 0 || e.After < 1 || e.After > 4 || !(e.By > 0) || c.of != "" && e.Of != c.of {
				t.Errorf("%+v", e)
			}
			row := at.Rows()[0]
			if err := at.Check(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("left their tube: %d, ", row.Escapes)) || !strings.Contains(err.Error(), e.String()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v", err)
			}
			for _, p := range at.Proofs {
				if p.Escapes > 0 && (p.Certified || p.Prefix > 0) {
					t.Errorf("%+v", p)
				}
			}
		})
	}
}

// With a filter, what was executed is certified, and steps are counted by what covers them.
func TestFiltered(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=linear", "filter=on", "filter.Set=kernel", "filter.Cells=121"))
	c := certified(t, light(), dir)
	saved, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[safex.Cover]int{}
	for i, r := range c.Rows() {
		want := map[safex.Cover]int{}
		for _, f := range saved.Episodes[i+1].Forecasts {
			want[f.Cover]++
			all[f.Cover]++
		}
		if !maps.Equal(r.Cover, want) {
			t.Errorf("episode %d: %v, want %v", r.Episode, r.Cover, want)
		}
	}
	if all[safex.CoverKernel] == 0 || all[safex.CoverBackup] == 0 {
		t.Errorf("covers %v: the test needs some of each", all)
	}
	if text := c.Table(); !strings.Contains(text, "| escapes | planned | kernel | tail | backup | none |") || !strings.Contains(text, "that the filter executed") {
		t.Errorf("printed\n%s", text)
	}
}

// Of a system that is seen through noise, what really happens has to be in the box.
func TestDisturbed(t *testing.T) {
	s := quick.Spec(t, "learner=true", "episodes=1")
	s.Disturbances = []safex.Disturbance{{Kind: safex.ObservationNoise, On: "omega", Size: 0.01}}
	c := certified(t, light(), finished(t, s))
	if r := c.Rows()[0]; r.Coverage != 0 || r.InTube != 0 || !strings.Contains(c.Table(), "In episode 1 that is below 95 %: its certificates are about a box that does not hold.") {
		t.Errorf("%+v\n%s", r, c.Table())
	}
}

// The limit that binds is that whose bound is the largest in most certified plans, counted in its Scale; slack is in its unit.
func TestSeveralLimits(t *testing.T) {
	over := func(x, u, next num.Vec) num.Expr { return next[0] }
	s, err := safex.Task{
		Name: "pair", Dt: 1, Steps: 9, Start: safex.StartAt(0), State: []safex.Var{{Name: "x", Scale: 1}}, Action: []safex.Var{{Name: "u", Scale: 1}},
		Next:   func(x, u num.Vec) num.Vec { return x },
		Reward: over,
		Limits: []safex.Limit{{Name: "near", Unit: "m", Max: 1, Scale: 1, Of: over}, {Name: "hot", Unit: "K", Max: 1, Scale: 100, Of: over}},
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	c := &Certification{System: s}
	proof := func(certified bool, bound, found []float64) Proof {
		return Proof{Episode: 2, Horizon: 5, Certified: certified, Bound: bound, Found: found, Worst: -0.01, Prefix: 3}
	}
	r := c.row([]Proof{
		proof(true, []float64{-0.5, -20}, []float64{-0.6, -24}),
		proof(true, []float64{-0.5, -10}, []float64{-0.7, -16}),
		proof(true, []float64{-0.01, -10}, []float64{-0.9, -20}),
		proof(false, []float64{math.Inf(1), math.Inf(1)}, []float64{-0.6, -20}),
	})
	if r.Limit != "hot" || r.Unit != "K" || r.SlackP50 != 6 || r.SlackP90 != 10 || r.Certified != 3 || r.Unbroken != 4 || r.PrefixP50 != 3 {
		t.Errorf("%+v", r)
	}
	if r := c.row([]Proof{proof(false, []float64{1, 1}, []float64{0, 0})}); r.SlackP50 == r.SlackP50 || r.Certified != 0 {
		t.Errorf("slack of no certified plan: %+v", r)
	}
}

// A run under way has the plans that were made, and a question that is stopped the answers until then.
func TestStops(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, quick.Spec(t, "learner=linear"))
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
	if c := certified(t, light(), dir); len(c.Proofs) != 11 || c.Proofs[10].Step != 2 {
		t.Errorf("%d plans", len(c.Proofs))
	}
	a := light()
	a.All = false // the last that is over
	c, err := a.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	c.Progress = func(n int) { steps = n }
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	var last error
	for p, err := range c.Run(ctx) {
		if last = err; err == nil && p.Episode != 1 {
			t.Errorf("episode %d", p.Episode)
		}
		if len(c.Proofs) == 3 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || len(c.Proofs) != 3 || c.Rows()[0].Plans != 3 || steps != 13 || c.Steps() != 18 || c.Plans() != 8 {
		t.Errorf("%d plans after %d steps, error %v", len(c.Proofs), steps, last)
	}
}

// dark is a model that does not say what it computes.
type dark struct{ safex.Model }

// Each mistake is one sentence.
func TestErrors(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=linear", "episodes=1"))
	old := quick.Spec(t)
	old.Build = "0.0.1 go1.20"
	past := filepath.Join(t.TempDir(), "old")
	if err := store.Create(past, old); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if _, err := store.Start(fresh, quick.Spec(t)); err != nil {
		t.Fatal(err)
	}
	late := filepath.Join(t.TempDir(), "late")
	if _, err := store.Start(late, quick.Spec(t, "deadline=10m")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir    string
		change func(a *Settings)
		want   string
	}{
		{t.TempDir(), nil, "is no run folder"},
		{past, nil, "was made by safex 0.0.1 go1.20"},
		{fresh, nil, "has no planned episode yet"},
		{late, nil, "was planned with a deadline of 10m0s"},
		{dir, func(a *Settings) { a.All, a.Episodes = false, []int{2} }, "episode 2 is none of the planned ones"},
		{dir, func(a *Settings) { a.Adversaries = nil }, "there is no adversary: want one"},
		{dir, func(a *Settings) { a.Adversaries = []string{"sing-gradient"} }, "did you mean sign-gradient?"},
		{dir, func(a *Settings) { a.Beta = -1 }, "beta -1"},
		{dir, func(a *Settings) { a.Beta = math.NaN() }, "beta NaN"},
		{dir, func(a *Settings) { a.Noise = []float64{1} }, `has 1 numbers, and the state of task "pendulum" has 3`},
		{dir, func(a *Settings) { a.Noise = []float64{0, 0, math.Inf(1)} }, "want numbers of at least 0"},
		{dir, func(a *Settings) { a.Rollouts = -1 }, "-1 rollouts"},
	} {
		a := light()
		if c.change != nil {
			c.change(&a)
		}
		if _, err := a.Open(c.dir); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	c, err := light().Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.bind(dark{}); err == nil || !strings.Contains(err.Error(), "the model linear of "+dir+" cannot be certified: reach: a certify.dark does not say what it computes") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "scenario.json")); err == nil {
		t.Error("a question left a file")
	}
}

// With all that a task can declare, tubes hold what rollouts do and, where the noise that happens is as declared, the truth: they begin where the system may
// be, go through what was sent before, and take in noise in every step.
func TestDeclared(t *testing.T) {
	s := quick.Spec(t, "learner=true", "calibration=none", "filter=off", "planner.Beta=0", "MaxSpeed=1.2")
	s.Disturbances = []safex.Disturbance{{Kind: safex.ProcessNoise, On: "omega", Size: 0.01}, {Kind: safex.ObservationNoise, On: "omega", Size: 0.02}, {Kind: safex.Delay, Size: 2}}
	s.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "omega", Size: 0.01}, {Kind: safex.ObservationNoise, On: "omega", Size: 0.02}, {Kind: safex.Delay, Size: 2}}
	dir := finished(t, s)
	c := certified(t, light(), dir)
	in := func(c *Certification) (tube, box int) {
		for _, p := range c.Proofs {
			if p.InTube {
				tube++
			}
			if p.Inside {
				box++
			}
		}
		return tube, box
	}
	if tube, box := in(c); tube != len(c.Proofs) || box != len(c.Proofs) || c.Proofs[0].Horizon != 4+2 {
		t.Errorf("the truth is in %d tubes and %d boxes of %d plans of %d steps", tube, box, len(c.Proofs), c.Proofs[0].Horizon)
	}
	s.Expected = s.Expected[2:]
	if tube, _ := in(certified(t, light(), finished(t, s))); tube > 0 {
		t.Errorf("not told of noise, %d tubes of an exact model hold it", tube)
	}
}
