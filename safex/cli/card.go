package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/certify"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A cardRow is an episode of a calibration report.
type cardRow struct {
	Episode       int     `json:"episode"`
	Steps         int     `json:"steps"`           // of which something was believed
	InBox         int     `json:"in_box"`          // of them, that ended in their box in all dimensions
	Share         float64 `json:"share"`           // InBox of Steps
	BetaP50       float64 `json:"beta_p50"`        // how many epistemic deviations the box reached
	WidthP50      float64 `json:"width_p50"`       // of its half-width over steps and dimensions, in Scales
	Plans         *int    `json:"plans"`           // as reliability.Tubes has these four; null if the plans cannot be made again
	PlansInTube   *int    `json:"plans_in_tube"`   //
	Backups       *int    `json:"backups"`         //
	BackupsInTube *int    `json:"backups_in_tube"` //
}

func cardCommand() *cobra.Command {
	var asJSON, asMarkdown, tubes bool
	c := &cobra.Command{
		Use: "card RUN", Short: "Write the calibration report of a run: how far its beliefs can be trusted",
		Long: `card compares what a run believed about each planned step with what happened: how often the box that
the planner defended held the next state, in each dimension, in all of them, in all steps of an
episode; how wide it would have had to be; how many steps were out of distribution. It
draws the same, with reliability curves, into figures/card.png of the run.

--tubes asks of whole plans too, which takes as long as the run, as its plans are made again: of how many of them the true
system, under the plan and with nothing planned anew, stays in the tube of all model errors for as long as the planner defends
these (plans_in_tube); and of how many proofs of its filter the system, under the actions that were proved and then the backup,
stays in their tube and then in the set that the backup keeps, for as many steps as the plan has (backups_in_tube). What was counted is
kept in the run, in tubes.json, so that card, report and figures have it from then on.

--json prints a list, an entry for each episode, and asks for --tubes by itself. These numbers are null where they cannot be told,
as of a run of another build.`,
		Example: "  safex card runs/pendulum-pessimistic-1\n  safex card runs/pendulum-pessimistic-1 --tubes\n  safex card runs/pendulum-pessimistic-1 --json",
		Args:    one("RUN", "runs/pendulum-pessimistic-1"),
		RunE: func(c *cobra.Command, args []string) error {
			if asJSON && asMarkdown {
				return fmt.Errorf("--json and --markdown exclude each other: leave one of them out")
			}
			dir := args[0]
			r, err := store.Open(dir)
			if err != nil {
				return err
			}
			card, err := reliability.New(r.System, r.Episodes, reliability.AssumedBeta)
			if err != nil {
				return err
			}
			card.Began = experiment.Began(r.Spec.LogFiles())
			kept, err := reliability.ReadTubes(dir, r.Spec.Build)
			if err != nil {
				return err
			}
			card.AddTubes(kept)
			show := func() error { return printCard(c, dir, card, asJSON, asMarkdown) }
			if missing := untried(card); (tubes || asJSON) && len(missing) > 0 {
				return enclose(c, dir, r, card, kept, missing, show)
			}
			return show()
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "print a list in JSON, an entry for each episode, in place of the table; with --tubes")
	f.BoolVar(&asMarkdown, "markdown", false, "print Markdown")
	f.BoolVar(&tubes, "tubes", false, "make the plans of the run again, and count in how many of their tubes the true system stays")
	return c
}

// untried are the episodes of whose plans nothing is known, but for the random phase.
func untried(card *reliability.Report) (episodes []int) {
	for _, e := range card.Episodes {
		if e.Number > 0 && e.Plans.N == 0 {
			episodes = append(episodes, e.Number)
		}
	}
	return episodes
}

// enclose adds to a card what becomes of the plans of some episodes, keeps that of those that are over, and prints. What keeps plans from being made again is
// said beside, and no error.
func enclose(c *cobra.Command, dir string, r *store.Saved, card *reliability.Report, kept []reliability.Tubes, episodes []int, show func() error) error {
	ask := certify.Default()
	ask.Episodes, ask.Rollouts = episodes, 0
	ask.Adversaries = []string{"sign-gradient Starts=1 Steps=1"}
	again, err := ask.Open(dir)
	if err == nil {
		err = r.System.Unknown("what a whole plan would have come to")
	}
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "plans are left out: %v\n", err)
		return show()
	}
	return retaken(c, "enclosing", again, again.Episodes, &again.Progress, func() error {
		var found []reliability.Tubes
		for _, of := range again.Rows() {
			found = append(found, reliability.Tubes{Episode: of.Episode, Plans: of.Plans, PlansInTube: of.InTube, Backups: of.Backups, BackupsInTube: of.BackupsInTube})
		}
		card.AddTubes(found)
		whole := slices.DeleteFunc(found, func(t reliability.Tubes) bool { return t.Plans < r.System.Steps })
		kept = slices.DeleteFunc(kept, func(t reliability.Tubes) bool { return slices.Contains(episodes, t.Episode) })
		if kept = append(kept, whole...); len(kept) > 0 {
			slices.SortFunc(kept, func(a, b reliability.Tubes) int { return a.Episode - b.Episode })
			err = reliability.KeepTubes(dir, r.Spec.Build, kept)
		}
		return cmp.Or(show(), err) // what was counted is shown, if it cannot be kept
	})
}

// printCard draws a card into the folder of its run, and prints it.
func printCard(c *cobra.Command, dir string, card *reliability.Report, asJSON, asMarkdown bool) error {
	png, err := fig.Reliability(card).PNG()
	if err == nil {
		err = store.Write(dir, "figures/card.png", png)
	}
	return cmp.Or(writeCard(c.OutOrStdout(), card, asJSON, asMarkdown), err)
}

// writeCard writes a card as text, as Markdown or as JSON.
func writeCard(out io.Writer, card *reliability.Report, asJSON, asMarkdown bool) error {
	switch {
	case asMarkdown:
		_, err := fmt.Fprint(out, card.Markdown())
		return err
	case !asJSON:
		return card.Text(out)
	}
	var rows []cardRow
	for _, e := range card.Episodes {
		row := cardRow{Episode: e.Number, Steps: e.Joint.N, InBox: e.Joint.K, Share: e.Joint.Of(), BetaP50: e.Beta, WidthP50: e.Width}
		if plans, backups := e.Plans, e.Backups; plans.N > 0 {
			row.Plans, row.PlansInTube, row.Backups, row.BackupsInTube = &plans.N, &plans.K, &backups.N, &backups.K
		}
		rows = append(rows, row)
	}
	line, err := encode.JSON(rows)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s\n", line)
	}
	return err
}
