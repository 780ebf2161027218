package study

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Files of the folder of a study.
const (
	File     = "study.yaml"
	lockFile = "study.lock" // held by the process that runs it
)

// Progress is how far a study is.
type Progress struct {
	Runs, Done, Failed, Running int
	Steps, Total                int    // of the real system, of all runs: saved, and at the end
	Violations                  int    // of those steps, beyond a limit
	Others                      int    // runs of Done that another build of safex has made
	Ended                       *State // of the run that has just ended, in whatever way; nil if none has
}

// look is the time between two looks at runs that are under way, and wait how long a run that another process has is waited for, when there
// is nothing else to do. Neither changes what is computed.
const (
	look = time.Second
	wait = 15 * time.Second
)

// Run runs what is unfinished of the study in the folder out, that many runs at a time, and yields how far it is: when a run ends,
// and about every second. A run that fails is kept as Failed, and does not stop the others. If ctx ends, or the caller breaks
// out, all that run are told to save, and Run returns when they have. The last error says what is unfinished.
//
// It refuses a folder in which another process runs a study, that of another study, of a sweep or of a run, one that lies in a run, and
// one whose runs have other settings; episodes, seeds, variants, tasks, planners and models can be added. Runs that are there and no longer in the study are left alone.
func (s *Study) Run(ctx context.Context, out string, workers int, work Worker) iter.Seq2[Progress, error] {
	return s.run(ctx, out, workers, work, s.Open)
}

// run is Run with what opens the folder.
func (s *Study) run(ctx context.Context, out string, workers int, work Worker, open func(out string, jobs []Job) (func(), error)) iter.Seq2[Progress, error] {
	return func(yield func(Progress, error) bool) {
		if workers < 1 {
			yield(Progress{}, fmt.Errorf("study %s: %d workers: want at least 1", s.Name, workers))
			return
		}
		jobs, err := s.Jobs()
		if err != nil {
			yield(Progress{}, err)
			return
		}
		release, err := open(out, jobs)
		if err != nil {
			yield(Progress{}, err)
			return
		}
		defer release()
		ctx, cancel := context.WithCancel(ctx)
		p := &pool{out: out, work: work, states: statesOf(out, jobs), jobs: jobs, ended: make(chan end)}
		defer p.drain()
		defer cancel() // before drain
		for i, s := range p.states {
			if s.Phase != Done {
				p.queue = append(p.queue, i)
			}
		}
		tick := time.NewTicker(look)
		defer tick.Stop()
		waited := 0 // looks since anything of ours ran: a clock would also count while this process is stopped
		for {
			for ctx.Err() == nil && len(p.running) < workers && p.start(ctx) {
			}
			if len(p.running) > 0 {
				waited = 0
			}
			if len(p.running) == 0 && (len(p.queue) == 0 || ctx.Err() != nil) {
				break
			}
			var ended *State
			select {
			case e := <-p.ended:
				ended = p.end(ctx, e)
			case <-tick.C:
				if waited++; len(p.running) == 0 && waited > int(wait/look) {
					ended = p.give()
				}
			case <-p.idle(ctx):
			}
			p.look()
			if !yield(p.progress(ended), nil) {
				return
			}
		}
		if err := p.unfinished(ctx); err != nil {
			yield(p.progress(nil), fmt.Errorf("study %s: %w", s.Name, err))
		} else if len(jobs) > 0 {
			yield(p.progress(nil), nil)
		}
	}
}

// Open makes the folder of the study, or goes on in it, and keeps other processes that Open it out until release is called. It
// writes study.yaml, and no run; see Job.Make. It refuses what Run does.
func (s *Study) Open(out string, jobs []Job) (release func(), err error) {
	if _, err := os.Stat(filepath.Join(out, SweepFile)); err == nil {
		return nil, fmt.Errorf("study %s: %s is the folder of a sweep: choose another with --out", s.Name, out)
	}
	return s.open(out, jobs)
}

// open is Open, also of the folder of a sweep.
func (s *Study) open(out string, jobs []Job) (release func(), err error) {
	if err := outside(out); err != nil {
		return nil, fmt.Errorf("study %s: %w", s.Name, err)
	}
	release, err = hold(out, lockFile)
	if err != nil {
		return nil, err
	}
	if err := s.begin(out, jobs); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// hold keeps other processes that hold the same out of a folder.
func hold(out, name string) (release func(), err error) {
	release, err = disk.Hold(out, name)
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	return release, nil
}

// outside reports the run folder that out is or lies in.
func outside(out string) error {
	path, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		switch {
		case made(dir) && dir == path:
			return fmt.Errorf("%s is the folder of a run: choose another with --out", out)
		case made(dir):
			return fmt.Errorf("%s lies in %s, the folder of a run: choose another with --out", out, dir)
		case dir == filepath.Dir(dir):
			return nil
		}
	}
}

// same reports that the folder out is that of a study of another name.
func (s *Study) same(out string) error {
	path := filepath.Join(out, File)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var old struct{ Name string }
	if err := yaml.Unmarshal(text, &old); err != nil || old.Name == "" {
		return fmt.Errorf("%s is no file of a study: choose another folder with --out", path)
	}
	if old.Name != s.Name {
		return fmt.Errorf("%s is the folder of study %s: choose another with --out", out, old.Name)
	}
	return nil
}

// begin checks what is in the folder of the study, and writes study.yaml.
func (s *Study) begin(out string, jobs []Job) error {
	if err := s.same(out); err != nil {
		return fmt.Errorf("study %s: %w", s.Name, err)
	}
	for _, j := range jobs {
		if err := j.differs(j.folder(out)); err != nil {
			return fmt.Errorf("study %s: %w", s.Name, err)
		}
	}
	text, err := encode.YAML(s)
	if err != nil {
		return fmt.Errorf("study %s: %w", s.Name, err)
	}
	return disk.Write(filepath.Join(out, File), text)
}

// A pool is the runs of a study while it runs. The queue and running hold indices of jobs.
type pool struct {
	out     string
	work    Worker
	jobs    []Job
	states  []State
	queue   []int
	running []int
	ended   chan end
}

// An end is that of a Worker.
type end struct {
	job int
	err error
}

func (p *pool) dir(i int) string { return p.jobs[i].folder(p.out) }

// start starts the first run of the queue that no other process has. It tells whether there was one.
func (p *pool) start(ctx context.Context) bool {
	for k, i := range p.queue {
		if store.Busy(p.dir(i)) {
			continue
		}
		p.queue = append(p.queue[:k:k], p.queue[k+1:]...)
		p.running = append(p.running, i)
		go func() {
			err := p.jobs[i].Make(p.out)
			if err == nil {
				err = p.work(ctx, p.dir(i))
			}
			p.ended <- end{i, err}
		}()
		return true
	}
	return false
}

// end takes in that a Worker has ended, and returns the result of its run.
func (p *pool) end(ctx context.Context, e end) *State {
	p.running = slices.DeleteFunc(p.running, func(i int) bool { return i == e.job })
	s, dir := p.jobs[e.job].State(p.out), p.dir(e.job)
	if e.err == nil && s.Phase != Done {
		e.err = fmt.Errorf("its Worker returned after %d of %d steps", s.Steps, s.Total)
		if s.Failure != "" && s.Failure != store.Failure(dir) { // it has not gone on, or its files are damaged
			e.err = errors.New(s.Failure)
		}
	}
	if e.err != nil { // a signal to all processes may have reached that of the run first
		select {
		case <-ctx.Done():
		case <-time.After(look / 10):
		}
	}
	if e.err != nil && ctx.Err() == nil {
		why, _, _ := strings.Cut(e.err.Error(), "\n")
		if made(dir) && !store.Busy(dir) { // what is not made must not be in the way when it is
			if err := store.Fail(dir, why); err != nil {
				why += "; and " + err.Error()
			}
		}
		s.Phase, s.Failure, s.Log = Failed, why, logged(dir)
	}
	p.states[e.job] = s
	return &s
}

// give gives up the first run of the queue, which another process has.
func (p *pool) give() *State {
	i := p.queue[0]
	p.queue = p.queue[1:]
	s := &p.states[i]
	s.Phase, s.Failure, s.Log = Failed, "it is in use by another process: wait for that, or end it first", logged(p.dir(i))
	return s
}

// idle is ctx's end while nothing runs that it would end.
func (p *pool) idle(ctx context.Context) <-chan struct{} {
	if len(p.running) > 0 {
		return nil
	}
	return ctx.Done()
}

// look reads how far those are that run.
func (p *pool) look() {
	for _, i := range p.running {
		p.states[i] = p.jobs[i].State(p.out)
		p.states[i].Phase, p.states[i].Failure, p.states[i].Log = Running, "", "" // also if it has not begun
	}
}

func (p *pool) progress(ended *State) Progress {
	sum := Progress{Runs: len(p.states), Ended: ended}
	for _, s := range p.states {
		switch s.Phase {
		case Done:
			sum.Done++
			if s.Build != "" {
				sum.Others++
			}
		case Failed:
			sum.Failed++
		case Running:
			sum.Running++
		}
		sum.Steps, sum.Total, sum.Violations = sum.Steps+s.Steps, sum.Total+s.Total, sum.Violations+s.Violations
	}
	return sum
}

// unfinished says what is, nil if nothing.
func (p *pool) unfinished(ctx context.Context) error {
	at := p.progress(nil)
	if at.Done == at.Runs {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("stopped with %d of %d runs complete; all is saved (%w)", at.Done, at.Runs, ctx.Err())
	}
	i := slices.IndexFunc(p.states, func(s State) bool { return s.Phase == Failed })
	return fmt.Errorf("%d of %d runs failed, the first %s: %s", at.Failed, at.Runs, p.states[i].Run, p.states[i].Failure)
}

// drain waits for those that run.
func (p *pool) drain() {
	for range p.running {
		<-p.ended
	}
}
