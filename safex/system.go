package safex

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A System is a checked Task, traced for every carrier. It is immutable.
type System struct {
	Task
	Dynamics *num.Program // (x, u) to next; nil of a Task with a Plant
	// Outcome maps (x, u, next, last), with the last action before u, to the reward, then the signed
	// excess of each limit in units of that limit: at most 0 is safe.
	Outcome *num.Program
	// Center is the middle of where episodes start, in each dimension of the state, and 0 of the sine and the cosine of an angle. What
	// learns measures a state from there: where a task puts its origin is then of no account.
	Center []float64

	goalProgram *num.Program // x to Of of the Goal, less its Max; nil without one
	uses        [][]bool     // inputs of each of Outcome's outputs
	effects     []effect     // of the task's Disturbances
	noisy       bool         // one of them is ObservationNoise
	expected    expected     // of the task's Expected
}

// System checks t, traces its functions, draws initial states, and takes a step from one of them, unless that would ask a Plant.
// The error names the first thing that is wrong and what to write instead; Check looks closer.
func (t Task) System() (*System, error) {
	s, err := t.compile()
	if err == nil {
		err = s.tryStart()
	}
	if err != nil {
		return nil, fmt.Errorf("safex: task %q: %w", t.Name, err)
	}
	return s, nil
}

// compile checks the fields of t and traces its functions.
func (t Task) compile() (*System, error) {
	if faults := t.faults(); len(faults) > 0 {
		return nil, faults[0]
	}
	nx, nu := len(t.State), len(t.Action)
	t.State, t.Action, t.Limits = slices.Clone(t.State), slices.Clone(t.Action), slices.Clone(t.Limits)
	t.Angles, t.Disturbances, t.Expected = slices.Clone(t.Angles), slices.Clone(t.Disturbances), slices.Clone(t.Expected)
	s := &System{Task: t}
	if !s.Outside() {
		if err := traced("Next", func() {
			s.Dynamics = num.Trace(nx+nu, func(v num.Vec) num.Vec { return t.Next(slices.Clone(v[:nx]), slices.Clone(v[nx:])) })
		}); err != nil {
			return nil, err
		}
		if s.Dynamics.Out != nx {
			return nil, fmt.Errorf("Next returns %d dimensions, State names %d", s.Dynamics.Out, nx)
		}
	}
	what := "Reward"
	trace := func() {
		s.Outcome = num.Trace(nx+nu+nx+nu, func(v num.Vec) num.Vec {
			// Copies, so that a function that writes to its arguments changes nobody else's.
			part := func(lo, n int) num.Vec { return slices.Clone(v[lo : lo+n]) }
			x, u, next, last := 0, nx, nx+nu, nx+nu+nx
			out := num.Vec{t.Reward(part(x, nx), part(u, nu), part(next, nx))}
			for _, l := range t.Limits {
				what = fmt.Sprintf("limit %q", l.Name)
				out = append(out, l.quantity(part(x, nx), part(u, nu), part(next, nx), part(last, nu)).Sub(l.Max))
			}
			return out
		})
	}
	if err := traced("", trace); err != nil {
		return nil, fmt.Errorf("%s%w", what, err)
	}
	s.uses = s.Outcome.Uses()
	if t.Goal != nil {
		a := *t.Goal
		s.Goal = &a
		if err := traced("Goal", func() {
			s.goalProgram = num.Trace(nx, func(x num.Vec) num.Vec { return num.Vec{a.Of(slices.Clone(x)).Sub(a.Max)} })
		}); err != nil {
			return nil, err
		}
	}
	var err error
	if t.Backup != nil {
		if s.Backup, err = t.Backup.compile(nx, nu); err != nil {
			return nil, err
		}
	}
	if s.effects, err = t.effects(); err != nil {
		return nil, err
	}
	if s.expected, err = t.expectations(); err != nil {
		return nil, err
	}
	s.noisy = slices.ContainsFunc(s.effects, func(e effect) bool { return e.Kind == ObservationNoise })
	return s, nil
}

// quantity is Of or Rate, whichever the limit has.
func (l Limit) quantity(x, u, next, last num.Vec) num.Expr {
	if l.Rate != nil {
		return l.Rate(last, u)
	}
	return l.Of(x, u, next)
}

// traced turns a panic of a task's own function, an index out of range mostly, into an error.
func traced(what string, f func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s panics: %v", what, p)
		}
	}()
	f()
	return nil
}

var fileName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// faults are what is wrong with the fields of t.
func (t Task) faults() (faults []error) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !fileName.MatchString(t.Name) {
		fault("Name must be lower-case letters, digits and _")
	}
	if len(t.State) == 0 || len(t.Action) == 0 {
		fault("State names %d dimensions and Action %d, want at least 1 of each", len(t.State), len(t.Action))
	}
	if !(t.Dt > 0) || math.IsInf(t.Dt, 1) {
		fault("Dt is %v s, want more than 0", t.Dt)
	}
	if t.Steps < 1 || t.Steps > 1e7 {
		fault("Steps is %d, want 1 to 1e7", t.Steps)
	}
	if t.Start == nil || t.Next == nil && t.Plant == nil || t.Reward == nil {
		fault("Start, Next and Reward are required; a Plant can be in the place of Next")
	}
	if t.Next != nil && t.Plant != nil {
		fault("Next and Plant are both set: the real system is one of them; what is believed of a Plant is a task of its own, which a run has for a Prior")
	}
	var names []string
	own := func(kind, name string) {
		if OwnColumn(name) {
			fault("%s %q: a run's table has a column of its own of that name; it must be none of %s, and begin with none of %s", kind, name, strings.Join(ownColumns, ", "), strings.Join(ownPrefixes, ", "))
		}
		names = append(names, name)
	}
	for i, v := range slices.Concat(t.State, t.Action) {
		if !fileName.MatchString(v.Name) {
			fault("variable %q: Name must be lower-case letters, digits and _ (Symbol may be anything)", v.Name)
		}
		if !(v.Scale > 0) || math.IsInf(v.Scale, 1) {
			fault("variable %q: Scale is %v, want its typical size in %q, above 0", v.Name, v.Scale, v.Unit)
		}
		if (v.Min != 0 || v.Max != 0) && (!(v.Min < v.Max) || i >= len(t.State)) {
			fault("variable %q: its range is %v to %v, want Min below Max of a state, or both 0 for none; actions are in [-1, 1]", v.Name, v.Min, v.Max)
		}
		if !(v.Harmless >= 0) || math.IsInf(v.Harmless, 1) || v.Harmless != 0 && i >= len(t.State) {
			fault("variable %q: Harmless is %v, want an error of a state that matters to no limit, or 0", v.Name, v.Harmless)
		}
		if !(v.RandomAmplitude >= 0 && v.RandomAmplitude <= 1) || v.RandomAmplitude != 0 && i < len(t.State) {
			fault("variable %q: RandomAmplitude is %v, want an amplitude in (0, 1] of an action, or 0", v.Name, v.RandomAmplitude)
		}
		if !(v.RandomCenter >= -1 && v.RandomCenter <= 1) || v.RandomCenter != 0 && i < len(t.State) {
			fault("variable %q: RandomCenter is %v, want an action in [-1, 1], or 0", v.Name, v.RandomCenter)
		}
		own("variable", v.Name)
	}
	taken := map[int]string{} // angles by dimension
	for _, a := range t.Angles {
		for _, d := range []int{a.Sin, a.Cos} {
			if other, ok := taken[d]; ok && other != a.Name {
				fault("angles %q and %q share dimension %d of the state", other, a.Name, d)
			}
			taken[d] = a.Name
		}
		if !fileName.MatchString(a.Name) {
			fault("angle %q: Name must be lower-case letters, digits and _", a.Name)
		}
		if n := len(t.State); a.Sin == a.Cos || min(a.Sin, a.Cos) < 0 || max(a.Sin, a.Cos) >= n {
			fault("angle %q: Sin is dimension %d and Cos %d, want two of the %d of the state", a.Name, a.Sin, a.Cos, n)
		}
		own("angle", a.Name)
	}
	if p := t.Picture; p != nil && !(p.Left < p.Right && p.Bottom < p.Top && !bad(p.Right-p.Left) && !bad(p.Top-p.Bottom) && p.Draw != nil) {
		fault("Picture: want Left below Right, Bottom below Top, and Draw")
	}
	var limits []string
	for _, l := range t.Limits {
		if !fileName.MatchString(l.Name) {
			fault("limit %q: Name must be lower-case letters, digits and _", l.Name)
		}
		if (l.Of == nil) == (l.Rate == nil) {
			fault("limit %q: want either Of or Rate", l.Name)
		}
		if !(l.Budget >= 0) || math.IsInf(l.Budget, 1) {
			fault("limit %q: Budget is %v, want at least 0", l.Name, l.Budget)
		}
		if bad(l.Max) || !(l.Scale >= 0 && l.Scale < 1e30) {
			fault("limit %q: Max is %v and Scale %v, want numbers and a Scale of the size of an excess that matters, or 0", l.Name, l.Max, l.Scale)
		}
		limits = append(limits, l.Name)
	}
	if a := t.Goal; a != nil && (!fileName.MatchString(a.Name) || a.Of == nil || bad(a.Max) || a.Steps < 1) {
		fault("Goal %q: want a Name of lower-case letters, digits and _, Of, a number for Max, and at least 1 for Steps", a.Name)
	}
	if t.Backup != nil {
		if err := t.Backup.fault(); err != nil {
			faults = append(faults, err)
		}
	}
	for _, name := range twice(names) {
		fault("two variables or angles are named %q", name)
	}
	for _, name := range twice(limits) {
		fault("two limits are named %q", name)
	}
	return faults
}

// twice are the names that come more than once.
func twice(names []string) (again []string) {
	slices.Sort(names)
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] && !slices.Contains(again, names[i]) {
			again = append(again, names[i])
		}
	}
	return again
}

// starts is how many initial states are tried.
const starts = 100

// tryStart draws initial states and takes a step without action from the first of them, so that a
// slip in a formula shows before training.
func (s *System) tryStart() error {
	nu := len(s.Action)
	var x []float64
	var lo, hi []float64
	for i := starts - 1; i >= 0; i-- {
		var err error
		if x, err = s.DrawStart(rng.New(1).Child("try").At(i)); err != nil {
			return err
		}
		if lo == nil {
			lo, hi = slices.Clone(x), slices.Clone(x)
		}
		for d, v := range x {
			lo[d], hi[d] = min(lo[d], v), max(hi[d], v)
		}
	}
	s.Center = lo
	for d := range lo {
		s.Center[d] += (hi[d] - lo[d]) / 2
	}
	for _, a := range s.Angles {
		s.Center[a.Sin], s.Center[a.Cos] = 0, 0
	}
	still, next := make([]float64, nu), x // where it stays, as far as anybody knows of a Plant
	if !s.Outside() {
		next, _, _ = s.Step(x, still)
		for k, v := range next {
			if bad(v) {
				return fmt.Errorf("first step: %s is %v (%s)", s.State[k].Name, v, s.Dynamics.Blame(k, slices.Concat(x, still)))
			}
		}
	}
	reward, excess := s.Score(x, still, next, still)
	in := slices.Concat(x, still, next, still)
	if bad(reward) {
		return fmt.Errorf("first step: the reward is %v (%s)", reward, s.Outcome.Blame(0, in))
	}
	for k, v := range excess {
		if bad(v) {
			return fmt.Errorf("first step: limit %q is %v (%s)", s.Limits[k].Name, v, s.Outcome.Blame(1+k, in))
		}
	}
	if v := s.goalDistance(x); bad(v) {
		return fmt.Errorf("first step: Goal is %v (%s)", v, s.goalProgram.Blame(0, x))
	}
	if what := s.Backup.blame(x); what != "" {
		return fmt.Errorf("first step: %s", what)
	}
	return nil
}

// CheckPoint reports a state and an action from outside that cannot be: what is not a number, a state outside its own range or
// with an angle off the circle by more than 1e-6, and an action beyond [-1, 1]. The error begins with where.
func (s *System) CheckPoint(where string, x, u []float64) error {
	if err := s.tryState(where, x); err != nil {
		return err
	}
	for k, v := range u {
		if !(v >= -1 && v <= 1) {
			return fmt.Errorf("%s: %s is %v, want it in [-1, 1]: Next scales an action to its unit", where, s.Action[k].Name, v)
		}
	}
	return nil
}

// tryState reports a state that cannot be: not real, outside its own range, or an angle off the circle.
func (s *System) tryState(where string, x []float64) error {
	for k, v := range x {
		if d := s.State[k]; bad(v) {
			return fmt.Errorf("%s: %s is %v", where, d.Name, v)
		} else if d.Min < d.Max && !(d.Min <= v && v <= d.Max) {
			return fmt.Errorf("%s: %s is %.4g, outside its own range of %v to %v", where, d.Name, v, d.Min, d.Max)
		}
	}
	return s.tryAngles(where, x)
}

// tryAngles reports an angle off the circle.
func (s *System) tryAngles(where string, x []float64) error {
	for _, a := range s.Angles {
		if r := math.Hypot(x[a.Sin], x[a.Cos]); math.Abs(r-1) > 1e-6 {
			return fmt.Errorf("%s: %s and %s are %.4g and %.4g, which are no sine and cosine of the angle %s: their squares sum to %.4g", where,
				s.State[a.Sin].Name, s.State[a.Cos].Name, x[a.Sin], x[a.Cos], a.Name, r*r)
		}
	}
	return nil
}

// DrawStart draws the state in which an episode starts. It fails if Start panics or leaves a dimension unset, and if
// the state is outside its own range or beyond a limit.
func (s *System) DrawStart(src rng.Stream) ([]float64, error) {
	x := slices.Repeat([]float64{math.NaN()}, len(s.State))
	if err := traced("Start", func() { s.Start(x, src.Rand()) }); err != nil {
		return nil, err
	}
	if err := s.tryState("Start", x); err != nil {
		return nil, err
	}
	return x, s.CheckStart(x)
}

// CheckStart reports a start state that is already beyond a limit by more than its budget: no first action could be
// safe. Limits that also depend on the action, or on how the state changes, are left to the first step.
func (s *System) CheckStart(x []float64) error {
	for k, e := range s.still(x) {
		if l := s.Limits[k]; !(e <= l.Budget) { // a NaN is beyond
			return fmt.Errorf("a start state is beyond limit %q by %.4g %s (at most %v is safe): change Start or Max", l.Name, e, l.Unit, l.Max)
		}
	}
	return nil
}

// still is the signed excess of each limit that is on the state x alone, and -Inf of the others: those that also depend on the action, or on
// how the state changes.
func (s *System) still(x []float64) []float64 {
	nx, nu := len(s.State), len(s.Action)
	none := make([]float64, nu)
	_, excess := s.Score(x, none, x, none)
	for k := range excess {
		depends := func(lo, n int) bool { return slices.Contains(s.uses[1+k][lo:lo+n], true) }
		if depends(nx, nu) || depends(nx+nu+nx, nu) || depends(0, nx) && depends(nx+nu, nx) {
			excess[k] = math.Inf(-1)
		}
	}
	return excess
}

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// Step takes the undisturbed system from x with the action u in [-1, 1], after the same action. It returns
// the next state, the reward, and the signed excess of each limit in its unit.
// It panics if the real system is a Plant.
func (s *System) Step(x, u []float64) (next []float64, reward float64, excess []float64) {
	if err := s.Unknown("Step"); err != nil {
		panic("safex: " + err.Error())
	}
	next = make([]float64, len(s.State))
	s.Dynamics.Eval(next, slices.Concat(x, u))
	reward, excess = s.Score(x, u, next, u)
	return next, reward, excess
}

// Score is the reward of a step from x to next with the action u, and the signed excess of each limit. The
// action before u was last.
func (s *System) Score(x, u, next, last []float64) (reward float64, excess []float64) {
	out := make([]float64, s.Outcome.Out)
	s.Outcome.Eval(out, slices.Concat(x, u, next, last))
	return out[0], out[1:]
}

// goalDistance is how far the state x is from the Goal, in its unit: at most 0 is there. Without a Goal
// it is 0.
func (s *System) goalDistance(x []float64) float64 {
	if s.goalProgram == nil {
		return 0
	}
	var out [1]float64
	s.goalProgram.Eval(out[:], x)
	return out[0]
}

// ReachedGoal tells whether the last Goal.Steps steps of a trajectory all led to the Goal. A NaN is not there. Without
// a Goal nothing reaches it, nor does a trajectory of fewer steps.
func (s *System) ReachedGoal(t Trajectory) bool {
	states := t.States
	if t.Real != nil {
		states = t.Real
	}
	if s.goalProgram == nil || len(t.Actions) < s.Goal.Steps {
		return false
	}
	return !slices.ContainsFunc(states[len(states)-s.Goal.Steps:], func(x []float64) bool { return !(s.goalDistance(x) <= 0) })
}

// Inputs are the Center and the Scale of each dimension of the state, and then of the action, whose Center is 0: learners see
// (v - center) / scale.
func (s *System) Inputs() (center, scale []float64) {
	center = append(slices.Clone(s.Center), make([]float64, len(s.Action))...)
	for _, v := range slices.Concat(s.State, s.Action) {
		scale = append(scale, v.Scale)
	}
	return center, scale
}

// LimitScale is the size of an excess of limit k that matters, in its unit.
func (s *System) LimitScale(k int) float64 {
	if s.Limits[k].Scale == 0 {
		return 1
	}
	return s.Limits[k].Scale
}

// Gentle is the random action of dimension k, by RandomAmplitude and RandomCenter, for a draw from [-1, 1].
func (s *System) Gentle(k int, draw float64) float64 {
	amplitude := s.Action[k].RandomAmplitude
	if amplitude == 0 {
		amplitude = 1
	}
	return min(1, max(-1, s.Action[k].RandomCenter+amplitude*draw))
}

// Rated tells whether a limit is on the rate of the actions.
func (s *System) Rated() bool {
	return slices.ContainsFunc(s.Limits, func(l Limit) bool { return l.Rate != nil })
}

// Budgets has the budget of each limit; nil if none has one.
func (s *System) Budgets() (budgets []float64) {
	for _, l := range s.Limits {
		budgets = append(budgets, l.Budget)
	}
	if slices.Max(append(budgets, 0)) == 0 {
		return nil
	}
	return budgets
}

// A Bound says that a limit is a plain bound on one dimension of the next state.
type Bound struct {
	State int  // the dimension
	Upper bool // next[State] <= Max
	Lower bool // next[State] >= -Max
}

// Bound tells whether limit k is |next[i]|, next[i] or -next[i] at or below Max, as it can be
// drawn on an axis of that state.
func (s *System) Bound(k int) (Bound, bool) {
	first := len(s.State) + len(s.Action) // input of next[0]
	if s.Limits[k].Of == nil {
		return Bound{}, false
	}
	p := num.Trace(first+len(s.State), func(v num.Vec) num.Vec {
		return num.Vec{s.Limits[k].Of(v[:len(s.State)], v[len(s.State):first], v[first:])}
	})
	steps, outs := p.Steps()
	last := steps[outs[0]]
	in, b := last, Bound{Upper: true}
	switch last.Op {
	case num.OpAbs:
		in, b.Lower = steps[last.Arg[0]], true
	case num.OpNeg:
		in, b = steps[last.Arg[0]], Bound{Lower: true}
	}
	if in.Op != num.OpInput || in.Src < first {
		return Bound{}, false
	}
	b.State = in.Src - first
	return b, true
}
