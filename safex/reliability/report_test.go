package reliability_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

func system(t *testing.T) *safex.System {
	s, err := safex.Task{
		Name: "plane", Dt: 1, Steps: 2, Start: safex.StartAt(0, 0),
		State: []safex.Var{{Name: "x", Scale: 1}, {Name: "y", Scale: 1}}, Action: []safex.Var{{Name: "u", Scale: 1}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0]), x[1]} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// episode is one whose steps miss a mean of 0 by the given numbers, with epistemic deviations of 1 and 2.
func episode(number int, beta float64, outside func(t int) bool, misses ...[2]float64) safex.Episode {
	e := safex.Episode{Number: number, Phase: safex.PlannedPhase}
	e.States = [][]float64{{0, 0}}
	for t, m := range misses {
		e.Append([]float64{0}, []float64{m[0], m[1]}, 0, nil)
		e.Forecasts = append(e.Forecasts, safex.Forecast{Mean: []float64{0, 0}, Epistemic: []float64{1, 2}, Aleatoric: []float64{0, 0}, Beta: beta, OutOfDistribution: outside(t)})
	}
	return e
}

func never(int) bool { return false }

// Every number of a report of seven steps is known.
func TestCard(t *testing.T) {
	nan := math.NaN()
	c, err := reliability.New(system(t), []safex.Episode{
		{Number: 0, Phase: safex.RandomPhase},
		episode(1, 3, func(t int) bool { return t == 1 }, [2]float64{1, 1}, [2]float64{-4, 0}, [2]float64{3, -6}, [2]float64{0, 6.5}),
		episode(2, 3, never, [2]float64{0, 0}, [2]float64{1, 5}),
		episode(3, 0, never, [2]float64{nan, 0}),
	}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]reliability.Share{"x": {"x", 5, 7}, "y": {"y", 6, 7}}
	for _, d := range c.Dimensions {
		if d != want[d.Name] {
			t.Errorf("%+v, want %+v", d, want[d.Name])
		}
	}
	for _, s := range []struct {
		got  reliability.Share
		k, n int
	}{{c.Joint, 4, 7}, {c.Whole, 1, 1}, {c.Assumed, 1, 7}, {c.JointInDistribution, 4, 6}, {c.JointOutOfDistribution, 0, 1}, {c.OutOfDistribution, 1, 7}, {c.Episodes[0].Joint, 2, 4}, {c.Episodes[0].OutOfDistribution, 1, 4}} {
		if s.got.K != s.k || s.got.N != s.n {
			t.Errorf("%+v, want %d of %d", s.got, s.k, s.n)
		}
	}
	if c.Beta != 2 || !math.IsInf(c.Quantile, 1) || c.Episodes[0].Quantile != 4 || c.Episodes[1].Worst != 2.5 || !math.IsInf(c.Episodes[2].Worst, 1) {
		t.Errorf("%+v", c)
	}
	for _, line := range []string{"with β = 2 at 1 steps, where the planner defended none", "| all dimensions | 4 of 7 | 57.1 % |", "| 1 | 2 of 4 | 3.00 | 3 | 4.00 | 4.00 | 25.0 % |"} {
		if !strings.Contains(c.Markdown(), line) {
			t.Errorf("no %q in\n%s", line, c.Markdown())
		}
	}
}

// A β that the model asked for counts where the planner defended none; a deviation of NaN is not one of 0.
func TestAskedBeta(t *testing.T) {
	e := episode(1, 0, never, [2]float64{2.5, 0}, [2]float64{0, 0})
	e.Forecasts[0].AskedBeta = 3
	e.Forecasts[1].AskedBeta, e.Forecasts[1].Epistemic[1] = 3, math.NaN()
	c, err := reliability.New(system(t), []safex.Episode{e}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if c.Assumed.K != 0 || c.Joint.K != 1 || !math.IsInf(c.Episodes[0].Worst, 1) || c.Reached[1][18] != 0.5 {
		t.Errorf("%+v", c)
	}
}

// Errors as normal as believed lie on the diagonal of the reliability curve.
func TestReliability(t *testing.T) {
	r := rng.New(1).Rand()
	var misses [][2]float64
	for range 20000 {
		misses = append(misses, [2]float64{r.NormFloat64(), 2 * r.NormFloat64() * 2})
	}
	c, err := reliability.New(system(t), []safex.Episode{episode(1, 2, never, misses...)}, 2)
	if err != nil {
		t.Fatal(err)
	}
	noisy := episode(1, 2, never, misses...)
	for i := range noisy.Forecasts {
		noisy.Forecasts[i].Aleatoric = []float64{math.Sqrt(3), 0} // 2 in all, twice too wide
	}
	wide, err := reliability.New(system(t), []safex.Episode{noisy}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range c.Levels {
		if wide.Reached[0][i] < p+0.01 && p < 0.95 {
			t.Errorf("level %v: an error half as wide as believed reaches %v", p, wide.Reached[0][i])
		}
		if math.Abs(c.Reached[0][i]-p) > 0.015 {
			t.Errorf("level %v: reached by %v", p, c.Reached[0][i])
		}
		if c.Reached[1][i] > p-0.015 { // believed to be half as wide as it is
			t.Errorf("level %v: an error twice as wide as believed reaches %v", p, c.Reached[1][i])
		}
	}
}

// The interval of a share is the published one: 5 of 10 is 18.71 to 81.29 %.
func TestInterval(t *testing.T) {
	if lo, hi := (reliability.Share{K: 5, N: 10}).Interval(); math.Abs(lo-0.1871) > 5e-5 || math.Abs(hi-0.8129) > 5e-5 {
		t.Errorf("%.5f to %.5f", lo, hi)
	}
}

// Steps before the first plan count where a prior was believed, and are no episode; those that are covered without a belief do not.
func TestBelievedFirst(t *testing.T) {
	first, next := episode(0, 2, never, [2]float64{0.5, 0}, [2]float64{3, 0}), episode(1, 2, never, [2]float64{0.5, 0}, [2]float64{0.5, 0})
	first.Phase = safex.RandomPhase
	known := safex.Episode{Phase: safex.RandomPhase, Trajectory: first.Trajectory, Forecasts: []safex.Forecast{{Cover: safex.CoverBackup}, {Cover: safex.CoverBackup}}}
	s := system(t)
	s.Steps = len(first.Actions)
	for _, c := range []struct {
		first           safex.Episode
		inside, n, with int
		text            string
	}{{first, 3, 4, 2, "about 4 steps of"}, {known, 2, 2, 1, "about 2 planned steps of"}} {
		got, err := reliability.New(s, []safex.Episode{c.first, next}, 2)
		if err != nil {
			t.Fatal(err)
		}
		if got.Joint.K != c.inside || got.Joint.N != c.n || len(got.Episodes) != c.with || got.Whole.N != 1 || !strings.Contains(got.Markdown(), c.text) {
			t.Errorf("%+v\n%s", got, got.Markdown())
		}
	}
}

func TestNothingBelieved(t *testing.T) {
	if _, err := reliability.New(system(t), []safex.Episode{{Number: 0, Phase: safex.RandomPhase}}, 2); err == nil || !strings.Contains(err.Error(), "no planned step") {
		t.Errorf("error %v", err)
	}
}

// What was counted of plans and backups comes back from the folder of a run of the same build, and is in the report of an episode of as many steps, and in no other.
func TestTubes(t *testing.T) {
	dir := t.TempDir()
	if got, err := reliability.ReadTubes(dir, "a build"); got != nil || err != nil {
		t.Errorf("an empty folder has %v, error %v", got, err)
	}
	tubes := []reliability.Tubes{{Episode: 1, Plans: 2, PlansInTube: 1, Backups: 2, BackupsInTube: 2}, {Episode: 2, Plans: 5, PlansInTube: 5}, {Episode: 7, Plans: 2}}
	if err := reliability.KeepTubes(dir, "a build", tubes); err != nil {
		t.Fatal(err)
	}
	got, err := reliability.ReadTubes(dir, "a build")
	if err != nil || !slices.Equal(got, tubes) {
		t.Errorf("%v, error %v; want %v", got, err, tubes)
	}
	if got, err := reliability.ReadTubes(dir, "another build"); got != nil || err != nil {
		t.Errorf("another build has %v, error %v", got, err)
	}
	c, err := reliability.New(system(t), []safex.Episode{episode(1, 3, never, [2]float64{1, 1}, [2]float64{1, 0}), episode(2, 3, never, [2]float64{1, 1}, [2]float64{1, 0})}, 2)
	if err != nil {
		t.Fatal(err)
	}
	if text := c.Markdown(); strings.Contains(text, "tube") {
		t.Errorf("nothing is known of tubes, and there is\n%s", text)
	}
	c.AddTubes(got)
	if e := c.Episodes; e[0].Plans != (reliability.Share{K: 1, N: 2}) || e[0].Backups != (reliability.Share{K: 2, N: 2}) || e[1].Plans.N != 0 {
		t.Errorf("%+v", e)
	}
	for _, want := range []string{"| plans in their tube | 1 of 2 | 50.0 % |", "| backups in theirs | 2 of 2 |", "| 1 | 2 of 2 | 1 of 2 | 2 of 2 |", "| 2 | 2 of 2 | – | – |", "A backup is in its own"} {
		if text := c.Markdown(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
