package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/store"
)

// A Worker takes a run from where it is in its folder, which is there, to its end. If ctx ends before, it saves and returns the error of
// ctx; any other error is in one sentence.
type Worker func(ctx context.Context, dir string) error

// Work is what a Worker does, in this process. It writes a line to log for each episode. Unless it is nil, before is called with the run
// before it goes on.
func Work(ctx context.Context, dir string, log io.Writer, before func(*store.Run) error) error {
	r, err := store.Resume(dir)
	if err != nil {
		return err
	}
	if before != nil {
		if err := before(r); err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "%s: %d of %d steps are there\n", r.Spec.TaskName(), r.Done(), r.Total())
	for s, err := range r.Steps(ctx) {
		if err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // and not that of a save
				err = fmt.Errorf("stopped in episode %d after %d steps; all is saved (%w)", s.Episode.Number, len(s.Episode.Actions), ctx.Err())
			}
			return err
		}
		if s.Over {
			sum := r.Complete()[len(r.Complete())-1]
			fmt.Fprintf(log, "episode %d: %d steps, return %.4g, %d beyond a limit\n", sum.Episode, sum.Steps, sum.Return, sum.Violations)
		}
	}
	return nil
}

// open opens the log of a run.
func open(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, store.LogFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	return f, nil
}

// Here is a Worker in this process, for where there is no command to start, as in a notebook. A panic of a run is its error, with the
// trace in its log; one in a goroutine that the run started ends this process.
func Here(ctx context.Context, dir string) error { return here(ctx, dir, nil) }

func here(ctx context.Context, dir string, before func(*store.Run) error) error {
	log, err := open(dir)
	if err != nil {
		return err
	}
	defer log.Close()
	err = caught(log, func() error { return Work(ctx, dir, log, before) })
	if err != nil {
		fmt.Fprintln(log, err)
	}
	return err
}

// caught is the error of work, or its panic.
func caught(log io.Writer, work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(log, "%s", debug.Stack())
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return work()
}

// Process returns a Worker that starts a process for each run: command, with the folder as its last argument, on that many threads.
// The process does Work until its standard input ends, see Attached, so that it stops when it is told to, and when this process
// is gone. What it prints goes to the log of the run.
func Process(threads int, command ...string) Worker {
	return func(ctx context.Context, dir string) error {
		log, err := open(dir)
		if err != nil {
			return err
		}
		defer log.Close()
		before, err := log.Seek(0, io.SeekEnd)
		if err != nil {
			return fmt.Errorf("study: %w", err)
		}
		c := exec.CommandContext(ctx, command[0], append(command[1:len(command):len(command)], dir)...)
		c.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", threads))
		c.Stdout, c.Stderr = log, log
		in, err := c.StdinPipe()
		if err != nil {
			return fmt.Errorf("study: %w", err)
		}
		c.Cancel = in.Close
		err = c.Run()
		switch {
		case err == nil:
			return nil // also if it was told to stop after its last step
		case ctx.Err() != nil:
			return ctx.Err()
		}
		return why(log.Name(), before, err)
	}
}

// why is the reason for which a process ended with err: the line of its log, from an offset on, that names a panic, or the last that names an error;
// err if there is none.
func why(path string, from int64, err error) error {
	text, e := os.ReadFile(path)
	if e != nil || int64(len(text)) < from {
		return fmt.Errorf("its process ended: %w", err)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) { // it did not start
		return fmt.Errorf("its process: %w", err)
	}
	said := ""
	for line := range strings.Lines(string(text[from:])) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return errors.New(line)
		}
		if rest, ok := strings.CutPrefix(line, "safex: "); ok && exit.ExitCode() == 1 {
			said = rest
		}
	}
	switch {
	case said != "":
		return errors.New(said)
	case exit.ExitCode() < 0: // by a signal
		return fmt.Errorf("its process was ended from outside, as when memory runs out: %w", err)
	}
	return fmt.Errorf("its process ended: %w", err)
}

// Attached is a context that ends with parent, and when in does: with the process at the other end of a pipe.
func Attached(parent context.Context, in io.Reader) context.Context {
	ctx, cancel := context.WithCancel(parent)
	go func() {
		io.Copy(io.Discard, in)
		cancel()
	}()
	return ctx
}
