package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// A SafetyCard says how safe the runs of a method were, and what that does not promise.
type SafetyCard struct {
	Title   string
	Lines   [][2]string // what, and how much of it
	Remarks []string    // sentences
}

// Card is the SafetyCard of a row.
func (r Row) Card() SafetyCard {
	c := SafetyCard{Title: "Safety card: " + r.Task + ", " + r.Name}
	if r.Study != "" {
		c.Title += " (study " + r.Study + ")"
	}
	line := func(what, format string, args ...any) {
		c.Lines = append(c.Lines, [2]string{what, fmt.Sprintf(format, args...)})
	}
	remark := func(format string, args ...any) { c.Remarks = append(c.Remarks, fmt.Sprintf(format, args...)) }
	line("runs", "%s, by safex %s", runs(r), r.Build)
	if !limited(r) {
		remark("The task has no limit: there is nothing to keep.")
	} else {
		line("runs without any violation", "%d of %d", r.Clean, r.Judged)
		line("runs with one, at most", "%s of them (95 %% bound)", percent(r.AtMost))
		line("violating steps", "%s", violating(r))
		line("first violating step: earliest, median", "%s", first(r))
		for _, w := range r.Worst {
			line("worst excess of "+w.Limit, "%s", strings.TrimPrefix(excess(Row{Steps: r.Steps, Worst: []Excess{w}}), w.Limit+" "))
		}
		remark("Violations are counted, not excluded: that these runs kept a limit, or did not, certifies nothing about the next one.")
		remark("The bound on runs is that of Clopper and Pearson. It is about runs of the same settings with other seeds, on the same simulated system and with its disturbances; it says nothing about other settings, other tasks or a real system.")
		remark("Steps of one run are not independent: the interval per step is too narrow.")
	}
	if n := r.Runs - r.Finished; n > 0 {
		remark("%s unfinished. Without a violation so far, a run may have one yet, and counts neither as one with nor as one without.", count(n, "run"))
	}
	if r.Missing > 0 {
		remark("%s missing that the study names, and may have come out otherwise.", count(r.Missing, "seed"))
	}
	if !planned(r) {
		remark("No step was planned.")
		return c
	}
	steps := "planned steps"
	if r.Prior > 0 {
		steps = "steps"
		remark("The box of the %d steps before the first plan is that of the prior, as wrong as its deviation says.", r.Prior)
	}
	if r.Planned > 0 {
		line(steps+" that ended in their box", "%s", inside(r))
	}
	if r.Tubes > 0 {
		line("plans in whose tube the system stayed", "%s", share(r.InTube, r.Tubes))
		if r.Backups > 0 {
			line("backups in whose tube it stayed", "%s", share(r.BackupsIn, r.Backups))
		}
		if remark(tubed); r.Backups > 0 {
			remark(backed)
		}
	}
	line("ms per plan: p50, p99", "%.1f, %.1f; p99 of the slowest episode %.1f", r.P50, r.P99, r.P99Most)
	line("infeasible plans", "%d of %d", r.Infeasible, r.Plans)
	if late(r) {
		line("late plans", "%d of %d", r.Late, r.Plans)
		remark("A late plan took as long as the agent's deadline, or longer. What was cut short is the best that was found by then, and was executed: it is called infeasible if nobody had attacked it yet.")
	}
	if filtered(r) {
		of := r.ByPlan + r.ByBackup + r.Uncovered
		line("steps covered by the plan", "%d of %d", r.ByPlan, of)
		line("steps covered by a backup", "%d of %d", r.ByBackup, of)
		line("steps that are not covered", "%d of %d", r.Uncovered, of)
		remark("A filter stood between the plans and the system. " + assumption)
		if r.Planned > 0 {
			remark("The box held the truth at %s of the %d %s; where it does not, a proof is worth nothing.", percent(float64(r.Inside)/float64(r.Planned)), r.Planned, steps)
		}
		if r.ByBackup > 0 {
			remark("Where no proof was found for a plan, the rest of one that was proved before or another proved action was executed in its place: these steps are covered by a backup.")
		}
		switch {
		case of < r.Steps:
			remark("Nothing is proved of random steps, which no filter sees, nor of steps that are not covered.")
		case r.Uncovered > 0:
			remark("Nothing is proved of steps that are not covered.")
		default:
			remark("Every step is covered, from the first of each run on.")
		}
	}
	line("candidates that came out as NaN", "%d", r.NaNs)
	switch {
	case r.Planned == 0:
	case filtered(r) && r.Defends:
		remark("The planner tested plans against the worst errors in the box that a search found; the filter's proofs are about all of them.")
	case filtered(r) && r.Assumed == r.Planned-r.Prior:
		remark("The planner defended no box: that in the table reaches %g epistemic deviations of the model, and the filter's as many as its settings say.", float64(reliability.AssumedBeta))
	case filtered(r):
		remark("The planner defended no box: that in the table and the filter's are what the calibration asked for.")
	case r.Defends:
		remark("Plans were tested against the worst errors in the box that a search found. It may have missed the worst, and steps outside the box were tested against nothing.")
	case r.Assumed == r.Planned:
		remark("The planner defended no box: that in the table reaches %g epistemic deviations of the model, and no plan was tested against it.", float64(reliability.AssumedBeta))
	default:
		remark("The planner defended no box: that in the table is what the calibration asked for, and no plan was tested against it.")
	}
	switch r.Calibrate {
	case "":
		remark("The model's epistemic deviation was not calibrated.")
	case "temperature":
		remark("The model's epistemic deviation was calibrated by temperature, which promises nothing.")
	case "conformal":
		remark("The model's epistemic deviation was calibrated (conformal): what that promises is for steps exchangeable with those that calibrated, and exploration goes where these were not.")
	case "adaptive":
		remark("The model's epistemic deviation was calibrated (adaptive): what that promises is a share of steps in the box in the long run, and nothing about any one of them.")
	default:
		remark("The model's epistemic deviation was calibrated (%s).", r.Calibrate)
	}
	switch {
	case r.Infeasible == 0:
	case filtered(r):
		remark("An infeasible plan breaks a limit in its own forecast. Its first action was executed where that step is covered; elsewhere the filter put another in its place, or left it where none was better.")
	default:
		remark("An infeasible plan breaks a limit in the planner's own forecast; its first action was executed all the same.")
	}
	remark("Times depend on the machine, and on what else it did.")
	return c
}

// page is the card.
func (c SafetyCard) page(title, between string) *table.Page {
	p := &table.Page{}
	var rows [][]string
	for _, l := range c.Lines {
		rows = append(rows, l[:])
	}
	p.Add(title, nil, rows...)
	p.Say("%s", strings.Join(c.Remarks, between))
	return p
}

// Text writes the card for a terminal.
func (c SafetyCard) Text(w io.Writer) error { return c.page(c.Title, " ").Text(w) }

// Markdown writes the card in Markdown.
func (c SafetyCard) Markdown(w io.Writer) error { return c.page("### "+c.Title, " ").Markdown(w) }

// count is so many things, and that they are.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing + " is"
	}
	return fmt.Sprintf("%d %ss are", n, thing)
}
