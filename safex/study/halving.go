package study

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Halving is successive halving (Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016): all
// trials are run for a few episodes, the best of them go on to more, and so from rung to rung. The episodes grow from Least to those of
// the study by the same factor from rung to rung. If Keep is one over that factor, each rung costs the same, as published.
type Halving struct {
	Rungs    int     `json:"rungs"`
	Keep     float64 `json:"keep"`     // share of the trials that go on, in (0, 1)
	Resource string  `json:"resource"` // what grows: episodes
	Least    int     `json:"least"`    // of it, on the first rung
}

// DefaultHalving keeps a third, twice.
func DefaultHalving() Halving {
	return Halving{Rungs: 3, Keep: 1.0 / 3, Resource: "episodes", Least: 1}
}

// A Rung is a number of episodes after which trials are compared.
type Rung struct {
	Episodes int
	Trials   int // that come to it
}

// Check reports the first setting out of range.
func (h Halving) Check() error {
	switch {
	case h.Rungs < 2 || h.Rungs > 20:
		return fmt.Errorf("halving: rungs %d: want 2 to 20", h.Rungs)
	case !(h.Keep > 0 && h.Keep < 1):
		return fmt.Errorf("halving: keep %v: want a share above 0 and below 1, as in 0.33", h.Keep)
	case h.Resource != "episodes":
		return fmt.Errorf("halving: there is no resource %q: %s", h.Resource, experiment.Instead(h.Resource, []string{"episodes"}))
	case h.Least < 1:
		return fmt.Errorf("halving: least %d: want at least 1 episode", h.Least)
	}
	return nil
}

// rungs are those of so many trials, of which the last take that many episodes.
func (h Halving) rungs(episodes, trials int) (rungs []Rung, err error) {
	for r := range h.Rungs {
		share := float64(r) / float64(h.Rungs-1)
		n := int(math.Round(float64(h.Least) * math.Pow(float64(episodes)/float64(h.Least), share)))
		if r > 0 && n <= rungs[r-1].Episodes {
			return nil, fmt.Errorf("halving: %d rungs from %d to %d episodes: want more episodes in the study, a smaller least or fewer rungs, so that each has more than the one before", h.Rungs, h.Least, episodes)
		}
		rungs = append(rungs, Rung{n, trials})
		trials = h.kept(trials)
	}
	return rungs, nil
}

// kept is how many of so many trials go on: the nearest number to their share, at least one, and not all.
func (h Halving) kept(trials int) int {
	return max(1, min(int(math.Round(h.Keep*float64(trials))), trials-1))
}
