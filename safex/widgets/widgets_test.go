package widgets_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/live"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/widgets"
)

// trained is a short run of the pendulum with a filter.
func trained(t testing.TB) *store.Saved {
	t.Helper()
	s := experiment.Default(tasks.DefaultPendulum())
	if err := s.SetAll("Steps=25", "episodes=1", "explore=60"); err != nil {
		t.Fatal(err)
	}
	return run(t, s)
}

func run(t testing.TB, s *experiment.Spec) *store.Saved {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(context.Background(), dir, s) {
		if err != nil {
			t.Fatal(err)
		}
	}
	r, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// see is the view of a widget with some of its controls moved.
func see(t testing.TB, w live.Widget, err error, moved live.Values) *live.View {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	at := live.Values{}
	for _, c := range w.Controls {
		at[c.Name] = c.Start
		if v, ok := moved[c.Name]; ok {
			at[c.Name] = v
		}
	}
	v, err := w.View(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.PNG(); err != nil {
		t.Fatal(err)
	}
	return v
}

// From hanging still a step is proved, and the tube has in it the plan and the worst error. Beyond the limit nothing is.
func TestStart(t *testing.T) {
	r := trained(t)
	w, err := widgets.Start(r)
	v := see(t, w, err, nil)
	if v.Alarm || !strings.HasPrefix(v.Notes[0], "Proved") {
		t.Errorf("hanging still: %q", v.Notes)
	}
	worst, mean := v.Panels[0].Lines[0], v.Panels[0].Lines[1]
	for i := range worst.X {
		for _, y := range []float64{worst.Y[i], mean.Y[i]} {
			if !(y >= worst.Lo[i]-1e-5 && y <= worst.Hi[i]+1e-5) {
				t.Errorf("at %.2f s it is at %v, and the tube from %v to %v", worst.X[i], y, worst.Lo[i], worst.Hi[i])
			}
		}
	}
	if again := see(t, w, nil, nil); !slices.Equal(again.Panels[0].Lines[0].Y, worst.Y) {
		t.Error("the same start gives another plan")
	}
	fast := see(t, w, nil, live.Values{"speed": {7}})
	if !fast.Alarm || !strings.HasPrefix(fast.Notes[0], "Nothing is proved") {
		t.Errorf("at 7 rad/s: %q", fast.Notes)
	}
	up := see(t, w, nil, live.Values{"angle": {0}})
	if up.Panels[0].Lines[1].Y[3] == mean.Y[3] {
		t.Error("from upright it plans as from hanging")
	}
	for _, angle := range []float64{-math.Pi, -1, 0, 2, math.Pi} { // the handle is where the bob is
		path := w.Handles[0].Path
		at := path[int(math.Round((angle+math.Pi)/(2*math.Pi)*float64(len(path)-1)))]
		if math.Abs(math.Atan2(-at[0], at[1])-angle) > 0.05 && math.Abs(angle) < math.Pi {
			t.Errorf("at the angle %v the handle is at %v", angle, at)
		}
	}
}

// What a widget cannot be made of is said in a sentence.
func TestRefused(t *testing.T) {
	r := run(t, quick.Spec(t))
	if _, err := widgets.Start(r); err == nil || !strings.Contains(err.Error(), "has no filter") {
		t.Errorf("error %v", err)
	}
	if _, err := widgets.Episode(r, 9); err == nil || !strings.Contains(err.Error(), "there is no episode 9") {
		t.Errorf("error %v", err)
	}
	car := *r
	system, err := tasks.DefaultCarPark().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	car.System = system
	if _, err := widgets.Start(&car); err == nil || !strings.Contains(err.Error(), "is no pendulum") {
		t.Errorf("error %v", err)
	}
}

// rising is a model of 200 transitions, and a rod on its way up.
var rising = sync.OnceValue(func() (r struct {
	model safex.Model
	query safex.Query
	err   error
}) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		r.err = err
		return r
	}
	e, err := s.Simulate(s.ColouredPolicy(0.9, 0.8, rng.New(1).Child("noise")), rng.New(1))
	if err != nil {
		r.err = err
		return r
	}
	data := &safex.Data{}
	data.AppendEpisode(e.Trajectory)
	learner := ensemble.Default()
	if r.model, r.err = learner.Learn(context.Background(), s, data, nil, rng.New(1)); r.err != nil {
		return r
	}
	r.query = safex.Query{System: s, State: []float64{math.Cos(-2.2), math.Sin(-2.2), 4.5}, Episode: 1}
	r.query.Rollout, r.err = rollout.NewAuto().Rollout(s, r.model)
	return r
})

// Without pessimism the plan breaks that pessimism keeps; with β = 0 there is no error; a higher limit leaves more room.
func TestPessimism(t *testing.T) {
	r := rising()
	if r.err != nil {
		t.Fatal(r.err)
	}
	w := widgets.Pessimism(tasks.DefaultPendulum(), rollout.NewAuto(), r.model, r.query.State)
	trusting, careful := see(t, w, nil, live.Values{"adversary": {0}}), see(t, w, nil, live.Values{"adversary": {3}})
	if !trusting.Alarm || careful.Alarm {
		t.Errorf("trusting: %q; careful: %q", trusting.Notes, careful.Notes)
	}
	blind := see(t, w, nil, live.Values{"beta": {0}})
	if worst, mean := blind.Panels[0].Lines[0], blind.Panels[0].Lines[1]; !slices.Equal(worst.Y, mean.Y) {
		t.Error("with β = 0 an error does something")
	}
	if v := see(t, w, nil, live.Values{"horizon": {7}}); len(v.Panels[0].Lines[0].X) != 8 {
		t.Errorf("seven steps have %d points", len(v.Panels[0].Lines[0].X))
	}
	if v := see(t, w, nil, live.Values{"limit": {4.2}}); v.Panels[0].Levels[1] != 4.2 {
		t.Errorf("the limit is drawn at %v", v.Panels[0].Levels)
	}
}

// Errors that are dragged to the side on which the worst is found break a plan that trusts the mean; none leave it as it is.
func TestEta(t *testing.T) {
	r := rising()
	if r.err != nil {
		t.Fatal(r.err)
	}
	p, err := plan.DefaultSafe().Tuned(r.query.System.Tuning).Plan(context.Background(), r.query, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	w, err := widgets.Eta(rollout.NewAuto(), r.model, r.query, p.Actions, 2)
	v := see(t, w, err, nil)
	own, plain, worst := v.Panels[0].Lines[0], v.Panels[0].Lines[1], v.Panels[0].Lines[2]
	if v.Alarm || !slices.Equal(own.Y, plain.Y) || slices.Equal(own.Y, worst.Y) {
		t.Errorf("without an error: %q", v.Notes)
	}
	broke := false
	for signs := range 8 {
		all := live.Values{}
		for d, name := range []string{"eta cos", "eta sin", "eta omega"} {
			all[name] = slices.Repeat([]float64{float64(1 - 2*(signs>>d&1))}, len(p.Actions))
		}
		broke = broke || see(t, w, nil, all).Alarm
	}
	if !broke {
		t.Error("errors to one side break nothing")
	}
	one := live.Values{"eta omega": make([]float64, len(p.Actions))}
	one["eta omega"][3] = 1
	if y := see(t, w, nil, one).Panels[0].Lines[0].Y; !slices.Equal(y[:4], plain.Y[:4]) || y[4] == plain.Y[4] {
		t.Error("an error in step 3 does not begin in step 3")
	}
}

// Each step of an episode is told as it was.
func TestEpisode(t *testing.T) {
	r := trained(t)
	w, err := widgets.Episode(r, 1)
	e := r.Episodes[1]
	for _, step := range []int{0, 11, len(e.Actions) - 2} {
		v := see(t, w, err, live.Values{"step": {float64(step)}})
		if got := v.Panels[0].Lines[0].Y[step]; got != e.States[step+1][2] {
			t.Errorf("step %d was at %v, not %v", step, e.States[step+1][2], got)
		}
		if *v.Cursor != float64(step+1)*r.System.Dt || v.Alarm || len(v.Notes) != 3 {
			t.Errorf("step %d: cursor %v, %q", step, *v.Cursor, v.Notes)
		}
	}
	if _, err := widgets.Episode(r, 0); err != nil { // the random phase, of which nothing is forecast
		t.Error(err)
	}
}

// A run that is watched is the same as one that is not, to the bit, and its view says how far it is.
func TestTrain(t *testing.T) {
	spec := func() *experiment.Spec { return quick.Spec(t) }
	plain := run(t, spec())
	dir := filepath.Join(t.TempDir(), "run")
	r := widgets.Train(dir, spec())
	if !r.Complete() || len(r.Episodes) != len(plain.Episodes) {
		t.Fatalf("%d episodes, want %d", len(r.Episodes), len(plain.Episodes))
	}
	for k, e := range r.Episodes {
		for i, x := range e.States {
			if !slices.Equal(x, plain.Episodes[k].States[i]) {
				t.Fatalf("step %d of episode %d is %v, want %v", i, k, x, plain.Episodes[k].States[i])
			}
		}
	}
	if again := widgets.Train(dir, spec()); again.Steps() != r.Steps() {
		t.Errorf("read again it has %d steps", again.Steps())
	}
}

// A watch shows what was, what is planned, and how far it is; before the first step it has no data, and says nothing else.
func TestWatch(t *testing.T) {
	spec := quick.Spec(t)
	r, before, err := store.Begin(filepath.Join(t.TempDir(), "run"), spec)
	if err != nil || len(before) > 0 {
		t.Fatal(err)
	}
	watch := widgets.NewWatch(r.System, r.Total())
	w := watch.Widget("a run")
	if v := see(t, w, nil, nil); len(v.Panels[0].Lines[0].X) > 0 || v.Alarm {
		t.Errorf("before the first step: %+v", v.Panels[0])
	}
	for s, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		watch.Step(s, r.Done(), r.Total())
		v := see(t, w, nil, nil)
		switch at := len(s.Episode.Actions); {
		case s.Episode.Number == 1 && at == 3:
			measured, plan := v.Panels[0].Lines[0], v.Panels[0].Lines[1]
			if len(measured.X) > at+1 || plan.X[0] > measured.X[len(measured.X)-1] || len(plan.Hi) != len(plan.X) {
				t.Errorf("after %d steps %d are measured, and the plan begins at %v", at, len(measured.X), plan.X[0])
			}
		case r.Done() == r.Total() && !strings.Contains(strings.Join(v.Notes, " "), "26 of 26 steps"):
			t.Errorf("at the end it says %q", v.Notes)
		}
	}
}

func BenchmarkViews(b *testing.B) {
	saved := trained(b)
	r := rising()
	if r.err != nil {
		b.Fatal(r.err)
	}
	p, err := plan.DefaultSafe().Tuned(r.query.System.Tuning).Plan(context.Background(), r.query, rng.New(1))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		make func() (live.Widget, error)
	}{
		{"start", func() (live.Widget, error) { return widgets.Start(saved) }},
		{"pessimism", func() (live.Widget, error) {
			return widgets.Pessimism(tasks.DefaultPendulum(), rollout.NewAuto(), r.model, r.query.State), nil
		}},
		{"eta", func() (live.Widget, error) { return widgets.Eta(rollout.NewAuto(), r.model, r.query, p.Actions, 2) }},
		{"episode", func() (live.Widget, error) { return widgets.Episode(saved, 1) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			w, err := c.make()
			if err != nil {
				b.Fatal(err)
			}
			at := live.Values{}
			for _, c := range w.Controls {
				at[c.Name] = c.Start
			}
			for b.Loop() {
				if _, err := w.View(context.Background(), at); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/view")
		})
	}
}

// BenchmarkWatch tells what a page that asks five times a second takes from a run, as a share of the time that its steps take: less than 2 %.
func BenchmarkWatch(b *testing.B) {
	s := experiment.Default(tasks.DefaultPendulum())
	s.Episodes = 1
	r, _, err := store.Begin(filepath.Join(b.TempDir(), "run"), s)
	if err != nil {
		b.Fatal(err)
	}
	watch := widgets.NewWatch(r.System, r.Total())
	w := watch.Widget("a run")
	steps, began := 0, time.Now()
	for state, err := range r.Steps(context.Background()) {
		if err != nil {
			b.Fatal(err)
		}
		if state.Episode.Number == 0 {
			began = time.Now()
			continue
		}
		if steps++; len(state.Episode.Actions) < 150 {
			continue
		}
		step := time.Since(began) / time.Duration(steps) // planned, without a page
		var looked, told time.Duration
		for b.Loop() {
			at := time.Now()
			v, err := w.View(context.Background(), nil)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := live.Written(v); err != nil {
				b.Fatal(err)
			}
			looked += time.Since(at)
			at = time.Now()
			watch.Step(state, r.Done(), r.Total()) // with a copy, as a page has asked
			told += time.Since(at)
		}
		n := float64(b.N)
		b.ReportMetric(looked.Seconds()*1e3/n, "ms/view")
		b.ReportMetric(told.Seconds()*1e6/n, "µs/step")
		b.ReportMetric(step.Seconds()*1e3, "ms/step-of-the-run")
		b.ReportMetric(100*(5*looked.Seconds()/n+told.Seconds()/n/step.Seconds()), "%-of-the-run")
		return
	}
}
