package safex

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// StateOf is a state by the names of its dimensions. An angle of the task can be given, in rad, in place of its sine and its cosine. The error
// names what is missing, or is none of the state.
func (s *System) StateOf(given map[string]float64) ([]float64, error) {
	x, left := make([]float64, len(s.State)), len(given)
	var missing []string
	turned := map[int]bool{}
	for _, a := range s.Angles {
		if v, ok := given[a.Name]; ok {
			x[a.Sin], x[a.Cos] = math.Sin(v), math.Cos(v)
			turned[a.Sin], turned[a.Cos] = true, true
			left--
		}
	}
	names := []string{}
	for d, v := range s.State {
		value, ok := given[v.Name]
		names = append(names, v.Name)
		switch {
		case ok && !turned[d]:
			x[d] = value
			left--
		case !turned[d]:
			missing = append(missing, v.Name)
		}
	}
	for _, a := range s.Angles {
		names = append(names, a.Name)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("safex: task %q: the state has no %s: give each of its dimensions, or an angle for its sine and cosine", s.Name, strings.Join(missing, ", "))
	}
	if left > 0 {
		for name := range given {
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("safex: task %q: the state has no dimension %q: want those of %s", s.Name, name, strings.Join(names, ", "))
			}
		}
		return nil, fmt.Errorf("safex: task %q: an angle and its sine or cosine are both given: leave one out", s.Name)
	}
	return x, s.tryState("the state", x)
}
