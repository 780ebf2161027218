package stats_test

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// Two of ten seeds that went wrong hardly move the interquartile mean; their mean is -399.
func ExampleBootstrap_IQM() {
	returns := []float64{-344, -347, -340, -339, -351, -345, -342, -346, -598, -638}
	e := stats.DefaultBootstrap().IQM([][]float64{returns}, rng.New(1))
	fmt.Printf("%.1f of %d seeds\n", e.Value, e.N)
	// Output: -345.7 of 10 seeds
}

// Ten runs without a violation leave room for chance.
func ExampleAtMost() {
	fmt.Printf("at most %.0f %%\n", 100*stats.AtMost(0, 10, 0.95))
	// Output: at most 26 %
}

// Two of four runs break a limit, after 12 and 40 steps; one ends before it could, and one never does.
func ExampleKaplanMeier() {
	c := stats.KaplanMeier([]stats.Span{{Steps: 12, Event: true}, {Steps: 40, Event: true}, {Steps: 20}, {Steps: 200}})
	fmt.Println(c.Shares)
	fmt.Println(c.Median())
	// Output:
	// [0.75 0.375]
	// 40 true
}

func ExampleImprovement() {
	fmt.Println(stats.Improvement([]float64{3, 4, 5}, []float64{1, 2, 4}))
	// Output: 0.8333333333333334
}
