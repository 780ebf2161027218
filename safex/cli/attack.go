package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/attack"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

func attackCommand() *cobra.Command {
	a := attack.Default()
	var compare, asJSON bool
	var out, save, show, replay string
	c := &cobra.Command{
		Use: "attack RUN", Short: "Look for a model error that breaks the plans of a run",
		Long: `attack makes the plans that a run executed again, and lets adversaries look for a model error within the
box that breaks each of them. What the best known adversary, or any of the others, breaks can be
broken; what none breaks may still be. The table says for each adversary how much it found of what
the worst errors add to the excesses, how many of the plans that can be broken it missed, and the
largest excess that it found, in units of the limit's Scale. The worst of all is kept as a scenario,
which --replay takes through time again.`,
		Example: `  safex attack runs/pendulum-safe-1
  safex attack runs/pendulum-safe-1 --episode 1 --episode 10 --adversary cem --adversary "particles-uniform Samples=30"
  safex attack runs/pendulum-safe-1 --compare --save gap.json
  safex attack --show gap.json
  safex attack --replay runs/pendulum-safe-1/scenario.json`,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case show != "":
				return printGaps(c, show)
			case replay != "":
				return replayed(c, replay)
			}
			if err := one("RUN", "runs/pendulum-safe-1")(c, args); err != nil {
				return err
			}
			if compare {
				named := a.Adversaries
				if a.Adversaries = attack.Compared(); c.Flags().Changed("adversary") {
					a.Adversaries = append(a.Adversaries, named...)
				}
			}
			t, err := a.Open(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(args[0], "scenario.json")
			}
			return retaken(c, "attacking", t, t.Episodes, &t.Progress, func() error { return told(c, t, asJSON, out, save) })
		},
	}
	f := c.Flags()
	f.IntSliceVar(&a.Episodes, "episode", nil, "episode whose plans are attacked, may be repeated (default the last that is over)")
	f.StringArrayVar(&a.Adversaries, "adversary", a.Adversaries, `who attacks, with settings if need be as in "cem Search.Samples=100", may be repeated: `+names(experiment.Adversaries))
	f.BoolVar(&compare, "compare", false, "compare adversaries, the planner's and those that were published")
	f.StringVar(&a.Reference, "reference", a.Reference, "the best known adversary, that says what can be broken")
	f.Float64Var(&a.Beta, "beta", 0, fmt.Sprintf("how many epistemic deviations the model errs by (default what the plan defended, what the model asks for, or %d)", reliability.AssumedBeta))
	f.BoolVar(&asJSON, "json", false, "print a line of JSON for each adversary and episode in place of the table")
	f.StringVar(&out, "out", "", "file of the worst scenario (default RUN/scenario.json)")
	f.StringVar(&save, "save", "", "keep the table in a file too, for --show")
	f.StringVar(&show, "show", "", "print the table of a file, and attack nothing")
	f.StringVar(&replay, "replay", "", "replay the scenario of a file, and attack nothing")
	return c
}

// told prints and keeps the results of an attack.
func told(c *cobra.Command, t *attack.Attempt, asJSON bool, out, save string) error {
	w, gaps := c.OutOrStdout(), t.Gaps()
	if save != "" {
		if err := t.SaveGaps(save); err != nil {
			return err
		}
	}
	worst, err := t.Scenario()
	if err != nil {
		return err
	}
	if err := worst.Save(out); err != nil {
		return err
	}
	if asJSON {
		return encode.Lines(w, gaps...)
	}
	fmt.Fprint(w, attack.GapTable(gaps))
	said := "No plan was broken. The nearest to it is step %d of episode %d, with an excess of %.4g; see it by: %s attack --replay %s\n"
	if !(worst.Excess <= 0) {
		said = "The worst is step %d of episode %d, with an excess of %.4g; see it by: %s attack --replay %s\n"
	}
	_, err = fmt.Fprintf(w, "\n"+said, worst.Step, worst.Episode, worst.Excess, self(), quoted(out))
	return err
}

func printGaps(c *cobra.Command, path string) error {
	gaps, err := attack.ReadGaps(path)
	if err == nil {
		_, err = fmt.Fprint(c.OutOrStdout(), attack.GapTable(gaps))
	}
	return err
}

// replayed prints a scenario step by step.
func replayed(c *cobra.Command, path string) error {
	s, err := attack.ReadScenario(path)
	if err != nil {
		return err
	}
	system, tr, err := s.Replay(c.Context())
	if err != nil {
		return err
	}
	var p table.Page
	p.Say("The plan of step %d of episode %d, under an error of up to %.4g deviations that %s found. State and excess are those after the step.",
		s.Step, s.Episode, s.Beta, s.Adversary)
	head := []string{"step"}
	for _, v := range system.Action {
		head = append(head, v.Name)
	}
	for _, v := range system.State {
		head = append(head, "η "+v.Name)
	}
	for _, v := range system.State {
		head = append(head, v.Name)
	}
	for _, l := range system.Limits {
		head = append(head, "excess "+l.Name)
	}
	var rows [][]string
	for t := range tr.Actions {
		cells := []string{strconv.Itoa(t)}
		for _, v := range slices.Concat(tr.Actions[t], s.Eta[t], tr.States[t+1], tr.Excess[t]) {
			cells = append(cells, fmt.Sprintf("%.4g", v))
		}
		rows = append(rows, cells)
	}
	p.Add("", head, rows...)
	p.Say("The worst excess is %.4g in units of the limit's Scale, as it was found.", s.Excess)
	return p.Markdown(c.OutOrStdout())
}
