package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/track"
)

func trackCommand() *cobra.Command {
	var tracked track.Settings
	c := &cobra.Command{
		Use: "track RUN... --tensorboard --wandb", Short: "Write runs for TensorBoard and Weights & Biases",
		Long: `track writes runs that are there for TensorBoard and for Weights & Biases, into the folder of each:
RUN/tensorboard and RUN/wandb. It needs neither of them, nor an account, nor a network. Every episode is
a step; what is there already stays. A folder that holds runs at any depth stands for all of them.
With the same flags train and resume write while a run goes on, and add what the model of each
episode predicts of transitions that no agent chose. Look at runs, and upload one, by:

  tensorboard --logdir runs
  wandb sync RUN/wandb/offline-run-*`,
		Example: `  safex track runs --tensorboard
  safex track runs/pendulum-pessimistic-1 --wandb
  safex track runs/quick --wandb=my-project`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || !tracked.Any() {
				return fmt.Errorf("track takes run folders and --tensorboard, --wandb or both, as in: safex track runs --tensorboard")
			}
			if err := tracked.Check(); err != nil {
				return err
			}
			dirs, err := runFolders(args)
			if err != nil {
				return err
			}
			var failed []error
			for _, dir := range dirs {
				n, err := tracked.Update(dir)
				if err != nil {
					if failed = append(failed, err); len(dirs) > 1 {
						fmt.Fprintln(c.ErrOrStderr(), sentence(err))
					}
					continue
				}
				what := fmt.Sprintf("%d episodes", n)
				if n == 0 {
					what = "no complete episode yet"
				}
				if _, err := fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", dir, what); err != nil {
					return err
				}
			}
			switch {
			case len(failed) == 1 && len(dirs) == 1:
				return failed[0]
			case len(failed) > 0:
				return fmt.Errorf("%d of %d runs were not written, for the reasons above", len(failed), len(dirs))
			}
			return nil
		},
	}
	trackFlags(c, &tracked)
	return c
}

// trackFlags adds --tensorboard and --wandb.
func trackFlags(c *cobra.Command, s *track.Settings) {
	c.Flags().BoolVar(&s.TensorBoard, "tensorboard", false, "write event files for TensorBoard into the run's folder")
	c.Flags().StringVar(&s.WandB, "wandb", "", "write an offline run for Weights & Biases into the run's folder, of this project")
	c.Flags().Lookup("wandb").NoOptDefVal = track.Project
}

// trackLine is the command that writes a run.
func trackLine(dir string, s track.Settings) string {
	line := self() + " track " + quoted(dir)
	if s.TensorBoard {
		line += " --tensorboard"
	}
	if s.WandB != "" {
		line += " --wandb=" + quoted(s.WandB)
	}
	return line
}

// runFolders are the run folders among paths and below them, in order. Every path has at least one.
func runFolders(paths []string) (dirs []string, err error) {
	for _, path := range paths {
		found, err := store.Find(path)
		if err != nil {
			return nil, err
		}
		if dirs = append(dirs, found...); len(found) == 0 {
			return nil, fmt.Errorf("%q is no run folder, and has none below it", path)
		}
	}
	return dirs, nil
}
