package widgets

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/live"
	"github.com/rischiboy/safe_exploration/safex/nb"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Train is store.Train with a view below the cell while it goes on: step by step how far it is, what the system does, the plan of the moment with its
// bound, and the violations so far. It prints a line for each episode, and leaves the learning curve. The stop button saves, and fails the cell with
// how to go on; running the cell again goes on, and a complete run is only read.
func Train(folder string, s *experiment.Spec) *store.Saved {
	r, before, err := store.Begin(folder, s)
	nb.Check(err)
	w := NewWatch(r.System, r.Total())
	var episodes []fig.Learned
	tell := func(e safex.Episode) {
		episodes = append(episodes, fig.LearnedIn(r.System, e))
		fmt.Println(line(r.System, e, s.Filter != nil))
	}
	for _, e := range before {
		tell(e)
		w.Episode(e)
	}
	var page *live.Session
	if r.Done() < r.Total() {
		if page, err = live.Open(w.Widget(folder)); err != nil {
			nb.Check(err)
		}
	}
	for state, err := range r.Steps(nb.Context()) {
		if err == nil {
			w.Step(state, r.Done(), r.Total())
		}
		if err == nil && state.Over {
			tell(state.Episode)
		}
		if err != nil {
			if page != nil {
				page.Close()
			}
			err = store.Stopped(state.Episode, err)
			nb.Check(err)
		}
	}
	if page != nil {
		page.Leave(fig.LearningCurve(r.System.Name, episodes))
	} else {
		nb.Show(fig.LearningCurve(r.System.Name, episodes))
	}
	return nb.Must(store.Open(folder))
}

// line says of an episode what came of it.
func line(s *safex.System, e safex.Episode, filtered bool) string {
	text := fmt.Sprintf("episode %d: %d steps, return %.0f, steps beyond the limit %d", e.Number, len(e.Actions), e.Return(), e.Violations(s.Budgets()...))
	if !filtered || e.Phase != safex.PlannedPhase {
		return text
	}
	covers := map[safex.Cover]int{}
	for _, f := range e.Forecasts {
		covers[f.Cover]++
	}
	for _, c := range safex.Covers() {
		if n := covers[c]; n > 0 {
			text += fmt.Sprintf(", %s %d", c, n)
		}
	}
	return text
}

// A Watch is what a view of a run under way is made of. It copies nothing of a run unless a page has asked since the step before.
type Watch struct {
	system *safex.System
	began  time.Time

	lock    sync.Mutex
	asked   bool // since the last copy
	now     moment
	first   int // steps that were done when it began
	total   int
	over    []fig.Learned
	beyond  int // steps of complete episodes that broke a limit
	started bool
}

// A moment is a copy of a run between two steps.
type moment struct {
	done    int
	episode safex.Episode // its slices are its own
	plan    *safex.Plan   // of the last step, which nobody changes; nil without one
}

// NewWatch is a Watch of a run of so many steps.
func NewWatch(s *safex.System, total int) *Watch {
	return &Watch{system: s, began: time.Now(), total: total, asked: true}
}

// Episode is told of an episode that was complete before the run went on.
func (w *Watch) Episode(e safex.Episode) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.ended(e)
}

func (w *Watch) ended(e safex.Episode) {
	w.over = append(w.over, fig.LearnedIn(w.system, e))
	w.beyond += e.Violations(w.system.Budgets()...)
}

// Step is told of the State after every step, with the steps that are done and those of the whole run.
func (w *Watch) Step(s *train.State, done, total int) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if !w.started {
		w.started, w.first = true, done-1
	}
	w.total = total
	if s.Over {
		w.ended(s.Episode)
	}
	if !w.asked && !s.Over {
		return
	}
	w.asked = false
	e := s.Episode
	e.States, e.Actions, e.Excess, e.Rewards = slices.Clone(e.States), slices.Clone(e.Actions), slices.Clone(e.Excess), slices.Clone(e.Rewards)
	e.Real, e.Forecasts, e.Fits = nil, slices.Clone(e.Forecasts), nil
	w.now = moment{done, e, s.Previous}
}

// Widget shows the Watch of a run in a folder.
func (w *Watch) Widget(folder string) live.Widget {
	return live.Widget{Name: "Training in " + folder, View: w.view, Every: 200 * time.Millisecond}
}

func (w *Watch) view(context.Context, live.Values) (*live.View, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.asked = true
	s, e := w.system, w.now.episode
	v := &live.View{Axis: "time in the episode [s]"}
	for k := range s.Limits {
		v.Panels = append(v.Panels, w.panel(k))
	}
	if len(s.Action) > 0 {
		push := steps("done", s, e.Actions)
		v.Panels = append(v.Panels, torque(s, push, planned("planned", s, w.now)))
	}
	if n := len(e.Actions); n > 0 && n < len(e.States) {
		v.Sketch = live.SketchOf(s, e.States[n], e.Actions[n-1])
	} else if len(e.States) > 0 {
		v.Sketch = live.SketchOf(s, e.States[0], make([]float64, len(s.Action)))
	}
	beyond := w.beyond
	if ended := len(w.over) > 0 && w.over[len(w.over)-1].Number == e.Number; !ended {
		beyond += e.Violations(s.Budgets()...)
	}
	v.Alarm = beyond > 0
	v.Notes = []string{fmt.Sprintf("%d steps beyond a limit so far, in %d steps.", beyond, w.now.done), w.progress()}
	if n := len(w.over); n > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("The last complete episode, %d, had a return of %.0f.", w.over[n-1].Number, w.over[n-1].Return))
	}
	return v, nil
}

// panel is limit k: what was measured in the episode so far, and the plan of the moment with its bound.
func (w *Watch) panel(k int) fig.Panel {
	s, e := w.system, w.now.episode
	q := quantityOf(s, k)
	p := q.panel
	now := q.line("measured", e.Trajectory)
	p.Lines = []fig.Line{now}
	plan := w.now.plan
	if plan == nil || len(plan.Expected.States) == 0 || len(e.Actions) == 0 {
		return p
	}
	from := float64(len(e.Actions)-1) * s.Dt // the plan's own start
	shift := func(l fig.Line) fig.Line {
		for i := range l.X {
			l.X[i] += from
		}
		return l
	}
	mean := shift(q.line("plan of the moment", plan.Expected))
	mean.Dashed = true
	if k < len(plan.Bound) {
		bound := s.Limits[k].Max + plan.Bound[k]
		for range mean.X {
			lo := bound
			if len(p.Levels) == 2 {
				lo = -bound
			}
			mean.Lo, mean.Hi = append(mean.Lo, min(lo, bound)), append(mean.Hi, max(lo, bound))
		}
	}
	p.Lines = append(p.Lines, mean)
	return p
}

// planned are the actions of the plan of the moment.
func planned(name string, s *safex.System, m moment) fig.Line {
	l := fig.Line{Name: name, Dashed: true}
	if m.plan == nil || len(m.episode.Actions) == 0 {
		return l
	}
	l = steps(name, s, m.plan.Actions)
	l.Dashed = true
	for i := range l.X {
		l.X[i] += float64(len(m.episode.Actions)-1) * s.Dt
	}
	return l
}

// progress says how far the run is, and how long it will take by the pace so far.
func (w *Watch) progress() string {
	e := w.now.episode
	text := fmt.Sprintf("Episode %d, step %d; %d of %d steps of the run", e.Number, len(e.Actions), w.now.done, w.total)
	took := time.Since(w.began)
	if made := w.now.done - w.first; made > 0 && w.now.done < w.total && took > time.Second {
		left := time.Duration(float64(took) / float64(made) * float64(w.total-w.now.done))
		text += fmt.Sprintf(", about %v left", left.Round(time.Second))
	}
	return text + "."
}
