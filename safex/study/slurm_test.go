package study

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/store"
)

// A fake is a folder of commands that say what they are told to, in place of Slurm's.
type fake struct {
	t   *testing.T
	dir string
}

// fakeSlurm makes the commands the only ones there are.
func fakeSlurm(t *testing.T, commands ...string) fake {
	f := fake{t, t.TempDir()}
	for _, name := range commands {
		script := fmt.Sprintf("#!/bin/sh\ncd '%s'\necho %s \"$@\" >>calls\nif [ -s %s.err ]; then /bin/cat %s.err >&2; exit 1; fi\n/bin/cat %s.out\n", f.dir, name, name, name, name)
		if name == "sbatch" { // counts
			script += "read n <sbatch.out\necho $((n+1)) >sbatch.out\n"
		}
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		f.says(name, "")
	}
	f.says("sbatch", "100\n")
	f.says("scontrol", "Configuration data as of 2026\nMaxArraySize            = 1001\nMaxDBDMsgs = 20010\n")
	t.Setenv("PATH", f.dir)
	return f
}

func (f fake) says(name, text string) { f.write(name+".out", text) }

// complains has a command fail; "" ends that.
func (f fake) complains(name, text string) { f.write(name+".err", text) }

func (f fake) write(name, text string) {
	f.t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// calls are the calls of a command since the last look at any.
func (f fake) calls(name string) (calls []string) {
	text, _ := os.ReadFile(filepath.Join(f.dir, "calls"))
	os.Remove(filepath.Join(f.dir, "calls"))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			calls = append(calls, strings.TrimSuffix(rest, "\n"))
		}
	}
	return calls
}

// queue has squeue list tasks, each in words: job, index, restarts, state, nodes, and a reason of any length, where - is none.
func (f fake) queue(tasks ...string) {
	var b strings.Builder
	for _, line := range tasks {
		words := strings.SplitN(line, " ", 6)
		for i, width := range []int{24, 16, 8, 24, 128, 128} { // as squeue pads them
			fmt.Fprintf(&b, "%-*s|", width, strings.ReplaceAll(words[i], "-", ""))
		}
		b.WriteString("\n")
	}
	f.says("squeue", b.String())
}

var all = []string{"sbatch", "squeue", "scontrol", "scancel", "sacct"}

// program is a file that is copied like one.
func program(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is unfinished is submitted in arrays, and neither what is complete nor what is queued.
func TestSubmit(t *testing.T) {
	f := fakeSlurm(t, all...)
	s, out, ctx := quick(), filepath.Join(t.TempDir(), "it's a study"), context.Background()
	slurm, prog := DefaultSlurm(), program(t, "#!/bin/sh\n")
	submit := func(want Submitted, calls ...string) {
		t.Helper()
		got, err := s.Submit(ctx, out, slurm, prog, "task")
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v, error %v, want %+v", got, err, want)
		}
		if made := f.calls("sbatch"); !slices.Equal(made, calls) {
			t.Fatalf("sbatch %q, want %q", made, calls)
		}
	}
	f.says("scontrol", "MaxArraySize = 3\n")
	slurm.AtATime = 2
	submit(Submitted{Jobs: []string{"100", "101", "102"}, Runs: 8},
		"--parsable --array=0-2%2 slurm.sh 0", "--parsable --array=0-2%2 --dependency=afterany:100 slurm.sh 3", "--parsable --array=0-1%2 --dependency=afterany:101 slurm.sh 6")
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []int{0, 4} {
		if err := Task(ctx, out, jobs[line].Dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	f.queue("100 0 0 COMPLETED n1 None", "100 1 0 FAILED n1 NonZeroExitCode", "100 2 0 RUNNING n1 None",
		"101 0 1 PENDING - BeginTime", "101 1 0 COMPLETED n2 None", "101 2 0 PENDING - QOSMaxJobsPerUserLimit", "102 0 0 TIMEOUT n3 TimeLimit", "102 1 2 COMPLETING n3 None", "99 0 0 RUNNING n9 None")
	slurm.AtATime = 0
	f.says("scontrol", "MaxArraySize = 1001\n")
	submit(Submitted{Jobs: []string{"103"}, Runs: 2, Done: 2, Active: 4}, "--parsable --array=1,6 slurm.sh 0")

	// What is known of a run is what was last submitted.
	f.queue("100 1 0 FAILED n1 NonZeroExitCode", "102 0 0 TIMEOUT n3 TimeLimit", "103 1 0 RUNNING n7 None", "101 2 1 PENDING - launch failed requeued held", "100 2 0 SPECIAL_EXIT - None")
	f.says("sacct", "100_0|COMPLETED|n1\n100_1|FAILED|n1\n101_0|NODE_FAIL|n2\n102_1|CANCELLED by 1000|None assigned\n103_6|OUT_OF_MEMORY|n5\n103_1|PENDING|None assigned\n103_[2-5]|PENDING|None assigned\n")
	if err := os.WriteFile(filepath.Join(out, "slurm", "103_6.txt"), []byte("slurmstepd: error: Detected 1 oom-kill event\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	states, err := Status(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := Queued(ctx, out, states); err != nil {
		t.Error(err)
	}
	for i, want := range []string{"", "running on n7", "special exit", "node failed on n2", "", "requeued, pending (launch failed requeued held)", "out of memory on n5, see " + filepath.Join(out, "slurm", "103_6.txt"), "cancelled"} {
		if got := states[i].Slurm; got != want {
			t.Errorf("%s: %q, want %q", states[i].Run, got, want)
		}
	}
	var table strings.Builder
	if err := Table(&table, states); err != nil || !strings.Contains(table.String(), "waiting; in Slurm running on n7\n") {
		t.Errorf("error %v, table\n%s", err, table.String())
	}
	if asked := f.calls("sacct"); len(asked) != 1 || !strings.Contains(asked[0], "--jobs=100,101,102,103 ") {
		t.Errorf("sacct %q", asked)
	}
	if runs, jobs, err := Cancel(ctx, out); err != nil || runs != 3 || !slices.Equal(jobs, []string{"103", "101", "100"}) {
		t.Errorf("cancelled %d runs of %q, error %v", runs, jobs, err)
	}
	if asked := f.calls("scancel"); !slices.Equal(asked, []string{"103 101 100"}) {
		t.Errorf("scancel %q", asked)
	}

	// A run keeps its line when others come before it, and a copy of a program stays until nothing is queued.
	f.queue("101 2 1 PENDING - BeginTime")
	s.Planners, prog = []string{"unsafe", "safe", "pessimistic"}, program(t, "#!/bin/sh\n# newer\n")
	submit(Submitted{Jobs: []string{"104"}, Runs: 9, Done: 2, Active: 1}, "--parsable --array=1-3,6-11 slurm.sh 0")
	text, err := os.ReadFile(filepath.Join(out, runsFile))
	if lines := strings.Split(string(text), "\n"); err != nil || len(lines) != 13 || lines[5] != jobs[5].Dir || lines[8] != "pitch/unsafe-linear/1" {
		t.Errorf("error %v, runs\n%s", err, text)
	}
	copies := func() []string {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*", programs+"*"))
		return found
	}
	if found := copies(); len(found) != 2 {
		t.Errorf("copies %q", found)
	}
	f.complains("squeue", "slurm_load_jobs error: Invalid job id specified\n") // all that it knew of is long ago
	submit(Submitted{Jobs: []string{"105"}, Runs: 10, Done: 2}, "--parsable --array=1-3,5-11 slurm.sh 0")
	if found := copies(); len(found) != 1 {
		t.Errorf("copies %q", found)
	}
	if runs, _, err := Cancel(ctx, out); err != nil || runs != 0 {
		t.Errorf("cancelled %d runs, error %v", runs, err)
	}
	for _, j := range jobsOf(t, s) {
		if err := Task(ctx, out, j.Dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	submit(Submitted{Done: 12})
	equal(t, steps(t, s, out), finish(t, s, t.TempDir(), 2, Here))
}

func jobsOf(t *testing.T, s *Study) []Job {
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

// The script gives the program its run and its threads, whatever words go with it.
func TestScript(t *testing.T) {
	f := fakeSlurm(t, all...)
	s, out := quick(), filepath.Join(t.TempDir(), `it's "a" study $HOME`)
	odd := []string{"it's", `a "b"  $c`, "*", "", "two\nlines", "--flag=x"}
	slurm := DefaultSlurm()
	slurm.CPUs = 3
	if _, err := s.Submit(context.Background(), out, slurm, program(t, "#!/bin/sh\necho $GOMAXPROCS >said\nfor word; do echo \"<$word>\" >>said; done\n"), odd...); err != nil {
		t.Fatal(err)
	}
	if calls := f.calls("sbatch"); !slices.Equal(calls, []string{"--parsable --array=0-7 slurm.sh 0"}) {
		t.Errorf("sbatch %q", calls)
	}
	c := exec.Command("/bin/sh", "slurm.sh", "4")
	c.Dir, c.Env = out, []string{"PATH=/usr/bin:/bin", "SLURM_ARRAY_TASK_ID=2"}
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	want := "3\n"
	for _, word := range append(odd, ".", jobsOf(t, s)[6].Dir) {
		want += "<" + word + ">\n"
	}
	if said, err := os.ReadFile(filepath.Join(out, "said")); err != nil || string(said) != want {
		t.Errorf("error %v, program was given\n%s\nwant\n%s", err, said, want)
	}
}

// Each trouble is one sentence, and what was submitted before it is known.
func TestSubmitErrors(t *testing.T) {
	s, ctx := quick(), context.Background()
	for _, c := range []struct {
		name  string
		setup func(f fake, out string)
		want  string
	}{
		{"partition", func(f fake, out string) {
			f.complains("sbatch", "sbatch: error: invalid partition specified: fast\nsbatch: error: Batch job submission failed: Invalid partition name specified\n")
		}, "study: sbatch: invalid partition specified: fast; Batch job submission failed: Invalid partition name specified"},
		{"no number", func(f fake, out string) { f.write("sbatch", "#!/bin/sh\necho welcome\n") }, `study: sbatch printed "welcome\n", and no number of a job`},
		{"no size", func(f fake, out string) { f.says("scontrol", "") }, "study: scontrol show config has no MaxArraySize"},
		{"size 0", func(f fake, out string) { f.says("scontrol", "MaxArraySize = 0\n") }, "this cluster takes no arrays"},
		{"no controller", func(f fake, out string) {
			f.complains("scontrol", "slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)\n")
		}, "study: scontrol: slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)"},
		{"folder", func(f fake, out string) {
			if err := os.WriteFile(out, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "not a directory"},
		{"in use", func(f fake, out string) {
			release, err := s.Open(out, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(release)
		}, "is in use by another process"},
	} {
		f, out := fakeSlurm(t, all...), filepath.Join(t.TempDir(), "out")
		c.setup(f, out)
		sum, err := s.Submit(ctx, out, DefaultSlurm(), os.Args[0])
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || sum.Jobs != nil {
			t.Errorf("%s: %+v, error %v, want %q", c.name, sum, err, c.want)
		}
	}

	// Where there is no cluster nothing is written.
	f, out := fakeSlurm(t, all...), filepath.Join(t.TempDir(), "out")
	f.complains("scontrol", "scontrol: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host\n")
	if _, err := s.Submit(ctx, out, DefaultSlurm(), os.Args[0]); err == nil || !strings.Contains(err.Error(), "is this a machine of a cluster with Slurm") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was made")
	}
	f.complains("scontrol", "")
	for _, name := range []string{"50%", `back\slash`, "two\nlines"} {
		if _, err := s.Submit(ctx, filepath.Join(out, name), DefaultSlurm(), os.Args[0]); err == nil || !strings.Contains(err.Error(), "choose another with --out") {
			t.Errorf("folder %q: error %v", name, err)
		}
	}
	if calls := f.calls("sbatch"); calls != nil {
		t.Errorf("submitted %q", calls)
	}

	// The queue must be known before more is submitted, and status tells what it can.
	if _, err := s.Submit(ctx, out, DefaultSlurm(), os.Args[0]); err != nil {
		t.Fatal(err)
	}
	f.calls("")
	for _, trouble := range []func(){
		func() { f.complains("squeue", "slurm_load_jobs error: Unable to contact slurm controller\n") },
		func() {
			f.complains("squeue", "")
			f.says("squeue", "something else\n")
		},
	} {
		trouble()
		if _, err := s.Submit(ctx, out, DefaultSlurm(), os.Args[0]); err == nil || !strings.HasPrefix(err.Error(), "study: squeue") {
			t.Errorf("error %v", err)
		}
		if _, _, err := Cancel(ctx, out); err == nil || !strings.HasPrefix(err.Error(), "study: squeue") {
			t.Errorf("error %v of a cancel", err)
		}
		if calls := f.calls("sbatch"); calls != nil {
			t.Errorf("submitted %q", calls)
		}
		states, err := Status(out)
		if err != nil {
			t.Fatal(err)
		}
		f.says("sacct", "100_3|TIMEOUT|n1\n")
		if err := Queued(ctx, out, states); err == nil || states[3].Slurm != "time limit on n1" {
			t.Errorf("error %v, %q", err, states[3].Slurm)
		}
	}
	f.queue("100 3 0 RUNNING n1 None")
	f.complains("scancel", "scancel: error: Kill job error on job id 100: Access/permission denied\n")
	if _, _, err := Cancel(ctx, out); err == nil || err.Error() != "study: scancel: Kill job error on job id 100: Access/permission denied" {
		t.Errorf("error %v", err)
	}
	f.complains("sacct", "Slurm accounting storage is disabled\n")
	states, err := Status(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := Queued(ctx, out, states); err != nil || states[3].Slurm != "running on n1" || states[2].Slurm != "" {
		t.Errorf("error %v, %+v", err, states)
	}

	// A second array that is refused leaves the first.
	f = fakeSlurm(t, all...)
	f.says("scontrol", "MaxArraySize = 4\n")
	f.write("sbatch", "#!/bin/sh\ncase $* in *' 4') echo 'sbatch: error: Batch job submission failed: Job violates accounting/QOS policy' >&2; exit 1; esac\necho '200;big'\n")
	out = filepath.Join(t.TempDir(), "out")
	if sum, err := s.Submit(ctx, out, DefaultSlurm(), os.Args[0]); err == nil || !slices.Equal(sum.Jobs, []string{"200"}) || sum.Runs != 4 {
		t.Errorf("%+v, error %v", sum, err)
	}
	f.queue("200 0 0 RUNNING n1 None", "200 1 0 PENDING - Priority")
	if runs, jobs, err := Cancel(ctx, out); err != nil || runs != 2 || !slices.Equal(jobs, []string{"200"}) {
		t.Errorf("cancelled %d runs of %q, error %v", runs, jobs, err)
	}

	// Without Slurm there is nothing to ask.
	fakeSlurm(t)
	if err := Queued(ctx, out, states); err != nil {
		t.Error(err)
	}
	if _, err := s.Submit(ctx, out, DefaultSlurm(), os.Args[0]); err == nil || !strings.HasPrefix(err.Error(), "study: there is no command sbatch") {
		t.Errorf("error %v", err)
	}
	if err := Requeue(ctx); err == nil || !strings.Contains(err.Error(), "is no task of Slurm") {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(filepath.Join(out, arraysFile), []byte("["), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Cancel(ctx, out); err == nil || !strings.Contains(err.Error(), "jobs.json: unexpected end") {
		t.Errorf("error %v", err)
	}
}

func TestSlurmCheck(t *testing.T) {
	for name, change := range map[string]func(s *Slurm){
		"cpus 0":                  func(s *Slurm) { s.CPUs = 0 },
		"at-a-time -1":            func(s *Slurm) { s.AtATime = -1 },
		`time "1 2"`:              func(s *Slurm) { s.Time = "1 2" },
		`mem "4G\n#SBATCH"`:       func(s *Slurm) { s.Memory = "4G\n#SBATCH" },
		`partition "a'b"`:         func(s *Slurm) { s.Partition = "a'b" },
		`account "#"`:             func(s *Slurm) { s.Account = "#" },
		`gpus "\\"`:               func(s *Slurm) { s.GPUs = `\` },
		`gres "\""`:               func(s *Slurm) { s.Gres = `"` },
		`sbatch "constraint=a"`:   func(s *Slurm) { s.Lines = []string{"-C a", "constraint=a"} },
		`sbatch "-C a\nrm"`:       func(s *Slurm) { s.Lines = []string{"-C a\nrm"} },
		`sbatch "--array=1-3"`:    func(s *Slurm) { s.Lines = []string{"--array=1-3"} },
		`sbatch "-D /"`:           func(s *Slurm) { s.Lines = []string{"-D /"} },
		`sbatch "--clusters=all"`: func(s *Slurm) { s.Lines = []string{"--clusters=all"} },
	} {
		s := DefaultSlurm()
		change(&s)
		if err := s.Check(); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	s := Slurm{CPUs: 2, Time: "1-00:00:00", Memory: "4G", Partition: "a,b", Account: "lab_1", GPUs: "a100:1", Gres: "gpu:1", Lines: []string{"--constraint=a&b", "-q normal", "--comment=\"two words\""}}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// unfolded are the numbers of a list as in 0,2-5, by the rules of sbatch, counted from first.
func unfolded(t *testing.T, list string, first int) (all []int) {
	t.Helper()
	for part := range strings.SplitSeq(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil {
			t.Fatalf("%q is no list", list)
		}
		for ; a <= b; a++ {
			all = append(all, first+a)
		}
	}
	return all
}

// What indices writes is read back.
func TestIndices(t *testing.T) {
	for _, lines := range [][]int{{0}, {3, 4, 5}, {0, 2, 3, 7, 9, 10, 11, 20}} {
		back := unfolded(t, indices(lines, lines[0]), lines[0])
		if !slices.Equal(back, lines) {
			t.Errorf("%v comes back as %v", lines, back)
		}
	}
}

// A task makes its run, keeps why it failed, and leaves a run alone that another process has.
func TestTask(t *testing.T) {
	s, out, ctx := quick(), filepath.Join(t.TempDir(), "out"), context.Background()
	jobs := jobsOf(t, s)
	if err := Task(ctx, out, jobs[0].Dir, nil); err == nil || !strings.Contains(err.Error(), "is no folder of a study") {
		t.Errorf("error %v", err)
	}
	release, err := s.Open(out, jobs)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if err := Task(ctx, out, "pitch/safe-linear/9", nil); err == nil || !strings.Contains(err.Error(), "pitch/safe-linear/9 is no longer a run of the study") {
		t.Errorf("error %v", err)
	}
	dir := jobs[0].folder(out)
	if err := Task(ctx, out, jobs[0].Dir, func(*store.Run) error { return errors.New("as asked\nand more") }); err == nil || store.Failure(dir) != "as asked" {
		t.Errorf("error %v, failure %q", err, store.Failure(dir))
	}
	stopped, cancel := context.WithCancel(ctx)
	if err := Task(stopped, out, jobs[0].Dir, func(r *store.Run) error { cancel(); return nil }); !errors.Is(err, context.Canceled) || store.Failure(dir) != "" {
		t.Errorf("error %v, failure %q", err, store.Failure(dir))
	}
	unlock, err := store.Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := Task(ctx, out, jobs[0].Dir, nil); err == nil || !strings.Contains(err.Error(), "is in use by another process") || store.Failure(dir) != "" {
		t.Errorf("error %v, failure %q", err, store.Failure(dir))
	}
	unlock()
	if err := Task(ctx, out, jobs[0].Dir, func(*store.Run) error { panic("as asked") }); err == nil || store.Failure(dir) != "panic: as asked" {
		t.Errorf("error %v, failure %q", err, store.Failure(dir))
	}
	if err := Task(ctx, out, jobs[0].Dir, nil); err != nil || store.Failure(dir) != "" || jobs[0].State(out).Phase != Done {
		t.Errorf("error %v, state %+v", err, jobs[0].State(out))
	}
	log, err := os.ReadFile(filepath.Join(dir, store.LogFile))
	if err != nil || !strings.Contains(string(log), "is in use by another process") || !strings.Contains(string(log), "episode 2: 8 steps") {
		t.Errorf("error %v, log\n%s", err, log)
	}
}
