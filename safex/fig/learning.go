package fig

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/rischiboy/safe_exploration/safex"
)

// many episodes at most have a mark for each. More are taken together, as marks would lie on each other, and a curve that is drawn
// after every episode would take more and more time and memory.
const many = 150

// Learned is what a learning curve shows of an episode.
type Learned struct {
	Number     int
	Phase      safex.Phase
	Return     float64
	Violations int // steps beyond a limit
}

// LearnedIn is what a learning curve shows of e.
func LearnedIn(s *safex.System, e safex.Episode) Learned {
	return Learned{e.Number, e.Phase, e.Return(), e.Violations(s.Budgets()...)}
}

// Learning shows the return of each episode, and below it the steps that broke a limit, counted
// from the first random step on: episode 0 is the random phase, which has no return to compare.
func Learning(s *safex.System, episodes []safex.Episode) *Figure {
	var all []Learned
	for _, e := range episodes {
		all = append(all, LearnedIn(s, e))
	}
	return LearningCurve(s.Name, all)
}

// LearningCurve is Learning of episodes of which nothing else is kept.
func LearningCurve(task string, episodes []Learned) *Figure {
	top := panel(fmt.Sprintf("%s: return and violations while learning", task), "", "return")
	bottom := panel("", "episode (0 is the random phase)", "violating steps")
	var xs, ys []float64
	var bars plotter.Values
	var total int
	each := max(1, (len(episodes)+many-1)/many)
	for group := range slices.Chunk(episodes, each) {
		sum, planned, violations := 0.0, 0, 0
		for _, e := range group {
			if violations += e.Violations; e.Phase == safex.PlannedPhase {
				sum, planned = sum+e.Return, planned+1
			}
		}
		total += violations
		xs, ys = append(xs, float64(group[0].Number+group[len(group)-1].Number)/2), append(ys, math.NaN())
		if planned > 0 {
			ys[len(ys)-1] = sum / float64(planned)
		}
		bars = append(bars, float64(violations))
	}
	dotted(top, "", xs, ys, theme.measured)
	if !slices.ContainsFunc(ys, finite) {
		noData(top, "no return yet: the first planned episode has not ended")
	}
	if len(bars) > 0 {
		b, err := plotter.NewBarChart(bars, vg.Points(10))
		if err != nil {
			panic(fmt.Sprintf("fig: %v", err))
		}
		b.Color, b.LineStyle.Width, b.XMin = theme.limit, 0, xs[0]
		bottom.Legend.Add(fmt.Sprintf("steps beyond a limit: %d in all", total), b)
		if each == 1 {
			bottom.Add(b)
		} else { // bars are one apart
			top.Title.Text += fmt.Sprintf(", %d episodes together", each)
			top.Y.Label.Text = "mean return"
			for i, v := range bars {
				if v > 0 {
					line(bottom, "", []float64{xs[i], xs[i]}, []float64{0, v}, theme.limit, 1.8)
				}
			}
		}
	}
	for _, p := range []*plot.Plot{top, bottom} {
		p.X.Min, p.X.Max = -0.5, max(1.5, float64(len(episodes))-0.5)
		p.X.Tick.Marker = ticks{whole: true}
	}
	roomy(top, 0.07, 0.07)
	bottom.Y.Min, bottom.Y.Max = 0, max(5, bottom.Y.Max*1.3)
	bottom.Y.Tick.Marker = ticks{whole: true}
	return &Figure{panels: []*plot.Plot{top, bottom}, tall: []float64{3, 1.6}, width: 16 * vg.Centimeter, height: 11 * vg.Centimeter}
}
