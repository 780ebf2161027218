package certify

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// A Row is what is known of the plans of an episode. A number of nothing is a NaN, and null in JSON.
type Row struct {
	Episode   int     `json:"episode"`
	Beta      float64 `json:"beta"` // of the last plan
	Plans     int     `json:"plans"`
	Certified int     `json:"certified"` // plans that are proved to keep every limit
	Unbroken  int     `json:"unbroken"`  // plans that no adversary breaks

	// Slack is how far the tube's bound of the largest excess of a limit is above what the adversaries found, in the limit's unit, of certified
	// plans: the most that the proof can give away. The limit is the one that binds: whose bound is the largest, counted in its Scale, in
	// most of these plans.
	SlackP50 float64 `json:"slack_p50"`
	SlackP90 float64 `json:"slack_p90"`
	Limit    string  `json:"limit"`
	Unit     string  `json:"unit"`

	PrefixP50 float64 `json:"prefix_p50"` // first steps of a plan in which every limit is proved to be kept
	Horizon   int     `json:"horizon"`    // steps of a plan
	Robust    int     `json:"robust"`     // steps in which the model may err; 0 is all

	// Coverage is the share of the executed steps after which the real state was in the box, with the interval of
	// reliability.Share.
	Coverage     float64 `json:"coverage"`
	CoverageLow  float64 `json:"coverage_low"`
	CoverageHigh float64 `json:"coverage_high"`

	Tried  int `json:"tried"`   // plans of which the real system was asked what comes of them: none of a plant
	InTube int `json:"in_tube"` // plans under which the real system, with nothing planned anew, stays in the tube of the steps in which the model may err

	Backups       int `json:"backups"`         // steps of which the run's filter proved something new: a tube into its terminal set, and a backup from there on
	BackupsInTube int `json:"backups_in_tube"` // of them, those where the real system, under what was proved and then the backup, stays in that tube and that set

	TubeMsP50 float64             `json:"tube_ms_p50"`
	Escapes   int                 `json:"escapes"`         // rollouts that left their tube
	Cover     map[safex.Cover]int `json:"cover,omitempty"` // steps by what a filter covers them with; nil without one
	inside    int
}

// enough is the share of the steps in the box below which a box is said not to hold.
const enough = 0.95

// Rows sums the proofs up, for each episode.
func (c *Certification) Rows() (rows []Row) {
	for _, e := range c.Episodes {
		var proofs []Proof
		for _, p := range c.Proofs {
			if p.Episode == e {
				proofs = append(proofs, p)
			}
		}
		if len(proofs) > 0 {
			rows = append(rows, c.row(proofs))
		}
	}
	return rows
}

// row sums up the proofs of an episode.
func (c *Certification) row(proofs []Proof) Row {
	last := proofs[len(proofs)-1]
	r := Row{Episode: last.Episode, Beta: last.Beta, Plans: len(proofs), Horizon: last.Horizon, Robust: last.Robust}
	share := reliability.Share{N: len(proofs)}
	var prefix, times []float64
	binds, slack := make([]int, len(c.System.Limits)), make([][]float64, len(c.System.Limits))
	for _, p := range proofs {
		prefix, times = append(prefix, float64(p.Prefix)), append(times, p.Millis)
		r.Escapes += p.Escapes
		if p.Worst <= 0 {
			r.Unbroken++
		}
		if p.Inside {
			share.K++
		}
		if p.Tried {
			r.Tried++
		}
		if p.InTube {
			r.InTube++
		}
		if p.Backup {
			r.Backups++
		}
		if p.BackupInTube {
			r.BackupsInTube++
		}
		if p.Cover != "" {
			if r.Cover == nil {
				r.Cover = map[safex.Cover]int{}
			}
			r.Cover[p.Cover]++
		}
		if !p.Certified {
			continue
		}
		r.Certified++
		most := 0
		for k, bound := range p.Bound {
			slack[k] = append(slack[k], bound-p.Found[k])
			if bound/c.System.LimitScale(k) > p.Bound[most]/c.System.LimitScale(most) {
				most = k
			}
		}
		binds[most]++
	}
	k := slices.Index(binds, slices.Max(binds))
	r.Limit, r.Unit = c.System.Limits[k].Name, c.System.Limits[k].Unit
	r.SlackP50, r.SlackP90 = quantile(0.5, slack[k]), quantile(0.9, slack[k])
	r.PrefixP50, r.TubeMsP50 = quantile(0.5, prefix), quantile(0.5, times)
	r.inside, r.Coverage = share.K, share.Of()
	r.CoverageLow, r.CoverageHigh = share.Interval()
	return r
}

// quantile is the smallest number that at least a share p of them does not exceed; NaN of none.
func quantile(p float64, of []float64) float64 {
	if len(of) == 0 {
		return math.NaN()
	}
	return stat.Quantile(p, stat.Empirical, slices.Sorted(slices.Values(of)), nil)
}

// Table is a Markdown table of rows, and what it says in plain words.
func (c *Certification) Table() string {
	rows := c.Rows()
	columns := []table.Column[Row]{
		{Name: "episode", Of: func(r Row) string { return fmt.Sprint(r.Episode) }},
		{Name: "β", Of: func(r Row) string { return fmt.Sprintf("%.3g", r.Beta) }},
		{Name: "certified", Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.Certified, r.Plans) }},
		{Name: "steps in the box", Of: func(r Row) string {
			return fmt.Sprintf("%d of %d, %.1f %% (%.1f to %.1f %%)", r.inside, r.Plans, 100*r.Coverage, 100*r.CoverageLow, 100*r.CoverageHigh)
		}},
		{Name: "truth in the tube", Has: func(r Row) bool { return r.Tried > 0 }, Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.InTube, r.Tried) }},
		{Name: "backup in its tube", Has: func(r Row) bool { return r.Backups > 0 }, Of: func(r Row) string { return fmt.Sprintf("%d of %d", r.BackupsInTube, r.Backups) }},
		{Name: "unbroken", Of: func(r Row) string { return fmt.Sprint(r.Unbroken) }},
		{Name: "slack p50", Of: func(r Row) string { return measure(r.SlackP50, r.Unit) }},
		{Name: "slack p90", Of: func(r Row) string { return measure(r.SlackP90, r.Unit) }},
		{Name: "prefix p50", Of: func(r Row) string { return fmt.Sprintf("%.0f of %d", r.PrefixP50, r.Horizon) }},
		{Name: "tube p50", Of: func(r Row) string { return measure(r.TubeMsP50, "ms") }},
		{Name: "escapes", Of: func(r Row) string { return fmt.Sprint(r.Escapes) }},
	}
	for _, cover := range safex.Covers() {
		columns = append(columns, table.Column[Row]{
			Name: string(cover), Has: func(r Row) bool { return r.Cover != nil }, Of: func(r Row) string { return fmt.Sprint(r.Cover[cover]) },
		})
	}
	head, cells, _ := table.Cells(rows, 0, columns...)
	var p table.Page
	p.Add("", head, cells...)
	for _, line := range c.words(rows) {
		p.Say("%s", line)
	}
	return p.MarkdownString()
}

// measure is a number in a unit, or a dash.
func measure(v float64, unit string) string {
	if v != v {
		return "–"
	}
	return strings.TrimSpace(fmt.Sprintf("%.3g %s", v, unit))
}

// words say what is proved, and on which assumption.
func (c *Certification) words(rows []Row) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	plans, certified, inside := 0, 0, 0
	var below, limits []string
	for _, r := range rows {
		plans, certified, inside = plans+r.Plans, certified+r.Certified, inside+r.inside
		if r.Coverage < enough {
			below = append(below, fmt.Sprint(r.Episode))
		}
		if r.Certified > 0 && !slices.Contains(limits, r.Limit) {
			limits = append(limits, r.Limit)
		}
	}
	steps, noise := "in every step", ""
	if n := rows[0].Robust; n > 0 && n < rows[0].Horizon {
		steps = fmt.Sprintf("in the first %d steps and by none after them", n)
	}
	if slices.Max(append(slices.Clone(c.Noise), 0)) > 0 {
		var widths []string
		for d, v := range c.System.State {
			widths = append(widths, v.Name+" "+measure(c.Noise[d], v.Unit))
		}
		noise = fmt.Sprintf(", and whatever noise adds to the state in each step, up to %s", strings.Join(widths, ", "))
	}
	say("Certified is a plan that is proved to keep every limit to its end, as it stands and without feedback, whatever the model errs by, up to β epistemic deviations %s%s.", steps, noise)
	assumed := fmt.Sprintf("This is proved of the model. It holds for %s as far as the box holds the real next state, which it did after %d of %d executed steps.", c.System.Name, inside, plans)
	switch {
	case len(below) == 1:
		assumed += fmt.Sprintf(" In episode %s that is below %.0f %%: its certificates are about a box that does not hold.", below[0], 100*enough)
	case len(below) > 1:
		assumed += fmt.Sprintf(" In episodes %s that is below %.0f %%: their certificates are about a box that does not hold.", strings.Join(below, ", "), 100*enough)
	}
	lines = append(lines, assumed)
	say("Unbroken is a plan that %s does not break, which proves nothing: what is unbroken and not certified is open.", strings.Join(c.Adversaries, " or "))
	if certified > 0 {
		say("Slack is how far the tube's bound of the largest excess of limit %s, which binds, is above what was found, of certified plans.", strings.Join(limits, " or "))
	}
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Cover != nil }) {
		say("Plans are those that the filter executed; the last columns count its steps by what it covers them with.")
	}
	if slices.ContainsFunc(rows, func(r Row) bool { return r.Backups > 0 }) {
		say("A backup is in its tube if the real system stays where the filter proved it to, under the actions that it proved and then the backup, with nothing planned anew, for as many steps as the plan has.")
	}
	return lines
}
