package study_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex/study"
)

// Two planners with two seeds each, two runs at a time, in this process. In a notebook it is the same; a command starts a process for each
// run, by study.Process.
func ExampleStudy_Run() {
	s := &study.Study{
		Name: "short", Tasks: []string{"pitch"}, Planners: []string{"safe", "pessimistic"}, Models: []string{"linear"}, Seeds: study.Seeds{1, 2},
		Change: study.Change{Set: study.Set{"episodes": "1", "explore": "20", "Steps": "10", "planner.Horizon": "5"}},
	}
	out, err := os.MkdirTemp("", "study")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(out)
	var last study.Progress
	for p, err := range s.Run(context.Background(), out, 2, study.Here) {
		if err != nil {
			fmt.Println(err)
			return
		}
		last = p
	}
	fmt.Printf("%d of %d runs, %d of %d steps, %d beyond a limit\n", last.Done, last.Runs, last.Steps, last.Total, last.Violations)

	states, err := study.Status(out)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range states {
		fmt.Println(s.Run, s.Phase)
	}
	// Output:
	// 4 of 4 runs, 120 of 120 steps, 0 beyond a limit
	// pitch/safe-linear/1 done
	// pitch/pessimistic-linear/1 done
	// pitch/safe-linear/2 done
	// pitch/pessimistic-linear/2 done
}

// A study is a file, as safex run takes it.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "study")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "quick.yaml")
	if err := os.WriteFile(path, []byte(`
name: quick
tasks: [pendulum]
planners: [safe, pessimistic]
seeds: 1-2
episodes: 5
overrides:
  - planners: [pessimistic]
    set: {planner.AttackedCandidates: 8}
variants:
  - name: beta-1
    planners: [pessimistic]
    set: {planner.Beta: 1}
`), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	s, err := study.Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs, err := s.Jobs()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range jobs {
		fmt.Println(j.Dir, j.Total())
	}
	// Output:
	// pendulum/safe-sparse-gp/1 1100
	// pendulum/pessimistic-sparse-gp/1 1100
	// pendulum/pessimistic-sparse-gp-beta-1/1 1100
	// pendulum/safe-sparse-gp/2 1100
	// pendulum/pessimistic-sparse-gp/2 1100
	// pendulum/pessimistic-sparse-gp-beta-1/2 1100
}

// Six trials with an episode each; the best two go on to the fourth. A command starts a process for each run, by study.Process.
func ExampleSweep_Run() {
	s := &study.Sweep{
		Study: study.Study{
			Name: "caution", Tasks: []string{"pitch"}, Planners: []string{"pessimistic"}, Models: []string{"linear"}, Seeds: study.Seeds{1},
			Change: study.Change{Set: study.Set{"episodes": "4", "explore": "20", "Steps": "10", "planner.Horizon": "5"}},
		},
		Trials: study.DefaultTrials(),
	}
	s.Trials.Method, s.Trials.Number = "halving", 6
	s.Trials.Halving = &study.Halving{Rungs: 2, Keep: 1.0 / 3, Resource: "episodes", Least: 1}
	s.Trials.Over = study.Over{{Name: "planner.Beta", Range: &study.Range{From: 0.5, To: 4}}}
	out, err := os.MkdirTemp("", "sweep")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(out)
	for _, err := range s.Run(context.Background(), out, 2, study.Here) {
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	outcomes, err := study.Outcomes(out)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, o := range outcomes {
		fmt.Printf("number %d has %d episodes, and %d steps beyond a limit\n", i+1, o.Episodes, o.Violations)
	}
	// Output:
	// number 1 has 4 episodes, and 0 steps beyond a limit
	// number 2 has 4 episodes, and 0 steps beyond a limit
	// number 3 has 1 episodes, and 0 steps beyond a limit
	// number 4 has 1 episodes, and 0 steps beyond a limit
	// number 5 has 1 episodes, and 0 steps beyond a limit
	// number 6 has 1 episodes, and 0 steps beyond a limit
}
