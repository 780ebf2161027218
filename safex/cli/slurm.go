package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
	"github.com/rischiboy/safe_exploration/safex/track"
)

// slurmLong is what safex run says of --slurm.
const slurmLong = `On a cluster with Slurm, --slurm submits the runs in place of starting them, as an array of a task for each,
and comes back; safex status shows how far they are, safex cancel ends them. Again it submits what is
unfinished and neither queued nor running. The folder of the study must be one that all machines have; a copy of
this program is kept there, so that a newer one changes nothing for runs that wait. Build it with
CGO_ENABLED=0, and it needs nothing else on those machines; a build with -tags xla needs there what it needs
here. Two minutes before its time limit a run saves, and with --requeue goes to the end of the queue. Runs with
the same seed have the same bits on one kind of processor: --sbatch --constraint=NAME chooses one.`

// A cluster is what the flags of --slurm ask for.
type cluster struct {
	study.Slurm
	on, requeue bool
}

// flags adds the flags.
func (s *cluster) flags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&s.on, "slurm", false, "submit the runs to Slurm")
	f.IntVar(&s.CPUs, "cpus", s.CPUs, "cores of a run")
	f.StringVar(&s.Time, "time", "", "time limit of a run, some minutes at least, as in 02:00:00 (default that of the partition)")
	f.StringVar(&s.Memory, "mem", "", "memory of a run, as in 4G (default that of the partition)")
	f.StringVar(&s.Partition, "partition", "", "partition of the cluster (default that of the cluster)")
	f.StringVar(&s.Account, "account", "", "account that pays (default your own)")
	f.StringVar(&s.GPUs, "gpus", "", "GPUs of a run, as in 1 or a100:1")
	f.StringVar(&s.Gres, "gres", "", "other resources of a run, as in gpu:1")
	f.StringArrayVar(&s.Lines, "sbatch", nil, "any other option of sbatch, as in --constraint=avx512")
	f.IntVar(&s.AtATime, "at-a-time", 0, "runs at a time, in the whole cluster (default as many as there is room for)")
	f.BoolVar(&s.requeue, "requeue", false, "queue a run again when its time limit ends, until it is complete")
}

// check refuses flags that go with --slurm alone, or without.
func (s *cluster) check(c *cobra.Command) error {
	if s.on {
		if c.Flags().Changed("workers") {
			return fmt.Errorf("--workers is for runs on this machine: with --slurm it is --at-a-time")
		}
		return nil
	}
	for _, flag := range []string{"cpus", "time", "mem", "partition", "account", "gpus", "gres", "sbatch", "at-a-time", "requeue"} {
		if c.Flags().Changed(flag) {
			return fmt.Errorf("--%s is for clusters: give --slurm too", flag)
		}
	}
	return nil
}

// submit submits s, or with dry prints the script.
func (s *cluster) submit(c *cobra.Command, of *study.Study, jobs []study.Job, out string, tracked track.Settings, dry bool) error {
	w, errs := c.OutOrStdout(), c.ErrOrStderr()
	path, err := os.Executable()
	if err != nil {
		return err
	}
	args := append([]string{"task"}, trackArgs(tracked)...)
	if s.requeue {
		args = append(args, "--requeue")
	}
	if dry {
		return s.dryRun(w, of, jobs, out, path, args)
	}
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	sum, err := of.Submit(c.Context(), out, s.Slurm, path, args...)
	return said(w, errs, sum, len(jobs), out, err)
}

// said prints how many of the runs in the folder out were submitted, with the error if there is one.
func said(w, errs io.Writer, sum study.Submitted, runs int, out string, err error) error {
	if err != nil && len(sum.Jobs) > 0 {
		return fmt.Errorf("%w; %d runs were submitted before that, as %s", err, sum.Runs, numbered(sum.Jobs))
	}
	if err != nil {
		return err
	}
	if len(sum.Needs) > 0 {
		fmt.Fprintf(errs, "This build needs %s on all machines of the cluster: one with CGO_ENABLED=0 before go build needs nothing.\n", strings.Join(sum.Needs, ", "))
	}
	if len(sum.Jobs) == 0 {
		_, err = fmt.Fprintf(w, "Nothing to submit: of %d runs %d are complete, and %d queued or running.\n", runs, sum.Done, sum.Active)
		return err
	}
	_, err = fmt.Fprintf(w, "%d of %d runs submitted as %s; %d were complete, and %d queued or running. Follow them by: %s status %s, end them by: %s cancel %s\n",
		sum.Runs, runs, numbered(sum.Jobs), sum.Done, sum.Active, self(), quoted(out), self(), quoted(out))
	return err
}

// dryRun prints the script of s, and the runs that are not complete.
func (s *cluster) dryRun(w io.Writer, of *study.Study, jobs []study.Job, out, path string, args []string) error {
	script, err := of.Script(s.Slurm, path, args...)
	if err != nil {
		return err
	}
	fmt.Fprint(w, script)
	runs := 0
	for _, j := range jobs {
		if j.State(out).Phase != study.Done {
			fmt.Fprintf(w, "# %s: %d steps\n", filepath.Join(out, filepath.FromSlash(j.Dir)), j.Total())
			runs++
		}
	}
	_, err = fmt.Fprintf(w, "# %d of %d runs are not complete\n", runs, len(jobs))
	return err
}

// numbered names jobs of Slurm.
func numbered(jobs []string) string {
	if len(jobs) == 1 {
		return "job " + jobs[0]
	}
	return "jobs " + strings.Join(jobs, ", ")
}

// trackArgs are the flags of s.
func trackArgs(s track.Settings) (args []string) {
	if s.TensorBoard {
		args = append(args, "--tensorboard")
	}
	if s.WandB != "" {
		args = append(args, "--wandb="+s.WandB)
	}
	return args
}

func cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cancel DIR", Short: "End the runs of a study that are in Slurm",
		Long: `cancel ends the runs that --slurm of safex run or safex sweep submitted and that are queued or running. Those that
are under way save; the same safex run or sweep goes on with them.`,
		Example: "  safex cancel runs/quick",
		Args:    one("DIR", "runs/quick"),
		RunE: func(c *cobra.Command, args []string) error {
			runs, jobs, err := study.Cancel(c.Context(), args[0])
			if err != nil {
				return err
			}
			if runs == 0 {
				_, err = fmt.Fprintf(c.OutOrStdout(), "No run of %s is queued or running in Slurm.\n", args[0])
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d runs of %s cancelled.\n", runs, numbered(jobs))
			return err
		},
	}
}

// taskCommand is what a run of a study is in Slurm.
func taskCommand() *cobra.Command {
	var requeue bool
	var tracked track.Settings
	c := &cobra.Command{
		Use: "task DIR RUN", Short: "Go on with a run of a study in Slurm", Hidden: true,
		Long: `task goes on with a run of the study in DIR until it is complete, or gets SIGUSR1 before its time limit.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := untilSignal(c.Context(), func() {})
			limited, stop := signal.NotifyContext(ctx, syscall.SIGUSR1)
			defer stop()
			err := study.Task(limited, args[0], args[1], func(r *store.Run) error { return follow(c, r, tracked) })
			if !stopped(err) || ctx.Err() != nil {
				return err
			}
			if requeue {
				e := study.Requeue(context.WithoutCancel(ctx))
				if e == nil {
					return nil
				}
				err = fmt.Errorf("%s, and it could not be queued again (%w); all is saved: submit it again", study.OutOfTime, e)
			} else {
				err = fmt.Errorf("%s; all is saved: submit it again, with more --time or with --requeue", study.OutOfTime)
			}
			if e := store.Fail(filepath.Join(args[0], filepath.FromSlash(args[1])), err.Error()); e != nil {
				return e
			}
			return err
		},
	}
	c.Flags().BoolVar(&requeue, "requeue", false, "queue the run again when its time limit ends")
	trackFlags(c, &tracked)
	return c
}

// follow has a run tracked while it goes on.
func follow(c *cobra.Command, r *store.Run, tracked track.Settings) error {
	return tracked.Follow(r, func(err error) {
		fmt.Fprintf(c.ErrOrStderr(), "%s; make up for it with: %s\n", sentence(err), trackLine(r.Dir, tracked))
	})
}
