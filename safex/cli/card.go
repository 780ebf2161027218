package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/certify"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// A cardRow is an episode of a calibration report.
type cardRow struct {
	Episode     int     `json:"episode"`
	Steps       int     `json:"steps"`         // of which something was believed
	InBox       int     `json:"in_box"`        // of them, that ended in their box in all dimensions
	Share       float64 `json:"share"`         // InBox of Steps
	BetaP50     float64 `json:"beta_p50"`      // how many epistemic deviations the box reached
	WidthP50    float64 `json:"width_p50"`     // of its half-width over steps and dimensions, in Scales
	Plans       *int    `json:"plans"`         // that were made again; null if they cannot be
	PlansInTube *int    `json:"plans_in_tube"` // of them, those in whose tube the real system stays under the plan, for the steps in which the model may err
}

// cardRows prints what is known of each episode of the run in dir. What keeps its plans from being made again is said beside, and no error.
func cardRows(c *cobra.Command, dir string, r *reliability.Report) error {
	var rows []cardRow
	for _, e := range r.Episodes {
		rows = append(rows, cardRow{Episode: e.Number, Steps: e.Joint.N, InBox: e.Joint.K, Share: e.Joint.Of(), BetaP50: e.Beta, WidthP50: e.Width})
	}
	printed := func() error {
		line, err := encode.JSON(rows)
		if err == nil {
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", line)
		}
		return err
	}
	ask := certify.Default()
	ask.All, ask.Rollouts = true, 0
	ask.Adversaries = []string{"sign-gradient Starts=1 Steps=1"}
	again, err := ask.Open(dir)
	if err != nil {
		fmt.Fprintf(c.ErrOrStderr(), "plans are left out: %v\n", err)
		return printed()
	}
	return retaken(c, "enclosing", again, again.Episodes, &again.Progress, func() error {
		for _, of := range again.Rows() {
			for i := range rows {
				if rows[i].Episode == of.Episode {
					rows[i].Plans, rows[i].PlansInTube = &of.Plans, &of.InTube
				}
			}
		}
		return printed()
	})
}
