package fig_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Two methods and a published run, with their spread.
func ExampleGrid() {
	var slow, fast fig.Curve
	fast.Method = 1
	for e := 1; e <= 8; e++ {
		x := float64(e)
		slow.X, slow.Y, slow.Lo, slow.Hi = append(slow.X, x), append(slow.Y, -12/x), append(slow.Lo, -15/x), append(slow.Hi, -9/x)
		fast.X, fast.Y = append(fast.X, x), append(fast.Y, -12/x/x)
	}
	fast.Y[4] = math.NaN()
	write("testdata/grid.png", fig.Grid{
		Columns: 2,
		Key:     []fig.Key{{Name: "slow, 8 seeds", Method: 0}, {Name: "fast, 1 seed: no interval", Method: 1}, {Name: "published", Method: fig.Published}},
		Charts: []fig.Chart{
			fig.Curves{Title: "a task: return", X: "episode", Y: "return", Lines: []fig.Curve{slow, fast, {Method: fig.Published, X: []float64{1, 2, 3}, Y: []float64{-14, -13, -7}}}},
			fig.BoxPlots{Title: "a task: violating steps", X: "violating steps", Rows: []fig.Box{
				{Name: "slow", Method: 0, Values: []float64{0, 1, 1, 2, 3, 3, 4, 12}}, {Name: "fast", Method: 1, Values: []float64{5}},
				{Name: "not yet", Method: 2}, {Name: "published", Method: fig.Published, Values: []float64{9}},
			}},
		},
		Notes: []string{"A sentence that says what is drawn, and goes on until it does not fit into one line any more, so that it is broken between two of its words.", "Another one."},
	}.Figure())
	// Output:
}

// What grows as a power, what hardly grows, and what has a number that cannot be drawn.
func ExampleGrowth() {
	line := func(method int, power float64) (c fig.Curve) {
		c.Method = method
		for _, x := range []float64{1, 2, 4, 8} {
			c.X, c.Y = append(c.X, x), append(c.Y, math.Pow(x, power))
		}
		return c
	}
	broken := line(2, 0.5)
	broken.Y[1] = math.NaN()
	write("testdata/growth.png", fig.Grid{
		Columns: 2, Key: []fig.Key{{Name: "square", Method: 0}, {Name: "hardly", Method: 1}, {Name: "root", Method: 2}},
		Charts: []fig.Chart{
			fig.Growth{Title: "times", X: "times as much", Y: "times as long", Lines: []fig.Curve{line(0, 2), line(1, 0.1), broken}, Linear: true},
			fig.Curves{Title: "memory", X: "episodes", Y: "MB", Lines: []fig.Curve{{Method: 1, X: []float64{1, 2, 3}, Y: []float64{50, 52, 51}}}, Zero: true},
		},
	}.Figure())
	// Output:
}

// How often a step was beyond a limit, in a hundred episodes and over them.
func ExampleHistogram() {
	values := append(slices.Repeat([]int{0}, 90), 1, 1, 1, 1, 2, 2, 5, 5, 5, 9)
	write("testdata/histogram.png", fig.Grid{Columns: 2, Tall: []float64{5}, Charts: []fig.Chart{
		fig.Histogram{Title: "90 of 100 without", X: "violating steps", Y: "episodes", Method: 1, Values: values, Most: 12, High: 100},
		fig.VerticalBars{Title: "mean over seeds", X: "episode", Y: "violating steps", Method: 2, Values: []float64{0, 3, 2.5, math.NaN(), 1}, High: 4},
	}}.Figure())
	// Output:
}

// What a model predicts against what was measured, with its boxes, and errors on an axis of decades.
func ExampleAgreement() {
	a := fig.Agreement{Title: "one step", X: "measured change of ω [rad/s]", Y: "predicted"}
	for i := range 40 {
		x := math.Sin(float64(7*i)) / 2
		a.Measured, a.Predicted, a.Half = append(a.Measured, x), append(a.Predicted, x+0.08*math.Cos(float64(5*i))), append(a.Half, 0.1+0.1*x*x)
	}
	a.Predicted[3] = math.NaN()
	c := fig.Curves{Title: "RMSE of ω [rad/s]", X: "steps ahead", Log: true, Lines: []fig.Curve{{Method: 0}, {Method: 1}}}
	for h := 1.0; h <= 20; h++ {
		for k, y := range []float64{0.002 * h, 0.2 * math.Sqrt(h)} {
			c.Lines[k].X, c.Lines[k].Y = append(c.Lines[k].X, h), append(c.Lines[k].Y, y)
		}
	}
	c.Lines[0].Y[0] = 0 // no error at all
	write("testdata/agreement.png", fig.Grid{
		Columns: 2, Tall: []float64{5.5}, Key: []fig.Key{{Name: "the model's mean", Method: 0}, {Name: "if nothing changed", Method: 1}}, Charts: []fig.Chart{a, c},
	}.Figure())
	// Output:
}

// Three methods, one of which mostly never comes there, and two at the same place.
func ExampleScatter() {
	inf := math.Inf(1)
	write("testdata/scatter.png", fig.Grid{Columns: 1, Tall: []float64{9}, Charts: []fig.Chart{fig.Scatter{
		Title: "safety against speed", X: "episode in which -400 is reached", Y: "violating steps per run", Never: "not in 10",
		Points: []fig.Point{
			{Name: "bold", Method: 0, X: 2, XLo: 1.5, XHi: 3, Y: 12, YLo: 8, YHi: 17, RunsX: []float64{1, 2, 3}, RunsY: []float64{7, 12, 17}},
			{Name: "shy (2 of 3 never)", Method: 1, X: inf, XLo: 6, XHi: inf, Y: 1, YLo: 0, YHi: 3, RunsX: []float64{6, inf, inf}, RunsY: []float64{3, 0, 0}},
			{Name: "one", Method: 2, X: 4, XLo: 4, XHi: 4},
			{Name: "another", Method: 3, X: 4, XLo: 3, XHi: 5},
		},
	}}}.Figure())
	// Output:
}

// What was promised, and what was found.
func ExampleShares() {
	write("testdata/intervals.png", fig.Grid{
		Columns: 1, Tall: []float64{5}, Key: []fig.Key{{Name: "same", Method: 0}, {Name: "other", Method: 1}},
		Charts: []fig.Chart{fig.Shares{Title: "episodes in the box", X: "share [%]", Level: 0.95, Rows: []fig.ShareRow{
			{Name: "a task", Shares: []reliability.Share{{K: 95, N: 100}, {K: 6, N: 10}}}, {Name: "another", Shares: []reliability.Share{{K: 30, N: 30}, {}}},
		}}},
	}.Figure())
	// Output:
}

// What three adversaries miss.
func ExampleHorizontalBars() {
	write("testdata/horizontalbars.png", fig.Grid{Columns: 1, Tall: []float64{4.5}, Charts: []fig.Chart{fig.HorizontalBars{
		Title: "of 40 plans", X: "missed [%]", Most: 100,
		Bars: []fig.Bar{{"particles", 75}, {"gradient", 5}, {"best", 0}}, Texts: []string{"30", "2", "0"},
	}}}.Figure())
	// Output:
}

// All that happened in an episode of the pendulum.
func ExampleEpisode() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	e := swing(s, 3, 0.9)
	for t := range e.Forecasts {
		e.Forecasts[t].Epistemic, e.Forecasts[t].Aleatoric = []float64{0, 0, 0.4}, []float64{0, 0, 0.3}
	}
	write("testdata/episode.png", fig.Episode(s, e))
	// Output:
}

// The way of a car that was driven through noise, for a second.
func ExampleEpisode_path() {
	p := tasks.DefaultRCCar()
	p.ObservationNoise = 1
	s, err := p.Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	start := []float64{1.42, -1.02, 0, -1, 0, 0, 0}
	e := safex.Episode{Number: 1, Phase: safex.PlannedPhase, Trajectory: safex.Trajectory{States: [][]float64{start}, Real: [][]float64{start}}}
	for t := range 40 {
		x, u := e.Real[t], []float64{-0.6, 0.5}
		if t > 25 {
			u = []float64{0, -1}
		}
		next, reward, excess := s.Step(x, u)
		e.Real = append(e.Real, next)
		seen := slices.Clone(next)
		for k := range seen {
			seen[k] += 0.01 * math.Sin(float64(7*t+k))
		}
		e.Append(u, seen, reward, excess)
		e.Forecasts = append(e.Forecasts, safex.Forecast{Mean: next, Epistemic: slices.Repeat([]float64{0.02}, 7), Aleatoric: slices.Repeat([]float64{0.01}, 7)})
	}
	e.Forecasts[5].Epistemic[0] = 90 // far more than what happened
	write("testdata/path.png", fig.Episode(s, e))
	// Output:
}

func TestGrowth(t *testing.T)    { cmpimg.CheckPlot(ExampleGrowth, t, "growth.png") }
func TestGrid(t *testing.T)      { cmpimg.CheckPlot(ExampleGrid, t, "grid.png") }
func TestAgreement(t *testing.T) { cmpimg.CheckPlot(ExampleAgreement, t, "agreement.png") }
func TestHistogram(t *testing.T) { cmpimg.CheckPlot(ExampleHistogram, t, "histogram.png") }
func TestScatter(t *testing.T)   { cmpimg.CheckPlot(ExampleScatter, t, "scatter.png") }
func TestIntervals(t *testing.T) { cmpimg.CheckPlot(ExampleShares, t, "intervals.png") }
func TestHorizontalBars(t *testing.T) {
	cmpimg.CheckPlot(ExampleHorizontalBars, t, "horizontalbars.png")
}
func TestEpisode(t *testing.T) { cmpimg.CheckPlot(ExampleEpisode, t, "episode.png") }
func TestPath(t *testing.T)    { cmpimg.CheckPlot(ExampleEpisode_path, t, "path.png") }

// A grid of little or of nothing is empty, and no panic.
func TestSparseGrid(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	car, err := tasks.DefaultRCCar().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	random := swing(s, 0, 0.1)
	random.Phase, random.Forecasts = safex.RandomPhase, nil
	lost := swing(s, 1, 0.1)
	lost.Forecasts[3].Mean[2], lost.States[5] = math.NaN(), []float64{math.NaN(), math.NaN(), math.NaN()}
	one := func(c fig.Chart) *fig.Figure { return fig.Grid{Columns: 1, Charts: []fig.Chart{c}}.Figure() }
	for name, f := range map[string]*fig.Figure{
		"curves": one(fig.Curves{}), "growth": one(fig.Growth{}), "a size": one(fig.Growth{Lines: []fig.Curve{{X: []float64{1}, Y: []float64{2}}}, Linear: true}), "a point": one(fig.Curves{Lines: []fig.Curve{{X: []float64{1}, Y: []float64{2}}}}), "box plots": one(fig.BoxPlots{}),
		"histogram": one(fig.Histogram{}), "vertical bars": one(fig.VerticalBars{}), "scatter": one(fig.Scatter{}), "shares": one(fig.Shares{}), "horizontal bars": one(fig.HorizontalBars{}),
		"nil": one(nil), "no charts": fig.Grid{Columns: 2, Notes: []string{""}}.Figure(), "random phase": fig.Episode(s, random), "NaN": fig.Episode(s, lost),
		"no steps": fig.Episode(s, safex.Episode{}), "no way": fig.Episode(car, safex.Episode{}),
	} {
		if png, err := f.PNG(); err != nil || len(png) < 500 {
			t.Errorf("%s: %d bytes, error %v", name, len(png), err)
		}
	}
}

// The same figure has the same bytes in PNG and SVG, and other formats are refused.
func TestEncode(t *testing.T) {
	for format, begins := range map[string]string{"png": "\x89PNG", "svg": "<?xml", "pdf": "%PDF"} {
		var files [2]string
		for i := range files {
			data, err := fig.Bars("share", fig.Bar{"one", 0.4}).Encode(format)
			if err != nil {
				t.Fatal(err)
			}
			files[i] = string(data)
		}
		if !strings.HasPrefix(files[0], begins) || format != "pdf" && files[0] != files[1] {
			t.Errorf("%s begins with %q, and is the same again: %v", format, files[0][:10], files[0] == files[1])
		}
	}
	if _, err := fig.Bars("share").Encode("gif"); err == nil || !strings.Contains(err.Error(), `there is no format "gif": there are png, svg and pdf`) {
		t.Errorf("error %v", err)
	}
}
