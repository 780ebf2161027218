package bench

import (
	"context"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
)

// repeat calls runs in turn, A B A B …, so that a slow moment of the machine hits all of them alike. It returns the median
// of each one's seconds a call, over the turns. The first call of each, which may compile, does not count.
func (s Settings) repeat(ctx context.Context, runs ...func() error) (medians []float64, turns int, err error) {
	for _, run := range runs {
		if err := run(); err != nil {
			return nil, 0, err
		}
	}
	seconds := make([][]float64, len(runs))
	for began := time.Now(); turns < s.Turns || time.Since(began) < s.Slice; turns++ {
		for i, run := range runs {
			from, calls := time.Now(), 0
			for calls == 0 || time.Since(from) < s.Turn {
				if err := ctx.Err(); err != nil {
					return nil, 0, err
				}
				if err := run(); err != nil {
					return nil, 0, err
				}
				calls++
			}
			seconds[i] = append(seconds[i], time.Since(from).Seconds()/float64(calls))
		}
	}
	for _, v := range seconds {
		medians = append(medians, quantile(0.5, v))
	}
	return medians, turns, nil
}

// quantile is the least of v that a share p of them does not exceed. It sorts v.
func quantile(p float64, v []float64) float64 {
	slices.Sort(v)
	return stat.Quantile(p, stat.Empirical, v, nil)
}
