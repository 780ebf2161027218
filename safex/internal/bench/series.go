package bench

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// series measures what it costs that one quantity grows.
func (b *bench) series(ctx context.Context) error {
	for _, v := range b.Series {
		measure := b.rollSeries
		switch v.What {
		case plans:
			measure = b.planSeries
		case fits:
			measure = b.fitSeries
		}
		rows, products, err := measure(ctx, v)
		if err != nil {
			return err
		}
		exponent := exponent(v.Against, rows, products)
		for _, r := range rows {
			r.Against, r.Exponent, r.Model = v.Against, exponent, v.Model
			if err := b.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// Size is how much of it there is of what a row of a Series is against.
func (r Row) Size() int {
	switch r.Against {
	case "samples":
		return r.Samples + r.Batch // one of them is 0
	case "horizon":
		return r.Horizon
	case "members":
		return r.Members
	case "width":
		return r.Hidden
	case "limits":
		return r.Limits
	case "dimensions":
		return r.States
	case data:
		return r.Data
	}
	return r.Episodes
}

// exponent is the slope of the logarithm of the time, or of the memory, in that of what grows, by least squares: 1 is linear. The width
// counts by the products of its layers, which grow as its square.
func exponent(against string, rows []Row, products []int) float64 {
	var x, y []float64
	for i, r := range rows {
		r.Against = against
		size := r.Size()
		if against == "width" {
			size = products[i]
		}
		x, y = append(x, math.Log(float64(size))), append(y, math.Log(r.P50+r.MB)) // one of them is 0
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return slope
}

// size is a row of a Series: the settings' quantities, all but one as they are.
type size struct {
	recipe
	samples, horizon int
}

// sizes are those of each row of a Series whose models take so many gradient steps and that starts from samples.
func (b *bench) sizes(v Series, samples, steps int) (all []size) {
	n := b.Doublings + 1
	if v.Against == data {
		n = len(b.Transitions)
	}
	for i := range n {
		s := size{b.recipe(pendulum, b.PlanWidths[0], b.Activations[0], steps), samples, b.Horizon}
		switch v.Against {
		case "samples":
			s.samples <<= i
		case "horizon":
			s.horizon <<= i
		case "members":
			s.members <<= i
		case "width":
			s.width <<= i
		case "limits":
			s.task, s.states, s.limits = chain, 4, 1<<i
		case "dimensions":
			s.task, s.states, s.limits = chain, 4<<i, 1
		case data:
			s.data, s.kind = b.Transitions[i], v.Model
			if v.Model == gp { // which has none of these
				s.members, s.width, s.activation = 0, 0, ""
			}
		}
		all = append(all, s)
	}
	return all
}

// row is what a size is of.
func (s size) row(what string) Row {
	return Row{
		What: what, Task: s.task, Hidden: s.width, Activation: s.activation, Members: s.members, States: s.states, Limits: s.limits, Data: s.data,
	}
}

// rollSeries are rollouts in the first engine that can run them, all sizes in turn, with the products of an evaluation of each.
func (b *bench) rollSeries(ctx context.Context, v Series) (rows []Row, each []int, err error) {
	var runs []func() error
	for _, size := range b.sizes(v, b.GradientBatch, drawn) {
		s, m, err := b.model(ctx, size.recipe)
		if err != nil {
			return nil, nil, err
		}
		engine, r, err := b.bind(s, m)
		if err != nil {
			return nil, nil, err
		}
		row := size.row(rollouts)
		row.Engine, row.Batch, row.Horizon = engine, size.samples, size.horizon
		rows, runs, each = append(rows, row), append(runs, b.roll(ctx, s, r, row)), append(each, products(m))
	}
	seconds, turns, err := b.repeat(ctx, runs...)
	for i := range seconds {
		rows[i].rate(seconds[i], turns, each[i])
		rows[i].P50 = 1e3 * seconds[i]
	}
	return rows, each, err
}

// planSeries are plans of the pessimistic planner, all sizes in turn, with the products of an evaluation of each.
func (b *bench) planSeries(ctx context.Context, v Series) (rows []Row, each []int, err error) {
	var loops []*loop
	all := b.sizes(v, b.Samples, b.Learned)
	for _, size := range all {
		l, err := b.loop(ctx, size.recipe, pessimistic, fmt.Sprintf("planner.Search.Samples=%d", size.samples), fmt.Sprintf("planner.Horizon=%d", size.horizon))
		if err != nil {
			return nil, nil, err
		}
		loops, each = append(loops, l), append(each, products(l.model))
	}
	if err := play(ctx, b.PlanWarm, b.SeriesCount, loops...); err != nil {
		return nil, nil, err
	}
	for i, l := range loops {
		r := l.row()
		r.Samples = all[i].samples
		rows = append(rows, r)
	}
	return rows, each, nil
}

// fitSeries are fits from nothing to more and more data, with a learner's own settings. What is fast is timed more than once.
func (b *bench) fitSeries(ctx context.Context, v Series) (rows []Row, each []int, err error) {
	for _, size := range b.sizes(v, 0, b.Learned) {
		s, data, err := b.task(size.recipe)
		if err != nil {
			return nil, nil, err
		}
		l, err := size.learner()
		if err != nil {
			return nil, nil, err
		}
		times := 0
		fit := measure(func() (float64, error) {
			times++
			return clock(func() error { _, err := l.Learn(ctx, s, data, nil, b.src.Child("fit")); return err })
		})
		seconds, err := fit.again(b.Slice)
		if err != nil {
			return nil, nil, err
		}
		row := size.row(fits)
		row.P50, row.Repetitions = 1e3*seconds, times
		rows, each = append(rows, row), append(each, 0)
	}
	return rows, each, nil
}

// Lines are the rows of each Series, and of the memory, that of chooses, in their order.
func Lines(rows []Row, of func(Row) bool) (lines [][]Row) {
	for _, r := range rows {
		if r.Against == "" || !of(r) {
			continue
		}
		if n := len(lines) - 1; n >= 0 && lines[n][0].What == r.What && lines[n][0].Against == r.Against && lines[n][0].Model == r.Model {
			lines[n] = append(lines[n], r)
			continue
		}
		lines = append(lines, []Row{r})
	}
	return lines
}

// Grows tells whether there is anything in rows that grows.
func Grows(rows []Row) bool { return len(Lines(rows, func(Row) bool { return true })) > 0 }
