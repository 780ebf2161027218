package safex

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An Expectation is one thing that a Task declares of its real system besides the dynamics, so that the agent knows: noise, and how late
// actions take effect. A Disturbance makes it happen in a simulation; of a machine it is what was measured. The text form is
//
//	process ON DEVIATION        noise on each next state
//	observation ON DEVIATION    noise on what is seen of the state
//	delay STEPS                 of every action
//
// as in "process omega 0.05" and "delay 2". DEVIATION is a standard deviation of normal noise, or of any that is seldom larger (sub-Gaussian);
// "process omega within 0.2" is noise that is never beyond 0.2 instead.
//
// Plans are made for noise anywhere in a box, as for errors of the model. Of a deviation ς that is ς √(2 ln(2 n (T + 1) / δ)) to either side, where n
// deviations are declared and an episode has T steps: with a probability of 1 - δ none of an episode is outside; see NoiseMiss.
type Expectation struct {
	Kind Kind // ProcessNoise, ObservationNoise or Delay
	// On is what is noisy: a variable of the state, or one of Task.Angles. It is empty for a Delay.
	On string
	// Size is the deviation, or with Within the bound, in the unit of On; of a Delay the steps.
	Size   float64
	Within bool // Size is never exceeded
}

// NoiseMiss is the probability δ that some noise of an episode is outside of the box that is made of its deviation.
const NoiseMiss = 0.05

// String is the text form.
func (e Expectation) String() string {
	words := []string{e.Kind.String()}
	if e.On != "" {
		words = append(words, e.On)
	}
	if e.Within {
		words = append(words, "within")
	}
	return strings.Join(append(words, strconv.FormatFloat(e.Size, 'g', -1, 64)), " ")
}

// MarshalText writes the text form.
func (e Expectation) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText reads the text form.
func (e *Expectation) UnmarshalText(text []byte) error {
	wrong := func(why string, args ...any) error {
		return fmt.Errorf(`expectation %q: %s; want "process ON DEVIATION", "observation ON DEVIATION" or "delay STEPS", as in "process omega 0.05", or "process omega within 0.2"`, text, fmt.Sprintf(why, args...))
	}
	words := strings.Fields(string(text))
	if len(words) < 2 {
		return wrong("it is too short")
	}
	kind := slices.Index(kinds, words[0])
	if kind < 0 || !expectable(Kind(kind)) {
		return wrong("%s is nothing that an agent can be told", words[0])
	}
	v := Expectation{Kind: Kind(kind)}
	words = words[1:]
	if v.Kind != Delay {
		v.On, words = words[0], words[1:]
	}
	if len(words) == 2 && words[0] == "within" {
		v.Within, words = true, words[1:]
	}
	if len(words) != 1 {
		return wrong("a number is missing or too many")
	}
	var err error
	if v.Size, err = strconv.ParseFloat(words[0], 64); err != nil || bad(v.Size) {
		return wrong("%q is no number", words[0])
	}
	*e = v
	return nil
}

// expectable tells whether an agent can be told of a kind.
func expectable(k Kind) bool { return k == ProcessNoise || k == ObservationNoise || k == Delay }

// Expectations lists the kinds that an agent can be told of by name, and a line on each in the words of the text form.
func Expectations() (names, about []string) {
	names = []string{ProcessNoise.String(), ObservationNoise.String(), Delay.String()}
	return names, []string{
		"ON DEVIATION: noise of that deviation on each next state; ON within BOUND: any that is never larger",
		"ON DEVIATION, or ON within BOUND: the same of what the agent sees of the state",
		"STEPS: each action takes effect that many steps late",
	}
}

// expected is what a Task declares, by the dimensions of its state.
type expected struct {
	delay       int       // steps
	process     []float64 // [nx]: half the width of a box; nil without any
	observation []float64 // likewise
	variance    []float64 // [nx]: of what a next state is seen off by, of both; nil without any
}

// expectations reads what the task declares.
func (t Task) expectations() (x expected, err error) {
	n := 0
	for _, e := range t.Expected {
		if e.Kind != Delay && !e.Within {
			n++
		}
	}
	reach := math.Sqrt(2 * math.Log(2*float64(max(n, 1))*float64(t.Steps+1)/NoiseMiss))
	for _, e := range t.Expected {
		wrong := func(why string, args ...any) error {
			return fmt.Errorf("expectation %q: %s", e, fmt.Sprintf(why, args...))
		}
		switch {
		case !expectable(e.Kind):
			return x, wrong("an agent can be told of process, observation and delay alone")
		case bad(e.Size) || e.Size < 0:
			return x, wrong("want a number of at least 0")
		case e.Kind == Delay:
			if e.On != "" || e.Within || e.Size != math.Trunc(e.Size) {
				return x, wrong("a delay is a whole number of steps and nothing else, as in \"delay 2\"")
			}
			if x.delay += int(min(e.Size, 1e7)); x.delay >= t.Steps {
				return x, wrong("in an episode of %d steps no action would ever take effect", t.Steps)
			}
			continue
		}
		dims, err := t.noisy(e.On)
		if err != nil {
			return x, wrong("%v", err)
		}
		half := e.Size
		if !e.Within {
			half *= reach
		}
		box, times := &x.process, 1.0
		if e.Kind == ObservationNoise {
			box, times = &x.observation, 2 // what is seen before a step is as noisy as what is seen after it
		}
		for _, b := range []*[]float64{box, &x.variance} {
			if *b == nil {
				*b = make([]float64, len(t.State))
			}
		}
		for _, d := range dims {
			(*box)[d] += half
			x.variance[d] += times * e.Size * e.Size
		}
	}
	return x, nil
}

// noisy are the dimensions of the state that noise on a name moves. The sine and the cosine of an angle move by no more than the angle does.
func (t Task) noisy(on string) (dims []int, err error) {
	var names []string
	for _, a := range t.Angles {
		if a.Name == on {
			return []int{a.Sin, a.Cos}, nil
		}
		names = append(names, a.Name)
	}
	for d, v := range t.State {
		i := slices.IndexFunc(t.Angles, func(a Angle) bool { return d == a.Sin || d == a.Cos })
		switch {
		case v.Name != on:
			if i < 0 {
				names = append(names, v.Name)
			}
		case i >= 0:
			return nil, fmt.Errorf("%s is the sine or cosine of an angle: name %s", on, t.Angles[i].Name)
		default:
			return []int{d}, nil
		}
	}
	if slices.ContainsFunc(t.Action, func(v Var) bool { return v.Name == on }) {
		return nil, fmt.Errorf("%s is an action: name the variables of the state that noise on it moves", on)
	}
	return nil, fmt.Errorf("the state has no %q, but %s", on, strings.Join(names, ", "))
}

// Delay is by how many steps actions take effect late, as the task declares. A Trajectory's Actions are those that took effect by that, and its
// Pending those that have not yet.
func (s *System) Delay() int { return s.expected.delay }

// NoiseBox is half the width of the box of the noise that the task declares on each next state, [nx], in its units; nil if it declares none.
// It must not be changed.
func (s *System) NoiseBox() []float64 { return s.expected.process }

// SeenBox is half the width of the box around what is seen of a state in which the state is, [nx], in its units; nil if the task declares no noise
// of what is seen. It must not be changed.
func (s *System) SeenBox() []float64 { return s.expected.observation }

// NoiseVariance is the variance of what noise that the task declares adds to what is seen of the next state, [nx], in squares of its units, where a bound counts as
// a deviation; nil if it declares none. A learner need not doubt that again: see Undeclared. It must not be changed.
func (s *System) NoiseVariance() []float64 { return s.expected.variance }

// Known is the least share of a learned deviation of noise that is left of it, whatever the task declares.
const Known = 0.05

// Undeclared is what the noise that the task declares leaves of an aleatoric deviation that was learned of dimension d, in the unit of that: what is declared is counted
// where plans are made, and is not to be doubted again.
func (s *System) Undeclared(d int, learned float64) float64 {
	if s.expected.variance == nil {
		return learned
	}
	return Undeclared(learned, s.expected.variance[d])
}

// Undeclared is what declared noise of a variance leaves of a learned deviation of noise.
func Undeclared(learned, variance float64) float64 {
	if variance == 0 || learned == 0 {
		return learned
	}
	return learned * math.Sqrt(max(1-variance/(learned*learned), Known*Known))
}
