package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A publication is what the published runs of a task had in common, where other tasks' differed.
type publication struct {
	horizon               int
	weight                float64       // λ
	particles             int           // of the safe planner, whose reward and cost were under the mean, or under draws
	actions, errors       int           // populations of each turn of MinMax
	beta, cautious        plan.Schedule // κ of MinMax, and of OptMinMax
	optimism              plan.Schedule // κ° of OptMinMax
	width                 int           // of both hidden layers
	rate                  float64       // learning rate
	episodes, randomSteps int
}

// publications are the tasks with published settings.
var publications = map[string]publication{
	"pendulum": {
		horizon: 20, weight: 1, actions: 5, errors: 5, beta: around(10), cautious: around(10), optimism: around(10),
		width: 128, rate: 1e-3, episodes: 50, randomSteps: 100,
	},
	"pitch": {
		horizon: 5, weight: 0.01, particles: 10, actions: 10, errors: 10, beta: around(10), cautious: around(20), optimism: plan.Constant(1),
		width: 128, rate: 5e-4, episodes: 30, randomSteps: 100,
	},
	"rccar": {
		horizon: 20, weight: 1, actions: 10, errors: 5, beta: around(20), cautious: around(20), optimism: plan.Constant(1),
		width: 256, rate: 1e-3, episodes: 50, randomSteps: 200,
	},
}

// around is the published schedule, which never got beyond its first episode.
func around(episode float64) plan.Schedule {
	s := plan.Sigmoid(1, 3, episode)
	s.Frozen = true
	return s
}

// UsePreset sets everything to a preset but the seed: "reference" for the published settings of the Task and the Planner, as far
// as they are offered, "" for those in force. The error names the tasks and planners that were published.
//
// The stored settings of the pendulum's unsafe planner have an action cost of 0.2, and those of OptMinMax a limit that cannot be
// reached; both are of studies beside the published comparison, and the values of the other planners are taken in their place.
func (s *Spec) UsePreset(name string) error {
	if name == "" {
		return nil
	}
	if name != reference {
		return fmt.Errorf("there is no preset %q: %s", name, Instead(name, []string{reference}))
	}
	pub, ok := publications[s.TaskName()]
	if !ok {
		return fmt.Errorf("task %q has no published settings: there are those of %s", s.TaskName(), strings.Join(slices.Sorted(maps.Keys(publications)), ", "))
	}
	m, _ := tasks.Reference(s.TaskName())
	p, err := pub.planner(s.PlannerName())
	if err != nil {
		return err
	}
	e := ensemble.Reference()
	e.Hidden, e.LearningRate = []int{pub.width, pub.width}, pub.rate
	t := calibrate.DefaultTemperature()
	t.Aleatoric, t.Fresh = true, true
	s.Task, s.Planner, s.Learner, s.Prior, s.Calibration, s.Filter, s.named = m, p, &e, nil, &t, nil, true
	s.Episodes, s.RandomSteps, s.LearnEvery, s.RepeatNoise = pub.episodes, pub.randomSteps, 0, true
	return nil
}

// reference is the preset of the published settings.
const reference = "reference"

// Parameters are a task's by the name of a preset: "" for the defaults, or "reference" for the published behaviour. The error
// names the nearest name.
func Parameters(task, preset string) (safex.Maker, error) {
	m, err := Tasks.New(task)
	if err != nil || preset == "" {
		return m, err
	}
	if preset != reference {
		return nil, fmt.Errorf("there is no preset %q: %s", preset, Instead(preset, []string{reference}))
	}
	if m, ok := tasks.Reference(task); ok {
		return m, nil
	}
	return m, nil // one of the program's own, which was published as it is
}

// planner is a published planner.
func (pub publication) planner(name string) (safex.Planner, error) {
	const particles = 10
	o := safex.Objective{Weight: pub.weight, Count: true}
	search := opt.ReferenceCEM()
	switch name {
	case "unsafe":
		return &plan.Nominal{Horizon: pub.horizon, Search: &search, Particles: particles}, nil
	case "safe":
		return &plan.Nominal{Horizon: pub.horizon, Objective: o, Search: &search, Particles: pub.particles}, nil
	case "pestraj":
		return &plan.PesTraj{Horizon: pub.horizon, Objective: o, Search: &search, Particles: particles, Separate: true}, nil
	case "minmax", "optminmax":
		inner := search
		search.Iterations, inner.Iterations = pub.actions, pub.errors
		search.Warm, inner.Warm = true, true // within a step: each turn starts from the mean of the one before
		p := plan.MinMax{
			Horizon: pub.horizon, Beta: pub.beta, Objective: o, Search: &search, Inner: &inner, Particles: particles,
			Alternations: 10, Fixed: 5, Mean: true,
		}
		if name == "optminmax" {
			p.Beta, p.Optimism, p.Particles = pub.cautious, pub.optimism, 0
		}
		return &p, nil
	}
	return nil, fmt.Errorf("planner %q was not published: choose unsafe, safe, pestraj, minmax or optminmax", name)
}
