package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/study"
)

// A sweep is what the flags of safex sweep ask for.
type sweep struct {
	*study.Sweep
	file, out   string
	workers     int
	dry, asJSON bool
}

func sweepCommand() *cobra.Command {
	var s sweep
	slurm := cluster{Slurm: study.DefaultSlurm()}
	c := &cobra.Command{
		Use:   "sweep SWEEP.yaml",
		Short: "Look for the best settings of a method",
		Long: `sweep runs trials of a method, a planner on a task, with values that it draws for some of its settings, and
ranks them. Its file is that of a study with one planner, one task and a part sweep:

  name: caution
  tasks: [pendulum]
  planners: [pessimistic]
  models: [probabilistic]
  seeds: 1-3
  episodes: 9
  sweep:
    method: halving                    # or halton, the default, or random
    trials: 16
    over:
      planner.Beta: {from: 0.5, to: 4}
      learner.LearningRate: {from: 1e-4, to: 1e-2, log: true}
      planner.AttackedCandidates: {from: 2, to: 12, whole: true}
      learner.Hidden: [[64, 64], [128, 128]]
    objective: {maximize: return, of: last, within: 0}
    halving: {rungs: 3, keep: 0.33, resource: episodes, least: 1}
    seed: 1

over takes the fields of --set of safex train, and calibrate, search, inner, adversary, engine, explore,
learn-every and background. halton spreads the trials evenly; random draws each by itself; the trials follow from the
seed alone. halving starts those of halton with few episodes, and the best go on to more, from rung to rung,
up to those of the file. of is last, best or mean; trials with more than that many violating steps in a
run come after all others. maximize: evaluation ranks by what evaluations return, and counts their violating steps too.

The trials are variants trial-01, trial-02 and so on of a study: safex status, report and figures take its
folder. The same command goes on where it stopped, and takes in more trials, seeds and episodes; not
with halving, once trials were left out. What all came to is kept in sweep.json.

On a cluster with Slurm, --slurm submits the runs of a rung and comes back, as safex run --slurm does; there is one
rung without halving. When they have ended, the same command goes on: with the next rung, and after the last one
it prints what the trials came to. Trials with runs that failed are left behind; runs that were cancelled or came
to their time limit are submitted again.`,
		Example: `  safex sweep caution.yaml
  safex sweep caution.yaml --dry
  safex sweep caution.yaml --workers 2 --out runs/caution --json
  safex sweep caution.yaml --slurm --time 02:00:00`,
		Args: one("SWEEP.yaml", "caution.yaml"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			s.file = args[0]
			if s.Sweep, err = study.ReadSweep(s.file); err != nil {
				return err
			}
			jobs, err := s.Jobs()
			if err != nil {
				return each(c.ErrOrStderr(), err)
			}
			if s.out == "" {
				s.out = filepath.Join("runs", s.Study.Name)
			}
			if err := slurm.check(c); err != nil {
				return err
			}
			if s.dry {
				return s.dryRun(c.OutOrStdout())
			}
			if slurm.on {
				return s.submit(c, slurm)
			}
			if s.workers == 0 {
				s.workers = runtime.GOMAXPROCS(0)
			}
			if s.workers < 1 {
				return fmt.Errorf("workers %d: want at least 1", s.workers)
			}
			path, err := os.Executable()
			if err != nil {
				return err
			}
			threads := max(1, runtime.GOMAXPROCS(0)/min(s.workers, len(jobs)))
			if err := s.run(c, study.Process(threads, path, "work", "--attached")); err != nil {
				return err
			}
			return s.print(c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&s.out, "out", "", "folder of the sweep (default runs/NAME)")
	f.IntVar(&s.workers, "workers", 0, "runs at a time, which share the cores (default one for each core)")
	f.BoolVar(&s.dry, "dry", false, "print the trials, and start nothing")
	f.BoolVar(&s.asJSON, "json", false, "print a line of JSON for each trial in place of the table")
	slurm.flags(c)
	return c
}

// dryRun prints the trials, or what there is of their outcomes as JSON, and how many come to which rung.
func (s sweep) dryRun(w io.Writer) error {
	rungs, err := s.Rungs()
	if err != nil {
		return err
	}
	var outcomes []study.Outcome
	for _, t := range s.Trials.Draw() {
		o := study.Outcome{Trial: t.Name, Settings: map[string]string{}}
		for i, setting := range s.Trials.Over {
			o.Settings[setting.Name] = t.Values[i]
		}
		outcomes = append(outcomes, o)
	}
	if s.asJSON {
		return encode.Lines(w, outcomes...)
	}
	for _, o := range outcomes {
		text := o.Trial + ":"
		for _, setting := range s.Trials.Over {
			text += fmt.Sprintf(" %s=%s", setting.Name, o.Settings[setting.Name])
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	for i, r := range rungs {
		if _, err := fmt.Fprintf(w, "rung %d of %d: %d trials of %d seeds, after %d episodes\n", i+1, len(rungs), r.Trials, len(s.Study.Seeds), r.Episodes); err != nil {
			return err
		}
	}
	return nil
}

// run runs s with a progress bar, if standard error is a terminal, and a line for each run that ends, on standard error with --json.
func (s sweep) run(c *cobra.Command, worker study.Worker) error {
	w, errs := c.OutOrStdout(), c.ErrOrStderr()
	if s.asJSON {
		w = errs
	}
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription(s.Study.Name), progressbar.OptionSetWidth(10), progressbar.OptionShowCount(), progressbar.OptionSetItsString("steps"), progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true))
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing the steps under way; Ctrl-C again ends at once") })
	var at study.Progress
	var failed []study.State
	defer func() { failures(errs, failed) }()
	for p, err := range s.Run(ctx, s.out, s.workers, worker) {
		if p.Ended != nil && !p.Out {
			bar.Clear()
			fmt.Fprintln(w, line(*p.Ended))
			if p.Ended.Phase == study.Failed {
				failed = append(failed, *p.Ended)
			}
		}
		others(errs, bar, p.Progress, at)
		if at = p.Progress; err != nil {
			bar.Clear()
			if p.Rungs == 0 {
				return err
			}
			if stopped(err) {
				err = fmt.Errorf("stopped in rung %d of %d with %d of %d runs complete; all is saved", p.Rung, p.Rungs, p.Done, p.Runs)
			} else if len(failed) == 0 {
				return err
			}
			again := fmt.Sprintf("%s sweep %s", self(), quoted(s.file))
			for _, flag := range []string{"workers", "out", "json"} {
				if f := c.Flags().Lookup(flag); f.Changed {
					again += fmt.Sprintf(" --%s=%s", flag, quoted(f.Value.String()))
				}
			}
			return fmt.Errorf("%w, go on with: %s", err, again)
		}
		bar.ChangeMax(p.Total)
		bar.Describe(fmt.Sprintf("rung %d of %d, %d of %d runs, %d beyond a limit", p.Rung, p.Rungs, p.Done, p.Runs, p.Violations))
		bar.Set(p.Steps)
	}
	bar.Finish()
	return nil
}

// submit submits the present rung, or prints what the trials came to if the last one is over. The result of a rung goes to standard error with
// --json.
func (s sweep) submit(c *cobra.Command, slurm cluster) error {
	w, errs := c.OutOrStdout(), c.ErrOrStderr()
	if s.asJSON {
		w = errs
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"task"}
	if slurm.requeue {
		args = append(args, "--requeue")
	}
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	sum, err := s.Submit(c.Context(), s.out, slurm.Slurm, path, args...)
	failures(errs, sum.Failed)
	if err == nil && sum.Over {
		return s.print(c.OutOrStdout())
	}
	if err == nil {
		next := "prints what the trials came to"
		if sum.Rung < sum.Rungs {
			next = fmt.Sprintf("goes on with rung %d", sum.Rung+1)
		}
		fmt.Fprintf(w, "Rung %d of %d, %d trials, %d episodes; when its runs have ended, the same command %s.\n", sum.Rung, sum.Rungs, sum.Trials, sum.Episodes, next)
	}
	return said(w, errs, sum.Submitted, sum.Trials*len(s.Study.Seeds), s.out, err)
}

// print prints what the trials came to, and the best of them to copy.
func (s sweep) print(w io.Writer) error {
	outcomes, err := study.Outcomes(s.out)
	if err != nil {
		return err
	}
	if s.asJSON {
		return encode.Lines(w, outcomes...)
	}
	fmt.Fprintln(w)
	if err := s.Table(w, outcomes); err != nil {
		return err
	}
	best := outcomes[0].Trial
	part, err := s.Paste(best)
	if err != nil {
		return err
	}
	args, err := s.Train(best, s.Study.Seeds[0])
	if err != nil {
		return err
	}
	for i, arg := range args {
		if !strings.HasPrefix(arg, "--") {
			args[i] = quoted(arg)
		}
	}
	_, err = fmt.Fprintf(w, "\n%s, in the file of a study:\n\n%s\nand by itself:\n\n%s %s\n\nKept in %s.\n", best, part, self(), strings.Join(args, " "), filepath.Join(s.out, study.SweepFile))
	return err
}
