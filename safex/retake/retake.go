// Package retake takes a run from its beginning again, to the same bits, for what asks about its plans: a folder keeps what was done, and not
// what was planned.
package retake

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A Run is a run in a folder that can be taken again.
type Run struct {
	*store.Saved
	Learner safex.Codec // of the run
	Chosen  []int       // numbers of the episodes whose plans are made again, in order

	agent train.Agent
}

// Open reads the run in the folder dir. It has to be of this build, to have no deadline, no fits in the background and at least one planned episode. No episode is chosen yet.
func Open(dir string, own ...safex.Maker) (*Run, error) {
	saved, err := store.Open(dir, own...)
	if err != nil {
		return nil, err
	}
	r, s := &Run{Saved: saved}, saved.Spec
	switch {
	case s.Build != experiment.Build():
		return nil, fmt.Errorf("%s was made by safex %s, and this is %s: its plans can be made again by that build alone", dir, s.Build, experiment.Build())
	case s.Deadline > 0:
		return nil, fmt.Errorf("%s was planned with a deadline of %v, and what a plan came to by then depended on what else the machine did: its plans cannot be made again", dir, s.Deadline)
	case s.Realtime:
		return nil, fmt.Errorf("%s was run in real time, and what a plan came to by then depended on what else the machine did: its plans cannot be made again", dir)
	case s.Background:
		return nil, fmt.Errorf("%s was learned in the background, and which model made a plan depended on what else the machine did: its plans cannot be made again", dir)
	case r.first() < 0:
		return nil, fmt.Errorf("%s has no planned episode yet: there is no plan to look at", dir)
	}
	r.agent, r.Learner, err = s.Agent(saved.System)
	return r, err
}

// last is the number of the last planned episode, complete or not.
func (r *Run) last() int { return len(r.Episodes) - 1 }

// first is the number of the first planned episode.
func (r *Run) first() int {
	return slices.IndexFunc(r.Episodes, func(e safex.Episode) bool { return e.Phase == safex.PlannedPhase })
}

// Choose chooses episodes whose plans are made again. Without any it is the last that is over or, if none is, the one under way.
func (r *Run) Choose(episodes ...int) error {
	if len(episodes) == 0 {
		last := r.last()
		if last > r.first() && r.Episodes[last].Underway(r.System) {
			last--
		}
		episodes = []int{last}
	}
	for _, e := range episodes {
		if e < r.first() || e > r.last() {
			return fmt.Errorf("episode %d is none of the planned ones of %s, which are %d to %d", e, r.Dir, r.first(), r.last())
		}
	}
	r.Chosen = slices.Compact(slices.Sorted(slices.Values(episodes)))
	return nil
}

// ChooseAll chooses every planned episode.
func (r *Run) ChooseAll() {
	r.Chosen = nil
	for e := r.first(); e <= r.last(); e++ {
		r.Chosen = append(r.Chosen, e)
	}
}

// Plans is how many plans are made again: those of the chosen episodes.
func (r *Run) Plans() (n int) {
	for _, e := range r.Chosen {
		n += len(r.Episodes[e].Actions)
	}
	return n
}

// Count is how many steps are taken again: all up to the end of the last chosen episode.
func (r *Run) Count() (n int) {
	for _, e := range r.Episodes[:r.Chosen[len(r.Chosen)-1]+1] {
		n += len(e.Actions)
	}
	return n
}

// A Step is a step of the real system that was taken again.
type Step struct {
	Episode, At int          // the number of the episode, and that of the step in it, from 0
	State       *train.State // after the step; it changes with the next

	// Of a step whose plan was made again; nil of others.
	Query    *safex.Query // what was asked
	Planned  *safex.Plan  // by the planner
	Executed *safex.Plan  // Planned, or what the run's filter made of it
	Guard    safex.Guard  // that made Executed of it; nil without a filter
	Robust   int          // steps in which the planner lets the model err; 0 is all
}

// Beta is how many epistemic deviations a model error reaches in the box of the plan: as many as are given or, if that is 0, what the plan
// defended, what the model asked for, or reliability.AssumedBeta.
func (s Step) Beta(given float64) float64 {
	for _, β := range []float64{given, s.Executed.Beta, s.Query.Beta} {
		if β != 0 {
			return β
		}
	}
	return reliability.AssumedBeta
}

// Target is the executed plan for an adversary, who may err by beta deviations in the steps that the planner defends.
func (s Step) Target(beta float64) plan.Target {
	flat := slices.Concat(s.Executed.Actions...)
	t := plan.Target{Query: *s.Query, Plans: num.NewBatch(len(flat), 1), Beta: beta, Robust: s.Robust}
	t.Plans.SetPoint(0, flat)
	return t
}

// Real takes the real system through the executed plan of a step, from where the step began and with nothing planned anew on the way, under the
// disturbances of the run. After the first step it is where the run was. The error says that the task leaves the real numbers, or that the real system
// is a plant, which nobody can ask again.
func (r *Run) Real(s Step) (safex.Trajectory, error) {
	last := len(s.Executed.Actions) - 1
	return r.Under(s, func(t int, _ []float64) []float64 {
		if t > last {
			return nil
		}
		return s.Executed.Actions[min(t+len(s.Query.Pending), last)] // what is sent after the plan's last takes effect after it
	})
}

// Under is Real with other actions than those of the plan: action gives what is sent in step t in the state that the agent sees, and ends it by nil.
func (r *Run) Under(s Step, action func(t int, x []float64) []float64) (safex.Trajectory, error) {
	if err := r.System.Unknown("what a whole plan would have come to"); err != nil {
		return safex.Trajectory{}, err
	}
	e, at := s.State.Episode, s.At
	t := safex.Trajectory{
		States: slices.Clone(e.States[:at+1]), Actions: slices.Clone(e.Actions[:at]), Rewards: slices.Clone(e.Rewards[:at]), Excess: slices.Clone(e.Excess[:at]),
	}
	if e.Real != nil {
		t.Real = slices.Clone(e.Real[:at+1])
	}
	src := rng.New(r.Spec.Seed).Child("real").At(s.Episode) // as of train.Agent
	t.Pending = slices.Clone(s.Query.Pending)
	for i := 0; ; i++ {
		u := action(i, t.States[at+i])
		if u == nil {
			break
		}
		if err := r.System.Advance(&t, u, src); err != nil {
			return safex.Trajectory{}, fmt.Errorf("episode %d, step %d, after %d steps of its plan: %w", s.Episode, at, i, err)
		}
	}
	t.States, t.Actions, t.Rewards, t.Excess = t.States[at:], t.Actions[at:], t.Rewards[at:], t.Excess[at:]
	if t.Real != nil {
		t.Real = t.Real[at:]
	}
	return t, nil
}

// Steps takes the run again from its beginning to the end of the last chosen episode, and yields every step. A cancelled ctx ends it between
// two steps. It fails if the run takes another way than the one in its files. A plant is not asked again: it answers as it did.
func (r *Run) Steps(ctx context.Context) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		w := &walk{Planner: r.Spec.Planner, Run: r, state: &train.State{}}
		agent := r.agent
		agent.Planner = w
		if r.System.Outside() {
			recorded := *r.System
			recorded.Plant = plant.Recorded{Episodes: r.Episodes}
			agent.System = &recorded
		}
		if agent.Filter != nil {
			agent.Filter = sieve{agent.Filter, w}
		}
		robust := 0
		if p, ok := experiment.Held(r.Spec.Planner).(*plan.Pessimistic); ok {
			robust = p.Robust
		}
		last := r.Chosen[len(r.Chosen)-1]
		for s, err := range agent.Steps(ctx, w.state, last-r.first()+1) {
			if err != nil {
				yield(Step{}, err)
				return
			}
			if len(s.Episode.Actions) == 0 {
				continue // a random phase of no steps
			}
			at := Step{Episode: s.Episode.Number, At: len(s.Episode.Actions) - 1, State: s}
			if slices.Contains(r.Chosen, at.Episode) {
				query := w.query
				at.Query, at.Planned, at.Executed, at.Guard, at.Robust = &query, w.planned, w.executed, w.guard, robust
				if robust > 0 {
					at.Robust += len(query.Pending)
				}
			}
			if !yield(at, nil) {
				return
			}
			if at.Episode == last && at.At+1 == len(r.Episodes[last].Actions) {
				return // of an episode under way
			}
		}
	}
}

// walk is a planner that takes the steps of a run again: it plans in the chosen episodes, and otherwise does as was done.
type walk struct {
	safex.Planner
	*Run
	state *train.State // of the run that is taken again

	query             safex.Query // the last
	planned, executed *safex.Plan // of query
	guard             safex.Guard // of query; nil without a filter
	episode, step     int         // of query
}

// Plan implements safex.Planner.
func (w *walk) Plan(ctx context.Context, q safex.Query, src rng.Stream) (p *safex.Plan, err error) {
	w.step++
	if number := w.state.Episode.Number; number != w.episode {
		w.episode, w.step = number, 0
	}
	if w.chosen() {
		if p, err = w.Planner.Plan(ctx, q, src); err != nil {
			return nil, err
		}
	} else {
		p = &safex.Plan{Actions: w.sent(q.Pending), Expected: safex.Trajectory{States: [][]float64{q.State, q.State}}}
	}
	if p, err = q.Hold(p); err != nil {
		return nil, err
	}
	w.query, w.planned = q, p
	if w.Spec.Filter != nil {
		return p, nil // which may not be what is executed
	}
	return w.execute(p)
}

// chosen tells whether plans of the episode are made again.
func (w *walk) chosen() bool { return slices.Contains(w.Chosen, w.episode) }

// did is the action that was executed.
func (w *walk) did() []float64 { return w.Episodes[w.episode].Actions[w.step] }

// sent is did, with what is pending, and what was sent in the step.
func (w *walk) sent(pending [][]float64) [][]float64 {
	if len(pending) == 0 {
		return [][]float64{w.did()}
	}
	return append(slices.Clone(pending), w.Episodes[w.episode].Sent(w.step))
}

// execute refuses another step than the one that was recorded.
func (w *walk) execute(p *safex.Plan) (*safex.Plan, error) {
	if !slices.Equal(w.query.State, w.Episodes[w.episode].States[w.step]) || !slices.Equal(p.Actions[0], w.did()) {
		return nil, fmt.Errorf("the run takes another way than the one in its files: it was made on another kind of processor, or its files were changed")
	}
	w.executed = p
	return p, nil
}

// sieve is the filter of a run that is taken again: it judges the plans that walk makes, and lets pass what was done.
type sieve struct {
	safex.Filter
	walk *walk
}

// Guard implements safex.Filter.
func (f sieve) Guard(s *safex.System, m safex.Model) (safex.Guard, error) {
	g, err := f.Filter.Guard(s, m)
	return guard{g, f.walk}, err
}

// guard is a sieve that knows a model.
type guard struct {
	safex.Guard
	walk *walk
}

// Deviations implements safex.Boxed.
func (g guard) Deviations(asked, planned float64) float64 {
	return safex.DeviationsOf(g.Guard, asked, planned)
}

// Keep implements safex.Guard. A step before the first plan is nobody's plan: it is done as it was.
func (g guard) Keep(ctx context.Context, q safex.Query, p *safex.Plan) (*safex.Plan, error) {
	if number := g.walk.state.Episode.Number; g.walk.Episodes[number].Phase == safex.RandomPhase {
		done := *p
		g.walk.query, g.walk.episode, g.walk.step = q, number, len(q.Past.Actions)
		done.Actions = g.walk.sent(q.Pending)
		return g.walk.execute(&done)
	}
	if g.walk.chosen() {
		g.walk.guard = g.Guard
		kept, err := g.Guard.Keep(ctx, q, p)
		if err != nil {
			return nil, err
		}
		p = kept
	}
	return g.walk.execute(p)
}
