package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// tradeoff has a panel for each task and group of variants: the episode in which a return is first reached against violating steps.
func (g *Gallery) tradeoff() (*fig.Figure, error) {
	type part struct {
		title string
		row
	}
	var parts []part
	if g.Set == nil {
		return nil, errNone
	}
	for _, r := range g.rows(plain) {
		if len(r.methods) > 1 {
			parts = append(parts, part{r.task + ": planners", r})
		}
	}
	for _, s := range seriesOf {
		for _, r := range s.rows(g) {
			parts = append(parts, part{r.task + ": " + s.title, r})
		}
	}
	rest := g.rows(func(m *report.Method) bool {
		return m.Variant != "" && !slices.ContainsFunc(seriesOf, func(s series) bool { return s.has(m) })
	})
	for _, r := range rest {
		if len(r.methods) > 1 {
			parts = append(parts, part{r.task + ": other variants", r})
		}
	}
	parts = slices.DeleteFunc(parts, func(p part) bool { _, err := limited([]row{p.row}); return err != nil })
	if len(parts) == 0 {
		return nil, fmt.Errorf("there are no two methods with limits to compare: safety against speed takes some")
	}
	parts = slices.DeleteFunc(parts, func(p part) bool {
		return !slices.ContainsFunc(p.methods, func(m method) bool { return len(m.finished()) > 0 })
	})
	if len(parts) == 0 {
		return nil, fmt.Errorf("no run is finished yet: safety against speed is of whole runs")
	}
	if parts = slices.DeleteFunc(parts, func(p part) bool { return !p.planned() }); len(parts) == 0 {
		return nil, errNotPlanned
	}
	f := fig.Grid{Columns: min(2, len(parts)), Tall: []float64{7.5}}
	var notes notes
	notes.add("A large mark is a method: the interquartile mean of the episode in which its runs first reach the return, and its mean violating steps per run, with 95 %% bootstrap intervals; a small one is a run.")
	for _, p := range parts {
		f.Charts = append(f.Charts, g.scatter(p.title, p.row, &notes))
		notes.few([]row{p.row})
	}
	f.Notes = notes.lines
	return f.Figure(), nil
}

// scatter draws the finished runs of methods.
func (g *Gallery) scatter(title string, r row, notes *notes) fig.Scatter {
	threshold, share := g.threshold(r.task)
	if share > 0 {
		notes.add("On %s, %.4g is %.3g %% of the way from the lowest return of an episode to the highest.", r.task, threshold, 100*share)
	}
	names, shared := apart(r.methods)
	if shared != "" {
		title += " (" + shared + ")"
	}
	s := fig.Scatter{Title: title, X: fmt.Sprintf("episode in which %.4g is reached", threshold), Y: "violating steps per run"}
	latest := 0
	for _, m := range r.methods {
		latest = max(latest, m.longest())
	}
	for i, m := range r.methods {
		runs := m.finished()
		if n := m.longest(); len(runs) > 0 && n < latest {
			notes.add("%s on %s has %d episodes where others have %d, and is left out.", m.label, r.task, n, latest)
			continue
		}
		if len(runs) == 0 {
			notes.add("%s on %s: no run is finished.", m.label, r.task)
			continue
		}
		q := fig.Point{Name: names[i], Method: m.index}
		var scores []float64 // the sooner, the higher; a run that never comes there is worst
		never := 0
		for _, o := range runs {
			at := math.Inf(1)
			for _, e := range o.Episodes {
				if e.Phase == safex.PlannedPhase && e.Return >= threshold {
					at = float64(e.Episode)
					break
				}
			}
			if math.IsInf(at, 1) {
				never++
			}
			scores = append(scores, -at)
			q.RunsX, q.RunsY = append(q.RunsX, at), append(q.RunsY, float64(o.Violations()))
		}
		x := estimate(stats.IQM, scores, stream(&m).Child("reached"))
		y := estimate(func(v []float64) float64 { return stat.Mean(v, nil) }, q.RunsY, stream(&m).Child("violating"))
		q.X, q.XLo, q.XHi, q.Y, q.YLo, q.YHi = -x.Value, -x.Hi, -x.Lo, y.Value, y.Lo, y.Hi
		if never > 0 {
			q.Name += fmt.Sprintf(" (%d of %d never)", never, len(runs))
		}
		if len(runs) == 1 {
			notes.add("%s on %s is of one seed: no interval.", m.label, r.task)
		}
		if y.Value == 0 && len(runs) > 1 {
			notes.add("No violation in %d runs leaves up to %.0f %% of such runs that have one (95 %% bound of Clopper and Pearson), and no interval to draw.", len(runs), 100*stats.AtMost(0, len(runs), 0.95))
		}
		s.Points = append(s.Points, q)
	}
	s.Never = fmt.Sprintf("not in %d", latest)
	return s
}

// apart are the labels of methods without the words that all of them begin and end with, which are returned as well: labels stand beside their marks, and have
// little room.
func apart(methods []method) (names []string, shared string) {
	var words [][]string
	least := math.MaxInt
	for _, m := range methods {
		w := strings.Split(m.label, ", ")
		words, least = append(words, w), min(least, len(w))
	}
	same := func(at func(w []string) string) bool {
		return !slices.ContainsFunc(words, func(w []string) bool { return at(w) != at(words[0]) })
	}
	from, to := 0, 0
	if len(words) > 1 {
		for from+1 < least && same(func(w []string) string { return w[from] }) {
			from++
		}
		for from+to+1 < least && same(func(w []string) string { return w[len(w)-1-to] }) {
			to++
		}
	}
	for _, w := range words {
		names = append(names, strings.Join(w[from:len(w)-to], ", "))
	}
	if from+to > 0 {
		first := words[0]
		shared = strings.Join(slices.Concat(first[:from], first[len(first)-to:]), ", ")
	}
	return names, shared
}

// longest is the number of planned episodes of the longest finished run.
func (m *method) longest() (n int) {
	for _, o := range m.finished() {
		n = max(n, len(o.Episodes)-1)
	}
	return n
}

// threshold is the return that has to be reached on a task, and which share of the way that is, if it was asked for as one.
func (g *Gallery) threshold(task string) (value, share float64) {
	reached := g.Reached
	if reached == nil {
		reached = DefaultReached()
	}
	var t Threshold
	for _, r := range reached {
		if r.Task == "" || r.Task == task {
			t = r
		}
	}
	if t.Share == 0 {
		return t.Value, 0
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, m := range g.Set.Methods {
		for _, r := range m.Runs {
			for _, e := range r.Episodes {
				if m.Task == task && e.Phase == safex.PlannedPhase && !e.Unfinished && e.Return-e.Return == 0 {
					lo, hi = min(lo, e.Return), max(hi, e.Return)
				}
			}
		}
	}
	return lo + t.Share*(hi-lo), t.Share
}
