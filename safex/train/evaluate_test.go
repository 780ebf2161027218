package train_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// another is the task of an evaluation: the cart with another reward, and shorter.
func another(t *testing.T, a train.Agent) train.Evaluation {
	task := cart()
	task.Name, task.Steps = "back", 5
	task.Reward = func(x, u, next num.Vec) num.Expr { return next[0].Neg() }
	if a.System.Outside() {
		task.Next, task.Plant = nil, a.System.Plant
	}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	return train.Evaluation{System: s, Planner: a.Planner}
}

// evaluated are the episodes of a run, and its evaluations after each where they are made.
func evaluated(t *testing.T, a train.Agent, n int, asked bool) (episodes, evaluations []safex.Episode) {
	e := another(t, a)
	for s, err := range a.Steps(context.Background(), &train.State{}, n) {
		if err != nil {
			t.Fatal(err)
		}
		if !s.Over {
			continue
		}
		episode := s.Episode
		episode.Fits = slices.Clone(episode.Fits)
		for i := range episode.Fits {
			episode.Fits[i].Seconds = 0
		}
		episode.Forecasts = slices.Clone(episode.Forecasts)
		for i := range episode.Forecasts {
			episode.Forecasts[i].Millis = 0
		}
		episodes = append(episodes, episode)
		if asked && a.Ready(s) {
			before := s.Data.Len()
			done, err := a.Evaluate(context.Background(), s, e)
			if err != nil {
				t.Fatal(err)
			}
			if s.Data.Len() != before {
				t.Errorf("%d transitions became %d", before, s.Data.Len())
			}
			evaluations = append(evaluations, done)
		}
	}
	return episodes, evaluations
}

// A run takes the same steps with evaluations as without, and makes as many fits: the one that an evaluation needs is the next one's.
func TestEvaluationChangesNothing(t *testing.T) {
	a, fits := agent(t, cart())
	alone, _ := evaluated(t, a, 3, false)
	without := slices.Clone(*fits)
	*fits = nil
	beside, evaluations := evaluated(t, a, 3, true)
	if !reflect.DeepEqual(alone, beside) {
		t.Error("the run takes other steps")
	}
	// After the last episode one fit more is made, to all 10 + 3 · 20 transitions.
	if want := append(without, 70); !slices.Equal(*fits, want) {
		t.Errorf("fits to %v transitions, want %v", *fits, want)
	}
	if len(evaluations) != 4 {
		t.Fatalf("%d evaluations, want one after the random phase and after each of three episodes", len(evaluations))
	}
	for i, e := range evaluations {
		if e.Number != i || e.Phase != safex.PlannedPhase || len(e.Actions) != 5 || len(e.Forecasts) != 5 {
			t.Errorf("evaluation %d: number %d, %s, %d steps, %d forecasts", i, e.Number, e.Phase, len(e.Actions), len(e.Forecasts))
		}
		if e.Rewards[4] != -e.States[5][0] {
			t.Errorf("evaluation %d has the reward %v at %v", i, e.Rewards[4], e.States[5][0])
		}
	}
}

// The model of an evaluation knows every transition so far, and what is asked again gives the same bits.
func TestEvaluationOfWhatIsKnown(t *testing.T) {
	a, fits := agent(t, cart())
	e := another(t, a)
	for s, err := range a.Steps(context.Background(), &train.State{}, 2) {
		if err != nil {
			t.Fatal(err)
		}
		if !a.Ready(s) {
			if _, err := a.Evaluate(context.Background(), s, e); err == nil || !strings.Contains(err.Error(), "no episode is over") {
				t.Fatalf("in an episode: error %v", err)
			}
			continue
		}
		one, err := a.Evaluate(context.Background(), s, e)
		if err != nil {
			t.Fatal(err)
		}
		if last := (*fits)[len(*fits)-1]; last != s.Data.Len() {
			t.Errorf("the model of the evaluation after episode %d knows %d transitions of %d", s.Episode.Number, last, s.Data.Len())
		}
		two, err := a.Evaluate(context.Background(), s, e)
		if err != nil || !reflect.DeepEqual(one.Trajectory, two.Trajectory) {
			t.Errorf("again it is another, error %v", err)
		}
	}
}

// A stop, a fit that fails and a plant that does leave the run as it was, and say where.
func TestEvaluationFails(t *testing.T) {
	a, _ := agent(t, cart())
	e := another(t, a)
	var s *train.State
	for at, err := range a.Steps(context.Background(), &train.State{}, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if s = at; a.Ready(s) {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Evaluate(ctx, s, e); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "evaluation after episode 0") {
		t.Errorf("error %v", err)
	}
	broken := a
	n := a.Learner.(notes)
	n.fail = func(int) error { return errors.New("it does not fit") }
	broken.Learner = n
	s2 := *s
	if _, err := broken.Evaluate(context.Background(), &s2, e); err == nil || !strings.Contains(err.Error(), "it does not fit") {
		t.Errorf("error %v", err)
	}
	if _, err := a.Evaluate(context.Background(), s, e); err != nil {
		t.Errorf("after that: error %v", err)
	}
}

// A plant is reset for an evaluation, and opened for it alone where no run has it open; the run takes the same steps.
func TestEvaluationOnAPlant(t *testing.T) {
	p := outside{far: 10, repeats: true, counts: &counts{}}
	a := plantAgent(t, p)
	alone, _ := evaluated(t, a, 2, false)
	if p.resets != 3 || p.open != 0 {
		t.Fatalf("%d resets, %d open", p.resets, p.open)
	}
	beside, evaluations := evaluated(t, a, 2, true)
	if !reflect.DeepEqual(alone, beside) {
		t.Error("the run takes other steps")
	}
	if len(evaluations) != 3 || p.resets != 3+6 || p.open != 0 || p.opened != 2 {
		t.Errorf("%d evaluations, %d resets, %d open of %d that were opened", len(evaluations), p.resets, p.open, p.opened)
	}
	s := &train.State{}
	for _, err := range a.Steps(context.Background(), s, 1) {
		if err != nil {
			t.Fatal(err)
		}
	}
	again, err := a.Evaluate(context.Background(), s, another(t, a))
	if err != nil || !reflect.DeepEqual(again.States, evaluations[1].States) || p.open != 0 || p.opened != 4 {
		t.Errorf("after the run: error %v, %d open of %d that were opened", err, p.open, p.opened)
	}
}
