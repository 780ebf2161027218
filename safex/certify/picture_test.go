package certify

import (
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/quick"
)

// shown is the caption of the figure of a certification, which is checked to be one.
func shown(t *testing.T, c *Certification) string {
	t.Helper()
	f, err := c.DrawTube()
	if err != nil {
		t.Fatal(err)
	}
	if png, err := f.PNG(); err != nil || len(png) < 10_000 {
		t.Errorf("%d bytes, error %v", len(png), err)
	}
	return strings.Join(c.caption(), "\n")
}

// All that is found is in the tube, and the real way too where the box holds it. The plan that is shown takes the most room and leaves the least.
func TestDrawTube(t *testing.T) {
	c := certified(t, light(), finished(t, quick.Spec(t, "learner=prior+linear", "prior.Mass=0.8", "MaxSpeed=1.2")))
	v := c.shown
	if !v.proof.Certified || len(v.Found) != 2+2*4 || len(v.Lo) != 4 || v.lost != nil {
		t.Fatalf("%+v", v.proof)
	}
	const near = 1e-4 // of rounding, and of what it grows to
	inside := func(what string, way safex.Trajectory) {
		if len(way.States) != 5 {
			t.Fatalf("%s of %d states", what, len(way.States))
		}
		for i, x := range way.States[1:] {
			for d, value := range x {
				if !(value >= v.Lo[i][d]-near && value <= v.Hi[i][d]+near) {
					t.Errorf("%s is outside after %d steps: %v is not from %v to %v", what, i+1, value, v.Lo[i][d], v.Hi[i][d])
				}
			}
			if !(way.Excess[i][0] <= v.Excess[i][0]+near) {
				t.Errorf("%s exceeds the limit by %v after %d steps, and at most by %v", what, way.Excess[i][0], i+1, v.Excess[i][0])
			}
		}
	}
	inside("the mean", v.Mean)
	worst := v.Found[0].WorstExcess(1)[0]
	for _, way := range v.Found {
		inside("what was found", way)
		if e := way.WorstExcess(1)[0]; e > worst {
			t.Errorf("the first comes to %v, and another to %v", worst, e)
		}
	}
	if worst < v.proof.Found[0]-near || worst > v.proof.Bound[0]+near {
		t.Errorf("what was found comes to %v, of an adversary to %v, and is proved to be at most %v", worst, v.proof.Found[0], v.proof.Bound[0])
	}
	if v.held == 4 {
		inside("the real way", v.Real)
	}
	text := shown(t, c)
	for _, want := range []string{"pendulum, the plan of step ", ": certified, and of all certified plans", "Proved: speed ≤ ", " (limit 1.2 rad/s), whatever the model errs by, up to 2 epistemic", "Found: speed = ", "most of 10 errors", "Real, under the same actions: ", " executed steps of the episode."} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	most := math.Inf(-1)
	for _, p := range c.Proofs {
		if p.Certified {
			most = max(most, 2*p.Bound[0]-p.Found[0])
		}
	}
	if got := 2*v.proof.Bound[0] - v.proof.Found[0]; got < most-0.05 {
		t.Errorf("the plan shown leaves %v of what it takes, another %v", got, most)
	}
}

// A plan of one's choice is shown, certified or not, under errors of as many steps as its planner defends.
func TestStep(t *testing.T) {
	dir := finished(t, quick.Spec(t, "episodes=1", "planner.Robust=2"))
	a := light()
	a.Step = 5
	c := certified(t, a, dir)
	if c.shown.proof.Step != 5 || !strings.Contains(shown(t, c), "pendulum, the plan of step 5 of episode 1: ") || !strings.Contains(shown(t, c), " in the first 2 steps") {
		t.Errorf("%+v\n%s", c.shown.proof, shown(t, c))
	}
	p := &c.shown.proof
	p.Certified, p.Prefix = false, 3
	if text := shown(t, c); !strings.Contains(text, ": not certified.") || !strings.Contains(text, "every limit is kept in the first 3 of 4 steps") {
		t.Errorf("%s", text)
	}
	if c.Step = -1; !strings.Contains(shown(t, c), "none is, and of this one the first steps are proved furthest") {
		t.Errorf("%s", shown(t, c))
	}
	if c.tells(Proof{Prefix: 3}, c.shown.Mean) || !c.tells(Proof{Prefix: 4}, c.shown.Mean) || !c.tells(Proof{Certified: true, Bound: []float64{-1}}, c.shown.Mean) {
		t.Error("a plan that tells less is shown, or one that tells more is not")
	}
	p.Escapes = 1
	if !strings.Contains(shown(t, c), "rollouts left this tube") {
		t.Errorf("%s", shown(t, c))
	}
	a.Step = 8
	if _, err := a.Open(dir); err == nil || !strings.Contains(err.Error(), "episode 1 has no step 8: it has 0 to 7") {
		t.Errorf("error %v", err)
	}
	if _, err := new(Certification).DrawTube(); err == nil {
		t.Error("a plan before there is any")
	}
}

// A model without doubt holds the whole real way, and leaves nothing to be found; of a state that is seen through noise no way is proved.
func TestTrue(t *testing.T) {
	c := certified(t, light(), finished(t, quick.Spec(t, "learner=true", "episodes=1")))
	if !strings.Contains(shown(t, c), "The box holds this way in every step, so that the proof is about it.") {
		t.Errorf("%s", shown(t, c))
	}
	s := quick.Spec(t, "learner=true", "episodes=1")
	s.Disturbances = []safex.Disturbance{{Kind: safex.ObservationNoise, On: "omega", Size: 0.01}}
	a := light()
	a.Noise = []float64{0, 0, 0.01}
	c = certified(t, a, finished(t, s))
	if text := shown(t, c); !strings.Contains(text, "where the state was seen through noise") || !strings.Contains(text, "whatever the noise that is allowed for adds") {
		t.Errorf("%s", text)
	}
}

// Kernels are those of the starts of episodes and of the end, with their ways; what judged the run is said.
func TestDrawKernels(t *testing.T) {
	a := light()
	a.Kernels = true
	for _, c := range []struct {
		filter []string
		want   string
	}{
		{nil, "The run had no filter"},
		{[]string{"filter=on", "filter.Set=kernel", "filter.Cells=121"}, "judged each step by the set of its time."},
		{[]string{"filter=on", "filter.Cells=121"}, "did not judge by these sets, but by what the task declares: braking"},
		{[]string{"filter=on", "filter.Set=either", "filter.Cells=121"}, "or by what the task declares: braking"},
	} {
		t.Run(strings.Join(c.filter, " "), func(t *testing.T) {
			at := certified(t, a, finished(t, quick.Spec(t, append(c.filter, "learner=linear", "episodes=2")...)))
			f, err := at.DrawKernels()
			if err != nil {
				t.Fatal(err)
			}
			if png, err := f.PNG(); err != nil || len(png) < 10_000 {
				t.Errorf("%d bytes, error %v", len(png), err)
			}
			var names []string
			for _, r := range at.growth.phase.Regions {
				names = append(names, r.Name)
			}
			if got := strings.Join(names, ", "); got != "start of episode 1, start of episode 2, end of episode 2" || len(at.growth.phase.Episodes) != 2 {
				t.Errorf("%s, with %d ways", got, len(at.growth.phase.Episodes))
			}
			last := at.growth.phase.Regions[2]
			if !last.Contains([]float64{-1, 0, 0}) || last.Contains([]float64{-1, 0, 6.5}) {
				t.Error("the pendulum cannot be kept at rest, or beyond its limit it can")
			}
			if got := at.guarded(); !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// Of many episodes the first and the last are drawn, and some between; a task without a plane, and one without a kernel, are refused before
// anything is taken again.
func TestGrowth(t *testing.T) {
	for n, want := range map[int][]int{1: {1}, 2: {1, 2}, 3: {1, 2, 3}, 4: {1, 2, 3, 4}, 5: {1, 2, 4, 5}, 10: {1, 4, 7, 10}} {
		c := opened(t, "pendulum", n)
		g, err := newGrowth(c)
		if err != nil || len(g.episodes) != len(want) || g.episodes[0] != 1 || g.episodes[len(want)-1] != n {
			t.Errorf("of %d episodes %v, want %v, error %v", n, g.episodes, want, err)
			continue
		}
		for i, e := range want {
			if g.episodes[i] != e {
				t.Errorf("of %d episodes %v, want %v", n, g.episodes, want)
			}
		}
	}
	if _, err := newGrowth(opened(t, "rccar", 1)); err == nil || !strings.Contains(err.Error(), "the kernels of task rccar cannot be drawn: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
	if _, err := opened(t, "pendulum", 1).DrawKernels(); err == nil || !strings.Contains(err.Error(), "want Settings.Kernels") {
		t.Errorf("error %v", err)
	}
}

// opened is a certification of episode n of a task, without a run.
func opened(t *testing.T, task string, n int) *Certification {
	t.Helper()
	s, err := experiment.Named(task)
	if err != nil {
		t.Fatal(err)
	}
	system, err := s.Task.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return &Certification{Settings: Settings{Episodes: []int{n}}, Spec: s, System: system}
}
