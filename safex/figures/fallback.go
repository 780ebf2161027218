package figures

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// A Fallback is what another implementation, whose episodes are over with their first violation, published of how often that was and how often it
// left the steps to a controller that is safe.
type Fallback struct {
	Task     string   `json:"task"`
	Name     string   `json:"name"`
	Source   string   `json:"source"` // where it is from, in a few words
	Settings []Fallen `json:"settings"`
}

// Fallen is what one setting came to.
type Fallen struct {
	Setting  string  `json:"setting"`            // as in "β 3"
	Episodes int     `json:"episodes"`           // of all runs
	Failures int     `json:"failures"`           // episodes that a violation ended
	Steps    int     `json:"steps"`              // up to there, of all episodes
	Fallback int     `json:"fallback"`           // of Steps, those of the safe controller
	Explored float64 `json:"explored,omitempty"` // a volume; 0 is not known
}

// Check reports the first thing that cannot be.
func (f Fallback) Check() error {
	if f.Task == "" || f.Name == "" || f.Source == "" || len(f.Settings) == 0 {
		return fmt.Errorf("a fallback has the task %q, the name %q, the source %q and %d settings: want all four", f.Task, f.Name, f.Source, len(f.Settings))
	}
	for _, s := range f.Settings {
		if s.Setting == "" || s.Steps < 1 || s.Failures < 0 || s.Failures > s.Episodes || s.Fallback < 0 || s.Fallback > s.Steps || !(s.Explored >= 0) {
			return fmt.Errorf("%s, %q: %d failures in %d episodes, and %d fallbacks in %d steps, cannot be", f.Name, s.Setting, s.Failures, s.Episodes, s.Fallback, s.Steps)
		}
	}
	return nil
}

// readFallbacks reads a file of fallbacks.
func readFallbacks(path string) ([]Fallback, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f struct {
		Fallbacks []Fallback `json:"fallbacks"`
	}
	if err := encode.Decode(text, &f); err != nil {
		return nil, fmt.Errorf("%s holds no fallbacks: %w", path, err)
	}
	for _, p := range f.Fallbacks {
		if err := p.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return f.Fallbacks, nil
}

// FallbackName is the figure of fallbacks.
const FallbackName = "fallback"

// FallenOf counts the planned episodes of finished runs of m as those of a Fallback: with its first violation an episode counts no further. What the
// filter executed in place of a plan is counted over all steps, with a proof or without one, as nobody kept when it was. Explored is the mean
// over runs of what they had explored in the end.
func FallenOf(m *report.Method) (f Fallen) {
	replaced, planned, runs := 0, 0, 0
	for i := range m.Runs {
		r := &m.Runs[i]
		if !m.Finished(r) {
			continue
		}
		runs++
		f.Explored += r.Episodes[len(r.Episodes)-1].Explored
		for _, e := range r.Episodes {
			if e.Phase != safex.PlannedPhase {
				continue
			}
			f.Episodes++
			replaced, planned = replaced+e.ByBackup+e.Uncovered, planned+e.Steps
			if e.First < 0 {
				f.Steps += e.Steps
				continue
			}
			f.Failures++
			f.Steps += e.First + 1
		}
	}
	if runs == 0 || planned == 0 {
		return Fallen{}
	}
	f.Explored /= float64(runs)
	f.Fallback = (replaced*f.Steps + planned/2) / planned
	return f
}

// share is k of n in percent.
func share(k, n int) float64 { return 100 * float64(k) / float64(n) }

// fallback has a row for each task of Fallbacks: failures against what the fallback executed, and what was explored for that.
func (g *Gallery) fallback() (*fig.Figure, error) {
	if len(g.Fallbacks) == 0 {
		return nil, errors.New("there is nobody who published what a fallback did: name a file of fallbacks, as notebooks/results/filter/safempc-peers.json")
	}
	f := fig.Grid{Columns: 2, Tall: []float64{8}}
	var notes notes
	notes.add("A failure is an episode that a violation ended, per step that was taken up to there. Bars: 95 %% intervals of Clopper and Pearson, of episodes, and bootstrap ones over seeds.")
	for _, r := range g.methods(func(m *report.Method) bool {
		return slices.ContainsFunc(g.Fallbacks, func(f Fallback) bool { return f.Task == m.Task })
	}) {
		failed := fig.Frontier{Title: r.task + ": failures", X: "steps of the fallback [%]", Y: "failures per 100 steps"}
		found := fig.Frontier{Title: r.task + ": explored", X: "steps of the fallback [%]", Y: "area of the states"}
		add := func(q fig.Point, s Fallen, areas []float64, m *method) {
			q.X = share(s.Fallback, s.Steps)
			q.XLo, q.XHi, q.Y = q.X, q.X, share(s.Failures, s.Steps)
			lo, hi := stats.ClopperPearson(s.Failures, s.Episodes, 0.95)
			per := 100 * float64(s.Episodes) / float64(s.Steps)
			q.YLo, q.YHi = per*lo, per*hi
			failed.Points = append(failed.Points, q)
			if s.Explored > 0 {
				q.Y, q.YLo, q.YHi = s.Explored, s.Explored, s.Explored
				if m != nil {
					e := estimate(func(v []float64) float64 { return stat.Mean(v, nil) }, areas, stream(m).Child("explored"))
					q.YLo, q.YHi = e.Lo, e.Hi
				}
				found.Points = append(found.Points, q)
			}
		}
		apart := func() {
			failed.Apart, found.Apart = append(failed.Apart, len(failed.Points)), append(found.Apart, len(found.Points))
		}
		look := fig.Published
		for _, p := range g.Fallbacks {
			if p.Task != r.task {
				continue
			}
			apart()
			for _, s := range p.Settings {
				add(fig.Point{Name: s.Setting, Method: look}, s, nil, nil)
			}
			f.Key = append(f.Key, fig.Key{Name: p.Name, Method: look})
			notes.add("%s: %s.", p.Name, p.Source)
			look++
		}
		var studies []string
		for _, m := range r.methods {
			if !slices.Contains(studies, m.Study) {
				studies = append(studies, m.Study)
			}
		}
		for k, study := range studies {
			type one struct {
				method
				Fallen
			}
			var all []one
			for _, m := range r.methods {
				if s := FallenOf(m.Method); m.Study == study && s.Steps > 0 {
					all = append(all, one{m, s})
				}
			}
			slices.SortStableFunc(all, func(a, b one) int {
				return cmp.Compare(share(a.Fallback, a.Fallen.Steps), share(b.Fallback, b.Fallen.Steps))
			})
			for i, m := range all {
				if i == 0 || all[i-1].Filter == "" { // what has no filter is no value of its settings
					apart()
				}
				var areas []float64
				for _, o := range m.finished() {
					areas = append(areas, o.Episodes[len(o.Episodes)-1].Explored)
				}
				add(fig.Point{Name: cmp.Or(m.Variant, "default"), Method: k}, m.Fallen, areas, &m.method)
			}
			f.Key = append(f.Key, fig.Key{Name: cmp.Or(study, "no study"), Method: k})
		}
		f.Charts = append(f.Charts, failed, found)
	}
	if len(f.Charts) == 0 {
		return nil, errors.New("no run is of a task that others published fallbacks of: there is nothing to draw")
	}
	f.Notes = notes.lines
	return f.Figure(), nil
}
