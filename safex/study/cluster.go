package study

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A cluster is what the folder of a study keeps of what was submitted to Slurm.
type cluster struct {
	out    string
	runs   []string // the lines of runsFile
	arrays []array  // the last one that has a run is the run's
}

// An array is a job of Slurm, each task of which is a run.
type array struct {
	ID    string `json:"id"`
	First int    `json:"first"` // the line of runsFile of task 0, from 0
}

// openCluster reads what is kept in out. A study that was never submitted has no arrays.
func openCluster(out string) (*cluster, error) {
	c := &cluster{out: out}
	text, err := os.ReadFile(filepath.Join(out, runsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	c.runs = strings.Split(strings.TrimSpace(string(text)), "\n")
	text, err = os.ReadFile(filepath.Join(out, arraysFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	if err := json.Unmarshal(text, &c.arrays); err != nil {
		return nil, fmt.Errorf("study: %s: %w", filepath.Join(out, arraysFile), err)
	}
	return c, nil
}

// keep adds an array.
func (c *cluster) keep(a array) error {
	c.arrays = append(c.arrays, a)
	text, err := json.MarshalIndent(c.arrays, "", "  ")
	if err != nil {
		return err
	}
	return disk.Write(filepath.Join(c.out, arraysFile), append(text, '\n'))
}

// ids are those of the arrays, with commas.
func (c *cluster) ids() string {
	var ids []string
	for _, a := range c.arrays {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, ",")
}

// there tells, as an error, that a command of Slurm is not.
func there(command string) error {
	if _, err := exec.LookPath(command); err != nil {
		return fmt.Errorf("study: there is no command %s: do this on a machine of a cluster with Slurm, or install its commands (apt install slurm-client) and the cluster's slurm.conf", command)
	}
	return nil
}

// ask runs a command of Slurm in the study's folder, and returns what it prints.
func (c *cluster) ask(ctx context.Context, command string, args ...string) (string, error) {
	if err := there(command); err != nil {
		return "", err
	}
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.out, &out, &errs
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	var said []string
	for line := range strings.Lines(errs.String()) {
		said = append(said, strings.TrimPrefix(strings.TrimSpace(line), command+": error: "))
	}
	if len(said) == 0 {
		said = []string{err.Error()}
	}
	return "", fmt.Errorf("study: %s: %s", command, strings.Join(said, "; "))
}

// largest is the number of tasks of the largest array of the cluster. It is an error if there is none to submit to.
func largest(ctx context.Context) (int, error) {
	if err := there("sbatch"); err != nil {
		return 0, err
	}
	said, err := (&cluster{}).ask(ctx, "scontrol", "show", "config")
	if err != nil {
		return 0, fmt.Errorf("%w: is this a machine of a cluster with Slurm, with its slurm.conf?", err)
	}
	found := maxArraySize.FindStringSubmatch(said)
	if found == nil {
		return 0, fmt.Errorf("study: scontrol show config has no MaxArraySize")
	}
	size, err := strconv.Atoi(found[1])
	if err != nil || size < 1 {
		return 0, fmt.Errorf("study: MaxArraySize is %s: this cluster takes no arrays", found[1])
	}
	return size, nil
}

var maxArraySize = regexp.MustCompile(`(?m)^MaxArraySize\s*=\s*(\d+)\s*$`)

// A task of an array, as Slurm sees it.
type task struct {
	run           string
	array, index  int    // of the cluster, and in the array
	state         string // as in COMPLETED
	nodes, reason string // "" if there is none
	restarts      int
}

// ends are the states of tasks that will not run again, unless somebody asks for it.
var ends = []string{"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"}

func (t task) ended() bool { return slices.Contains(ends, t.state) }

// String is the state for a person, "" of a task that did what it should.
func (t task) String() string {
	s := strings.ToLower(strings.ReplaceAll(t.state, "_", " "))
	switch t.state {
	case "COMPLETED":
		return ""
	case "TIMEOUT":
		s = "time limit"
	case "NODE_FAIL":
		s = "node failed"
	}
	if t.restarts > 0 && !t.ended() {
		s = "requeued, " + s
	}
	if t.nodes != "" {
		s += " on " + t.nodes
	}
	if t.state == "PENDING" && t.reason != "" {
		s += " (" + t.reason + ")"
	}
	return s
}

// task is that of an array with an index, false if there is none.
func (c *cluster) task(id, index string) (task, bool) {
	k := slices.IndexFunc(c.arrays, func(a array) bool { return a.ID == id })
	i, err := strconv.Atoi(index)
	if k < 0 || err != nil || i < 0 || c.arrays[k].First+i >= len(c.runs) {
		return task{}, false
	}
	return task{run: c.runs[c.arrays[k].First+i], array: k, index: i}, true
}

// queue asks squeue, which knows what is queued or running, and for minutes what has ended.
func (c *cluster) queue(ctx context.Context) (tasks []task, err error) {
	if len(c.arrays) == 0 {
		return nil, nil
	}
	said, err := c.ask(ctx, "squeue", "--noheader", "--array", "--states=all", "--jobs="+c.ids(),
		"--Format=ArrayJobID:24|,ArrayTaskID:16|,RestartCnt:8|,State:24|,NodeList:128|,Reason:128|")
	if err != nil && strings.Contains(err.Error(), "Invalid job id") { // it has forgotten a single job
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(said) {
		f := fields(line)
		if len(f) < 6 {
			return nil, fmt.Errorf("study: squeue printed %q, and not 6 columns", line)
		}
		if t, ok := c.task(f[0], f[1]); ok {
			t.restarts, _ = strconv.Atoi(f[2])
			if t.state, t.nodes, t.reason = f[3], f[4], f[5]; t.reason == "None" {
				t.reason = ""
			}
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// fields are the columns of a line, without what pads them.
func fields(line string) []string {
	f := strings.Split(line, "|")
	for i := range f {
		f[i] = strings.TrimSpace(f[i])
	}
	return f
}

// account asks sacct, which knows what has ended where a cluster keeps accounts; without there are no tasks.
func (c *cluster) account(ctx context.Context) (tasks []task) {
	if len(c.arrays) == 0 {
		return nil
	}
	said, err := c.ask(ctx, "sacct", "--noheader", "--parsable2", "--allocations", "--jobs="+c.ids(), "--format=JobID,State,NodeList")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(said) {
		f := fields(line)
		id, index, _ := strings.Cut(f[0], "_")
		if t, ok := c.task(id, index); ok && len(f) == 3 {
			t.state, _, _ = strings.Cut(f[1], " ") // CANCELLED by 1000
			if t.nodes = f[2]; t.nodes == "None assigned" {
				t.nodes = ""
			}
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// Queued puts into states, which are those of Status of the folder out, what Slurm says of them, unless that is no news. Where there is no
// Slurm, and of a study that was not submitted, there is nothing.
func Queued(ctx context.Context, out string, states []State) error {
	c, err := openCluster(out)
	if err != nil || there("squeue") != nil {
		return err
	}
	queue, err := c.queue(ctx)
	last := map[string]task{}
	for _, t := range append(c.account(ctx), queue...) {
		if old, ok := last[t.run]; !ok || t.array >= old.array {
			last[t.run] = t
		}
	}
	for i := range states {
		s := &states[i]
		t, ok := last[s.Run]
		if !ok || s.Phase == Done || t.ended() && (s.Phase == Running || s.Phase == Failed) {
			continue
		}
		s.Slurm = t.String()
		path := filepath.Join(out, "slurm", fmt.Sprintf("%s_%d.txt", c.arrays[t.array].ID, t.index))
		if info, err := os.Stat(path); t.ended() && s.Slurm != "" && err == nil && info.Size() > 0 {
			s.Slurm += ", see " + path
		}
	}
	return err
}

// Cancel ends what is queued or running in Slurm of the study in the folder out, and returns the number of its runs and those of the jobs.
// Runs that are under way save.
func Cancel(ctx context.Context, out string) (runs int, jobs []string, err error) {
	if _, err := os.Stat(filepath.Join(out, File)); err != nil {
		return 0, nil, fmt.Errorf("study: %s is no folder of a study: it has no file %s", out, File)
	}
	c, err := openCluster(out)
	if err != nil {
		return 0, nil, err
	}
	if len(c.arrays) == 0 {
		return 0, nil, fmt.Errorf("study: %s was not submitted to Slurm: end its safex run by Ctrl-C, which saves", out)
	}
	queue, err := c.queue(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, t := range queue {
		if t.ended() {
			continue
		}
		if id := c.arrays[t.array].ID; !slices.Contains(jobs, id) {
			jobs = append(jobs, id)
		}
		runs++
	}
	if runs == 0 {
		return 0, nil, nil
	}
	_, err = c.ask(ctx, "scancel", jobs...)
	return runs, jobs, err
}

// Task takes the run dir of the study in the folder out from where it is to its end, as Slurm starts it, and makes the run if it is not there. What
// it says goes to the log of the run, and why it failed is kept there. See Work for before.
func Task(ctx context.Context, out, dir string, before func(*store.Run) error) error {
	jobs, err := kept(out)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(jobs, func(j Job) bool { return j.Dir == dir })
	if i < 0 {
		return fmt.Errorf("study: %s is no longer a run of the study in %s", dir, out)
	}
	if err := jobs[i].Make(out); err != nil {
		return err
	}
	folder := jobs[i].folder(out)
	err = here(ctx, folder, before)
	if err != nil && !errors.Is(err, context.Canceled) && !store.Busy(folder) {
		why, _, _ := strings.Cut(err.Error(), "\n")
		if e := store.Fail(folder, why); e != nil {
			err = fmt.Errorf("%w; and %w", err, e)
		}
	}
	return err
}

// Requeue puts the task of Slurm that this process is into the queue again.
func Requeue(ctx context.Context) error {
	id, index := os.Getenv("SLURM_ARRAY_JOB_ID"), os.Getenv("SLURM_ARRAY_TASK_ID")
	if id == "" || index == "" {
		return fmt.Errorf("study: this process is no task of Slurm: SLURM_ARRAY_JOB_ID and SLURM_ARRAY_TASK_ID are not set")
	}
	c := cluster{out: "."}
	_, err := c.ask(ctx, "scontrol", "requeue", id+"_"+index)
	return err
}
