package study

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// A Setting is one that trials differ in: a field of set, or a key of a Change, with what it may be.
type Setting struct {
	Name   string   `json:"name"`
	Range  *Range   `json:"range,omitempty"`  // nil is one of Values
	Values []string `json:"values,omitempty"` // as in a Set
}

// A Range is of numbers, both ends among them.
type Range struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Log   bool    `json:"log"`   // uniform in the logarithm
	Whole bool    `json:"whole"` // whole numbers alone
}

// Over are the settings that trials differ in, in the order of the file.
type Over []Setting

// wide is the largest end of a Range of whole numbers.
const wide = 1 << 50

// Check reports the first setting from which nothing can be drawn.
func (o Over) Check() error {
	if len(o) == 0 {
		return fmt.Errorf("over names no setting: want one at least, as in over: {planner.Beta: {from: 0.5, to: 4}}")
	}
	if len(o) > dimensions {
		return fmt.Errorf("over names %d settings: want at most %d", len(o), dimensions)
	}
	for i, s := range o {
		if slices.ContainsFunc(o[:i], func(other Setting) bool { return other.Name == s.Name }) {
			return fmt.Errorf("over names %s twice", s.Name)
		}
		if err := s.Check(); err != nil {
			return fmt.Errorf("over %s: %w", s.Name, err)
		}
	}
	return nil
}

// Check reports why nothing can be drawn.
func (s Setting) Check() error {
	switch s.Name {
	case "episodes":
		return fmt.Errorf("trials are compared after as many episodes: leave it out, or take method: halving")
	case "explore", "learn-every":
		if s.Range != nil && !s.Range.Whole {
			return fmt.Errorf("it is a whole number: give its range whole: true")
		}
		for _, v := range s.Values {
			if _, err := strconv.Atoi(v); err != nil {
				return fmt.Errorf("%q is not a whole number", v)
			}
		}
	}
	if s.Range != nil {
		return s.Range.Check()
	}
	if len(s.Values) < 2 {
		return fmt.Errorf("there are %d values to choose from: want at least two, or a range as in {from: 0.5, to: 4}", len(s.Values))
	}
	for i, v := range s.Values {
		if slices.Contains(s.Values[:i], v) {
			return fmt.Errorf("its values name %s twice", v)
		}
	}
	return nil
}

// Check reports why there are no numbers to draw.
func (r Range) Check() error {
	switch {
	case math.IsNaN(r.From) || math.IsNaN(r.To):
		return fmt.Errorf("want from and to, as in {from: 0.5, to: 4}")
	case math.IsInf(r.To-r.From, 0):
		return fmt.Errorf("from %v to %v: the range is wider than numbers are", r.From, r.To)
	case r.From == r.To:
		return fmt.Errorf("from %v to %v: the range is empty: put the value under set", r.From, r.To)
	case r.From > r.To:
		return fmt.Errorf("from %v to %v: want from below to", r.From, r.To)
	case r.Log && r.From <= 0:
		return fmt.Errorf("from %v, log: there is no logarithm of a number that is not above 0", r.From)
	case r.Whole && (r.From != math.Trunc(r.From) || r.To != math.Trunc(r.To) || max(-r.From, r.To) > wide):
		return fmt.Errorf("from %v to %v, whole: want whole numbers", r.From, r.To)
	}
	return nil
}

// at is the value at u in [0, 1), the share of the distribution that is below it.
func (s Setting) at(u float64) string {
	if s.Range != nil {
		return s.Range.at(u)
	}
	return s.Values[min(int(u*float64(len(s.Values))), len(s.Values)-1)]
}

// at is the number at u. A whole one has the share of the distribution between itself and the next. Others have as many digits as tell a
// ten-thousandth of the range.
func (r Range) at(u float64) string {
	to := r.To
	if r.Whole {
		to++
	}
	v := r.From + u*(to-r.From)
	if r.Log {
		v = r.From * math.Exp(u*math.Log(to/r.From))
	}
	if r.Whole {
		return strconv.FormatFloat(min(max(math.Floor(v), r.From), r.To), 'f', -1, 64)
	}
	digits := 4 + int(math.Ceil(math.Log10(max(math.Abs(r.From), math.Abs(r.To))/(r.To-r.From))))
	if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', min(max(digits, 4), 17), 64), 64); err == nil {
		v = short
	}
	return strconv.FormatFloat(min(max(v, r.From), r.To), 'g', -1, 64)
}

// decodeOver puts n, the value of the key over, into o.
func decodeOver(n *yaml.Node, o *Over) error {
	return pairs("over", n, func(key, value *yaml.Node) error {
		s, what := Setting{Name: key.Value}, "over "+key.Value
		if value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		switch value.Kind {
		case yaml.MappingNode:
			s.Range = &Range{From: math.NaN(), To: math.NaN()}
			if err := decode(what, value, reflect.ValueOf(s.Range).Elem()); err != nil {
				return err
			}
		case yaml.SequenceNode:
			for _, c := range value.Content {
				text, err := scalars(c)
				if err != nil || text == "" {
					return wrong(c, "%s: want values as in [1, 2], or lists of them as in [[64, 64], [128, 128]]", what)
				}
				s.Values = append(s.Values, text)
			}
		default:
			return wrong(value, "%s: want a range as in {from: 0.5, to: 4}, or values as in [1, 2]", what)
		}
		*o = append(*o, s)
		return nil
	})
}
