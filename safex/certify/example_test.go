package certify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex/certify"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Trains for an episode on a pendulum whose mass is believed to be a fifth too small, and asks which of its plans are proved to keep the
// limit, whatever of the rest the model is wrong about.
func ExampleSettings() {
	dir, err := os.MkdirTemp("", "certify")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	run := filepath.Join(dir, "run")
	s, err := experiment.Named("pendulum", "learner=prior+linear", "prior.Mass=0.8", "episodes=1", "explore=20", "Steps=10", "planner.Horizon=8")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, err := range store.Train(context.Background(), run, s) {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	c, err := certify.Default().Open(run)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, err := range c.Run(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, r := range c.Rows() {
		fmt.Printf("certified %d of %d, unbroken %d; in the box after %.0f %% of the steps\n", r.Certified, r.Plans, r.Unbroken, 100*r.Coverage)
	}
	fmt.Println("outside of a tube:", c.Check())
	// Output:
	// certified 4 of 10, unbroken 10; in the box after 100 % of the steps
	// outside of a tube: <nil>
}
