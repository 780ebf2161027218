package study

import (
	"bytes"
	"context"
	"flag"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A hundred kills of a run of some two minutes are
//
//	go test ./safex/study -run Kill -v -kills 100 -kill-episodes 400
var (
	kills        = flag.Int("kills", 24, "how often the run of TestKill is killed")
	killEpisodes = flag.Int("kill-episodes", 16, "episodes of the run of TestKill")
)

// hang is when a test gives up: far beyond what a busy machine takes, so that it bounds a hang alone.
const hang = 5 * time.Minute

// long is a study of one run, whose episodes take a moment each and whose model has a file that is written often.
func long(episodes int) *Study {
	return &Study{
		Name: "long", Tasks: []string{"pendulum"}, Planners: []string{"pessimistic"}, Seeds: Seeds{1},
		Change: Change{
			Set: Set{
				"episodes": strconv.Itoa(episodes), "explore": "12", "learn-every": "4",
				"Steps": "10", "planner.Horizon": "4", "planner.Search.Samples": "16", "planner.Search.Elites": "4", "planner.Search.Iterations": "2",
				"planner.AttackedCandidates": "3", "filter": "on", "learner.Points": "12", "learner.FitPoints": "20", "learner.Evaluations": "5",
			},
		},
	}
}

// written keeps s in a file.
func written(t *testing.T, s *Study) string {
	text, err := encode.YAML(s)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "study.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// launch starts this test's executable in a role, with what it prints in a buffer.
func launch(t *testing.T, what string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	said := &bytes.Buffer{}
	c := exec.Command(path, args...)
	c.Env = append(os.Environ(), role+"="+what)
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, said
}

// lines is the number of complete lines of a file, 0 without one.
func lines(path string) int {
	text, _ := os.ReadFile(path)
	return bytes.Count(text, []byte("\n"))
}

// A study that is killed at any moment, again and again, leaves files that can be read, and ends with the steps of one that was not. Half of
// the kills come as it starts; the others wait until it has taken their share of the steps, and then for the rest of a save, or of an episode.
// What they meet is chance, and told; whatever it is, the files have to be right.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	s := long(*killEpisodes)
	began := time.Now()
	want := finish(t, s, t.TempDir(), 1, Here)
	whole := time.Since(began)
	file, out := written(t, s), filepath.Join(t.TempDir(), "killed")
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	dir := jobs[0].folder(out)
	r := rng.New(1).Child("kill").Rand()
	seen := map[string]int{}
	for i := range *kills {
		c, said := launch(t, "here", file, out)
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		before, when := lines(filepath.Join(dir, "steps.csv")), "starting"
		delay := time.Duration(r.Float64() * float64(400*time.Millisecond))
		if i%2 == 1 {
			delay = time.Duration(r.Float64() * float64(15*time.Millisecond)) // of a save, which begins with steps.csv
			if i%4 == 3 {
				delay = time.Duration(r.Float64() * float64(whole) / float64(*killEpisodes+1))
			}
			for share := 1 + jobs[0].Total()*i / *kills; lines(filepath.Join(dir, "steps.csv")) <= share && len(ended) == 0; {
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(delay)
		c.Process.Kill()
		if err := <-ended; err == nil {
			seen["complete"]++
			break
		} else if c.ProcessState.Exited() {
			t.Fatalf("%v: %s", err, said)
		}
		if lines(filepath.Join(dir, "steps.csv")) > before {
			when = "under way"
		}
		if half := sound(t, out, jobs[0]); half {
			when += ", writing a file"
		}
		seen[when]++
	}
	t.Logf("of a run that takes %.1f s in one go, killed %v", whole.Seconds(), seen)
	equal(t, finish(t, s, out, 1, Here), want)
	sound(t, out, jobs[0])
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind are %v", left)
	}
}

// sound checks that every file of a study with one run can be read. It tells whether there is one that was not whole, by its name.
func sound(t *testing.T, out string, j Job) (half bool) {
	t.Helper()
	dir := j.folder(out)
	if _, err := os.Stat(filepath.Join(out, File)); err == nil {
		if _, err := Status(out); err != nil {
			t.Error(err)
		}
	}
	system, err := j.Spec.Compile()
	if err != nil {
		t.Fatal(err)
	}
	learner, err := j.Spec.Compose()
	if err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(out, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			half = true
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		switch {
		case name == "run.yaml":
			_, err = store.ReadSpec(dir)
		case name == "steps.csv":
			_, _, err = store.Read(system, dir)
		case name == "episodes.jsonl":
			_, err = store.Summaries(dir)
		case strings.HasPrefix(name, "model-"):
			_, err = learner.Load(system, text)
		case strings.HasSuffix(name, ".png"):
			_, err = png.Decode(bytes.NewReader(text))
		case name == "state.bin":
			_, err = store.Resume(dir)
		case name == File, name == lockFile, name == "lock", name == store.LogFile:
		default:
			t.Errorf("what is %s?", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	return half
}

// The processes of the runs stop when that of the study is killed, and the study goes on.
func TestKilledParent(t *testing.T) {
	s := quick()
	s.UseEpisodes(4)
	want := finish(t, s, t.TempDir(), 2, Here)
	file, out := written(t, s), filepath.Join(t.TempDir(), "killed")
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	busy := func() (n int) {
		for _, j := range jobs {
			if store.Busy(j.folder(out)) {
				n++
			}
		}
		return n
	}
	c, said := launch(t, "study", file, out)
	for deadline := time.Now().Add(hang); busy() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			c.Process.Kill()
			c.Wait()
			t.Fatalf("no run has begun: %s", said)
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	for deadline := time.Now().Add(hang); busy() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the runs go on")
		}
	}
	states, err := Status(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		if s.Phase == Failed {
			t.Errorf("%+v after its study was killed", s)
		}
	}
	if states[len(states)-1].Phase != Waiting {
		t.Errorf("all runs have begun: %+v", states)
	}
	equal(t, finish(t, s, out, 2, process(t, "work")), want)
}

// Two runs at a time, on a thread each, beside one.
func BenchmarkWorkers(b *testing.B) {
	s := &Study{
		Name: "bench", Tasks: []string{"pendulum"}, Planners: []string{"pessimistic"}, Seeds: Seeds{1, 2, 3, 4},
		Change: Change{Set: Set{"episodes": "2", "Steps": "100"}},
	}
	if testing.Short() {
		s.Seeds, s.Set["episodes"], s.Set["Steps"] = Seeds{1, 2}, "1", "10"
	}
	work := process(b, "work")
	var spent [3]time.Duration // by workers
	runs := 0
	for b.Loop() {
		runs += len(s.Seeds)
		for _, workers := range []int{1, 2} {
			began := time.Now()
			for _, err := range s.Run(context.Background(), b.TempDir(), workers, work) {
				if err != nil {
					b.Fatal(err)
				}
			}
			spent[workers] += time.Since(began)
		}
	}
	b.ReportMetric(float64(runs)/spent[1].Hours(), "runs/h-of-one")
	b.ReportMetric(float64(runs)/spent[2].Hours(), "runs/h-of-two")
	b.ReportMetric(spent[1].Seconds()/spent[2].Seconds(), "two/one")
}
