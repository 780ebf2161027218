package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/certify"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

func certifyCommand() *cobra.Command {
	a := certify.Default()
	var asJSON bool
	var d drawings
	c := &cobra.Command{
		Use: "certify RUN", Short: "Prove that no model error breaks the plans of a run",
		Long: `certify makes the plans that a run executed again, and encloses each of them in a tube that no model
error in the box leads out of. A plan whose tube keeps every limit is certified, to its end and no
further. The table says how many are, beside how many the best adversary does not break, and beside how
often the box held the real next state: certificates about a box that does not hold say nothing about the
system. With a filter, what is certified is what was executed.

Every tube is checked by rollouts of the model. One that leaves its tube is an escape: it is named, and the
command fails.

--figure draws one plan between what is proved of it, what adversaries find, and what the real system does under
its actions: that of --step or, without it, the certified plan in which doubt takes the most room to a limit and
leaves the least; where none is certified, the one whose first steps are proved furthest. --kernels draws, in the plane of two coordinates, the
states from which the models of the run prove that the limits can be kept for ever, from episode to episode.`,
		Example: `  safex certify runs/pendulum-pessimistic-1
  safex certify runs/pendulum-pessimistic-1 --episode 1 --episode 10 --beta 4
  safex certify runs/pendulum-pessimistic-1 --all --noise 0.001,0.001,0.01
  safex certify runs/pendulum-pessimistic-1 --adversary best --json
  safex certify runs/pendulum-pessimistic-1 --episode 3 --step 20 --figure tube.svg
  safex certify runs/pendulum-pessimistic-1 --kernels kernels.png`,
		Args: one("RUN", "runs/pendulum-pessimistic-1"),
		RunE: func(c *cobra.Command, args []string) error {
			if a.All && len(a.Episodes) > 0 {
				return fmt.Errorf("--all and --episode exclude each other: leave one of them out")
			}
			if c.Flags().Changed("step") {
				if d.step < 0 || d.tube == "" {
					return fmt.Errorf("--step is that of the plan that --figure draws, 0 or more, as in: --episode 3 --step 20 --figure tube.png")
				}
				a.Step = d.step
			}
			for _, path := range []string{d.tube, d.kernels} {
				if path != "" && !slices.Contains(formats, format(path)) {
					return fmt.Errorf("%s is no name for a figure: want one that ends in .png, .svg or .pdf", path)
				}
			}
			a.Kernels = d.kernels != ""
			t, err := a.Open(args[0])
			if err != nil {
				return err
			}
			return retaken(c, "certifying", t, t.Episodes, &t.Progress, func() error {
				if err := proved(c, t, asJSON); err != nil {
					return err
				}
				return d.draw(c, t)
			})
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
	f.StringVar(&d.tube, "figure", "", "draw a plan in its tube into this file, png, svg or pdf")
	f.IntVar(&d.step, "step", 0, "step of the episode whose plan --figure draws (default the one that tells most)")
	f.StringVar(&d.kernels, "kernels", "", "draw where the limits can be kept, from episode to episode, into this file, png, svg or pdf")
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

// drawings are files of figures; "" is none.
type drawings struct {
	tube, kernels string
	step          int // of tube
}

// draw draws what is asked for, once every plan is certified.
func (d drawings) draw(c *cobra.Command, t *certify.Certification) error {
	for _, a := range []struct {
		path string
		draw func() (*fig.Figure, error)
	}{{d.tube, t.DrawTube}, {d.kernels, t.DrawKernels}} {
		if a.path == "" || len(t.Proofs) < t.Plans() {
			continue
		}
		f, err := a.draw()
		if err != nil {
			return err
		}
		picture, err := f.Encode(format(a.path))
		if err != nil {
			return err
		}
		if err := disk.Write(a.path, picture); err != nil {
			return err
		}
		fmt.Fprintf(c.ErrOrStderr(), "drew %s\n", a.path)
	}
	return nil
}

// format is that of a figure in a file of that name.
func format(path string) string { return strings.TrimPrefix(filepath.Ext(path), ".") }
