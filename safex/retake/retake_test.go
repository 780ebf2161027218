package retake

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// finished is the folder of a complete run.
func finished(t *testing.T, s *experiment.Spec) string {
	dir := filepath.Join(t.TempDir(), "run")
	for _, err := range store.Train(context.Background(), dir, s) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func opened(t *testing.T, dir string, episodes ...int) *Run {
	t.Helper()
	r, err := Open(dir)
	if err == nil {
		err = r.Choose(episodes...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// taken are the steps whose plans were made again. Their State is not to be used.
func taken(t *testing.T, r *Run) (steps []Step) {
	t.Helper()
	all := 0
	for s, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if all++; (s.Executed != nil) != slices.Contains(r.Chosen, s.Episode) {
			t.Errorf("episode %d, step %d: plan %v", s.Episode, s.At, s.Executed)
		}
		if s.Executed != nil {
			steps = append(steps, s)
		}
	}
	if len(steps) != r.Plans() || all != r.Count() {
		t.Errorf("%d plans in %d steps, want %d in %d", len(steps), all, r.Plans(), r.Count())
	}
	return steps
}

// A run with a filter takes the same way again, through the filter, whichever episodes are left out: what is executed is what the filter made of the
// plan, and so is what its planner starts from.
func TestFiltered(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=linear", "filter=on", "filter.Set=kernel", "filter.Cells=121"))
	both := taken(t, opened(t, dir, 2, 1, 2))
	last := taken(t, opened(t, dir))
	saved, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	replaced, covers := 0, map[safex.Cover]int{}
	for i, s := range both {
		forecast := saved.Episodes[s.Episode].Forecasts[s.At]
		if s.Executed.Cover != forecast.Cover || !slices.Equal(s.Executed.Actions[0], saved.Episodes[s.Episode].Actions[s.At]) {
			t.Errorf("episode %d, step %d is covered by %q, and was by %q", s.Episode, s.At, s.Executed.Cover, forecast.Cover)
		}
		if covers[s.Executed.Cover]++; !slices.Equal(s.Executed.Actions[0], s.Planned.Actions[0]) {
			replaced++
		}
		if s.At > 0 && !reflect.DeepEqual(s.Query.Previous, both[i-1].Executed) {
			t.Errorf("episode %d, step %d does not start from what was executed", s.Episode, s.At)
		}
		if s.Episode == 2 && !(reflect.DeepEqual(s.Executed, last[s.At].Executed) && reflect.DeepEqual(s.Planned, last[s.At].Planned)) {
			t.Errorf("step %d has another plan if episode 1 is left out", s.At)
		}
	}
	if covers[safex.CoverBackup] == 0 || covers[safex.CoverKernel] == 0 || replaced < covers[safex.CoverBackup] {
		t.Errorf("covers %v, %d actions were replaced: the test needs some of each", covers, replaced)
	}
}

// A run that begins with what its user knows takes the same way again, also where the filter replaced a random action.
func TestKnownFirst(t *testing.T) {
	for _, change := range [][]string{{"prior-deviation=0.002,0.002,0.04"}, {"prior-deviation=0,0,0.04"}, {"explore-by=backup"}, {"prior-deviation=0,0,0.04", "explore-by=backup"}} {
		dir := finished(t, quick.Spec(t, append(change, "learner=prior+linear", "prior.Mass=0.8", "filter=on", "episodes=1")...))
		r := opened(t, dir)
		for _, s := range taken(t, r) {
			if f := r.Episodes[1].Forecasts[s.At]; s.Executed.Cover != f.Cover || !f.Cover.Covered() {
				t.Errorf("%v, step %d is covered by %q, and was by %q", change, s.At, s.Executed.Cover, f.Cover)
			}
		}
	}
}

// Without a filter a plan is executed as it is. The box is the one that the plan defended, unless it is given.
func TestBeta(t *testing.T) {
	dir := finished(t, quick.Spec(t, "planner.Beta=3", "planner.Robust=2", "episodes=1", "calibration=none"))
	r := opened(t, dir)
	r.ChooseAll()
	for _, s := range taken(t, r) {
		if s.Executed != s.Planned || s.Beta(0) != 3 || s.Beta(1.5) != 1.5 || s.Robust != 2 || s.Target(3).Robust != 2 || s.Target(3).Plans.Len() != 1 {
			t.Errorf("%+v", s)
		}
	}
	asked := Step{Query: &safex.Query{Beta: 4}, Executed: &safex.Plan{}}
	if asked.Beta(0) != 4 {
		t.Errorf("a model that asks for 4 deviations has a box of %v", asked.Beta(0))
	}
	if asked.Query.Beta = 0; asked.Beta(0) != reliability.AssumedBeta {
		t.Errorf("nobody says how far the box reaches, and it does %v", asked.Beta(0))
	}
}

// The real system takes the executed plan to its end, under the disturbances of the run: its first step is the one that was taken, to the same bits.
func TestReal(t *testing.T) {
	for _, told := range [][]safex.Expectation{nil, {{Kind: safex.Delay, Size: 1}}, {{Kind: safex.Delay, Size: 2}, {Kind: safex.ObservationNoise, On: "omega", Size: 0.1}}} {
		realWay(t, told)
	}
}

func realWay(t *testing.T, told []safex.Expectation) {
	s := quick.Spec(t, "learner=linear", "filter=off")
	s.Expected = told
	s.Disturbances = []safex.Disturbance{{Kind: safex.ProcessNoise, On: "omega", Size: 0.1}, {Kind: safex.ObservationNoise, On: "omega", Size: 0.1}, {Kind: safex.Delay, Size: 1}}
	r := opened(t, finished(t, s), 2)
	for s, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Executed == nil {
			continue
		}
		way, err := r.Real(s)
		if err != nil {
			t.Fatal(err)
		}
		e, at := s.State.Episode, s.At
		if len(way.Actions) != len(s.Executed.Actions) || len(way.States) != len(way.Actions)+1 || !reflect.DeepEqual(way.Actions, s.Executed.Actions) || !reflect.DeepEqual(way.States[:2], e.States[at:at+2]) || !reflect.DeepEqual(way.Real[:2], e.Real[at:at+2]) || !reflect.DeepEqual(way.Excess[0], e.Excess[at]) {
			t.Errorf("step %d: %+v, where %v was recorded", at, way, e.Real[at:at+2])
		}
		if len(e.Actions) != at+1 {
			t.Errorf("step %d: the episode has %d steps by now", at, len(e.Actions))
		}
	}
}

// Files that say something else than what happened are noticed, also where a filter has the last word.
func TestOtherWay(t *testing.T) {
	dir := finished(t, quick.Spec(t, "learner=linear", "filter=on", "filter.Set=kernel", "filter.Cells=21"))
	path := filepath.Join(dir, "steps.csv")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	row := 1 + 10 + 8 + 3
	cells := strings.Split(lines[row], ",")
	if cells[0] != "2" || cells[1] != "3" {
		t.Fatalf("row %v", cells)
	}
	cells[5] = "0.123" // the action
	lines[row] = strings.Join(cells, ",")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	made := 0
	var last error
	for s, err := range opened(t, dir).Steps(context.Background()) {
		if last = err; err == nil && s.Executed != nil {
			made++
		}
	}
	if last == nil || !strings.Contains(last.Error(), "episode 2, step 3: the run takes another way") || made != 3 {
		t.Errorf("%d plans, error %v", made, last)
	}
}
