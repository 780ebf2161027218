// Package train runs the loop of safe exploration: explore, learn, plan, act. It knows no
// planner, no learner and no file.
package train

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// An Agent learns a System by acting in it. It is a plain struct of settings; a run's state
// is a State.
type Agent struct {
	System      *safex.System
	Learner     safex.Learner
	Engine      safex.Engine
	Planner     safex.Planner
	RandomSteps int // random steps before the first plan: at least 1, or 0 where there are Logged transitions
	// LearnEvery is the number of steps from one fit to the next within an episode; 0 fits at
	// the start of each episode alone.
	LearnEvery int
	Seed       uint64
	// RepeatNoise lets the Planner draw the same random numbers in every episode, by the number of the step alone, as the published
	// agents did.
	RepeatNoise bool
	// Deadline is the time that a plan has, by the clock; 0 is as long as it takes. A Planner that is not done by then hands over its
	// best so far, attacked as far as the time allowed, and answers a fraction of a millisecond later, at most a rollout. If it has none
	// yet, the rest of the plan before is executed, its last action repeated, and at the start of an episode there is an error. What
	// a plan is then depends on the machine and on what else it does: the same seed gives other steps each time.
	Deadline time.Duration
	// Background fits while the agent goes on: a fit that is due learns from the transitions so far beside the steps that follow, which are
	// planned with the model before it, and its own model plans from the first step on that begins after it is ready. An episode begins, and a run ends, with the
	// fit under way taken in. Only the first fit is waited for. Steps then depend on the machine, as with a Deadline: the same seed gives other steps each
	// time. Learner, Engine and Filter are used by two goroutines at once.
	Background bool
	// Realtime keeps the period: an action is done a Dt of the System after the one before, by the clock. A plan has until then, or until the Deadline if that is
	// sooner, as with a Deadline; one that is not ready is done late, and counts as missed. Fits are made in the Background. The first action of an
	// episode is done when it is ready. A Plant answers a step when it has measured what came of it: well before the period is over, as what is left of it is
	// for the next plan.
	Realtime bool
	// Filter decides what is executed in place of a plan; nil executes every plan as it is.
	Filter safex.Filter
	// First acts before the first plan, by the number of the step and the state alone, so that a run goes on with the same bits; nil draws
	// random actions.
	First safex.Policy
	// Prior is what is believed before anything is learned, by which the Filter judges the steps before the first plan; nil leaves them as they
	// come. Where First does in its set what the System's Backup does, that is covered without a belief.
	Prior safex.Model
	// Logged are transitions that were recorded elsewhere before the run begins; nil if there are none. The Learner has them from its first fit on, before all
	// others. They are no steps of the run, and what they did counts to none of its numbers.
	Logged *safex.Data
}

// A State is a run between two steps: all that the next step depends on, besides the Agent.
type State struct {
	Episode      safex.Episode // the one under way; its last state is where the system is
	Over         bool          // the episode is complete, and the next step starts another
	Data         *safex.Data   // every transition so far
	Model        safex.Model   // of the last fit; nil while exploring
	Base         safex.Model   // the fit itself, of which Model may be an update: what a Filter judges by; nil without one
	Previous     *safex.Plan   // of the last step; nil at the start of an episode
	Guarded      bool          // a Filter judges by Base
	Fits         int           // calls of the Learner so far
	Fitted       int           // transitions that Model was fitted to
	Updated      int           // transitions that Model has taken in, by a fit or an update
	Learning     int           // transitions that the fit in the background learns from; 0 without one. One that was cut short is due at once
	Explorations int           // episodes that began before the first plan: one, unless a Plant ended it early
	Reach        []float64     // largest epistemic deviation of each dimension over the transitions that the last fit learned from
	rollout      safex.Rollout // of Model, or of the Agent's Prior while exploring; made when first needed
	guard        safex.Guard   // of Base, or of the Prior, by the Filter; made when first needed
	members      int           // of Model
	member       func(i int) (safex.Rollout, error)
	violations   []int // of Query, of the episodes before number countedFor; counted when first needed
	countedFor   int
	fitting      *fitting    // in the background; nil without one
	ahead        *fitted     // what the next fit comes to, where an Evaluation needed it; else nil
	aheadOf      int         // Fits before it
	planned      float64     // deviations that the last plan was made for
	clock        clock       // of the episode
	plant        safex.Plant // opened by Steps, and closed when it returns; nil otherwise
}

// Episodes runs the random phase and n episodes, one for each turn of the caller's loop: the first
// that it yields is number 0, the random phase, which has no steps where RandomSteps is 0, and takes more than one episode if a Plant ends one early. It stops after an error, with the episode so
// far, and when the caller breaks out. A cancelled ctx ends it between two steps.
func (a Agent) Episodes(ctx context.Context, n int) iter.Seq2[safex.Episode, error] {
	return func(yield func(safex.Episode, error) bool) {
		for s, err := range a.Steps(ctx, &State{}, n) {
			if (err != nil || s.Over) && !yield(s.Episode, err) {
				return
			}
		}
	}
}

// Steps goes on from a State until episode n is over, and yields the State after every step of the
// real system, and after a random phase of no steps. It changes the State in place: what the caller keeps of it must be copied before the
// next turn. An error comes with the State before the step that failed, from which a
// later call goes on with the same bits as if nothing had happened, but for what a Deadline changes, and a fit in the Background, which is
// begun again. When Steps returns, no fit goes on.
func (a Agent) Steps(ctx context.Context, s *State, n int) iter.Seq2[*State, error] {
	return func(yield func(*State, error) bool) {
		defer s.release()
		defer s.drop()
		for !a.done(s, n) {
			err := a.step(ctx, s)
			if err == nil && a.done(s, n) {
				err = s.settle(ctx)
			}
			if err != nil {
				yield(s, err)
				return
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

// step takes one step of the real system.
func (a Agent) step(ctx context.Context, s *State) error {
	if err := a.check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	src := rng.New(a.Seed)
	over := s.Over
	if err := a.open(context.WithoutCancel(ctx), s, src); err != nil {
		return err
	}
	if s.Over && !over { // the episode under way ended with the run that was stopped
		return nil
	}
	if s.Data == nil {
		if a.RandomSteps == 0 { // the system is not started for it
			s.Episode, s.Over = safex.Episode{Phase: safex.RandomPhase}, true
			s.Data, s.Explorations = a.logged(), 1
			return nil
		}
		if err := a.begin(ctx, s, 0, safex.RandomPhase, src); err != nil {
			return err
		}
		s.Data, s.Explorations = a.logged(), 1
		s.Data.Begin()
	}
	if s.Over {
		phase := safex.PlannedPhase
		if a.exploring(s) {
			phase = safex.RandomPhase
		}
		if err := a.begin(ctx, s, s.Episode.Number+1, phase, src); err != nil {
			return err
		}
		if phase == safex.RandomPhase {
			s.Explorations++
		}
		s.Data.Begin()
	}
	if s.Episode.Phase == safex.RandomPhase {
		return a.first(ctx, s, src)
	}
	if err := a.learn(ctx, s, src); err != nil {
		return err
	}
	return a.planned(ctx, s, src)
}

// planned takes a step by a plan.
func (a Agent) planned(ctx context.Context, s *State, src rng.Stream) error {
	began := time.Now()
	at := len(s.Episode.Actions)
	query, err := a.query(s, s.Model)
	if err != nil {
		return fmt.Errorf("train: episode %d, step %d: %w", s.Episode.Number, at, err)
	}
	draws := src.Child("plan")
	if !a.RepeatNoise {
		draws = draws.At(s.Episode.Number)
	}
	has := a.within(s, began)
	plan, cut, err := a.plan(context.WithoutCancel(ctx), query, began, has, draws.At(at))
	searched := time.Now()
	if err == nil && a.Filter != nil {
		if plan, err = s.guard.Keep(context.WithoutCancel(ctx), query, plan); err == nil {
			plan, err = query.Hold(plan)
		}
	}
	if err != nil {
		return fmt.Errorf("train: episode %d, step %d: %w", s.Episode.Number, at, err)
	}
	forecast, err := a.forecast(s, s.Model, query, plan, began)
	if err != nil {
		return err
	}
	s.clock.searched(searched)
	late, missed := a.wait(s)
	forecast.Cut, forecast.Late = cut, forecast.Late || cut
	forecast.Jitter, forecast.Missed = late.Seconds()*1e3, missed
	if err := a.act(ctx, s, query.Command(plan), a.System.Steps, src); err != nil {
		return err
	}
	s.Previous, s.Episode.Forecasts, s.planned = plan, append(s.Episode.Forecasts, forecast), plan.Beta
	return nil
}

func (a Agent) check() error {
	switch {
	case a.System == nil || a.Learner == nil || a.Engine == nil || a.Planner == nil:
		return fmt.Errorf("train: System, Learner, Engine and Planner are required; rollout.NewAuto() is an Engine for every model")
	case a.RandomSteps < a.least() || a.LearnEvery < 0:
		return fmt.Errorf("train: RandomSteps is %d and LearnEvery %d, want at least %d and 0: without random steps there must be Logged transitions", a.RandomSteps, a.LearnEvery, a.least())
	case a.Logged != nil && a.Logged.Len() > 0 && (len(a.Logged.X) != len(a.System.State) || len(a.Logged.U) != len(a.System.Action)):
		return fmt.Errorf("train: the Logged transitions have %d and %d dimensions, and the state and the action of task %q %d and %d", len(a.Logged.X), len(a.Logged.U), a.System.Name, len(a.System.State), len(a.System.Action))
	case a.Deadline < 0:
		return fmt.Errorf("train: Deadline is %v, want a time that a plan has, or 0 for as long as it takes", a.Deadline)
	case a.Prior != nil && a.System.Delay() > 0:
		return fmt.Errorf("train: there is a Prior, and actions take effect %d steps late: a step before the first plan is judged by what it does at once; leave the Prior out", a.System.Delay())
	case a.Prior != nil && a.Filter == nil:
		return fmt.Errorf("train: there is a Prior, and no Filter that judges by it: set one, or leave the Prior out")
	}
	return nil
}

// begin starts an episode.
func (a Agent) begin(ctx context.Context, s *State, number int, phase safex.Phase, src rng.Stream) error {
	stream := src.Child("real").At(number)
	var t safex.Trajectory
	var err error
	if s.plant != nil {
		t, err = a.System.BeginPlant(context.WithoutCancel(ctx), s.plant, stream)
	} else {
		var x []float64
		if x, err = a.System.DrawStart(src.Child("start").At(number)); err == nil {
			t = a.System.Begin(x, stream)
		}
	}
	if err != nil {
		return fmt.Errorf("train: episode %d: %w", number, err)
	}
	s.Episode = safex.Episode{Number: number, Phase: phase, Trajectory: t}
	s.Over, s.Previous, s.clock.next = false, nil, time.Time{}
	return nil
}

// query is the question for the next step, under a belief whose rollout is that of s.
func (a Agent) query(s *State, m safex.Model) (safex.Query, error) {
	at := len(s.Episode.Actions)
	a.count(s)
	q := safex.Query{
		System: a.System, Rollout: s.rollout, State: s.Episode.States[at], Episode: s.Episode.Number - s.earlier(), Previous: s.Previous,
		Past: s.Episode.Trajectory, Left: s.Episode.Left(a.System.Budgets()), Beta: safex.BetaOf(m), Filtered: a.Filter != nil,
		Pending: s.Episode.Pending, Members: s.members, Member: s.member, Violations: s.violations,
	}
	if at > 0 {
		q.LastAction = s.Episode.Actions[at-1]
	}
	return q, q.Expect(m)
}

// count counts the violations of the planned episodes before the one under way, once for each.
func (a Agent) count(s *State) {
	if s.countedFor == s.Episode.Number {
		return
	}
	s.violations, s.countedFor = nil, s.Episode.Number
	planned, now := a.RandomSteps, s.Data.Len()-len(s.Episode.Actions)
	if a.Logged != nil {
		planned += a.Logged.Len()
	}
	for _, e := range s.Data.Episodes() {
		if e[0] < planned || e[0] >= now {
			continue
		}
		broken, last := 0, make([]float64, len(a.System.Action))
		for i := e[0]; i < e[1]; i++ {
			u := s.Data.U.Point(i)
			if _, excess := a.System.Score(s.Data.X.Point(i), u, s.Data.Next.Point(i), last); slices.ContainsFunc(excess, func(v float64) bool { return v > 0 }) {
				broken++
			}
			last = u
		}
		s.violations = append(s.violations, broken)
	}
}

// forecast is what a plan, begun at a time, and the belief m say of the step that is about to be taken.
func (a Agent) forecast(s *State, m safex.Model, q safex.Query, p *safex.Plan, began time.Time) (safex.Forecast, error) {
	took := time.Since(began)
	f := safex.Forecast{
		Worst: p.Bound, Beta: p.Beta, AskedBeta: q.Beta, CoverBeta: p.CoverBeta,
		Feasible: p.Feasible, Cover: p.Cover, NaNs: p.NaNs, Millis: float64(took.Microseconds()) / 1000,
		Late: a.Deadline > 0 && took >= a.Deadline,
	}
	var said safex.Prediction
	if err := m.Predict(&said, column(q.State), column(p.Actions[0])); err != nil {
		return f, fmt.Errorf("train: %w", err)
	}
	var err error
	if f.Noise, err = a.System.SeenNoise(m, q.State, p.Actions[0]); err != nil {
		return f, fmt.Errorf("train: %w", err)
	}
	f.Mean, f.Epistemic, f.Aleatoric = said.Mean.Point(0), said.Epistemic.Point(0), said.Aleatoric.Point(0)
	for d, reach := range s.Reach { // nothing before the first fit
		f.OutOfDistribution = f.OutOfDistribution || !(f.Epistemic[d] <= reach)
	}
	return f, nil
}

// column is a batch of one point.
func column(x []float64) num.Batch {
	b := num.NewBatch(len(x), 1)
	b.SetPoint(0, x)
	return b
}

// block is how many transitions a model predicts at a time: what a network holds meanwhile does not grow with the data.
const block = 1024

// reach is the largest epistemic deviation of each dimension over what m learned of the data.
func reach(m safex.Model, data *safex.Data) ([]float64, error) {
	if s, ok := m.(safex.Selective); ok {
		data = s.Learned(data)
	}
	var p safex.Prediction
	var most []float64
	for from := 0; from < data.Len(); from += block {
		to := min(from+block, data.Len())
		if err := m.Predict(&p, between(data.X, from, to), between(data.U, from, to)); err != nil {
			return nil, err
		}
		if most == nil {
			most = make([]float64, len(p.Epistemic))
		}
		for d, column := range p.Epistemic {
			most[d] = max(most[d], slices.Max(column)) // NaN stays
		}
	}
	return most, nil
}

// between are the points of b from one up to another.
func between(b num.Batch, from, to int) num.Batch {
	part := make(num.Batch, len(b))
	for d, column := range b {
		part[d] = column[from:to]
	}
	return part
}

// learn fits the model if it is due, and otherwise lets it take in what happened since, if it can; and makes what planning with it takes.
func (a Agent) learn(ctx context.Context, s *State, src rng.Stream) error {
	if err := a.know(ctx, s, src); err != nil {
		return err
	}
	return a.bind(s)
}

// know is learn without what planning takes.
func (a Agent) know(ctx context.Context, s *State, src rng.Stream) error {
	at := len(s.Episode.Actions)
	fail := func(err error) error { // a fit that was cut short is made again from its start
		return fmt.Errorf("train: episode %d, step %d: %w", s.Episode.Number, at, err)
	}
	if taken, err := s.takeIn(ctx, at == 0); err != nil {
		return fail(err)
	} else if taken != nil {
		s.Episode.Fits = append(s.Episode.Fits, safex.Fit{Step: at, Seconds: taken.seconds})
	}
	fresh := s.Data.Len() - s.Fitted
	due := s.Model == nil || fresh > 0 && (at == 0 || a.LearnEvery > 0 && fresh >= a.LearnEvery || s.Learning > 0)
	switch {
	case !due || s.fitting != nil: // one that becomes due while another is made waits for it
	case (a.Background || a.Realtime) && s.Model != nil:
		a.start(ctx, s, src)
	default:
		f := s.ahead
		if f == nil || s.aheadOf != s.Fits || f.learned != s.Data.Len() {
			var err error
			if f, err = a.fit(ctx, s.Data, s.Model, src.Child("learn").At(s.Fits)); err != nil {
				return fail(err)
			}
		}
		s.Guarded = a.Filter != nil
		s.take(f)
		s.Episode.Fits = append(s.Episode.Fits, safex.Fit{Step: at, Seconds: f.seconds})
	}
	if u, ok := a.Learner.(safex.Updater); ok && s.Updated < s.Data.Len() {
		m, err := u.Update(ctx, a.System, s.Data, s.Model)
		if err != nil {
			return fail(err)
		}
		if !reflect.TypeOf(m).Comparable() || m != s.Model { // something changed
			s.Model, s.Updated, s.rollout = m, s.Data.Len(), nil
		}
	}
	return nil
}

// bind makes what planning with the model takes, unless it is there.
func (a Agent) bind(s *State) error {
	if s.rollout == nil {
		r, err := a.Engine.Rollout(a.System, s.Model)
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		s.rollout = r
		s.members, s.member = safex.BindMembers(a.Engine, a.System, s.Model)
	}
	if err := a.bindGuard(s, s.Base); err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return nil
}

// bindGuard binds the Filter to what is believed, if there is one and it is not bound.
func (a Agent) bindGuard(s *State, m safex.Model) (err error) {
	if a.Filter != nil && s.guard == nil {
		s.guard, err = a.Filter.Guard(a.System, m)
	}
	return err
}

// act steps the real system, which is sent the action u, in an episode of the given steps, and records what happened.
func (a Agent) act(ctx context.Context, s *State, u []float64, steps int, src rng.Stream) (err error) {
	at, stream := len(s.Episode.Actions), src.Child("real").At(s.Episode.Number)
	var answer safex.Answer
	if s.plant != nil {
		answer, err = a.System.AdvancePlant(context.WithoutCancel(ctx), s.plant, &s.Episode.Trajectory, u, stream)
	} else {
		err = a.System.Advance(&s.Episode.Trajectory, u, stream)
	}
	if err != nil {
		return fmt.Errorf("train: episode %d, step %d: %w", s.Episode.Number, at, err)
	}
	s.Data.Append(s.Episode.States[at], s.Episode.Actions[at], s.Episode.States[at+1]) // the action that took effect
	s.Episode.End, s.Episode.Why = answer.End, answer.Why
	s.Over = answer.End != "" || len(s.Episode.Actions) == steps
	return nil
}
