package study

import (
	"context"

	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// doSweep runs the sweep of a file.
func doSweep(ctx context.Context, file, out string) error {
	s, err := ReadSweep(file)
	if err != nil {
		return err
	}
	for _, err := range s.Run(ctx, out, 1, Here) {
		if err != nil {
			return err
		}
	}
	return nil
}

const sweepHead = "name: x\ntasks: [pitch]\nplanners: [pessimistic]\nmodels: [linear]\nseeds: 1-2\nepisodes: 9\nexplore: 12\n" +
	"set: {Steps: 8, planner.Horizon: 4, planner.Search.Samples: 16, planner.Search.Elites: 4, planner.Search.Iterations: 2}\n"

// sweeping is the sweep of a text after sweepHead.
func sweeping(t testing.TB, text string) *Sweep {
	t.Helper()
	s, err := parseSweep([]byte(sweepHead + text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// unit are trials of so many settings that are shares of 1.
func unit(method string, number, settings int) Trials {
	t := DefaultTrials()
	t.Method, t.Number = method, number
	for k := range settings {
		t.Over = append(t.Over, Setting{Name: fmt.Sprint("x", k), Range: &Range{To: 1}})
	}
	return t
}

// The first bᵐ points of each dimension, and the first products of such powers of several, have one in each cell of the grid (Halton, 1960), whatever
// the seed; and each point alone is uniform.
func TestHalton(t *testing.T) {
	const seeds = 2000
	var sum, squares float64
	for seed := range uint64(seeds) {
		trials := unit(halton, 72, 3)
		trials.Seed = seed
		p := trials.points()
		sum, squares = sum+p.At(5, 2), squares+p.At(5, 2)*p.At(5, 2)
		if seed >= 20 {
			continue
		}
		for _, grid := range [][3]int{{64, 1, 1}, {1, 27, 1}, {1, 1, 25}, {8, 9, 1}, {2, 3, 5}, {4, 3, 5}} {
			n := grid[0] * grid[1] * grid[2]
			seen := map[[3]int]bool{}
			for i := range n {
				var cell [3]int
				for k, cells := range grid {
					u := p.At(i, k)
					if !(u >= 0 && u <= 1) {
						t.Fatalf("point %d is %v", i, u)
					}
					cell[k] = int(u * float64(cells))
				}
				seen[cell] = true
			}
			if len(seen) != n {
				t.Errorf("seed %d: %d points are in %d cells of the grid %v", seed, n, len(seen), grid)
			}
		}
	}
	mean := sum / seeds
	if d := math.Abs(mean - 0.5); d > 4*math.Sqrt(1./12/seeds) {
		t.Errorf("the sixth points have the mean %v", mean)
	}
	if d := math.Abs(squares/seeds - 1./3); d > 4*math.Sqrt(4./45/seeds) {
		t.Errorf("their squares have the mean %v", squares/seeds)
	}
}

// The mean of a function over Halton points is much nearer to its integral than that over random ones, which errs as theirs do: by the deviation over the
// root of their number. Neither is biased.
func TestIntegral(t *testing.T) {
	const number, seeds = 64, 200
	deviation := math.Sqrt(math.Pow(4./3, 3) - 1) // of the product of 2u over three dimensions, whose mean is 1
	rms := map[string]float64{}
	for _, method := range []string{random, halton} {
		var sum, squares float64
		for seed := range uint64(seeds) {
			trials := unit(method, number, 3)
			trials.Seed = seed
			p := trials.points()
			mean := 0.0
			for i := range number {
				mean += 8 * p.At(i, 0) * p.At(i, 1) * p.At(i, 2) / number
			}
			sum, squares = sum+mean-1, squares+(mean-1)*(mean-1)
		}
		rms[method] = math.Sqrt(squares / seeds)
		if bias := math.Abs(sum / seeds); bias > 4*rms[method]/math.Sqrt(seeds) {
			t.Errorf("%s: the mean errs by %v on average", method, bias)
		}
	}
	if want := deviation / math.Sqrt(number); math.Abs(rms[random]/want-1) > 0.2 { // 4 standard errors of an rms over 200
		t.Errorf("random points err by %v, want %v", rms[random], want)
	}
	if rms[halton] > rms[random]/3 {
		t.Errorf("Halton points err by %v, random ones by %v", rms[halton], rms[random])
	}
}

// Trials follow from the seed alone: more begin with the same, another seed has others, and random values do not depend on what else is drawn.
func TestDraw(t *testing.T) {
	for _, method := range []string{halton, random, halving} {
		few, many, other := unit(method, 7, 4), unit(method, 120, 4), unit(method, 7, 4)
		other.Seed = 2
		if a := few.Draw(); !reflect.DeepEqual(a, few.Draw()) || !reflect.DeepEqual(a, many.Draw()[:7]) || reflect.DeepEqual(a, other.Draw()) {
			t.Errorf("%s: trials are %v, with more %v, of another seed %v", method, a, many.Draw()[:7], other.Draw())
		}
		if name := many.Draw()[119].Name; name != "trial-120" {
			t.Errorf("%s: the last is %s", method, name)
		}
	}
	both, one := unit(random, 9, 2), unit(random, 9, 2)
	one.Over = one.Over[1:]
	for i, trial := range both.Draw() {
		if trial.Values[1] != one.Draw()[i].Values[0] {
			t.Errorf("%s has %s beside another setting, and %s alone", trial.Name, trial.Values[1], one.Draw()[i].Values[0])
		}
	}
}

// Values of a range have its distribution, and are in it.
func TestRange(t *testing.T) {
	for _, c := range []struct {
		r    Range
		u    float64
		want string
	}{
		{Range{From: 0.5, To: 4}, 0, "0.5"},
		{Range{From: 0.5, To: 4}, 0.5, "2.25"},
		{Range{From: 0.5, To: 4}, 1, "4"},
		{Range{From: -3, To: -1}, 0.25, "-2.5"},
		{Range{From: 0, To: 1.23456}, 1, "1.23456"}, // and not 1.235
		{Range{From: 0, To: 1}, 1. / 3, "0.3333"},
		{Range{From: 1000, To: 1000.1}, 1. / 3, "1000.03333"},
		{Range{From: 1e-4, To: 1e-2, Log: true}, 0.5, "0.001"},
		{Range{From: 1e-4, To: 1e-2, Log: true}, 0.75, "0.0031623"},
		{Range{From: 2, To: 12, Whole: true}, 0, "2"},
		{Range{From: 2, To: 12, Whole: true}, 1./11 + 1e-9, "3"},
		{Range{From: 2, To: 12, Whole: true}, 1, "12"},
		{Range{From: 0, To: 4e9, Whole: true}, 0.5, "2000000000"},
		{Range{From: -1, To: 1, Whole: true}, 0.5, "0"},
		{Range{From: 1, To: 7, Whole: true, Log: true}, 1./3 - 1e-9, "1"}, // from 1 to 8: a third for each doubling
		{Range{From: 1, To: 7, Whole: true, Log: true}, 1./3 + 1e-9, "2"},
		{Range{From: 1, To: 7, Whole: true, Log: true}, 2./3 + 1e-9, "4"},
	} {
		if err := c.r.Check(); err != nil {
			t.Error(err)
		}
		if got := c.r.at(c.u); got != c.want {
			t.Errorf("%+v at %v is %s, want %s", c.r, c.u, got, c.want)
		}
	}
	share := map[string]int{}
	for i := range 1100 {
		share[Range{From: 2, To: 12, Whole: true}.at((float64(i)+0.5)/1100)]++
	}
	for n := 2; n <= 12; n++ {
		if share[strconv.Itoa(n)] != 100 {
			t.Errorf("of 1100 values %d are %d, want 100", share[strconv.Itoa(n)], n)
		}
	}
	words := Setting{Values: []string{"a", "b", "c"}}
	if got := words.at(0) + words.at(0.34) + words.at(0.67) + words.at(1); got != "abcc" {
		t.Errorf("values are %s", got)
	}
}

// A sweep is a study of its trials.
func TestSweepJobs(t *testing.T) {
	s := sweeping(t, "overrides: [{learn-every: 7, set: {planner.Beta: 9}}]\nsweep:\n  trials: 5\n  method: random\n  over: {planner.Beta: {from: 0.5, to: 4}, planner.AttackedCandidates: {from: 2, to: 12, whole: true}, "+
		"adversary: [sign-gradient, linear], explore: [12, 13], planner.Exploration.Information: [0, linear 1 to 0 in 5]}\n  seed: 18446744073709551615\n")
	if s.Trials.Seed != math.MaxUint64 {
		t.Errorf("the seed is %d", s.Trials.Seed)
	}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, j := range jobs {
		trial := s.Trials.Draw()[i%5]
		names = append(names, j.Dir)
		want, err := experiment.Named("pitch", "planner=pessimistic")
		if err != nil {
			t.Fatal(err)
		}
		explore, _ := strconv.Atoi(trial.Values[3])
		want.Episodes, want.RandomSteps, want.LearnEvery, want.Seed = 9, explore, 7, uint64(1+i/5)
		if err := errors.Join(want.Set("planner.Adversary="+trial.Values[2]), want.Set("learner=linear")); err != nil {
			t.Fatal(err)
		}
		for _, set := range []string{"Steps=8", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4", "planner.Search.Iterations=2",
			"planner.Beta=" + trial.Values[0], "planner.AttackedCandidates=" + trial.Values[1], "planner.Exploration.Information=" + trial.Values[4]} {
			if err := want.Set(set); err != nil {
				t.Fatal(err)
			}
		}
		if name, a, b, err := experiment.Difference(j.Spec, want); name != "" || err != nil {
			t.Errorf("%s has %s %s, want %s (%v)", j.Dir, name, a, b, err)
		}
		if args, err := s.Train(trial.Name, 2); err != nil || len(args) == 0 {
			t.Error(err)
		}
		text, err := s.Paste(trial.Name)
		if err != nil {
			t.Fatal(err)
		}
		pasted, err := parse([]byte("name: y\ntasks: [pitch]\nplanners: [pessimistic]\nmodels: [linear]\nseeds: 1-2\nepisodes: 9\nlearn-every: 7\n" + text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		again, err := pasted.Jobs()
		if err != nil {
			t.Fatal(err)
		}
		if name, a, b, err := experiment.Difference(again[i/5].Spec, j.Spec); name != "" || err != nil {
			t.Errorf("pasted, %s has %s %s, want %s (%v)", j.Dir, name, a, b, err)
		}
	}
	if len(jobs) != 10 || names[0] != "pitch/pessimistic-linear-trial-01/1" || names[9] != "pitch/pessimistic-linear-trial-05/2" {
		t.Errorf("runs are %v", names)
	}
	if _, err := s.Paste("trial-06"); err == nil || !strings.Contains(err.Error(), `no trial "trial-06": there are 5`) {
		t.Errorf("error %v", err)
	}
}

// Each mistake is one sentence that says what to do.
func TestSweepMistakes(t *testing.T) {
	const over = "\n  over: {planner.Beta: {from: 1, to: 2}}"
	for text, want := range map[string]string{
		"":                               ": it has no part sweep",
		"sweep:\n  methd: random" + over: `, line 10: sweep has no key "methd": did you mean method?`,
		"sweep:\n  method: haltn" + over: `: method: there is no "haltn": did you mean halton?`,
		"sweep:\n  trials: 0" + over:     ": trials 0: want 1 to 10000",
		"sweep:\n  trials: 10001" + over: ": trials 10001: want 1 to 10000",
		"sweep:\n  trials: 1\n  method: halving" + over:                                 ": trials 1: want at least 2 for halving",
		"sweep:\n  seed: -1" + over:                                                     `, line 10: seed: "-1" is not a whole number from 0 on`,
		"sweep:\n  trials: 3":                                                           ": over names no setting",
		"sweep:\n  over: [planner.Beta]":                                                ", line 10: over: want keys with values",
		"sweep:\n  over: {planner.Beta: 3}":                                             ", line 10: over planner.Beta: want a range as in {from: 0.5, to: 4}, or values",
		"sweep:\n  over: {planner.Beta: [1, {a: 1}]}":                                   ", line 10: over planner.Beta: want values as in [1, 2]",
		"sweep:\n  over: {planner.Beta: []}":                                            ": over planner.Beta: there are 0 values to choose from",
		"sweep:\n  over: {planner.Beta: [1]}":                                           ": over planner.Beta: there are 1 values to choose from",
		"sweep:\n  over: {planner.Beta: [1, 2, 1]}":                                     ": over planner.Beta: its values name 1 twice",
		"sweep:\n  over:\n    planner.Beta: [1, 2]\n    planner.Beta: [1, 2]":           ", line 12: over has the key planner.Beta twice",
		"sweep:\n  over: {planner.Beta: {from: 1}}":                                     ": over planner.Beta: want from and to",
		"sweep:\n  over: {planner.Beta: {from: 1, too: 2}}":                             `, line 10: over planner.Beta has no key "too": did you mean to?`,
		"sweep:\n  over: {planner.Beta: {from: one, to: 2}}":                            `, line 10: from: "one" is not a number`,
		"sweep:\n  over: {planner.Beta: {from: 1, to: .inf}}":                           `, line 10: to: ".inf" is not a number`,
		"sweep:\n  over: {planner.Beta: {from: -1e308, to: 1e308}}":                     "the range is wider than numbers are",
		"sweep:\n  over: {planner.Beta: {from: 4, to: 0.5}}":                            ": over planner.Beta: from 4 to 0.5: want from below to",
		"sweep:\n  over: {planner.Beta: {from: 4, to: 4}}":                              ": over planner.Beta: from 4 to 4: the range is empty",
		"sweep:\n  over: {planner.Beta: {from: 0, to: 4, log: true}}":                   ": over planner.Beta: from 0, log: there is no logarithm",
		"sweep:\n  over: {planner.AttackedCandidates: {from: 0.5, to: 4, whole: true}}": ": over planner.AttackedCandidates: from 0.5 to 4, whole: want whole numbers",
		"sweep:\n  over: {episodes: [1, 2]}":                                            ": over episodes: trials are compared after as many episodes",
		"sweep:\n  over: {explore: {from: 12, to: 20}}":                                 ": over explore: it is a whole number: give its range whole: true",
		"sweep:\n  over: {learn-every: [1, x]}":                                         `: over learn-every: "x" is not a whole number`,
		"sweep:\n  objective: {maximise: return}" + over:                                `, line 10: objective has no key "maximise": did you mean maximize?`,
		"sweep:\n  objective: {maximize: retrun}" + over:                                `: objective: there is no "retrun" to maximize: did you mean return?`,
		"sweep:\n  objective: {of: lst}" + over:                                         `: objective: there is no return of "lst": did you mean last?`,
		"sweep:\n  objective: {within: -1}" + over:                                      ": objective: within -1: want at least 0",
		"sweep:\n  halving: {rungs: 3}" + over:                                          ": halving is given, and the method is halton",
		"sweep:\n  method: halving\n  halving: {rungs: 1}" + over:                       ": halving: rungs 1: want 2 to 20",
		"sweep:\n  method: halving\n  halving: {keep: 1}" + over:                        ": halving: keep 1: want a share",
		"sweep:\n  method: halving\n  halving: {least: 0}" + over:                       ": halving: least 0: want at least 1",
		"sweep:\n  method: halving\n  halving: {resource: episode}" + over:              `: halving: there is no resource "episode": did you mean episodes?`,
		"variants: [{name: a}]\nsweep:" + over:                                          ": a sweep has no variants and no plain",
		"plain: true\nsweep:" + over:                                                    ": a sweep has no variants and no plain",
		"sweep:\n  method: halving\n  halving: {rungs: 3, least: 8}" + over:             "halving: 3 rungs from 8 to 9 episodes: want more episodes",
		"sweep:\n  method: halving\n  halving: {rungs: 2, least: 9}" + over:             "halving: 2 rungs from 9 to 9 episodes",
		"sweep:\n  over: {planner.Bta: [1, 2]}":                                         `set planner.Bta: Pessimistic has no field "Bta": did you mean Beta?`,
		"sweep:\n  over: {planner.Bta: {from: 1, to: 2}}":                               "(and so 15 other trials)",
		"sweep:\n  over: {planner.Horizon: {from: 2, to: 12}}":                          "is not a whole number: give its range whole: true (and so ",
		"sweep:\n  over: {adversary: [sign-gradient, lineer]}":                          `there is no adversary "lineer": did you mean linear?`,
		"sweep:\n  over: {calibration.Miss: {from: 0.1, to: 0.2}}":                      "there is no calibration: choose one first (and so 15 other trials)",
		"overrides: [{episodes: 0}]\nsweep:" + over:                                     "episodes 0: want at least 1",
		"sweep:\n  trials: 9000" + over:                                                 "has 18000 runs: want at most 10000",
		"calibrate: conformal\nsweep:\n  method: halving\n  halving: {least: 1}" + over: "calibration.",
	} {
		s, err := parseSweep([]byte(sweepHead + text))
		if err == nil {
			if _, err = s.Jobs(); err == nil {
				for _, err = range s.Run(context.Background(), t.TempDir(), 1, Here) {
					break
				}
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
	for _, list := range []string{"tasks: [pitch, pendulum]", "planners: [safe, unsafe]", "models: [linear, gp]"} {
		key, _, _ := strings.Cut(list, ":")
		var text strings.Builder
		for line := range strings.Lines(sweepHead) {
			if strings.HasPrefix(line, key) {
				line = list + "\n"
			}
			text.WriteString(line)
		}
		if _, err := parseSweep([]byte(text.String() + "sweep:" + over)); err == nil || !strings.Contains(err.Error(), ": "+key+" are ") || !strings.Contains(err.Error(), "a sweep is of one task, one planner and one model") {
			t.Errorf("%s: error %v", list, err)
		}
	}
	if _, err := ReadSweep(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error %v", err)
	}
}

// Rungs grow by the same factor, and keep the nearest number to their share.
func TestRungs(t *testing.T) {
	for _, c := range []struct {
		h                Halving
		episodes, trials int
		want             []Rung
	}{
		{DefaultHalving(), 9, 27, []Rung{{1, 27}, {3, 9}, {9, 3}}}, // each costs 27 episodes
		{Halving{3, 0.33, "episodes", 2}, 18, 16, []Rung{{2, 16}, {6, 5}, {18, 2}}},
		{Halving{4, 0.5, "episodes", 1}, 8, 3, []Rung{{1, 3}, {2, 2}, {4, 1}, {8, 1}}},
		{Halving{2, 0.9, "episodes", 3}, 4, 4, []Rung{{3, 4}, {4, 3}}},
		{Halving{2, 0.01, "episodes", 3}, 50, 40, []Rung{{3, 40}, {50, 1}}},
	} {
		if got, err := c.h.rungs(c.episodes, c.trials); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v of %d trials: %v, error %v, want %v", c.h, c.trials, got, err, c.want)
		}
	}
}

// Trials that keep the limits come before those that do not, the former by their returns, the latter by their violating steps and then their returns;
// NaN and what is not complete comes last. What is as good has one rank.
func TestRank(t *testing.T) {
	all := []Outcome{
		{Trial: "failed", Failure: "x", Feasible: true},
		{Trial: "wild", Return: new(99.0), Violations: 7},
		{Trial: "low", Return: new(-3.0), Feasible: true},
		{Trial: "failed too", Failure: "x"},
		{Trial: "twin", Return: new(-2.0), Feasible: true, Violations: 2},
		{Trial: "less wild", Return: new(-99.0), Violations: 6},
		{Trial: "wild and worse", Return: new(98.0), Violations: 7},
		{Trial: "twin too", Return: new(-2.0), Feasible: true},
	}
	rank(all)
	var got []string
	for _, o := range all {
		got = append(got, fmt.Sprint(o.Rank, " ", o.Trial))
	}
	want := []string{"1 twin", "1 twin too", "3 low", "4 less wild", "5 wild", "6 wild and worse", "0 failed", "0 failed too"}
	if !slices.Equal(got, want) {
		t.Errorf("ranked %q, want %q", got, want)
	}
}

// comes is a Worker whose runs come to what come says, of each episode after the random phase, which has no violating step.
func comes(come func(s *experiment.Spec, episode int) (value float64, violations int, err error)) Worker {
	return func(ctx context.Context, dir string) error {
		s, err := store.ReadSpec(dir)
		if err != nil {
			return err
		}
		store.GoOn(dir)
		i, err := store.Import(dir, s)
		if err != nil {
			return err
		}
		task := s.Task.Task()
		for number := range 1 + s.Episodes {
			value, violations, steps, phase := 0.0, 0, s.RandomSteps, safex.RandomPhase
			if number > 0 {
				steps, phase = task.Steps, safex.PlannedPhase
				if value, violations, err = come(s, number); err != nil {
					return err
				}
			}
			nx := len(task.State)
			e := safex.Episode{Number: number, Phase: phase, Trajectory: safex.Trajectory{States: [][]float64{make([]float64, nx)}}}
			for t := range steps {
				reward, excess := 0.0, -1.0
				if t == 0 {
					reward = value
				}
				if t < violations {
					excess = 1
				}
				e.Append(make([]float64, len(task.Action)), make([]float64, nx), reward, []float64{excess})
				if number > 0 {
					e.Forecasts = append(e.Forecasts, safex.Forecast{
						Mean: make([]float64, nx), Worst: make([]float64, 1), Epistemic: make([]float64, nx), Aleatoric: make([]float64, nx), Feasible: true,
					})
				}
			}
			if err := i.Add(e, true); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
}

// climb runs s to its end, and returns what the trials came to, with the bytes of sweep.json.
func climb(t *testing.T, s *Sweep, out string, workers int, work Worker) ([]Outcome, string) {
	t.Helper()
	for _, err := range s.Run(context.Background(), out, workers, work) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return reached(t, out)
}

func reached(t *testing.T, out string) ([]Outcome, string) {
	t.Helper()
	outcomes, err := Outcomes(out)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, SweepFile))
	if err != nil {
		t.Fatal(err)
	}
	return outcomes, string(text)
}

// noise is a number of a run's settings, whose seed is 1 or 2, and of an episode.
func noise(s *experiment.Spec, episode int) float64 {
	return math.Trunc(1000 * rng.New(s.Seed).At(s.LearnEvery).At(episode).Rand().Float64())
}

const nine = "sweep:\n  trials: 9\n  method: halving\n  over: {learn-every: {from: 0, to: 100000, whole: true}}\n  seed: "

// Halving keeps those on each rung that a count by hand keeps, and runs nothing else; for any number of workers, and wherever it is stopped.
func TestHalving(t *testing.T) {
	for seed := range 4 {
		s := sweeping(t, nine+fmt.Sprint(seed))
		come := func(s *experiment.Spec, episode int) (float64, int, error) {
			return noise(s, episode), int(noise(s, -episode)) % 40 / 39, nil
		}
		jobs, err := s.Jobs()
		if err != nil {
			t.Fatal(err)
		}
		type trial struct {
			name     string
			episodes int
			value    float64
			bad      int
			most     int
		}
		var left, want []trial
		for i := range 9 {
			left = append(left, trial{name: jobs[i].Variant})
		}
		for r, episodes := range []int{1, 3, 9} {
			for i := range left {
				left[i] = trial{name: left[i].name, episodes: episodes}
				for _, j := range jobs {
					if j.Variant != left[i].name {
						continue
					}
					bad := 0
					for e := 1; e <= episodes; e++ {
						_, v, _ := come(j.Spec, e)
						bad += v
					}
					left[i].value += noise(j.Spec, episodes) / 2
					left[i].bad, left[i].most = left[i].bad+bad, max(left[i].most, bad)
				}
			}
			slices.SortStableFunc(left, func(a, b trial) int {
				switch {
				case (a.most == 0) != (b.most == 0):
					return a.most - b.most
				case a.most > 0 && a.bad != b.bad:
					return a.bad - b.bad
				}
				return int(math.Copysign(1, b.value-a.value)) * min(1, int(math.Abs(2*(b.value-a.value))))
			})
			keep := []int{3, 1, 0}[r]
			want = append(slices.Clone(left[keep:]), want...)
			left = left[:keep]
		}
		out := t.TempDir()
		got, kept := climb(t, s, out, 1, comes(come))
		for i, o := range got {
			if w := want[i]; o.Rank != i+1 || o.Trial != w.name || o.Episodes != w.episodes || *o.Return != w.value || o.Violations != w.bad || o.Feasible != (w.most == 0) {
				t.Errorf("seed %d: %+v is number %d, want %+v", seed, o, i+1, w)
			}
			for _, j := range jobs {
				if j.Variant != o.Trial {
					continue
				}
				if was, err := store.ReadSpec(j.folder(out)); err != nil || was.Episodes != o.Episodes {
					t.Errorf("seed %d: %s has the episodes of %+v, want %d (%v)", seed, j.Dir, was, o.Episodes, err)
				}
			}
		}
		if len(got) != 9 {
			t.Errorf("seed %d: %d outcomes", seed, len(got))
		}
		for workers := 2; workers <= 4; workers += 2 {
			if _, other := climb(t, s, t.TempDir(), workers, comes(come)); other != kept {
				t.Errorf("seed %d: %d workers came to something else", seed, workers)
			}
		}
		out = t.TempDir()
		stops := 0
		for over := false; !over; stops++ { // after each run
			ctx, cancel := context.WithCancel(context.Background())
			over = true
			for p, err := range s.Run(ctx, out, 2, comes(come)) {
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if over = err == nil; p.Ended != nil {
					cancel()
				}
			}
			cancel()
		}
		if _, other := reached(t, out); other != kept || stops < 9 {
			t.Errorf("seed %d: stopped %d times, it came to something else", seed, stops)
		}
		if _, other := climb(t, s, out, 1, func(context.Context, string) error { return errors.New("nothing is left to do") }); other != kept {
			t.Errorf("seed %d: again it came to something else", seed)
		}
		s.Trials.Objective.Within = 3
		for _, err := range s.Run(context.Background(), out, 1, comes(come)) {
			if err == nil || !strings.Contains(err.Error(), "sweep x: objective is not that by which trials in ") {
				t.Errorf("error %v", err)
			}
		}
	}
}

// A trial with a run that fails, or whose return is no number, comes last, and that is said; it is not tried again once it is out. If too few are
// complete the rung is not over, and what failed is tried again.
func TestSweepFailures(t *testing.T) {
	s := sweeping(t, nine+"1")
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	best := jobs[4].Spec.LearnEvery
	tried := map[uint64]int{}
	broken := func(seeds ...uint64) Worker {
		return comes(func(s *experiment.Spec, episode int) (float64, int, error) {
			if s.LearnEvery == best && slices.Contains(seeds, s.Seed) {
				if episode == 1 {
					tried[s.Seed]++
				}
				return 0, 0, errors.New("it does not converge")
			}
			return float64(s.LearnEvery), 0, nil
		})
	}
	out := t.TempDir()
	all, _ := climb(t, s, out, 1, broken(2))
	if o := all[8]; o.Trial != "trial-05" || o.Rank != 0 || o.Return != nil || o.Failure != "seed 2: it does not converge" || o.Runs[0].Return == nil || tried[2] != 1 {
		t.Errorf("last is %+v after %v tries", o, tried)
	}
	var b strings.Builder
	if err := s.Table(&b, all); err != nil || !strings.Contains(b.String(), "–     trial-05") || !strings.Contains(b.String(), "seed 2: it does not converge") ||
		!strings.Contains(b.String(), "1 of 9 trials have a run that is not complete, and come last.") {
		t.Errorf("error %v, table\n%s", err, b.String())
	}
	states, err := Status(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range states {
		if want := strings.Contains(st.Run, "trial-05/2"); (st.Phase == Failed) != want || (st.Phase == Done) == want {
			t.Errorf("%+v", st)
		}
	}

	// All fail but two, where three go on; then none does.
	out = t.TempDir()
	var last error
	few := comes(func(s *experiment.Spec, _ int) (float64, int, error) {
		if s.LearnEvery != best && s.LearnEvery != jobs[5].Spec.LearnEvery {
			return 0, 0, errors.New("no room")
		}
		return 1, 0, nil
	})
	for _, err := range s.Run(context.Background(), out, 1, few) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "3 trials go on from rung 1, and 2 are complete") || !strings.Contains(last.Error(), "no room") {
		t.Errorf("error %v", last)
	}
	if all, err := Outcomes(out); err != nil || all != nil {
		t.Errorf("%v of a rung that is not over, error %v", all, err)
	}
	again, _ := climb(t, s, out, 1, comes(func(s *experiment.Spec, _ int) (float64, int, error) { return float64(s.LearnEvery), 0, nil }))
	if again[8].Return == nil {
		t.Errorf("%+v, though it was tried again", again[8])
	}

	// Without halving there is a table of what is complete, and what failed is tried again.
	s.Trials.Method, out = halton, t.TempDir()
	if all, _ := climb(t, s, out, 2, broken(1, 2)); all[8].Rank != 0 || all[8].Failure != "seed 1: it does not converge" || all[7].Rank != 8 {
		t.Errorf("outcomes %+v", all)
	}
	if all, _ := climb(t, s, out, 2, broken()); all[8].Rank != 9 {
		t.Errorf("last is %+v, though it was tried again", all[8])
	}
	for _, err := range s.Run(context.Background(), t.TempDir(), 1, func(context.Context, string) error { return errors.New("no room") }) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "none of 9 trials is complete") || !strings.Contains(last.Error(), "no room") {
		t.Errorf("error %v", last)
	}
}

// A return that is beyond the real numbers is none.
func TestNoReturn(t *testing.T) {
	s := sweeping(t, "sweep:\n  trials: 2\n  over: {learn-every: [1, 2]}\n  objective: {of: mean, within: 5}")
	all, _ := climb(t, s, t.TempDir(), 1, comes(func(s *experiment.Spec, _ int) (float64, int, error) {
		if s.LearnEvery == 1 {
			return 1.7e308, 0, nil
		}
		return -1.7e300, 0, nil
	}))
	if all[1].Settings["learn-every"] != "1" || all[1].Failure != "seed 1: its return is +Inf" || all[1].Rank != 0 || all[0].Rank != 1 {
		t.Errorf("outcomes %+v", all)
	}
}

// More trials, seeds and episodes go on from what is there; values are of one return of each run.
func TestSweepGrows(t *testing.T) {
	s := sweeping(t, "sweep:\n  trials: 3\n  over: {learn-every: {from: 0, to: 1000, whole: true}}\n  objective: {of: best}")
	out, runs := t.TempDir(), 0
	work := func(ctx context.Context, dir string) error {
		runs++
		return comes(func(s *experiment.Spec, episode int) (float64, int, error) {
			return float64(s.LearnEvery) - math.Abs(float64(episode)-4), 0, nil
		})(ctx, dir)
	}
	few, _ := climb(t, s, out, 1, work)
	for _, o := range few {
		if v, _ := strconv.Atoi(o.Settings["learn-every"]); *o.Return != float64(v) || *o.Lo != *o.Return || *o.Hi != *o.Return {
			t.Errorf("%+v", o)
		}
	}
	s.Trials.Number, s.Study.Seeds = 5, Seeds{1, 2, 3}
	if more, _ := climb(t, s, out, 1, work); runs != 15 || len(more) != 5 || len(more[0].Runs) != 3 {
		t.Errorf("%d runs, outcomes %+v", runs, more)
	}
	if err := os.WriteFile(filepath.Join(out, SweepFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Outcomes(out); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("error %v", err)
	}
}

// One process at a time has the folder of a sweep.
func TestSweepLocked(t *testing.T) {
	s := sweeping(t, "sweep:\n  trials: 2\n  over: {learn-every: [1, 2]}")
	out := t.TempDir()
	release, err := hold(out, sweepLock)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	for _, err := range s.Run(context.Background(), out, 1, Here) {
		if err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("error %v", err)
		}
	}
}

// sweepFile is a sweep of runs that take a moment each.
const sweepFile = "sweep:\n  trials: 4\n  method: halving\n  over: {planner.Beta: {from: 0.5, to: 4}, planner.AttackedCandidates: {from: 2, to: 8, whole: true}}\n  halving: {rungs: 2, keep: 0.5, least: 2}\n"

// A trial that came to the last rung has the steps of a run of so many episodes from the start.
func TestSweepSteps(t *testing.T) {
	s := sweeping(t, strings.Replace(sweepFile, "least: 2", "least: 1", 1))
	s.Study.Seeds = Seeds{1}
	s.Study.UseEpisodes(3)
	out := t.TempDir()
	all, _ := climb(t, s, out, 2, Here)
	whole := s.study([]int{3, 3, 3, 3})
	var kept []Variant
	for _, v := range whole.Variants {
		if v.Name == all[0].Trial || v.Name == all[1].Trial {
			kept = append(kept, v)
		}
	}
	whole.Variants = kept
	equal(t, steps(t, whole, out), finish(t, whole, t.TempDir(), 1, Here))
}

// A sweep that is killed again and again, after every few steps of its runs, comes to what one does that was not. How many kills come before its end is not
// for this test to say: a machine that is busy elsewhere may be late with them.
func TestKillSweep(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	s := sweeping(t, sweepFile)
	s.Study.Seeds = Seeds{1}
	rows := func(out string) (n int) {
		found, err := filepath.Glob(filepath.Join(out, "*", "*", "*", "steps.csv"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			n += lines(path)
		}
		return n
	}
	unkilled := t.TempDir()
	_, want := climb(t, s, unkilled, 1, Here)
	whole := rows(unkilled)
	file, out := filepath.Join(t.TempDir(), "sweep.yaml"), filepath.Join(t.TempDir(), "killed")
	if err := os.WriteFile(file, []byte(strings.Replace(sweepHead, "1-2", "[1]", 1)+sweepFile), 0o644); err != nil {
		t.Fatal(err)
	}
	const kills = 12
	killed, over := 0, 0
	for i := range kills {
		c, said := launch(t, "sweep", file, out)
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		for at := whole * (i + 1) / (kills + 1); rows(out) < at && len(ended) == 0; {
			time.Sleep(time.Millisecond)
		}
		c.Process.Kill()
		if err := <-ended; err == nil {
			break
		} else if c.ProcessState.Exited() {
			t.Fatalf("%v: %s", err, said)
		}
		killed++
		if all, err := Outcomes(out); err != nil {
			t.Error(err)
		} else if all != nil {
			over++
		}
	}
	t.Logf("killed %d times, %d of them after its first rung", killed, over)
	if _, got := climb(t, s, out, 1, Here); got != want {
		t.Errorf("it came to\n%s\nwant\n%s", got, want)
	}
}

// Trials that are as good have one rank, but not across the rung at which some were left out; the earlier ones go on. What a run did after a rung does not
// count on it.
func TestSweepTies(t *testing.T) {
	s := sweeping(t, nine+"1")
	s.Study.Seeds = Seeds{1}
	out := t.TempDir()
	all, _ := climb(t, s, out, 1, comes(func(_ *experiment.Spec, episode int) (float64, int, error) { return float64(episode), episode / 2, nil }))
	var ranks []int
	for i, o := range all {
		if ranks = append(ranks, o.Rank); o.Trial != fmt.Sprintf("trial-%02d", i+1) {
			t.Errorf("%s is number %d", o.Trial, i+1)
		}
	}
	if !slices.Equal(ranks, []int{1, 2, 2, 4, 4, 4, 4, 4, 4}) {
		t.Errorf("ranks %v", ranks)
	}
	for episodes, violations := range []int{0, 0, 1, 2, 4} {
		if episodes == 0 {
			continue
		}
		if r := s.Trials.Objective.seed(filepath.Join(out, "pitch", "pessimistic-linear-trial-01", "1"), episodes); r.Return == nil || *r.Return != float64(episodes) || r.Violations != violations {
			t.Errorf("after %d episodes %+v", episodes, r)
		}
	}
}
