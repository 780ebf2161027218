package plan

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
)

// Problem is what a planner that believes the model's mean has to search at q: plans of some steps, each of which costs what o says of its mean
// reward and of its worst excess. The search begins where the last plan ended, if q has one. A searcher that is new can be tried on it
// before it plans.
func Problem(ctx context.Context, q safex.Query, steps int, o safex.Objective) opt.Problem {
	at := newQuery(q, steps)
	var rolled safex.Rolled
	return opt.Problem{
		Steps: steps, Dims: at.nu, Start: at.warm(),
		Func: func(values []float64, x num.Batch) error {
			if err := at.Rollout.Roll(ctx, &rolled, at.candidates(x, nil, 0), nil); err != nil {
				return err
			}
			for i := range values {
				values[i] = o.Cost(meanReward(&rolled, i), at.price(o, &rolled, i))
			}
			return nil
		},
	}
}
