package figures

import (
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/attack"
	"github.com/rischiboy/safe_exploration/safex/control"
	"github.com/rischiboy/safe_exploration/safex/coverage"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/reliability"
)

// drawControl draws a file of safex control: how runs change with the setting that was varied, or what they reach on each task.
func drawControl(path string) (*fig.Figure, error) {
	c, done, err := control.Read(path)
	if err != nil {
		return nil, err
	}
	rows := c.Rows(done)
	if c.Vary != "" {
		return control.Figure(rows)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s holds no outcome yet", path)
	}
	s := fig.Shares{X: "share of the runs [%]", Title: "what planning alone reaches, with the oracle dynamics"}
	for _, r := range rows {
		row := fig.ShareRow{Name: fmt.Sprintf("%s, %d runs", r.Task, r.Runs), Shares: []reliability.Share{{}, {K: r.Clean, N: r.Runs}}}
		if r.ReachedGoal != nil {
			row.Shares[0] = reliability.Share{K: *r.ReachedGoal, N: r.Runs}
		}
		if len(r.Worst) == 0 { // no limit to keep
			row.Shares[1] = reliability.Share{}
		}
		s.Rows = append(s.Rows, row)
	}
	return fig.Grid{
		Columns: 1, Key: []fig.Key{{Name: "reached the goal", Method: 0}, {Name: "without a violation", Method: 1}}, Charts: []fig.Chart{s},
		Tall: []float64{2.6 + 0.95*float64(len(rows))}, Notes: []string{"Bars: 95 % intervals of Clopper and Pearson."},
	}.Figure(), nil
}

// drawCoverage draws a file of safex coverage: how often the boxes of a model hold whole episodes, against what was promised.
func drawCoverage(path string) (*fig.Figure, error) {
	c, done, err := coverage.Read(path)
	if err != nil {
		return nil, err
	}
	s := fig.Shares{X: "episodes all of whose steps were in the box [%]", Title: "boxes of " + c.Model + " models, calibrated on whole episodes", Level: 1 - c.Miss}
	for _, task := range c.Tasks {
		row := fig.ShareRow{Name: task, Shares: make([]reliability.Share, 3)}
		runs := 0
		for _, d := range done {
			if d.Task != task {
				continue
			}
			runs++
			for i, v := range []reliability.Share{d.Same, d.Bolder, d.Planned} {
				row.Shares[i].K, row.Shares[i].N = row.Shares[i].K+v.K, row.Shares[i].N+v.N
			}
		}
		if runs > 0 {
			row.Name = fmt.Sprintf("%s, %d seeds", task, runs)
			s.Rows = append(s.Rows, row)
		}
	}
	if len(s.Rows) == 0 {
		return nil, fmt.Errorf("%s holds no outcome yet", path)
	}
	return fig.Grid{
		Columns: 1, Charts: []fig.Chart{s}, Tall: []float64{2.8 + 1.2*float64(len(s.Rows))},
		Key: []fig.Key{{Name: "noise that calibrated", Method: 0}, {Name: "noise twice as bold", Method: 1}, {Name: "a planner", Method: 2}},
		Notes: []string{
			fmt.Sprintf("Dashed: the %.3g %% that is promised for new episodes of the same noise, and for nothing else.", 100*(1-c.Miss)),
			"Bars: 95 % intervals of Clopper and Pearson, too narrow, as episodes of one seed share their model.",
		},
	}.Figure(), nil
}

// drawGap draws a file of safex attack: the plans that can be broken and that an adversary misses, a panel for each episode.
func drawGap(path string) (*fig.Figure, error) {
	gaps, err := attack.ReadGaps(path)
	if err != nil {
		return nil, err
	}
	if len(gaps) == 0 {
		return nil, fmt.Errorf("%s holds no outcome", path)
	}
	return Gaps(gaps), nil
}

// Gaps draws the plans that can be broken and that an adversary misses, a panel for each episode.
func Gaps(gaps []attack.Gap) *fig.Figure {
	var episodes []int
	for _, g := range gaps {
		if !slices.Contains(episodes, g.Episode) {
			episodes = append(episodes, g.Episode)
		}
	}
	f := fig.Grid{Columns: min(3, len(episodes)), Notes: []string{"Above: how many of the plans some adversary breaks. Bars: the share of these that each one misses, and their number. What the best known misses is not known."}}
	for i, e := range episodes {
		s := fig.HorizontalBars{X: "missed [%]", Most: 100}
		for _, g := range gaps {
			if g.Episode != e {
				continue
			}
			s.Title = fmt.Sprintf("β %.3g: %d of %d plans", g.Beta, g.Breakable, g.Plans)
			if e > 0 {
				s.Title = fmt.Sprintf("episode %d, %s", e, s.Title)
			}
			name := g.Adversary
			if i%f.Columns > 0 {
				name = " "
			}
			share := 0.0
			if g.Breakable > 0 {
				share = 100 * float64(g.Missed) / float64(g.Breakable)
			}
			s.Bars, s.Texts = append(s.Bars, fig.Bar{Name: name, Value: share}), append(s.Texts, fmt.Sprint(g.Missed))
		}
		f.Charts = append(f.Charts, s)
		f.Tall = []float64{2.6 + 0.6*float64(len(s.Bars))}
	}
	return f.Figure()
}
