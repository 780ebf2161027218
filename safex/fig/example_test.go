package fig_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/cmpimg"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// swing is an episode of the pendulum that is pushed in the direction of its motion, with made-up forecasts
// that grow with the speed.
func swing(s *safex.System, number int, push float64) safex.Episode {
	e := safex.Episode{Number: number, Phase: safex.PlannedPhase, Trajectory: safex.Trajectory{States: [][]float64{{-1, 0.05, 0}}}}
	for t := range 100 {
		x := e.States[t]
		u := []float64{push * math.Copysign(1, x[2])}
		next, reward, excess := s.Step(x, u)
		e.Append(u, next, reward, excess)
		e.Forecasts = append(e.Forecasts, safex.Forecast{
			Mean:  []float64{next[0], next[1], next[2] + 0.1*math.Sin(float64(t))},
			Worst: []float64{excess[0] + 0.5 + 0.1*math.Abs(next[2])}, Beta: 2,
		})
	}
	return e
}

func write(path string, f *fig.Figure) {
	png, err := f.PNG()
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		fmt.Println(err)
	}
}

// A learning curve from the random phase on.
func ExampleLearning() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	random := swing(s, 0, 0.1)
	random.Phase, random.Forecasts = safex.RandomPhase, nil
	episodes := []safex.Episode{random}
	for i, push := range []float64{0.3, 0.9, 1, 0.5} {
		episodes = append(episodes, swing(s, i+1, push))
	}
	write("testdata/learning.png", fig.Learning(s, episodes))
	// Output:
}

// An episode against its limit.
func ExampleSafety() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	write("testdata/safety.png", fig.Safety(s, swing(s, 1, 0.9)))
	// Output:
}

// An episode with a filter, which was not sure of the fastest swing.
func ExampleSafety_covered() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	e := swing(s, 1, 0.35)
	for t := range e.Forecasts {
		f := &e.Forecasts[t]
		switch v := math.Abs(f.Mean[2]); {
		case v > 5.5:
			f.Cover = safex.CoverNone
		case v > 4.5:
			f.Cover = safex.CoverBackup
		case v > 4:
			f.Cover = safex.CoverTail
		case v > 2:
			f.Cover = safex.CoverPlanned
		default:
			f.Cover = safex.CoverKernel
		}
	}
	write("testdata/covered.png", fig.Safety(s, e))
	// Output:
}

// energy is a region of the pendulum: the states whose energy is at most that of the bottom at some speed, if it brakes.
func energy(name string, speed float64) fig.Region {
	return fig.Region{Name: name, Contains: func(x []float64) bool { return x[2]*x[2]/2+15*x[0] <= speed*speed/2-15 }}
}

// Where a pendulum can be kept below its limit, and an episode with a filter that left it at last, around the bottom.
func ExamplePhase() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	e := swing(s, 1, 0.35)
	for t := range e.Forecasts {
		switch x := e.States[t+1]; {
		case x[2]*x[2]/2+15*x[0] > 3:
			e.Forecasts[t].Cover = safex.CoverNone
		case math.Abs(x[2]) > 5:
			e.Forecasts[t].Cover = safex.CoverBackup
		default:
			e.Forecasts[t].Cover = safex.CoverKernel
		}
	}
	f, err := fig.Phase{
		System: s, Regions: []fig.Region{energy("can be kept below the limit", 6)}, Episodes: []safex.Episode{e},
		Notes: []string{"Shaded by the energy: what is below 3 stays at 6 rad/s or less if the pendulum brakes."},
	}.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	write("testdata/phase.png", f)
	// Output:
}

// A region that grows from episode to episode, the last two of which go their ways; here with the speed across.
func ExamplePhase_growing() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	p := fig.Phase{System: s, X: "omega", Y: "theta", Episodes: []safex.Episode{swing(s, 3, 0.25), swing(s, 4, 0.33)}}
	for i, speed := range []float64{2, 3.5, 4.8, 6} {
		p.Regions = append(p.Regions, energy(fmt.Sprintf("after episode %d", i+1), speed))
	}
	f, err := p.Figure()
	if err != nil {
		fmt.Println(err)
		return
	}
	write("testdata/growing.png", f)
	// Output:
}

// pushed is a swing of 22 steps through the bottom, whose speed something pushes in every step.
func pushed(s *safex.System, push func(t int) float64) safex.Trajectory {
	sin, cos := math.Sincos(1.6)
	way := safex.Trajectory{States: [][]float64{{cos, sin, 2.7}}}
	for t := range 22 {
		x, u := way.States[t], []float64{-0.3}
		next, _, _ := s.Step(x, u)
		next[2] += push(t)
		reward, excess := s.Score(x, u, next, u)
		way.Append(u, next, reward, excess)
	}
	return way
}

// around is a made-up tube around a swing, which is pushed by up to 0.02 rad/s in every step, and really by 0.01.
func around(s *safex.System) fig.Tube {
	by := func(v float64) safex.Trajectory { return pushed(s, func(int) float64 { return v }) }
	v := fig.Tube{System: s, Mean: by(0), Found: []safex.Trajectory{by(0.02), by(-0.02)}, Real: by(0.01)}
	for t := range v.Mean.Actions {
		lo, hi := slices.Clone(v.Mean.States[t+1]), slices.Clone(v.Mean.States[t+1])
		width := 0.022*float64(t+1) + 0.0012*float64(t*t)
		for d := range lo {
			lo[d], hi[d] = lo[d]-width, hi[d]+width
		}
		excess := slices.Clone(v.Mean.Excess[t])
		for k := range excess {
			excess[k] += width * float64(1+k)
		}
		v.Lo, v.Hi, v.Excess = append(v.Lo, lo), append(v.Hi, hi), append(v.Excess, excess)
	}
	return v
}

// A plan that is proved to keep its limit, whatever pushes it.
func ExampleTube() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	v := around(s)
	v.Notes = []string{"Proved: the speed stays below the limit. Found: what pushes it at the bottom. Real: half of that."}
	write("testdata/tube.png", v.Figure())
	// Output:
}

// A plan of which nothing is known in the end, with a limit that is no bound on a state: the power of the motor.
func ExampleTube_lost() {
	task := tasks.DefaultPendulum().Task()
	task.Limits = append(task.Limits, safex.Limit{
		Name: "power", Unit: "W", Max: 4, Of: func(x, u, next num.Vec) num.Expr { return u[0].Mul(-2).Mul(next[2]) },
	})
	s, err := task.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	v := around(s)
	for t := range v.Excess {
		width := math.Exp(float64(t)/2) / 100
		if t > 17 {
			width = math.Inf(1)
		}
		for d := range v.Lo[t] {
			v.Lo[t][d], v.Hi[t][d] = v.Lo[t][d]-width, v.Hi[t][d]+width
		}
		for k := range v.Excess[t] {
			v.Excess[t][k] += width
		}
	}
	write("testdata/lost.png", v.Figure())
	// Output:
}

// A limit that is no bound on a state is drawn as the quantity it limits, here the power of the motor.
func ExampleSafety_quantity() {
	task := tasks.DefaultPendulum().Task()
	task.Limits = append(task.Limits, safex.Limit{
		Name: "power", Unit: "W", Max: 8,
		Of: func(x, u, next num.Vec) num.Expr { return u[0].Mul(2).Mul(next[2]) },
	})
	s, err := task.System()
	if err != nil {
		fmt.Println(err)
		return
	}
	e := swing(s, 1, 0.9)
	for t := range e.Forecasts {
		e.Forecasts[t].Worst = append(e.Forecasts[t].Worst, e.Excess[t][1]+1)
	}
	write("testdata/quantity.png", fig.Safety(s, e))
	// Output:
}

// Beliefs that become better from episode to episode, against what happened.
func ExampleReliability() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	var episodes []safex.Episode
	for number := 1; number <= 4; number++ {
		e := swing(s, number, 0.3*float64(number))
		for t := range e.Forecasts {
			f := &e.Forecasts[t]
			deviation := 0.15 / float64(number)
			f.Epistemic, f.Aleatoric = []float64{deviation, deviation, 0.04}, []float64{0.01, 0.01, 0.02}
			f.Mean[0] += 0.1 * math.Cos(3*float64(t))
			f.OutOfDistribution = t%10 > 2*number
		}
		episodes = append(episodes, e)
	}
	c, err := reliability.New(s, episodes, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	write("testdata/reliability.png", fig.Reliability(c))
	// Output:
}

// The same where it was counted how often the system stayed in the tubes of plans and of backups.
func ExampleReliability_tubes() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	var episodes []safex.Episode
	var tubes []reliability.Tubes
	for number := 1; number <= 4; number++ {
		e := swing(s, number, 0.3*float64(number))
		n := len(e.Actions)
		for t := range e.Forecasts {
			f := &e.Forecasts[t]
			f.Epistemic, f.Aleatoric = []float64{0.1, 0.1, 0.04}, []float64{0.01, 0.01, 0.02}
			f.Mean[0] += 0.1 * math.Cos(3*float64(t)) * float64(8-number) / 4
		}
		episodes, tubes = append(episodes, e), append(tubes, reliability.Tubes{Episode: number, Plans: n, PlansInTube: n - n/(2+number), Backups: n / 2, BackupsInTube: n/2 - 4/number})
	}
	c, err := reliability.New(s, episodes, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	c.AddTubes(tubes)
	write("testdata/reliability-tubes.png", fig.Reliability(c))
	// Output:
}

// guess is a belief about the pendulum that nothing moves, or what is asked of it, with epistemic deviations that grow with the height.
type guess struct {
	system *safex.System // that it takes for the truth; nil if nothing moves
	beta   float64
}

func (g guess) Beta() float64 { return g.beta }

func (g guess) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(3, x.Len())
	for d := range x {
		copy(dst.Mean[d], x[d])
		for i := range x[d] {
			dst.Epistemic[d][i], dst.Aleatoric[d][i] = 0.01+0.1*(1+x[0][i]), 0.05
		}
	}
	if g.system != nil {
		g.system.Dynamics.EvalBatch(dst.Mean, append(append(num.Batch{}, x...), u...))
	}
	return nil
}

// circle is a section around the pendulum, at rest.
var circle = fig.Section{
	Label: "angle [rad], 0 is upright", From: -math.Pi, To: math.Pi, State: 2,
	At: func(v float64) (x, u []float64) { return []float64{math.Cos(v), math.Sin(v), 0}, []float64{0} },
	Of: func(x, u []float64) float64 { return math.Atan2(x[1], x[0]) },
}

// What two beliefs think of the angular acceleration, and where the data are.
func ExampleBeliefs() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	data := &safex.Data{}
	for i := range 40 {
		v := 3 + 0.4*math.Sin(float64(i))
		x, u := circle.At(v)
		next, _, _ := s.Step(x, u)
		data.Append(x, u, next)
	}
	f, err := fig.Beliefs(s, circle, data, 2, fig.Belief{Name: "nothing moves", Model: guess{}}, fig.Belief{Name: "right", Model: guess{s, 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	write("testdata/beliefs.png", f)
	// Output:
}

// The epistemic deviation of two beliefs.
func ExampleEpistemic() {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := fig.Epistemic(s, circle, fig.Belief{Name: "one", Model: guess{}}, fig.Belief{Name: "another", Model: guess{s, 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	write("testdata/epistemic.png", f)
	// Output:
}

// How often runs reach the goal as their speed limit rises, and what they return.
func ExampleVaried() {
	var trials []fig.Trial
	for i := range 10 {
		v := 5 + float64(i)/10
		k := int(200 / (1 + math.Exp(-12*(v-5.4))))
		t := fig.Trial{Value: v, ReachedGoal: reliability.Share{K: k, N: 200}, Clean: reliability.Share{K: 200 - (9-i)*(9-i)/8, N: 200}}
		for n := range 20 {
			t.Returns = append(t.Returns, -350-1200/(1+math.Exp(12*(v-5.4)))*(1+0.2*math.Sin(float64(n*n))))
		}
		trials = append(trials, t)
	}
	write("testdata/varied.png", fig.Varied("pendulum, safe, oracle dynamics: 23 of 400000 steps beyond a limit", "MaxSpeed", trials))
	// Output:
}

// Runs of a task without a goal, at one value.
func ExampleVaried_nowhere() {
	write("testdata/nowhere.png", fig.Varied("a task without a goal", "planner.Horizon", []fig.Trial{
		{Value: 20, Clean: reliability.Share{K: 3, N: 3}, Returns: []float64{-1, -3, -2}},
		{Value: 40, Clean: reliability.Share{K: 2, N: 3}, Returns: []float64{-2, -2, -1}},
	}))
	// Output:
}

// A search between the two wells of a function.
func ExampleContours() {
	f := func(x, y float64) float64 { return math.Pow(x*x-1, 2) + y*y + 0.3*x }
	path := fig.Line{Name: "descent", Dots: true}
	x, y := 0.1, 1.3
	for range 12 {
		path.X, path.Y = append(path.X, x), append(path.Y, y)
		x, y = x-0.1*(4*x*(x*x-1)+0.3), y-0.1*2*y
	}
	ridge := fig.Line{Name: "between the wells", X: []float64{0.08, 0.08}, Y: []float64{-1.5, 1.5}, Dashed: true}
	write("testdata/contours.png", fig.Contours(fig.Axis{Label: "x", From: -1.5, To: 1.5}, fig.Axis{Label: "y", From: -1.5, To: 1.5}, f, path, ridge))
	// Output:
}

// A forecast with its band and a limit, above what was done.
func ExamplePanels() {
	var speed, truth, action fig.Line
	speed.Name, truth.Name, truth.Dashed, action.Dots, action.Dashed = "forecast", "truth", true, true, true
	for t := range 20 {
		v := 5 * math.Sin(float64(t)/6)
		speed.X, speed.Y = append(speed.X, float64(t)), append(speed.Y, v)
		speed.Lo, speed.Hi = append(speed.Lo, v-float64(t)/12), append(speed.Hi, v+float64(t)/12)
		truth.X, truth.Y = append(truth.X, float64(t)), append(truth.Y, v+math.Cos(float64(t))/3)
		action.X, action.Y = append(action.X, float64(t)), append(action.Y, math.Cos(float64(t)/6))
	}
	truth.Y[7] = math.NaN()
	write("testdata/panels.png", fig.Panels("step",
		fig.Panel{Title: "a forecast", Label: "speed [rad/s]", Lines: []fig.Line{speed, truth}, Levels: []float64{-6, 6}},
		fig.Panel{Label: "action", Lines: []fig.Line{action}}))
	// Output:
}

// What three methods reach.
func ExampleBars() {
	write("testdata/shares.png", fig.Bars("share of the best", fig.Bar{"one", 0.4}, fig.Bar{"another with a long name", 0.9}, fig.Bar{"failed", math.NaN()}))
	// Output:
}

func TestSketch(t *testing.T)      { cmpimg.CheckPlot(ExampleFigure_With, t, "sketch.png") }
func TestContours(t *testing.T)    { cmpimg.CheckPlot(ExampleContours, t, "contours.png") }
func TestPanels(t *testing.T)      { cmpimg.CheckPlot(ExamplePanels, t, "panels.png") }
func TestShares(t *testing.T)      { cmpimg.CheckPlot(ExampleBars, t, "shares.png") }
func TestVaried(t *testing.T)      { cmpimg.CheckPlot(ExampleVaried, t, "varied.png") }
func TestNowhere(t *testing.T)     { cmpimg.CheckPlot(ExampleVaried_nowhere, t, "nowhere.png") }
func TestBeliefs(t *testing.T)     { cmpimg.CheckPlot(ExampleBeliefs, t, "beliefs.png") }
func TestEpistemic(t *testing.T)   { cmpimg.CheckPlot(ExampleEpistemic, t, "epistemic.png") }
func TestReliability(t *testing.T) { cmpimg.CheckPlot(ExampleReliability, t, "reliability.png") }
func TestTubes(t *testing.T)       { cmpimg.CheckPlot(ExampleReliability_tubes, t, "reliability-tubes.png") }
func TestLearning(t *testing.T)    { cmpimg.CheckPlot(ExampleLearning, t, "learning.png") }
func TestSafety(t *testing.T)      { cmpimg.CheckPlot(ExampleSafety, t, "safety.png") }
func TestCovered(t *testing.T)     { cmpimg.CheckPlot(ExampleSafety_covered, t, "covered.png") }
func TestPhase(t *testing.T)       { cmpimg.CheckPlot(ExamplePhase, t, "phase.png") }
func TestGrowing(t *testing.T)     { cmpimg.CheckPlot(ExamplePhase_growing, t, "growing.png") }
func TestTube(t *testing.T)        { cmpimg.CheckPlot(ExampleTube, t, "tube.png") }
func TestLost(t *testing.T)        { cmpimg.CheckPlot(ExampleTube_lost, t, "lost.png") }
func TestQuantity(t *testing.T)    { cmpimg.CheckPlot(ExampleSafety_quantity, t, "quantity.png") }

// A line whose numbers do not match is named.
func TestUneven(t *testing.T) {
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, `line "speed" of 2 and 1 numbers`) {
			t.Error(r)
		}
	}()
	fig.Panels("step", fig.Panel{Lines: []fig.Line{{Name: "speed", X: []float64{0, 1}, Y: []float64{2}}}})
}

// A curve of many episodes has no more marks than one of some: what it costs does not grow.
func TestManyEpisodes(t *testing.T) {
	var all []fig.Learned
	for i := range 1000 {
		all = append(all, fig.Learned{Number: i, Phase: safex.PlannedPhase, Return: -1000 / float64(i+1), Violations: max(0, i%30-27)})
	}
	cost := func(n int) float64 {
		return testing.AllocsPerRun(1, func() {
			if png, err := fig.LearningCurve("a task", all[:n]).PNG(); err != nil || len(png) == 0 {
				t.Error(err)
			}
		})
	}
	if some, many := cost(150), cost(1000); many > 2*some {
		t.Errorf("%v allocations of 1000 episodes, %v of 150", many, some)
	}
}

// A figure of little or of nothing is empty, and no panic.
func TestSparse(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	random := swing(s, 0, 0.1)
	random.Phase, random.Forecasts = safex.RandomPhase, nil
	known := swing(s, 0, 0.1) // covered without a belief
	known.Phase, known.Forecasts = safex.RandomPhase, slices.Repeat([]safex.Forecast{{Cover: safex.CoverBackup}}, len(known.Actions))
	half := swing(s, 1, 0.1) // of a folder whose covers somebody took out
	half.Forecasts[3].Cover = safex.CoverTail
	gap := swing(s, 1, 0.1)
	gap.Forecasts[3].Worst[0], gap.Forecasts[4].Mean[2] = math.Inf(-1), math.NaN()
	for name, f := range map[string]*fig.Figure{
		"nothing": fig.Learning(s, nil), "random phase": fig.Learning(s, []safex.Episode{random}),
		"no forecasts": fig.Safety(s, random), "no beliefs": fig.Safety(s, known), "an episode without beliefs": fig.Episode(s, known), "no steps": fig.Safety(s, safex.Episode{}), "gaps": fig.Safety(s, gap), "one cover": fig.Safety(s, half), "no trials": fig.Varied("", "", nil),
		"no panels": fig.Panels(""), "an empty panel": fig.Panels("", fig.Panel{}), "no bars": fig.Bars(""),
		"no heights": fig.Contours(fig.Axis{"", 0, 1}, fig.Axis{"", 0, 1}, func(x, y float64) float64 { return math.NaN() }),
		"a plain":    fig.Contours(fig.Axis{"", 0, 1}, fig.Axis{"", 0, 1}, func(x, y float64) float64 { return 2 }),
		"no plan":    fig.Tube{System: s}.Figure(), "a mean alone": fig.Tube{System: s, Mean: pushed(s, func(int) float64 { return 0 })}.Figure(),
		"one trial": fig.Varied("", "", []fig.Trial{{Value: 1, Returns: []float64{2}}}),
	} {
		if png, err := f.PNG(); err != nil || len(png) < 1000 {
			t.Errorf("%s: %d bytes, error %v", name, len(png), err)
		}
	}
}

// A sketch, with what is behind it, stands to the left of the panels; a band that goes far beyond its panel is cut, and a panel without data says so.
func ExampleFigure_With() {
	xs := []float64{0, 0.25, 0.5, 0.75, 1}
	line := fig.Line{Name: "found", X: xs, Y: []float64{0, 1, 2, 2.5, 2.6}, Lo: []float64{0, 0.9, 1.5, -40, math.Inf(-1)}, Hi: []float64{0, 1.1, 2.5, 50, math.Inf(1)}}
	rod := func(x float64) safex.Shape { return safex.Box(safex.Body, -0.05, 0, 0.05, 0.9).Place(0, 0, x) }
	write("testdata/sketch.png", fig.Panels("time [s]", fig.Panel{Label: "speed [rad/s]", Lines: []fig.Line{line}, Levels: []float64{-3, 3}, From: -4, To: 4, Marks: []float64{0.5}}, fig.Panel{Label: "action"}).
		With(&fig.Sketch{Left: -1, Right: 1, Bottom: -1, Top: 1, Pale: []safex.Shape{rod(1), rod(2)}, Shapes: []safex.Shape{rod(0.3)}}, "A sentence about it."))
}
