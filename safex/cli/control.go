package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/control"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

func controlCommand() *cobra.Command {
	var planner, preset, search, engine, vary, out, show, figure string
	var steps int
	var set []string
	var asJSON bool
	var asked control.Settings
	c := &cobra.Command{
		Use: "control [TASK...]", Short: "Show what planning alone reaches, with the oracle dynamics",
		Long: `control plans with the oracle dynamics, which are the true ones, an episode for each seed: nothing
is learned, so that the result is what the planner can do. It counts the runs that reach the goal and those that
break a limit, and says what they return and how often an action asks the model. --vary does so at several
values of a setting. The table is Markdown, the outcomes are kept as JSON; what is there already is not done
again. Ctrl-C keeps what is done. The same seed gives the same outcome on any number of cores.`,
		Example: `  safex control
  safex control pendulum --vary MaxSpeed=5:5.9:0.1 --seeds 200 --out speed.json --figure speed.png
  safex control pendulum rccar --vary planner.Horizon=20,30,40
  safex control pitch --search mppi --set planner.Search.Samples=64 --times
  safex control --show speed.json --figure speed.png`,
		RunE: func(c *cobra.Command, args []string) error {
			if show != "" {
				past, done, err := control.Read(show)
				if err != nil {
					return err
				}
				return controlled(c, past, done, asJSON, figure)
			}
			if len(args) == 0 {
				args = experiment.Tasks.Names()
			}
			if c.Flags().Changed("steps") {
				set = append(set, fmt.Sprintf("Steps=%d", steps))
			}
			for _, task := range args {
				m, err := experiment.Tasks.New(task)
				if err != nil {
					return err
				}
				s, err := control.For(m, planner, preset)
				if err != nil {
					return err
				}
				chosen := []string{"engine=" + engine}
				if search != "" {
					chosen = append(chosen, "planner.Search="+search)
				}
				if err := s.SetAll(append(chosen, set...)...); err != nil {
					return err
				}
				asked.Specs = append(asked.Specs, s)
			}
			if vary != "" {
				if err := asked.UseVary(vary); err != nil {
					return err
				}
			}
			if figure != "" && (vary == "" || len(args) != 1) {
				return errors.New("--figure is of one task and --vary, as in: safex control pendulum --vary MaxSpeed=5:6:0.1 --figure speed.png")
			}
			return plan(c, &asked, asJSON, out, figure)
		},
	}
	f := c.Flags()
	f.StringVar(&planner, "planner", "safe", "how to plan: "+names(experiment.Planners))
	f.StringVar(&preset, "preset", "", "reference: the published settings of the task and the planner, which other flags then change")
	f.StringVar(&search, "search", "", "how the planner searches actions: "+names(experiment.Searches)+" (default the planner's own)")
	f.StringVar(&engine, "engine", experiment.Engines.Names()[0], "what takes the dynamics through time: "+names(experiment.Engines))
	f.IntVar(&asked.Seeds, "seeds", 10, "runs of each task and value")
	f.Uint64Var(&asked.First, "seed", 1, "seed of the first of them; the others follow")
	f.IntVar(&steps, "steps", 0, "steps of an episode (default the task's own)")
	f.StringArrayVar(&set, "set", nil, "change a parameter of the task, planner.FIELD, repeat-noise or deadline, as in MaxSpeed=5")
	f.StringVar(&vary, "vary", "", "give a setting several values: a list, as in planner.Horizon=20,40, or first:last:step, as in MaxSpeed=5:6:0.1")
	f.BoolVar(&asked.Times, "times", false, "measure plan times, with one run at a time")
	f.BoolVar(&asJSON, "json", false, "print a line of JSON for each row in place of the table")
	f.StringVar(&out, "out", "", "keep the outcomes in this file, and go on with those that it holds")
	f.StringVar(&figure, "figure", "", "draw the results of --vary into this PNG file")
	f.StringVar(&show, "show", "", "print the table of a file of outcomes, and plan nothing")
	return c
}

// plan makes the runs that are not in a file yet, and prints the results of those that are done.
func plan(c *cobra.Command, asked *control.Settings, asJSON bool, out, figure string) error {
	if err := asked.Check(); err != nil {
		return err
	}
	var done []control.Outcome
	if out != "" {
		var err error
		if done, err = asked.Resume(out); err != nil {
			return err
		}
	}
	errs, left := c.ErrOrStderr(), asked.Left(done)
	bar := progressbar.NewOptions(left, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription("control"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing; Ctrl-C again ends at once") })
	keep := func() error {
		if out == "" {
			return nil
		}
		return asked.Save(out, done)
	}
	var failed error
	made, saved := 0, time.Now()
	for outcome, err := range asked.Run(ctx, runtime.GOMAXPROCS(0), done) {
		if failed = err; err != nil {
			break
		}
		done, made = append(done, outcome), made+1
		bar.Set(made)
		if time.Since(saved) > 5*time.Second {
			if err := keep(); err != nil {
				return err
			}
			saved = time.Now()
		}
	}
	bar.Clear()
	if made > 0 {
		if err := keep(); err != nil {
			return err
		}
	}
	if failed != nil && !stopped(failed) {
		return failed
	}
	if len(done) > 0 {
		if err := controlled(c, asked, done, asJSON, figure); err != nil {
			return err
		}
	}
	switch {
	case failed != nil && out != "":
		return fmt.Errorf("stopped after %d of %d runs; they are kept in %s, and the same command goes on", made, left, out)
	case failed != nil:
		return fmt.Errorf("stopped after %d of %d runs", made, left)
	}
	return nil
}

// controlled prints and draws outcomes.
func controlled(c *cobra.Command, asked *control.Settings, done []control.Outcome, asJSON bool, figure string) error {
	rows := asked.Rows(done)
	text := control.Table(rows)
	if asJSON {
		var lines strings.Builder
		if err := encode.Lines(&lines, rows...); err != nil {
			return err
		}
		text = lines.String()
	}
	if _, err := io.WriteString(c.OutOrStdout(), text); err != nil || figure == "" {
		return err
	}
	f, err := control.Figure(rows)
	if err != nil {
		return err
	}
	png, err := f.PNG()
	if err != nil {
		return err
	}
	return disk.Write(figure, png)
}
