package offline_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/offline"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// swings writes a log of episodes of the pendulum under coloured noise, and returns its file. Without a column episode it is one.
func swings(dir string, episodes, rows int, named bool) (string, error) {
	p := tasks.DefaultPendulum()
	p.Steps = rows
	s, err := p.Task().System()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	head := "theta,omega,torque\n"
	if named {
		head = "episode," + head
	}
	b.WriteString(head)
	for k := range episodes {
		src := rng.New(3).Child("log").At(k)
		e, err := s.Simulate(s.ColouredPolicy(0.9, 0.5, src.Child("act")), src)
		if err != nil {
			return "", err
		}
		for i, u := range e.Actions {
			x := e.States[i]
			if named {
				fmt.Fprintf(&b, "%d,", k)
			}
			fmt.Fprintf(&b, "%.6f,%.6f,%.6f\n", math.Atan2(x[1], x[0]), x[2], u[0])
		}
	}
	path := filepath.Join(dir, "swings.csv")
	return path, os.WriteFile(path, []byte(b.String()), 0o644)
}

// quick is a small agent that has such a log.
func quick(t *testing.T, episodes, rows int, named bool, more ...string) *experiment.Spec {
	t.Helper()
	path, err := swings(t.TempDir(), episodes, rows, named)
	if err != nil {
		t.Fatal(err)
	}
	s, err := experiment.Named("pendulum", append([]string{
		"log=" + path, "explore=0", "episodes=0", "planner.Horizon=8", "planner.Search.Samples=32", "planner.Search.Elites=6", "learner.Points=24", "learner.FitPoints=40", "learner.Evaluations=10",
	}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What was held out is predicted better than by standing still, one step ahead and many; every transition is held out once, and the same seed gives the same numbers.
func TestValidate(t *testing.T) {
	for _, c := range []struct {
		episodes, rows, folds, want int
		blocks                      bool
	}{{5, 40, 5, 5, false}, {3, 40, 5, 3, false}, {1, 120, 4, 4, true}} {
		spec := quick(t, c.episodes, c.rows, c.episodes > 1)
		settings := offline.Settings{Folds: c.folds, Horizon: 6}
		done := 0
		settings.Progress = func(k, of int) {
			if done++; k != done || of != c.want {
				t.Errorf("fold %d of %d is the %d-th", k, of, done)
			}
		}
		r, err := settings.Validate(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		n := c.episodes * (c.rows - 1)
		if r.Folds != c.want || r.Blocks != c.blocks || r.Transitions != n || r.Box.Of != n || r.Episodes != c.episodes || done != c.want || len(r.Betas) != c.want {
			t.Errorf("%+v", r)
		}
		if r.NaNs != 0 || r.Box.In < n/2 || r.Box.In > n || !(r.Box.Lo < float64(r.Box.In)/float64(n) && float64(r.Box.In)/float64(n) <= r.Box.Hi) {
			t.Errorf("box %+v, %d NaNs", r.Box, r.NaNs)
		}
		for _, d := range r.Dimensions {
			if !(d.RMSE < d.Persistence/3) || !(d.NLL < 0) || d.Box.In < r.Box.In || d.Ahead[0].Steps != 1 || len(d.Ahead) != 6 {
				t.Errorf("%d episodes: %+v", c.episodes, d)
			}
			for _, a := range d.Ahead {
				if !(a.RMSE < a.Persistence/2) || a.Of == 0 {
					t.Errorf("%d episodes, %s: %+v", c.episodes, d.Name, a)
				}
			}
		}
		again, err := offline.Settings{Folds: c.folds, Horizon: 6}.Validate(t.Context(), spec)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("the same seed gave %+v, want %+v: %v", again, r, err)
		}
		if _, err := r.Figure().PNG(); err != nil {
			t.Error(err)
		}
		if page := r.Markdown(); !strings.Contains(page, "| omega [rad/s] |") || c.blocks != strings.Contains(page, "4 blocks of rows, as there is one episode") {
			t.Error(page)
		}
	}
}

// The numbers are those of their definitions, for a learner whose predictions are known.
func TestNumbers(t *testing.T) {
	path, err := swings(t.TempDir(), 4, 30, true)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := experiment.Named("pendulum", "log="+path, "explore=0", "episodes=0", "learner=true", "calibration=none")
	if err != nil {
		t.Fatal(err)
	}
	r, err := offline.Settings{Folds: 2, Horizon: 3}.Validate(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	system, err := spec.Compile()
	if err != nil {
		t.Fatal(err)
	}
	log, err := spec.ReadLogs(system)
	if err != nil {
		t.Fatal(err)
	}
	// The truth predicts what was rounded to six digits.
	var still [3]float64
	for i := range log.Data.Len() {
		for d := range 3 {
			still[d] += math.Pow(log.Data.Next[d][i]-log.Data.X[d][i], 2)
		}
	}
	for k, d := range r.Dimensions {
		if want := math.Sqrt(still[k] / float64(log.Data.Len())); math.Abs(d.Persistence-want) > 1e-12 || d.RMSE > 1e-5 {
			t.Errorf("%+v, want an error of %v for standing still", d, want)
		}
		for h, a := range d.Ahead {
			var sum float64
			n := 0
			for _, e := range log.Data.Episodes() {
				for i := e[0]; i+h < e[1]; i++ {
					sum += math.Pow(log.Data.Next[k][i+h]-log.Data.X[k][i], 2)
					n++
				}
			}
			if a.Of != n || math.Abs(a.Persistence-math.Sqrt(sum/float64(n))) > 1e-12 || a.RMSE > 1e-4 {
				t.Errorf("%s, %d steps ahead: %+v, want %d of %v", d.Name, h+1, a, n, math.Sqrt(sum/float64(n)))
			}
		}
	}
	if !r.Assumed || r.Box.In == r.Box.Of {
		t.Errorf("the truth has no deviation, so that rounding is outside its box of an assumed β: %+v", r.Box)
	}
}

// A fit plans as an agent would, keeps its plan in a folder, and says what cannot be planned from.
func TestPlan(t *testing.T) {
	spec := quick(t, 4, 60, true)
	f, err := offline.Learn(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	x, err := f.System.StateOf(map[string]float64{"theta": math.Pi, "omega": 0})
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Plan(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Feasible || len(p.Actions) != 8 || p.Cover == "" || p.Expected.States[0][0] != x[0] {
		t.Errorf("%+v", p)
	}
	r, err := offline.Settings{Folds: 2, Horizon: 2}.Validate(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "fits", "swings")
	if err := f.Save(dir, r); err != nil {
		t.Fatal(err)
	}
	again, err := offline.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	q, err := again.Plan(t.Context(), x)
	if err != nil || !slices.EqualFunc(p.Actions, q.Actions, slices.Equal) || !reflect.DeepEqual(p.Bound, q.Bound) {
		t.Errorf("%v: the fit that was kept plans %v, want %v", err, q, p.Actions)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{f.Save(dir, r), "is there and not an empty folder: choose another with --out"},
		{second(f.Plan(t.Context(), []float64{1, 0})), "a state of 2 numbers, want the 3"},
		{second(f.Plan(t.Context(), []float64{1, 1, 0})), "no sine and cosine"},
		{second(f.Plan(t.Context(), []float64{1, 0, math.NaN()})), "omega is NaN"},
		{second(offline.Open(t.TempDir())), "holds no fit"},
		{second(offline.Settings{Folds: 1, Horizon: 2}.Validate(t.Context(), spec)), "folds 1: want 2 to 1000"},
		{second(offline.Settings{Folds: 2}.Validate(t.Context(), spec)), "horizon 0"},
		{second(offline.Settings{Folds: 30, Horizon: 2}.Validate(t.Context(), quick(t, 1, 40, false))), "39 transitions are too few for 30 folds"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v, want %q", c.err, c.want)
		}
	}
	bare := *spec
	bare.Logs = nil
	if _, err := offline.Learn(t.Context(), &bare); err == nil || !strings.Contains(err.Error(), "there is no log") {
		t.Errorf("without a log: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := offline.Learn(ctx, spec); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, offline.ModelFile), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Open(dir); err == nil || !strings.Contains(err.Error(), offline.ModelFile) {
		t.Errorf("a model that was changed: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// Fits a model on a log of a pendulum that is not there, and plans with it from hanging still: the actions swing it, and the speed stays below its limit whatever
// the model errs by.
func Example() {
	dir, err := os.MkdirTemp("", "offline")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	log, err := swings(dir, 4, 60, true) // six digits of θ, ω and the torque, in four episodes
	if err != nil {
		fmt.Println(err)
		return
	}
	spec, err := experiment.Named("pendulum", "log="+log, "explore=0", "episodes=0")
	if err != nil {
		fmt.Println(err)
		return
	}
	fit, err := offline.Learn(context.Background(), spec)
	if err != nil {
		fmt.Println(err)
		return
	}
	hanging, err := fit.System.StateOf(map[string]float64{"theta": math.Pi, "omega": 0})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := fit.Plan(context.Background(), hanging)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(plan.Actions), "actions; they keep the limit under all errors that were tried:", plan.Feasible && plan.Bound[0] < 0)
	fmt.Println("the first is proved, by:", plan.Cover == safex.CoverPlanned || plan.Cover == safex.CoverKernel)
	// Output:
	// 22 actions; they keep the limit under all errors that were tried: true
	// the first is proved, by: true
}
