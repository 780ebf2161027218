package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/study"
	"github.com/rischiboy/safe_exploration/safex/track"
)

func runCommand() *cobra.Command {
	var out, seeds string
	var workers, episodes int
	var dry bool
	var tracked track.Settings
	slurm := cluster{Slurm: study.DefaultSlurm()}
	c := &cobra.Command{
		Use:   "run STUDY.yaml",
		Short: "Run a study: many runs, by one file",
		Long: `run trains the agents of a study, each in a process of its own, as many at a time as there are cores. The
same command goes on with what is unfinished, and takes in episodes, seeds, variants, tasks, planners and
models that were added to the file. Runs that another build of safex has completed
with the same settings stay as they are. Ctrl-C finishes the steps under way, and saves. A run that fails does
not stop the others. A study of six runs, with changes to some of them and three runs beside them, is

  name: quick
  tasks: [pendulum]
  planners: [safe, pessimistic]
  models: [sparse-gp]               # without: the same
  seeds: 1-3                        # or [1, 5, 326176]
  episodes: 5                       # as calibrate, search, inner, adversary, engine, filter, explore, learn-every, log, background and evaluate
  set: {planner.Horizon: 20}        # as --set of safex train
  disturb: ["process omega 0.01"]   # as --disturb
  expect: ["process omega 0.01"]    # as --expect: what the agent is told of it
  overrides:                        # tasks, planners and models choose the runs; all that are given must match
    - planners: [pessimistic]
      set: {planner.AttackedCandidates: 8}
  variants:
    - name: beta-1
      planners: [pessimistic]
      set: {planner.Beta: 1}

Further keys are preset, and plain: false, which leaves out the runs without a variant. The folder of a run
is TASK/PLANNER-MODEL-CALIBRATION-VARIANT/SEED, below that of the study, which keeps study.yaml as it was run.

` + slurmLong,
		Example: `  safex run quick.yaml
  safex run quick.yaml --dry
  safex run quick.yaml --seeds 1-10 --episodes 20 --workers 4 --out runs/long
  safex run quick.yaml --slurm --time 02:00:00 --cpus 2 --mem 4G`,
		Args: one("STUDY.yaml", "quick.yaml"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := tracked.Check(); err != nil {
				return err
			}
			s, err := study.Read(args[0])
			if err != nil {
				return err
			}
			if seeds != "" {
				if s.Seeds, err = study.ParseSeeds(seeds); err != nil {
					return fmt.Errorf("--seeds: %w", err)
				}
			}
			if c.Flags().Changed("episodes") {
				s.UseEpisodes(episodes)
			}
			jobs, err := s.Jobs()
			if err != nil {
				return each(c.ErrOrStderr(), err)
			}
			if out == "" {
				out = filepath.Join("runs", s.Name)
			}
			if err := slurm.check(c); err != nil {
				return err
			}
			if slurm.on {
				return slurm.submit(c, s, jobs, out, tracked, dry)
			}
			if dry {
				return dryRun(c.OutOrStdout(), out, jobs)
			}
			if workers == 0 {
				workers = runtime.GOMAXPROCS(0)
			}
			if workers < 1 {
				return fmt.Errorf("workers %d: want at least 1", workers)
			}
			path, err := os.Executable()
			if err != nil {
				return err
			}
			work := append([]string{path, "work", "--attached"}, trackArgs(tracked)...)
			threads := max(1, runtime.GOMAXPROCS(0)/min(workers, len(jobs)))
			return runStudy(c, s, args[0], out, workers, study.Process(threads, work...))
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "", "folder of the study (default runs/NAME)")
	f.IntVar(&workers, "workers", 0, "runs at a time, which share the cores (default one for each core)")
	f.StringVar(&seeds, "seeds", "", "seeds in place of those of the file, as in 1-3 or 1,5,7")
	f.IntVar(&episodes, "episodes", 0, "episodes after the random phase, in place of those of the file")
	f.BoolVar(&dry, "dry", false, "print the runs and their settings, or the script of --slurm, and start nothing")
	slurm.flags(c)
	trackFlags(c, &tracked)
	return c
}

// each prints all but the last of the errors that err joins, and returns that.
func each(errs io.Writer, err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	all := joined.Unwrap()
	for _, e := range all[:len(all)-1] {
		fmt.Fprintln(errs, sentence(e))
	}
	return all[len(all)-1]
}

// dryRun prints the runs of a study, and the settings of each method.
func dryRun(w io.Writer, out string, jobs []study.Job) error {
	steps, said := 0, map[string]bool{}
	for _, j := range jobs {
		steps += j.Total()
		if said[j.Method()] {
			continue
		}
		said[j.Method()] = true
		text, err := j.Spec.YAML()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "# %s\n%s\n", filepath.Join(out, filepath.FromSlash(j.Dir)), text)
	}
	for _, j := range jobs {
		fmt.Fprintf(w, "# %s: %d steps\n", filepath.Join(out, filepath.FromSlash(j.Dir)), j.Total())
	}
	_, err := fmt.Fprintf(w, "# %d runs, %d steps\n", len(jobs), steps)
	return err
}

// runStudy runs s with a progress bar, if standard error is a terminal, and a line for each run that ends.
func runStudy(c *cobra.Command, s *study.Study, file, out string, workers int, worker study.Worker) error {
	w, errs := c.OutOrStdout(), c.ErrOrStderr()
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription(s.Name), progressbar.OptionSetWidth(10), progressbar.OptionShowCount(), progressbar.OptionSetItsString("steps"), progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true))
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing the steps under way; Ctrl-C again ends at once") })
	var at study.Progress
	var failed []study.State
	for p, err := range s.Run(ctx, out, workers, worker) {
		if p.Ended != nil {
			bar.Clear()
			fmt.Fprintln(w, line(*p.Ended))
			if p.Ended.Phase == study.Failed {
				failed = append(failed, *p.Ended)
			}
		}
		others(errs, bar, p, at)
		if at = p; err != nil {
			bar.Clear()
			if stopped(err) {
				err = fmt.Errorf("stopped with %d of %d runs complete; all is saved", p.Done, p.Runs)
			} else if len(failed) == 0 {
				return err
			}
			return unfinished(errs, err, failed, file, c)
		}
		bar.ChangeMax(p.Total)
		bar.Describe(fmt.Sprintf("%d of %d runs, %d beyond a limit", p.Done, p.Runs, p.Violations))
		bar.Set(p.Steps)
	}
	bar.Finish()
	_, err := fmt.Fprintf(w, "%d runs, %d of %d steps beyond a limit. Kept in %s.\n", at.Done, at.Violations, at.Steps, out)
	return err
}

// others says, once it is known, how many runs are complete by another build.
func others(errs io.Writer, bar *progressbar.ProgressBar, now, before study.Progress) {
	if now.Others > before.Others {
		bar.Clear()
		fmt.Fprintf(errs, "%d of %d runs are complete by another build of safex, and stay so; safex status names it.\n", now.Others, now.Runs)
	}
}

// failures lists runs that failed.
func failures(errs io.Writer, failed []study.State) {
	for _, s := range failed {
		see := ""
		if s.Log != "" {
			see = "; see " + s.Log
		}
		fmt.Fprintf(errs, "%s failed: %s%s\n", s.Run, s.Failure, see)
	}
}

// unfinished lists the runs that failed, and says how to go on.
func unfinished(errs io.Writer, err error, failed []study.State, file string, c *cobra.Command) error {
	failures(errs, failed)
	again := fmt.Sprintf("%s run %s", self(), quoted(file))
	for _, flag := range []string{"seeds", "episodes", "workers", "out", "tensorboard", "wandb"} {
		if f := c.Flags().Lookup(flag); f.Changed {
			again += fmt.Sprintf(" --%s=%s", flag, quoted(f.Value.String()))
		}
	}
	return fmt.Errorf("%w, go on with: %s", err, again)
}

// line is the result of a run.
func line(s study.State) string {
	text := fmt.Sprintf("%s: %s, %d of %d steps, %d beyond a limit", s.Run, s.Phase, s.Steps, s.Total, s.Violations)
	if s.Return != nil {
		text += fmt.Sprintf(", last return %.1f", *s.Return)
	}
	if s.Failure != "" {
		text += ": " + s.Failure
	}
	return text
}

func statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status DIR", Short: "Show how far the runs of a study are, or a run",
		Long: `status reads the folder of a study, also while other processes or machines run it: for each run the steps that
are saved, the complete episodes, the steps beyond a limit from the first random step on, the return of the
last episode, and whether it is waiting, running, stopped, done or failed; for a study in Slurm, as of safex run
--slurm, also what Slurm says. Of the folder of a run it shows the episodes, and how to go on.`,
		Example: "  safex status runs/quick\n  safex status runs/pendulum-pessimistic-1",
		Args:    one("DIR", "runs/quick"),
		RunE: func(c *cobra.Command, args []string) error {
			if ofRun(args[0]) {
				if asJSON {
					return fmt.Errorf("--json is for a study: of the run %s, read its episodes.jsonl", args[0])
				}
				return progress(c.OutOrStdout(), args[0])
			}
			states, err := study.Status(args[0])
			if err != nil {
				return each(c.ErrOrStderr(), err)
			}
			if err := study.Queued(c.Context(), args[0], states); err != nil {
				fmt.Fprintln(c.ErrOrStderr(), sentence(err))
			}
			w := c.OutOrStdout()
			if !asJSON {
				return study.Table(w, states)
			}
			return encode.Lines(w, states...)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print a line of JSON for each run in place of the table")
	return c
}

// progress writes how far the run in a folder is, and how to go on with it.
func progress(w io.Writer, dir string) error {
	p, err := store.Open(dir)
	if err != nil {
		return err
	}
	table := episodesOf(p.Spec, p.System)
	if began := experiment.Began(p.Spec.LogFiles()); began != "" {
		fmt.Fprintln(w, began)
	}
	fmt.Fprintln(w, table.heading())
	for _, sum := range p.Summaries {
		fmt.Fprintln(w, table.row(sum))
	}
	how := fmt.Sprintf("stopped: go on with %s resume %s", self(), quoted(dir))
	switch {
	case store.Busy(dir):
		how = "running"
	case p.Complete():
		how = "complete"
	}
	_, err = fmt.Fprintf(w, "%d of %d steps, %s\n", p.Steps(), p.Spec.Total(), how)
	return err
}

// workCommand is what a run of a study is in its own process.
func workCommand() *cobra.Command {
	var attached bool
	var tracked track.Settings
	c := &cobra.Command{
		Use: "work RUN", Short: "Go on with a run of a study", Hidden: true,
		Long: `work goes on with the folder of a run until it is complete, and prints a line for each episode.`,
		Args: one("RUN", "runs/quick/pendulum/safe-sparse-gp/1"),
		RunE: func(c *cobra.Command, args []string) error {
			ctx := untilSignal(c.Context(), func() {})
			if attached {
				ctx = study.Attached(ctx, c.InOrStdin())
			}
			return study.Work(ctx, args[0], c.OutOrStdout(), func(r *store.Run) error { return follow(c, r, tracked) })
		},
	}
	c.Flags().BoolVar(&attached, "attached", false, "stop when standard input ends, as it does with the process that started this one")
	trackFlags(c, &tracked)
	return c
}
