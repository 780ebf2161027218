package track

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// both is all that there is.
var both = Settings{TensorBoard: true, WandB: Project}

// brief are settings of a run of a second: three episodes of 12 steps.
func brief() (*experiment.Spec, error) {
	s, err := experiment.Named("pitch", "planner=pessimistic", "filter=off")
	if err == nil {
		err = s.Set("learner=linear")
	}
	for _, set := range []string{"Steps=12", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4", "learner.Noise=0.002"} {
		if err == nil {
			err = s.Set(set)
		}
	}
	if err != nil {
		return nil, err
	}
	s.Episodes, s.RandomSteps, s.LearnEvery, s.Seed = 3, 12, 4, 7
	return s, nil
}

func short(t testing.TB) *experiment.Spec {
	t.Helper()
	s, err := brief()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// steps goes on with r until it is over or stop says so, after each step.
func steps(t testing.TB, r *store.Run, stop func() bool) {
	t.Helper()
	for _, err := range r.Steps(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if stop() {
			return
		}
	}
}

func never() bool { return false }

// followed is the folder of a run that was written while it ran, from its beginning to its end.
func followed(t testing.TB, s *experiment.Spec) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	r, err := store.Start(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := both.Follow(r, func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	steps(t, r, never)
	return dir
}

// same is whether TensorBoard, which has 32 bits, shows v.
func same(shown, v float64) bool {
	return shown == float64(float32(v)) || shown != shown && v != v
}

// Covered steps are counted of runs with a filter, in planned episodes and where it judged random steps, and of no others.
func TestCovers(t *testing.T) {
	s := short(t)
	system, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	sum := store.Summary{Phase: safex.PlannedPhase, ByPlan: 7, ByBackup: 4, Uncovered: 1}
	covers := func(sum store.Summary) (got []value) {
		for _, v := range measure(s, system, sum, safex.Episode{Phase: sum.Phase}, 1) {
			if strings.HasPrefix(v.name, "Cover/") {
				got = append(got, v)
			}
		}
		return got
	}
	if got := covers(sum); got != nil {
		t.Errorf("without a filter %v", got)
	}
	if err := s.Set("filter=on"); err != nil {
		t.Fatal(err)
	}
	if got, want := covers(sum), []value{{"Cover/by plan", 7}, {"Cover/by backup", 4}, {"Cover/uncovered", 1}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	sum.Phase = safex.RandomPhase
	if got := covers(sum); got != nil {
		t.Errorf("of random steps %v", got)
	}
	random := safex.Episode{Phase: safex.RandomPhase, Forecasts: []safex.Forecast{{Cover: safex.CoverKernel}}, Trajectory: safex.Trajectory{Excess: [][]float64{make([]float64, len(system.Limits))}}}
	sum.Beta = 2
	got := measure(s, system, sum, random, 0)
	if !slices.Contains(got, value{"Cover/by plan", 7}) || slices.ContainsFunc(got, func(v value) bool { return v.name == "Pessimistic Alpha" }) {
		t.Errorf("of random steps that a filter judged %v", got)
	}
}

// Both have every number of the run: those of episodes.jsonl as they are, those of steps.csv by their definitions.
func TestNumbers(t *testing.T) {
	s := short(t)
	dir := followed(t, s)
	sums, err := store.Summaries(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	episodes := r.Episodes
	if len(episodes) != 4 {
		t.Fatalf("%d episodes, error %v", len(episodes), err)
	}
	tags, log := readEvents(t, dir), readOffline(t, dir)
	want := map[string]map[int]float64{}
	set := func(name string, episode int, v float64) {
		if want[name] == nil {
			want[name] = map[int]float64{}
		}
		want[name][episode] = v
	}
	for i, sum := range sums {
		set("Train Reward", i, sum.Return)
		set("Train Violations", i, float64(sum.Violations))
		set("Max Violation", i, max(0, sum.Worst["pitch"]))
		set("Episode", i, float64(i))
		set("Excess/pitch", i, sum.Worst["pitch"])
		if i == 0 {
			continue
		}
		set("Pessimistic Alpha", i, 2)
		set("Plan/median ms", i, sum.PlanP50)
		set("Plan/p99 ms", i, sum.PlanP99)
		set("Plan/infeasible", i, float64(sum.Infeasible))
		set("Plan/NaN candidates", i, float64(sum.NaNs))
		set("Fit/seconds", i, sum.FitSeconds)
		e, squares, deviation, noise, nll, inside := episodes[i], 0.0, 0.0, 0.0, 0.0, 0.0
		for k, f := range e.Forecasts {
			in, density := 1.0, 1.0
			for d, m := range f.Mean {
				off, variance := e.States[k+1][d]-m, f.Epistemic[d]*f.Epistemic[d]+f.Aleatoric[d]*f.Aleatoric[d]
				squares += off * off / 36
				deviation += f.Epistemic[d] / 36
				noise += f.Aleatoric[d] / 36
				density *= math.Exp(-off*off/(2*variance)) / math.Sqrt(2*math.Pi*variance)
				if off > 2*f.Epistemic[d] || off < -2*f.Epistemic[d] {
					in = 0
				}
			}
			nll -= math.Log(density) / 3
			inside += in / 12
		}
		set("Planning MSE", i, squares)
		set("Plan/epistemic uncertainty", i, deviation)
		set("Plan/aleatoric uncertainty", i, noise)
		set("Average NLL", i, nll)
		set("Box/share inside", i, inside)
		set("Box/beta", i, 2)
	}
	lines, err := validations(dir)
	if err != nil || len(lines) != 3 {
		t.Fatalf("%d validations, error %v", len(lines), err)
	}
	for _, v := range lines {
		set("Mean epistemic uncertainty", v.Episode, v.Epistemic)
		set("Std epistemic uncertainty", v.Episode, v.Spread)
		set("Mean aleatoric uncertainty", v.Episode, v.Aleatoric)
		set("Validation MSE", v.Episode, v.MSE)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b) }
	for name, byEpisode := range want {
		if len(tags[name]) != len(byEpisode) {
			t.Errorf("TensorBoard has %d steps of %s, want %d", len(tags[name]), name, len(byEpisode))
		}
		for i, v := range byEpisode {
			if got := tags[name][i].value; math.Abs(got-v) > 1e-6*math.Abs(v) {
				t.Errorf("TensorBoard: %s of episode %d is %v, want %v", name, i, got, v)
			}
			if got, ok := log.rows[i][name].(float64); !ok || !near(got, v) {
				t.Errorf("Weights & Biases: %s of episode %d is %v, want %v", name, i, log.rows[i][name], v)
			}
		}
	}
	for name, byEpisode := range tags {
		if want[name] == nil && !strings.HasPrefix(name, "figures/") && name != "run.yaml" && name != "Violations_hist" {
			t.Errorf("TensorBoard has %s: %v", name, byEpisode)
		}
	}
	for i, row := range log.rows {
		for name, v := range row {
			if want[name] != nil {
				if _, ok := want[name][i]; !ok {
					t.Errorf("Weights & Biases: episode %d has %s: %v", i, name, v)
				}
			}
			if number, ok := v.(float64); ok && want[name] != nil && !same(tags[name][i].value, number) {
				t.Errorf("%s of episode %d is %v for one and %v for the other", name, i, tags[name][i].value, number)
			}
		}
	}
	if len(log.rows) != 4 || !log.finished || log.summary["Train Reward"] != sums[3].Return || log.summary["Episode"] != 3.0 {
		t.Errorf("%d rows, finished %v, summary %v", len(log.rows), log.finished, log.summary)
	}
}

// The evaluation that follows an episode is told with it, the last one too, and by Update what was told while the run went on.
func TestEvaluations(t *testing.T) {
	s := short(t)
	if err := s.Set("evaluate=on"); err != nil {
		t.Fatal(err)
	}
	s.Episodes = 1
	dir := followed(t, s)
	sums, err := store.EvaluationSummaries(dir)
	if err != nil || len(sums) != 2 {
		t.Fatalf("%d evaluations, error %v", len(sums), err)
	}
	check := func() {
		t.Helper()
		tags, log := readEvents(t, dir), readOffline(t, dir)
		for _, sum := range sums {
			for name, want := range map[string]float64{"reward": sum.Return, "violations": float64(sum.Violations), "max violation": max(0, sum.Worst["pitch"])} {
				name = "Evaluation/" + name
				if got := tags[name][sum.Episode].value; !same(got, want) || len(tags[name]) != len(sums) {
					t.Errorf("TensorBoard: %s after episode %d is %v, want %v; %d in all", name, sum.Episode, got, want, len(tags[name]))
				}
				if got := log.rows[sum.Episode][name]; got != want {
					t.Errorf("Weights & Biases: %s after episode %d is %v, want %v", name, sum.Episode, got, want)
				}
			}
		}
	}
	check()
	for _, folder := range []string{"tensorboard", "wandb"} {
		if err := os.RemoveAll(filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := both.Update(dir); n != 2 || err != nil {
		t.Fatalf("%d episodes, error %v", n, err)
	}
	check()
}

// Settings, names, figures and histograms are told.
func TestTold(t *testing.T) {
	s := short(t)
	dir := followed(t, s)
	tags, log := readEvents(t, dir), readOffline(t, dir)
	yaml, err := os.ReadFile(filepath.Join(dir, "run.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ReplaceAll("\n"+tags["run.yaml"][0].text, "\n    ", "\n")[1:]; got != strings.TrimSpace(string(yaml)) || len(tags["run.yaml"]) != 1 {
		t.Errorf("TensorBoard was told the settings\n%s", got)
	}
	if log.project != "safex" || log.group != "pitch/pessimistic-linear-unfiltered" || log.job != "pessimistic-linear" || log.name != "seed 7" ||
		!slices.Equal(log.tags, []string{"pitch", "pessimistic", "linear"}) {
		t.Errorf("told %+v", log)
	}
	learning, _ := log.config["Learner"].(map[string]any)
	if learning["Noise"] != 0.002 || log.config["Seed"] != 7.0 || log.config["Task"].(map[string]any)["Type"] != "tasks.Pitch" {
		t.Errorf("told the settings %v", log.config)
	}
	png := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "figures", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i := 1; i <= 3; i++ {
		file := fmt.Sprintf("safety-%03d.png", i)
		if !bytes.Equal(tags["figures/safety"][i].picture, png(file)) {
			t.Errorf("TensorBoard has another picture for %s", file)
		}
	}
	for _, name := range []string{"learning", "animation"} {
		if p := tags["figures/"+name]; len(p) != 1 || !bytes.Equal(p[3].picture, png(name+".png")) {
			t.Errorf("TensorBoard has %d pictures %s, want that of the end", len(p), name)
		}
	}
	row := log.rows[3]
	for _, name := range []string{"learning", "animation", "safety"} {
		path, _ := row["figures/"+name+".path"].(string)
		files, _ := filepath.Glob(filepath.Join(dir, "wandb", "*", "files", path))
		if len(files) != 1 {
			t.Fatalf("%d files %s", len(files), path)
		}
		got, err := os.ReadFile(files[0])
		want := png(map[string]string{"learning": "learning.png", "animation": "animation.png", "safety": "safety-003.png"}[name])
		if err != nil || !bytes.Equal(got, want) || row["figures/"+name+".size"] != float64(len(want)) || row["figures/"+name+"._type"] != "image-file" {
			t.Errorf("%s is told as %v", name, row)
		}
	}
	if there, _ := filepath.Glob(filepath.Join(dir, "wandb", "*", "files", "media", "images", "figures", "*")); len(there) != len(log.files) || len(there) != 5 {
		t.Errorf("%d pictures are there and %d are named, want those of three episodes and two of the last", len(there), len(log.files))
	}
	if bins := tags["Violations_hist"][3].bins; len(bins) == 0 || bins[0] != 4 {
		t.Errorf("four episodes without a violation are counted as %v", bins)
	}
}

// Counted by hand: 0, 2, 2 and 1 violating steps, and so many that a bin has to take two numbers.
func TestHistogram(t *testing.T) {
	if width, got := bin([]int{0, 2, 2, 1}); width != 1 || !slices.Equal(got, []float64{1, 1, 2}) {
		t.Errorf("bins %v of %d", got, width)
	}
	if width, got := bin([]int{512, 1, 0, 2}); width != 2 || len(got) != 257 || got[0] != 2 || got[1] != 1 || got[256] != 1 {
		t.Errorf("%d bins %v of %d", len(got), got, width)
	}
	if width, got := bin([]int{511}); width != 1 || len(got) != 512 {
		t.Errorf("%d bins of %d", len(got), width)
	}
}

// By hand: two steps of two dimensions, whose deviations are 5 by 3 and 4.
func TestForecasts(t *testing.T) {
	e := safex.Episode{Number: 1, Phase: safex.PlannedPhase, Trajectory: safex.Trajectory{States: [][]float64{{0, 0}, {1, 2}, {5, 0}}, Actions: [][]float64{{0}, {0}}}}
	f := safex.Forecast{Mean: []float64{0, 0}, Epistemic: []float64{3, 3}, Aleatoric: []float64{4, 4}, Beta: 1.5}
	e.Forecasts = []safex.Forecast{f, f}
	b := forecasts(e)
	nll := 2*(math.Log(5)+math.Log(2*math.Pi)/2) + (1+4+25)/(2*25.0)/2
	if b.squares != 7.5 || math.Abs(b.nll-nll) > 1e-12 || b.epistemic != 3 || b.aleatoric != 4 || b.beta != 1.5 || b.inside != 0.5 {
		t.Errorf("%+v, want nll %v", b, nll)
	}
	// Without what followed the last step, the first alone counts; a β that was asked for stands in for one that was not defended.
	e.States = e.States[:2]
	e.Forecasts[0].Beta, e.Forecasts[0].AskedBeta = 0, 0.5
	if b := forecasts(e); b.n != 1 || b.squares != 2.5 || b.beta != 0.5 || b.inside != 0 {
		t.Errorf("%+v", b)
	}
	e.Forecasts[0].AskedBeta, e.Forecasts[0].Epistemic, e.Forecasts[0].Aleatoric = 0, []float64{0, 0}, []float64{0, 0}
	if b := forecasts(e); b.boxes != 0 || b.nll != 0 {
		t.Errorf("without deviations: %+v", b)
	}
}

func TestOptimism(t *testing.T) {
	game, hoping, safe := plan.DefaultOptMinMax(), plan.DefaultPessimistic(), plan.DefaultSafe()
	hoping.Exploration.Optimism = plan.Linear(1, 0, 5)
	if o := optimism(&game); o.At(3) != 1 {
		t.Errorf("optminmax hopes for %v", o)
	}
	if o := optimism(&hoping); o.At(6) != 0 || o.At(1) != 1 {
		t.Errorf("a planner with Optimism hopes for %v", o)
	}
	if o := optimism(&safe); o != (plan.Schedule{}) {
		t.Errorf("safe hopes for %v", o)
	}
}

// A run that is written takes the same steps as one that is not, and one that is written afterwards gives the same numbers but
// for those that want its models.
func TestUpdate(t *testing.T) {
	s := short(t)
	dir, plain := followed(t, s), filepath.Join(t.TempDir(), "plain")
	r, err := store.Start(plain, s)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := both.Update(plain); err != nil || n != 0 {
		t.Errorf("before its first step a run has %d episodes, error %v", n, err)
	}
	steps(t, r, never)
	a, b := file(t, dir, "steps.csv"), file(t, plain, "steps.csv")
	if !bytes.Equal(a, b) {
		t.Error("a run that is written takes other steps")
	}
	if n, err := both.Update(plain); err != nil || n != 4 {
		t.Fatalf("%d episodes, error %v", n, err)
	}
	agree(t, dir, plain, "Mean epistemic uncertainty", "Std epistemic uncertainty", "Mean aleatoric uncertainty", "Validation MSE")
	// The same folder gives the same bytes, and what is there stays.
	before := tree(t, plain)
	time.Sleep(20 * time.Millisecond)
	if _, err := both.Update(plain); err != nil {
		t.Fatal(err)
	}
	if after := tree(t, plain); !reflect.DeepEqual(after, before) {
		t.Errorf("written again:\n%v\n%v", before, after)
	}
	for _, part := range []string{"tensorboard", "wandb"} {
		if err := os.RemoveAll(filepath.Join(plain, part)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := both.Update(plain); err != nil {
		t.Fatal(err)
	}
	if after := tree(t, plain); !slices.EqualFunc(slices.Sorted(keys(after)), slices.Sorted(keys(before)), func(a, b string) bool { return a == b && after[a].text == before[b].text }) {
		t.Error("written anew, the bytes differ")
	}
	// What was synced, and goes on, is to be synced again.
	files, _ := filepath.Glob(filepath.Join(plain, "wandb", "*", "run-*.wandb"))
	if err := os.WriteFile(files[0]+".synced", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := both.Update(plain); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files[0] + ".synced"); err != nil {
		t.Errorf("nothing was new: %v", err)
	}
	if _, err := (Settings{WandB: "other"}).Update(plain); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files[0] + ".synced"); err == nil || readOffline(t, plain).project != "other" {
		t.Error("a run that goes to another project counts as synced")
	}
}

// A run that disturbances act on, whose last states are not kept, and a planner that defends no box.
func TestDisturbed(t *testing.T) {
	s := short(t)
	var d safex.Disturbance
	if err := d.UnmarshalText([]byte("process theta 0.001")); err != nil {
		t.Fatal(err)
	}
	s.Disturbances, s.Episodes = []safex.Disturbance{d}, 1
	dir := followed(t, s)
	if tags := readEvents(t, dir); len(tags["Planning MSE"]) != 1 || !(tags["Planning MSE"][1].value > 0) || len(tags["Validation MSE"]) != 1 {
		t.Errorf("Planning MSE %v, Validation MSE %v", tags["Planning MSE"], tags["Validation MSE"])
	}
	bare, err := experiment.Named("pitch", "planner=unsafe", "filter=off")
	if err != nil {
		t.Fatal(err)
	}
	if err := bare.Set("learner=true"); err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"Steps=12", "planner.Horizon=4", "planner.Search.Samples=16", "planner.Search.Elites=4"} {
		if err := bare.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	bare.Episodes, bare.RandomSteps = 1, 12
	tags := readEvents(t, followed(t, bare))
	if len(tags["Pessimistic Alpha"]) != 0 || len(tags["Box/beta"]) != 0 || tags["Average NLL"][1].value != 0 || tags["Validation MSE"][1].value > 1e-20 {
		t.Errorf("the oracle model of a planner without a box has %v", tags)
	}
}

func file(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kept is a file, and when it was written.
type kept struct {
	text string
	when time.Time
}

// tree is all that was written for others.
func tree(t testing.TB, dir string) map[string]kept {
	t.Helper()
	files := map[string]kept{}
	for _, part := range []string{"tensorboard", "wandb"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			name, _ := filepath.Rel(dir, path)
			files[name] = kept{string(file(t, dir, name)), info.ModTime()}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// timed are the numbers that two runs of the same steps do not share.
var timed = []string{"Plan/median ms", "Plan/p99 ms", "Fit/seconds", "_runtime", "_timestamp", "Violations_hist"}

// agree compares what was written of two runs of the same steps, except for some tags.
func agree(t testing.TB, a, b string, except ...string) {
	t.Helper()
	except = append(except, timed...)
	x, y := readEvents(t, a), readEvents(t, b)
	for tag := range x {
		if slices.Contains(except, tag) {
			continue
		}
		for step, p := range x[tag] {
			if q, ok := y[tag][step]; !ok || len(x[tag]) != len(y[tag]) || !same(p.value, q.value) || p.text != q.text || !bytes.Equal(p.picture, q.picture) {
				t.Errorf("TensorBoard, %s: %d and %d steps, in step %d %v and %v", tag, len(x[tag]), len(y[tag]), step, p.value, q.value)
			}
		}
	}
	p, q := readOffline(t, a), readOffline(t, b)
	if len(p.rows) != len(q.rows) || !reflect.DeepEqual(p.config, q.config) || p.finished != q.finished {
		t.Errorf("Weights & Biases: %d and %d rows", len(p.rows), len(q.rows))
		return
	}
	for i, row := range p.rows {
		for name, v := range row {
			if base, _, _ := strings.Cut(name, "."); !slices.Contains(except, base) && !strings.HasPrefix(name, "figures/") && !reflect.DeepEqual(v, q.rows[i][name]) {
				t.Errorf("Weights & Biases, %s of episode %d: %v and %v", name, i, v, q.rows[i][name])
			}
		}
	}
}

// A run that is stopped after any step, with or without a last look, and resumed, has every episode once.
func TestResume(t *testing.T) {
	s := short(t)
	whole := followed(t, s)
	for _, stop := range []int{5, 11, 12, 13, 24, 30, 47} {
		t.Run(fmt.Sprint(stop), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			r, err := store.Start(dir, s)
			if err != nil {
				t.Fatal(err)
			}
			for again := 0; ; again++ {
				if again != 1 { // the second part runs without being watched
					if err := both.Follow(r, func(err error) { t.Error(err) }); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(context.Background())
				taken := 0
				for range r.Steps(ctx) {
					if taken++; taken == stop {
						cancel()
					}
				}
				cancel()
				if r.Done() == r.Total() && again != 1 {
					break
				}
				if r, err = store.Resume(dir); err != nil {
					t.Fatal(err)
				}
			}
			lines, err := validations(dir)
			if err != nil || len(lines) == 0 {
				t.Errorf("%d validations, error %v", len(lines), err)
			}
			for k := range lines[1:] {
				if lines[k].Episode >= lines[k+1].Episode {
					t.Errorf("validations of the episodes %d and %d follow each other", lines[k].Episode, lines[k+1].Episode)
				}
			}
			// Of what ran unwatched the models are gone.
			agree(t, whole, dir, "Mean epistemic uncertainty", "Std epistemic uncertainty", "Mean aleatoric uncertainty", "Validation MSE")
		})
	}
}

// An event file that is damaged, one that is of an episode to come, and what a killed process left, are put right.
func TestLeftovers(t *testing.T) {
	s := short(t)
	dir := followed(t, s)
	want := tree(t, dir)
	files, _ := filepath.Glob(filepath.Join(dir, "tensorboard", "*"))
	if len(files) != 4 {
		t.Fatalf("%d event files", len(files))
	}
	text, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	later := strings.TrimSuffix(files[3], "3") + "9"
	for path, data := range map[string][]byte{
		files[1]: text[:100], later: text, filepath.Join(dir, "tensorboard", ".part123"): text, filepath.Join(dir, "tensorboard", "part"): nil,
	} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := both.Update(dir); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	if !slices.Equal(slices.Sorted(keys(got)), slices.Sorted(keys(want))) {
		t.Errorf("there are %v, want %v", slices.Sorted(keys(got)), slices.Sorted(keys(want)))
	}
	readEvents(t, dir)
	// A copy that lost the times of its files is still the same run.
	hence := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "run.yaml"), hence, hence); err != nil {
		t.Fatal(err)
	}
	if _, err := both.Update(dir); err != nil {
		t.Fatal(err)
	}
	for name, k := range tree(t, dir) {
		if k.text != got[name].text {
			t.Errorf("%s changed with the time of run.yaml", name)
		}
	}
	// Nor does it take the event files to know it again.
	if err := os.RemoveAll(filepath.Join(dir, "tensorboard")); err != nil {
		t.Fatal(err)
	}
	if _, err := (Settings{WandB: Project}).Update(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := both.Update(dir); err != nil {
		t.Fatal(err)
	}
	for name, k := range tree(t, dir) {
		if k.text != got[name].text {
			t.Errorf("%s changed with the time of run.yaml, without event files", name)
		}
	}
}

// A run is looked at before its first step, and after each episode.
func TestWatch(t *testing.T) {
	r, err := store.Start(filepath.Join(t.TempDir(), "run"), short(t))
	if err != nil {
		t.Fatal(err)
	}
	var seen []int
	r.Watch = func(s *train.State) { seen = append(seen, complete(s)) }
	steps(t, r, never)
	steps(t, r, never)
	if !slices.Equal(seen, []int{0, 1, 2, 3, 4, 4}) {
		t.Errorf("looked at with %v complete episodes", seen)
	}
}

// child makes this test a process that runs, or goes on with, the folder that it names.
const child = "SAFEX_TRACK_CHILD"

func TestMain(m *testing.M) {
	dir := os.Getenv(child)
	if dir == "" {
		os.Exit(m.Run())
	}
	r, err := store.Resume(dir)
	if err != nil {
		var s *experiment.Spec
		if s, err = brief(); err == nil {
			r, err = store.Start(dir, s)
		}
	}
	if err == nil {
		err = both.Follow(r, func(err error) { fmt.Fprintln(os.Stderr, err) })
	}
	if err == nil {
		for _, e := range r.Steps(context.Background()) {
			err = e
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A process that is killed leaves files that are whole, and the one that goes on makes them complete. A kill comes once so many steps are there, which may be
// as the process starts, and then in what it does with them; how many come before the end is not for this test to say.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes, some seconds")
	}
	start := func(dir string) *exec.Cmd {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), child+"="+dir)
		var errs bytes.Buffer
		c.Stderr = &errs
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if errs.Len() > 0 {
				t.Errorf("a process said %s", errs.String())
			}
		})
		return c
	}
	rows := func(dir string) int {
		text, _ := os.ReadFile(filepath.Join(dir, "steps.csv"))
		return bytes.Count(text, []byte("\n"))
	}
	root := t.TempDir()
	whole := filepath.Join(root, "whole")
	if err := start(whole).Wait(); err != nil {
		t.Fatal(err)
	}
	moments, killed := rand.New(rand.NewPCG(1, 2)), 0
	const kills = 6 // of a run, and the last process is left alone
	for k := range 5 {
		dir := filepath.Join(root, fmt.Sprint(k))
		for i, done := 0, false; !done; i++ {
			c, ended := start(dir), make(chan error, 1)
			go func() { ended <- c.Wait() }()
			if i < kills {
				for at := rows(whole) * (i + 1) / (kills + 1); rows(dir) < at && len(ended) == 0; {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(time.Duration(moments.Float64() * float64(50*time.Millisecond)))
				c.Process.Kill()
			}
			err := <-ended
			if done = err == nil; !done && c.ProcessState.Exited() {
				t.Fatal(err)
			} else if !done {
				killed++
			}
			readEvents(t, dir)
			if files, _ := filepath.Glob(filepath.Join(dir, "wandb", "*", "*.wandb")); len(files) > 0 {
				readOffline(t, dir)
			}
		}
		agree(t, whole, dir)
	}
	t.Logf("%d kills", killed)
}

// Records of every length around that of a block come back, in their pieces.
func TestBlocks(t *testing.T) {
	log := &transactions{out: []byte(":W&B\xe1\xbe\x00")}
	var want [][]byte
	r := rand.New(rand.NewPCG(3, 4))
	for k := range 400 {
		body := make([]byte, []int{r.IntN(50), block - 60 + r.IntN(90), r.IntN(4 * block), block - 7 - len(log.out)%block - 20 + r.IntN(20)}[k%4]&(1<<20-1)%(4*block))
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		log.add(2, body)
		want = append(want, body)
	}
	got := readLog(t, log.out)
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for k, record := range got {
		if f := fields(t, record); f[0].bits != uint64(k+1) || !bytes.Equal(get(t, f, 2).bytes, want[k]) {
			t.Fatalf("record %d came back otherwise", k)
		}
	}
}

// Numbers that JSON lacks are as Weights & Biases write them.
func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0.1: "0.1", 1e-9: "1e-09", math.Inf(1): "Infinity", math.Inf(-1): "-Infinity"} {
		if got := number(v); got != want {
			t.Errorf("%v is %s", v, got)
		}
	}
	if got := number(math.NaN()); got != "NaN" {
		t.Errorf("NaN is %s", got)
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ project, want string }{
		{"a/b", `takes no name with one of /\#?%:`}, {"50%", "takes no name with one of"}, {"a\nb", "control characters"},
		{strings.Repeat("x", 129), "has 129 characters"}, {"\xff", "control characters"},
	} {
		s := Settings{WandB: c.project}
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v", c.project, err)
		}
		if _, err := s.Update(t.TempDir()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v", c.project, err)
		}
		if err := s.Follow(nil, nil); err == nil {
			t.Errorf("%q is followed", c.project)
		}
	}
	if err := (Settings{WandB: "my project (2)-ü"}).Check(); err != nil {
		t.Error(err)
	}
	if _, err := both.Update(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no run folder") {
		t.Errorf("error %v", err)
	}
}

// A disk that is full, or a folder that cannot be made, is said once, stops nothing, and is made up for.
func TestTrouble(t *testing.T) {
	s := short(t)
	whole := followed(t, s)
	for name, spoil := range map[string]func(t *testing.T, dir string) (repair func()){
		"the disk is full": func(t *testing.T, dir string) func() {
			old, writes := write, 0
			write = func(dir, name string, data []byte) error {
				if writes++; writes > 3 {
					return fmt.Errorf("run: cannot write %s: the disk is full; make room and go on (%w)", name, syscall.ENOSPC)
				}
				return old(dir, name, data)
			}
			return func() { write = old }
		},
		"not a directory": func(t *testing.T, dir string) func() {
			if err := os.WriteFile(filepath.Join(dir, "tensorboard"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			return func() { os.Remove(filepath.Join(dir, "tensorboard")) }
		},
		"is no picture": func(t *testing.T, dir string) func() {
			if err := store.Write(dir, "figures/mine.png", []byte("no")); err != nil {
				t.Fatal(err)
			}
			return func() { os.Remove(filepath.Join(dir, "figures/mine.png")) }
		},
		"line 1 is damaged": func(t *testing.T, dir string) func() {
			if err := store.Write(dir, validationFile, []byte("{")); err != nil {
				t.Fatal(err)
			}
			return func() { os.Remove(filepath.Join(dir, validationFile)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			r, err := store.Start(dir, s)
			if err != nil {
				t.Fatal(err)
			}
			var said []error
			if err := both.Follow(r, func(err error) { said = append(said, err) }); err != nil {
				t.Fatal(err)
			}
			repair := spoil(t, dir)
			defer repair()
			steps(t, r, never)
			if len(said) != 1 || !strings.Contains(said[0].Error(), name) || !strings.Contains(said[0].Error(), "the run goes on") || strings.Contains(said[0].Error(), "\n") {
				t.Fatalf("said %v", said)
			}
			if !bytes.Equal(file(t, dir, "steps.csv"), file(t, whole, "steps.csv")) {
				t.Error("the run took other steps")
			}
			repair()
			if _, err := both.Update(dir); err != nil {
				t.Fatal(err)
			}
			agree(t, whole, dir, "Mean epistemic uncertainty", "Std epistemic uncertainty", "Mean aleatoric uncertainty", "Validation MSE")
		})
	}
}

// A run of a study belongs to the group of its study and its method.
func TestStudy(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "pendulum", "safe-gp-beta-1", "3")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := group(dir); got != "" {
		t.Errorf("without a study the group is %q", got)
	}
	if err := os.WriteFile(filepath.Join(root, "study.yaml"), []byte("name: quick\ntasks: [pendulum]\nplanners: [safe]\nseeds: 3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := group(dir); got != "quick/pendulum/safe-gp-beta-1" {
		t.Errorf("the group is %q", got)
	}
}

// The validation points are of the task, the same for every seed, and the error of a model that knows the task is none.
func TestValidation(t *testing.T) {
	s := short(t)
	a, err := points(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Seed++
	b, err := points(s)
	if err != nil || !reflect.DeepEqual(a, b) || a.Len() != 500 {
		t.Errorf("%d points, others with another seed: %v, error %v", a.Len(), !reflect.DeepEqual(a, b), err)
	}
	// By hand: a mean that is off by 2 in one dimension of three, deviations of 1, 2 and 3, and noise of 4.
	system, err := s.Task.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	v, err := validate(guess{system}, a)
	if err != nil || math.Abs(v.MSE-4.0/3) > 1e-9 || math.Abs(v.Epistemic-2) > 1e-12 || math.Abs(v.Spread-math.Sqrt(2.0/3)) > 1e-12 || v.Aleatoric != 4 {
		t.Errorf("%+v, error %v", v, err)
	}
}

// guess is a task, off by 2 in its second dimension.
type guess struct{ *safex.System }

func (g guess) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(len(x), x.Len())
	for i := range x.Len() {
		next, _, _ := g.Step(x.Point(i), u.Point(i))
		next[1] += 2
		for d, v := range next {
			dst.Mean[d][i], dst.Epistemic[d][i], dst.Aleatoric[d][i] = v, float64(d+1), 4
		}
	}
	return nil
}
