package figures

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// steps are those of an episode of a made method.
const steps = 20

// made is a method of runs whose returns and violating steps are given by run and episode. Episode 0 is the random phase. changes are of its settings.
func made(task, planner, variant string, returns [][]float64, violations [][]int, changes ...string) report.Method {
	m := report.Method{Study: "made", Task: task, Planner: planner, Model: "sparse-gp", Calibrate: "adaptive", Variant: variant, Build: "a build", Limits: []report.Limit{{Name: "speed", Unit: "rad/s"}}}
	m.Settings = json.RawMessage(`{"LearnEvery": 50, "Planner": {"Type": "plan.Pessimistic", "Beta": 2, "Objective": {"FeasibleFirst": true, "Weight": 100}}}`)
	for i := 0; i+1 < len(changes); i += 2 {
		m.Settings = json.RawMessage(strings.Replace(string(m.Settings), changes[i], changes[i+1], 1))
	}
	for i := range returns {
		r := report.Run{Seed: uint64(i + 1)}
		for n, v := range returns[i] {
			e := report.Episode{Summary: store.Summary{Episode: n, Phase: safex.PlannedPhase, Steps: steps, Return: v, Violations: violations[i][n], Beta: 2, Worst: map[string]float64{"speed": -1}}, First: -1}
			if e.Violations > 0 {
				e.First, e.Worst["speed"] = 0, 1
			}
			if n == 0 {
				e.Phase, e.Beta = safex.RandomPhase, 0
			}
			r.Episodes = append(r.Episodes, e)
		}
		m.Steps = max(m.Steps, steps*len(returns[i]))
		m.Runs = append(m.Runs, r)
	}
	return m
}

// four are four runs of a random phase and two episodes.
func four() report.Method {
	return made("pendulum", "safe", "",
		[][]float64{{-9, -8, -4}, {-9, -6, -3}, {-9, -4, -2}, {-9, -2, -1}},
		[][]int{{1, 0, 2}, {0, 0, 0}, {0, 5, 0}, {0, 0, 1}})
}

// learner is a method that learns as 1/e, of n runs and ten episodes. It is better with skill, and violates with boldness.
func learner(task, planner, variant string, n int, skill, boldness float64, changes ...string) report.Method {
	var returns [][]float64
	var violations [][]int
	for i := range n {
		var r []float64
		var v []int
		for e := range 11 {
			wave := math.Sin(float64(7*i + 3*e)) // of its own
			r = append(r, -340-1000/math.Pow(float64(max(e, 1)), skill)*(1+0.25*wave))
			v = append(v, int(max(0, boldness*(1+1.5*wave)*min(1, float64(e)))))
		}
		returns, violations = append(returns, r), append(violations, v)
	}
	return made(task, planner, variant, returns, violations, changes...)
}

// studies are planners on two tasks, with variants of some on one of them.
func studies() *Gallery {
	g := &Gallery{Set: &report.Set{}, Band: IQM, Episode: -1}
	for i, p := range []string{"unsafe", "safe", "pestraj", "minmax", "optminmax", "pessimistic"} {
		g.Set.Methods = append(g.Set.Methods, learner("pendulum", p, "", 10, 2+0.3*float64(i), 3-float64(i)))
	}
	for i, p := range []string{"unsafe", "safe", "pessimistic"} {
		g.Set.Methods = append(g.Set.Methods, learner("pitch", p, "", 5, 1+0.5*float64(i), 1-float64(i)))
	}
	for _, b := range []string{"0", "1", "3", "4"} {
		beta := map[string]float64{"0": 0, "1": 1, "3": 3, "4": 4}[b]
		m := learner("pendulum", "pessimistic", "beta-"+b, 5, 4-beta, 2-2*beta, `"Beta": 2`, `"Beta": `+b)
		for i := range m.Runs {
			for e := range m.Runs[i].Episodes[1:] {
				m.Runs[i].Episodes[1+e].Beta = beta
			}
		}
		g.Set.Methods = append(g.Set.Methods, m)
	}
	for i, n := range []string{"25", "100", "0"} {
		g.Set.Methods = append(g.Set.Methods, learner("pendulum", "pessimistic", "learn-"+n, 5, 3-0.8*float64(i), 0.4*float64(i), `"LearnEvery": 50`, `"LearnEvery": `+n))
	}
	for i, w := range []string{"0.1", "0.2", "0.5", "1"} {
		g.Set.Methods = append(g.Set.Methods, learner("pendulum", "minmax", "lambda-"+w, 5, 2.5, 4-float64(i), `true, "Weight": 100`, `false, "Weight": `+w))
	}
	for i, v := range []string{"information-0.1", "information-fading", "optimism-1"} {
		g.Set.Methods = append(g.Set.Methods, learner("pendulum", "pessimistic", v, 5, 3-0.5*float64(i), 0.3*float64(i), `{"LearnEvery"`, `{"Bonus": `+fmt.Sprint(i)+`, "LearnEvery"`))
	}
	g.Published = []Published{
		{Task: "pendulum", Name: "published SafeCEM", Source: "a run with seed 1", Returns: []float64{-1375, -1275, -1089, -869, -358, -341}, Violations: []int{0, 0, 4, 1, 0, 0}, Episodes: 6, Violating: 5},
		{Task: "pendulum", Name: "published CEM", Source: "a run with seed 1", Episodes: 6, Violating: 50},
	}
	return g
}

// enclosed are four values of a setting on two tasks, of each of which the plans of a run were made again.
func enclosed() *Gallery {
	g := &Gallery{Set: &report.Set{}, Band: IQM, Episode: -1}
	for t, task := range []string{"pendulum", "carpark"} {
		for i, miss := range []string{"0.03", "0.1", "0.01", "0.003"} {
			variant := ""
			if i > 0 {
				variant = "miss-" + miss
			}
			m := learner(task, "pessimistic", variant, 3, 2-0.3*float64(i), 0, `{"LearnEvery"`, `{"Calibration": {"Miss": `+miss+`}, "LearnEvery"`)
			for n := range m.Runs[0].Episodes[:7] {
				if n == 0 {
					continue
				}
				e := &m.Runs[0].Episodes[n]
				e.Planned, e.Inside, e.Tubes, e.InTube, e.Backups, e.BackupsIn = steps, steps-(4-i)*n%2, steps, steps-4+i-t+min(n, 3)/2, steps-2, steps-2-(n+t)%2
			}
			g.Set.Methods = append(g.Set.Methods, m)
		}
	}
	return g
}

// write draws a figure into testdata.
func write(t *testing.T, g *Gallery, name, file string) {
	t.Helper()
	f, err := g.Draw(name)
	if err != nil {
		t.Fatal(err)
	}
	png, err := f.PNG()
	if err == nil {
		err = os.WriteFile(filepath.Join("testdata", file), png, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Each figure is as it was when somebody looked at it.
func TestFigures(t *testing.T) {
	published := studies()
	minmax := studies()
	minmax.Band = MinMax
	under := &Gallery{Set: &report.Set{Methods: []report.Method{learner("pendulum", "safe", "", 6, 2, 1), learner("pendulum", "pessimistic", "", 1, 2, 0)}}, Band: IQM, Episode: -1}
	under.Set.Methods[0].Runs[2].Episodes = under.Set.Methods[0].Runs[2].Episodes[:4]
	never := studies()
	if err := never.UseReached("pendulum=-345"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		g          *Gallery
		name, file string
	}{
		{published, "learning", "learning.png"}, {minmax, "learning", "minmax.png"}, {under, "learning", "under.png"},
		{published, "lambda", "lambda.png"}, {published, "beta", "beta.png"}, {published, "tradeoff", "tradeoff.png"}, {never, "tradeoff", "never.png"},
		{published, "histogram", "histogram.png"}, {published, "violations", "violations.png"},
		{explorers(), EvaluationName, "evaluation.png"}, {fallers(), FallbackName, "fallback.png"}, {fallers(), ReturnsName, "returns.png"},
		{enclosed(), "tubes", "tubes.png"}, {enclosed(), "frontier", "frontier.png"},
	} {
		cmpimg.CheckPlot(func() { write(t, c.g, c.name, c.file) }, t, c.file)
	}
}

// The curve is the interquartile mean, of four values that of the middle two; or the mean, with all seeds around it. The random phase has no return.
func TestReturns(t *testing.T) {
	g := &Gallery{Set: &report.Set{Methods: []report.Method{four()}}, Band: IQM}
	c := g.returns(g.rows(plain)[0], nil, &notes{}).Lines[0]
	if !slices.Equal(c.X, []float64{1, 2}) || !slices.Equal(c.Y, []float64{-5, -2.5}) {
		t.Errorf("interquartile means %v at %v, want -5 and -2.5 at 1 and 2", c.Y, c.X)
	}
	for e, worst := range []float64{-8, -4} {
		if best := worst / 4; !(worst <= c.Lo[e] && c.Lo[e] < c.Y[e] && c.Y[e] < c.Hi[e] && c.Hi[e] <= best) {
			t.Errorf("episode %d: interval %v to %v of returns from %v to %v", e+1, c.Lo[e], c.Hi[e], worst, best)
		}
	}
	g.Set.Methods[0].Runs[0].Episodes[2].Return = -104
	g.Band = MinMax
	c = g.returns(g.rows(plain)[0], nil, &notes{}).Lines[0]
	if !slices.Equal(c.Y, []float64{-5, -27.5}) || !slices.Equal(c.Lo, []float64{-8, -104}) || !slices.Equal(c.Hi, []float64{-2, -1}) {
		t.Errorf("means %v within %v and %v", c.Y, c.Lo, c.Hi)
	}
}

// Violating steps are summed over a finished run, the random phase among them.
func TestTotals(t *testing.T) {
	g := &Gallery{Set: &report.Set{Methods: []report.Method{four()}}, Band: IQM}
	last := &g.Set.Methods[0].Runs[3]
	last.Episodes = last.Episodes[:2]
	var n notes
	b := g.rows(plain)[0].boxes(false, []Published{{Name: "other", Episodes: 3, Violating: 7}}, &n)
	if !slices.Equal(b.Rows[0].Values, []float64{3, 0, 5}) || !slices.Equal(b.Rows[1].Values, []float64{7}) || b.Rows[1].Method != fig.Published ||
		b.Rows[0].Name != "safe: 0 to 5" || b.Rows[1].Name != "other,\n3 episodes: 7" {
		t.Errorf("rows %v", b.Rows)
	}
	if want := []string{"Violating steps on pendulum are without the runs that are not finished: 1 of safe."}; !slices.Equal(n.lines, want) {
		t.Errorf("notes %q, want %q", n.lines, want)
	}
	if k := keys(g.rows(plain)); k[0].Name != "safe, 3 to 4 seeds" {
		t.Errorf("key %q", k[0].Name)
	}
	g.Set.Methods[0].Limits = nil
	if b := g.rows(plain)[0].boxes(false, nil, &n); b != nil {
		t.Errorf("boxes %v of a task without a limit", b)
	}
}

// One seed has no band, and the key says so.
func TestOneSeed(t *testing.T) {
	m := four()
	m.Runs = m.Runs[:1]
	g := &Gallery{Set: &report.Set{Methods: []report.Method{m}}, Band: IQM}
	rows := g.rows(plain)
	if c := g.returns(rows[0], nil, &notes{}).Lines[0]; c.Lo != nil || !slices.Equal(c.Y, []float64{-8, -4}) {
		t.Errorf("curve %v with the band %v", c.Y, c.Lo)
	}
	if k := keys(rows); k[0].Name != "safe, 1 seed: no interval" {
		t.Errorf("key %q", k[0].Name)
	}
	var n notes
	p := g.scatter("", rows[0], &n).Points[0]
	if p.XLo != p.XHi || p.YLo != p.YHi || !strings.Contains(strings.Join(n.lines, " "), "safe on pendulum is of one seed: no interval") {
		t.Errorf("point %+v, notes %q", p, n.lines)
	}
}

// A return that is NaN is the worst, and said to be there.
func TestNaN(t *testing.T) {
	g := &Gallery{Set: &report.Set{Methods: []report.Method{four()}}, Band: IQM}
	g.Set.Methods[0].Runs[3].Episodes[1].Return = math.NaN() // the best one, -2
	var n notes
	if c := g.returns(g.rows(plain)[0], nil, &n).Lines[0]; c.Y[0] != -7 {
		t.Errorf("interquartile mean %v of NaN, -8, -6 and -4, want -7", c.Y[0])
	}
	if !slices.Equal(n.lines, []string{"NaN among the returns of safe, which count as the worst: 1."}) {
		t.Errorf("notes %q", n.lines)
	}
}

// A run counts from the first planned episode that reaches the return; one that never does is censored, not left out.
func TestReached(t *testing.T) {
	g := &Gallery{Set: &report.Set{Methods: []report.Method{four()}}, Band: IQM}
	if err := g.UseReached("pendulum=-3"); err != nil {
		t.Fatal(err)
	}
	var n notes
	s := g.scatter("", g.rows(plain)[0], &n)
	p := s.Points[0]
	inf := math.Inf(1)
	if !slices.Equal(p.RunsX, []float64{inf, 2, 2, 1}) || !slices.Equal(p.RunsY, []float64{3, 0, 5, 1}) || p.X != 2 || p.XHi != inf || p.Y != 2.25 {
		t.Errorf("point %+v", p)
	}
	if p.Name != "safe (1 of 4 never)" || s.Never != "not in 2" {
		t.Errorf("called %q and %q", p.Name, s.Never)
	}
	// Shorter runs never come to what the others may still come to.
	short := four()
	short.Planner = "unsafe"
	for i := range short.Runs {
		short.Runs[i].Episodes = short.Runs[i].Episodes[:2]
	}
	short.Steps, short.Settings = short.Runs[0].Episodes[0].Steps+short.Runs[0].Episodes[1].Steps, []byte(`{"Episodes": 1}`)
	both := &Gallery{Set: &report.Set{Methods: []report.Method{four(), short}}, Band: IQM}
	n = notes{}
	if s := both.scatter("", both.rows(plain)[0], &n); len(s.Points) != 1 || s.Never != "not in 2" || !strings.Contains(strings.Join(n.lines, " "), "has 1 episodes where others have 2, and is left out.") {
		t.Errorf("%+v, notes %q", s, n.lines)
	}
	// Of -8 to -1, half of the way is -4.5.
	if err := g.UseReached("50%"); err != nil {
		t.Fatal(err)
	}
	if threshold, share := g.threshold("pendulum"); threshold != -4.5 || share != 0.5 {
		t.Errorf("%v of the way is %v", share, threshold)
	}
	if threshold, _ := (&Gallery{}).threshold("pendulum"); threshold != -400 {
		t.Errorf("by default %v", threshold)
	}
	// No violation in so many runs is no proof.
	for i := range g.Set.Methods[0].Runs {
		for k := range g.Set.Methods[0].Runs[i].Episodes {
			g.Set.Methods[0].Runs[i].Episodes[k].Violations = 0
		}
	}
	g.scatter("", g.rows(plain)[0], &n)
	if want := fmt.Sprintf("up to %.0f %%", 100*(1-math.Pow(0.05, 1.0/4))); !strings.Contains(strings.Join(n.lines, " "), want) {
		t.Errorf("notes %q, want %s", n.lines, want)
	}
}

// Variants stand beside the plain method of another study, in the order of what varies.
func TestVariants(t *testing.T) {
	g := studies()
	g.Set.Methods = append(g.Set.Methods, learner("pendulum", "pessimistic", "miss-0.01", 5, 2, 0, `{"LearnEvery"`, `{"Calibration": {"Miss": 0.01}, "LearnEvery"`))
	for i := range g.Set.Methods {
		if g.Set.Methods[i].Variant != "" {
			g.Set.Methods[i].Study = "variants"
		}
	}
	var labels []string
	for _, s := range seriesOf {
		for _, m := range s.rows(g)[0].methods {
			labels = append(labels, m.label)
		}
	}
	want := []string{
		"limits before reward", "λ = 0.1", "λ = 0.2", "λ = 0.5", "λ = 1", "β = 0", "β = 1", "β = 2", "β = 3", "β = 4",
		"fit at ends", "fit every 25", "fit every 50", "fit every 100", "no bonus", "information fading", "information = 0.1", "optimism = 1", "not calibrated", "Miss = 0.01",
	}
	if !slices.Equal(labels, want) {
		t.Errorf("labels %q, want %q", labels, want)
	}
	if b := seriesOf[1].rows(g)[0].betas().Lines; b[4].Y[0] != 4 || b[0].Y[9] != 0 || len(b[0].X) != 10 {
		t.Errorf("β %v and %v", b[0], b[4])
	}
}

// Variants are called by what they set, not by what somebody named them; by their names if that is no number, or if it does not differ.
func TestLabels(t *testing.T) {
	variant := func(name, old, now string) report.Method {
		return learner("pendulum", "pessimistic", name, 2, 1, 0, old, now)
	}
	g := &Gallery{Set: &report.Set{Methods: []report.Method{
		learner("pendulum", "pessimistic", "", 2, 1, 0),
		variant("beta-9", `"Beta": 2`, `"Beta": 0.5`), variant("beta-fading", `"Beta": 2`, `"Beta": "linear 3 to 1 in 5"`), variant("beta-far", `"LearnEvery": 50`, `"LearnEvery": 9`),
		variant("lambda-1", `true, "Weight": 100`, `false, "Weight": 7`),
		variant("information-high", `"Beta": 2`, `"Exploration": {"Information": 0.25, "Optimism": 0}`), variant("optimism-high", `"Beta": 2`, `"Exploration": {"Information": 0, "Optimism": 3}`),
	}}}
	for i, want := range map[int][]string{
		0: {"limits before reward", "λ = 7"}, 1: {"β fading", "β = 0.5", "β = 2", "β = 2 (beta-far)"}, 3: {"no bonus", "information = 0.25", "optimism = 3"},
	} {
		var labels []string
		for _, m := range seriesOf[i].rows(g)[0].methods {
			labels = append(labels, m.label)
		}
		if !slices.Equal(labels, want) {
			t.Errorf("labels %q, want %q", labels, want)
		}
	}
}

// Of several studies with a plain method, the one that differs least from a variant is shown beside it.
func TestBase(t *testing.T) {
	far := learner("pendulum", "safe", "", 2, 1, 0, `"LearnEvery": 50`, `"LearnEvery": 7`, `"Beta": 2`, `"Beta": 5`)
	near := learner("pendulum", "safe", "", 2, 1, 0, `"LearnEvery": 50`, `"LearnEvery": 9`)
	variant := learner("pendulum", "safe", "learn-25", 2, 1, 0, `"LearnEvery": 50`, `"LearnEvery": 25`)
	far.Study, near.Study = "far", "near"
	g := &Gallery{Set: &report.Set{Methods: []report.Method{far, near, variant}}}
	if b := g.base(&variant); b == nil || b.Study != "near" {
		t.Errorf("base %v", b)
	}
	r := seriesOf[2].rows(g)
	if len(r) != 1 || len(r[0].methods) != 2 || r[0].methods[0].label != "fit every 9" {
		t.Errorf("rows %v", r)
	}
	if n := differ(far.Settings, variant.Settings); n != 2 {
		t.Errorf("%d settings differ, want 2", n)
	}
	variant.Planner = "minmax"
	if b := g.base(&variant); b != nil {
		t.Errorf("a base of another planner: %s", b.Planner)
	}
}

// Planners keep their colours, whoever else is there.
func TestColours(t *testing.T) {
	g := studies()
	index := map[string]int{}
	for _, r := range g.rows(plain) {
		for _, m := range r.methods {
			if k, ok := index[m.label]; ok && k != m.index {
				t.Errorf("%s has the colours %d and %d", m.label, k, m.index)
			}
			index[m.label] = m.index
		}
	}
	g.Set.Methods = g.Set.Methods[5:6]
	if m := g.rows(plain)[0].methods[0]; m.index != index[m.label] {
		t.Errorf("alone %s has the colour %d, not %d", m.label, m.index, index[m.label])
	}
}

// Names that two studies have in common are told apart.
func TestTwoStudies(t *testing.T) {
	g := &Gallery{Set: &report.Set{Methods: []report.Method{four(), four()}}}
	g.Set.Methods[1].Study = "other"
	m := g.rows(plain)[0].methods
	if m[0].label != "safe (made)" || m[1].label != "safe (other)" {
		t.Errorf("labels %q and %q", m[0].label, m[1].label)
	}
}

// Mistakes are one sentence each.
// A file of safex bench has a figure of what grows, and none without it.
func TestScale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scale.json")
	const peak, grows = `{"what": "peak", "gflops": 100}`, `
		{"what": "plan", "against": "samples", "samples": 128, "p50_ms": 2, "exponent": 0.9}, {"what": "plan", "against": "samples", "samples": 256, "p50_ms": 3.7, "exponent": 0.9},
		{"what": "fit", "against": "data", "model": "gp", "data": 1000, "p50_ms": 900, "exponent": 1.2}, {"what": "fit", "against": "data", "model": "gp", "data": 10000, "p50_ms": 15000, "exponent": 1.2},
		{"what": "memory", "against": "episodes", "episodes": 100, "mb": 50}, {"what": "memory", "against": "episodes", "episodes": 200, "mb": 51}`
	if err := os.WriteFile(path, []byte("["+peak+","+grows+"]"), 0o644); err != nil {
		t.Fatal(err)
	}
	g, err := Open(path)
	if err != nil || !slices.Equal(g.Names(), []string{"scale"}) {
		t.Fatalf("error %v, %+v", err, g)
	}
	f, err := g.Draw("scale")
	if err != nil {
		t.Fatal(err)
	}
	if png, err := f.PNG(); err != nil || len(png) == 0 {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("["+peak+"]"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "holds no results") {
		t.Errorf("error %v", err)
	}
}

func TestErrors(t *testing.T) {
	bare := &Gallery{Set: &report.Set{Methods: []report.Method{four()}}, Band: IQM}
	bare.Set.Methods[0].Limits = nil
	dir := t.TempDir()
	for name, text := range map[string]string{
		"broken.json": "{", "strange.json": `{"a": 1}`, "sum.json": `{"published": [{"task": "pendulum", "name": "n", "source": "s", "violations": [1], "episodes": 1, "violating": 2}]}`,
		"gap.json": `{"Settings": {}, "Run": {}, "Gaps": []}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	open := func(name string) error { _, err := Open(filepath.Join(dir, name)); return err }
	draw := func(g *Gallery, name string) error { _, err := g.Draw(name); return err }
	going := &Gallery{Set: &report.Set{Methods: []report.Method{four(), four()}}, Band: IQM}
	for i := range going.Set.Methods {
		going.Set.Methods[i].Steps, going.Set.Methods[i].Study = 1000, fmt.Sprint(i)
	}
	// Runs of the random phase alone have violating steps, and no return.
	bold := &Gallery{Set: &report.Set{Methods: []report.Method{four(), four(), four()}}, Band: IQM}
	for i := range bold.Set.Methods {
		m := &bold.Set.Methods[i]
		m.Steps, m.Planner = steps, []string{"safe", "unsafe", "safe"}[i]
		for k := range m.Runs {
			m.Runs[k].Episodes = m.Runs[k].Episodes[:1]
		}
	}
	bold.Set.Methods[2].Variant = "beta-1"
	if got := bold.Names(); !slices.Equal(got, []string{"histogram", "violations"}) {
		t.Errorf("figures %q of random phases", got)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{draw(bold, "learning"), "no run has completed a planned episode yet"},
		{draw(bold, "tradeoff"), "no run has completed a planned episode yet"},
		{draw(bold, "beta"), "no run has completed a planned episode yet"},
		{draw(going, "tradeoff"), "no run is finished yet"},
		{draw(bare, "learnin"), `there is no figure "learnin": did you mean learning?`},
		{draw(bare, "histogram"), "task pendulum has no limit: there are no violations to draw"},
		{draw(bare, "violations"), "task pendulum has no limit"},
		{draw(bare, "tradeoff"), "there are no two methods with limits to compare"},
		{draw(bare, "tubes"), "safex card RUN --tubes counts that"}, {draw(bare, "frontier"), "safex card RUN --tubes counts that"},
		{draw(&Gallery{Set: &report.Set{Methods: enclosed().Set.Methods[:1]}, Band: IQM, Episode: -1}, "frontier"), "there are no two values of a setting to compare"},
		{draw(bare, "beta"), "there is no variant beta-… of any method"},
		{draw(bare, "episode"), "figure episode is of one run folder"},
		{draw(&Gallery{Band: IQM}, "learning"), "there are no runs to draw this from"},
		{draw(&Gallery{Band: IQM}, "tradeoff"), "there are no runs to draw this from"},
		{draw(&Gallery{Band: IQM, Set: &report.Set{Methods: []report.Method{{Task: "pendulum", Planner: "safe", Runs: []report.Run{{}}}}}}, "learning"), "no run has completed an episode yet"},
		{draw(&Gallery{Band: "std"}, "learning"), `there is no band "std": there are iqm, minmax`},
		{draw(&Gallery{Band: IQM, Episode: -2}, "learning"), "episode -2: want 0"},
		{bare.UseReached("soon"), `reached "soon": want a return or a share`},
		{bare.UseReached("100%"), "want a share above 0% and below 100%"},
		{bare.UseReached("pendulm=3"), "did you mean pendulum?"},
		{open("nothing"), "there is no"},
		{open("empty"), "holds no run"},
		{open("broken.json"), "holds no results"},
		{open("strange.json"), "holds no results"},
		{open("sum.json"), "n has 2 violating steps in 1 episodes, and they sum to 1"},
		{func() error { _, err := Draw("gap", filepath.Join(dir, "gap.json")); return err }(), "holds no outcome"},
		{func() error { _, err := Open(); return err }(), "there is nothing to draw"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
}

// A set that was saved and read again gives the same bytes.
func TestDeterministic(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made.json")
	g := &Gallery{Set: &report.Set{Methods: []report.Method{four(), learner("pendulum", "unsafe", "", 5, 2, 3)}}, Band: IQM, Episode: -1}
	if err := g.Set.Save(path); err != nil {
		t.Fatal(err)
	}
	read, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"learning", "tradeoff", "histogram"} {
		for _, format := range []string{"png", "svg"} {
			var files [2][]byte
			for i, g := range []*Gallery{g, read} {
				f, err := g.Draw(name)
				if err != nil {
					t.Fatal(err)
				}
				if files[i], err = f.Encode(format); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(files[0], files[1]) {
				t.Errorf("%s.%s: other bytes from a file", name, format)
			}
		}
	}
	if want := []string{"learning", "tradeoff", "histogram", "violations"}; !slices.Equal(read.Names(), want) {
		t.Errorf("figures %q, want %q", read.Names(), want)
	}
}

// The kernel of a run with a filter is drawn by its last model, with an episode, and named among what can be drawn; of other runs it is said why not.
func TestKernel(t *testing.T) {
	run := func(set ...string) string {
		t.Helper()
		s, err := experiment.Named("pendulum", "planner=safe", "filter=off")
		if err == nil {
			err = s.SetAll(append([]string{"learner=true", "Steps=8", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4"}, set...)...)
		}
		if err != nil {
			t.Fatal(err)
		}
		s.Episodes, s.RandomSteps = 1, 10
		dir := filepath.Join(t.TempDir(), "run")
		for _, err := range store.Train(t.Context(), dir, s) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	filtered, plain, none := run("filter=on", "filter.Set=kernel", "filter.Cells=61"), run(), filepath.Join(t.TempDir(), "none")
	g, err := Open(filtered)
	if err != nil {
		t.Fatal(err)
	}
	if names := g.Names(); !slices.Contains(names, KernelName) {
		t.Errorf("there are %q", names)
	}
	var pictures [2]string
	for e := range pictures {
		g.Episode = e
		f, err := g.Draw(KernelName)
		if err != nil {
			t.Fatal(err)
		}
		png, err := f.PNG()
		if pictures[e] = string(png); err != nil || len(png) < 5000 {
			t.Errorf("%d bytes, error %v", len(png), err)
		}
	}
	if pictures[0] == pictures[1] {
		t.Error("two episodes are the same picture")
	}
	if g, err = Open(plain); err != nil || slices.Contains(g.Names(), KernelName) {
		t.Errorf("without a filter there are %q, error %v", g.Names(), err)
	}
	r, err := store.Open(filtered)
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Import(none, r.Spec) // which has covers, and no model
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.Episodes {
		if err := again.Add(e, true); err != nil {
			t.Fatal(err)
		}
	}
	if g, err = Open(none); err != nil || slices.Contains(g.Names(), KernelName) {
		t.Errorf("without a model there are %q, error %v", g.Names(), err)
	}
	damaged := filepath.Join(filtered, "model", "state.bin")
	for _, c := range []struct {
		dir, want string
		before    func()
	}{
		{dir: plain, want: "is of a run with a filter, as in: safex train pendulum --filter on"},
		{dir: none, want: "has no model yet that a filter judged by"},
		{dir: filepath.Dir(filtered), want: "is a folder of runs"},
		{dir: filtered, want: "state.bin: damaged", before: func() {
			if err := os.WriteFile(damaged, []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		if c.before != nil {
			c.before()
		}
		if _, err := Draw(KernelName, c.dir); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// An episode of a run folder is drawn while the run is under way, and afterwards.
func TestEpisode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s, err := experiment.Named("pitch", "planner=safe")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Set("learner=linear"); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"Steps=8", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4"} {
		if err := s.Set(a); err != nil {
			t.Fatal(err)
		}
	}
	s.Episodes, s.RandomSteps = 2, 10
	for _, err := range store.Train(t.Context(), dir, s) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"episode", "learning", "histogram"} {
		f, err := Draw(name, dir)
		if err != nil {
			t.Fatal(err)
		}
		if png, err := f.PNG(); err != nil || len(png) < 1000 {
			t.Errorf("%s: %d bytes, error %v", name, len(png), err)
		}
	}
	g, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	g.Episode = 3
	if _, err := g.Draw("episode"); err == nil || !strings.Contains(err.Error(), "has no episode 3: it has 0 to 2") {
		t.Errorf("error %v", err)
	}
	if _, err := Draw("episode", filepath.Dir(dir)); err == nil || !strings.Contains(err.Error(), "is a folder of runs") {
		t.Errorf("error %v", err)
	}
}

// A planner has its colour whatever stands beside it: with another model it has another mark and the same colour, and so does what is learned elsewhere.
func TestPlannerColours(t *testing.T) {
	looks := looksOf([]row{
		{methods: []method{{&report.Method{Planner: "pessimistic"}, "pessimistic, filtered", 0}, {&report.Method{Planner: "unsafe"}, "unsafe, gp", 0}}},
		{methods: []method{{&report.Method{Planner: "pessimistic"}, "pessimistic", 0}, {&report.Method{Planner: "mine"}, "mine", 0}}},
	})
	planners := experiment.Planners.Names()
	taken := map[int]bool{}
	for label, look := range looks {
		if taken[look] {
			t.Errorf("%s looks like another: %v", label, looks)
		}
		taken[look] = true
	}
	if k := slices.Index(planners, "pessimistic"); looks["pessimistic"] != k || looks["pessimistic, filtered"]%hues != k%hues {
		t.Errorf("pessimistic looks like %d and, filtered, %d: want %d and one of its colour", looks["pessimistic"], looks["pessimistic, filtered"], k)
	}
	if k := slices.Index(planners, "unsafe"); looks["unsafe, gp"] != k {
		t.Errorf("unsafe looks like %d, want %d", looks["unsafe, gp"], k)
	}
	if len(looks) != 4 {
		t.Errorf("looks of %d methods, want 4", len(looks))
	}
}
