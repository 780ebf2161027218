package safex_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

func compile(t *testing.T, task safex.Task) *safex.System {
	t.Helper()
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A System is its own: functions that write to their arguments, tasks that are changed later, buffers that are used
// again and policies that write to their state change nothing.
func TestSystemIsItsOwn(t *testing.T) {
	task := ferry()
	task.Reward = func(x, u, next num.Vec) num.Expr { next[1] = next[1].Sub(100); return next[1] }
	s := compile(t, task)
	if _, _, excess := s.Step([]float64{20, 1}, []float64{1}); excess[0] != 1+0.5*0.9-2 {
		t.Errorf("after a reward that writes to next, the excess is %v", excess)
	}
	task.Limits[0].Max, task.Limits[0].Budget, task.State[0].Name = 99, 77, "hacked"
	if s.Limits[0].Max != 2 || s.Budgets() != nil || s.State[0].Name != "distance" {
		t.Errorf("the system changed with its task: %v", s.Limits[0])
	}
	w := compile(t, wheel("delay 1"))
	tr, buffer := w.Begin([]float64{0, 1, 0}, rng.New(1)), make([]float64, 2)
	for _, u := range []float64{1, 0.5, 0.25, 0} {
		buffer[0] = u
		if err := w.Advance(&tr, buffer, rng.New(1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := speeds(tr); math.Abs(got[3]-0.175) > 1e-12 || tr.Actions[0][0] != 1 {
		t.Errorf("with one buffer for all actions the speeds are %v", got)
	}
	e, err := s.Simulate(func(_ int, x []float64) []float64 { x[0] = -5; return []float64{0} }, rng.New(1))
	if err != nil || e.States[0][0] != 20 || e.States[1][0] != 20 {
		t.Errorf("a policy moved the system to %v", e.States[:2])
	}
	if _, err := s.Simulate(nil, rng.New(1)); err == nil {
		t.Error("no policy is no error")
	}
}

// No variable and no angle may have the name of a column that a run's table has itself.
func TestOwnColumns(t *testing.T) {
	for _, name := range []string{"episode", "step", "reward", "beta", "asked_beta", "out_of_distribution", "feasible", "nans", "late", "cut", "fit", "epistemic_x", "aleatoric_x", "mean_x", "worst_x", "excess_x", "true_x", "next_x", "sent_x", "noise_x"} {
		for kind, rename := range map[string]func(*safex.Task){
			"variable": func(task *safex.Task) { task.State[0].Name = name },
			"angle": func(task *safex.Task) {
				task.Angles = []safex.Angle{{Name: name, Sin: 0, Cos: 1}}
			},
		} {
			task := ferry()
			rename(&task)
			if _, err := task.System(); err == nil || !strings.Contains(err.Error(), kind+" \""+name+"\": a run's table has a column of its own of that name") {
				t.Errorf("%s %q: error %v", kind, name, err)
			}
		}
	}
	task := ferry()
	task.State[0].Name = "side_slip"
	if _, err := task.System(); err != nil {
		t.Error(err)
	}
}

// A start is refused for what it breaks by itself, not for what the first action decides, and not within a budget.
func TestCheckStart(t *testing.T) {
	for _, c := range []struct {
		name    string
		limit   safex.Limit
		refused bool
	}{
		{"next", safex.Limit{Max: 19, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}, true},
		{"the state before", safex.Limit{Max: 19, Of: func(x, u, next num.Vec) num.Expr { return x[0] }}, true},
		{"next, within its budget", safex.Limit{Max: 19, Budget: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}, false},
		{"next, beyond its budget", safex.Limit{Max: 18, Budget: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}, true},
		{"at least some push", safex.Limit{Max: -0.2, Of: func(x, u, next num.Vec) num.Expr { return u[0].Neg() }}, false},
		{"at least some progress", safex.Limit{Max: -0.1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Sub(x[0]) }}, false},
		{"a rate", safex.Limit{Max: -0.1, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]) }}, false},
	} {
		task := ferry()
		c.limit.Name = "x"
		task.Limits = []safex.Limit{c.limit}
		if _, err := task.System(); (err != nil) != c.refused {
			t.Errorf("a limit on %s: error %v", c.name, err)
		}
	}
}

// Each of these was once accepted in silence, or a stack trace.
func TestMisuse(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*safex.Task)
		want  string
	}{
		{"a scale that hides the limit", func(t *safex.Task) { t.Limits[0].Scale = math.Inf(1) }, `limit "wake": Max is 2 and Scale +Inf`},
		{"no limit at all", func(t *safex.Task) { t.Limits[0].Max = math.Inf(1) }, `limit "wake": Max is +Inf`},
		{"two limits of one name", func(t *safex.Task) { t.Limits = append(t.Limits, t.Limits[0]) }, `two limits are named "wake"`},
		{"a short start", func(t *safex.Task) { t.Start = func(x []float64, _ *rand.Rand) { x[0] = 20 } }, "Start: speed is NaN"},
		{"StartAt of another size", func(t *safex.Task) { t.Start = safex.StartAt(20) }, "StartAt names 1 numbers, State 2 dimensions"},
		{"angles that overlap", func(t *safex.Task) {
			t.Angles = []safex.Angle{{Name: "a", Sin: 0, Cos: 1}, {Name: "b", Sin: 1, Cos: 0}}
		}, `angles "a" and "b" share dimension`},
		{"the range of an action", func(t *safex.Task) { t.Action[0].Min, t.Action[0].Max = -1, 1 }, "actions are in [-1, 1]"},
		{"a window without end", func(t *safex.Task) {
			t.Picture = &safex.Picture{Left: math.Inf(-1), Right: 1, Top: 1, Draw: func(x, u []float64) []safex.Shape { return nil }}
		}, "Picture: want Left below Right"},
	} {
		task := ferry()
		c.spoil(&task)
		if _, err := task.System(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.name, err, c.want)
		}
	}
	task := ferry()
	task.Picture = &safex.Picture{Right: 1, Top: 1, Draw: func(x, u []float64) []safex.Shape { panic(x[5]) }}
	if r := safex.Check(task); r.OK() || !strings.Contains(r.Problems[0], "Picture.Draw panics") {
		t.Errorf("of a picture that panics: %s", r)
	}
	calls := 0
	task = ferry()
	task.Start = func(x []float64, _ *rand.Rand) {
		if calls++; calls > 105 {
			x[7] = 1
		}
		x[0], x[1] = 20, 0
	}
	if r := safex.Check(task); r.OK() || !strings.Contains(strings.Join(r.Problems, " "), "Start panics") {
		t.Errorf("of a start that panics late: %s", r)
	}
	task = ferry()
	task.Limits[0].Max, task.Limits[0].Budget = 0.5, 1e6
	if r := safex.Check(task); len(r.Warnings) > 0 {
		t.Errorf("of a limit with an endless budget: %s", r)
	}
	// Names that would be those of formulas.
	task = ferry()
	task.State[0].Symbol, task.State[1].Symbol, task.Action[0].Symbol = "a1", "r", "sin"
	text := compile(t, task).LaTeX()
	for _, want := range []string{`\mathrm{reward} &= `, `\mathrm{sin}`, "b_{1} &= "} {
		if !strings.Contains(text, want) {
			t.Errorf("LaTeX lacks %q:\n%s", want, text)
		}
	}
	if got := (safex.Trajectory{Excess: slices.Repeat([][]float64{{0.1}}, 3)}).Violations(0.3); got != 0 {
		t.Errorf("three times a tenth violates a budget of 0.3 %d times", got)
	}
}
