package bench

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
)

// series measures what doubling one quantity costs.
func (b *bench) series(ctx context.Context) error {
	for _, v := range b.Series {
		measure := b.rollSeries
		if v.What == plans {
			measure = b.planSeries
		}
		rows, products, err := measure(ctx, v.Against)
		if err != nil {
			return err
		}
		exponent := exponent(v.Against, rows, products)
		for _, r := range rows {
			r.Against, r.Exponent = v.Against, exponent
			if err := b.add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// exponent is the slope of the logarithm of the time in that of what doubles, by least squares: 1 is linear. The width counts by
// the products of its layers, which grow as its square.
func exponent(against string, rows []Row, products []int) float64 {
	var x, y []float64
	for i, r := range rows {
		size := 0
		switch against {
		case "samples":
			size = r.Samples + r.Batch // one of them is 0
		case "horizon":
			size = r.Horizon
		case "members":
			size = r.Members
		case "width":
			size = products[i]
		}
		x, y = append(x, math.Log(float64(size))), append(y, math.Log(r.P50))
	}
	_, slope := stat.LinearRegression(x, y, nil, false)
	return slope
}

// sizes are what doubles: the settings' quantities, all but one as they are.
type sizes struct{ samples, horizon, members, width int }

// sizes are those of each row of a Series that starts from samples.
func (b *bench) sizes(against string, samples int) (all []sizes) {
	for i := range b.Doublings + 1 {
		v := sizes{samples, b.Horizon, b.Members, b.PlanWidths[0]}
		switch against {
		case "samples":
			v.samples <<= i
		case "horizon":
			v.horizon <<= i
		case "members":
			v.members <<= i
		case "width":
			v.width <<= i
		}
		all = append(all, v)
	}
	return all
}

// rollSeries are rollouts in the first engine that can run them, all sizes in turn, with the products of an evaluation of each.
func (b *bench) rollSeries(ctx context.Context, against string) (rows []Row, each []int, err error) {
	var runs []func() error
	for _, v := range b.sizes(against, b.GradientBatch) {
		s, m, err := b.model(ctx, recipe{pendulum, v.members, v.width, b.Activations[0], b.FitBatch, drawn})
		if err != nil {
			return nil, nil, err
		}
		engine, r, err := b.bind(s, m)
		if err != nil {
			return nil, nil, err
		}
		row := Row{
			What: rollouts, Engine: engine, Task: pendulum, Hidden: v.width, Activation: b.Activations[0], Members: v.members,
			Batch: v.samples, Horizon: v.horizon,
		}
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
func (b *bench) planSeries(ctx context.Context, against string) (rows []Row, each []int, err error) {
	var loops []*loop
	all := b.sizes(against, b.Samples)
	for _, v := range all {
		r := recipe{pendulum, v.members, v.width, b.Activations[0], b.FitBatch, b.Learned}
		l, err := b.loop(ctx, r, pessimistic, fmt.Sprintf("planner.Search.Samples=%d", v.samples), fmt.Sprintf("planner.Horizon=%d", v.horizon))
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
