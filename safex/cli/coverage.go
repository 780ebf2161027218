package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/coverage"
	"github.com/rischiboy/safe_exploration/safex/experiment"
)

func coverageCommand() *cobra.Command {
	c := coverage.Default()
	var out, show string
	tasks := c.Tasks
	cmd := &cobra.Command{
		Use: "coverage [TASK...]", Short: "Measure how often calibrated boxes hold whole episodes",
		Long: `coverage gathers episodes by coloured noise, learns from half of them, calibrates on the other half by
conformal prediction with one score for each episode, and counts how many new episodes stay in the
box in all their steps and dimensions: of the same noise, where 1 - miss is promised, of bolder
noise, and of a planner, where nothing is. The table is Markdown, the outcomes are kept as JSON; what is
there already is not done again.`,
		Example: `  safex coverage --out coverage.json
  safex coverage pendulum --seeds 5 --model gp --out gp.json
  safex coverage --show coverage.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if show != "" {
				settings, done, err := coverage.Read(show)
				if err == nil {
					_, err = fmt.Fprint(cmd.OutOrStdout(), coverage.Table(settings, done))
				}
				return err
			}
			if c.Tasks = tasks; len(args) > 0 {
				c.Tasks = args
			}
			if err := c.Check(); err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join("runs", "coverage-"+c.Model+".json")
			}
			return measure(cmd, c, out)
		},
	}
	f := cmd.Flags()
	models, _ := experiment.Models()
	f.StringVar(&c.Model, "model", c.Model, "what to learn: "+strings.Join(models, ", "))
	f.IntVar(&c.Seeds, "seeds", c.Seeds, "repetitions for each task")
	f.Float64Var(&c.Miss, "miss", c.Miss, "share of the episodes that may leave the box")
	f.IntVar(&c.Held, "held", c.Held, "episodes to calibrate on; as many are learned from")
	f.IntVar(&c.Tested, "tested", c.Tested, "new episodes of each noise")
	f.IntVar(&c.Planned, "planned", c.Planned, "new episodes of the planner")
	f.StringVar(&out, "out", "", "file of the outcomes (default runs/coverage-MODEL.json)")
	f.StringVar(&show, "show", "", "print the table of a file of outcomes, and measure nothing")
	return cmd
}

// measure goes on with the outcomes in a file until all are there, saving after each.
func measure(cmd *cobra.Command, c coverage.Settings, out string) error {
	done, err := c.Resume(out)
	if err != nil {
		return err
	}
	errs := cmd.ErrOrStderr()
	bar := progressbar.NewOptions(len(c.Tasks)*c.Seeds, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription("coverage"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	bar.Set(len(done))
	ctx := untilSignal(cmd.Context(), func() { fmt.Fprintln(errs, "\nfinishing; Ctrl-C again ends at once") })
	for outcome, err := range c.Run(ctx, done) {
		if err != nil {
			bar.Clear()
			if stopped(err) {
				return fmt.Errorf("stopped after %d of %d; they are kept in %s, and the same command goes on", len(done), len(c.Tasks)*c.Seeds, out)
			}
			return err
		}
		done = append(done, outcome)
		if err := c.Save(out, done); err != nil {
			return err
		}
		bar.Set(len(done))
	}
	bar.Finish()
	_, err = io.WriteString(cmd.OutOrStdout(), coverage.Table(c, done))
	return err
}
