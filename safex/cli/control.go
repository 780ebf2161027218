package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/lab"
	"github.com/rischiboy/safe_exploration/safex/run"
)

func controlCommand() *cobra.Command {
	var planner, preset, search, engine, vary, out, show, figure string
	var steps int
	var set []string
	var asJSON bool
	var control lab.Control
	c := &cobra.Command{
		Use: "control [TASK...]", Short: "Show what planning alone reaches, with the true dynamics",
		Long: `control plans with the true dynamics, an episode for each seed: nothing is learned, so that what comes of it
is what the planner can do. It counts the runs that arrive and those that break a limit, and says what
they return and how often an action asks the model. --vary does so at several values of a setting.
The table is Markdown, the outcomes are kept as JSON; what is there already is not done again. Ctrl-C
keeps what is done. The same seed gives the same outcome on any number of cores.`,
		Example: `  safex control
  safex control pendulum --vary MaxSpeed=5:5.9:0.1 --seeds 200 --out speed.json --figure speed.png
  safex control pendulum rccar --vary planner.Horizon=20,30,40
  safex control pitch --search mppi --set planner.Search.Samples=64 --times
  safex control --show speed.json --figure speed.png`,
		RunE: func(c *cobra.Command, args []string) error {
			if show != "" {
				past, done, err := lab.ReadControl(show)
				if err != nil {
					return err
				}
				return controlled(c, past, done, asJSON, figure)
			}
			if len(args) == 0 {
				args = lab.Tasks()
			}
			if c.Flags().Changed("steps") {
				set = append(set, fmt.Sprintf("Steps=%d", steps))
			}
			for _, task := range args {
				s, err := lab.ControlSettings(task, planner, preset)
				if err != nil {
					return err
				}
				if search != "" {
					if err := s.UseSearch(search); err != nil {
						return err
					}
				}
				if err := s.UseEngine(engine); err != nil {
					return err
				}
				for _, a := range set {
					if err := s.Set(a); err != nil {
						return err
					}
				}
				control.Settings = append(control.Settings, s)
			}
			if vary != "" {
				if err := control.UseVary(vary); err != nil {
					return err
				}
			}
			if figure != "" && (vary == "" || len(args) != 1) {
				return errors.New("--figure is of one task and --vary, as in: safex control pendulum --vary MaxSpeed=5:6:0.1 --figure speed.png")
			}
			return plan(c, &control, asJSON, out, figure)
		},
	}
	f := c.Flags()
	names, _ := lab.Planners()
	f.StringVar(&planner, "planner", "safe", "how to plan: "+strings.Join(names, ", "))
	f.StringVar(&preset, "preset", "", "reference: the published settings of the task and the planner, which other flags then change")
	searches, _ := lab.Searches()
	f.StringVar(&search, "search", "", "how the planner searches actions: "+strings.Join(searches, ", ")+" (default the planner's own)")
	engines, _ := lab.Engines()
	f.StringVar(&engine, "engine", engines[0], "what takes the dynamics through time: "+strings.Join(engines, ", "))
	f.IntVar(&control.Seeds, "seeds", 10, "runs of each task and value")
	f.Uint64Var(&control.First, "seed", 1, "seed of the first of them; the others follow")
	f.IntVar(&steps, "steps", 0, "steps of an episode (default the task's own)")
	f.StringArrayVar(&set, "set", nil, "change a parameter of the task, planner.FIELD or agent.RepeatNoise, as in MaxSpeed=5")
	f.StringVar(&vary, "vary", "", "give a setting several values: a list, as in planner.Horizon=20,40, or first:last:step, as in MaxSpeed=5:6:0.1")
	f.BoolVar(&control.Times, "times", false, "measure plan times, with one run at a time")
	f.BoolVar(&asJSON, "json", false, "print a line of JSON for each row in place of the table")
	f.StringVar(&out, "out", "", "keep the outcomes in this file, and go on with those that it holds")
	f.StringVar(&figure, "figure", "", "draw what comes of --vary into this PNG file")
	f.StringVar(&show, "show", "", "print the table of a file of outcomes, and plan nothing")
	return c
}

// plan makes the runs that are not in a file yet, and prints what came of those that are done.
func plan(c *cobra.Command, control *lab.Control, asJSON bool, out, figure string) error {
	if err := control.Check(); err != nil {
		return err
	}
	var done []lab.Controlled
	if out != "" {
		var err error
		if done, err = control.Resume(out); err != nil {
			return err
		}
	}
	errs, left := c.ErrOrStderr(), control.Left(done)
	bar := progressbar.NewOptions(left, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription("control"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing; Ctrl-C again ends at once") })
	keep := func() error {
		if out == "" {
			return nil
		}
		return control.Save(out, done)
	}
	var failed error
	made, saved := 0, time.Now()
	for outcome, err := range control.Run(ctx, runtime.GOMAXPROCS(0), done) {
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
		if err := controlled(c, control, done, asJSON, figure); err != nil {
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
func controlled(c *cobra.Command, control *lab.Control, done []lab.Controlled, asJSON bool, figure string) error {
	rows := control.Rows(done)
	text := lab.ControlTable(rows)
	if asJSON {
		text = ""
		for _, r := range rows {
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			text += string(line) + "\n"
		}
	}
	if _, err := io.WriteString(c.OutOrStdout(), text); err != nil || figure == "" {
		return err
	}
	f, err := lab.ControlFigure(rows)
	if err != nil {
		return err
	}
	png, err := f.PNG()
	if err != nil {
		return err
	}
	return run.Write(filepath.Dir(figure), filepath.Base(figure), png)
}
