package figures_test

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/figures"
)

// What can be drawn from two files of results.
func ExampleOpen() {
	g, err := figures.Open("../../notebooks/results/coverage.json", "../../notebooks/results/gap.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range g.Names() {
		f, err := g.Draw(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		png, err := f.PNG()
		fmt.Println(name, len(png) > 0, err)
	}
	// Output:
	// coverage true <nil>
	// gap true <nil>
}
