package study

import (
	"fmt"
	"slices"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distmv"
	"gonum.org/v1/gonum/stat/samplemv"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Trials are what a Sweep consists of, and how they are compared.
type Trials struct {
	Method    string    `json:"method"` // halton, random or halving
	Number    int       `json:"trials"`
	Over      Over      `json:"over"`
	Objective Objective `json:"objective"`
	Halving   *Halving  `json:"halving,omitempty"` // of the method halving; nil is DefaultHalving
	Seed      uint64    `json:"seed"`              // of the values
}

// methods of Trials.
const (
	halton  = "halton"
	random  = "random"
	halving = "halving"
)

// dimensions is the largest number of settings, that of the primes of gonum's Halton sequence.
const dimensions = 1000

// DefaultTrials are 16 of a Halton sequence.
func DefaultTrials() Trials {
	return Trials{Method: halton, Number: 16, Objective: DefaultObjective(), Seed: 1}
}

// Check reports the first setting that makes no trials.
func (t Trials) Check() error {
	if all := []string{halton, random, halving}; !slices.Contains(all, t.Method) {
		return fmt.Errorf("method: there is no %q: %s", t.Method, experiment.Instead(t.Method, all))
	}
	if t.Number < 1 || t.Number > most {
		return fmt.Errorf("trials %d: want 1 to %d", t.Number, most)
	}
	if err := t.Over.Check(); err != nil {
		return err
	}
	if err := t.Objective.Check(); err != nil {
		return err
	}
	if t.Halving != nil && t.Method != halving {
		return fmt.Errorf("halving is given, and the method is %s: want method: halving, or leave it out", t.Method)
	}
	if t.Method != halving {
		return nil
	}
	if t.Number < 2 {
		return fmt.Errorf("trials %d: want at least 2 for halving", t.Number)
	}
	return t.halving().Check()
}

// halving is Halving, or its default.
func (t Trials) halving() Halving {
	if t.Halving == nil {
		return DefaultHalving()
	}
	return *t.Halving
}

// A Trial is a variant of a sweep.
type Trial struct {
	Name   string
	Values []string // of each setting of Over
}

// Draw are the trials. They follow from Method, Over and Seed alone, and more of them begin with the same. It panics if t does not pass Check.
//
// The method random draws each value by itself. The others take the points of a Halton sequence with the random digits of Owen (A randomized
// Halton algorithm in R, 2017, arXiv:1706.02808): each is uniform, and together they fill the space evenly. The first b, b² … of the k-th
// setting, where b is the k-th prime, have one value in each of as many equal parts of its range.
func (t Trials) Draw() []Trial {
	if err := t.Check(); err != nil {
		panic("study: " + err.Error())
	}
	points := t.points()
	trials := make([]Trial, t.Number)
	for i := range trials {
		trials[i].Name = fmt.Sprintf("trial-%02d", i+1)
		for k, s := range t.Over {
			trials[i].Values = append(trials[i].Values, s.at(points.At(i, k)))
		}
	}
	return trials
}

// points are the values of trials, in rows, as shares of their distributions: in [0, 1), or 1 by rounding.
func (t Trials) points() *mat.Dense {
	src := rng.New(t.Seed).Child("sweep")
	points := mat.NewDense(t.Number, len(t.Over), nil)
	if t.Method == random {
		for i := range t.Number {
			for k, s := range t.Over {
				points.Set(i, k, src.Child(random).At(i).Child(s.Name).Rand().Float64())
			}
		}
	} else {
		samplemv.Halton{Kind: samplemv.Owen, Q: distmv.NewUnitUniform(len(t.Over), nil), Src: src.Child(halton).Source()}.Sample(points)
	}
	return points
}
