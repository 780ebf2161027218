package safex

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Disturbance is one thing that happens to the real system besides the agent's actions. The agent does
// not know it. Rewards and limits are judged on the states that really were, and on the actions that the agent
// commanded. The text form is
//
//	KIND ON SIZE [every PERIOD] [from TIME] [until TIME]
//
// as in "process omega 0.05", "impulse omega 1 from 3", "periodic torque 0.2 every 1.5" and, without
// ON, "delay 2".
type Disturbance struct {
	Kind Kind
	// On is what is disturbed: a variable of the state or of the action, or one of Task.Angles. It is empty for a
	// Delay, which holds for every action.
	On string
	// Size is how much, in the unit of On, which is 1 of an action in [-1, 1] and rad of an angle; see Kind.
	Size float64
	// From and Until are the seconds of the episode between which it acts; an Until of 0 is the end.
	From, Until float64
	Period      float64 // s, of a Periodic one, above 0
}

// Kind is what a Disturbance does.
type Kind int

// The kinds. What is said of an action is added to the agent's command before Next sees it, which may then be beyond
// [-1, 1]: a Next whose actuator has limits clamps its action.
const (
	// ProcessNoise adds a normal number of standard deviation Size to each next state, or to each action.
	ProcessNoise Kind = iota
	// ObservationNoise adds a normal number of standard deviation Size to what the agent sees of the state.
	ObservationNoise
	// Impulse adds Size once, in the step that From falls in.
	Impulse
	// Step adds Size to each action; of a state, Size each second.
	Step
	// Periodic is a Step whose size swings as Size sin(2π (t - From) / Period).
	Periodic
	// Delay lets each action take effect Size steps late, a whole number. Before the first there is none (0).
	Delay
)

var kinds = []string{"process", "observation", "impulse", "step", "periodic", "delay"}

// Kinds lists them.
func Kinds() []Kind { return []Kind{ProcessNoise, ObservationNoise, Impulse, Step, Periodic, Delay} }

// About is a line on the kind, in the words of the text form.
func (k Kind) About() string {
	if k < 0 || int(k) >= len(kinds) {
		return "no kind"
	}
	return [...]string{
		"ON SIZE: normal noise of that deviation on each next state, or each action",
		"ON SIZE: normal noise of that deviation on what the agent sees of the state",
		"ON SIZE from TIME: SIZE at once",
		"ON SIZE [from TIME] [until TIME]: SIZE on each action; of a state, SIZE a second",
		"ON SIZE every PERIOD [from TIME] [until TIME]: a step that swings as a sine",
		"STEPS: each action takes effect that many steps late",
	}[k]
}

// String is the name of the kind, as in "process".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kinds[k]
}

// String is the text form.
func (d Disturbance) String() string {
	words := []string{d.Kind.String()}
	if d.On != "" {
		words = append(words, d.On)
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	words = append(words, number(d.Size))
	for _, w := range []struct {
		word  string
		value float64
	}{{"every", d.Period}, {"from", d.From}, {"until", d.Until}} {
		if w.value != 0 {
			words = append(words, w.word, number(w.value))
		}
	}
	return strings.Join(words, " ")
}

// MarshalText writes the text form.
func (d Disturbance) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the text form.
func (d *Disturbance) UnmarshalText(text []byte) error {
	wrong := func(why string, args ...any) error {
		return fmt.Errorf(`disturbance %q: %s; want KIND ON SIZE [every PERIOD] [from TIME] [until TIME], as in "impulse omega 1 from 3"`, text, fmt.Sprintf(why, args...))
	}
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return wrong("it is too short")
	}
	kind := slices.Index(kinds, words[0])
	if kind < 0 {
		return wrong("there is no kind %q, but %s", words[0], strings.Join(kinds, ", "))
	}
	v := Disturbance{Kind: Kind(kind)}
	words = words[1:]
	if v.Kind != Delay {
		v.On, words = words[0], words[1:]
	}
	if len(words)%2 != 1 {
		return wrong("a number is missing or too many")
	}
	fields := map[string]*float64{"every": &v.Period, "from": &v.From, "until": &v.Until} // each is taken once
	at := &v.Size
	for i := 0; ; i += 2 {
		x, err := strconv.ParseFloat(words[i], 64)
		if err != nil || bad(x) {
			return wrong("%q is no number", words[i])
		}
		*at = x
		if i+1 == len(words) {
			break
		}
		if at = fields[words[i+1]]; at == nil {
			return wrong("there is no word %q, or it comes twice", words[i+1])
		}
		delete(fields, words[i+1])
	}
	*d = v
	return nil
}

// effect is a Disturbance that found what it acts on.
type effect struct {
	Disturbance
	state, action int   // dimension; -1 if it is none
	angle         Angle // if it is neither
}

// effects finds what each of the task's disturbances acts on.
func (t Task) effects() (effects []effect, err error) {
	for _, d := range t.Disturbances {
		wrong := func(why string, args ...any) error {
			return fmt.Errorf("disturbance %q: %s", d, fmt.Sprintf(why, args...))
		}
		e := effect{Disturbance: d, state: -1, action: -1}
		for _, v := range []float64{d.Size, d.From, d.Until, d.Period} {
			if bad(v) {
				return nil, wrong("%v is no number", v)
			}
		}
		switch {
		case d.Kind < 0 || int(d.Kind) >= len(kinds):
			return nil, wrong("there is no such kind")
		case d.From < 0 || d.Until < 0 || d.Until > 0 && d.Until <= d.From:
			return nil, wrong("it acts from %v s until %v s, want times of at least 0 that rise", d.From, d.Until)
		case d.Kind <= ObservationNoise && d.Size < 0:
			return nil, wrong("a standard deviation must not be negative")
		case d.Kind == Periodic && !(d.Period > 1e-6) || d.Kind != Periodic && d.Period != 0:
			return nil, wrong("a period of more than a millionth of a second belongs to a periodic one, and to no other")
		case d.Kind == Impulse && d.Until != 0:
			return nil, wrong("an impulse has no end")
		case d.From >= float64(t.Steps)*t.Dt:
			return nil, wrong("it begins after the episode, which ends at %v s", float64(t.Steps)*t.Dt)
		case d.Kind == Delay && d.Size >= float64(t.Steps):
			return nil, wrong("in an episode of %d steps no action would ever take effect", t.Steps)
		}
		if d.Kind == Delay {
			if d.On != "" || d.Size < 0 || d.Size != math.Trunc(d.Size) || d.Size > 1e6 || d.From != 0 || d.Until != 0 {
				return nil, wrong("a delay is a whole number of steps and nothing else, as in \"delay 2\"")
			}
			effects = append(effects, e)
			continue
		}
		if t.Plant != nil && d.Kind != ObservationNoise && !slices.ContainsFunc(t.Action, func(v Var) bool { return v.Name == d.On }) {
			return nil, wrong("the real system is a plant, whose state nobody can change from here: disturb an action, or what is seen of the state")
		}
		named := func(v Var) bool { return v.Name == d.On }
		e.state, e.action = slices.IndexFunc(t.State, named), slices.IndexFunc(t.Action, named)
		i := slices.IndexFunc(t.Angles, func(a Angle) bool { return a.Name == d.On })
		switch {
		case i >= 0:
			e.angle = t.Angles[i]
		case e.state < 0 && e.action < 0:
			var names []string
			for _, v := range slices.Concat(t.State, t.Action) {
				names = append(names, v.Name)
			}
			for _, a := range t.Angles {
				names = append(names, a.Name)
			}
			return nil, wrong("the task has no %q, but %s", d.On, strings.Join(names, ", "))
		}
		for _, a := range t.Angles {
			if e.state >= 0 && (e.state == a.Sin || e.state == a.Cos) {
				return nil, wrong("%s is the sine or cosine of an angle: disturb %s", d.On, a.Name)
			}
		}
		if d.Kind == ObservationNoise && e.action >= 0 {
			return nil, wrong("%s is an action, which the agent knows", d.On)
		}
		effects = append(effects, e)
	}
	return effects, nil
}

// on adds by to what the effect acts on, in x or in u.
func (e effect) on(x, u []float64, by float64) {
	switch {
	case e.state >= 0:
		x[e.state] += by
	case e.action >= 0:
		u[e.action] += by
	default:
		turn, turnCos := math.Sincos(by)
		sin, cos := x[e.angle.Sin], x[e.angle.Cos]
		x[e.angle.Sin], x[e.angle.Cos] = sin*turnCos+cos*turn, cos*turnCos-sin*turn
	}
}

// size is how much the effect adds in step t of dt seconds. Noise i is drawn from src.
func (e effect) size(i, t int, dt float64, src rng.Stream) float64 {
	now := float64(t) * dt
	const slack = 1e-9 // of a step: times are meant as multiples of it
	if e.Kind == Impulse {
		if first := int(math.Floor(e.From/dt + slack)); t == first {
			return e.Size
		}
		return 0
	}
	if now < e.From-slack*dt || e.Until > 0 && now >= e.Until-slack*dt {
		return 0
	}
	rate := e.Size
	switch e.Kind {
	case ProcessNoise, ObservationNoise:
		return e.Size * src.Child("disturbance").At(i).At(t).Rand().NormFloat64()
	case Periodic:
		rate *= math.Sin(2 * math.Pi * (now - e.From) / e.Period)
	}
	if e.action < 0 {
		rate *= dt // of a state: each second
	}
	return rate
}

// Begin starts an episode of the real system in the state x, which is not checked. Noise is drawn from src.
func (s *System) Begin(x []float64, src rng.Stream) Trajectory {
	t := Trajectory{States: [][]float64{s.observe(x, 0, src)}}
	if s.noisy {
		t.Real = [][]float64{slices.Clone(x)}
	}
	for range s.Delay() {
		t.Pending = append(t.Pending, make([]float64, len(s.Action)))
	}
	return t
}

// Advance takes the real system a step further, sends it the action u in [-1, 1], disturbances and all, and
// appends the step to t, which Begin started. With a Delay that the task declares, u becomes the last Pending one, and the first of those is the
// action of the step; reward and limits are judged on that. Noise is drawn from src, the same stream at every step.
// It fails if the task leaves the real numbers; t is as before then.
func (s *System) Advance(t *Trajectory, u []float64, src rng.Stream) error {
	if err := s.Unknown("Advance"); err != nil {
		return err
	}
	return s.advance(t, u, src, func(x, command []float64) ([]float64, error) {
		next := make([]float64, len(s.State))
		s.Dynamics.Eval(next, slices.Concat(x, command))
		for i, e := range s.effects {
			if e.Kind != ObservationNoise && e.Kind != Delay && e.action < 0 {
				e.on(next, nil, e.size(i, len(t.Actions), s.Dt, src))
			}
		}
		return next, nil
	})
}

// advance takes a step of the real system, by what maps a state and a command to the next state, and appends it to t.
func (s *System) advance(t *Trajectory, u []float64, src rng.Stream, apply func(x, command []float64) ([]float64, error)) error {
	at := len(t.Actions)
	if len(u) != len(s.Action) || len(t.States) != at+1 || s.noisy != (t.Real != nil) || len(t.Pending) != s.Delay() {
		panic(fmt.Sprintf("safex: Advance with an action of %d dimensions of %d, after %d states and %d actions: was it started by Begin?", len(u), len(s.Action), len(t.States), at))
	}
	u = slices.Clone(u)
	x := t.States[at]
	if s.noisy {
		x = t.Real[at]
	}
	next, err := apply(x, s.command(t, u, src))
	if err != nil {
		return err
	}
	last := make([]float64, len(s.Action))
	if at > 0 {
		last = t.Actions[at-1]
	}
	u, pending := due(t.Pending, u)
	reward, excess := s.Score(x, u, next, last)
	for _, v := range slices.Concat(next, []float64{reward}, excess) {
		if bad(v) {
			return fmt.Errorf("the task left the real numbers: from %v with action %v to %v, reward %v, excess %v", x, u, next, reward, excess)
		}
	}
	t.Append(u, s.observe(next, at+1, src), reward, excess)
	t.Pending = pending
	if s.noisy {
		t.Real = append(t.Real, next)
	}
	return nil
}

// due is the action that takes effect when u is sent after those that are pending, and what is pending then.
func due(pending [][]float64, u []float64) (now []float64, left [][]float64) {
	if len(pending) == 0 {
		return u, nil
	}
	return pending[0], append(slices.Clone(pending[1:]), u)
}

// command is what reaches the actuators when the agent commands u after what it commanded in t.
func (s *System) command(t *Trajectory, u []float64, src rng.Stream) []float64 {
	at, delay := len(t.Actions), 0
	for _, e := range s.effects {
		if e.Kind == Delay {
			delay += int(e.Size)
		}
	}
	c := slices.Clone(u)
	if delay > at {
		clear(c)
	} else if delay > 0 {
		copy(c, t.Sent(at-delay))
	}
	for i, e := range s.effects {
		if e.action >= 0 {
			e.on(nil, c, e.size(i, at, s.Dt, src))
		}
	}
	return c
}

// observe is what the agent sees of the state x before step t.
func (s *System) observe(x []float64, t int, src rng.Stream) []float64 {
	seen := slices.Clone(x)
	for i, e := range s.effects {
		if e.Kind == ObservationNoise {
			e.on(seen, nil, e.size(i, t, s.Dt, src))
		}
	}
	return seen
}

// Noisy tells whether the agent sees the state through noise, so that a Trajectory has Real states.
func (s *System) Noisy() bool { return s.noisy }
