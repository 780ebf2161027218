package filter_test

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A driver who knows nothing of walls is kept from one, by what the task knows of its brakes.
func Example() {
	system, err := tasks.DefaultCarPark().Task().System()
	if err != nil {
		panic(err)
	}
	throttle := func(t int, x []float64) []float64 { return []float64{1} }
	for _, f := range []safex.Filter{nil, filter.Default()} {
		agent := train.Agent{
			System: system, Learner: rollout.Oracle{}, Engine: rollout.NewAuto(), Planner: plan.Policy{Act: throttle},
			RandomSteps: 1, Seed: 1, Filter: f,
		}
		covers := map[safex.Cover]int{}
		for e, err := range agent.Episodes(context.Background(), 1) {
			if err != nil {
				panic(err)
			}
			if e.Number == 0 {
				continue
			}
			for _, f := range e.Forecasts {
				covers[f.Cover]++
			}
			fmt.Printf("%d steps beyond the wall; ends at %.2f m; covered: %v\n", e.Violations(), e.States[len(e.States)-1][0], covers)
		}
	}
	// Output:
	// 172 steps beyond the wall; ends at 87.64 m; covered: map[:200]
	// 0 steps beyond the wall; ends at 3.99 m; covered: map[backup:177 kernel:23]
}
