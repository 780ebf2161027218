package cli

import (
	"bytes"
	"crypto/rand"
	"debug/elf"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// array is a study of four runs that take some seconds each.
const array = `
name: array
tasks: [pitch]
planners: [safe, pessimistic]
models: [linear]
seeds: 1-2
episodes: 3
explore: 20
set: {Steps: 80}
`

// halving makes a sweep of a study with one planner.
const halving = `sweep:
  method: halving
  trials: 2
  over: {planner.Horizon: [3, 8]}
  halving: {rungs: 2, keep: 0.5, least: 1}
`

// static builds this command such that it needs no library.
func static(t *testing.T) string {
	bin := filepath.Join(t.TempDir(), "safex")
	c := exec.Command("go", "build", "-o", bin, "../cmd/safex")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if needs, err := f.ImportedLibraries(); err != nil || len(needs) > 0 {
		t.Errorf("built with CGO_ENABLED=0 it needs %v, error %v", needs, err)
	}
	return bin
}

func rows(path string) int {
	text, _ := os.ReadFile(path)
	return max(0, bytes.Count(text, []byte("\n"))-1)
}

// startSlurm starts Slurm with one node, this machine, and points its commands there. It skips the test where that cannot be.
func startSlurm(t *testing.T) {
	for _, name := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("needs Slurm, and there is no %s: apt install slurm-wlm munge", name)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("needs root, to start Slurm")
	}
	munge, err := user.Lookup("munge")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(munge.Uid)
	gid, _ := strconv.Atoi(munge.Gid)
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	host, _, _ = strings.Cut(host, ".")
	dir, err := os.MkdirTemp("", "slurm") // not that of t, which munge cannot enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	key := make([]byte, 128)
	rand.Read(key)
	var ports [2]int
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	conf := filepath.Join(dir, "slurm.conf")
	for _, step := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "state"), 0o755), os.Mkdir(filepath.Join(dir, "spool"), 0o755),
		os.Mkdir(filepath.Join(dir, "munge"), 0o755), os.WriteFile(filepath.Join(dir, "munge", "key"), key, 0o600),
		os.Chown(filepath.Join(dir, "munge"), uid, gid), os.Chown(filepath.Join(dir, "munge", "key"), uid, gid),
		os.WriteFile(conf, []byte(strings.NewReplacer("@HOST@", host, "@DIR@", dir, "@CTLD@", fmt.Sprint(ports[0]), "@D@", fmt.Sprint(ports[1])).Replace(slurmConf)), 0o644),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	m := filepath.Join(dir, "munge")
	daemon(t, dir, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, "munged", "--foreground", "--force", "--socket="+m+"/socket", "--pid-file="+m+"/pid", "--log-file="+m+"/log", "--seed-file="+m+"/seed", "--key-file="+m+"/key")
	t.Setenv("SLURM_CONF", conf)
	daemon(t, dir, nil, "slurmctld", "-D", "-f", conf)
	daemon(t, dir, nil, "slurmd", "-D", "-f", conf)
	t.Cleanup(func() { exec.Command("scancel", "--user=root").Run() })
	var said []byte
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		said, _ = exec.Command("sinfo", "--noheader", "--format=%T").CombinedOutput()
		if strings.TrimSpace(string(said)) == "idle" {
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	for _, name := range []string{"munged", "slurmctld", "slurmd"} {
		text, _ := os.ReadFile(filepath.Join(dir, name+".out"))
		t.Logf("%s: %s", name, text)
	}
	t.Skipf("Slurm does not start here, sinfo says: %s", said)
}

// slurmConf has a requeued task wait for 5 seconds, where clusters have it wait for two minutes.
const slurmConf = `
ClusterName=one
SlurmctldHost=@HOST@(127.0.0.1)
SlurmUser=root
SlurmctldPort=@CTLD@
SlurmdPort=@D@
AuthType=auth/munge
AuthInfo=socket=@DIR@/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=@DIR@/state
SlurmdSpoolDir=@DIR@/spool
SlurmctldPidFile=@DIR@/slurmctld.pid
SlurmdPidFile=@DIR@/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=1,sched_interval=1
MpiDefault=none
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName=@HOST@ NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`

// daemon starts one that ends with the test, in whatever way that ends. What it prints is in a file of its name.
func daemon(t *testing.T, dir string, as *syscall.Credential, name string, args ...string) {
	out, err := os.Create(filepath.Join(dir, name+".out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = out, out
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Skip(err)
	}
	ended := make(chan struct{})
	go func() {
		c.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			c.Process.Kill()
			<-ended
		}
	})
}

// Studies on clusters, with the command as it is built.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	bin := static(t)
	t.Run("Slurm", func(t *testing.T) { testSlurm(t, bin) })
	t.Run("TimeLimit", func(t *testing.T) { testTimeLimit(t, bin) })
}

// Slurm itself runs a study of which one task is thrown back into the queue under way. All runs end with the steps of runs without Slurm.
func testSlurm(t *testing.T, bin string) {
	startSlurm(t)
	file := filed(t, array)
	shared, err := os.MkdirTemp("", "it's ")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(shared)
	out, local := filepath.Join(shared, "a study"), filepath.Join(t.TempDir(), "local")
	safex := func(args ...string) string {
		said, err := exec.Command(bin, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("safex %q: %v: %s", args, err, said)
		}
		return string(said)
	}
	said := safex("run", file, "--slurm", "--time", "00:10:00", "--mem", "100M", "--out", out)
	found := regexp.MustCompile(`4 of 4 runs submitted as job (\d+); 0 were complete, and 0 queued`).FindStringSubmatch(said)
	if found == nil {
		t.Fatal(said)
	}
	first := filepath.Join(out, "pitch", "safe-linear", "1")
	until(t, "the first run is under way", func() bool { return rows(filepath.Join(first, "steps.csv")) > 80 })
	if said, err := exec.Command("scontrol", "requeue", found[1]+"_0").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	until(t, "it waits again", func() bool { return strings.Contains(safex("status", out), "; in Slurm requeued, pending") })
	if n := rows(filepath.Join(first, "steps.csv")); n < 80 || n >= 260 {
		t.Errorf("it waits after %d of 260 steps", n)
	}
	if said := safex("run", file, "--slurm", "--out", out); !strings.Contains(said, "Nothing to submit: of 4 runs ") {
		t.Errorf("while a run is in the queue: %s", said)
	}
	safex("run", file, "--workers", "2", "--out", local)
	until(t, "all is complete", func() bool { return strings.Count(safex("status", "--json", out), `"state":"done"`) == 4 })
	for _, name := range []string{"safe-linear/1", "safe-linear/2", "pessimistic-linear/1", "pessimistic-linear/2"} {
		want, err := os.ReadFile(filepath.Join(local, "pitch", name, "steps.csv"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(out, "pitch", name, "steps.csv")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s took other steps in Slurm, error %v", name, err)
		}
	}
	log, err := os.ReadFile(filepath.Join(first, "log.txt"))
	if starts := regexp.MustCompile(`\d+ of 260 steps are there`).FindAllString(string(log), -1); err != nil || len(starts) != 2 || strings.HasPrefix(starts[1], "0 ") {
		t.Errorf("it went on at %q, error %v, log\n%s", starts, err, log)
	}
	if left, _ := os.ReadFile(filepath.Join(out, "slurm", found[1]+"_0.txt")); !strings.Contains(string(left), "REQUEUE") {
		t.Errorf("Slurm said %q", left)
	}
	until(t, "the queue is empty", func() bool {
		return strings.Contains(safex("run", file, "--slurm", "--out", out), "Nothing to submit: of 4 runs 4 are complete, and 0 queued")
	})
	if said := safex("cancel", out); !strings.HasPrefix(said, "No run of ") {
		t.Error(said)
	}

	// A sweep comes to what it does without Slurm, rung by rung.
	sweep, swept, alone := filed(t, strings.Replace(array, "planners: [safe, pessimistic]", "planners: [safe]", 1)+halving), filepath.Join(shared, "a sweep"), filepath.Join(t.TempDir(), "alone")
	if said := safex("sweep", sweep, "--slurm", "--out", swept); !strings.Contains(said, "Rung 1 of 2, 2 trials, 1 episodes; when its runs have ended, the same command goes on with rung 2.") || !strings.Contains(said, "4 of 4 runs submitted as job ") {
		t.Error(said)
	}
	safex("sweep", sweep, "--out", alone)
	until(t, "the sweep is over", func() bool {
		came, err := exec.Command(bin, "sweep", sweep, "--slurm", "--out", swept, "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		return len(came) > 0
	})
	came, errCame := os.ReadFile(filepath.Join(swept, study.SweepFile))
	want, errWant := os.ReadFile(filepath.Join(alone, study.SweepFile))
	if errCame != nil || errWant != nil || !bytes.Equal(came, want) {
		t.Errorf("in Slurm it came to\n%s\nwant\n%s\nerrors %v, %v", came, want, errCame, errWant)
	}
	if said := safex("sweep", sweep, "--slurm", "--out", swept); !strings.Contains(said, "trial-01") || strings.Contains(said, "Rung ") {
		t.Errorf("after its end: %s", said)
	}

	// A longer study is cancelled under way.
	safex("run", file, "--slurm", "--out", out, "--episodes", "500", "--at-a-time", "1")
	until(t, "it goes on", func() bool { return rows(filepath.Join(first, "steps.csv")) > 260 })
	if said := safex("cancel", out); !strings.HasPrefix(said, "4 runs of job ") {
		t.Error(said)
	}
	until(t, "it has saved", func() bool { return strings.Contains(safex("status", out), "stopped; in Slurm cancelled") })
	if _, err := store.Summaries(first); err != nil || store.Failure(first) != "" {
		t.Errorf("error %v, failure %q", err, store.Failure(first))
	}
}

// A task that gets the signal before its time limit saves, and asks for another turn or says why it ended; then it goes on with the same steps.
func testTimeLimit(t *testing.T, bin string) {
	file, out, commands := filed(t, strings.NewReplacer("seeds: 1-2", "seeds: 1", "episodes: 3", "episodes: 8", "Steps: 80", "Steps: 15").Replace(array)), filepath.Join(t.TempDir(), "study"), t.TempDir()
	if err := os.WriteFile(filepath.Join(commands, "scontrol"), []byte("#!/bin/sh\necho \"$@\" >>"+commands+"/calls\nif [ -e "+commands+"/refuse ]; then echo 'slurm_requeue error: Access denied' >&2; exit 1; fi\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := study.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := s.Jobs()
	if err != nil {
		t.Fatal(err)
	}
	release, err := s.Open(out, jobs)
	if err != nil {
		t.Fatal(err)
	}
	release()
	dir := filepath.Join(out, jobs[0].Dir)
	began := 0
	// stop ends the task when it has taken some steps, and returns its state and what it said.
	stop := func(with os.Signal, args ...string) (*os.ProcessState, string) {
		var said bytes.Buffer
		c := exec.Command(bin, append(append([]string{"task"}, args...), out, jobs[0].Dir)...)
		c.Env = append(os.Environ(), "PATH="+commands, "SLURM_ARRAY_JOB_ID=7", "SLURM_ARRAY_TASK_ID=3")
		c.Stdout, c.Stderr = &said, &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		until(t, "it is under way", func() bool { return rows(filepath.Join(dir, "steps.csv")) > began })
		if err := c.Process.Signal(with); err != nil {
			t.Fatal(err)
		}
		c.Wait()
		began = rows(filepath.Join(dir, "steps.csv"))
		return c.ProcessState, said.String()
	}
	if state, said := stop(syscall.SIGUSR1, "--requeue"); !state.Success() || store.Failure(dir) != "" {
		t.Errorf("%v: %s, failure %q", state, said, store.Failure(dir))
	}
	if calls, err := os.ReadFile(filepath.Join(commands, "calls")); err != nil || string(calls) != "requeue 7_3\n" {
		t.Errorf("asked Slurm to %q, error %v", calls, err)
	}
	if err := os.WriteFile(filepath.Join(commands, "refuse"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if state, said := stop(syscall.SIGUSR1, "--requeue"); state.Success() || !strings.Contains(store.Failure(dir), "could not be queued again (study: scontrol: slurm_requeue error: Access denied); all is saved") {
		t.Errorf("%v: %s, failure %q", state, said, store.Failure(dir))
	}
	if state, said := stop(syscall.SIGUSR1); state.ExitCode() != 1 || !strings.Contains(said, "its time limit came; all is saved") || !strings.HasPrefix(store.Failure(dir), "its time limit came") {
		t.Errorf("%v: %s, failure %q", state, said, store.Failure(dir))
	}
	if state, said := stop(syscall.SIGTERM, "--requeue"); state.ExitCode() != 1 || !strings.Contains(said, "all is saved") || store.Failure(dir) != "" {
		t.Errorf("cancelled, %v: %s, failure %q", state, said, store.Failure(dir))
	}
	if calls, _ := os.ReadFile(filepath.Join(commands, "calls")); string(calls) != "requeue 7_3\nrequeue 7_3\n" {
		t.Errorf("asked Slurm to %q", calls)
	}
	local := filepath.Join(t.TempDir(), "local")
	for _, args := range [][]string{{"task", out, jobs[0].Dir}, {"run", file, "--out", local}} {
		if said, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
			t.Fatalf("safex %q: %v: %s", args, err, said)
		}
	}
	want, err := os.ReadFile(filepath.Join(local, jobs[0].Dir, "steps.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "steps.csv")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("it took other steps, error %v", err)
	}
}

// What is said of the flags, without Slurm.
func TestSlurmFlags(t *testing.T) {
	file := filed(t, array)
	out := filepath.Join(t.TempDir(), "it's a study")
	said, _, err := do(nil, "run", file, "--slurm", "--dry", "--out", out, "--cpus", "3", "--time", "1-12", "--mem", "4G", "--partition", "long", "--account", "lab",
		"--gpus", "a100:1", "--gres", "shard:2", "--sbatch", "--constraint=avx512|avx2", "--requeue", "--wandb=it's mine")
	for _, line := range []string{
		"#!/bin/sh", "#SBATCH --job-name=array", "#SBATCH --requeue", "#SBATCH --open-mode=append", "#SBATCH --signal=B:USR1@120", "#SBATCH --cpus-per-task=3", "#SBATCH --time=1-12",
		"#SBATCH --mem=4G", "#SBATCH --partition=long", "#SBATCH --account=lab", "#SBATCH --gpus=a100:1", "#SBATCH --gres=shard:2", "#SBATCH --constraint=avx512|avx2",
		"export GOMAXPROCS=3", "# 4 of 4 runs are not complete",
	} {
		if !strings.Contains("\n"+said, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, said)
		}
	}
	if err != nil || !regexp.MustCompile(`(?m)^exec slurm/safex-[0-9a-f]{12} task '--wandb=it'\\''s mine' --requeue \. "\$run"$`).MatchString(said) {
		t.Errorf("error %v, script\n%s", err, said)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("--dry made the folder")
	}
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--slurm"}, "there is no command sbatch: do this on a machine of a cluster with Slurm, or install its commands (apt install slurm-client)"},
		{[]string{"--slurm", "--workers", "2"}, "with --slurm it is --at-a-time"},
		{[]string{"--slurm", "--cpus", "0"}, "cpus 0: want at least 1"},
		{[]string{"--slurm", "--at-a-time", "-1"}, "at-a-time -1"},
		{[]string{"--slurm", "--partition", "a b"}, `partition "a b": want one word`},
		{[]string{"--slurm", "--sbatch", "--array=3"}, "safex needs this option for itself"},
		{[]string{"--time", "10"}, "--time is for clusters: give --slurm too"},
		{[]string{"--gpus", "1"}, "--gpus is for clusters: give --slurm too"},
	} {
		if _, _, err := do(nil, append([]string{"run", file, "--out", out}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v, want %q", c.args, err, c.want)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a mistake made the folder")
	}
	if _, _, err := do(nil, "cancel", out); err == nil || !strings.Contains(err.Error(), "is no folder of a study") {
		t.Errorf("cancel of nothing: error %v", err)
	}
	s, err := study.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	release, err := s.Open(out, nil)
	if err != nil {
		t.Fatal(err)
	}
	release()
	if _, _, err := do(nil, "cancel", out); err == nil || !strings.Contains(err.Error(), "was not submitted to Slurm: end its safex run by Ctrl-C, which saves") {
		t.Errorf("cancel without Slurm: error %v", err)
	}
	if said, errs, err := do(nil, "status", "--json", out); err != nil || errs != "" || !json.Valid([]byte(strings.SplitN(said, "\n", 2)[0])) {
		t.Errorf("status without Slurm: %v, %s, %s", err, errs, said)
	}
}
