package study

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/lab"
)

// logFile is where a run says what it does, below its folder.
const logFile = "log.txt"

// A Worker takes a run from where it is in its folder, which is there, to its end. If ctx ends before, it saves and returns the error of
// ctx; any other error is in one sentence.
type Worker func(ctx context.Context, dir string) error

// Work is what a Worker does, in this process. It writes a line to log for each episode.
func Work(ctx context.Context, dir string, log io.Writer) error {
	r, err := lab.Resume(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "%s: %d of %d steps are there\n", r.Settings.Task, r.Done(), r.Total())
	for s, err := range r.Steps(ctx) {
		if err != nil {
			if ctx.Err() != nil {
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
	f, err := os.OpenFile(filepath.Join(dir, logFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	return f, nil
}

// Here is a Worker in this process, for where there is no command to start, as in a notebook. A panic of a run is its error, with the
// trace in its log; one in a goroutine that the run started ends this process.
func Here(ctx context.Context, dir string) (err error) {
	log, err := open(dir)
	if err != nil {
		return err
	}
	defer log.Close()
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(log, "panic: %v\n%s", p, debug.Stack())
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if err := Work(ctx, dir, log); err != nil {
		fmt.Fprintln(log, err)
		return err
	}
	return nil
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
		if why := why(log.Name(), before); why != "" {
			return fmt.Errorf("%s (%w)", why, err)
		}
		return fmt.Errorf("study: the process of %s ended: %w", dir, err)
	}
}

// why is the line of a log, from an offset on, that says why its process ended: that of a panic, or the last.
func why(path string, from int64) (last string) {
	text, err := os.ReadFile(path)
	if err != nil || int64(len(text)) < from {
		return ""
	}
	for line := range strings.Lines(string(text[from:])) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
		if rest, ok := strings.CutPrefix(line, "safex: "); ok {
			last = rest
		}
	}
	return last
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
