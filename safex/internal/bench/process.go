package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// starts measures how long it takes until the command has said something and ended, from nothing.
func (b *bench) starts(ctx context.Context) error {
	if b.Starts == 0 {
		return nil
	}
	for _, what := range []string{"version", "--help"} {
		var millis []float64
		for range b.Starts + 1 {
			seconds, err := clock(func() error { return b.command(ctx, what) })
			if err != nil {
				return err
			}
			millis = append(millis, 1e3*seconds)
		}
		millis = millis[1:] // the first reads the program from the disk
		if err := b.add(Row{What: starts, Task: what, P50: quantile(0.5, millis), P99: quantile(0.99, millis), Repetitions: b.Starts}); err != nil {
			return err
		}
	}
	return nil
}

// command runs the command to its end.
func (b *bench) command(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, b.Command, args...)
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("bench: %s %s: %w: %s", filepath.Base(b.Command), strings.Join(args, " "), err, firstLine(out))
	}
	return err
}

// firstLine is the first line of what was said.
func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line
}

// windows are the rows of the memory of a run: how many parts its episodes are taken in.
const windows = 10

// memory measures the resident memory of a run of many short episodes that is kept on disk, as it goes. A part of the episodes is
// the median of what was seen during it, as the garbage of Go comes and goes.
func (b *bench) memory(ctx context.Context) error {
	if b.Episodes == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "safex-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	run := filepath.Join(dir, "run")
	// Everything is small: what a run keeps grows with its episodes, and not with how well it plans.
	args := []string{"train", pendulum, "--planner", "safe", "--model", probabilistic, "--filter", "off", "--episodes", strconv.Itoa(b.Episodes), "--learn-every", "0", "--seed", strconv.FormatUint(b.Seed, 10), "--out", run}
	for _, set := range []string{"Steps=5", "learner.MaxSteps=10", "learner.MinSteps=5", "learner.Hidden=16,16", "planner.Horizon=5", "planner.Search.Samples=16", "planner.Search.Elites=4"} {
		args = append(args, "--set", set)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	c := exec.CommandContext(ctx, b.Command, args...)
	c.WaitDelay = time.Second
	var said tail
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	seen := make([][]float64, windows)
	for {
		select {
		case err := <-ended:
			if err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				return fmt.Errorf("bench: %s train: %w: %s", filepath.Base(b.Command), err, said.last())
			}
			return b.remembered(seen)
		case <-time.After(b.Look):
			mb, err := resident(c.Process.Pid)
			if errors.Is(err, fs.ErrNotExist) { // ended meanwhile, or this system has none
				continue
			} else if err != nil {
				return err
			}
			done, err := lines(filepath.Join(run, "episodes.jsonl"))
			if err == nil && done > 0 {
				at := min((done-1)*windows/b.Episodes, windows-1)
				seen[at] = append(seen[at], mb)
			}
		}
	}
}

// remembered adds a row for each part of the episodes in which the memory was seen.
func (b *bench) remembered(seen [][]float64) error {
	var rows []Row
	for i, mb := range seen {
		if len(mb) > 0 {
			rows = append(rows, Row{
				What: memories, Task: pendulum, Against: "episodes", Episodes: (i + 1) * b.Episodes / windows, MB: quantile(0.5, mb), Repetitions: len(mb),
			})
		}
	}
	e := exponent("episodes", rows, nil)
	for _, r := range rows {
		r.Exponent = e
		if err := b.add(r); err != nil {
			return err
		}
	}
	return nil
}

// resident is the memory of a process in MB, by Linux.
func resident(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^VmRSS:\s*(\d+) kB$`).FindSubmatch(text)
	if m == nil { // ended, and not yet waited for
		return 0, fs.ErrNotExist
	}
	kb, err := strconv.ParseFloat(string(m[1]), 64)
	return kb / 1e3, err
}

// lines counts the lines of a file.
func lines(path string) (int, error) {
	text, err := os.ReadFile(path)
	return bytes.Count(text, []byte("\n")), err
}
