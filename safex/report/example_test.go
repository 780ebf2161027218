package report_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// What was read from run folders, as by report.Read("runs"), is summed up, kept in a small file, and read again. Here it is made by hand: two
// runs of a random phase and an episode, one of which breaks the limit.
func Example() {
	method := report.Method{Task: "pendulum", Planner: "safe", Model: "sparse-gp", Calibrate: "adaptive", Build: "0.3.0", Steps: 300, Limits: []report.Limit{{Name: "speed", Unit: "rad/s"}}}
	for seed, worst := range []float64{-0.2, 0.1} {
		explore := report.Episode{Summary: store.Summary{Phase: safex.RandomPhase, Steps: 100, Return: -900, Worst: map[string]float64{"speed": -3}}, First: -1}
		learned := report.Episode{Summary: store.Summary{Episode: 1, Phase: safex.PlannedPhase, Steps: 200, Return: -350, Worst: map[string]float64{"speed": worst}}, First: -1}
		if worst > 0 {
			learned.Violations, learned.First = 1, 40
		}
		method.Runs = append(method.Runs, report.Run{Seed: uint64(seed + 1), Episodes: []report.Episode{explore, learned}})
	}
	set := &report.Set{Methods: []report.Method{method}}

	dir, err := os.MkdirTemp("", "result")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "pendulum.json")
	if err := set.Save(file); err != nil {
		fmt.Println(err)
		return
	}
	again, err := report.Read(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := again.Rows("", rng.New(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range rows {
		fmt.Printf("%s, %s: %d of %d runs without a violation\n", r.Task, r.Name, r.Clean, r.Judged)
		fmt.Printf("%d of %d steps beyond a limit, the first after %d\n", r.Violating, r.Steps, r.Earliest)
		fmt.Printf("with 95 %% confidence, at most %.0f %% of such runs have one\n", 100*r.AtMost)
	}
	// Output:
	// pendulum, safe: 1 of 2 runs without a violation
	// 1 of 600 steps beyond a limit, the first after 141
	// with 95 % confidence, at most 97 % of such runs have one
}
