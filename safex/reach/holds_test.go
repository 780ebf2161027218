package reach

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A plan holds as long as no limit is exceeded beyond what is left of its budget, in total.
func TestPrefix(t *testing.T) {
	tube := &Tube{Excess: [][]float64{{-1, 0}, {0.25, -2}, {-3, -2}, {0.25, -2}, {0, 1}}}
	for _, c := range []struct {
		left []float64
		want int
	}{
		{nil, 1}, {[]float64{0, 0}, 1}, {[]float64{0.2, 9}, 1}, {[]float64{0.3, 0}, 3}, {[]float64{0.51, 0}, 4}, {[]float64{0.51, 1}, 4}, {[]float64{0.51, 1.01}, 5},
	} {
		if got := tube.Prefix(c.left); got != c.want || tube.Holds(c.left) != (c.want == 5) {
			t.Errorf("with %v left the first %d steps hold, want %d", c.left, got, c.want)
		}
	}
	if w := tube.Worst(0); w != 0.25 {
		t.Errorf("the worst excess is %v", w)
	}
	if v := tube.Spent(0); !(v >= 0.5 && v < 0.5+1e-9) {
		t.Errorf("0.5 is spent, and at most %v", v)
	}
	if got := (&Tube{Excess: [][]float64{{math.Inf(1)}}}).Prefix([]float64{1e9}); got != 0 {
		t.Errorf("a step of which nothing is known holds")
	}
}

// Limits on rates know the action before the first, and both ends of what feedback and play leave open.
func TestRates(t *testing.T) {
	task := tasks.DefaultPendulum().Task()
	task.Limits = []safex.Limit{{Name: "rate", Max: 0, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(s, formed{&safex.Form{Prior: s.Dynamics}})
	if err != nil {
		t.Fatal(err)
	}
	q := Plan{State: []float64{1, 0, 0}, Actions: [][]float64{{0.5}, {0.5}, {-0.2}}, Last: []float64{0.1}}
	for _, c := range []struct {
		play []float64
		want []float64
	}{{nil, []float64{0.4, 0, 0.7}}, {[]float64{0.01}, []float64{0.41, 0.02, 0.72}}} {
		if c.play != nil {
			q.Play = [][]float64{c.play, c.play, c.play}
		}
		tube, err := p.Tube(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range tube.Excess {
			if !(e[0] >= c.want[i] && e[0] <= c.want[i]+1e-9) {
				t.Errorf("with play %v the rate in step %d is at most %v, want %v", c.play, i, e[0], c.want[i])
			}
		}
	}
}

// A rate knows that an action and the one before feed back much the same state: here each is in a range of 0.2, and they differ by 0.02 at most.
func TestRatesOfFeedback(t *testing.T) {
	s := plain(t, 1, 1)
	task := s.Task
	task.Limits = []safex.Limit{{Name: "rate", Max: 0, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }}}
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(s, formed{&safex.Form{}})
	if err != nil {
		t.Fatal(err)
	}
	k, about := [][]float64{{1}, {1}, {1}}, [][]float64{{0}, {0}, {0}}
	tube, err := p.Tube(t.Context(), Plan{State: []float64{0}, Spread: []float64{0.1}, Noise: []float64{0.02}, Actions: [][]float64{{0}, {0}, {0}}, Gains: k, About: about})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.1, 0.02, 0.02} {
		if e := tube.Excess[i][0]; !(e >= want && e < want+1e-6) {
			t.Errorf("the rate in step %d is at most %v, want %v", i, e, want)
		}
	}
}

// A tube of a model that doubts nothing is a line, and equal to the states of the system. Feedback around it changes nothing.
func TestTubeOfTruth(t *testing.T) {
	for _, maker := range []safex.Maker{tasks.DefaultPendulum(), tasks.DefaultCartPole(), tasks.DefaultQuadrotor()} {
		s, err := maker.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		p, err := New(s, formed{&safex.Form{Prior: s.Dynamics}})
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range plans(rand.New(rand.NewPCG(1, 2)), s, 20, 2) {
			if name == "loose" {
				continue
			}
			tube, err := p.Tube(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			x := q.State
			for at, u := range q.Actions {
				x, _, _ = s.Step(x, u)
				for d, v := range x {
					if lo, hi := tube.Sets[at].Range(d); !(lo-1e-9 <= v && v <= hi+1e-9 && hi-lo < 1e-6) {
						t.Fatalf("%s, %s: dimension %d is %v after step %d, and from %v to %v", s.Name, name, d, v, at, lo, hi)
					}
				}
			}
		}
	}
}

// Errors after Robust are none: the tube of a model without doubt from there on is that of its mean.
func TestRobust(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := plain(t, 3, 1)
	p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 3, []int{8, 8}, "swish", 0.1)}})
	if err != nil {
		t.Fatal(err)
	}
	q := plans(r, s, 10, 2)["open"]
	var width []float64
	for _, n := range []int{1, 3, 10, 0} {
		q.Robust = n
		tube, err := p.Tube(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := tube.Sets[9].Range(0)
		width = append(width, hi-lo)
	}
	if !(width[0] < width[1] && width[1] < width[2] && width[2] == width[3]) {
		t.Errorf("widths with 1, 3, 10 and all steps in doubt are %v", width)
	}
}

// Same plan, same bits, whoever else asks.
func TestTubeRepeats(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1), Prior: s.Dynamics}})
	if err != nil {
		t.Fatal(err)
	}
	q := plans(r, s, 12, 1)["loose"]
	results := make(chan []float64)
	for range 4 {
		go func() {
			tube, err := p.Tube(context.Background(), q)
			if err != nil {
				results <- nil
				return
			}
			results <- slices.Concat(tube.Sets[11].Gen[2], tube.Excess[11], tube.Doubt[11])
		}()
	}
	first := <-results
	for range 3 {
		if other := <-results; first == nil || !slices.Equal(first, other) {
			t.Errorf("tubes of one plan are %v and %v", first, other)
		}
	}
}

// A tube goes on from any of its sets, and is then as wide as it was: what is proved in parts is proved.
func TestStart(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 2))
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 3, []int{16, 16}, "swish", 0.1)}})
	if err != nil {
		t.Fatal(err)
	}
	q := plans(r, s, 6, 1)["open"]
	whole, err := p.Tube(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := p.Tube(t.Context(), Plan{Start: &whole.Sets[3], Actions: q.Actions[4:], Beta: q.Beta, Last: q.Actions[3]})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(rest.Sets[1].Center, whole.Sets[5].Center) || rest.Excess[1][0] != whole.Excess[5][0] {
		t.Errorf("the set is %v after all steps, and %v after those from step 4", whole.Sets[5], rest.Sets[1])
	}
}

func TestCancelledTube(t *testing.T) {
	s := plain(t, 1, 1)
	p, err := New(s, formed{&safex.Form{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tube, err := p.Tube(ctx, Plan{State: []float64{0}, Actions: [][]float64{{0}}})
	if !errors.Is(err, context.Canceled) || len(tube.Sets) > 0 {
		t.Errorf("a cancelled tube has %d sets and the error %v", len(tube.Sets), err)
	}
}

// A model that does not say what it computes cannot be proved, and a plan that does not fit is a mistake.
func TestMisuse(t *testing.T) {
	s := plain(t, 2, 1)
	if _, err := New(s, formed{nil}); err == nil {
		t.Error("a model without a form is taken")
	}
	if _, err := New(s, formed{&safex.Form{Layers: layersOf(rand.New(rand.NewPCG(1, 2)), 2, 1, 2, []int{3}, "gelu", 1)}}); err == nil {
		t.Error("an activation that is not known is taken")
	}
	p, err := New(s, formed{&safex.Form{}})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	of := func(change func(p *safex.Process)) func() {
		shared := processOf(r, 2, 3, 4, 1)
		change(shared)
		return func() { New(s, formed{&safex.Form{Process: shared}}) }
	}
	half, rest := noisy(r, 2, 1, 2, []int{3}, "swish", 1), noisy(r, 2, 1, 2, []int{3}, "swish", 1)
	half.Noise = false
	rest.Dense[1].Out, rest.Dense[1].Weights, rest.Dense[1].Bias = 2, rest.Dense[1].Weights[:12], rest.Dense[1].Bias[:4]
	x, u := []float64{0, 0}, [][]float64{{0}, {0}}
	for name, f := range map[string]func(){
		"a process of few centers":           of(func(p *safex.Process) { p.Center = p.Center[1:] }),
		"a process of few lengths":           of(func(p *safex.Process) { p.Length = p.Length[1:] }),
		"a process of few trends":            of(func(p *safex.Process) { p.Trend = p.Trend[1:] }),
		"a process of few weights":           of(func(p *safex.Process) { p.Weights = p.Weights[1:] }),
		"a process of a short root":          of(func(p *safex.Process) { p.Root = p.Root[1:] }),
		"a process of few deviations":        of(func(p *safex.Process) { p.Deviation = p.Deviation[1:] }),
		"rows of noise that nobody spoke of": func() { New(s, formed{&safex.Form{Layers: half}}) },
		"spots of few centers":               func() { New(s, formed{&safex.Form{Noise: []float64{1, 1}, Doubted: true, Spots: spotsOf(r, 2, 2, 3)}}) },
		"noise without rows":                 func() { New(s, formed{&safex.Form{Layers: rest, Doubted: true}}) },
		"noise of one dimension":             func() { New(s, formed{&safex.Form{Noise: []float64{1}, Doubted: true}}) },
		"a short state":                      func() { p.Tube(t.Context(), Plan{State: x[:1], Actions: u}) },
		"a negative width":                   func() { p.Tube(t.Context(), Plan{State: x, Actions: u, Noise: []float64{0, -1}}) },
		"a NaN of Beta":                      func() { p.Tube(t.Context(), Plan{State: x, Actions: u, Beta: math.NaN()}) },
		"gains of one step":                  func() { p.Tube(t.Context(), Plan{State: x, Actions: u, Gains: [][]float64{{0, 0}}}) },
		"a NaN of a gain": func() {
			p.Tube(t.Context(), Plan{State: x, Actions: u, Gains: [][]float64{nil, {0, math.NaN()}}})
		},
		"two starts": func() {
			p.Tube(t.Context(), Plan{State: x, Start: &Set{Center: x, Gen: make([][]float64, 2)}, Actions: u})
		},
		"an action too few": func() { p.Imager(0).Images(make([]Image, 1), []Patch{{Center: x}}, nil) },
		"a generator that is short": func() {
			p.Imager(1).Images(make([]Image, 1), []Patch{{Center: x}}, [][]float64{{0}})
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is taken", name)
				}
			}()
			f()
		}()
	}
}

// What engines come to is off the real numbers by at most Rounding in a step, of every kind of model.
func TestRoundingOfEngines(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	data := transitions(s, 80)
	kinds := learners(s)
	for _, activation := range []string{"swish", "relu", "tanh"} {
		kinds = append(kinds, kind{activation + " of 64", quick(activation, 64, 64)})
	}
	models := map[string]safex.Model{}
	for _, k := range kinds {
		m, err := k.learner.Learn(t.Context(), s, data, nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		models[k.name] = m
	}
	fitted, err := gp.DefaultSparse().Learn(t.Context(), s, transitions(s, 300), nil, rng.New(1))
	if err != nil {
		t.Fatal(err)
	}
	models["fitted sparse gp"] = fitted
	rows := noisy(rand.New(rand.NewPCG(5, 6)), 3, 1, 3, []int{64, 64}, "swish", 0.1)
	models["noise"] = formed{&safex.Form{Layers: rows, Doubted: true}}
	models["noise in scales"] = formed{&safex.Form{Layers: rows, Doubted: true, Scale: []float64{3, 1, 0.5}}}
	constant := *safex.FormOf(models["sparse gp"])
	constant.Doubted = true
	models["constant noise"] = formed{&constant}
	for name, m := range models {
		p, err := New(s, m)
		if err != nil {
			t.Fatal(err)
		}
		f := safex.FormOf(m)
		roll, err := fused.New().Rollout(s, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, beta := range []float64{0, 2, 30} {
			const h, n = 20, 64
			c := safex.Candidates{State: data.X.Point(0), Beta: beta, Actions: num.NewBatch(h, n), Eta: num.NewBatch(3*h, n)}
			r := rand.New(rand.NewPCG(1, 2))
			for _, b := range []num.Batch{c.Actions, c.Eta} {
				for _, row := range b {
					for i := range row {
						if row[i] = 2*r.Float64() - 1; len(b) > h {
							row[i] /= max(1, beta/2) // to stay where states are
						}
					}
				}
			}
			var o safex.Rolled
			if err := roll.Roll(t.Context(), &o, c, nil); err != nil {
				t.Fatal(err)
			}
			worst, room := 0.0, p.Rounding(beta)
			for lane := range n {
				x := c.State
				for at := range h {
					mean, dev := believe(f, x, []float64{c.Actions[at][lane]})
					next := make([]float64, 3)
					for d := range next {
						next[d] = o.States[at*3+d][lane]
					}
					if !(greatest(next) < 1e3) { // a polynomial that runs away
						break
					}
					for d, v := range next {
						worst = max(worst, math.Abs(v-mean[d]-beta*dev[d]*c.Eta[at*3+d][lane])/room[d])
					}
					x = next
				}
			}
			t.Logf("%s with β = %v: %.2g of Rounding", name, beta, worst)
			if !(worst < 1) {
				t.Errorf("a step of %s with β = %v is off by %v of Rounding", name, beta, worst)
			}
		}
	}
}

// What is no number, or not bounded, is not proved, wherever it comes from.
func TestNoNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	net := func() *safex.Layers { return layersOf(r, 3, 1, 2, []int{4, 4}, "swish", 0.1) }
	broken := net()
	broken.Dense[1].Weights[3] = float32(math.NaN())
	far := net()
	far.Dense[2].Bias[0] = float32(math.Inf(1))
	good, none := &safex.Form{Layers: net()}, math.NaN()
	rows := noisy(r, 3, 1, 2, []int{4, 4}, "swish", 0.1)
	rows.Dense[2].Bias[4] = float32(none)
	shared := func(change func(p *safex.Process)) *safex.Form {
		p := processOf(r, 3, 4, 5, 0.1)
		change(p)
		return &safex.Form{Process: p}
	}
	spotted := func(change func(s *safex.Spots)) *safex.Form {
		spots := spotsOf(r, 3, 4, 2)
		change(spots)
		return &safex.Form{Layers: net(), Noise: []float64{0, 1e-3, 0.1}, Doubted: true, Spots: spots}
	}
	root := num.Trace(4, func(v num.Vec) num.Vec { return num.Vec{v[0], v[1], v[2].Sub(100).Sqrt()} })
	for name, c := range map[string]struct {
		form *safex.Form
		with func(q *Plan)
	}{
		"a plan":             {good, func(q *Plan) {}},
		"an action":          {good, func(q *Plan) { q.Actions[1][0] = none }},
		"a state":            {good, func(q *Plan) { q.State[2] = none }},
		"an infinite state":  {good, func(q *Plan) { q.State[2] = math.Inf(1) }},
		"an infinite noise":  {good, func(q *Plan) { q.Noise = []float64{0, 0, math.Inf(1)} }},
		"an infinite play":   {good, func(q *Plan) { q.Play = [][]float64{nil, {math.Inf(1)}, nil} }},
		"an infinite spread": {good, func(q *Plan) { q.Spread = []float64{0, 0, math.Inf(1)} }},
		"an infinite Beta":   {good, func(q *Plan) { q.Beta = math.Inf(1) }},
		"a weight":           {&safex.Form{Layers: broken}, func(q *Plan) {}},
		"a bias":             {&safex.Form{Layers: far}, func(q *Plan) {}},
		"noise":              {&safex.Form{Layers: rows, Doubted: true}, func(q *Plan) {}},
		"constant noise":     {&safex.Form{Layers: net(), Noise: []float64{0, 0, none}, Doubted: true}, func(q *Plan) {}},
		"a spot":             {spotted(func(s *safex.Spots) { s.Points[2] = none }), func(q *Plan) {}},
		"times of a spot":    {spotted(func(s *safex.Spots) { s.Times[4] = none }), func(q *Plan) {}},
		"a spot's length":    {spotted(func(s *safex.Spots) { s.Length[1] = none }), func(q *Plan) {}},
		"a point":            {shared(func(p *safex.Process) { p.Points[3] = none }), func(q *Plan) {}},
		"a trend":            {shared(func(p *safex.Process) { p.Trend[2] = none }), func(q *Plan) {}},
		"a weight of it":     {shared(func(p *safex.Process) { p.Weights[2] = math.Inf(1) }), func(q *Plan) {}},
		"a root":             {shared(func(p *safex.Process) { p.Root[30] = none }), func(q *Plan) {}},
		"a deviation":        {shared(func(p *safex.Process) { p.Deviation[1] = none }), func(q *Plan) {}},
		"a process's state":  {shared(func(p *safex.Process) {}), func(q *Plan) { q.State[2] = none }},
		"its infinite play":  {shared(func(p *safex.Process) {}), func(q *Plan) { q.Play = [][]float64{nil, {math.Inf(1)}, nil} }},
		"a floor":            {&safex.Form{Layers: net(), Floor: []float64{0, 0, none}}, func(q *Plan) {}},
		"a prior":            {&safex.Form{Layers: net(), Prior: root}, func(q *Plan) {}},
	} {
		p, err := New(s, formed{c.form})
		if err != nil {
			t.Fatal(err)
		}
		q := Plan{State: []float64{1, 0, 0}, Actions: [][]float64{{0}, {0}, {0}}, Beta: 1e-3}
		c.with(&q)
		tube, err := p.Tube(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		known := tube.Sets[2].Known()
		for k, e := range tube.Excess {
			if e[0] != e[0] {
				t.Errorf("%s: the excess of step %d is a NaN", name, k)
			}
		}
		if ok := name == "a plan"; known != ok || math.IsInf(tube.Worst(0), 1) == ok {
			t.Errorf("%s: the last set is known %t, and the excess at most %v", name, known, tube.Worst(0))
		}
	}
}
