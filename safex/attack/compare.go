package attack

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A PlanOutcome is the result of attacks on a plan.
type PlanOutcome struct {
	Episode, Step int       // 0 if it is of no run
	Beta          float64   // how many epistemic deviations the box reached
	Mean          float64   // worst excess without an error, in units of the limit's Scale
	Excess        []float64 // the worst that each of the adversaries found, of a run last that of the Reference
	Rollouts      []int     // that each of them took
	Gradients     []int     // of these, how many with a gradient
}

// Compare asks adversaries, named as by experiment.NewAdversary, about one plan, the first of t, and counts what each of them takes.
func Compare(ctx context.Context, t plan.Target, src rng.Stream, adversaries ...string) (PlanOutcome, error) {
	var attackers []plan.Adversary
	for _, text := range adversaries {
		a, err := experiment.NewAdversary(text)
		if err != nil {
			return PlanOutcome{}, err
		}
		attackers = append(attackers, a)
	}
	return compare(ctx, t, src, adversaries, attackers, func(string, *plan.Perturbations) {})
}

// compare asks adversaries about a plan, and hands over what each finds. One that is named again is not asked again.
func compare(ctx context.Context, t plan.Target, src rng.Stream, names []string, attackers []plan.Adversary, look func(name string, found *plan.Perturbations)) (out PlanOutcome, err error) {
	out.Beta = t.Beta
	mean, err := t.Under(ctx, nil)
	if err != nil {
		return out, err
	}
	out.Mean = mean[0]
	count := &counted{Rollout: t.Rollout}
	t.Rollout = count
	var found plan.Perturbations
	for i, attacker := range attackers {
		if k := slices.Index(names[:i], names[i]); k >= 0 {
			out.Excess, out.Rollouts, out.Gradients = append(out.Excess, out.Excess[k]), append(out.Rollouts, out.Rollouts[k]), append(out.Gradients, out.Gradients[k])
			continue
		}
		count.all, count.gradients = 0, 0
		if err := attacker.Attack(ctx, &found, t, src); err != nil {
			return out, err
		}
		out.Excess, out.Rollouts, out.Gradients = append(out.Excess, found.Excess[0]), append(out.Rollouts, count.all), append(out.Gradients, count.gradients)
		look(names[i], &found)
	}
	return out, nil
}

// counted counts rollouts.
type counted struct {
	safex.Rollout
	all, gradients int
}

// Roll implements safex.Rollout.
func (c *counted) Roll(ctx context.Context, dst *safex.Rolled, in safex.Candidates, up *safex.Scalarisation) error {
	n := in.Actions.Len()
	if c.all += n; up != nil {
		c.gradients += n
	}
	return c.Rollout.Roll(ctx, dst, in, up)
}

// A Gap is what an adversary found in the plans of an episode.
type Gap struct {
	Adversary string  `json:"adversary"`
	Episode   int     `json:"episode"` // 0 if the plans are of none
	Beta      float64 `json:"beta"`    // of the last plan
	Plans     int     `json:"plans"`
	Breakable int     `json:"breakable"`    // plans that the reference or any of the adversaries breaks
	Broken    int     `json:"broken"`       // of these, plans that break without an error
	Missed    int     `json:"missed"`       // breakable plans that this adversary does not break
	Worst     float64 `json:"worst_excess"` // that this adversary found, in units of the limit's Scale; null is NaN
	Recovered float64 `json:"recovered"`    // of what the worst errors add to the excesses, the share that this adversary's add; null of nothing
	Rollouts  float64 `json:"rollouts_per_plan"`
	Gradients float64 `json:"gradients_per_plan"` // of the rollouts, how many with a gradient
}

// GapsOf sums outcomes up, for each episode and each of the first adversaries that were asked, by their names. What others broke besides, such as a
// reference after them, counts as breakable.
func GapsOf(adversaries []string, outcomes []PlanOutcome) (gaps []Gap) {
	var episodes []int
	for _, o := range outcomes {
		if !slices.Contains(episodes, o.Episode) {
			episodes = append(episodes, o.Episode)
		}
	}
	slices.Sort(episodes)
	for _, e := range episodes {
		for i, name := range adversaries {
			g, found, most := Gap{Adversary: name, Episode: e, Worst: math.Inf(-1)}, 0.0, 0.0
			for _, o := range outcomes {
				if o.Episode != e {
					continue
				}
				best := slices.Max(o.Excess) // NaN if any is
				g.Plans++
				if g.Beta = o.Beta; !(best <= 0) {
					g.Breakable++
					if o.Excess[i] <= 0 {
						g.Missed++
					}
				}
				if !(o.Mean <= 0) {
					g.Broken++
				}
				g.Worst = max(g.Worst, o.Excess[i])
				found, most = found+o.Excess[i]-o.Mean, most+best-o.Mean
				g.Rollouts, g.Gradients = g.Rollouts+float64(o.Rollouts[i]), g.Gradients+float64(o.Gradients[i])
			}
			g.Recovered = found / most
			g.Rollouts, g.Gradients = g.Rollouts/float64(g.Plans), g.Gradients/float64(g.Plans)
			gaps = append(gaps, g)
		}
	}
	return gaps
}

// GapTable is a Markdown table of gaps: a row for each adversary, a column for each episode.
func GapTable(gaps []Gap) string {
	var names []string
	var episodes []Gap // the first of each
	for _, g := range gaps {
		if !slices.Contains(names, g.Adversary) {
			names = append(names, g.Adversary)
		}
		if !slices.ContainsFunc(episodes, func(o Gap) bool { return o.Episode == g.Episode }) {
			episodes = append(episodes, g)
		}
	}
	head := []string{"adversary", "rollouts of a plan", "with gradient"}
	for _, e := range episodes {
		head = append(head, fmt.Sprintf("%sβ %.3g: %d of %d plans can be broken, %d without an error", e.of(), e.Beta, e.Breakable, e.Plans, e.Broken))
	}
	var rows [][]string
	for _, name := range names {
		row := []string{name, "–", "–"}
		for _, e := range episodes {
			k := slices.IndexFunc(gaps, func(g Gap) bool { return g.Adversary == name && g.Episode == e.Episode })
			if k < 0 {
				row = append(row, "–")
				continue
			}
			g := gaps[k]
			if row[1] == "–" {
				row[1], row[2] = fmt.Sprintf("%.0f", g.Rollouts), fmt.Sprintf("%.0f", g.Gradients)
			}
			share := "–"
			if v := g.Recovered; v == v {
				share = fmt.Sprintf("%.1f %%", 100*v)
			}
			row = append(row, fmt.Sprintf("%s, %d missed, up to %.3f", share, g.Missed, g.Worst))
		}
		rows = append(rows, row)
	}
	var p table.Page
	p.Add("", head, rows...)
	return p.MarkdownString()
}

// of says of which episode a gap is, if it is of one.
func (g Gap) of() string {
	if g.Episode == 0 {
		return ""
	}
	return fmt.Sprintf("episode %d, ", g.Episode)
}
