package track_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/track"
)

// A run of two short episodes, for TensorBoard and Weights & Biases, while it runs.
func Example() {
	root, err := os.MkdirTemp("", "runs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)
	settings, err := experiment.Named("pitch", "planner=safe")
	if err == nil {
		err = settings.Set("learner=linear")
	}
	if err == nil {
		err = settings.Set("Steps=10")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	settings.Episodes = 2
	dir := filepath.Join(root, "mine")
	r, err := store.Start(dir, settings)
	if err != nil {
		fmt.Println(err)
		return
	}
	both := track.Settings{TensorBoard: true, WandB: "my-project"}
	if err := both.Follow(r, func(err error) { fmt.Println(err) }); err != nil {
		fmt.Println(err)
		return
	}
	for _, err := range r.Episodes(context.Background()) {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	events, _ := filepath.Glob(filepath.Join(dir, "tensorboard", "events.out.tfevents.*"))
	offline, _ := filepath.Glob(filepath.Join(dir, "wandb", "offline-run-*", "run-*.wandb"))
	fmt.Println(len(events), "event files: the random phase and two episodes")
	fmt.Println(len(offline), "offline run")
	// Output:
	// 3 event files: the random phase and two episodes
	// 1 offline run
}

// Runs that are there are written without being run.
func ExampleSettings_Update() {
	n, err := track.Settings{TensorBoard: true}.Update("testdata")
	fmt.Println(n, err)
	// Output:
	// 0 store: "testdata" is no run folder: it has no file run.yaml
}
