package study

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/renameio/v2"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
)

// Slurm is what each run of a study asks of a cluster that Slurm manages. What is empty is left to the cluster.
type Slurm struct {
	CPUs      int      // of a run, which are its threads
	Time      string   // limit, as in 02:00:00
	Memory    string   // as in 4G
	Partition string   // of the cluster
	Account   string   // that pays
	GPUs      string   // as in 1 or a100:1
	Gres      string   // other resources, as in gpu:1
	Lines     []string // further options of sbatch, as in --constraint=avx512
	AtATime   int      // runs at a time; 0 is as many as there is room for
}

// DefaultSlurm is one core for each run.
func DefaultSlurm() Slurm { return Slurm{CPUs: 1} }

// ours are the options of sbatch that are not for Lines.
var ours = regexp.MustCompile(`^(--(arr|chd|clus|wrap)|-[aDM])`)

// Check reports the first setting that sbatch could not read, or that would part the runs from what is known of them.
func (s Slurm) Check() error {
	if s.CPUs < 1 {
		return fmt.Errorf("cpus %d: want at least 1", s.CPUs)
	}
	if s.AtATime < 0 {
		return fmt.Errorf("at-a-time %d: want at least 1, or 0 for as many as there is room for", s.AtATime)
	}
	for _, o := range s.options() {
		if strings.ContainsAny(o.value, " \"'\\#") || strings.ContainsFunc(o.value, unicode.IsControl) {
			return fmt.Errorf("%s %q: want one word without quotes", o.name, o.value)
		}
	}
	for _, line := range s.Lines {
		switch {
		case !strings.HasPrefix(line, "-") || strings.ContainsFunc(line, unicode.IsControl):
			return fmt.Errorf("sbatch %q: want an option of sbatch in one line, as in --constraint=avx512", line)
		case ours.MatchString(line):
			return fmt.Errorf("sbatch %q: safex needs this option for itself", line)
		}
	}
	return nil
}

// An option is one of sbatch, "" if it is left out.
type option struct{ name, value string }

func (s Slurm) options() []option {
	return []option{{"time", s.Time}, {"cpus-per-task", strconv.Itoa(s.CPUs)}, {"mem", s.Memory}, {"partition", s.Partition}, {"account", s.Account}, {"gpus", s.GPUs}, {"gres", s.Gres}}
}

// Files of a study in Slurm, in its folder.
const (
	scriptFile = "slurm.sh"
	runsFile   = "slurm/runs.txt"  // a run in each line, which stays its own
	arraysFile = "slurm/jobs.json" // what was submitted
	programs   = "slurm/safex-"    // copies, with a digest of each
)

// Script is what Slurm starts for each run of the study, in the study's folder and as a task of an array: a copy of program with args, and
// with that folder and the run as the last ones. The argument of the script is the number of lines of slurm/runs.txt before that of
// task 0. Two minutes before the time limit the program gets SIGUSR1.
func (s *Study) Script(slurm Slurm, program string, args ...string) (string, error) {
	if err := slurm.Check(); err != nil {
		return "", fmt.Errorf("study %s: %w", s.Name, err)
	}
	name, _, err := digested(program)
	if err != nil {
		return "", err
	}
	return slurm.script(s.Name, append([]string{name}, args...)), nil
}

func (s Slurm) script(name string, command []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n#SBATCH --job-name=%s\n#SBATCH --output=slurm/%%A_%%a.txt\n#SBATCH --open-mode=append\n#SBATCH --requeue\n#SBATCH --signal=B:USR1@120\n", name)
	for _, o := range s.options() {
		if o.value != "" {
			fmt.Fprintf(&b, "#SBATCH --%s=%s\n", o.name, o.value)
		}
	}
	for _, line := range s.Lines {
		fmt.Fprintf(&b, "#SBATCH %s\n", line)
	}
	var words []string
	for _, word := range command {
		words = append(words, shell(word))
	}
	fmt.Fprintf(&b, "export GOMAXPROCS=%d\nrun=$(sed -n \"$((${1:-0} + SLURM_ARRAY_TASK_ID + 1))p\" %s)\nexec %s . \"$run\"\n", s.CPUs, runsFile, strings.Join(words, " "))
	return b.String()
}

var plain = regexp.MustCompile(`^[-A-Za-z0-9_./=+:,]+$`)

// shell is a word as a shell reads it.
func shell(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// Submitted has the runs of a study that was submitted.
type Submitted struct {
	Jobs   []string // their numbers, of an array each; none if there was nothing to submit
	Runs   int      // that were submitted
	Done   int      // that are complete
	Active int      // that were queued or running before
	Needs  []string // libraries that each machine must have for the program; none if it is static
}

// Submit submits to Slurm what is unfinished of the study in the folder out, but for what is queued or running: in arrays with a task for
// each run, which starts a copy of program with args as Script says. It opens the folder as Run does, and all machines of the cluster
// must have it under this name.
func (s *Study) Submit(ctx context.Context, out string, slurm Slurm, program string, args ...string) (Submitted, error) {
	jobs, err := s.Jobs()
	if err != nil {
		return Submitted{}, err
	}
	return s.submit(ctx, out, slurm, program, args, jobs, s.Open, func(*cluster, map[string]bool) []Job { return jobs })
}

// submit is Submit of those jobs that choose returns when it is told which are queued or running; with what opens the folder.
func (s *Study) submit(ctx context.Context, out string, slurm Slurm, program string, args []string, jobs []Job, open func(out string, jobs []Job) (func(), error), choose func(c *cluster, active map[string]bool) []Job) (Submitted, error) {
	script, err := s.Script(slurm, program, args...)
	if err != nil {
		return Submitted{}, err
	}
	path, err := filepath.Abs(out)
	if err != nil {
		return Submitted{}, fmt.Errorf("study %s: %w", s.Name, err)
	}
	if strings.ContainsAny(path, `%\`) || strings.ContainsFunc(path, unicode.IsControl) {
		return Submitted{}, fmt.Errorf(`study %s: folder %q: Slurm takes none with %%, \ or a line break in its name: choose another with --out`, s.Name, path)
	}
	size, err := largest(ctx) // before anything is written
	if err != nil {
		return Submitted{}, err
	}
	release, err := open(out, jobs)
	if err != nil {
		return Submitted{}, err
	}
	defer release()
	c, err := openCluster(out)
	if err != nil {
		return Submitted{}, err
	}
	queue, err := c.queue(ctx)
	if err != nil {
		return Submitted{}, err
	}
	active := map[string]bool{}
	for _, t := range queue {
		if !t.ended() {
			active[t.run] = true
		}
	}
	sum, lines, err := c.unfinished(choose(c, active), active)
	if err != nil || len(lines) == 0 {
		return sum, err
	}
	if err := c.copy(program, len(active) == 0); err != nil {
		return sum, err
	}
	if err := disk.Write(filepath.Join(out, scriptFile), []byte(script)); err != nil {
		return sum, err
	}
	sum.Needs = needs(program)
	err = c.submit(ctx, lines, size, slurm.AtATime, &sum)
	return sum, err
}

// unfinished are the lines of runsFile, which it writes, of those jobs that are to be submitted: that are not Done, and neither run nor are
// active, which is queued or running in Slurm.
func (c *cluster) unfinished(jobs []Job, active map[string]bool) (sum Submitted, lines []int, err error) {
	line := map[string]int{}
	for i, dir := range c.runs {
		line[dir] = i
	}
	for _, j := range jobs {
		i, ok := line[j.Dir]
		if !ok {
			i = len(c.runs)
			c.runs = append(c.runs, j.Dir)
		}
		switch phase := j.State(c.out).Phase; {
		case active[j.Dir] || phase == Running:
			sum.Active++
		case phase == Done:
			sum.Done++
		default:
			lines = append(lines, i)
		}
	}
	if len(lines) == 0 {
		return sum, nil, nil
	}
	slices.Sort(lines)
	return sum, lines, disk.Write(filepath.Join(c.out, runsFile), []byte(strings.Join(c.runs, "\n")+"\n"))
}

// digested reads a program, and names its copy.
func digested(path string) (name string, text []byte, err error) {
	text, err = os.ReadFile(path)
	if err != nil {
		return "", nil, fmt.Errorf("study: %w", err)
	}
	return programs + fmt.Sprintf("%x", sha256.Sum256(text))[:12], text, nil
}

// copy copies a program into the folder, where runs find it that go on when it is another. If alone, nothing needs other copies, and they
// are removed.
func (c *cluster) copy(program string, alone bool) error {
	name, text, err := digested(program)
	if err != nil {
		return err
	}
	if alone {
		others, _ := fs.Glob(os.DirFS(c.out), programs+"*")
		for _, other := range others {
			if other != name {
				os.Remove(filepath.Join(c.out, other))
			}
		}
	}
	to := filepath.Join(c.out, name)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	if err := renameio.WriteFile(to, text, 0o755, renameio.WithTempDir(filepath.Dir(to))); err != nil {
		return fmt.Errorf("study: cannot copy %s to %s: %w", program, to, err)
	}
	return nil
}

// needs are the libraries that an executable loads when it starts.
func needs(path string) []string {
	f, err := elf.Open(path)
	if err != nil {
		return nil // of another system
	}
	defer f.Close()
	libraries, _ := f.ImportedLibraries()
	return libraries
}

// submit submits lines of runsFile, in ascending order, in arrays of at most that size, and counts them in sum. With atATime above 0 an array
// begins when the one before it has ended.
func (c *cluster) submit(ctx context.Context, lines []int, size, atATime int, sum *Submitted) error {
	for len(lines) > 0 {
		first := lines[0] / size * size
		n, _ := slices.BinarySearch(lines, first+size)
		args := []string{"--parsable", "--array=" + indices(lines[:n], first)}
		if atATime > 0 {
			args[1] += fmt.Sprintf("%%%d", atATime)
			if len(sum.Jobs) > 0 {
				args = append(args, "--dependency=afterany:"+sum.Jobs[len(sum.Jobs)-1])
			}
		}
		said, err := c.ask(ctx, "sbatch", append(args, scriptFile, strconv.Itoa(first))...)
		if err != nil {
			return err
		}
		id, _, _ := strings.Cut(strings.TrimSpace(said), ";")
		if _, err := strconv.ParseUint(id, 10, 64); err != nil {
			return fmt.Errorf("study: sbatch printed %q, and no number of a job", said)
		}
		sum.Jobs, sum.Runs = append(sum.Jobs, id), sum.Runs+n
		if err := c.keep(array{id, first}); err != nil {
			return fmt.Errorf("study: job %s is submitted, and cannot be kept: end it with scancel %s (%w)", id, id, err)
		}
		lines = lines[n:]
	}
	return nil
}

// indices are lines, in ascending order and counted from first, as in 0,2-5.
func indices(lines []int, first int) string {
	var parts []string
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n] == lines[0]+n {
			n++
		}
		part := strconv.Itoa(lines[0] - first)
		if n > 1 {
			part += "-" + strconv.Itoa(lines[n-1]-first)
		}
		parts, lines = append(parts, part), lines[n:]
	}
	return strings.Join(parts, ",")
}
