package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Schedule is a number of at least 0 that goes from From to To as the episodes go by, such as how many epistemic
// deviations the model may err by. Its text, in run.yaml and on the command line, is as String writes it.
type Schedule struct {
	Shape    Shape
	From, To float64 // at least 0; a Steady one stays at From

	// Episodes is, of a Straight one, in how many episodes after the first To is reached, at least 1; of a Logistic
	// one, the episode that is half way, at least 0.
	Episodes float64

	// Frozen keeps the value of the first episode for ever, as the published planners did against their will: they
	// read their schedule once, when they were compiled.
	Frozen bool
}

// A Shape is how a Schedule goes from one number to the other.
type Shape int

const (
	Steady   Shape = iota // not at all
	Straight              // From + (To - From) · min((e - 1)/Episodes, 1) in episode e
	Logistic              // From + (To - From) / (1 + exp(-(e - Episodes)/4))
)

// Constant is the same number v in every episode.
func Constant(v float64) Schedule { return Schedule{From: v, To: v} }

// Linear goes from one number to the other in a number of episodes after the first.
func Linear(from, to, episodes float64) Schedule {
	return Schedule{Shape: Straight, From: from, To: to, Episodes: episodes}
}

// Sigmoid goes from one number to the other around an episode, most of the way in the 16 next to it.
func Sigmoid(from, to, around float64) Schedule {
	return Schedule{Shape: Logistic, From: from, To: to, Episodes: around}
}

// At is the number in an episode, from 1.
func (s Schedule) At(episode int) float64 {
	e := float64(episode)
	if s.Frozen {
		e = 1
	}
	switch s.Shape {
	case Straight:
		return s.From + (s.To-s.From)*min(1, max(0, (e-1)/s.Episodes))
	case Logistic:
		return s.From + (s.To-s.From)/(1+math.Exp(-(e-s.Episodes)/4))
	}
	return s.From
}

// Check reports the first setting that is out of range.
func (s Schedule) Check() error {
	within := func(v, least float64) bool { return v >= least && !math.IsInf(v, 1) }
	switch {
	case !within(s.From, 0) || s.Shape != Steady && !within(s.To, 0):
		return fmt.Errorf("from %v to %v, want numbers of at least 0", s.From, s.To)
	case s.Shape == Straight && !within(s.Episodes, 1) || s.Shape == Logistic && !within(s.Episodes, 0):
		return fmt.Errorf("%v episodes, want at least 1 of a linear one, 0 of a sigmoid one", s.Episodes)
	case s.Shape < Steady || s.Shape > Logistic:
		return fmt.Errorf("no shape %d", int(s.Shape))
	}
	return nil
}

// String is as in "2", "linear 1 to 3 in 10", "sigmoid 1 to 3 around 10" and, if it is frozen, "sigmoid 1 to 3 around 10 frozen".
func (s Schedule) String() string {
	var text string
	switch s.Shape {
	case Straight:
		text = fmt.Sprintf("linear %v to %v in %v", s.From, s.To, s.Episodes)
	case Logistic:
		text = fmt.Sprintf("sigmoid %v to %v around %v", s.From, s.To, s.Episodes)
	default:
		return fmt.Sprint(s.From)
	}
	if s.Frozen {
		text += " frozen"
	}
	return text
}

// MarshalText writes what String does.
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what String writes.
func (s *Schedule) UnmarshalText(text []byte) error {
	wrong := fmt.Errorf("%q is no schedule: want a number, or as in linear 1 to 3 in 10, or sigmoid 1 to 3 around 10", text)
	words := strings.Fields(string(text))
	var read Schedule
	if len(words) == 7 && words[6] == "frozen" {
		read.Frozen, words = true, words[:6]
	}
	var numbers []*float64
	var names []string // of the words before the second and the third number
	switch {
	case len(words) == 1 && !read.Frozen:
		words, numbers = []string{"", words[0]}, []*float64{&read.From}
	case len(words) == 6 && words[0] == "linear":
		read.Shape, names = Straight, []string{"to", "in"}
	case len(words) == 6 && words[0] == "sigmoid":
		read.Shape, names = Logistic, []string{"to", "around"}
	default:
		return wrong
	}
	if names != nil {
		numbers = []*float64{&read.From, &read.To, &read.Episodes}
	}
	for i, n := range numbers {
		v, err := strconv.ParseFloat(words[1+2*i], 64)
		if err != nil || v-v != 0 || i > 0 && words[2*i] != names[i-1] {
			return wrong
		}
		*n = v
	}
	if read.Shape == Steady {
		read.To = read.From
	}
	if err := read.Check(); err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	*s = read
	return nil
}

// UnmarshalJSON reads a string as UnmarshalText does, or a number.
func (s *Schedule) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		text = string(data)
	}
	return s.UnmarshalText([]byte(text))
}

// MarshalJSON writes a constant as a number.
func (s Schedule) MarshalJSON() ([]byte, error) {
	if s.Shape == Steady {
		return json.Marshal(s.From)
	}
	return json.Marshal(s.String())
}
