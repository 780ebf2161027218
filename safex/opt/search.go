package opt

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// search is what a call of Minimize knows so far.
type search struct {
	Problem
	found  Result
	values []float64 // of the last population, NaN replaced by +Inf
	std    []float64 // of the next population, by column
	order  []int     // its lanes, best first
}

// newSearch panics if the problem is none.
func newSearch(p Problem) *search {
	dim := p.Steps * p.Dims
	if p.Func == nil || p.Steps < 1 || p.Dims < 1 || p.Start != nil && len(p.Start) != dim || p.Std != nil && len(p.Std) != dim {
		panic(fmt.Sprintf("opt: a problem of %d steps and %d dimensions, started at %d numbers and %d deviations, with a Func: %t", p.Steps, p.Dims, len(p.Start), len(p.Std), p.Func != nil))
	}
	for d, v := range p.Start {
		if v-v != 0 {
			panic(fmt.Sprintf("opt: Start[%d] is %v, want a number", d, v))
		}
	}
	for d, v := range p.Std {
		if !(v >= 0) || math.IsInf(v, 1) {
			panic(fmt.Sprintf("opt: Std[%d] is %v, want a number of at least 0", d, v))
		}
	}
	return &search{Problem: p}
}

// spread sets the deviation of each column to that of the Problem or, if it has none, to own.
func (s *search) spread(own []float64) []float64 {
	if s.std = own; s.Std != nil {
		s.std = slices.Clone(s.Std)
	}
	return s.std
}

// dim is the number of columns.
func (s *search) dim() int { return s.Steps * s.Dims }

// score lets the objective score a population, and sorts it. After an error nothing has changed.
func (s *search) score(x num.Batch) error {
	n := x.Len()
	s.values = slices.Grow(s.values[:0], n)[:n]
	if err := s.Func(s.values, x); err != nil {
		return err
	}
	s.found.Evaluations += n
	s.order = s.order[:0]
	for i, v := range s.values {
		s.order = append(s.order, i)
		switch {
		case math.IsNaN(v):
			s.values[i] = math.Inf(1)
			s.found.NaNs++
		case math.IsInf(v, 1):
			s.found.Infs++
		}
	}
	slices.SortStableFunc(s.order, func(a, b int) int { return cmp.Compare(s.values[a], s.values[b]) })
	return nil
}

// choose makes lane i the one to return.
func (s *search) choose(x num.Batch, i int) { s.found.X, s.found.F = x.Point(i), s.values[i] }

// points are copies of some lanes.
func points(x num.Batch, lanes []int) (all [][]float64) {
	for _, i := range lanes {
		all = append(all, x.Point(i))
	}
	return all
}

// elites are the best n candidates of the last population, without those that are no numbers.
func (s *search) elites(x num.Batch, n int) [][]float64 { return points(x, s.order[:s.finite(n)]) }

// finite is how many of the first n candidates in order have a value below +Inf.
func (s *search) finite(n int) int {
	for k, i := range s.order[:n] {
		if math.IsInf(s.values[i], 1) {
			return k
		}
	}
	return n
}

// result is the best so far, nil before anything was evaluated.
func (s *search) result() *Result {
	if s.found.Evaluations == 0 {
		return nil
	}
	r := s.found
	r.Std = slices.Clone(s.std)
	return &r
}

func clamp(x []float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = min(1, max(-1, v))
	}
	return y
}
