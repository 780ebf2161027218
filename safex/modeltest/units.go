package modeltest

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A Place is where a dimension of the state is told from, and in what: the number v of a task becomes (v + Offset) · Unit.
type Place struct{ Unit, Offset float64 }

// Moved is task t with the dimensions of its state told in other units and from other places, a Place for each: the same system to
// somebody who looks at it otherwise. Scales go with the units; limits, rewards and starts are as they were. Dimensions with a
// range, and those of an angle, must stay.
func Moved(t safex.Task, places ...Place) safex.Task {
	m := t
	back := func(x num.Vec) num.Vec {
		own := make(num.Vec, len(x))
		for d, p := range places {
			own[d] = x[d].Div(p.Unit).Sub(p.Offset)
		}
		return own
	}
	m.State = slices.Clone(t.State)
	for d, p := range places {
		m.State[d].Scale *= p.Unit
	}
	start := t.Start
	m.Start = func(x []float64, r *rand.Rand) {
		start(x, r)
		for d, p := range places {
			x[d] = (x[d] + p.Offset) * p.Unit
		}
	}
	m.Next = func(x, u num.Vec) num.Vec {
		next := t.Next(back(x), u)
		for d, p := range places {
			next[d] = next[d].Add(p.Offset).Mul(p.Unit)
		}
		return next
	}
	m.Reward = func(x, u, next num.Vec) num.Expr { return t.Reward(back(x), u, back(next)) }
	m.Limits = slices.Clone(t.Limits)
	for k, l := range t.Limits {
		if l.Of != nil {
			m.Limits[k].Of = func(x, u, next num.Vec) num.Expr { return l.Of(back(x), u, back(next)) }
		}
	}
	m.Picture = nil
	return m
}

// units checks that a learner says the same of a pendulum whose speed is told in other units and from other places: to the bit in units
// of powers of two, and from another place up to the rounding of numbers there.
func units(t *testing.T, l safex.Codec) {
	_, data := Pendulum(t, 200)
	for _, b := range []num.Batch{data.X, data.U, data.Next} {
		for _, column := range b {
			for i, v := range column { // such that it can be told from far away
				column[i] = math.Round(v*(1<<20)) / (1 << 20)
			}
		}
	}
	x, u := far(50)
	says := func(p Place) (mean, epistemic, aleatoric []float64) {
		s, err := Moved(tasks.DefaultPendulum().Task(), Place{Unit: 1}, Place{Unit: 1}, p).System()
		if err != nil {
			t.Fatal(err)
		}
		moved := func(b num.Batch) num.Batch {
			column := make([]float64, b.Len())
			for i, v := range b[2] {
				column[i] = (math.Round(v*(1<<20))/(1<<20) + p.Offset) * p.Unit
			}
			return num.Batch{b[0], b[1], column}
		}
		m, err := l.Learn(context.Background(), s, &safex.Data{X: moved(data.X), U: data.U, Next: moved(data.Next)}, nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		belief := predict(t, m, moved(x), u)
		for d := range belief.Mean {
			unit, offset := 1.0, 0.0
			if d == 2 {
				unit, offset = p.Unit, p.Offset
			}
			for i := range belief.Mean[d] {
				mean = append(mean, belief.Mean[d][i]/unit-offset)
				epistemic, aleatoric = append(epistemic, belief.Epistemic[d][i]/unit), append(aleatoric, belief.Aleatoric[d][i]/unit)
			}
		}
		return mean, epistemic, aleatoric
	}
	const fitted = 1000 // what a fit makes of a last place
	wantMean, wantEpistemic, wantAleatoric := says(Place{Unit: 1})
	for _, p := range []Place{{Unit: 1 << 30}, {Unit: 1.0 / (1 << 30)}, {Unit: 1, Offset: 1 << 10}, {Unit: 1, Offset: -(1 << 23)}} {
		last := math.Nextafter(math.Abs(p.Offset)+8, math.Inf(1)) - (math.Abs(p.Offset) + 8) // place of numbers there
		if p.Offset == 0 {
			last = 0
		}
		mean, epistemic, aleatoric := says(p)
		for what, pair := range map[string][2][]float64{"mean": {mean, wantMean}, "epistemic deviation": {epistemic, wantEpistemic}, "aleatoric deviation": {aleatoric, wantAleatoric}} {
			for i, got := range pair[0] {
				if off := math.Abs(got - pair[1][i]); off > fitted*last {
					t.Fatalf("in units of %v and %v away, the %s of point %d is %v, want %v", 1/p.Unit, p.Offset, what, i, got, pair[1][i])
				}
			}
		}
	}
}
