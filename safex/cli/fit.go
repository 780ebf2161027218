package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/offline"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

func fitCommand() *cobra.Command {
	var task, out string
	var set []string
	var seed uint64
	var asJSON, trust bool
	settings := offline.Default()
	c := &cobra.Command{
		Use: "fit LOG.csv... --task TASK", Short: "Learn a model from logs alone, and say how well it predicts what it has not seen",
		Long: `fit learns a model from logs that were recorded elsewhere, without a system, and cross-validates it: the log is
taken apart by whole episodes, or by blocks of rows if it has but one, and each part is predicted by a model of the others.
It says, for each dimension, the negative log-likelihood, the error of one step and of several ahead beside that of
saying that nothing changes, and how often the box of the calibrated model held what happened.

--out keeps the model, learned from all logs, with the report and a figure: safex plan plans with it.`,
		Example: `  safex fit swings.csv --task pendulum
  safex fit swings.csv --task pendulum --model probabilistic --calibrate conformal --set calibration.Miss=0.1 --out fits/swings
  safex plan fits/swings --state theta=3.14,omega=0`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("fit takes logs, as in: safex fit swings.csv --task pendulum")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if task == "" {
				return fmt.Errorf("fit takes the task that the log is of: add --task, as in --task %s", experiment.Tasks.Names()[0])
			}
			if err := settings.Check(); err != nil {
				return err
			}
			s, err := experiment.Named(task, "explore=0", "episodes=0", "log="+strings.Join(args, ","), fmt.Sprint("seed=", seed), fmt.Sprint("trust-log=", trust))
			if err != nil {
				return err
			}
			for _, flag := range []struct{ name, path string }{{"model", "learner"}, {"calibrate", "calibration"}} {
				if c.Flags().Changed(flag.name) {
					set = append([]string{flag.path + "=" + c.Flags().Lookup(flag.name).Value.String()}, set...)
				}
			}
			if err := s.SetAll(set...); err != nil {
				return err
			}
			if out != "" {
				if err := offline.Free(out); err != nil {
					return err
				}
			}
			return fit(c, s, settings, out, asJSON)
		},
	}
	f := c.Flags()
	models, _ := experiment.Models()
	f.StringVar(&task, "task", "", "the task that the log is of")
	f.String("model", models[0], "what to learn: "+strings.Join(models, ", "))
	f.String("calibrate", "", "how to calibrate the model's epistemic deviation: "+names(experiment.Calibrations)+" (default what the model suggests)")
	f.IntVar(&settings.Folds, "folds", settings.Folds, "parts that the log is taken apart into, each predicted by a model of the others")
	f.IntVar(&settings.Horizon, "horizon", settings.Horizon, "steps of the longest prediction")
	f.Uint64Var(&seed, "seed", 1, "seed of every random number")
	f.StringArrayVar(&set, "set", nil, "change a setting as safex train does, as in learner.Points=64")
	f.BoolVar(&trust, "trust", false, "take a log as it is, also where it is probably not what the task means")
	f.StringVar(&out, "out", "", "folder for the model, the report and a figure")
	f.BoolVar(&asJSON, "json", false, "print the report in JSON")
	return c
}

// fit tries a model on the logs of s, prints what came of it and, with a folder, keeps one.
func fit(c *cobra.Command, s *experiment.Spec, settings offline.Settings, out string, asJSON bool) error {
	errs := c.ErrOrStderr()
	if _, err := noteLogs(c, s); err != nil {
		return err
	}
	bar := progressbar.NewOptions(settings.Folds, progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription("folds"), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	settings.Progress = func(done, of int) {
		bar.ChangeMax(of)
		bar.Set(done)
	}
	report, err := settings.Validate(c.Context(), s)
	bar.Clear()
	if err != nil {
		return err
	}
	if out != "" {
		f, err := offline.Learn(c.Context(), s)
		if err != nil {
			return err
		}
		if err := f.Save(out, report); err != nil {
			return err
		}
	}
	if asJSON {
		line, err := encode.JSON(report)
		if err == nil {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", line)
		}
		return err
	}
	if err := report.Text(c.OutOrStdout()); err != nil || out == "" {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "Kept in %s, with a figure in %s. Plan with it: %s plan %s\n", out, filepath.Join(out, offline.FigureFile), self(), quoted(out))
	return err
}

func planCommand() *cobra.Command {
	var state string
	var set []string
	var asJSON bool
	c := &cobra.Command{
		Use: "plan FIT", Short: "Plan with a model that was learned from logs alone",
		Long: `plan makes one plan with a model that safex fit --out has kept, as an agent would at the start of an episode: by the
planner of the task and, where it has one, behind its filter. It prints the actions, where they lead to by the mean of the
model and by the worst error that was found, and how far that is from each limit. Nothing is executed.`,
		Example: `  safex plan fits/swings
  safex plan fits/swings --state theta=3.14,omega=0 --set planner.Horizon=10`,
		Args: one("FIT", "fits/swings"),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := offline.Open(args[0])
			if err != nil {
				return err
			}
			for _, a := range set {
				if root, _, _ := strings.Cut(strings.SplitN(a, "=", 2)[0], "."); root != "planner" && root != "filter" && root != "engine" && root != "seed" {
					return fmt.Errorf("--set %s: the model is learned already: want planner, filter, engine or seed", a)
				}
			}
			if err := f.Spec.SetAll(set...); err != nil {
				return err
			}
			x, err := stateOf(f.System, state, f.Spec.Seed)
			if err != nil {
				return err
			}
			p, err := f.Plan(c.Context(), x)
			if err != nil {
				return err
			}
			return printPlan(c.OutOrStdout(), f.System, p, asJSON)
		},
	}
	c.Flags().StringVar(&state, "state", "", "where to plan from, as in theta=3.14,omega=0 (default a start of the task)")
	c.Flags().StringArrayVar(&set, "set", nil, "change a setting of the planner, the filter or the engine, as in planner.Horizon=10")
	c.Flags().BoolVar(&asJSON, "json", false, "print the plan in JSON")
	return c
}

// stateOf reads a state by the names of its dimensions, or of the angles whose sine and cosine they are; of "" it is a start of the task.
func stateOf(s *safex.System, text string, seed uint64) ([]float64, error) {
	if text == "" {
		return s.DrawStart(rng.New(seed).Child("start").At(1)) // that of the first episode of a run
	}
	given := map[string]float64{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		v, err := strconv.ParseFloat(value, 64)
		if _, twice := given[name]; err != nil || twice {
			return nil, fmt.Errorf("--state %s: want each dimension of the state once with a number, as in theta=3.14,omega=0", part)
		}
		given[name] = v
	}
	return s.StateOf(given)
}

// A planned plan is what is printed of one.
type planned struct {
	Actions  [][]float64 `json:"actions"`
	Expected [][]float64 `json:"expected"` // states by the mean of the model, that planned from first
	Worst    [][]float64 `json:"worst"`    // under the worst error that was found
	Bound    []float64   `json:"bound"`    // largest excess of each limit under all errors that were tried
	Beta     float64     `json:"beta"`
	Feasible bool        `json:"feasible"`
	Cover    safex.Cover `json:"cover,omitempty"`
}

func printPlan(w io.Writer, s *safex.System, p *safex.Plan, asJSON bool) error {
	if asJSON {
		line, err := encode.JSON(planned{p.Actions, p.Expected.States, p.Worst.States, p.Bound, p.Beta, p.Feasible, p.Cover})
		if err == nil {
			_, err = fmt.Fprintf(w, "%s\n", line)
		}
		return err
	}
	page := &table.Page{Right: true}
	head := []string{"step"}
	for _, v := range s.Action {
		head = append(head, v.Name)
	}
	for _, v := range s.State {
		head = append(head, "then "+named(v.Name, v.Unit))
	}
	var rows [][]string
	for t, u := range p.Actions {
		row := []string{fmt.Sprint(t)}
		for _, v := range u {
			row = append(row, fmt.Sprintf("%+.3f", v))
		}
		if t+1 < len(p.Expected.States) {
			for _, v := range p.Expected.States[t+1] {
				row = append(row, fmt.Sprintf("%+.4g", v))
			}
		}
		rows = append(rows, row)
	}
	page.Add("", head, rows...)
	kept := "keeps every limit under all errors that were tried"
	if !p.Feasible {
		kept = "does not keep every limit under all errors that were tried"
	}
	page.Say("The plan %s, of up to %.3g deviations.", kept, p.Beta)
	for k, l := range s.Limits {
		if k < len(p.Bound) {
			page.Say("Largest excess of %s: %+.4g %s (at most 0 is safe).", l.Name, p.Bound[k], l.Unit)
		}
	}
	if p.Cover != "" {
		page.Say("By the filter its first step is: %s.", p.Cover)
	}
	return page.Text(w)
}
