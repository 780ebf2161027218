package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/track"
)

func trainCommand() *cobra.Command {
	var planner, preset, out string
	var set, disturb, expect, files []string
	var tracked track.Settings
	c := &cobra.Command{
		Use:   "train TASK",
		Short: "Train an agent on a task, safely",
		Long: `train lets an agent learn a task: a phase of random steps, then episodes in which it plans,
acts and learns. Violations count from the first random step on. The run is kept in a
folder, with figures; Ctrl-C finishes the step, saves, and says how to go on.`,
		Example: `  safex train pendulum
  safex train pendulum --planner unsafe --seed 3 --out runs/unsafe-3
  safex train pitch --model linear
  safex train pendulum --model gp --calibrate conformal --set calibration.Miss=0.02
  safex train pendulum --model prior+gp --set prior.Mass=0.8
  safex train pendulum --disturb "process omega 0.02" --disturb "observation omega 0.02"
  safex train pendulum --filter off --disturb "delay 2" --expect "delay 2"
  safex train pendulum --planner minmax --preset reference --seed 2
  safex train pendulum --set MaxSpeed=5 --set planner.Beta=3 --set learner.Points=64
  safex train rccar --deadline 50ms
  safex train rccar --background
  safex train pendulum --realtime
  safex train pendulum --filter off
  safex train pendulum --model prior+gp --set prior.Mass=0.8 --set prior-deviation=0.002,0.002,0.04
  safex train pendulum --log swings.csv --explore 0
  safex train pendulum --plant "python3 my_pendulum.py"
  safex train actsafe --explore 50 --set planner.Exploration.Information=1 --evaluate same
  safex train pendulum --tensorboard --wandb`,
		Args: one("TASK", "pendulum"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := tracked.Check(); err != nil {
				return err
			}
			s, err := experiment.Named(args[0], "planner="+planner)
			if err != nil {
				return err
			}
			if err := s.UsePreset(preset); err != nil {
				return err
			}
			// Of a preset, what is not given stays as it is.
			given := func(flag string) bool { return c.Flags().Changed(flag) }
			var chosen []string
			for _, f := range assigning {
				if given(f.flag) {
					chosen = append(chosen, f.path+"="+c.Flags().Lookup(f.flag).Value.String())
				}
			}
			if err := s.SetAll(chosen...); err != nil {
				return err
			}
			if err := s.SetAll(append(logged(c, files), set...)...); err != nil {
				return err
			}
			if s.Disturbances, err = disturbances(disturb); err != nil {
				return err
			}
			if s.Expected, err = expectations(expect); err != nil {
				return err
			}
			before, err := noteLogs(c, s)
			if err != nil {
				return err
			}
			if out == "" {
				name := s.TaskName() + "-" + planner
				if preset != "" {
					name += "-" + preset
				}
				if given("model") {
					name += "-" + s.ModelName()
				}
				if preset == "" || given("calibrate") {
					name += s.CalibrationMark()
				}
				if preset == "" || given("filter") {
					name += s.FilterMark()
				}
				name += s.BackgroundMark() + s.PlantMark() + s.LogMark()
				out = filepath.Join("runs", fmt.Sprintf("%s-%d", name, s.Seed))
			}
			r, err := store.Start(out, s)
			if err != nil {
				return err
			}
			if before > 0 {
				fmt.Fprintf(c.OutOrStdout(), "%d logged transitions come before the first step.\n", before)
			}
			return show(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), r, tracked)
		},
	}
	f := c.Flags()
	f.StringVar(&planner, "planner", "pessimistic", "how to plan: "+names(experiment.Planners))
	f.StringVar(&preset, "preset", "", "reference: the published settings of the task and the planner, which other flags then change")
	f.String("search", "", "how the planner searches actions: "+names(experiment.Searches)+" (default the planner's own)")
	f.String("inner", "", "how minmax and optminmax search model errors (default the planner's own)")
	f.String("adversary", "", "who attacks a pessimistic plan: "+names(experiment.Adversaries)+" (default the planner's own)")
	models, _ := experiment.Models()
	f.String("model", models[0], "what to learn: "+strings.Join(models, ", "))
	f.String("calibrate", "", "how to calibrate the model's epistemic deviation: "+names(experiment.Calibrations)+" (default what the model suggests: adaptive of sparse-gp, none of others)")
	f.String("filter", "", "what is executed where a plan is not proved to be safe: "+names(experiment.Filters)+" (default on for a task that declares a backup)")
	f.String("engine", experiment.Engines.Names()[0], "what takes the model through time: "+names(experiment.Engines))
	f.Int("episodes", 10, "episodes after the random phase")
	f.Int("explore", 100, "random steps before the first plan; it can be 0 with --log")
	f.Int("learn-every", 50, "steps from one fit of the model to the next; 0 fits at the start of each episode alone")
	f.Duration("deadline", 0, "time that a plan has, as in 50ms, before the best so far is executed: steps then depend on the machine (default as long as it takes)")
	f.Bool("background", false, "fit the model while the agent goes on with the one before: steps then depend on the machine")
	f.Bool("realtime", false, "keep the period of the task by the clock: plans have until their action is due, fits are made in the background, and what is late is counted")
	f.String("plant", "", "the real system: a command that starts a process, as in 'python3 my_system.py'; see safex plant (default the task's own)")
	f.String("evaluate", "", "what is done after each episode with what was learned, and not learned from: same for the task itself, without what explores, or another task of the same system; its parameters are evaluate.FIELD of --set, and its planner evaluate.planner.FIELD (default nothing)")
	f.Uint64("seed", 1, "seed of every random number: the same seed gives the same steps")
	f.StringVar(&out, "out", "", "folder of the run (default runs/TASK-PLANNER-SEED, with the preset, the model and the calibration if they are named)")
	f.StringArrayVar(&set, "set", nil, "change a parameter of the task, or planner.FIELD, learner.FIELD, prior.FIELD, calibration.FIELD, filter.FIELD, plant.FIELD, repeat-noise, deadline, background, realtime, explore-by (random or backup: who acts before the first plan), log (files, with commas between them), trust-log or prior-deviation (how wrong the prior may be, of each dimension of the state, by which the filter judges random steps), as in MaxSpeed=5")
	disturbFlag(c, &disturb)
	f.StringArrayVar(&expect, "expect", nil, `tell the agent what the real system has, so that it plans for it: "process omega 0.05" and "observation omega 0.02", noise of a deviation, or of a bound as in "process omega within 0.2", or "delay 2"; see safex list`)
	logFlags(c, &files)
	trackFlags(c, &tracked)
	return c
}

// assigning are flags that are short for an assignment of --set.
var assigning = []struct{ flag, path string }{
	{"model", "learner"}, {"calibrate", "calibration"}, {"search", "planner.Search"}, {"inner", "planner.Inner"}, {"adversary", "planner.Adversary"}, {"engine", "engine"}, {"filter", "filter"},
	{"episodes", "episodes"}, {"explore", "explore"}, {"learn-every", "learn-every"}, {"deadline", "deadline"}, {"background", "background"}, {"realtime", "realtime"}, {"plant", "plant"}, {"evaluate", "evaluate"}, {"seed", "seed"},
}

// names lists what a registry has.
func names[T any](r *experiment.Registry[T]) string { return strings.Join(r.Names(), ", ") }

// disturbFlag adds --disturb.
func disturbFlag(c *cobra.Command, disturb *[]string) {
	c.Flags().StringArrayVar(disturb, "disturb", nil, `disturb the real system, as in "process omega 0.05", "impulse omega 1 from 3" or "delay 1"; see safex list`)
}

// disturbances reads the values of --disturb.
func disturbances(texts []string) (ds []safex.Disturbance, err error) {
	for _, text := range texts {
		var d safex.Disturbance
		if err := d.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("--disturb: %w", err)
		}
		ds = append(ds, d)
	}
	return ds, nil
}

// expectations reads the values of --expect.
func expectations(texts []string) (es []safex.Expectation, err error) {
	for _, text := range texts {
		var e safex.Expectation
		if err := e.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("--expect: %w", err)
		}
		es = append(es, e)
	}
	return es, nil
}

func resumeCommand() *cobra.Command {
	var tracked track.Settings
	c := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that was stopped",
		Long: `resume goes on with a run folder where it stopped. The steps are those, to the bit, of a run
that was never stopped, unless its plans have a deadline or its fits are made in the background: what
plans come to by then, and from which step on a model plans, is never the same twice. A fit in the background
that was cut short is begun again.`,
		Example: "  safex resume runs/pendulum-pessimistic-1",
		Args:    one("RUN", "runs/pendulum-pessimistic-1"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := tracked.Check(); err != nil {
				return err
			}
			r, err := store.Resume(args[0])
			if err != nil {
				return err
			}
			return show(c.Context(), c.OutOrStdout(), c.ErrOrStderr(), r, tracked)
		},
	}
	trackFlags(c, &tracked)
	return c
}

// show runs r to its end with a progress bar, if errs is a terminal, and a row for each episode.
func show(ctx context.Context, out, errs io.Writer, r *store.Run, tracked track.Settings) error {
	if !experiment.SIMD() {
		fmt.Fprintln(errs, slower)
	}
	bar := progressbar.NewOptions(r.Total(),
		progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription(r.Spec.TaskName()), progressbar.OptionShowCount(),
		progressbar.OptionSetItsString("steps"), progressbar.OptionShowIts(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true))
	table := episodesOf(r.Spec, r.System)
	evaluations := table
	if e := r.EvaluationSystem(); e != nil {
		evaluations = episodesOf(r.Spec, e)
	}
	fmt.Fprintln(out, table.heading())
	for _, sum := range r.Complete() {
		fmt.Fprintln(out, table.row(sum))
		for _, e := range r.Evaluated() {
			if e.Episode == sum.Episode {
				fmt.Fprintln(out, evaluations.evaluation(e))
			}
		}
	}
	bar.Set(r.Done())
	if err := tracked.Follow(r, func(err error) {
		bar.Clear()
		fmt.Fprintf(errs, "%s; make up for it with: %s\n", sentence(err), trackLine(r.Dir, tracked))
	}); err != nil {
		return err
	}
	ctx = untilSignal(ctx, func() { fmt.Fprintln(errs, "\nfinishing the step; Ctrl-C again ends at once") })
	said := len(r.Evaluated())
	for s, err := range r.Steps(ctx) {
		if err != nil {
			bar.Clear()
			if stopped(err) {
				err = fmt.Errorf("stopped in episode %d after %d steps; all is saved", s.Episode.Number, len(s.Episode.Actions))
			}
			return fmt.Errorf("%w, go on with: %s resume %s", err, self(), quoted(r.Dir))
		}
		if s.Learning > 0 {
			bar.Describe(r.Spec.TaskName() + ", learning")
		} else {
			bar.Describe(r.Spec.TaskName())
		}
		bar.Set(r.Done())
		if s.Over {
			bar.Clear()
			fmt.Fprintln(out, table.row(r.Complete()[len(r.Complete())-1]))
			said = evaluations.print(out, r, said)
		}
	}
	bar.Finish()
	said = evaluations.print(out, r, said) // one that a stop had cut short
	violations, steps := beyond(r.Complete())
	text := fmt.Sprintf("%d of %d steps beyond a limit", violations, steps)
	if r.EvaluationSystem() != nil {
		violations, steps = beyond(r.Evaluated())
		text += fmt.Sprintf(", and %d of %d of evaluations", violations, steps)
	}
	_, err := fmt.Fprintf(out, "%s. Kept in %s, with figures in %s.\n", text, r.Dir, filepath.Join(r.Dir, "figures"))
	return err
}

// beyond are the steps of episodes beyond a limit, and all of them.
func beyond(sums []store.Summary) (violations, steps int) {
	for _, sum := range sums {
		violations, steps = violations+sum.Violations, steps+sum.Steps
	}
	return violations, steps
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
