package calibrate_test

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

func small() safex.Codec {
	e := ensemble.Default()
	e.Hidden, e.MaxSteps, e.MinSteps, e.Patience = []int{8}, 100, 20, 50
	return e
}

// calibrators are all of them.
func calibrators() map[string]calibrate.Calibrator {
	episodes := calibrate.DefaultConformal()
	episodes.Episode = true
	held := calibrate.DefaultAdaptive()
	held.HoldOut = 5
	return map[string]calibrate.Calibrator{
		"temperature": calibrate.DefaultTemperature(), "conformal": calibrate.DefaultConformal(),
		"conformal, episodes": episodes, "adaptive": calibrate.DefaultAdaptive(), "adaptive, held out": held,
	}
}

func TestLaws(t *testing.T) {
	all := calibrators()
	all["temperature, fresh"] = calibrate.Temperature{HoldOut: 5, Fresh: true}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			keeps := modeltest.Laws{KeepsNoise: name != "adaptive"} // what is held out is off by the noise too, and the deviation is made of that
			t.Run("linear", func(t *testing.T) { modeltest.Run(t, c.With(linear.Default()), keeps) })
			t.Run("gp", func(t *testing.T) {
				g := gp.Default()
				g.Fit = false
				modeltest.Run(t, c.With(g), keeps)
			})
			t.Run("ensemble", func(t *testing.T) { modeltest.Run(t, c.With(small()), keeps) })
		})
	}
}

// still believes that nothing moves, with deviations of sigma and noise in each dimension.
type still struct{ sigma, noise float64 }

func (m still) Learn(context.Context, *safex.System, *safex.Data, safex.Model, rng.Stream) (safex.Model, error) {
	return m, nil
}
func (m still) Save(safex.Model) ([]byte, error)                { return []byte("{}"), nil }
func (m still) Load(*safex.System, []byte) (safex.Model, error) { return m, nil }

func (m still) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(len(x), x.Len())
	for d := range x {
		copy(dst.Mean[d], x[d])
		for i := range x[d] {
			dst.Epistemic[d][i], dst.Aleatoric[d][i] = m.sigma, m.noise
		}
	}
	return nil
}
func (m still) Architecture() string          { return "still" }
func (m still) Parameters() []*tensors.Tensor { return nil }
func (m still) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	x := Slice(xu, AxisRange(0, 2), AxisRange())
	return x, MulScalar(OnesLike(x), m.sigma)
}

// plane is a system of two dimensions.
func plane(t *testing.T) *safex.System {
	s, err := safex.Task{
		Name: "plane", Dt: 1, Steps: 1, Start: safex.StartAt(0, 0),
		State: []safex.Var{{Name: "x", Scale: 1}, {Name: "y", Scale: 1}}, Action: []safex.Var{{Name: "u", Scale: 1}},
		Next:   func(x, u num.Vec) num.Vec { return num.Vec{x[0].Add(u[0]), x[1]} },
		Reward: func(x, u, next num.Vec) num.Expr { return next[0] },
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// blows appends n transitions that end off by two Student t numbers of 3 degrees, times size.
func blows(data *safex.Data, n int, size float64, r *rand.Rand) {
	student := func() float64 {
		var square float64
		for range 3 {
			v := r.NormFloat64()
			square += v * v / 3
		}
		return size * r.NormFloat64() / math.Sqrt(square)
	}
	for range n {
		data.Append([]float64{0, 0}, []float64{0}, []float64{student(), student()})
	}
}

func learn(t *testing.T, l safex.Learner, s *safex.System, data *safex.Data) safex.Model {
	t.Helper()
	m, err := l.Learn(context.Background(), s, data, nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// covered is the share of episodes of data none of whose transitions leave the box of m.
func covered(t *testing.T, m safex.Model, data *safex.Data) float64 {
	var p safex.Prediction
	if err := m.Predict(&p, data.X, data.U); err != nil {
		t.Fatal(err)
	}
	in := 0
	episodes := data.Episodes()
	for _, e := range episodes {
		all := true
		for i := e[0]; i < e[1]; i++ {
			for d := range p.Mean {
				all = all && math.Abs(data.Next[d][i]-p.Mean[d][i]) <= safex.BetaOf(m)*p.Epistemic[d][i]
			}
		}
		if all {
			in++
		}
	}
	return float64(in) / float64(len(episodes))
}

// The box holds a new transition, or a new episode, with the probability promised, however wrong the deviations and
// whatever the distribution. The mean of the coverage over calibration sets is known exactly: rank/(n+1), the Level.
func TestConformalCovers(t *testing.T) {
	s := plane(t)
	for _, c := range []struct {
		episode         bool
		held            int
		miss, want, off float64 // off is 4 deviations of the mean over the repetitions
	}{{false, 39, 0.05, 38.0 / 40, 0.01}, {false, 19, 0.05, 0.95, 0.014}, {false, 9, 0.1, 0.9, 0.03}, {false, 60, 0.2, 49.0 / 61, 0.02}, {true, 39, 0.05, 0.95, 0.012}} {
		l := calibrate.Conformal{Miss: c.miss, HoldOut: 2, Episode: c.episode}.With(still{0.001, 0.1})
		var mean float64
		const repeats = 400
		for k := range repeats {
			r := rng.New(7).At(k).Rand()
			data := &safex.Data{}
			for range 2 * c.held {
				data.Begin()
				n := 1
				if c.episode {
					n = 3
				}
				blows(data, n, 1, r)
			}
			data.Begin()
			m := learn(t, l, s, data)
			sum, ok := calibrate.Of(m)
			if !ok || len(sum.Scores) != c.held || math.Abs(sum.Level-c.want) > 1e-12 {
				t.Fatalf("%+v: %d scores, level %v", c, len(sum.Scores), sum.Level)
			}
			fresh := &safex.Data{}
			for range 200 {
				fresh.Begin()
				n := 1
				if c.episode {
					n = 3
				}
				blows(fresh, n, 1, r)
			}
			mean += covered(t, m, fresh) / repeats
		}
		t.Logf("%+v: covered %.4f", c, mean)
		if math.Abs(mean-c.want) > c.off {
			t.Errorf("%+v: covered %.4f on average", c, mean)
		}
	}
}

// An episode that goes on has no score yet.
func TestEpisodeUnderWay(t *testing.T) {
	s := plane(t)
	l := calibrate.Conformal{Miss: 0.5, HoldOut: 2, Episode: true}.With(still{1, 0.1})
	data := &safex.Data{}
	for _, want := range []int{0, 0, 1, 1, 2} {
		data.Begin()
		m := func() safex.Model {
			blows(data, 3, 1, rng.New(1).Rand())
			return learn(t, l, s, data)
		}()
		sum, _ := calibrate.Of(m)
		if len(sum.Scores) != want || (want == 0) != (safex.BetaOf(m) == 0) {
			t.Errorf("%d scores after the begin of episode %d, β %v", len(sum.Scores), len(data.Episodes()), safex.BetaOf(m))
		}
	}
}

// Deviations that are too small by a known factor are multiplied by it, in each dimension by its own.
func TestTemperature(t *testing.T) {
	s := plane(t)
	data, r := &safex.Data{}, rng.New(1).Rand()
	for range 20000 {
		data.Append([]float64{0, 0}, []float64{0}, []float64{3 * r.NormFloat64(), 0.5 * r.NormFloat64()})
	}
	c := calibrate.DefaultTemperature()
	for _, noise := range []float64{1e-4, 1} {
		sum, _ := calibrate.Of(learn(t, c.With(still{1, noise}), s, data))
		if math.Abs(sum.Scale[0]-3) > 0.15 || math.Abs(sum.Scale[1]-0.5) > 0.06 || sum.Floor[0] != 0 {
			t.Errorf("temperatures %v beside a noise of %v, want 3 and 0.5", sum.Scale, noise)
		}
	}
	c.Aleatoric = true // √(α² + 1) is 3 for the first; the second is too wide already
	sum, _ := calibrate.Of(learn(t, c.With(still{1, 1}), s, data))
	if math.Abs(sum.Scale[0]-math.Sqrt(8)) > 0.15 || sum.Scale[1] != 10.0/99 {
		t.Errorf("temperatures %v with the noise counted in, want √8 and the least", sum.Scale)
	}
}

// spy takes in steps, and keeps what it is given: the targets of each call, and the model that each fit goes on from.
type spy struct {
	still
	seen  *[][]float64
	prevs *[]safex.Model
}

func (s spy) Learn(ctx context.Context, sys *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	*s.seen, *s.prevs = append(*s.seen, slices.Clone(data.Next[0])), append(*s.prevs, prev)
	return s.still, nil
}

func (s spy) Update(_ context.Context, _ *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	*s.seen = append(*s.seen, slices.Clone(data.Next[0]))
	return m, nil
}

// What is held out never reaches the learner, neither in a fit nor in an update: of every five transitions one, or every
// fifth episode. What it has seen it sees again, and a fit goes on from the learner's own model.
func TestHoldsOut(t *testing.T) {
	s := plane(t)
	for name, c := range calibrators() {
		if name == "adaptive" {
			continue // it holds nothing out
		}
		seen, prevs := [][]float64{}, []safex.Model{}
		l := c.With(spy{still{1, 1}, &seen, &prevs})
		data := &safex.Data{}
		var m safex.Model
		for i := range 100 {
			if i%4 == 0 {
				data.Begin()
			}
			data.Append([]float64{0, 0}, []float64{0}, []float64{float64(i), 0})
			var err error
			switch {
			case i%25 == 24:
				m, err = l.Learn(context.Background(), s, data, m, rng.New(1))
			case m != nil:
				m, err = l.Update(context.Background(), s, data, m)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		last := seen[len(seen)-1]
		for k, rows := range seen {
			if !slices.Equal(rows, last[:len(rows)]) {
				t.Fatalf("%s: the rows of call %d are not the first of a later one: %v and %v", name, k, rows, last)
			}
		}
		if len(seen) != 4+72 || prevs[0] != nil || prevs[1] != (still{1, 1}) {
			t.Errorf("%s: %d calls, which go on from %v", name, len(seen), prevs)
		}
		block := 5
		if name == "conformal, episodes" {
			block = 20
		}
		same := true
		for from := 0; from < 100; from += block {
			in := 0
			for i := from; i < from+block; i++ {
				if slices.Contains(last, float64(i)) {
					in++
				}
			}
			if in != block*4/5 {
				t.Errorf("%s: %d of the transitions from %d to %d were learned from", name, in, from, from+block)
			}
			same = same && !slices.Contains(last, float64(from+4))
		}
		if same && block == 5 {
			t.Errorf("%s: it is always the fifth that is held out: a period of five would be mistaken for the whole", name)
		}
		if learned := m.(safex.Selective).Learned(data); !slices.Equal(learned.Next[0], last) {
			t.Errorf("%s: it says that it learned from %v", name, learned.Next[0])
		}
	}
}

// A fresh split is another in each fit, the same for the updates until the next, and kept on disk.
func TestFresh(t *testing.T) {
	s := plane(t)
	seen, prevs := [][]float64{}, []safex.Model{}
	c := calibrate.Temperature{Learner: spy{still{1, 1}, &seen, &prevs}, HoldOut: 5, Fresh: true}
	data := &safex.Data{}
	for i := range 100 {
		data.Append([]float64{0, 0}, []float64{0}, []float64{float64(i), 0})
	}
	var m safex.Model
	for fit := range 2 {
		var err error
		if m, err = c.Learn(context.Background(), s, data, m, rng.New(1).At(fit)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Update(context.Background(), s, data, m); err != nil {
			t.Fatal(err)
		}
		text, err := c.Save(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := c.Load(s, text)
		if err != nil {
			t.Fatal(err)
		}
		for what, rows := range map[string][]float64{
			"an update": seen[2*fit+1], "the model": m.(safex.Selective).Learned(data).Next[0], "the saved model": again.(safex.Selective).Learned(data).Next[0],
		} {
			if !slices.Equal(rows, seen[2*fit]) {
				t.Errorf("fit %d: %s goes by %v, and it learned from %v", fit, what, rows, seen[2*fit])
			}
		}
		for block := range 20 {
			in := 0
			for _, v := range seen[2*fit] {
				if int(v)/5 == block {
					in++
				}
			}
			if in != 4 {
				t.Errorf("fit %d: it learned from %d of the transitions from %d to %d", fit, in, 5*block, 5*block+4)
			}
		}
	}
	if slices.Equal(seen[0], seen[2]) {
		t.Errorf("two fits held out the same: %v", seen[0])
	}
}

// The level is that of the last fit, the scores are the last ones, and too few scores promise nothing.
func TestScores(t *testing.T) {
	s := plane(t)
	data := &safex.Data{}
	for i := range 100 {
		data.Append([]float64{0, 0}, []float64{0}, []float64{float64(i), 0})
	}
	c := calibrate.Conformal{Miss: 0.1, HoldOut: 2, Recent: 12}
	m := learn(t, c.With(still{1, 1}), s, data)
	sum, _ := calibrate.Of(m)
	w := math.Hypot(1, sum.Floor[0])
	if len(sum.Scores) != 12 || sum.Scores[0]*w < 74 || sum.Level != 12.0/13 {
		t.Errorf("%d scores from %v on, level %v", len(sum.Scores), sum.Scores[0]*w, sum.Level)
	}
	clear(sum.Scores)
	if again, _ := calibrate.Of(m); again.Scores[0] == 0 {
		t.Error("a summary is a door into the model")
	}
	c.Miss = 0.05
	few := learn(t, c.With(still{1, 1}), s, data)
	if sum, _ := calibrate.Of(few); sum.Beta != 0 || sum.Level != 0 || safex.BetaOf(few) != 0 {
		t.Errorf("12 scores promise β = %v for 95 %%", sum.Beta)
	}
	// The noise is counted once: what the floor has is taken from the aleatoric deviation.
	quiet := &safex.Data{}
	blows(quiet, 100, 1, rng.New(1).Rand())
	noisy := learn(t, calibrate.DefaultConformal().With(still{1, 9}), s, quiet)
	var p safex.Prediction
	if err := noisy.Predict(&p, num.Batch{{0}, {0}}, num.Batch{{0}}); err != nil {
		t.Fatal(err)
	}
	sum, _ = calibrate.Of(noisy)
	if got := math.Hypot(p.Aleatoric[0][0], sum.Floor[0]); math.Abs(got-9) > 1e-9 {
		t.Errorf("noise and floor are %v together, want 9", got)
	}
}

// What was tracked outlives the next fit.
func TestAdaptiveKeepsFactor(t *testing.T) {
	s := plane(t)
	c := calibrate.DefaultAdaptive()
	l := c.With(still{1, 1})
	data := &safex.Data{}
	blows(data, 100, 1, rng.New(3).Rand())
	m := learn(t, l, s, data)
	for range 3 {
		data.Append([]float64{0, 0}, []float64{0}, []float64{1000, 0})
	}
	m, err := l.Learn(context.Background(), s, data, m, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	want := c.Start * math.Pow(c.Raise, 3)
	if sum, _ := calibrate.Of(m); math.Abs(sum.Track.Q-want) > 1e-12 || sum.Track.Misses != 3 || sum.Track.Steps != 3 {
		t.Errorf("%+v after three misses and a fit, want %v", sum.Track, want)
	}
}

// A model whose numbers are none is refused, not calibrated.
func TestNaN(t *testing.T) {
	s := plane(t)
	data := &safex.Data{}
	blows(data, 100, 1, rng.New(3).Rand())
	for name, c := range calibrators() {
		if name == "conformal, episodes" {
			continue // there is no score here
		}
		if _, err := c.With(still{math.NaN(), 1}).Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), "leaves the real numbers") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// However the world drifts, misses are within the bound that Adaptive states, from any step of the run on; and it does not matter in how
// many calls steps come. The bound is no easy one: half as many misses more would break it.
func TestAdaptive(t *testing.T) {
	s := plane(t)
	worlds := map[string]func(i int) float64{
		"becomes worse": func(i int) float64 { return 1 + float64(i)/200 },
		"storms":        func(i int) float64 { return 1 + 30*float64(i/100%2) },
		"calms":         func(i int) float64 { return 30 / (1 + float64(i)/20) },
	}
	for _, c := range []calibrate.Adaptive{calibrate.DefaultAdaptive(), {Start: 5, Least: 0.1, Raise: 2, Miss: 0.1, HoldOut: 5}} {
		for name, size := range worlds {
			l := c.With(still{1, 0})
			data, r := &safex.Data{}, rng.New(3).Rand()
			blows(data, 100, 1, r)
			m := learn(t, l, s, data)
			start, first := m, data.Len()
			const steps = 2000
			missed, worst, top := 0, 0.0, 0.0
			for i := range steps {
				blows(data, 1, size(i), r)
				one := &safex.Data{X: num.Batch{{0}, {0}}, U: num.Batch{{0}}, Next: num.Batch{{data.Next[0][first+i]}, {data.Next[1][first+i]}}}
				var p safex.Prediction
				if err := m.Predict(&p, one.X, one.U); err != nil {
					t.Fatal(err)
				}
				for d := range p.Mean {
					top = max(top, math.Abs(one.Next[d][0]-p.Mean[d][0])/p.Epistemic[d][0])
				}
				if covered(t, m, one) == 0 {
					missed++
				}
				bound := c.Miss*float64(i+1) + (1-c.Miss)*max(0, 1+math.Log(top/c.Start)/math.Log(c.Raise))
				if float64(missed) > bound+1e-9 {
					t.Fatalf("%s: %d misses of %d steps, and the bound is %v", name, missed, i+1, bound)
				}
				worst = max(worst, float64(missed)/bound)
				var err error
				if m, err = l.Update(context.Background(), s, data, m); err != nil {
					t.Fatal(err)
				}
			}
			sum, _ := calibrate.Of(m)
			if sum.Track.Steps != steps || sum.Track.Misses != missed {
				t.Errorf("%s: %+v, want %d misses of %d steps", name, sum.Track, missed, steps)
			}
			if name != "calms" && worst < 0.66 {
				t.Errorf("%s: misses never came to more than %v of the bound", name, worst)
			}
			once, err := l.Update(context.Background(), s, data, start)
			if err != nil {
				t.Fatal(err)
			}
			if other, _ := calibrate.Of(once); !reflect.DeepEqual(sum, other) {
				t.Errorf("%s: steps taken in at once gave another box", name)
			}
			t.Logf("%s: %d of %d missed, at most %.2f of the bound, q at last %.2f", name, missed, steps, worst, sum.Track.Q)
		}
	}
}

// Errors that are declared to be harmless leave the box as it is, and larger ones do not.
func TestDeclaredHarmless(t *testing.T) {
	s := plane(t)
	s.State = slices.Clone(s.State)
	s.State[1].Harmless = 500
	c := calibrate.DefaultAdaptive()
	l := c.With(still{1, 1})
	data := &safex.Data{}
	blows(data, 100, 1, rng.New(3).Rand())
	m := learn(t, l, s, data)
	for _, step := range []struct {
		next   []float64
		factor float64
		misses int
	}{
		{[]float64{0, 400}, 1, 0},
		{[]float64{400, 400}, c.Raise, 1},
		{[]float64{0, 501}, c.Raise * c.Raise, 2},
		{[]float64{0, 499}, c.Raise * c.Raise, 2},
		{[]float64{0, 0}, c.Raise * c.Raise * math.Pow(c.Raise, -c.Miss/(1-c.Miss)), 2},
	} {
		data.Append([]float64{0, 0}, []float64{0}, step.next)
		after, err := l.Update(context.Background(), s, data, m)
		if err != nil {
			t.Fatal(err)
		}
		m = after
		if sum, _ := calibrate.Of(m); math.Abs(sum.Track.Q-c.Start*step.factor) > 1e-12 || sum.Track.Misses != step.misses {
			t.Errorf("after a step to %v: %+v, want a factor of %v and %d misses", step.next, sum.Track, c.Start*step.factor, step.misses)
		}
	}
}

// Errors that noise which the task declares can make are none of the model's: only what is beyond moves q.
func TestDeclaredNoise(t *testing.T) {
	task := plane(t).Task
	task.Expected = []safex.Expectation{{Kind: safex.ProcessNoise, On: "y", Size: 300, Within: true}, {Kind: safex.ObservationNoise, On: "y", Size: 100, Within: true}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	c := calibrate.DefaultAdaptive()
	l := c.With(still{1, 1})
	data := &safex.Data{}
	blows(data, 100, 1, rng.New(3).Rand())
	m := learn(t, l, s, data)
	q, misses := c.Start, 0
	for _, step := range []struct {
		next []float64
		miss bool
	}{{[]float64{0, 490}, false}, {[]float64{0, -499}, false}, {[]float64{20, 0}, true}, {[]float64{0, 520}, true}} {
		data.Append([]float64{0, 0}, []float64{0}, step.next)
		if m, err = l.(safex.Updater).Update(context.Background(), s, data, m); err != nil {
			t.Fatal(err)
		}
		if step.miss {
			q, misses = c.Raise*q, misses+1
		} else {
			q = max(c.Least, q*math.Pow(c.Raise, -c.Miss/(1-c.Miss)))
		}
		if sum, _ := calibrate.Of(m); math.Abs(sum.Track.Q-q) > 1e-9 || sum.Track.Misses != misses {
			t.Errorf("after a step to %v: %+v, want a factor of %v and %d misses", step.next, sum.Track, q, misses)
		}
	}
}

// A good stretch makes the box no smaller than Least, nor than that of the held-out transitions or the learner's own.
func TestAdaptiveStaysAwake(t *testing.T) {
	s := plane(t)
	held := calibrate.DefaultAdaptive()
	held.HoldOut = 5
	for name, c := range map[string]calibrate.Adaptive{"alone": calibrate.DefaultAdaptive(), "held out": held} {
		l := c.With(still{1, 0})
		data, r := &safex.Data{}, rng.New(3).Rand()
		blows(data, 250, 5, r)
		m := learn(t, l, s, data)
		want := c.Least
		if sum, _ := calibrate.Of(m); c.HoldOut > 0 {
			want = sum.Scores[len(sum.Scores)-1] / 2
		}
		blows(data, 3000, 0.01, r)
		after, err := l.Update(context.Background(), s, data, m)
		if err != nil {
			t.Fatal(err)
		}
		if got := safex.BetaOf(after); got < want || c.HoldOut == 0 && got != want {
			t.Errorf("%s: β is %v after a good stretch, want %v", name, got, want)
		}
	}
}

// If steps go on falling outside, the box comes to hold them, and reaches no farther than it has to.
func TestAdaptiveGrows(t *testing.T) {
	s := plane(t)
	c := calibrate.DefaultAdaptive()
	l := c.With(still{1, 1})
	data := &safex.Data{}
	blows(data, 100, 1, rng.New(3).Rand())
	m := learn(t, l, s, data)
	for range 60 {
		data.Append([]float64{0, 0}, []float64{0}, []float64{1000, 0})
	}
	far, err := l.Update(context.Background(), s, data, m)
	if err != nil {
		t.Fatal(err)
	}
	var p safex.Prediction
	if err := far.Predict(&p, num.Batch{{0}, {0}}, num.Batch{{0}}); err != nil {
		t.Fatal(err)
	}
	if reach := safex.BetaOf(far) * p.Epistemic[0][0]; reach < 1000 || reach > 1000*c.Raise {
		t.Errorf("after 60 steps off by 1000 the box reaches %v", reach)
	}
}

// The noise that a learner has found counts to the box if it is doubted, and once only.
func TestDoubt(t *testing.T) {
	s := plane(t)
	data := &safex.Data{}
	blows(data, 100, 1, rng.New(3).Rand())
	c := calibrate.DefaultAdaptive()
	for doubt, want := range map[bool][2]float64{true: {5, 0}, false: {3, 4}} {
		c.Doubt = doubt
		m := learn(t, c.With(still{3, 4}), s, data)
		var p safex.Prediction
		if err := m.Predict(&p, num.Batch{{0}, {0}}, num.Batch{{0}}); err != nil {
			t.Fatal(err)
		}
		if got := [2]float64{p.Epistemic[0][0], p.Aleatoric[0][0]}; math.Abs(got[0]-want[0]) > 1e-9 || math.Abs(got[1]-want[1]) > 1e-9 {
			t.Errorf("doubt %v: deviations %v, want %v", doubt, got, want)
		}
	}
}

// Errors that are harmless raise no factor.
func TestHarmless(t *testing.T) {
	s := plane(t)
	c := calibrate.DefaultAdaptive()
	c.Harmless = 0.1
	data := &safex.Data{}
	blows(data, 100, 1e-9, rng.New(3).Rand())
	l := c.With(still{1e-9, 0})
	m := learn(t, l, s, data)
	for off, want := range map[float64]int{0.05: 0, 0.2: 1} {
		more := data.Pick(func(int) bool { return true })
		more.Append([]float64{0, 0}, []float64{0}, []float64{off * s.State[0].Scale, 0})
		after, err := l.Update(context.Background(), s, more, m)
		if err != nil {
			t.Fatal(err)
		}
		if sum, _ := calibrate.Of(after); sum.Track.Misses != want {
			t.Errorf("%d misses of an error of %v Scales, want %d", sum.Track.Misses, off, want)
		}
	}
}

// A floor keeps a learner that is certain, and wrong, in a box: linear regression cannot know the pendulum.
func TestFloor(t *testing.T) {
	s, data := modeltest.Pendulum(t, 400)
	m := learn(t, calibrate.DefaultConformal().With(linear.Default()), s, data)
	if b := safex.BetaOf(m); b < 1 || b > 10 {
		sum, _ := calibrate.Of(m)
		t.Errorf("β is %v over a floor of %v", b, sum.Floor)
	}
}

func TestErrors(t *testing.T) {
	s := plane(t)
	data := &safex.Data{}
	blows(data, 3, 1, rng.New(1).Rand())
	for want, c := range map[string]calibrate.Calibrator{
		"Miss is 0":                 calibrate.Conformal{HoldOut: 5},
		"Miss is 1 ":                calibrate.Conformal{HoldOut: 5, Miss: 1},
		"HoldOut is 1":              calibrate.Temperature{HoldOut: 1},
		"Raise is NaN":              calibrate.Adaptive{Start: 1, Least: 1, Raise: math.NaN(), Miss: 0.1},
		"Start is 0.5 and Least 1":  calibrate.Adaptive{Start: 0.5, Least: 1, Raise: 2, Miss: 0.1},
		"Miss is 1,":                calibrate.Adaptive{Start: 1, Least: 1, Raise: 2, Miss: 1},
		"HoldOut is 1,":             calibrate.Adaptive{Start: 1, Least: 1, Raise: 2, Miss: 0.1, HoldOut: 1},
		"3 transitions are too few": calibrate.DefaultConformal(),
	} {
		if _, err := c.With(still{1, 1}).Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := (calibrate.Conformal{Miss: 0.1, HoldOut: 5}).Learn(context.Background(), s, data, nil, rng.New(1)); err == nil || !strings.Contains(err.Error(), "Learner is required") {
		t.Errorf("without a learner: %v", err)
	}
}
