package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/certify"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

func certifyCommand() *cobra.Command {
	a := certify.Default()
	var asJSON bool
	c := &cobra.Command{
		Use: "certify RUN", Short: "Prove that no model error breaks the plans of a run",
		Long: `certify makes the plans that a run executed again, and encloses each of them in a tube that no model
error in the box leads out of. A plan whose tube keeps every limit is certified, to its end and no
further. The table says how many are, beside how many the best adversary does not break, and beside how
often the box held the real next state: certificates about a box that does not hold say nothing about the
system. With a filter, what is certified is what was executed.

Every tube is checked by rollouts of the model. One that leaves its tube is an escape: it is named, and the
command fails.`,
		Example: `  safex certify runs/pendulum-pessimistic-1
  safex certify runs/pendulum-pessimistic-1 --episode 1 --episode 10 --beta 4
  safex certify runs/pendulum-pessimistic-1 --all --noise 0.001,0.001,0.01
  safex certify runs/pendulum-pessimistic-1 --adversary best --json`,
		Args: one("RUN", "runs/pendulum-pessimistic-1"),
		RunE: func(c *cobra.Command, args []string) error {
			if a.All && len(a.Episodes) > 0 {
				return fmt.Errorf("--all and --episode exclude each other: leave one of them out")
			}
			t, err := a.Open(args[0])
			if err != nil {
				return err
			}
			return retaken(c, "certifying", t, t.Episodes, &t.Progress, func() error { return proved(c, t, asJSON) })
		},
	}
	f := c.Flags()
	f.IntSliceVar(&a.Episodes, "episode", nil, "episode whose plans are certified, may be repeated (default the last that is over)")
	f.BoolVar(&a.All, "all", false, "certify the plans of every episode")
	f.StringArrayVar(&a.Adversaries, "adversary", a.Adversaries, `who attacks besides, with settings if need be, may be repeated and the best counts: `+names(experiment.Adversaries))
	f.Float64Var(&a.Beta, "beta", 0, fmt.Sprintf("how many epistemic deviations the model errs by (default what the plan defended, what the model asks for, or %d)", reliability.AssumedBeta))
	f.Float64SliceVar(&a.Noise, "noise", nil, "half the width of a box of noise in every step, a number for each dimension of the state, as in 0.001,0.001,0.01 (default none)")
	f.Lookup("noise").DefValue = "" // which pflag takes for a default of its own
	f.IntVar(&a.Rollouts, "rollouts", a.Rollouts, "random rollouts that each tube is checked by")
	f.BoolVar(&asJSON, "json", false, "print a list in JSON, an entry for each episode, in place of the table")
	return c
}

// proved prints what is known of the plans. It fails if a rollout was outside of its tube.
func proved(c *cobra.Command, t *certify.Certification, asJSON bool) error {
	text := t.Table()
	if asJSON {
		line, err := encode.JSON(t.Rows())
		if err != nil {
			return err
		}
		text = string(line) + "\n"
	}
	if _, err := fmt.Fprint(c.OutOrStdout(), text); err != nil {
		return err
	}
	return t.Check()
}
