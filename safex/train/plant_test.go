package train_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// outside is the cart as a plant: its episodes end where it is beyond far, and it counts who asks it.
type outside struct {
	x       float64
	far     float64
	repeats bool
	fail    func(step int) error // of all steps ever
	*counts
}

type counts struct{ open, opened, steps, resets int }

// Open implements safex.PlantMaker.
func (p outside) Open(context.Context, *safex.System) (safex.Plant, error) {
	p.counts.open++
	p.counts.opened++
	return &p, nil
}

func (p *outside) Repeats() bool { return p.repeats }

func (p *outside) Reset(_ context.Context, seed uint32) ([]float64, error) {
	p.resets++
	p.x = float64(seed%1000) / 1e4
	return []float64{p.x}, nil
}

func (p *outside) Step(_ context.Context, u []float64) (a safex.Answer, err error) {
	p.counts.steps++
	if p.fail != nil {
		if err := p.fail(p.counts.steps); err != nil {
			return a, err
		}
	}
	p.x += 0.1 * u[0]
	a.State = []float64{p.x}
	if p.far != 0 && (p.x > p.far || p.x < -p.far) {
		a.End, a.Why = safex.Terminated, "it fell"
	}
	return a, nil
}

func (p *outside) Close() error { p.counts.open--; return nil }

// plantAgent is an agent of a cart that is a plant.
func plantAgent(t *testing.T, p outside) train.Agent {
	task := cart()
	task.Next, task.Plant = nil, p
	a, _ := agent(t, task)
	return a
}

// An episode that the plant ends is over, says so, and the next begins; before the first plan, as many steps are taken as were asked for, in as many
// episodes as that takes. The plant is opened once, and closed.
func TestPlantEnds(t *testing.T) {
	p := outside{far: 0.25, repeats: true, counts: &counts{}}
	a := plantAgent(t, p)
	a.RandomSteps = 60
	episodes := all(t, a, 4)
	explored, planned, early := 0, 0, 0
	for i, e := range episodes {
		if e.Number != i {
			t.Errorf("episode %d has the number %d", i, e.Number)
		}
		switch e.Phase {
		case safex.RandomPhase:
			if planned > 0 {
				t.Errorf("episode %d explores after a plan", i)
			}
			explored += len(e.Actions)
		default:
			planned++
		}
		over := e.States[len(e.States)-1][0] > p.far || e.States[len(e.States)-1][0] < -p.far
		if over != (e.End == safex.Terminated) || over != (e.Why == "it fell") {
			t.Errorf("episode %d ends at %v as %q: %q", i, e.States[len(e.States)-1], e.End, e.Why)
		}
		if e.Phase == safex.PlannedPhase && !over && len(e.Actions) != a.System.Steps {
			t.Errorf("episode %d has %d steps", i, len(e.Actions))
		}
		if over {
			early++
		}
	}
	if explored != a.RandomSteps || planned != 4 || early < 2 || len(episodes) < 6 {
		t.Errorf("%d random steps, %d planned episodes of %d, %d that ended early: the test shows too little", explored, planned, len(episodes), early)
	}
	if p.opened != 1 || p.open != 0 || p.resets != len(episodes) {
		t.Errorf("opened %d times, %d open, reset %d times in %d episodes", p.opened, p.open, p.resets, len(episodes))
	}
}

// A schedule counts the episodes that are planned, however many it took to explore: with it, the first that is planned is number 1, and what follows the last random
// one is number 0.
func TestSchedulesCountPlannedEpisodes(t *testing.T) {
	a := plantAgent(t, outside{far: 0.25, repeats: true, counts: &counts{}})
	a.RandomSteps = 60
	asked := &[]safex.Query{}
	a.Planner = forgetful{4, asked}
	e, s, first := another(t, a), &train.State{}, 0
	for s, err := range a.Steps(t.Context(), s, 2) {
		if err != nil {
			t.Fatal(err)
		}
		number := s.Episode.Number - first
		switch {
		case s.Episode.Phase == safex.RandomPhase:
			first = s.Episode.Number
		case (*asked)[len(*asked)-1].Episode != number:
			t.Fatalf("planned episode %d was planned as number %d", number, (*asked)[len(*asked)-1].Episode)
		}
		if number = s.Episode.Number - first; !a.Ready(s) {
			continue
		}
		if _, err := a.Evaluate(t.Context(), s, e); err != nil {
			t.Fatal(err)
		}
		if got := (*asked)[len(*asked)-1].Episode; got != number {
			t.Errorf("an evaluation after planned episode %d was planned as number %d", number, got)
		}
	}
	if first < 2 || s.Explorations != first+1 {
		t.Errorf("it explored in %d episodes, and the first that was planned is number %d: the test shows too little", s.Explorations, first+1)
	}
}

// A run that is stopped between any two steps, and gone on with, is the one that was not stopped, if the plant repeats itself. If it does not, the episode under way
// is over, says why, and all that happened in it is kept.
func TestPlantGoesOn(t *testing.T) {
	whole := all(t, plantAgent(t, outside{far: 0.3, repeats: true, counts: &counts{}}), 3)
	total := 0
	for _, e := range whole {
		total += len(e.Actions)
	}
	for _, repeats := range []bool{true, false} {
		for at := 1; at < total; at += 3 {
			a := plantAgent(t, outside{far: 0.3, repeats: repeats, counts: &counts{}})
			s := &train.State{}
			var episodes []safex.Episode
			taken, cut := 0, 0
			collect := func(stop int) {
				for s, err := range a.Steps(t.Context(), s, 3) {
					if err != nil {
						t.Fatal(err)
					}
					if taken = s.Data.Len(); s.Over {
						episodes = append(episodes, steps(s.Episode))
						if s.Episode.End == safex.Truncated {
							cut++
							if !strings.Contains(s.Episode.Why, "stopped") {
								t.Errorf("the episode was cut short: %q", s.Episode.Why)
							}
						}
					}
					if stop > 0 && taken == stop {
						return
					}
				}
			}
			collect(at)
			between := s.Over
			collect(0)
			sum, planned := 0, 0
			for _, e := range episodes {
				sum += len(e.Actions)
				if e.Phase == safex.PlannedPhase {
					planned++
				}
			}
			if sum != taken || planned != 3 {
				t.Fatalf("stopped after %d: %d steps in episodes, %d transitions, %d planned episodes", at, sum, taken, planned)
			}
			if want := !repeats && !between; (cut == 1) != want {
				t.Errorf("stopped after %d, repeats %v, between episodes %v: %d episodes were cut short", at, repeats, between, cut)
			}
			if repeats && !reflect.DeepEqual(episodes, whole) {
				t.Errorf("stopped after %d, the run goes on otherwise", at)
			}
		}
	}
}

// A plant that fails loses nothing: the error names the episode and the step, and the run goes on once it works again.
func TestPlantFails(t *testing.T) {
	whole := all(t, plantAgent(t, outside{repeats: true, counts: &counts{}}), 2)
	broken := errors.New("the battery is empty")
	p := outside{repeats: true, counts: &counts{}}
	p.fail = func(step int) error {
		if step == 17 {
			return broken
		}
		return nil
	}
	a := plantAgent(t, p)
	s := &train.State{}
	var episodes []safex.Episode
	failures := 0
	for range 2 {
		for s, err := range a.Steps(t.Context(), s, 2) {
			if err != nil {
				if failures++; !errors.Is(err, broken) || !strings.Contains(err.Error(), "episode 1, step 6") {
					t.Fatalf("error %v", err)
				}
				break
			}
			if s.Over {
				episodes = append(episodes, steps(s.Episode))
			}
		}
		if p.open != 0 {
			t.Error("the plant is left open")
		}
	}
	if failures != 1 || !reflect.DeepEqual(episodes, whole) {
		t.Errorf("%d failures, and the run goes on otherwise: %v", failures, len(episodes) == len(whole))
	}
}

// A run of a plant that was recorded is, played again, the same run.
func TestRecorded(t *testing.T) {
	whole := all(t, plantAgent(t, outside{far: 0.3, counts: &counts{}}), 3)
	task := cart()
	task.Next, task.Plant = nil, plant.Recorded{Episodes: whole}
	a, _ := agent(t, task)
	if again := all(t, a, 3); !reflect.DeepEqual(again, whole) {
		t.Error("what was recorded is another run when it is played")
	}
}
