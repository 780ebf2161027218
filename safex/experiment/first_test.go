package experiment_test

import (
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// What is known of the steps before the first plan comes back from run.yaml, and is not in it where nothing is.
func TestFirstComesBack(t *testing.T) {
	for text, assignments := range map[string][]string{
		"PriorDeviation: [0.002, 0.002, 0.04]\n": {"prior-deviation=0.002,0.002,0.04", "filter=on", "learner=prior+gp"},
		"ExploreBy: backup\n":                    {"explore-by=backup"},
		"":                                       {"explore-by=backup", "explore-by=random"},
	} {
		s, err := experiment.Named("pendulum", assignments...)
		if err != nil {
			t.Fatal(err)
		}
		yaml, err := s.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if text == "" && (strings.Contains(string(yaml), "PriorDeviation") || strings.Contains(string(yaml), "ExploreBy")) || !strings.Contains(string(yaml), text) {
			t.Errorf("%v is kept as\n%s", assignments, yaml)
		}
		again, err := experiment.FromYAML(yaml)
		if err != nil || !experiment.Same(s, again) {
			t.Errorf("%v does not come back: %v", assignments, err)
		}
		system, err := s.Compile()
		if err != nil {
			t.Fatal(err)
		}
		a, _, err := s.Agent(system)
		if err != nil || (a.Prior != nil) != (s.PriorDeviation != nil) || (a.First != nil) != (s.ExploreBy == experiment.BackupExplorer) {
			t.Errorf("%v makes an agent with the prior %v, error %v", assignments, a.Prior, err)
		}
	}
}

// What cannot be is refused in a sentence.
func TestFirstRefuses(t *testing.T) {
	prior := []string{"learner=prior+linear", "filter=on"}
	for want, assignments := range map[string][]string{
		`model "linear" has none: choose a model prior+…`:             {"learner=linear", "filter=on", "prior-deviation=0,0,1"},
		"there is none: choose filter=on":                             {"learner=prior+linear", "filter=off", "prior-deviation=0,0,1"},
		"has 2 numbers, and the state of task \"pendulum\" has 3":     append(prior, "prior-deviation=0,1"),
		"prior-deviation of omega is -1, want at least 0":             append(prior, "prior-deviation=0,0,-1"),
		`--set prior-deviation: "0,x" is not a list of numbers`:       append(prior, "prior-deviation=0,x"),
		`--set prior-deviation: "NaN" is not a list of numbers`:       append(prior, "prior-deviation=NaN"),
		`--set explore-by: there is no "bakup": did you mean backup?`: {"explore-by=bakup"},
		"name a field of it, as in prior.FIELD=value":                 append(prior, "prior=0,0,1"),
	} {
		s, err := experiment.Named("pendulum", assignments...)
		if err == nil {
			_, err = s.Compile()
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: error %v, want one that says %q", assignments, err, want)
		}
	}
	bare := safex.Task{
		Name: "cart", Dt: 0.1, Steps: 20, Start: safex.StartAt(0), State: []safex.Var{{Name: "x", Scale: 1}}, Action: []safex.Var{{Name: "push", Scale: 0.6}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0].Mul(0.1))} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
		Limits: []safex.Limit{{Name: "wall", Max: 1, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}},
	}
	s := experiment.Default(bare)
	if err := s.Set("explore-by=backup"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), `explore-by backup: task "cart" declares no Backup`) {
		t.Errorf("error %v", err)
	}
	s.ExploreBy = "me"
	if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), `explore-by "me": there are random, backup`) {
		t.Errorf("error %v", err)
	}
	s, err := experiment.Named("pendulum", append(prior, "prior-deviation=0,0,1")...)
	if err != nil {
		t.Fatal(err)
	}
	park := tasks.DefaultCarPark()
	s.Prior = &park
	if _, err := s.Compile(); err == nil || !strings.Contains(err.Error(), `prior "carpark" has 2 state`) {
		t.Errorf("error %v", err)
	}
}
