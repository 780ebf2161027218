package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// tiny are settings of every kind of row, in a second or two.
func tiny() Settings {
	s := Quick()
	s.Widths, s.Activations, s.Horizon, s.Batch, s.GradientBatch = []int{4, 8}, []string{"relu", "tanh"}, 3, 20, 10
	s.FitWidths, s.FitSteps, s.Learned = []int{4}, 4, 20
	s.Plans, s.PlanWidths, s.PlanCount, s.PlanWarm = []Pair{{pendulum, "safe"}, {"rccar", pessimistic}}, []int{4}, 3, 1
	s.Series = []Series{
		{What: rollouts, Against: "samples"}, {What: rollouts, Against: "width"}, {What: plans, Against: "horizon"}, {What: plans, Against: "members"},
		{What: plans, Against: "limits"}, {What: rollouts, Against: "dimensions"}, {fits, data, gp}, {fits, data, probabilistic}, {rollouts, data, gp},
	}
	s.Transitions = []int{20, 40}
	s.Members, s.Samples, s.Doublings, s.SeriesCount = 2, 16, 1, 2
	s.Turns, s.Turn, s.Slice, s.Within = 2, 0, 0, 0
	return s
}

// has are the names of the fields that the JSON of a row must have, and no others.
var has = map[string]string{
	"peak":     "what gflops repetitions machine cpu load",
	"rollout":  "what engine task hidden activation members batch horizon evals_per_s gflops peak_share repetitions",
	"gradient": "what engine task hidden activation members batch horizon evals_per_s gflops peak_share repetitions",
	"fit":      "what task hidden activation members batch steps_per_s repetitions",
	"plan":     "what engine task planner hidden activation members horizon evals_per_s gflops peak_share p50_ms p99_ms evals_per_action repetitions",
}

// Each row has the fields of its kind and no others, all above 0; JSON keeps them; no two rows are of the same.
func TestRows(t *testing.T) {
	s, told := tiny(), 0
	rows, err := s.Measure(context.Background(), func(rows []Row) error {
		if told++; len(rows) != told {
			t.Errorf("told of %d rows after %d", len(rows), told)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != s.Count() || told != len(rows) {
		t.Errorf("%d rows, told of %d, want %d", len(rows), told, s.Count())
	}
	seen, kinds := map[Row]bool{}, map[string]int{}
	for _, r := range rows {
		if seen[r.key()] {
			t.Errorf("%v twice", r.key())
		}
		seen[r.key()] = true
		kinds[r.What]++
		want := strings.Fields(has[r.What])
		if r.Against != "" {
			want = append(want, "against", "exponent")
			switch {
			case r.What == fits:
				want = strings.Fields("what task against exponent model data p50_ms repetitions")
				if r.Model == probabilistic {
					want = append(want, "hidden", "activation", "members")
				}
			case r.Model == gp: // which has no layers
				want = strings.Fields("what engine task batch horizon evals_per_s repetitions against exponent model data p50_ms")
			case r.What == plans:
				want = append(want, "samples")
			default:
				want = append(want, "p50_ms")
			}
			if r.Task == chain {
				want = append(want, "states", "limits")
			}
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range want {
			if _, ok := fields[name]; !ok {
				t.Errorf("%v has no %s", r, name)
			}
		}
		if len(fields) != len(want) {
			t.Errorf("%v has %s, want %v", r, text, want)
		}
		for name, v := range fields {
			if x, ok := v.(float64); ok && name != "exponent" && !(x > 0 && !math.IsInf(x, 1)) {
				t.Errorf("%v: %s is %v", r, name, x)
			}
		}
		if r.What != peaks && math.Abs(r.PeakShare*rows[0].GFLOPs-r.GFLOPs) > 1e-9*r.GFLOPs {
			t.Errorf("%v: %v GFLOP/s are not %v of %v", r, r.GFLOPs, r.PeakShare, rows[0].GFLOPs)
		}
		if r.P99 != 0 && r.P99 < r.P50 {
			t.Errorf("%v: p99 %v below p50 %v", r, r.P99, r.P50)
		}
	}
	if want := map[string]int{"peak": 1, "rollout": 4*2 + 8, "gradient": 4 * 2, "fit": 1 + 4, "plan": 2 + 6}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("%v rows, want %v", kinds, want)
	}
	text, err := JSON(rows)
	if err != nil {
		t.Fatal(err)
	}
	var again []Row
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&again); err != nil || !reflect.DeepEqual(again, rows) {
		t.Errorf("error %v; JSON reads back as\n%+v, want\n%+v", err, again, rows)
	}
	printed(t, rows)
}

// table checks that the table has a line for each row, with its numbers.
func printed(t *testing.T, rows []Row) {
	t.Helper()
	var b strings.Builder
	if err := Table(&b, rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !strings.HasPrefix(lines[0], "safex "+experiment.Build()) || !strings.HasPrefix(lines[1], CPU()) || !strings.Contains(lines[2], fmt.Sprintf("peak %.1f GFLOP/s", rows[0].GFLOPs)) {
		t.Errorf("begins with\n%s", strings.Join(lines[:3], "\n"))
	}
	for _, r := range rows[1:] {
		var want []string
		if r.Hidden > 0 {
			want = append(want, fmt.Sprintf("%d,%d", r.Hidden, r.Hidden))
		}
		switch {
		case r.Against != "":
			want = append(want, r.What, r.Against, fmt.Sprint(r.Size()), fmt.Sprintf("%.2f", r.P50))
		case r.What == plans:
			want = append(want, r.Task, r.Planner, fmt.Sprintf("%.2f", r.P50), fmt.Sprintf("%.2f", r.P99), fmt.Sprintf("%.0f", r.EvalsPerAction))
		case r.What == fits:
			want = append(want, fmt.Sprintf("%.0f", r.StepsPerS))
		default:
			want = append(want, r.What, r.Engine, r.Activation, fmt.Sprintf("%.0f", r.EvalsPerS), fmt.Sprintf("%.1f", r.GFLOPs))
		}
		if !slices.ContainsFunc(lines, func(line string) bool {
			cells := strings.Fields(line)
			return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(cells, w) })
		}) {
			t.Errorf("no line with %v in\n%s", want, b.String())
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 3+len(rows)-1+3*4 { // a blank, a title and a head for each of four parts
		t.Errorf("%d lines for %d rows:\n%s", n, len(rows), b.String())
	}
}

// asks is a planner whose evaluations can be counted by hand.
type asks struct{ lanes, horizon, gradients int }

func (a asks) Plan(ctx context.Context, q safex.Query, _ rng.Stream) (*safex.Plan, error) {
	c := safex.Candidates{State: q.State, Actions: num.NewBatch(a.horizon*len(q.System.Action), a.lanes)}
	var out safex.Rolled
	if err := q.Rollout.Roll(ctx, &out, c, nil); err != nil {
		return nil, err
	}
	for range a.gradients {
		if err := q.Rollout.Roll(ctx, &out, c, scalarisation); err != nil {
			return nil, err
		}
	}
	p := &safex.Plan{}
	for range a.horizon {
		p.Actions = append(p.Actions, make([]float64, len(q.System.Action)))
	}
	return p, nil
}

// start is a call of Measure before its first row.
func start(t *testing.T, s Settings) *bench {
	t.Helper()
	b, err := newBench(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// An evaluation is a step of a candidate, and one with its gradient is two; those before the first plan that counts do not.
func TestEvaluations(t *testing.T) {
	for _, task := range []string{pendulum, "rccar"} { // 1 and 2 actions
		for _, engine := range []string{"fused", "graph"} {
			s := tiny()
			s.Engines = []string{engine}
			b := start(t, s)
			l, err := b.loop(context.Background(), b.recipe(task, 4, "relu", 2), "safe")
			if err != nil {
				t.Fatal(err)
			}
			l.plan = asks{lanes: 7, horizon: 5, gradients: 3}
			if err := play(context.Background(), 2, 4, l); err != nil {
				t.Fatal(err)
			}
			r := l.row()
			if want := 7 * 5 * (1 + 2*3.0); r.EvalsPerAction != want || r.Repetitions != 4 || r.Horizon != 5 || r.Engine != engine {
				t.Errorf("%s: %+v, want %v evaluations of each of 4 plans of 5 steps by %s", task, r, want, engine)
			}
		}
	}
}

// How often plans ask the model depends on the seed alone.
func TestSameSeed(t *testing.T) {
	s := tiny()
	s.Widths, s.FitWidths, s.Series = nil, nil, nil
	s.PlanCount, s.Plans = 6, []Pair{{pendulum, pessimistic}}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var evals []float64
	for _, cores := range []int{1, 2} {
		runtime.GOMAXPROCS(cores)
		rows, err := s.Measure(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		evals = append(evals, rows[1].EvalsPerAction)
	}
	if evals[0] != evals[1] {
		t.Errorf("%v evaluations on one core, %v on two", evals[0], evals[1])
	}
}

// Whatever ends the measuring, the rows until then are there.
func TestStops(t *testing.T) {
	s := tiny()
	for _, after := range []int{1, 4, 12} {
		ctx, cancel := context.WithCancel(context.Background())
		rows, err := s.Measure(ctx, func(rows []Row) error {
			if len(rows) == after {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || len(rows) < after || len(rows) >= s.Count() {
			t.Errorf("cancelled after %d rows: %d rows, error %v", after, len(rows), err)
		}
		full := errors.New("the disk is full")
		rows, err = s.Measure(context.Background(), func(rows []Row) error {
			if len(rows) == after {
				return full
			}
			return nil
		})
		if err != full || len(rows) != after {
			t.Errorf("an error after %d rows: %d rows, error %v", after, len(rows), err)
		}
	}
	s.Within = time.Nanosecond
	if rows, err := s.Measure(context.Background(), nil); !errors.Is(err, ErrTime) || len(rows) != 1 || rows[0].What != peaks {
		t.Errorf("without time: %v, error %v", rows, err)
	}
}

// A stage that takes all its time leaves the next its own; an error ends them all.
func TestStages(t *testing.T) {
	s := tiny()
	s.Within = 20 * time.Millisecond
	var called []string
	endless := stage{func(ctx context.Context) error {
		called = append(called, "endless")
		<-ctx.Done()
		return fmt.Errorf("rollouts: %w", ctx.Err())
	}, 0.5}
	short := stage{func(context.Context) error { called = append(called, "short"); return nil }, 1}
	if err := s.within(context.Background(), endless, short); err != ErrTime || !slices.Equal(called, []string{"endless", "short"}) {
		t.Errorf("error %v after %v", err, called)
	}
	wrong := errors.New("no")
	failing := stage{func(context.Context) error { return wrong }, 1}
	called, s.Within = nil, 0
	if err := s.within(context.Background(), short, failing, endless); err != wrong || !slices.Equal(called, []string{"short"}) {
		t.Errorf("error %v after %v", err, called)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.within(ctx, endless, short); err != context.Canceled {
		t.Errorf("error %v", err)
	}
}

func TestSettings(t *testing.T) {
	planners := experiment.Planners.Names()
	engines := experiment.Engines.Names()
	for _, s := range []Settings{Quick(), DefaultSettings(), Scale("safex"), QuickScale("safex"), tiny()} {
		if err := s.Check(); err != nil {
			t.Error(err)
		}
	}
	for _, p := range planners {
		if !slices.Contains(Quick().Plans, Pair{pendulum, p}) || !slices.Contains(DefaultSettings().Plans, Pair{"quadrotor", p}) {
			t.Errorf("no plans of %s", p)
		}
	}
	if got := Quick().Engines; len(got) != len(engines)-2 || slices.Contains(got, auto) || !slices.Contains(engines, auto) || slices.Contains(got, stepwise) || !slices.Contains(engines, stepwise) {
		t.Errorf("engines %v of %v", got, engines)
	}
	s := Quick()
	if err := s.Select("graph", "carpark", ""); err != nil || len(s.Plans) != len(planners) || !slices.Equal(s.Engines, []string{"graph"}) || s.Count() != 1+len(planners) || s.Check() != nil {
		t.Errorf("error %v, %+v", err, s)
	}
	if err := s.Select("", "", "safe"); err != nil || len(s.Plans) != len(experiment.Tasks.Names()) || s.Plans[0].Planner != "safe" {
		t.Errorf("error %v, %+v", err, s)
	}
	for want, change := range map[string]func(s *Settings){
		"no engine \"fuse\"":          func(s *Settings) { s.Engines = []string{"fuse"} },
		"no planner":                  func(s *Settings) { s.Plans[0].Planner = "saf" },
		"no activation":               func(s *Settings) { s.Activations = []string{"sin"} },
		"a Series of \"fit\"":         func(s *Settings) { s.Series[0].What = "fit" },
		"against \"depth\"":           func(s *Settings) { s.Series[0].Against = "depth" },
		"a Series of 0 doublings":     func(s *Settings) { s.Doublings = 0 },
		"names something twice":       func(s *Settings) { s.Widths = []int{8, 8} },
		"Engines [] and":              func(s *Settings) { s.Engines = nil },
		"FitWidths [0]":               func(s *Settings) { s.FitWidths = []int{0} },
		"rise from 2":                 func(s *Settings) { s.Transitions = []int{20, 10} },
		"against data: want rollout":  func(s *Settings) { s.Series[0] = Series{What: plans, Against: data, Model: gp} },
		"of the command \"\"":         func(s *Settings) { s.Starts = 1 },
		"at least 10 episodes":        func(s *Settings) { s.Command, s.Episodes, s.Look = "safex", 5, 1 },
		"Members 1":                   func(s *Settings) { s.Members = 1 },
		"FitSteps 0":                  func(s *Settings) { s.FitSteps = 0 },
		"PlanCount 0":                 func(s *Settings) { s.PlanCount = 0 },
		"Turns 0":                     func(s *Settings) { s.Turns = 0 },
		"want at least 2, 1, 1, 1":    func(s *Settings) { s.GradientBatch = 0 },
		"Within -1ns, want":           func(s *Settings) { s.Within = -1 },
		"did you mean pessimistic?":   func(s *Settings) { s.Plans[0].Planner = "pesimistic" },
		"there is no task \"rcar\"":   func(s *Settings) { s.Plans[0].Task = "rcar" },
		"a width to start from":       func(s *Settings) { s.PlanWidths = nil },
		"there is no engine \"\": th": func(s *Settings) { s.Engines = []string{""} },
	} {
		s := tiny()
		change(&s)
		if rows, err := s.Measure(context.Background(), nil); err == nil || !strings.Contains(err.Error(), want) || rows != nil {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Runs take turns, and their first calls do not count.
func TestTurns(t *testing.T) {
	s := tiny()
	s.Turns = 3
	order := ""
	call := func(name string) func() error { return func() error { order += name; return nil } }
	seconds, turns, err := s.repeat(context.Background(), call("A"), call("B"))
	if err != nil || order != "ABABABAB" || turns != 3 || len(seconds) != 2 {
		t.Errorf("error %v, %d turns, called %s", err, turns, order)
	}
	wrong := errors.New("no")
	if _, _, err := s.repeat(context.Background(), call("A"), func() error { return wrong }); err != wrong {
		t.Errorf("error %v", err)
	}
}

func TestQuantile(t *testing.T) {
	var v []float64
	for i := range 100 {
		v = append(v, float64((i*37)%100+1)) // 1 to 100
	}
	for p, want := range map[float64]float64{0.5: 50, 0.99: 99, 1: 100} {
		if got := quantile(p, v); got != want {
			t.Errorf("quantile %v is %v, want %v", p, got, want)
		}
	}
}

// A time of c nᵏ has the exponent k, in whatever doubles.
func TestExponent(t *testing.T) {
	for _, k := range []float64{0, 1, 2.5} {
		for _, against := range quantities {
			var rows []Row
			var products []int
			for _, n := range []int{3, 6, 12} {
				r := Row{Samples: 7, Horizon: 7, Members: 7, Hidden: 7, P50: 0.3 * math.Pow(float64(n), k)}
				product := 7
				switch against {
				case "limits":
					r.Limits = n
				case "dimensions":
					r.States = n
				case "samples":
					r.Samples = n
				case "horizon":
					r.Horizon = n
				case "members":
					r.Members = n
				case "width":
					product = n
				}
				rows, products = append(rows, r), append(products, product)
			}
			if got := exponent(against, rows, products); math.Abs(got-k) > 1e-12 {
				t.Errorf("%s: exponent %v, want %v", against, got, k)
			}
		}
	}
}

// Every task gives transitions that a model can learn, and the products are those of its layers.
func TestModels(t *testing.T) {
	b := start(t, tiny())
	for _, task := range experiment.Tasks.Names() {
		s, m, err := b.model(context.Background(), b.recipe(task, 8, "relu", drawn))
		if err != nil {
			t.Fatal(err)
		}
		_, data, err := b.task(recipe{task: task})
		if err != nil {
			t.Fatal(err)
		}
		if err := data.Check(); err != nil || data.Len() < transitions {
			t.Errorf("%s: error %v, %d transitions", task, err, data.Len())
		}
		nx, nu := len(s.State), len(s.Action)
		if got, want := products(m), 2*((nx+nu)*8+8*8+8*nx); got != want {
			t.Errorf("%s: %d products, want %d", task, got, want)
		}
	}
}
