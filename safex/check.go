package safex

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Report is what Check found.
type Report struct {
	Task     string
	Problems []string // must be mended: the task cannot be used, or not be trusted
	Warnings []string // may be meant, but seldom is
	Facts    []string // what the task does
}

// OK tells whether there are no Problems.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// String is the report as text, a line for each finding.
func (r *Report) String() string {
	var b strings.Builder
	switch n := len(r.Problems); n {
	case 0:
		fmt.Fprintf(&b, "task %q can be used\n", r.Task)
	case 1:
		fmt.Fprintf(&b, "task %q has a problem\n", r.Task)
	default:
		fmt.Fprintf(&b, "task %q has %d problems\n", r.Task, n)
	}
	for _, part := range []struct {
		mark  string
		lines []string
	}{{"problem", r.Problems}, {"warning", r.Warnings}, {"", r.Facts}} {
		for _, line := range part.lines {
			fmt.Fprintf(&b, "  %-8s %s\n", part.mark, line)
		}
	}
	return b.String()
}

func (r *Report) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

func (r *Report) fact(format string, args ...any) {
	r.Facts = append(r.Facts, fmt.Sprintf(format, args...))
}

// Check looks at a task before it is learned: it traces its functions twice, draws starts, runs episodes under
// random and constant actions, tries states beyond those, and steps from states of the Backup, and says in plain words what is wrong.
// It finds every problem that System refuses, and more; it takes a fraction of a second. Of a Task with a Plant it looks at the formulas that are there,
// and takes no step.
func Check(t Task) *Report {
	r := &Report{Task: t.Name}
	if faults := t.faults(); len(faults) > 0 {
		for _, f := range faults {
			r.problem("%v", f)
		}
		return r
	}
	s, err := t.compile()
	if err != nil {
		r.problem("%v", err)
		return r
	}
	r.retrace(s)
	r.ignored(s)
	r.starts(s)
	if !r.OK() {
		return r
	}
	if s.Outside() {
		r.fact("%d steps of %.3g s an episode; the real system is a plant, and was asked nothing", s.Steps, s.Dt)
		return r
	}
	r.episodes(s)
	return r
}

// retrace reports functions that do not give the same twice.
func (r *Report) retrace(s *System) {
	again, err := s.Task.compile()
	if err != nil {
		r.problem("the functions give something else each time they are called: %v", err)
		return
	}
	if !s.Outside() && !sameProgram(s.Dynamics, again.Dynamics) {
		r.problem("Next is another function each time it is called: randomness belongs into Disturbances, and what changes into the state")
	}
	if !sameProgram(s.Outcome, again.Outcome) {
		r.problem("Reward or a limit is another function each time it is called: it must depend on its arguments alone")
	}
	if s.goalProgram != nil && !sameProgram(s.goalProgram, again.goalProgram) {
		r.problem("Goal is another function each time it is called: it must depend on its argument alone")
	}
	if b := s.Backup; b != nil && !(sameProgram(b.outside, again.Backup.outside) && sameProgram(b.act, again.Backup.act)) {
		r.problem("Backup is another function each time it is called: it must depend on its argument alone")
	}
	x, errX := s.DrawStart(rng.New(1).Child("check"))
	y, errY := s.DrawStart(rng.New(1).Child("check"))
	if errX == nil && errY == nil && !slices.Equal(x, y) {
		r.problem("Start gives %v and then %v for the same random numbers: draw from the *rand.Rand that it is given, and from nothing else", x, y)
	}
}

// sameProgram compares to the bit.
func sameProgram(a, b *num.Program) bool {
	p, outA := a.Steps()
	q, outB := b.Steps()
	return slices.Equal(outA, outB) && slices.EqualFunc(p, q, func(x, y num.Step) bool {
		return x.Op == y.Op && x.Arg == y.Arg && x.Src == y.Src && math.Float64bits(x.K) == math.Float64bits(y.K)
	})
}

// ignored reports actions that change nothing, and rewards and limits that ask for nothing.
func (r *Report) ignored(s *System) {
	nx, nu := len(s.State), len(s.Action)
	var dynamics [][]bool
	outcome := s.Outcome.Uses()
	if !s.Outside() {
		dynamics = s.Dynamics.Uses()
	}
	uses := func(used []bool, lo, hi int) bool { return slices.Contains(used[lo:hi], true) }
	for k, a := range s.Action {
		if !s.Outside() && !slices.ContainsFunc(dynamics, func(used []bool) bool { return used[nx+k] }) {
			r.problem("Next ignores the action %s: no next state depends on it", a.Name)
		}
	}
	for d, used := range dynamics {
		if !uses(used, 0, nx+nu) {
			r.warn("the next %s is a constant", s.State[d].Name)
		}
	}
	if !uses(outcome[0], 0, s.Outcome.In) {
		r.warn("Reward is a constant: there is nothing to gain")
	}
	for k, l := range s.Limits {
		switch used := outcome[1+k]; {
		case !uses(used, 0, len(used)):
			r.problem("limit %q is a constant: no action can keep or break it", l.Name)
		case uses(used, 0, nx) && !uses(used, nx, len(used)):
			r.warn("limit %q looks at the state before the step alone, on which the action has no influence: take next", l.Name)
		}
	}
	if s.goalProgram != nil && !uses(s.goalProgram.Uses()[0], 0, nx) {
		r.problem("Goal is a constant: no action leads there")
	}
	if s.Backup != nil && !slices.ContainsFunc(s.Backup.outside.Uses(), func(used []bool) bool { return uses(used, 0, nx) }) {
		r.problem("Backup holds every state, or none: Outside is a constant")
	}
	if len(s.Limits) == 0 {
		r.warn("there are no limits: every planner is safe")
	}
}

// starts tries many of them.
func (r *Report) starts(s *System) {
	seen := map[string]bool{} // a problem counts once, whatever its numbers
	for i := range starts {
		x, err := s.DrawStart(rng.New(1).Child("try").At(i))
		if err == nil && s.Picture != nil {
			err = traced("Picture.Draw", func() { s.Picture.Draw(x, make([]float64, len(s.Action))) })
		}
		if err != nil && !seen[wordsOf(err)] {
			seen[wordsOf(err)] = true
			r.problem("%v", err)
		}
	}
}

// wordsOf is an error without its numbers.
func wordsOf(err error) string {
	return strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c == '-' || c == '.' || c == 'e' {
			return -1
		}
		return c
	}, err.Error())
}

// survey is what the episodes of Check showed.
type survey struct {
	*System
	lo, hi     []float64 // of each state
	step       []float64 // largest change of each state in a step
	most       []float64 // largest quantity of each limit, in its unit
	beyond     []int     // steps beyond each limit with its budget spent
	steps      int
	rewards    []float64 // sums of episodes
	influence  []float64 // largest effect of each action on a next state, in Scales
	left       string    // how the task left the real numbers, "" if it did not
	outOfRange string
}

// trials is how many random episodes Check runs, and probes how many states it tries.
const (
	trials = 10
	probes = 2000
	most   = 1000 // steps of an episode that Check looks at
)

// episodes runs them under random and constant actions, and then tries states around.
func (r *Report) episodes(s *System) {
	src := rng.New(1).Child("check")
	random := newSurvey(s)
	for i := range trials {
		random.run(i, src, func(u []float64, g *rand.Rand) {
			for k := range u {
				u[k] = 2*g.Float64() - 1
			}
		})
	}
	constant := newSurvey(s)
	for k := range s.Action {
		for _, push := range []float64{-1, 1} {
			constant.run(0, src, func(u []float64, _ *rand.Rand) { u[k] = push })
		}
	}
	still := newSurvey(s)
	still.run(0, src, func([]float64, *rand.Rand) {})
	for _, v := range []*survey{random, constant, still} {
		if v.left != "" {
			r.problem("%s", v.left)
			return
		}
		if v.outOfRange != "" && !slices.Contains(r.Warnings, v.outOfRange) {
			r.warn("%s", v.outOfRange)
		}
	}
	for k, a := range s.Action {
		if max(random.influence[k], constant.influence[k]) == 0 {
			r.problem("Next ignores the action %s: it changed no next state in %d steps", a.Name, random.steps+constant.steps)
		}
	}
	for d, v := range s.State {
		reach := max(math.Abs(random.lo[d]), math.Abs(random.hi[d]))
		switch {
		case random.lo[d] == random.hi[d] && constant.lo[d] == constant.hi[d]:
			r.warn("%s never changed", v.Name)
		case max(reach, math.Abs(constant.lo[d]), math.Abs(constant.hi[d])) < v.Scale/30:
			r.warn("%s stayed below %.2g, and its Scale is %v: learners would hardly see it; is that its typical size?", v.Name, v.Scale/30, v.Scale)
		case random.step[d] > 3*v.Scale:
			r.warn("%s changed by %.2g in a step, and its Scale is %v: is Dt too large, or Scale not its typical size?", v.Name, random.step[d], v.Scale)
		case reach > 100*v.Scale:
			r.warn("%s reached %.2g, and its Scale is %v: is that its typical size?", v.Name, reach, v.Scale)
		}
	}
	r.angular(s, random, constant, still)
	r.blurred(s, random, constant, still)
	r.fact("%d steps of %.3g s an episode; return %s under random actions, %.4g without any", s.Steps, s.Dt, between(random.rewards), still.rewards[0])
	for k, l := range s.Limits {
		r.fact("limit %s: at most %.3g of %g %s under random actions, %.3g under constant ones; %d of %d random steps beyond it",
			l.Name, random.most[k], l.Max, l.Unit, constant.most[k], random.beyond[k], random.steps)
	}
	r.firstPhase(s, src)
	r.imagined(s, random, src)
	r.backup(s, random, src)
}

func newSurvey(s *System) *survey {
	fill := func(n int, v float64) []float64 { return slices.Repeat([]float64{v}, n) }
	nx, nl := len(s.State), len(s.Limits)
	return &survey{System: s, lo: fill(nx, math.Inf(1)), hi: fill(nx, math.Inf(-1)), step: fill(nx, 0),
		most: fill(nl, math.Inf(-1)), beyond: make([]int, nl), influence: fill(len(s.Action), 0)}
}

// run takes an episode whose actions act fills.
func (v *survey) run(i int, src rng.Stream, act func(u []float64, g *rand.Rand)) {
	x, err := v.DrawStart(src.Child("start").At(i))
	if err != nil {
		v.left = err.Error()
		return
	}
	t, g := v.Begin(x, src.Child("real").At(i)), src.Child("act").At(i).Rand()
	other := make([]float64, len(x))
	for n := range min(v.Steps, most) {
		u := make([]float64, len(v.Action))
		act(u, g)
		if err := v.Advance(&t, u, src.Child("real").At(i)); err != nil {
			v.left = v.blame(t, u, err)
			return
		}
		if x := v.realState(t, n); bad(v.goalDistance(x)) {
			v.left = fmt.Sprintf("step %d of an episode: %s", n, v.formula(x, u))
			return
		}
		before, after := t.States[n], t.States[n+1]
		for d, a := range after {
			v.lo[d], v.hi[d] = min(v.lo[d], before[d], a), max(v.hi[d], before[d], a)
			v.step[d] = max(v.step[d], math.Abs(a-before[d]))
		}
		if err := v.tryState(fmt.Sprintf("after step %d of an episode", n), v.realState(t, n+1)); err != nil && v.outOfRange == "" {
			v.outOfRange = err.Error()
		}
		for k, e := range t.Excess[n] {
			v.most[k] = max(v.most[k], e+v.Limits[k].Max)
		}
		v.steps++
		now, _, _ := v.Step(before, u)
		for k := range u {
			for _, push := range []float64{-1, 1} {
				turned := slices.Clone(u)
				turned[k] = push
				v.Dynamics.Eval(other, slices.Concat(before, turned))
				for d := range other {
					v.influence[k] = max(v.influence[k], math.Abs(other[d]-now[d])/v.State[d].Scale)
				}
			}
		}
	}
	for _, step := range t.Broken(v.Budgets()...) {
		for k, b := range step {
			if b {
				v.beyond[k]++
			}
		}
	}
	v.rewards = append(v.rewards, t.Return())
}

// realState is the real state before step n.
func (v *survey) realState(t Trajectory, n int) []float64 {
	if v.noisy {
		return t.Real[n]
	}
	return t.States[n]
}

// blame says which formula left the real numbers.
func (v *survey) blame(t Trajectory, u []float64, err error) string {
	n := len(t.Actions)
	x := v.realState(t, n)
	if what := v.formula(x, u); what != "" {
		return fmt.Sprintf("step %d of an episode: %s", n, what)
	}
	return fmt.Sprintf("step %d of an episode: %v", n, err)
}

// formula names what is not a real number after x and u, and the line of its formula; "" if all are.
func (s *System) formula(x, u []float64) string {
	xu := slices.Concat(x, u)
	next := make([]float64, len(x))
	s.Dynamics.Eval(next, xu)
	for d, v := range next {
		if bad(v) {
			return fmt.Sprintf("the next %s is %v (%s) at %s", s.State[d].Name, v, s.Dynamics.Blame(d, xu), s.point(x, u))
		}
	}
	in := slices.Concat(xu, next, u)
	out := make([]float64, s.Outcome.Out)
	s.Outcome.Eval(out, in)
	for i, v := range out {
		if !bad(v) {
			continue
		}
		what := "the reward"
		if i > 0 {
			what = fmt.Sprintf("limit %q", s.Limits[i-1].Name)
		}
		return fmt.Sprintf("%s is %v (%s) at %s", what, v, s.Outcome.Blame(i, in), s.point(x, u))
	}
	if v := s.goalDistance(x); bad(v) {
		return fmt.Sprintf("Goal is %v (%s) at %s", v, s.goalProgram.Blame(0, x), s.point(x, u))
	}
	return ""
}

// point names the values of a state and an action.
func (s *System) point(x, u []float64) string {
	var parts []string
	for k, v := range slices.Concat(x, u) {
		parts = append(parts, fmt.Sprintf("%s %.4g", slices.Concat(s.State, s.Action)[k].Name, v))
	}
	return strings.Join(parts, ", ")
}

// between is the range of vs in words.
func between(vs []float64) string {
	if lo, hi := slices.Min(vs), slices.Max(vs); lo != hi {
		return fmt.Sprintf("%.4g to %.4g", lo, hi)
	}
	return fmt.Sprintf("%.4g", vs[0])
}

// firstPhase asks whether the random actions that an agent begins with keep the limits: 100 steps of the
// amplitude RandomAmplitude, as often as there are trials.
func (r *Report) firstPhase(s *System, src rng.Stream) {
	first := *s
	first.Steps = 100
	broken := map[string]int{}
	for i := range trials {
		v := newSurvey(&first)
		v.run(i, src.Child("first"), func(u []float64, g *rand.Rand) {
			for k := range u {
				u[k] = s.Gentle(k, 2*g.Float64()-1)
			}
		})
		for k, n := range v.beyond {
			if n > 0 {
				broken[s.Limits[k].Name]++
			}
		}
	}
	for _, l := range s.Limits {
		if n := broken[l.Name]; n > 0 {
			r.warn("100 random steps from the start broke limit %q in %d of %d trials, and an agent begins with such: choose a smaller RandomAmplitude for an action, a RandomCenter where it does no harm, or another start", l.Name, n, trials)
		}
	}
}

// imagined tries states that were not met, up to a Scale beyond: an agent that is still learning will think of them.
func (r *Report) imagined(s *System, v *survey, src rng.Stream) {
	g := src.Child("imagine").Rand()
	x, u := make([]float64, len(s.State)), make([]float64, len(s.Action))
	for range probes {
		for d := range x {
			lo, hi := v.lo[d]-s.State[d].Scale, v.hi[d]+s.State[d].Scale
			x[d] = lo + (hi-lo)*g.Float64()
		}
		for k := range u {
			u[k] = 2*g.Float64() - 1
		}
		if what := s.formula(x, u); what != "" {
			r.warn("%s; it was not met, but an agent that is still learning may think of it, and will not plan through it", what)
			return
		}
	}
}
