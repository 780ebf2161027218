package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/bench"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
)

func benchCommand() *cobra.Command {
	var quick, asJSON, peers, scale bool
	var engine, task, planner, out, python, show string
	var within time.Duration
	c := &cobra.Command{
		Use: "bench", Short: "Measure how fast this machine is",
		Long: `bench measures rollouts of a model and their gradients in each engine, beside the peak of this machine's
cores; gradient steps of fits; the time of a plan and the model evaluations that it takes, of each
planner on each task; and how the time grows as samples, horizon, members, width, limits and dimensions
double. It takes minutes, or less than one with --quick. Ctrl-C prints what has been measured. Leave the machine alone
meanwhile: other work on it shows.

With --scale it measures how costs grow over larger ranges, and their exponents: plans and rollouts with samples,
horizon, members, width, limits and dimensions, fits with up to 100000 transitions; and how long the command
takes to start, and what memory a run of 1000 short episodes has. It takes some five minutes, and one or two
with --quick; safex figures draws what --out keeps.

With --peers it measures instead what others would use, beside safex and by turns with it: rollouts in JAX,
the published planner stated again in JAX, and PETS of mbrl-lib on its cart-pole, which is solved when a
trial lasts 180 of 200 steps. They run in Python, by --python; a peer that is not installed is left out,
with the line that installs it. It takes up to ten minutes on quiet cores, and a few with --quick; where PETS
has not solved it --within that time, its steps and seconds so far are told as the least that it takes.`,
		Example: `  safex bench --quick
  safex bench --engine graph
  safex bench --task rccar --planner pessimistic --json
  safex bench --out bench.json
  safex bench --scale --out notebooks/results/scale.json
  safex bench --peers --python ~/.peers/bin/python --out peers.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if show != "" {
				return showBench(c, show, asJSON)
			}
			if peers {
				p := bench.DefaultPeers()
				if quick {
					p = bench.QuickPeers()
				}
				for _, name := range []string{"engine", "task", "planner", "scale"} {
					if c.Flags().Changed(name) {
						return fmt.Errorf("--peers are measured with the engine, the tasks and the planners that they are compared in: leave out --%s", name)
					}
				}
				if p.Python = python; c.Flags().Changed("within") {
					p.Within = within
				}
				return comparison(c, p, asJSON, out)
			}
			for _, name := range []string{"python", "within"} {
				if c.Flags().Changed(name) {
					return fmt.Errorf("--%s is for peers: add --peers", name)
				}
			}
			s := bench.DefaultSettings()
			switch {
			case scale:
				for _, name := range []string{"task", "planner"} {
					if c.Flags().Changed(name) {
						return fmt.Errorf("--scale measures the tasks and the planner that can grow: leave out --%s", name)
					}
				}
				program, err := os.Executable()
				if err != nil {
					return err
				}
				if s = bench.Scale(program); quick {
					s = bench.QuickScale(program)
				}
			case quick:
				s = bench.Quick()
			}
			if err := s.Select(engine, task, planner); err != nil {
				return err
			}
			return benchmark(c, s, asJSON, out)
		},
	}
	f := c.Flags()
	f.BoolVar(&quick, "quick", false, "stay under a minute, with fewer tasks and repetitions")
	f.BoolVar(&asJSON, "json", false, "print a JSON list of rows in place of the table")
	f.StringVar(&engine, "engine", "", "this engine alone: "+names(experiment.Engines))
	f.StringVar(&task, "task", "", "plans on this task alone: "+names(experiment.Tasks))
	f.StringVar(&planner, "planner", "", "plans of this planner alone: "+names(experiment.Planners))
	f.BoolVar(&scale, "scale", false, "measure how costs grow, how fast the command starts and whether memory stays flat")
	f.BoolVar(&peers, "peers", false, "measure what others would use, beside safex")
	f.StringVar(&python, "python", "python3", "the Python 3 that has the peers")
	f.DurationVar(&within, "within", bench.DefaultPeers().Within, "with --peers, the time that PETS has to solve its cart-pole; with --quick 1m")
	f.StringVar(&show, "show", "", "print what --out kept in this file, and measure nothing")
	f.StringVar(&out, "out", "", "also keep the rows in this file, as JSON")
	return c
}

// benchmark measures with a progress bar, if standard error is a terminal, and prints what there is, also after a stop.
func benchmark(c *cobra.Command, s bench.Settings, asJSON bool, out string) error {
	errs, total := c.ErrOrStderr(), s.Count()
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription("bench"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing; Ctrl-C again ends at once") })
	rows, err := s.Measure(ctx, func(rows []bench.Row) error {
		bar.Describe(rows[len(rows)-1].String())
		bar.Set(len(rows))
		return keepRows(out, rows)
	})
	bar.Clear()
	if len(rows) > 0 {
		if err := printRows(c.OutOrStdout(), rows, asJSON); err != nil {
			return err
		}
		if err := keepRows(out, rows); err != nil {
			return err
		}
	}
	switch {
	case errors.Is(err, bench.ErrTime):
		fmt.Fprintf(errs, "There was time for %d of %d rows; without --quick there is no limit.\n", len(rows), total)
		return nil
	case stopped(err):
		return fmt.Errorf("stopped after %d of %d rows", len(rows), total)
	}
	return err
}

// printRows writes rows as a table or as JSON.
func printRows(w io.Writer, rows []bench.Row, asJSON bool) error {
	if !asJSON {
		return bench.Table(w, rows)
	}
	text, err := bench.JSON(rows)
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// keepRows writes rows to a file, whole or not at all; nothing without a path.
func keepRows(path string, rows []bench.Row) error {
	if path == "" {
		return nil
	}
	text, err := bench.JSON(rows)
	if err != nil {
		return err
	}
	return disk.Write(path, text)
}

// showBench prints a file of rows or of a comparison.
func showBench(c *cobra.Command, path string, asJSON bool) error {
	rows, err := bench.Read(path)
	if err == nil {
		return printRows(c.OutOrStdout(), rows, asJSON)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no %s: want a file of safex bench --out", path)
	}
	got, err := bench.ReadComparison(path)
	if err != nil {
		return fmt.Errorf("%s holds nothing of safex bench --out", path)
	}
	return printComparison(c.OutOrStdout(), got, asJSON)
}

// printComparison writes a comparison as tables or as JSON.
func printComparison(w io.Writer, got *bench.Comparison, asJSON bool) error {
	if !asJSON {
		return got.Table(w)
	}
	text, err := got.JSON()
	if err == nil {
		_, err = w.Write(text)
	}
	return err
}

// comparison measures peers, and prints what there is, also after a stop.
func comparison(c *cobra.Command, p bench.Peers, asJSON bool, out string) error {
	errs := c.ErrOrStderr()
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing; Ctrl-C again ends at once") })
	got, err := p.Measure(ctx, func(got *bench.Comparison) error {
		if terminal(errs) && len(got.Rows) > 0 {
			last := got.Rows[len(got.Rows)-1]
			fmt.Fprintf(errs, "%s: %s\n", last.Peer, last.What)
		}
		return keepComparison(out, got)
	})
	if got == nil {
		return err
	}
	failed := printComparison(c.OutOrStdout(), got, asJSON)
	if failed == nil {
		failed = keepComparison(out, got)
	}
	if failed != nil {
		return failed
	}
	if stopped(err) {
		return fmt.Errorf("stopped after %d rows", len(got.Rows))
	}
	return err
}

// keepComparison writes a comparison to a file, whole or not at all; nothing without a path.
func keepComparison(path string, got *bench.Comparison) error {
	if path == "" {
		return nil
	}
	text, err := got.JSON()
	if err != nil {
		return err
	}
	return disk.Write(path, text)
}
