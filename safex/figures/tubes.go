package figures

import (
	"errors"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// errNoTubes is the error of a figure of plans in their tubes without any.
var errNoTubes = errors.New("it is not known of any run in how many of its tubes the system stays: safex card RUN --tubes counts that, and keeps it in the run")

// tubed are the methods of which some plans were made again, to see whether the system stays in their tubes.
func tubed(m *report.Method) bool {
	for _, r := range m.Runs {
		for _, e := range r.Episodes {
			if e.Tubes > 0 {
				return true
			}
		}
	}
	return false
}

// shares are three of an episode over all runs whose plans were made again: steps in their box, plans in their tube, and backups in theirs.
func (m method) shares(episode int) (all [3]reliability.Share) {
	for _, r := range m.Runs {
		if episode >= len(r.Episodes) || r.Episodes[episode].Tubes == 0 {
			continue
		}
		e := &r.Episodes[episode]
		for i, s := range []reliability.Share{{K: e.Inside, N: e.Planned}, {K: e.InTube, N: e.Tubes}, {K: e.BackupsIn, N: e.Backups}} {
			all[i].K, all[i].N = all[i].K+s.K, all[i].N+s.N
		}
	}
	return all
}

// tubes has a panel for each method: how often boxes, tubes of plans and tubes of backups hold, from episode to episode.
func (g *Gallery) tubes() (*fig.Figure, error) {
	rows := g.rows(tubed)
	if len(rows) == 0 {
		return nil, errNoTubes
	}
	f := fig.Grid{
		Key:  []fig.Key{{Name: "steps in their box"}, {Name: "plans in their tube", Method: 1}, {Name: "backups in theirs", Method: 2}},
		Tall: []float64{5.2},
		Notes: []string{
			"With 95 % intervals of Clopper and Pearson, too narrow for steps and plans that depend on each other. " +
				"A plan is in its tube if the system, under that plan and with nothing planned anew, stays where every error in the box may lead for the steps in which the plan defends them; a backup, if it stays where the filter proved it to, under the actions that were proved and then the backup.",
		},
	}
	for _, r := range rows {
		for _, m := range r.methods {
			runs := 0
			c := fig.Curves{X: "episode", Y: "share, %", Lines: []fig.Curve{{}, {Method: 1}, {Method: 2}}}
			for _, o := range m.Runs {
				if slices.ContainsFunc(o.Episodes, func(e report.Episode) bool { return e.Tubes > 0 }) {
					runs++
				}
			}
			c.Title = fmt.Sprintf("%s, %s, %s", r.task, m.label, counted(runs, "run"))
			for e := range m.episodes() {
				for i, s := range m.shares(e) {
					if s.N == 0 {
						continue
					}
					lo, hi := s.Interval()
					l := &c.Lines[i]
					l.X, l.Y, l.Lo, l.Hi = append(l.X, float64(e)), append(l.Y, 100*s.Of()), append(l.Lo, 100*lo), append(l.Hi, 100*hi)
				}
			}
			f.Charts = append(f.Charts, c)
		}
		fill(&f, rows)
	}
	return f.Figure(), nil
}

// counted is so many of a thing.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// settled is the first episode whose plans count for the frontier: before it next to nothing is known.
const settled = 2

// frontier has a panel for each task: the share of plans whose tube holds against the return, from the second episode on, of the values of a setting.
func (g *Gallery) frontier() (*fig.Figure, error) {
	f := fig.Grid{Tall: []float64{7.5}}
	var notes notes
	for _, s := range seriesOf {
		for _, r := range s.rows(g) {
			c := fig.Frontier{Title: r.task + ": " + s.title, X: "plans in their tube, %", Y: fmt.Sprintf("mean return from episode %d on", settled), Level: 99}
			for _, m := range r.methods {
				var in reliability.Share
				last := m.episodes() - 1
				for e := settled; e <= last; e++ {
					own := m.shares(e)[1]
					in.K, in.N = in.K+own.K, in.N+own.N
				}
				var returns []float64
				for _, o := range m.finished() {
					sum := 0.0
					for _, e := range o.Episodes[min(settled, len(o.Episodes)):] {
						sum += e.Return / float64(len(o.Episodes)-settled)
					}
					if len(o.Episodes) > settled {
						returns = append(returns, sum)
					}
				}
				if in.N == 0 || len(returns) == 0 {
					continue
				}
				y := estimate(stats.IQM, returns, stream(&m).Child("frontier"))
				q := fig.Point{Name: m.label, Method: m.index, X: 100 * in.Of(), Y: y.Value, YLo: y.Lo, YHi: y.Hi}
				lo, hi := in.Interval()
				q.XLo, q.XHi = 100*lo, 100*hi
				c.Points = append(c.Points, q)
			}
			if len(c.Points) > 1 {
				f.Charts = append(f.Charts, c)
				notes.few([]row{r})
			}
		}
	}
	if len(f.Charts) == 0 {
		if g.Set != nil && slices.ContainsFunc(g.Set.Methods, func(m report.Method) bool { return tubed(&m) }) {
			return nil, errors.New("there are no two values of a setting to compare: a frontier takes variants of a group, as miss-0.1 and miss-0.01, whose plans were made again by safex card --tubes")
		}
		return nil, errNoTubes
	}
	f.Columns = min(3, len(f.Charts))
	f.Notes = append([]string{
		fmt.Sprintf("Plans in their tube: of all episodes from %d on, of the runs that safex card --tubes was asked about, with the 95 %% interval of Clopper and Pearson, too narrow for plans that depend on each other; dashed: 99 %%. ", settled) +
			"Returns: interquartile mean over all finished runs with its 95 % bootstrap interval.",
	}, notes.lines...)
	return f.Figure(), nil
}
